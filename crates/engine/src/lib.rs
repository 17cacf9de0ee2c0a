//! The engine of a MAPI proxy, without I/O: sessions, the module interface, and the stack of modules.
//!
//! An [`Engine`] passes the operations of MAPI clients through a [`Stack`] of [`Module`]s to an Exchange-compatible
//! server and back. An operation is one protocol call with its response, whatever its envelope: an RPC call
//! ([MS-OXNSPI], [MS-OXABREF], [MS-OXCRPC]) or a request of MAPI over HTTP ([MS-OXCMAPIHTTP]). The embedder, which is
//! the code that drives the engine, owns the sockets, the clock and the source of randomness. The engine owns the
//! sessions, and decides which bytes are sent to the client and to the server.
//!
//! # Call order
//!
//! 1. The embedder receives a whole request from an authenticated client, and passes it as [`Incoming`] to
//!    [`Engine::begin`] (an RPC call, with the [`RpcSessions`] of its connection) or to [`Engine::begin_by_cookie`]
//!    (MAPI over HTTP, with the listener's [`CookieTable`]). A Connect or Bind opens a session that later requests can
//!    refer to. A request that refers to no session runs in a session without a context handle or cookies: over RPC
//!    one for each interface and identity, until the connection closes; over HTTP one for each request. The result is
//!    a [`Refusal`] if the operation is unknown, if the request or its cookies are malformed, if the request refers to
//!    a session that has ended or that belongs to another identity, if the request is in the sequence of a session in
//!    which an earlier request was delayed and is still in progress (HTTP), or if a limit on the number of sessions is
//!    reached. The embedder sends the client [`fault_status`] or [`response_code`] of its kind, and passes it to
//!    [`Observer::operation_refused`].
//! 2. Otherwise the result is a [`Next`], which owns the operation and is the next step to execute. Repeat this step
//!    until the operation is done:
//!    - [`Next::Forward`]: send the stub that [`AwaitsUpstream::stub_to_send`] returns when the connection can accept
//!      it, anew for each attempt, to the upstream; then call [`AwaitsUpstream::resume`] with the [`Outcome`]. If
//!      `stub_to_send`, or one of the calls below, returns a refusal, send nothing more and forward nothing: pass the
//!      refusal to [`Next::abort`];
//!    - [`Next::Defer`]: wait for [`AwaitsWork::poll`], at most [`AwaitsWork::time_limit`], then call
//!      [`AwaitsWork::resume`];
//!    - [`Next::Done`]: send the [`Reply`] to the client.
//! 3. The embedder passes the [`Finished`] operation to its [`Observer`].
//!
//! When the proxy stops, [`AwaitsUpstream::end_notification_wait`] returns the outcome with which to resume a wait for
//! notifications (`EcDoAsyncWaitEx`, `NotificationWait`).
//!
//! Over RPC, call [`AwaitsUpstream::received_in`] before `resume`, with the number of the upstream's association group
//! in which the response was received, and [`Engine::end_lost`] once such a group has ended or the upstream has
//! rejected a bind into it. Otherwise the handles of a restarted upstream stay mapped, which it may have given to
//! another user. (If the upstream does not know a handle in its group, the engine ends that session itself.) If the
//! client does not wait for the response any more, [`take_opening_handle`](AwaitsUpstream::take_opening_handle) returns
//! the handle that the server may be opening, to which the response is passed. Sessions that the server still has are
//! in [`HandleTable::take_orphaned`] and [`CookieTable::take_orphaned`]: end them at the server.
//!
//! Over HTTP, step 2 has these calls on [`AwaitsUpstream`] too:
//!
//! - when the request is sent: [`cookies_to_send`](AwaitsUpstream::cookies_to_send) returns the `Cookie` header for the
//!   upstream;
//! - when the final head of the response arrives: [`bind_cookies`](AwaitsUpstream::bind_cookies) binds its cookies to
//!   the session, and [`keep_logoff_cookies`](AwaitsUpstream::keep_logoff_cookies) stores them to end the session at
//!   the server later;
//! - if the client does not wait for the head of a Connect or Bind any more:
//!   [`take_opening`](AwaitsUpstream::take_opening) returns the session that the server may be opening, to which the
//!   cookies are passed when the head arrives;
//! - then, if the head is forwarded to the client: [`take_pending_cookies`](AwaitsUpstream::take_pending_cookies)
//!   returns `Set-Cookie` values to add to it;
//! - or, if it is not: [`add_pending_cookies`](AwaitsUpstream::add_pending_cookies) keeps its cookies for the client's
//!   next request.
//!
//! A session ends
//!
//! - with a Disconnect or Unbind, or if it cannot be opened;
//! - if a hook panics, or if a limit on its memory is exceeded;
//! - if the server responds that it does not have the session, issues the handle of its mailbox session again, or sets
//!   its cookies for another identity, or for a new session of the same one;
//! - over HTTP, if a Connect or Bind replaces it, or if a limit on the number of sessions is reached while it is the
//!   session of the user that was idle longest ([`Eviction`]);
//! - when the embedder ends it: [`Engine::end`] when an RPC connection closes; [`Engine::end_group`] when an
//!   association group ends; [`Engine::end_lost`] when an association group of the upstream ends;
//!   [`Engine::end_revoked`] and [`Engine::end_revoked_of_group`] when an account of RPC clients was revoked;
//!   [`Engine::end_idle`], [`Engine::end_revoked_by_cookie`] and [`Engine::end_all`] for the sessions of an HTTP
//!   listener.
//!
//! If an operation is dropped before it is done, the engine aborts it as if the client had disconnected: a session that
//! the operation was opening ends.
//!
//! ```text
//!             begin                            ┌─────────── resume ─────────────┐
//!  client ──Incoming──▶ session ─▶ modules ────┼──▶ Next::Forward ──▶ upstream ─┤
//!                       lookup     first       │                                │
//!                                  to last     └──▶ Next::Defer ──▶ pool ───────┤
//!                                                                               │
//!  client ◀───Reply──── Next::Done ◀─────────── modules, last to first ◀────────┘
//! ```
//!
//! # Example
//!
//! A proxy without modules forwards the request unchanged:
//!
//! ```
//! use engine::{Engine, Envelope, Incoming, Interface, Next, OperationKey, Outcome, Reply, RpcSessions, Stack};
//! use identity::{Authority, OsRandom, ContextCounters, SecurityContext};
//! use wire::{Endian, FileTime, Now};
//!
//! let engine = Engine::new(Stack::default());
//! let mut sessions = RpcSessions::default();
//! let caller = SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("example"));
//! let incoming = Incoming {
//!     envelope: Envelope::RPC_TCP,
//!     key: OperationKey::Call(Interface::Rfr, 0),
//!     stub: vec![0; 8].into(),
//!     endian: Endian::Little,
//!     context: caller,
//!     peer: ([127, 0, 0, 1], 49152).into(),
//!     at: Now::at(FileTime(0)),
//! };
//! let Ok(Next::Forward(call)) = engine.begin(&mut sessions, incoming) else { panic!("refused") };
//! assert_eq!((call.opnum(), &call.stub_to_send().unwrap()[..]), (0, &[0; 8][..]));
//! let outcome = Outcome::Response { stub: vec![1; 4].into(), endian: Endian::Little };
//! let Next::Done(finished) = call.resume(outcome, &mut OsRandom) else { panic!("not done") };
//! assert_eq!(finished.reply(), &Reply::Response(vec![1; 4].into()));
//! let is_last_of_group = true;
//! engine.end(&mut sessions, is_last_of_group);
//! ```
//!
//! # Modules
//!
//! Hooks receive the same operations whatever the envelope. [`Operation::kind`] identifies what an operation does
//! ([`OperationKind`]); requests and responses have views, such as [`Request::visit_texts_mut`] and
//! [`Response::rows`], that are the same for each envelope; a request that a module sends ahead of the client's is
//! an [`AheadRequest`], which the engine encodes. Single ROPs are a [`RopView`](rops::RopView) and a
//! [`RopResponseView`](rops::RopResponseView), with the object on which they act.
//!
//! # Terms
//!
//! The terms of the whole project are in the glossary of ARCHITECTURE.md.
//!
//! | term | meaning |
//! |---|---|
//! | context handle | identifies a session in an RPC call; the proxy issues its own to the client, and maps it to the upstream's |
//! | session binding | how an operation identifies its session: by a context handle or by cookies |
//! | stub | the bytes of a request or response, without its envelope: the marshalled parameters of an RPC call, or the payload of an HTTP body |
//! | flight | an operation in progress, with its session and session binding ([`Flight`]) |
//! | refusal | the proxy's decision not to execute an operation, or not to deliver its response, with the reason; the client receives it as a fault or an `X-ResponseCode` ([`Refusal`]) |
//!
//! # Architectural invariants
//!
//! The engine does no I/O, and receives time and randomness as arguments. No operation uses a session of another
//! identity. Hooks are synchronous. Those for operations and ROPs, and `unbind`, run with the session locked; `init`,
//! `autodiscover` and `shutdown` have no session.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod advance;
mod ahead;
mod body;
mod context_handle;
mod deferred;
mod engine;
mod flight;
mod kind;
mod message;
mod module;
mod module_state;
mod next;
pub mod objects;
mod observer;
mod operation;
mod refusal;
pub mod rops;
mod session;
mod sessions;
mod stack;
mod step;
mod user_memory;
mod views;
mod work;

pub use ::options;
pub use ::options::declare as module_options;

pub use crate::ahead::{AheadRequest, AheadResponse};
pub use crate::body::{OperationKey, Request, Response};
pub use crate::context_handle::{HandleUse, handle_use};
pub use crate::deferred::{Deferral, Work};
pub use crate::engine::Engine;
pub use crate::flight::Flight;
pub use crate::kind::OperationKind;
pub use crate::message::{Body, Message};
pub use crate::module::{Decision, Delivery, Interests, Module, ProxyInfo};
pub use crate::module_state::ModuleState;
pub use crate::next::{AwaitsUpstream, AwaitsWork, Finished, Next, Outcome, Reply};
pub use crate::observer::{Discovery, HttpMessageKind, HttpMessages, Observer, RefusedOperation};
pub use crate::operation::{Envelope, Incoming, Note, Operation};
pub use crate::refusal::{InvalidResponse, Refusal, RefusalKind, UpstreamRefusal};
pub use crate::session::{Session, SharedSession};
pub use crate::sessions::cookie_binding::{Eviction, response_code};
pub use crate::sessions::cookies::CookieTable;
pub use crate::sessions::handle_binding::{CALL_FAILED, TIMED_OUT, fault_status};
pub use crate::sessions::handles::{HandleBudget, HandleTable, OrphanedHandle};
pub use crate::sessions::limits::SessionLimits;
pub use crate::sessions::opening::OpeningSession;
pub use crate::sessions::opening_handle::OpeningHandle;
pub use crate::sessions::orphaned::OrphanedSession;
pub use crate::sessions::reissued::{Reissued, SessionReports};
pub use crate::sessions::rpc_sessions::RpcSessions;
pub use crate::stack::Stack;
pub use crate::user_memory::{MemoryLimit, MemoryUse, UserMemory};
pub use crate::views::{AuxMut, ValueMut};

/// The security context under which operations run.
pub use identity::SecurityContext;
/// The RPC interfaces, and the return values of their operations.
pub use mapi::{ErrorCode, Interface};
/// The status of an RPC fault.
pub use rpc::pdu::FaultStatus;

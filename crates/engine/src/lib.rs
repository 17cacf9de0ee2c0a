//! Operations in, operations out: sessions, the module interface, the stack, relay decisions.
//!
//! Architectural invariants: no I/O, no clock, no randomness of its own; nothing here knows a transport. No
//! operation crosses a session that belongs to another security context.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod advance;
mod body;
mod context_handle;
mod deferred;
mod engine;
mod flight;
mod message;
mod module;
mod next;
pub mod objects;
mod observer;
mod operation;
pub mod options;
mod refusal;
pub mod rops;
mod session;
mod sessions;
mod stack;

pub use crate::body::{OperationKey, Request, Response};
pub use crate::context_handle::{HandleUse, handle_use};
pub use crate::deferred::{Deferral, Work};
pub use crate::engine::Engine;
pub use crate::flight::Flight;
pub use crate::message::{Body, Message};
pub use crate::module::{Decision, Delivery, Interests, Module, ProxyFacts};
pub use crate::next::{AwaitsUpstream, AwaitsWork, Finished, Next, Outcome, Reply};
pub use crate::observer::{Discovery, HttpExchange, HttpLeg, Observer, Rejected};
pub use crate::operation::{AheadAnswer, Envelope, Incoming, Note, Operation};
pub use crate::refusal::{Refusal, RefusalKind, UpstreamRefusal};
pub use crate::session::{Session, SharedSession};
pub use crate::sessions::abandoned::Abandoned;
pub use crate::sessions::conversation::Conversation;
pub use crate::sessions::cookie_binding::{GaveWay, response_code};
pub use crate::sessions::cookies::{CookieTable, SessionLimits};
pub use crate::sessions::handle_binding::{CALL_FAILED, TIMED_OUT, fault_status};
pub use crate::sessions::handles::{HandleBudget, HandleTable};
pub use crate::sessions::mapihttp::explanation;
pub use crate::stack::Stack;

/// The security context under which operations run.
pub use identity::SecurityContext;
/// The interfaces whose operations pass, and what operations return.
pub use mapi::{ErrorCode, Interface};
/// Why a call failed.
pub use rpc::pdu::FaultStatus;

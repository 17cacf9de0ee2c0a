//! The network side of the proxy: listeners, client connections, upstream connections, authentication, limits and
//! shutdown.
//!
//! # Overview
//!
//! ```text
//!            listener ── admits ──▶ client connection (a task on a worker thread)
//!                                      │ request              ▲ response
//!                                      ▼                      │
//!            RPC:  rpc::relay      ── engine ── rpc::upstream_association ──▶ server
//!            HTTP: http::operation ── engine ── http::upstream ─────────────▶ server
//!                                                  │
//!                                                 gate: admits attempts to connect and to authenticate
//! ```
//!
//! A listener ([`run_rpc`], or [`http::run_http`]) accepts connections as far as [`Admission`] permits, and serves
//! each on one of the [`Workers`]. An HTTP connection passes each request to the service that has its target (see
//! [`http`]). An RPC connection passes its calls to a [`RequestHandler`] of its own:
//!
//! - a [`RelayConnection`], made by [`RpcRelay`], relays them through the engine;
//! - an [`EndpointMapperConnection`], made by [`EndpointMapperService`], responds to those of the endpoint mapper;
//! - a [`ServiceHandler`] passes them to a [`Service`] in this process, such as the lab's.
//!
//! Both sides authenticate. Downstream, clients authenticate with [`ClientAuth`] (RPC) or [`http::HttpAuthConfig`];
//! [`AuthLimiter`] rejects attempts after repeated failures, with back-off. Upstream, an
//! [`upstream_identity::UpstreamIdentity`] determines whose credentials are used: those of a service account
//! ([`ServiceCredentials`]), or the clients' own.
//!
//! # Terms
//!
//! The terms of the whole project are in the glossary of ARCHITECTURE.md.
//!
//! | term | meaning |
//! |---|---|
//! | listener | accepts the connections of clients at one address |
//! | connection | a client connection, served by one task. Its upstream connections are used for it only. Probes of the service account, and requests over HTTP that end a session, have other upstream connections; calls that end an RPC session are sent on an upstream connection of the client connection that had it, and probes of a client's credentials on that of the client, or on a new one |
//! | connection permit | the permission to hold one connection, returned when the connection closes |
//! | request handler | responds to the calls of one RPC connection, at once or later |
//! | in flight | begun in the engine, without a complete response yet |
//!
//! # Limits
//!
//! | limit | type |
//! |---|---|
//! | connections: in total, by address, by user, and before authentication; time limits of clients | [`Limits`], [`Admission`] |
//! | memory for requests, responses and the state of sessions, in total and for each user | [`BodyBudget`] |
//! | failed authentication attempts | [`AuthLimits`] |
//! | attempts to connect and authenticate at a failing upstream | [`Gate`], [`AccountGate`] |
//! | work and PDUs of unauthenticated clients | `tcp::work_by_address`, `http::downstream::work_quota`, `rpc::pdu_quota` |
//! | log lines that clients or servers can cause | [`EventLog`] |
//!
//! # Errors
//!
//! An [`UpstreamError`] states which side caused it and whether the request may be retried ([`UpstreamError::retry`]).
//! Errors keep their causes; [`ErrorChain`] displays them.
//!
//! # Architectural invariants
//!
//! - This crate makes no decisions about operations and does not decode their payloads. It reads request types,
//!   headers, cookies, requests of Autodiscover, and the framing of MAPI over HTTP responses.
//! - Functions that act for a caller take its security context as an argument.
//! - An upstream connection belongs to one client connection and one identity, and is never used for another. Those for
//!   probes of the service account, and for ending sessions over HTTP, belong to no client connection and are used for
//!   no client's request.
//! - A request is never sent again once a byte of it may have reached the upstream: [`UpstreamError::retry`].

mod auth_limit;
mod body_budget;
pub mod clock;
mod error_chain;
mod event_log;
mod gate;
pub mod http;
mod late;
mod log_rate_limit;
mod noop_observer;
mod rpc;
mod service_credentials;
mod task;
mod tcp;
mod timer;
mod token_bucket;
mod upstream_error;
pub mod upstream_identity;
mod upstream_permit;

pub use crate::auth_limit::{AuthLimiter, AuthLimits};
pub use crate::body_budget::{BodyBudget, MemoryLimit};
pub use crate::error_chain::ErrorChain;
pub use crate::event_log::EventLog;
pub use crate::gate::{AccountGate, Gate, LockoutLimits};
pub use crate::noop_observer::NoopObserver;
pub use crate::rpc::*;
pub use crate::service_credentials::ServiceCredentials;
pub use crate::task::{drain, spawn_system, spawn_workers};
pub use crate::tcp::accept::{ListenError, listen};
pub use crate::tcp::admission::{Admission, Limits};
pub use crate::tcp::connect::{ConnectError, ResolveError};
pub use crate::tcp::network::{InvalidNetwork, Network};
pub use crate::tcp::workers::Workers;
pub use crate::upstream_error::{
    Cause, RequestProgress, Retry, Side, Timeout, UpstreamAuthError, UpstreamError,
};

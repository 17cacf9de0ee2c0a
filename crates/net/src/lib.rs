//! Sockets: listeners, client connections, upstream connections, limits and shutdown.
//!
//! # Overview
//!
//! ```text
//!            listener ── admits ──▶ connection (a task on a worker thread)
//!                                      │ request              ▲ response
//!                                      ▼                      │
//!            RPC:  rpc::relay     ── engine ── rpc::upstream_association ▶ server
//!            HTTP: http::operation ── engine ── http::upstream ──▶ server
//!                                                  │
//!                                                 gate: may it connect, may it authenticate?
//! ```
//!
//! A listener ([`run_rpc`] for RPC, [`http::run_http`] for HTTP) accepts connections as far as [`Admission`] permits, and serves
//! each on one of the [`Workers`]. An RPC connection hands its calls to a [`RequestHandler`]: [`RpcRelay`] brings them through
//! the engine to the upstream, [`EndpointMapperService`] and [`ServiceHandler`] respond to them themselves.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | listener | accepts the connections of clients at one address |
//! | connection | one client connection, a task; its upstream connections are its own |
//! | permit | a connection's share of the limits on connections |
//! | upstream | the server behind the proxy; also the configuration of connections to it |
//! | request handler | answers the calls of one RPC connection, at once or later |
//! | in flight | begun in the engine, and not answered yet |
//! | gate | the shared state of the upstream's availability, which spaces attempts while the upstream fails |
//!
//! # Architectural invariants
//!
//! - No policy for operations, and no decoding of their payload: only request types, headers and cookies are read, requests
//!   of Autodiscover, and how far a response of MAPI over HTTP is.
//! - Each call carries the security context of its caller.
//! - An upstream connection belongs to one client connection and one identity, and is never used for another.
//! - A request is never sent again once a byte of it may have reached the upstream: [`UpstreamError::retry`].

mod account;
mod auth_limit;
mod body_budget;
pub mod clock;
mod error_chain;
mod event_log;
mod gate;
pub mod http;
mod log_rate_limit;
mod noop_observer;
mod rpc;
mod task;
mod tcp;
mod timer;
mod upstream_error;
pub mod upstream_identity;

pub use crate::account::Account;
pub use crate::auth_limit::{AuthLimit, AuthLimits};
pub use crate::body_budget::BodyBudget;
pub use crate::error_chain::ErrorChain;
pub use crate::event_log::EventLog;
pub use crate::gate::{AccountGate, Gate};
pub use crate::noop_observer::NoopObserver;
pub use crate::rpc::association_group::{Group, Groups};
pub use crate::rpc::auth::ClientAuth;
pub use crate::rpc::call::AssociationConfig;
pub use crate::rpc::client::{CallFailure, RpcClient};
pub use crate::rpc::config::{LEGACY_SERVER_RESPONSE, RpcListenerConfig};
pub use crate::rpc::dial::Upstream;
pub use crate::rpc::endpoint_mapper::{Endpoint, EndpointMapperService, mapper_interfaces};
pub use crate::rpc::handler::{Call, RequestHandler, RpcReply};
pub use crate::rpc::listener::run_rpc;
pub use crate::rpc::local_service::{Service, ServiceHandler};
pub use crate::rpc::loop_marker::{BindId, LoopMarker};
pub use crate::rpc::mapper_query::{MapperError, query_endpoint_mapper};
pub use crate::rpc::reach::NotServed;
pub use crate::rpc::relay::{RelayConnection, RpcRelay};
pub use crate::rpc::resolver::{EndpointError, Endpoints, Location, syntax};
pub use crate::task::{drain, spawn_system, spawn_workers};
pub use crate::tcp::accept::{ListenError, listen};
pub use crate::tcp::admission::{Admission, Limits};
pub use crate::tcp::connect::{ConnectError, ResolveError};
pub use crate::tcp::network::{InvalidNetwork, Network};
pub use crate::tcp::workers::Workers;
pub use crate::upstream_error::{Cause, Received, Retry, Side, Timeout, UpstreamAuthError, UpstreamError};

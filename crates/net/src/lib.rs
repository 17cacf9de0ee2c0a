//! The only sockets on the data path: listeners, connections, upstreams.
//!
//! Architectural invariants: nothing here decides what an operation may do; nothing here decodes one. Every
//! call carries the security context of its caller. A connection to an upstream belongs to one client
//! connection and one identity, and is never lent.

mod account;
mod auth_limit;
mod backend;
mod body_budget;
pub mod clock;
mod connect;
mod cores;
mod endpoints;
mod event_log;
mod front;
mod gate;
mod groups;
pub mod http;
mod limits;
mod link;
mod live;
mod loop_marker;
mod mapper;
mod mapper_client;
mod network;
mod pace;
mod proxy;
mod proxy_protocol;
mod reach;
mod rpc_client;
mod server;
mod service;
mod sign_in;
mod stream;
mod stubs;
mod task;
mod throttle;
mod unobserved;
mod upstream_error;

pub use crate::account::Account;
pub use crate::auth_limit::{AuthLimit, AuthLimits};
pub use crate::backend::{Backend, Call, Reply};
pub use crate::body_budget::BodyBudget;
pub use crate::cores::Cores;
pub use crate::endpoints::{Endpoints, Location, syntax};
pub use crate::event_log::EventLog;
pub use crate::front::{Front, LEGACY_SERVER_RESPONSE};
pub use crate::gate::Gate;
pub use crate::groups::{Group, Groups};
pub use crate::limits::{Admission, Limits};
pub use crate::link::{Connected, Done, Link, LinkConfig, Outgoing};
pub use crate::live::Live;
pub use crate::loop_marker::{BindId, LoopMarker};
pub use crate::mapper::{Endpoint, Mapper, mapper_interfaces};
pub use crate::mapper_client::ask;
pub use crate::network::{BadNetwork, Network};
pub use crate::proxy::{Proxy, ProxyConnection, Upstream};
pub use crate::reach::NotServed;
pub use crate::rpc_client::{CallFailure, RpcClient};
pub use crate::server::{ListenError, listen, run};
pub use crate::service::{Local, Service};
pub use crate::sign_in::SignIn;
pub use crate::task::{drain, spawn_system, spawn_workers};
pub use crate::unobserved::Unobserved;
pub use crate::upstream_error::UpstreamError;

//! The only sockets on the data path: listeners, connections, upstreams.
//!
//! Architectural invariants: nothing here decides what an operation may do; nothing here decodes one. Every
//! call carries the security context of its caller. A connection to an upstream belongs to one client
//! connection and one identity, and is never lent.

mod account;
mod auth_limit;
mod body_budget;
pub mod clock;
mod event_log;
mod gate;
pub mod http;
mod log_rate_limit;
mod reloadable;
mod rpc;
mod task;
mod tcp;
mod unobserved;
mod upstream_error;

pub use crate::account::Account;
pub use crate::auth_limit::{AuthLimit, AuthLimits};
pub use crate::body_budget::BodyBudget;
pub use crate::event_log::EventLog;
pub use crate::gate::Gate;
pub use crate::reloadable::Reloadable;
pub use crate::rpc::association_group::{Group, Groups};
pub use crate::rpc::auth::ClientAuth;
pub use crate::rpc::call::AssociationConfig;
pub use crate::rpc::client::{CallFailure, RpcClient};
pub use crate::rpc::config::{LEGACY_SERVER_RESPONSE, RpcListenerConfig};
pub use crate::rpc::dial::Upstream;
pub use crate::rpc::endpoint_mapper::{Endpoint, Mapper, mapper_interfaces};
pub use crate::rpc::handler::{Call, Reply, RequestHandler};
pub use crate::rpc::listener::run;
pub use crate::rpc::local_service::{Local, Service};
pub use crate::rpc::loop_marker::{BindId, LoopMarker};
pub use crate::rpc::mapper_query::{MapperError, ask};
pub use crate::rpc::reach::NotServed;
pub use crate::rpc::relay::{RelayConnection, RpcRelay};
pub use crate::rpc::resolver::{EndpointError, Endpoints, Location, syntax};
pub use crate::task::{drain, spawn_system, spawn_workers};
pub use crate::tcp::accept::{ListenError, listen};
pub use crate::tcp::admission::{Admission, Limits};
pub use crate::tcp::connect::{ConnectError, ResolveError};
pub use crate::tcp::network::{BadNetwork, Network};
pub use crate::tcp::workers::Workers;
pub use crate::unobserved::Unobserved;
pub use crate::upstream_error::{AuthError, Received, Retry, Side, Timeout, UpstreamError};

//! RPC over TCP: client connections, connections to the upstream, and the relay of calls between them.
//!
//! | module | purpose |
//! |---|---|
//! | `listener`, `connection` | accept and serve client connections |
//! | `auth`, `contexts` | authenticate clients; find the security context of each call |
//! | `pdu_quota`, `deadlines`, `call_memory` | limits on a client connection |
//! | `handler` | the interface between a connection and what responds to its calls |
//! | `relay`, `pending_calls` | respond to calls through the engine |
//! | `late_handles` | ends context handles at the server whose sessions the proxy ended |
//! | `endpoint_mapper`, `local_service` | respond to calls in this process |
//! | `association_group` | the context handles that connections share |
//! | `upstream`, `resolver`, `mapper_query` | find the server, and connect to it |
//! | `upstream_associations`, `upstream_association`, `upstream_call`, `upstream_auth` | the connections to the server of one client connection |
//! | `loop_marker` | detects request loops |
//! | `client`, `reach` | calls of the proxy's own, to check a configuration or to replay a recording |

pub(crate) mod association_group;
pub(crate) mod auth;
pub(crate) mod call_memory;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod connection;
pub(crate) mod contexts;
pub(crate) mod deadlines;
pub(crate) mod endpoint_mapper;
pub(crate) mod handler;
pub(crate) mod kept_association;
pub(crate) mod late_handles;
pub(crate) mod listener;
pub(crate) mod local_service;
pub(crate) mod loop_marker;
pub(crate) mod mapper_query;
pub(crate) mod pdu_quota;
pub(crate) mod pending_calls;
pub(crate) mod reach;
pub(crate) mod relay;
pub(crate) mod resolver;
pub(crate) mod upstream;
pub(crate) mod upstream_association;
pub(crate) mod upstream_associations;
pub(crate) mod upstream_auth;
pub(crate) mod upstream_call;
pub(crate) mod upstream_groups;

pub use self::association_group::{Group, Groups};
pub use self::auth::ClientAuth;
pub use self::client::{CallFailure, RpcClient};
pub use self::config::{LEGACY_SERVER_RESPONSE, RpcListenerConfig};
pub use self::endpoint_mapper::{
    Endpoint, EndpointMapperConnection, EndpointMapperService, mapper_interfaces,
};
pub use self::handler::{Call, RequestHandler, RpcReply};
pub use self::listener::run_rpc;
pub use self::local_service::{Service, ServiceHandler, Waiting};
pub use self::loop_marker::{BindId, LoopMarker};
pub use self::mapper_query::{MapperError, query_endpoint_mapper};
pub use self::reach::NotServed;
pub use self::relay::{RelayConnection, RpcRelay};
pub use self::resolver::{EndpointError, Endpoints, Location, syntax};
pub use self::upstream::RpcUpstream;
pub use self::upstream_association::AssociationConfig;

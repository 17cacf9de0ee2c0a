//! RPC over TCP: client connections, connections to the upstream, and the relay of calls between them.

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

pub use self::association_group::{Group, Groups};
pub use self::auth::ClientAuth;
pub use self::client::{CallFailure, RpcClient};
pub use self::config::{LEGACY_SERVER_RESPONSE, RpcListenerConfig};
pub use self::endpoint_mapper::{
    Endpoint, EndpointMapperConnection, EndpointMapperService, mapper_interfaces,
};
pub use self::handler::{Call, RequestHandler, RpcReply};
pub use self::listener::run_rpc;
pub use self::local_service::{Service, ServiceHandler};
pub use self::loop_marker::{BindId, LoopMarker};
pub use self::mapper_query::{MapperError, query_endpoint_mapper};
pub use self::reach::NotServed;
pub use self::relay::{RelayConnection, RpcRelay};
pub use self::resolver::{EndpointError, Endpoints, Location, syntax};
pub use self::upstream::RpcUpstream;
pub use self::upstream_association::AssociationConfig;

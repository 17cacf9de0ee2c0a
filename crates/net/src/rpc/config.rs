//! The configuration that all connections of an RPC listener share.

use std::sync::Arc;

use engine::Observer;
use rpc::server::ServerConfig;

use crate::auth_limit::AuthLimiter;
use crate::body_budget::BodyBudget;
use crate::event_log::EventLog;
use crate::rpc::association_group::Groups;
use crate::rpc::auth::ClientAuth;
use crate::rpc::loop_marker::LoopMarker;
use crate::tcp::admission::Limits;
use crate::tcp::network::Network;

/// The first bytes that a server sends to a proxy of RPC over HTTP ([MS-RPCH] 2.1.1.2.1).
pub const LEGACY_SERVER_RESPONSE: &[u8] = b"ncacn_http/1.0";

/// The configuration that all connections of an RPC listener share.
pub struct RpcListenerConfig {
    /// The parameters of associations: interfaces, authentication levels, fragment sizes.
    pub rpc: Arc<ServerConfig>,
    /// The association groups.
    pub groups: Arc<Groups>,
    /// How clients authenticate.
    pub auth: ClientAuth,
    /// The back-off after failed attempts.
    pub auth_limiter: Arc<AuthLimiter>,
    /// The limits on connections.
    pub limits: Limits,
    /// The limit on the memory that calls use.
    pub bodies: Arc<BodyBudget>,
    /// Observes authentications and operations.
    pub observer: Arc<dyn Observer>,
    /// The rate-limited log.
    pub log: EventLog,
    /// Load balancers that begin each connection with a PROXY header, version 1 or 2.
    pub proxy_protocol: Vec<Network>,
    /// Detects request loops. Its id is [`ServerConfig::own_bind`].
    pub loop_marker: Option<Arc<LoopMarker>>,
    /// The bytes that the listener sends when it accepts a client; empty for most listeners.
    pub greeting: &'static [u8],
}

impl std::fmt::Debug for RpcListenerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RpcListenerConfig")
            .field("rpc", &self.rpc)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

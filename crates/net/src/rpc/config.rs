//! What all connections of a listener for remote calls have in common.

use std::sync::Arc;

use engine::Observer;
use rpc::server::ServerConfig;

use crate::auth_limit::AuthLimit;
use crate::body_budget::BodyBudget;
use crate::event_log::EventLog;
use crate::rpc::association_group::Groups;
use crate::rpc::auth::ClientAuth;
use crate::rpc::loop_marker::LoopMarker;
use crate::tcp::admission::Limits;
use crate::tcp::network::Network;

/// What a server says first to a proxy of RPC over HTTP ([MS-RPCH] 2.1.1.2.1).
pub const LEGACY_SERVER_RESPONSE: &[u8] = b"ncacn_http/1.0";

/// What the connections of a listener have in common.
pub struct RpcListenerConfig {
    /// What associations offer and take.
    pub rpc: Arc<ServerConfig>,
    /// The association groups.
    pub groups: Arc<Groups>,
    /// How clients prove themselves.
    pub auth: ClientAuth,
    /// How often they may fail to.
    pub auth_limit: Arc<AuthLimit>,
    /// How much they may take.
    pub limits: Limits,
    /// How much of their calls is held in memory.
    pub bodies: Arc<BodyBudget>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// The rate-limited log.
    pub log: EventLog,
    /// Servers in front of us that begin each connection with a PROXY header, version 1 or 2.
    pub proxy_protocol: Vec<Network>,
    /// Whose id, as [`ServerConfig::own_bind`], shows that a bind has led back.
    pub loop_marker: Option<Arc<LoopMarker>>,
    /// What clients are told before they say anything; nothing for most.
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

//! What the listeners of a proxy share, from which each is configured.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Observer};
use identity::{AcceptorConfig, ContextCounters};
use net::{
    Admission, AuthLimiter, BodyBudget, ClientAuth, Endpoints, EventLog, Groups, Limits, LoopMarker,
    RpcListenerConfig, RpcRelay, RpcUpstream, Workers,
};
use rpc::server::{Interface, ServerConfig};
use tokio::sync::watch;

use super::upstream_identity::UpstreamIdentities;
use crate::config::{Binding, Config};

/// The largest stub that a client may send, in bytes. Requests of EMSMDB have at most 256 KiB ([MS-OXCRPC]
/// 3.1.4.2), and those of NSPI contain nothing larger than a picture.
const LARGEST_REQUEST: usize = 2 << 20;

/// What the listeners of a proxy share.
pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    pub(super) engine: Arc<Engine>,
    pub(super) contexts: Arc<ContextCounters>,
    pub(super) identities: UpstreamIdentities,
    pub(super) acceptor: Arc<AcceptorConfig>,
    pub(super) auth_limiter: Arc<AuthLimiter>,
    pub(super) loop_marker: Arc<LoopMarker>,
    pub(super) groups: Arc<Groups>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) limits: Limits,
    pub(super) bodies: Arc<BodyBudget>,
    pub(super) admission: Arc<Admission>,
    pub(super) workers: Workers,
    pub(super) stopped: watch::Receiver<bool>,
}

impl Shared<'_> {
    /// The relay of `ExchangeRPC`, if there is an upstream for it.
    pub(super) fn relay(&self) -> Option<Arc<RpcRelay>> {
        let server = self.config.upstream.rpc.as_ref()?;
        let upstream = upstream(self.config, server, &self.identities, &self.loop_marker);
        let (engine, observer) = (Arc::clone(&self.engine), Arc::clone(&self.observer));
        Some(RpcRelay::new(&self.config.name, engine, upstream, observer))
    }

    /// What the connections of one listener of RPC have in common.
    pub(super) fn rpc_config(
        &self,
        interfaces: Vec<Interface>,
        port: u16,
        greeting: &'static [u8],
        loop_marker: Option<&Arc<LoopMarker>>,
    ) -> Arc<RpcListenerConfig> {
        let auth = ClientAuth::new(Arc::clone(&self.acceptor));
        Arc::new(RpcListenerConfig {
            rpc: Arc::new(ServerConfig {
                interfaces,
                secondary_address: port.to_string(),
                auth_types: auth.auth_types(),
                max_stub: LARGEST_REQUEST,
                own_bind: loop_marker.map(|marker| marker.id()),
                ..ServerConfig::default()
            }),
            groups: Arc::clone(&self.groups),
            auth,
            auth_limiter: Arc::clone(&self.auth_limiter),
            limits: self.limits,
            bodies: Arc::clone(&self.bodies),
            log: EventLog::default(),
            observer: Arc::clone(&self.observer),
            loop_marker: loop_marker.cloned(),
            proxy_protocol: self.config.clients.proxy_protocol_from.clone(),
            greeting,
        })
    }
}

/// The upstream of RPC, with whose credentials calls are sent there.
pub(crate) fn upstream(
    config: &Config,
    server: &Binding,
    identities: &UpstreamIdentities,
    loop_marker: &Arc<LoopMarker>,
) -> RpcUpstream {
    RpcUpstream {
        endpoints: Arc::new(Endpoints::new(server.clone().into())),
        identity: identities.rpc.clone(),
        timeout: Duration::from_secs(config.upstream.connect_seconds),
        call_limit: Duration::from_secs(config.upstream.call_seconds),
        loop_marker: Arc::clone(loop_marker),
        gate: Arc::clone(&identities.gate),
    }
}

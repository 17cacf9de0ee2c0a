//! Starts a proxy: what its listeners share, then the listeners.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use engine::{Deferral, Engine, Observer, Stack};
use identity::{AcceptorConfig, ContextCounters, Pool};
use net::http::{HttpListenerConfig, run_http};
use net::{
    Admission, AuthLimit, BodyBudget, ClientAuth, Endpoint, EndpointMapperService, Endpoints, EventLog,
    Groups, Limits, LoopMarker, RequestHandler, RpcListenerConfig, RpcRelay, RpcUpstream, Workers,
};
use rpc::pdu::AuthLevel;
use rpc::server::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::http::{self, LiveCertificate};
use super::limits::{auth_limit, limits, trusted_proxies};
use super::running::Running;
use super::sign_in::{acceptor, own_domain};
use super::upstream_identity::UpstreamIdentities;
use super::{recording, upstream_loop};
use crate::config::{Binding, Config, Deferred, RpcService};
use crate::failure::Failure;
use crate::files::LiveAccounts;

/// The largest stub that a client may send, in bytes. Requests of EMSMDB have at most 256 KiB ([MS-OXCRPC]
/// 3.1.4.2), and those of NSPI contain nothing larger than a picture.
const LARGEST_REQUEST: usize = 2 << 20;

/// Starts the proxy that `config` describes with the modules in `stack`, and reports its operations to `observer`.
/// Must be called within the async runtime.
pub(crate) async fn start(
    config: &Config,
    stack: Stack,
    observer: Arc<dyn Observer>,
) -> Result<Running, Failure> {
    upstream_loop::check(config).await?;
    let (observer, recording) = recording::observed(&config.capture, observer)?;
    let engine = Arc::new(Engine::new(stack).deferring(deferral(config)?));
    let contexts = ContextCounters::new();
    let accounts =
        Arc::new(LiveAccounts::read(config.clients.accounts.as_deref(), own_domain(config), &contexts)?);
    let identities = UpstreamIdentities::read(config, &contexts)?;
    let acceptor = Arc::new(acceptor(config, Arc::clone(&accounts) as _, &contexts));
    let limits = limits(&config.clients);
    let auth_limit = auth_limit(&config.clients);
    let (stop, stopped) = watch::channel(false);
    let mut builder = ProxyBuilder {
        config,
        engine,
        contexts,
        identities,
        acceptor,
        auth_limit,
        loop_marker: LoopMarker::new(&mut identity::OsRandom)?,
        groups: Arc::new(Groups::new(config.clients.sessions_per_user)),
        observer,
        limits,
        bodies: BodyBudget::new(&limits),
        admission: Admission::new(limits, trusted_proxies(&config.clients)),
        workers: Workers::start(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))?,
        stopped,
        listeners: Vec::new(),
    };
    let endpoints = builder.start_rpc().await?;
    builder.start_endpoint_mapper(&endpoints).await?;
    let (http, certificate) = builder.start_http().await?.unzip();
    let ProxyBuilder { engine, contexts, identities, auth_limit, listeners, stopped, .. } = builder;
    net::spawn_system(Arc::clone(&auth_limit).keep_reporting(stopped));
    let certificate = certificate.flatten();
    Ok(Running {
        engine,
        listeners,
        stop,
        contexts,
        accounts,
        auth_limit,
        identities,
        certificate,
        http,
        recording,
    })
}

/// What the listeners of a proxy share, while they are started.
struct ProxyBuilder<'a> {
    config: &'a Config,
    engine: Arc<Engine>,
    contexts: Arc<ContextCounters>,
    identities: UpstreamIdentities,
    acceptor: Arc<AcceptorConfig>,
    auth_limit: Arc<AuthLimit>,
    loop_marker: Arc<LoopMarker>,
    groups: Arc<Groups>,
    observer: Arc<dyn Observer>,
    limits: Limits,
    bodies: Arc<BodyBudget>,
    admission: Arc<Admission>,
    workers: Workers,
    stopped: watch::Receiver<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl ProxyBuilder<'_> {
    /// Starts the listeners of `ExchangeRPC`. Returns their endpoints, for the endpoint mapper.
    async fn start_rpc(&mut self) -> Result<Vec<Endpoint>, Failure> {
        let config = self.config;
        let Some(server) = &config.upstream.rpc else { return Ok(Vec::new()) };
        let upstream = upstream(config, server, &self.identities, &self.loop_marker);
        let relay =
            RpcRelay::new(&config.name, Arc::clone(&self.engine), upstream, Arc::clone(&self.observer));
        let mut endpoints = Vec::new();
        for (listener, address) in config.listen.listeners() {
            let Some(RpcService { envelope, greeting, endpoint }) = listener.service.rpc().copied() else {
                continue;
            };
            let relay = Arc::clone(&relay);
            let listener = net::listen(address).await?;
            let address = listener.local_addr()?;
            endpoints.push(endpoint(address));
            let interfaces = RpcRelay::interfaces(AuthLevel::from(config.clients.minimum_level));
            let shared = self.rpc_config(interfaces, address.port(), greeting, Some(&self.loop_marker));
            self.spawn_rpc(listener, shared, move || relay.connection(envelope));
        }
        Ok(endpoints)
    }

    /// Starts the listener of the endpoint mapper, which names `endpoints`.
    async fn start_endpoint_mapper(&mut self, endpoints: &[Endpoint]) -> Result<(), Failure> {
        let Some(address) = self.config.listen.endpoint_mapper else { return Ok(()) };
        let listener = net::listen(address).await?;
        let mapper = EndpointMapperService::new(&RpcRelay::services().collect::<Vec<_>>(), endpoints);
        let shared = self.rpc_config(net::mapper_interfaces(), address.port(), b"", None);
        self.spawn_rpc(listener, shared, move || mapper.connection());
        Ok(())
    }

    /// Starts the listeners of HTTP, if there is an upstream for it.
    async fn start_http(
        &mut self,
    ) -> Result<Option<(Arc<HttpListenerConfig>, Option<LiveCertificate>)>, Failure> {
        let Some(server) = &self.config.upstream.http else { return Ok(None) };
        let Self { config, engine, identities, acceptor, auth_limit, observer, limits, bodies, .. } = &*self;
        let limits = (*limits, bodies);
        let auth = (acceptor, auth_limit);
        let shared = http::listener_config(config, server, auth, identities, limits, engine, observer)?;
        let (listeners, certificate) = http::listeners(&config.listen).await?;
        for (listener, tls) in listeners {
            let (admission, workers) = (Arc::clone(&self.admission), self.workers.clone());
            let stopped = self.stopped.clone();
            let served = run_http(listener, tls, Arc::clone(&shared), admission, workers, stopped);
            self.listeners.push(net::spawn_system(served));
        }
        Ok(Some((shared, certificate)))
    }

    /// What the connections of one listener of RPC have in common.
    fn rpc_config(
        &self,
        interfaces: Vec<rpc::server::Interface>,
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
            auth_limit: Arc::clone(&self.auth_limit),
            limits: self.limits,
            bodies: Arc::clone(&self.bodies),
            log: EventLog::default(),
            observer: Arc::clone(&self.observer),
            loop_marker: loop_marker.cloned(),
            proxy_protocol: self.config.clients.proxy_protocol_from.clone(),
            greeting,
        })
    }

    fn spawn_rpc<B: RequestHandler + 'static>(
        &mut self,
        listener: TcpListener,
        shared: Arc<RpcListenerConfig>,
        connection: impl Fn() -> B + Send + Sync + 'static,
    ) {
        let (admission, workers) = (Arc::clone(&self.admission), self.workers.clone());
        let served = net::run_rpc(listener, shared, admission, workers, connection, self.stopped.clone());
        self.listeners.push(net::spawn_system(served));
    }
}

/// The pool for deferred work, with its threads.
fn deferral(config: &Config) -> Result<Deferral, Failure> {
    let Deferred { threads, queue, seconds } = config.deferred;
    let pool = Pool::new(queue);
    net::spawn_workers(&pool, threads)?;
    Ok(Deferral { pool, limit: Duration::from_secs(seconds) })
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

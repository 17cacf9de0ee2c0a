//! Starts the listeners of a proxy, and what they have in common.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use engine::{Deferral, Engine, Envelope, Observer};
use identity::{AcceptorConfig, Pool, Registry};
use net::http::{HttpListenerConfig, run_http};
use net::{
    Admission, AuthLimit, BodyBudget, ClientAuth, Endpoint, Endpoints, EventLog, Groups, Limits, LoopMarker,
    Mapper, RequestHandler, RpcListenerConfig, RpcRelay, Upstream, Workers,
};
use rpc::pdu::AuthLevel;
use rpc::server::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::http::{self, LiveCertificate};
use super::limits::{auth_limit, fronts, limits};
use super::running::Running;
use super::sign_in::{acceptor, own_domain};
use super::stack::stack;
use super::upstream_identity::UpstreamIdentities;
use super::{own_address, recording};
use crate::config::{Binding, Config, Deferred};
use crate::failure::Failure;
use crate::files::LiveAccounts;

/// The largest request that is taken, in bytes. Those of the store are bounded by 256 KiB
/// ([MS-OXCRPC] 3.1.4.2), and nothing in the address book is as large as a picture.
const LARGEST_REQUEST: usize = 2 << 20;

/// Starts the proxy that `config` describes, watched by `observer`. Must be called within the async runtime.
pub(crate) async fn start(config: &Config, observer: Arc<dyn Observer>) -> Result<Running, Failure> {
    own_address::check(config).await?;
    let (observer, recording) = recording::observed(&config.capture, observer)?;
    let engine = Arc::new(Engine::new(stack(config)?).deferring(deferral(config)?));
    let contexts = Registry::new();
    let accounts =
        Arc::new(LiveAccounts::read(config.clients.accounts.as_deref(), own_domain(config), &contexts)?);
    let identities = UpstreamIdentities::read(config, &contexts)?;
    let acceptor = Arc::new(acceptor(config, Arc::clone(&accounts) as _, &contexts));
    let limits = limits(&config.clients);
    let auth_limit = auth_limit(&config.clients);
    let (stop, stopped) = watch::channel(false);
    let mut starting = Starting {
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
        admission: Admission::new(limits, fronts(&config.clients)),
        workers: Workers::start(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))?,
        stopped,
        listeners: Vec::new(),
    };
    let endpoints = starting.calls().await?;
    starting.endpoint_mapper(&endpoints).await?;
    let (http, certificate) = starting.http().await?.unzip();
    let Starting { engine, contexts, identities, auth_limit, listeners, stopped, .. } = starting;
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

/// A proxy whose listeners are about to begin.
struct Starting<'a> {
    config: &'a Config,
    engine: Arc<Engine>,
    contexts: Arc<Registry>,
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

impl Starting<'_> {
    /// Takes remote calls; says where.
    async fn calls(&mut self) -> Result<Vec<Endpoint>, Failure> {
        let config = self.config;
        let server = config.upstream.rpc.as_ref();
        let upstream = server.map(|server| upstream(config, server, &self.identities, &self.loop_marker));
        let proxy = upstream.map(|upstream| {
            RpcRelay::new(&config.name, Arc::clone(&self.engine), upstream, Arc::clone(&self.observer))
        });
        let mut endpoints = Vec::new();
        let tcp = config.listen.rpc.map(|address| (address, Envelope::RpcTcp));
        let http = config.listen.rpc_http.map(|address| (address, Envelope::RpcHttp));
        for (address, envelope) in tcp.into_iter().chain(http) {
            let proxy = proxy.clone().ok_or("upstream.rpc is missing")?;
            let listener = net::listen(address).await?;
            let address = listener.local_addr()?;
            let (endpoint, greeting) = match envelope {
                Envelope::RpcHttp => (Endpoint::Http(address), net::LEGACY_SERVER_RESPONSE),
                _ => (Endpoint::Tcp(address), &b""[..]),
            };
            endpoints.push(endpoint);
            let interfaces = RpcRelay::interfaces(AuthLevel::from(config.clients.minimum_level));
            let front = self.front(interfaces, address.port(), greeting, Some(&self.loop_marker));
            self.serve(listener, front, move || proxy.connection(envelope));
        }
        Ok(endpoints)
    }

    /// Tells clients at which of `endpoints` they find what.
    async fn endpoint_mapper(&mut self, endpoints: &[Endpoint]) -> Result<(), Failure> {
        let Some(address) = self.config.listen.endpoint_mapper else { return Ok(()) };
        let listener = net::listen(address).await?;
        let mapper = Mapper::new(&RpcRelay::services().collect::<Vec<_>>(), endpoints);
        let front = self.front(net::mapper_interfaces(), address.port(), b"", None);
        self.serve(listener, front, move || mapper.connection());
        Ok(())
    }

    /// Takes requests by HTTP, where there is a server for them.
    async fn http(&mut self) -> Result<Option<(Arc<HttpListenerConfig>, Option<LiveCertificate>)>, Failure> {
        let Some(server) = &self.config.upstream.http else { return Ok(None) };
        let Self { config, engine, identities, acceptor, auth_limit, observer, limits, bodies, .. } = &*self;
        let limits = (*limits, bodies);
        let front =
            http::front(config, server, (acceptor, auth_limit), identities, limits, engine, observer)?;
        let (listeners, certificate) = http::listeners(&config.listen).await?;
        for (listener, tls) in listeners {
            let (admission, workers) = (Arc::clone(&self.admission), self.workers.clone());
            let stopped = self.stopped.clone();
            let served = run_http(listener, tls, Arc::clone(&front), admission, workers, stopped);
            self.listeners.push(net::spawn_system(served));
        }
        Ok(Some((front, certificate)))
    }

    /// What the connections of one listener for remote calls have in common.
    fn front(
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

    fn serve<B: RequestHandler + 'static>(
        &mut self,
        listener: TcpListener,
        front: Arc<RpcListenerConfig>,
        connection: impl Fn() -> B + Send + Sync + 'static,
    ) {
        let (admission, workers) = (Arc::clone(&self.admission), self.workers.clone());
        let served = net::run(listener, front, admission, workers, connection, self.stopped.clone());
        self.listeners.push(net::spawn_system(served));
    }
}

/// The pool for what modules defer, with its threads.
fn deferral(config: &Config) -> Result<Deferral, Failure> {
    let Deferred { threads, queue, seconds } = config.deferred;
    let pool = Pool::new(queue);
    net::spawn_workers(&pool, threads)?;
    Ok(Deferral { pool, limit: Duration::from_secs(seconds) })
}

/// The server of remote calls, and as whom we act there.
pub(crate) fn upstream(
    config: &Config,
    server: &Binding,
    identities: &UpstreamIdentities,
    loop_marker: &Arc<LoopMarker>,
) -> Upstream {
    Upstream {
        endpoints: Arc::new(Endpoints::new(server.clone().into())),
        identity: identities.rpc.clone(),
        timeout: Duration::from_secs(config.upstream.connect_seconds),
        call_limit: Duration::from_secs(config.upstream.call_seconds),
        loop_marker: Arc::clone(loop_marker),
        gate: Arc::clone(&identities.gate),
    }
}

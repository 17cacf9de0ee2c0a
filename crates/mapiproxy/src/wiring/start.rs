//! Starts a proxy: what its listeners share, then the listeners.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use engine::{Deferral, Engine, Observer, Stack};
use identity::{ContextCounters, Pool};
use net::http::{HttpListenerConfig, run_http};
use net::{
    Admission, BodyBudget, Endpoint, EndpointMapperService, Groups, LoopMarker, RequestHandler,
    RpcListenerConfig, RpcRelay, Workers,
};
use rpc::pdu::AuthLevel;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::http::{self, LiveCertificate};
use super::limits::{auth_limiter, limits, trusted_proxies};
use super::reloadable::Reloadable;
use super::running::Running;
use super::shared::Shared;
use super::sign_in::acceptor;
use super::upstream_identity::UpstreamIdentities;
use super::{recording, upstream_loop};
use crate::config::{Config, Deferred, RpcService, own_domain};
use crate::failure::Failure;
use crate::files::LiveAccounts;

/// Starts the proxy that `config` describes with the modules in `stack`, and reports its operations to `observer`.
/// Must be called within the async runtime.
pub(crate) async fn start(
    config: &Config,
    stack: Stack,
    observer: Arc<dyn Observer>,
) -> Result<Running, Failure> {
    upstream_loop::check(config).await?;
    let (observer, recording) = recording::observed(&config.capture, observer)?;
    let limits = limits(&config.clients);
    let bodies = BodyBudget::new(&limits);
    let engine = Engine::new(stack).with_deferral(deferral(config)?);
    let engine = Arc::new(engine.with_user_memory(Arc::clone(&bodies) as _));
    let contexts = ContextCounters::new();
    let accounts =
        Arc::new(LiveAccounts::read(config.clients.accounts.as_deref(), own_domain(config), &contexts)?);
    let identities = UpstreamIdentities::read(config, &contexts)?;
    let acceptor = Arc::new(acceptor(config, Arc::clone(&accounts) as _, &contexts)?);
    let auth_limiter = auth_limiter(&config.clients);
    let (stop, stopped) = watch::channel(false);
    let shared = Shared {
        config,
        engine,
        contexts,
        identities,
        acceptor,
        auth_limiter,
        loop_marker: LoopMarker::new(&mut identity::OsRandom)?,
        groups: Arc::new(Groups::new(config.clients.sessions_per_user)),
        observer,
        limits,
        bodies,
        admission: Admission::new(limits, trusted_proxies(&config.clients)),
        workers: Workers::start(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))?,
        stopped,
    };
    let mut listeners = Listeners { shared: &shared, tasks: Vec::new() };
    let endpoints = listeners.start_rpc().await?;
    listeners.start_endpoint_mapper(&endpoints).await?;
    let (http, certificate) = listeners.start_http().await?.unzip();
    let listeners = listeners.tasks;
    let Shared { engine, contexts, identities, auth_limiter, stopped, .. } = shared;
    net::spawn_system(Arc::clone(&auth_limiter).keep_reporting(stopped));
    Ok(Running {
        engine,
        listeners,
        stop,
        contexts,
        auth_limiter,
        reloadable: Arc::new(Reloadable { accounts, identities, certificate: certificate.flatten() }),
        http,
        recording,
    })
}

/// The listeners of a proxy that are started so far.
struct Listeners<'a> {
    shared: &'a Shared<'a>,
    tasks: Vec<JoinHandle<()>>,
}

impl Listeners<'_> {
    /// Starts the listeners of `ExchangeRPC`. Returns their endpoints, for the endpoint mapper.
    async fn start_rpc(&mut self) -> Result<Vec<Endpoint>, Failure> {
        let shared = self.shared;
        let Some(relay) = shared.relay() else { return Ok(Vec::new()) };
        let mut endpoints = Vec::new();
        for (listener, address) in shared.config.listen.listeners() {
            let Some(RpcService { envelope, greeting, endpoint }) = listener.service.rpc().copied() else {
                continue;
            };
            let relay = Arc::clone(&relay);
            let listener = net::listen(address).await?;
            let address = listener.local_addr()?;
            endpoints.push(endpoint(address));
            let interfaces = RpcRelay::interfaces(AuthLevel::from(shared.config.clients.minimum_level));
            let config = shared.rpc_config(interfaces, address.port(), greeting, Some(&shared.loop_marker));
            self.spawn_rpc(listener, config, move || relay.connection(envelope));
        }
        Ok(endpoints)
    }

    /// Starts the listener of the endpoint mapper, which names `endpoints`.
    async fn start_endpoint_mapper(&mut self, endpoints: &[Endpoint]) -> Result<(), Failure> {
        let Some(address) = self.shared.config.listen.endpoint_mapper else { return Ok(()) };
        let listener = net::listen(address).await?;
        let mapper = EndpointMapperService::new(&RpcRelay::services().collect::<Vec<_>>(), endpoints);
        let config = self.shared.rpc_config(net::mapper_interfaces(), address.port(), b"", None);
        self.spawn_rpc(listener, config, move || mapper.connection());
        Ok(())
    }

    /// Starts the listeners of HTTP, if there is an upstream for it.
    async fn start_http(
        &mut self,
    ) -> Result<Option<(Arc<HttpListenerConfig>, Option<LiveCertificate>)>, Failure> {
        let shared = self.shared;
        let Some(server) = &shared.config.upstream.http else { return Ok(None) };
        let config = http::listener_config(shared, server)?;
        let (listeners, certificate) = http::listeners(&shared.config.listen).await?;
        for (listener, tls) in listeners {
            let (admission, workers) = (Arc::clone(&shared.admission), shared.workers.clone());
            let stopped = shared.stopped.clone();
            let served = run_http(listener, tls, Arc::clone(&config), admission, workers, stopped);
            self.tasks.push(net::spawn_system(served));
        }
        Ok(Some((config, certificate)))
    }

    fn spawn_rpc<B: RequestHandler + 'static>(
        &mut self,
        listener: TcpListener,
        config: Arc<RpcListenerConfig>,
        connection: impl Fn() -> B + Send + Sync + 'static,
    ) {
        let (admission, workers) = (Arc::clone(&self.shared.admission), self.shared.workers.clone());
        let served =
            net::run_rpc(listener, config, admission, workers, connection, self.shared.stopped.clone());
        self.tasks.push(net::spawn_system(served));
    }
}

/// The pools for deferred work, with their threads.
fn deferral(config: &Config) -> Result<Deferral, Failure> {
    let Deferred { threads, queue, seconds } = config.deferred;
    let pool = Pool::new(queue);
    net::spawn_workers(&pool, threads)?;
    let decodings = Deferral::decoding_pool();
    let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    net::spawn_workers(&decodings, Deferral::decoding_threads(processors))?;
    Ok(Deferral { pool, decodings, time_limit: Duration::from_secs(seconds) })
}

//! From a configuration to a running proxy.

pub(crate) mod credentials;
pub(crate) mod http;
pub(crate) mod own_address;
pub(crate) mod recording;

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use engine::options::{OptionValue, Options};
use engine::{Deferral, Engine, Envelope, Module, Observer, ProxyFacts, Stack};
use identity::accounts::DomainNames;
use identity::ntlm::{AcceptorConfig, BindingPolicy, Policy, ServerNames};
use identity::{Accounts, Authority, Pool, Registry};
use net::http::{HttpListenerConfig, TlsError, run_http};
use net::{
    Admission, AuthLimit, AuthLimits, Backend, BodyBudget, Cores, Endpoint, Endpoints, EventLog, Front,
    Groups, Limits, LoopMarker, Mapper, Network, Proxy, SignIn, Upstream,
};
use rpc::pdu::AuthLevel;
use rpc::server::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::credentials::Service;
use self::http::LiveCertificate;
use self::recording::Writing;
use crate::config::{Binding, Bindings, Clients, Config, Deferred};
use crate::files::{FileError, LiveAccounts};

type Failure = Box<dyn Error>;

/// The largest request that is taken, in bytes. Those of the store are bounded by 256 KiB
/// ([MS-OXCRPC] 3.1.4.2), and nothing in the address book is as large as a picture.
const LARGEST_REQUEST: usize = 2 << 20;

/// How long connections that are cut off may take to end their sessions.
const CUT_OFF: Duration = Duration::from_secs(2);

/// A proxy at work.
pub(crate) struct Running {
    engine: Arc<Engine>,
    listeners: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    contexts: Arc<Registry>,
    accounts: Arc<LiveAccounts>,
    auth_limit: Arc<AuthLimit>,
    service: Service,
    certificate: Option<LiveCertificate>,
    http: Option<Arc<HttpListenerConfig>>,
    recording: Option<Writing>,
}

/// Why a stack of modules can't be made.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {why}")]
pub(crate) struct StackError {
    /// The key in the configuration.
    pub(crate) key: String,
    /// What is wrong, and what to do.
    pub(crate) why: String,
}

/// The modules that `config` names, initialised.
pub(crate) fn stack(config: &Config) -> Result<Stack, StackError> {
    let wrong = |key: &str, why: String| StackError { key: key.to_owned(), why };
    let facts = ProxyFacts {
        name: config.name.clone(),
        upstream: config.upstream_host().to_owned(),
        origin: http::origin(config),
        sign_in: http::sign_in(config),
    };
    let mut stack: Vec<Box<dyn Module>> = Vec::new();
    for name in &config.modules.stack {
        let known = || modules::all().iter().map(|module| module.name()).collect::<Vec<_>>().join(", ");
        let unknown = || wrong("modules.stack", format!("there is no module {name}; there are {}", known()));
        let mut module = modules::by_name(name).ok_or_else(unknown)?;
        if stack.iter().any(|other| other.name() == module.name()) {
            return Err(wrong("modules.stack", format!("{name} stands there twice; remove one")));
        }
        let table = format!("modules.{name}");
        let given = config.modules.options.get(name).map(|options| option_values(&table, options));
        let given = given.transpose()?.unwrap_or_default();
        let options = Options::checked(module.name(), module.options(), given)
            .map_err(|error| wrong(&table, error.to_string()))?;
        module.init(&options, &facts).map_err(|error| wrong(&table, error.to_string()))?;
        stack.push(module);
    }
    // Looked for last: what is misspelt in the stack is no reason to remove the options of what is meant.
    if let Some(unused) = config.modules.options.keys().find(|name| !config.modules.stack.contains(name)) {
        let why = format!("has options, but {unused} is not in modules.stack: add it there, or remove them");
        return Err(wrong(&format!("modules.{unused}"), why));
    }
    Ok(Stack::new(stack))
}

/// The pool for what modules defer, with its threads.
fn deferral(config: &Config) -> Result<Deferral, Failure> {
    let Deferred { threads, queue, seconds } = config.deferred;
    let pool = Pool::new(queue);
    net::spawn_workers(&pool, threads)?;
    Ok(Deferral { pool, limit: Duration::from_secs(seconds) })
}

fn option_values(key: &str, table: &toml::Value) -> Result<BTreeMap<String, OptionValue>, StackError> {
    let wrong = |key: String, why: &str| StackError { key, why: why.to_owned() };
    let table = table.as_table().ok_or_else(|| {
        wrong(key.to_owned(), "a module's options are a table: write them below a line with the table's name")
    })?;
    let value = |(name, value): (&String, &toml::Value)| {
        let value = option_value(value).map_err(|why| wrong(format!("{key}.{name}"), why))?;
        Ok((name.clone(), value))
    };
    table.iter().map(value).collect()
}

fn option_value(value: &toml::Value) -> Result<OptionValue, &'static str> {
    Ok(match value {
        toml::Value::String(text) => OptionValue::Text(text.clone()),
        toml::Value::Integer(number) => OptionValue::Integer(*number),
        toml::Value::Boolean(yes) => OptionValue::Bool(*yes),
        toml::Value::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            OptionValue::Texts(texts.ok_or("a list holds texts only")?)
        }
        _ => return Err("is neither a text, a whole number, true or false, nor a list"),
    })
}

/// Starts the proxy that `config` describes, watched by `observer`. Must be called within the async runtime.
pub(crate) async fn start(config: &Config, observer: Arc<dyn Observer>) -> Result<Running, Failure> {
    own_address::check(config).await?;
    let (observer, recording) = recording::observed(&config.capture, observer)?;
    let engine = Arc::new(Engine::new(stack(config)?).deferring(deferral(config)?));
    let contexts = Registry::new();
    let accounts =
        Arc::new(LiveAccounts::read(config.clients.accounts.as_deref(), own_domain(config), &contexts)?);
    let service = Service::read(config, &contexts)?;
    let acceptor = Arc::new(acceptor(config, Arc::clone(&accounts) as _, &contexts));
    let limits = limits(&config.clients);
    let auth_limit = auth_limit(&config.clients);
    let (stop, stopped) = watch::channel(false);
    let mut starting = Starting {
        config,
        engine,
        contexts,
        service,
        acceptor,
        auth_limit,
        loop_marker: LoopMarker::new(&mut identity::OsRandom)?,
        groups: Arc::new(Groups::new(config.clients.sessions_per_user)),
        observer,
        limits,
        bodies: BodyBudget::new(&limits),
        admission: Admission::new(limits, fronts(&config.clients)),
        cores: Cores::start(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))?,
        stopped,
        listeners: Vec::new(),
    };
    let endpoints = starting.calls().await?;
    starting.endpoint_mapper(&endpoints).await?;
    let (http, certificate) = starting.http().await?.unzip();
    let Starting { engine, contexts, service, auth_limit, listeners, stopped, .. } = starting;
    net::spawn_system(Arc::clone(&auth_limit).keep_reporting(stopped));
    let certificate = certificate.flatten();
    Ok(Running {
        engine,
        listeners,
        stop,
        contexts,
        accounts,
        auth_limit,
        service,
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
    service: Service,
    acceptor: Arc<AcceptorConfig>,
    auth_limit: Arc<AuthLimit>,
    loop_marker: Arc<LoopMarker>,
    groups: Arc<Groups>,
    observer: Arc<dyn Observer>,
    limits: Limits,
    bodies: Arc<BodyBudget>,
    admission: Arc<Admission>,
    cores: Cores,
    stopped: watch::Receiver<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl Starting<'_> {
    /// Takes remote calls; says where.
    async fn calls(&mut self) -> Result<Vec<Endpoint>, Failure> {
        let config = self.config;
        let server = config.upstream.rpc.as_ref();
        let upstream = server.map(|server| upstream(config, server, &self.service, &self.loop_marker));
        let proxy = upstream.map(|upstream| {
            Proxy::new(&config.name, Arc::clone(&self.engine), upstream, Arc::clone(&self.observer))
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
            let interfaces = Proxy::interfaces(AuthLevel::from(config.clients.minimum_level));
            let front = self.front(interfaces, address.port(), greeting, Some(&self.loop_marker));
            self.serve(listener, front, move || proxy.connection(envelope));
        }
        Ok(endpoints)
    }

    /// Tells clients at which of `endpoints` they find what.
    async fn endpoint_mapper(&mut self, endpoints: &[Endpoint]) -> Result<(), Failure> {
        let Some(address) = self.config.listen.endpoint_mapper else { return Ok(()) };
        let listener = net::listen(address).await?;
        let mapper = Mapper::new(&Proxy::services().collect::<Vec<_>>(), endpoints);
        let front = self.front(net::mapper_interfaces(), address.port(), b"", None);
        self.serve(listener, front, move || mapper.connection());
        Ok(())
    }

    /// Takes requests by HTTP, where there is a server for them.
    async fn http(&mut self) -> Result<Option<(Arc<HttpListenerConfig>, Option<LiveCertificate>)>, Failure> {
        let Some(server) = &self.config.upstream.http else { return Ok(None) };
        let Self { config, engine, service, acceptor, auth_limit, observer, limits, bodies, .. } = &*self;
        let limits = (*limits, bodies);
        let front = http::front(config, server, (acceptor, auth_limit), service, limits, engine, observer)?;
        let (listeners, certificate) = http::listeners(&config.listen).await?;
        for (listener, tls) in listeners {
            let (admission, cores) = (Arc::clone(&self.admission), self.cores.clone());
            let stopped = self.stopped.clone();
            let served = run_http(listener, tls, Arc::clone(&front), admission, cores, stopped);
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
    ) -> Arc<Front> {
        Arc::new(Front {
            rpc: Arc::new(ServerConfig {
                interfaces,
                secondary_address: port.to_string(),
                auth_types: vec![rpc::AuthType::GSS_NEGOTIATE, rpc::AuthType::WINNT],
                max_stub: LARGEST_REQUEST,
                own_bind: loop_marker.map(|marker| marker.id()),
                ..ServerConfig::default()
            }),
            groups: Arc::clone(&self.groups),
            sign_in: SignIn::new(Arc::clone(&self.acceptor)),
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

    fn serve<B: Backend + 'static>(
        &mut self,
        listener: TcpListener,
        front: Arc<Front>,
        connection: impl Fn() -> B + Send + Sync + 'static,
    ) {
        let (admission, cores) = (Arc::clone(&self.admission), self.cores.clone());
        let served = net::run(listener, front, admission, cores, connection, self.stopped.clone());
        self.listeners.push(net::spawn_system(served));
    }
}

impl Running {
    /// The modules.
    pub(crate) fn stack(&self) -> &Stack {
        self.engine.stack()
    }

    /// Reads the password of our account at the server again, for connections that are opened from now on;
    /// whether we have one.
    pub(crate) fn read_password_again(&self) -> Result<bool, FileError> {
        self.service.read_again()
    }

    /// Reads the accounts again, for who signs in from now on; how many there are, where clients have any.
    pub(crate) fn read_accounts_again(&self) -> Result<Option<usize>, FileError> {
        self.accounts.read_again()
    }

    /// Reads the certificate and its key again, for who connects from now on; whether there is one.
    pub(crate) fn read_certificate_again(&self) -> Result<bool, TlsError> {
        self.certificate.as_ref().map(LiveCertificate::read_again).transpose().map(|read| read.is_some())
    }

    /// Takes no more clients, lets the calls under way finish until `patience` ends, then tells the modules.
    /// Returns how many security contexts are still open, which is none unless calls were cut off.
    pub(crate) async fn stop(self, patience: impl Future<Output = ()>) -> u64 {
        // Without listeners there is nobody to tell.
        let _ = self.stop.send(true);
        let mut listeners = self.listeners;
        if !finish(&mut listeners, patience).await {
            tracing::warn!("calls that were still under way are cut off");
            // Connections whose sender is gone are cut off; their sessions end before the modules do.
            drop(self.stop);
            finish(&mut listeners, tokio::time::sleep(CUT_OFF)).await;
        }
        self.auth_limit.report(true);
        self.service.gate.report();
        let waits = self.engine.ended_waits();
        if waits > 0 {
            tracing::info!(waits, "clients' waits for notifications were answered, without one, to stop");
        }
        if let Some(http) = self.http {
            http.end();
        }
        if let Some(Deferral { pool, .. }) = self.engine.deferral() {
            let running = net::drain(pool, CUT_OFF).await;
            tracing::info!(running, counts = ?pool.counts(), "deferred work is over");
        }
        self.engine.shutdown();
        if let Some(recording) = self.recording {
            recording.finish().await;
        }
        self.contexts.open()
    }
}

/// Waits for all `listeners` to end, as long as `patience` lasts; whether they did.
async fn finish(listeners: &mut Vec<JoinHandle<()>>, patience: impl Future<Output = ()>) -> bool {
    let all = async {
        while let Some(listener) = listeners.last_mut() {
            let _ = listener.await;
            listeners.pop();
        }
    };
    tokio::select! {
        () = all => true,
        () = patience => false,
    }
}

/// The domain that the proxy is in, as its name says: `proxy.lab.test` is in `LAB`, which is `lab.test`.
pub(crate) fn own_domain(config: &Config) -> DomainNames {
    let dns = config.name.split_once('.').map_or("", |(_, domain)| domain);
    let netbios = dns.split('.').next().unwrap_or_default().to_ascii_uppercase();
    DomainNames { netbios, dns: dns.to_owned() }
}

/// The hosts for which NTLM clients may sign in; none for any.
fn target_names(config: &Config) -> Vec<String> {
    let further = &config.clients.target_names;
    if further.iter().any(|name| name == "*") {
        return Vec::new();
    }
    let mut names = vec![config.name.clone()];
    names.extend(config.name.split_once('.').map(|(host, _)| host.to_owned()));
    names.extend(config.public_url.as_ref().map(|url| url.host.trim_matches(['[', ']']).to_owned()));
    names.extend(config.listen.addresses().map(|(_, address)| address.ip().to_string()));
    names.extend(further.iter().cloned());
    names
}

fn acceptor(config: &Config, accounts: Arc<dyn Accounts>, contexts: &Arc<Registry>) -> AcceptorConfig {
    let (host, domain) = config.name.split_once('.').unwrap_or((&config.name, ""));
    let own = own_domain(config);
    let policy = Policy {
        allow_legacy: config.clients.ntlm_v1,
        require_mic: config.clients.require_mic,
        bindings: match config.clients.channel_bindings {
            Bindings::Ignore => BindingPolicy::Ignore,
            Bindings::Allow => BindingPolicy::Allow,
            Bindings::Require => BindingPolicy::Require,
        },
        lifetime: Some(Duration::from_secs(config.clients.context_seconds)),
        target_names: target_names(config),
        ..Policy::default()
    };
    let names = ServerNames {
        nb_computer: host.to_ascii_uppercase(),
        nb_domain: if domain.is_empty() { host.to_ascii_uppercase() } else { own.netbios },
        dns_computer: config.name.clone(),
        dns_domain: domain.to_owned(),
    };
    AcceptorConfig {
        accounts,
        policy,
        names,
        authority: Authority::new("accounts"),
        registry: Arc::clone(contexts),
    }
}

/// The server of remote calls, and as whom we act there.
pub(crate) fn upstream(
    config: &Config,
    server: &Binding,
    service: &Service,
    loop_marker: &Arc<LoopMarker>,
) -> Upstream {
    Upstream {
        endpoints: Arc::new(Endpoints::new(server.clone().into())),
        account: service.rpc.clone(),
        timeout: Duration::from_secs(config.upstream.connect_seconds),
        call_limit: Duration::from_secs(config.upstream.call_seconds),
        loop_marker: Arc::clone(loop_marker),
        gate: Arc::clone(&service.gate),
    }
}

fn auth_limit(clients: &Clients) -> Arc<AuthLimit> {
    let limits = AuthLimits {
        failures: clients.failed_sign_ins,
        longest_wait: Duration::from_secs(clients.failed_sign_in_seconds),
    };
    AuthLimit::new(limits, fronts(clients))
}

/// The servers in front of us that many clients come through.
fn fronts(clients: &Clients) -> Vec<Network> {
    [&clients.proxy_protocol_from[..], &clients.forwarded_for_from].concat()
}

/// Bytes of a megabyte, as configured.
const MEGABYTE: usize = 1_000_000;

fn limits(clients: &Clients) -> Limits {
    Limits {
        connections: crate::descriptors::connections(clients.connections),
        connections_per_address: clients.connections_per_address,
        unauthenticated_percent: clients.unauthenticated_percent,
        minimum_rate: clients.minimum_bytes_per_second,
        handshake: Duration::from_secs(clients.handshake_seconds),
        idle: Duration::from_secs(clients.idle_seconds),
        request_bytes_per_identity: clients.request_megabytes_per_user.saturating_mul(MEGABYTE),
        request_bytes: clients.request_megabytes.saturating_mul(MEGABYTE),
    }
}

//! From a configuration to the HTTP side of a running proxy.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum as _;
use engine::{CookieTable, Engine, Observer, SessionLimits};
use identity::{AcceptorConfig, Mechanism, Scope};
use net::http::{
    self, HttpAuthConfig, HttpLimits, HttpListenerConfig, HttpUpstream, Peers, Pending, Routes, TlsError,
    TlsIdentity, TlsTrust, Via,
};
use net::{AuthLimit, BodyBudget, EventLog, Limits, UpstreamIdentity};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::upstream_identity::UpstreamIdentities;
use crate::config::{Config, Listen, Scheme, Url, Way};
use crate::failure::Failure;

/// What the HTTP connections of the proxy have in common.
pub(crate) fn front(
    config: &Config,
    server: &Url,
    (acceptor, auth_limit): (&Arc<AcceptorConfig>, &Arc<AuthLimit>),
    identities: &UpstreamIdentities,
    (limits, bodies): (Limits, &Arc<BodyBudget>),
    engine: &Arc<Engine>,
    observer: &Arc<dyn Observer>,
) -> Result<Arc<HttpListenerConfig>, Failure> {
    let clients = &config.clients;
    let mechanisms = clients.http_auth.iter().copied().map(Mechanism::from);
    Ok(Arc::new(HttpListenerConfig {
        auth: HttpAuthConfig::new(Arc::clone(acceptor), mechanisms, clients.basic_without_tls),
        auth_limit: Arc::clone(auth_limit),
        origin: origin(config),
        peers: Peers {
            proxy_protocol: clients.proxy_protocol_from.clone(),
            forwarded_for: clients.forwarded_for_from.clone(),
        },
        tells_forwarding: config.upstream.forwarding_headers,
        routes: routes(config),
        upstream: upstream(config, server, identities)?,
        limits,
        bodies: Arc::clone(bodies),
        sizes: HttpLimits::default(),
        pending: Pending::default(),
        engine: Arc::clone(engine),
        sessions: sessions(config, &identities.http),
        contexts: Arc::clone(&acceptor.registry),
        session_idle: Duration::from_secs(clients.session_idle_seconds),
        observer: Arc::clone(observer),
        log: EventLog::default(),
    }))
}

/// The sessions of MAPI over HTTP, which end at the server too if `identity` can end them there.
fn sessions(config: &Config, identity: &UpstreamIdentity) -> CookieTable {
    let clients = &config.clients;
    let limits = SessionLimits { per_identity: clients.sessions_per_user, all: clients.sessions };
    let table = CookieTable::new(limits);
    if identity.ends_sessions() { table.ending_at_server() } else { table }
}

/// What becomes of the server's other directories.
fn routes(config: &Config) -> Routes {
    let mut routes = Routes::default();
    for (directory, way) in &config.virtual_directories {
        routes.set(directory, http::RouteAction::from(*way));
    }
    routes
}

impl From<Way> for http::RouteAction {
    fn from(way: Way) -> Self {
        match way {
            Way::Relayed => Self::Relay,
            Way::Refused => Self::Refuse,
            Way::Absent => Self::NotFound,
        }
    }
}

/// What our URLs begin with.
pub(crate) fn origin(config: &Config) -> String {
    if let Some(url) = &config.public_url {
        return url.to_string();
    }
    let name = &config.name;
    match (config.listen.https, config.listen.http) {
        (Some(address), _) if address.port() != 443 => format!("https://{name}:{}", address.port()),
        (None, Some(address)) if address.port() != 80 => format!("http://{name}:{}", address.port()),
        (None, Some(_)) => format!("http://{name}"),
        _ => format!("https://{name}"),
    }
}

/// By what clients may sign in, as Autodiscover names it, the best first; empty where that is for the server to say.
pub(crate) fn sign_in(config: &Config) -> Vec<String> {
    let clients = &config.clients;
    let basic = config.listen.https.is_some() || clients.basic_without_tls;
    // Of what the server takes of clients themselves, credentials in each request alone may be held back here.
    let relayed = config.upstream.credentials.are_relayed();
    let mut mechanisms: Vec<Mechanism> = Scheme::value_variants()
        .iter()
        .filter(|scheme| relayed || clients.http_auth.contains(scheme))
        .map(|scheme| Mechanism::from(*scheme))
        .filter(|mechanism| basic || mechanism.scope() == Scope::Connection)
        .collect();
    mechanisms.sort_by_key(|mechanism| mechanism.scope());
    let names = mechanisms.iter().map(|mechanism| mechanism.to_string().to_ascii_lowercase());
    if relayed && basic { Vec::new() } else { names.collect() }
}

/// The certificate that is shown to clients, whose files can be read again while it is in use.
pub(crate) struct LiveCertificate {
    listen: Listen,
    shown: watch::Sender<TlsIdentity>,
}

impl LiveCertificate {
    /// Reads certificate and key again, for who connects from now on.
    ///
    /// # Errors
    /// As [`tls`]; then what is shown is as it was.
    pub(crate) fn read_again(&self) -> Result<(), TlsError> {
        if let Some(read) = tls(&self.listen)? {
            self.shown.send_replace(read);
        }
        Ok(())
    }
}

/// Somewhere to listen, with what is shown there in TLS.
type Listener = (TcpListener, Option<watch::Receiver<TlsIdentity>>);

/// The addresses that are listened on, and the certificate where one of them is within TLS.
pub(crate) async fn listeners(listen: &Listen) -> Result<(Vec<Listener>, Option<LiveCertificate>), Failure> {
    let mut listeners = Vec::new();
    if let Some(address) = listen.http {
        listeners.push((net::listen(address).await?, None));
    }
    let (Some(address), Some(tls)) = (listen.https, tls(listen)?) else { return Ok((listeners, None)) };
    let (shown, seen) = watch::channel(tls);
    listeners.push((net::listen(address).await?, Some(seen)));
    Ok((listeners, Some(LiveCertificate { listen: listen.clone(), shown })))
}

/// What is shown to clients in TLS, where that is configured.
///
/// # Errors
/// When certificate or key can't be read, or they don't go together.
pub(crate) fn tls(listen: &Listen) -> Result<Option<TlsIdentity>, TlsError> {
    match (&listen.certificate, &listen.key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsIdentity::load(certificate, key, listen.tls.into())?)),
        _ => Ok(None),
    }
}

/// The server, and as whom we act there.
pub(crate) fn upstream(
    config: &Config,
    server: &Url,
    identities: &UpstreamIdentities,
) -> Result<HttpUpstream, Failure> {
    let upstream = &config.upstream;
    let trust = || TlsTrust::new(&server.host, upstream.ca_file.as_deref(), upstream.tls.into());
    Ok(HttpUpstream {
        host: server.host.clone(),
        port: server.port,
        tls: server.tls.then(trust).transpose()?,
        identity: identities.http.clone(),
        timeout: Duration::from_secs(upstream.connect_seconds),
        call_limit: Duration::from_secs(upstream.call_seconds),
        via: Via::new(&mut identity::OsRandom)?,
        gate: Arc::clone(&identities.gate),
    })
}

//! Makes the configuration of HTTP listeners and of their upstream.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum as _;
use engine::{CookieTable, SessionLimits};
use identity::{Mechanism, Scope};
use net::http::{
    self, HttpAuthConfig, HttpListenerConfig, HttpUpstream, Routes, TlsError, TlsIdentity, TlsTrust,
    TrustedProxies, Via,
};
use net::upstream_identity::UpstreamIdentity;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::shared::Shared;
use super::upstream_identity::UpstreamIdentities;
use crate::config::{Config, DirectoryAccess, Listen, Scheme, Service, Url};
use crate::failure::Failure;

/// The configuration that the HTTP connections of the proxy share.
pub(super) fn listener_config(shared: &Shared<'_>, server: &Url) -> Result<Arc<HttpListenerConfig>, Failure> {
    let Shared { config, acceptor, identities, .. } = shared;
    let clients = &config.clients;
    let mechanisms = clients.http_auth.iter().copied().map(Mechanism::from);
    let auth = HttpAuthConfig::new(Arc::clone(acceptor), mechanisms, clients.basic_without_tls);
    let upstream = upstream(config, server, identities)?;
    Ok(Arc::new(HttpListenerConfig {
        auth_limiter: Arc::clone(&shared.auth_limiter),
        trusted_proxies: TrustedProxies {
            proxy_protocol: clients.proxy_protocol_from.clone(),
            forwarded_for: clients.forwarded_for_from.clone(),
        },
        forwarding_headers: config.upstream.forwarding_headers,
        routes: routes(config),
        bodies: Arc::clone(&shared.bodies),
        sessions: sessions(config, &identities.http),
        session_idle: Duration::from_secs(clients.session_idle_seconds),
        observer: Arc::clone(&shared.observer),
        ..HttpListenerConfig::new(auth, origin(config), upstream, Arc::clone(&shared.engine), shared.limits)
    }))
}

/// The sessions of MAPI over HTTP, which end at the server too if `identity` can end them there.
fn sessions(config: &Config, identity: &UpstreamIdentity) -> CookieTable {
    let clients = &config.clients;
    let limits = SessionLimits { per_user: clients.sessions_per_user, total: clients.sessions };
    let table = CookieTable::new(limits);
    if identity.ends_sessions() { table.ending_at_server() } else { table }
}

/// The configuration of the virtual directories.
fn routes(config: &Config) -> Routes {
    let mut routes = Routes::default();
    for (directory, access) in &config.virtual_directories {
        routes.set(directory, http::RouteAction::from(*access));
    }
    routes
}

impl From<DirectoryAccess> for http::RouteAction {
    fn from(access: DirectoryAccess) -> Self {
        match access {
            DirectoryAccess::Forwarded => Self::Forward,
            DirectoryAccess::Refused => Self::Refuse,
            DirectoryAccess::Absent => Self::NotFound,
        }
    }
}

/// The beginning of the URLs that clients receive.
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

/// The authentication schemes for clients as Autodiscover names them, the strongest first; empty if the
/// server names them.
pub(crate) fn sign_in(config: &Config) -> Vec<String> {
    let clients = &config.clients;
    let basic = config.listen.https.is_some() || clients.basic_without_tls;
    // In pass-through authentication the server offers the schemes; the proxy may only exclude those of each
    // request.
    let is_pass_through = config.upstream.credentials.mode().is_pass_through();
    let mut mechanisms: Vec<Mechanism> = Scheme::value_variants()
        .iter()
        .filter(|scheme| is_pass_through || clients.http_auth.contains(scheme))
        .map(|scheme| Mechanism::from(*scheme))
        .filter(|mechanism| basic || mechanism.scope() == Scope::Connection)
        .collect();
    mechanisms.sort_by_key(|mechanism| mechanism.scope());
    let names = mechanisms.iter().map(|mechanism| mechanism.to_string().to_ascii_lowercase());
    if is_pass_through && basic { Vec::new() } else { names.collect() }
}

/// The certificate for clients, whose files can be reloaded while it is in use.
pub(crate) struct LiveCertificate {
    listen: Listen,
    current: watch::Sender<TlsIdentity>,
}

impl LiveCertificate {
    /// Reloads certificate and key, for new connections.
    ///
    /// # Errors
    /// As [`tls`]; the present ones stay in use.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        if let Some(read) = tls(&self.listen)? {
            self.current.send_replace(read);
        }
        Ok(())
    }
}

/// A socket that listens, with the certificate if its connections are within TLS.
type Listener = (TcpListener, Option<watch::Receiver<TlsIdentity>>);

/// Starts to listen on the addresses of HTTP.
pub(crate) async fn listeners(listen: &Listen) -> Result<(Vec<Listener>, Option<LiveCertificate>), Failure> {
    let live = tls(listen)?
        .filter(|_| listen.https.is_some())
        .map(|identity| LiveCertificate { listen: listen.clone(), current: watch::channel(identity).0 });
    let mut listeners = Vec::new();
    for (listener, address) in listen.listeners() {
        let Service::Http { tls } = listener.service else { continue };
        let certificate = match (&live, tls) {
            (_, false) => None,
            (Some(live), true) => Some(live.current.subscribe()),
            (None, true) => return Err(format!("{} needs listen.certificate", listener.path).into()),
        };
        listeners.push((net::listen(address).await?, certificate));
    }
    Ok((listeners, live))
}

/// The certificate and key for clients, if they are configured.
///
/// # Errors
/// When certificate or key cannot be read, or do not match.
pub(crate) fn tls(listen: &Listen) -> Result<Option<TlsIdentity>, TlsError> {
    match (&listen.certificate, &listen.key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsIdentity::load(certificate, key, listen.tls.into())?)),
        _ => Ok(None),
    }
}

/// The upstream of HTTP, and the credentials with which requests are sent to it.
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

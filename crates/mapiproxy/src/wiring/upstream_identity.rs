//! The credentials of requests at the upstream, from the mode in the configuration. The password of the service
//! account can be reloaded while the proxy runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use identity::{AuthError, Authority, ContextCounters, Mechanism, Password, pass_through};
use net::upstream_identity::{PassThrough, ServiceAccount, Unauthenticated, UpstreamIdentity};
use net::{AccountGate, Gate, LockoutLimits, ServiceCredentials};
use rpc::pdu::AuthLevel;

use crate::config::{Config, Credentials, Specified};
use crate::descriptors;
use crate::files::{self, FileError};

/// The identities at the upstream, by RPC and by HTTP, and its shared state.
pub(crate) struct UpstreamIdentities {
    /// For calls by RPC.
    pub(crate) rpc: UpstreamIdentity,
    /// For requests by HTTP.
    pub(crate) http: UpstreamIdentity,
    /// Whether the upstream can be reached.
    pub(crate) gate: Arc<Gate>,
    /// What SIGHUP reloads.
    service: Option<Service>,
}

impl UpstreamIdentities {
    /// The identities of the mode that `config` selects. Security contexts are counted in `contexts`.
    ///
    /// # Errors
    /// When the service account's password can't be read.
    pub(crate) fn read(config: &Config, contexts: &Arc<ContextCounters>) -> Result<Self, FileError> {
        match &config.upstream.credentials {
            Credentials::Specified(account) => {
                let service = Service::read(config, account.clone(), contexts)?;
                let rpc = service.rpc.clone().map_or_else(unauthenticated, UpstreamIdentity::new);
                let http = UpstreamIdentity::new(service.http.clone());
                Ok(Self { rpc, http, gate: gate(config), service: Some(service) })
            }
            Credentials::Relayed(_) => {
                let authority = Authority::new(&http_host(config).to_ascii_lowercase());
                let lifetime = Some(Duration::from_secs(config.clients.context_seconds));
                let contexts = Arc::clone(contexts);
                let http = PassThrough::new(pass_through::Config { authority, lifetime, contexts });
                Ok(Self { http: UpstreamIdentity::new(http), gate: gate(config), ..Self::unauthenticated() })
            }
        }
    }

    /// No credentials, for requests that need none.
    pub(crate) fn unauthenticated() -> Self {
        Self { rpc: unauthenticated(), http: unauthenticated(), gate: Gate::new(), service: None }
    }

    /// Reloads the service account's password, for connections that are opened from now on; `false` if there
    /// is no service account. If the password changed, the proxy authenticates with it at once, even if the
    /// upstream refused the account.
    ///
    /// # Errors
    /// When the password can't be read. The present one stays in use.
    pub(crate) fn reload(&self) -> Result<bool, FileError> {
        self.service.as_ref().map(Service::reload).transpose().map(|reloaded| reloaded.is_some())
    }
}

/// The gate of the upstream, with as many connections as there are descriptors for.
fn gate(config: &Config) -> Arc<Gate> {
    Gate::with_limit(descriptors::upstream_connections(config.clients.connections))
}

fn unauthenticated() -> UpstreamIdentity {
    UpstreamIdentity::new(Unauthenticated)
}

/// The service account.
struct Service {
    config: Config,
    account: Specified,
    contexts: Arc<ContextCounters>,
    /// For RPC; `None` if calls are unauthenticated, or RPC has no upstream.
    rpc: Option<ServiceAccount>,
    http: ServiceAccount,
    /// Whether the upstream accepts the account, by RPC and by HTTP.
    gate: Arc<AccountGate>,
    /// The password in use.
    password: Mutex<Password>,
}

impl Service {
    fn read(config: &Config, account: Specified, contexts: &Arc<ContextCounters>) -> Result<Self, FileError> {
        let password = files::read_password(&account.password_file)?;
        let credentials = account.credentials(&password);
        let gate = AccountGate::with_limits(LockoutLimits {
            attempts: account.lockout_attempts,
            pause: Duration::from_secs(account.lockout_seconds),
        });
        let rpc =
            rpc_account(config, &credentials, contexts).map(|account| ServiceAccount::new(account, &gate));
        let http = ServiceAccount::new(http_account(config, credentials, contexts)?, &gate);
        let (config, contexts) = (config.clone(), Arc::clone(contexts));
        Ok(Self { config, account, contexts, rpc, http, gate, password: Mutex::new(password) })
    }

    fn reload(&self) -> Result<(), FileError> {
        let read = files::read_password(&self.account.password_file)?;
        let mut password = self.password.lock().unwrap_or_else(PoisonError::into_inner);
        if password.expose() == read.expose() {
            self.gate.password_unchanged();
            return Ok(());
        }
        let credentials = self.account.credentials(&read);
        let rpc = rpc_account(&self.config, &credentials, &self.contexts);
        let http = http_account(&self.config, credentials, &self.contexts)?;
        *password = read;
        if let (Some(held), Some(account)) = (&self.rpc, rpc) {
            held.replace(account);
        }
        self.http.replace(http);
        self.gate.password_changed();
        Ok(())
    }
}

impl Specified {
    fn credentials(&self, password: &Password) -> identity::Credentials {
        identity::Credentials::password(&self.user, &self.domain, password)
    }
}

/// The account for RPC; `None` if calls are unauthenticated, or RPC has no upstream.
fn rpc_account(
    config: &Config,
    credentials: &identity::Credentials,
    contexts: &Arc<ContextCounters>,
) -> Option<ServiceCredentials> {
    let upstream = &config.upstream;
    let host = upstream.rpc.as_ref()?.host();
    let level = Some(AuthLevel::from(upstream.level)).filter(|level| *level != AuthLevel::NONE)?;
    let mechanism = Mechanism::from(upstream.authentication);
    let account = ServiceCredentials::new(credentials.clone(), mechanism, level, host, contexts);
    Some(account.meaning(target_name("exchangeMDB", host)))
}

/// The account for HTTP.
fn http_account(
    config: &Config,
    credentials: identity::Credentials,
    contexts: &Arc<ContextCounters>,
) -> Result<ServiceCredentials, AuthError> {
    let host = http_host(config);
    let mechanism = Mechanism::from(config.upstream.http_authentication);
    let account = ServiceCredentials::new(credentials, mechanism, AuthLevel::NONE, host, contexts);
    account.meaning(target_name("HTTP", host)).for_http()
}

/// The host of the upstream for HTTP.
fn http_host(config: &Config) -> &str {
    config.upstream.http.as_ref().map_or_else(|| config.upstream_host(), |server| &server.host)
}

/// The service principal name of a `service` of `host`; empty if the host is an address, for which services
/// have no principal names.
fn target_name(service: &str, host: &str) -> String {
    match host.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
        Ok(_) => String::new(),
        Err(_) => format!("{service}/{host}"),
    }
}

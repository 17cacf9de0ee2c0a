//! The account that stands for all clients at the server, whose password can be read again while it is in use.

use std::sync::{Arc, Mutex, PoisonError};

use identity::{Mechanism, Password, Refusal, Registry};
use net::http::HttpCredentials;
use net::{Account, Gate, Reloadable};
use rpc::pdu::AuthLevel;

use crate::config::{Config, Credentials};
use crate::files::{self, FileError};

/// As whom we act towards the server.
pub(crate) struct Service {
    config: Config,
    contexts: Arc<Registry>,
    /// The account for remote calls; none where they are made without signing in, or not at all.
    pub(crate) rpc: Option<Reloadable<Account>>,
    /// The credentials for HTTP.
    pub(crate) http: Reloadable<HttpCredentials>,
    /// Whether the server accepts the account, and can be reached.
    pub(crate) gate: Arc<Gate>,
    /// What was read last; none where there is no account.
    password: Mutex<Option<Password>>,
}

impl Service {
    /// As `config` says.
    ///
    /// # Errors
    /// When the password can't be read.
    pub(crate) fn read(config: &Config, contexts: &Arc<Registry>) -> Result<Self, FileError> {
        let password = password(config)?;
        let (rpc, http) = accounts(config, password.as_ref(), contexts)?;
        let (config, contexts) = (config.clone(), Arc::clone(contexts));
        let (rpc, http, gate) = (rpc.map(Reloadable::new), Reloadable::new(http), Gate::new());
        Ok(Self { config, contexts, rpc, http, gate, password: Mutex::new(password) })
    }

    /// Reads the password again, for connections that are opened from now on; whether there is one. Where it is
    /// another one, a sign-in with it is attempted at once, although the last one may have been refused.
    ///
    /// # Errors
    /// When it can't be read; then it is as it was.
    pub(crate) fn read_again(&self) -> Result<bool, FileError> {
        let Some(read) = password(&self.config)? else { return Ok(false) };
        let mut password = self.password.lock().unwrap_or_else(PoisonError::into_inner);
        if password.as_ref().is_some_and(|old| old.expose() == read.expose()) {
            return Ok(true);
        }
        let (rpc, http) = accounts(&self.config, Some(&read), &self.contexts)?;
        *password = Some(read);
        if let (Some(live), Some(account)) = (&self.rpc, rpc) {
            live.set(account);
        }
        self.http.set(http);
        self.gate.password_changed();
        Ok(true)
    }
}

/// The password that `config` names; none where clients sign in at the server themselves.
fn password(config: &Config) -> Result<Option<Password>, FileError> {
    match &config.upstream.credentials {
        Credentials::Specified { password_file, .. } => files::read_password(password_file).map(Some),
        Credentials::Relayed {} => Ok(None),
    }
}

/// The account as `config` says, for remote calls and for HTTP.
fn accounts(
    config: &Config,
    password: Option<&Password>,
    contexts: &Arc<Registry>,
) -> Result<(Option<Account>, HttpCredentials), Refusal> {
    match (&config.upstream.credentials, password) {
        (Credentials::Specified { user, domain, .. }, Some(password)) => {
            let account = (&**user, &**domain, password);
            Ok((rpc(config, account, contexts), http(config, account, contexts)?))
        }
        _ => Ok((None, HttpCredentials::Relayed)),
    }
}

/// The service principal name of a `service` of `host`; none where the host is named by an address, of which
/// services have no principal names.
fn target_name(service: &str, host: &str) -> String {
    match host.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
        Ok(_) => String::new(),
        Err(_) => format!("{service}/{host}"),
    }
}

fn rpc(config: &Config, account: (&str, &str, &Password), contexts: &Arc<Registry>) -> Option<Account> {
    let upstream = &config.upstream;
    let server = upstream.rpc.as_ref()?;
    let level = AuthLevel::from(upstream.level);
    let mechanism = Mechanism::from(upstream.authentication);
    let (user, domain, password) = account;
    let credentials = identity::Credentials::password(user, domain, password);
    let target = target_name("exchangeMDB", server.host());
    let account = || Account::new(credentials, mechanism, level, server.host(), contexts).meaning(target);
    (level != AuthLevel::NONE).then(account)
}

fn http(
    config: &Config,
    account: (&str, &str, &Password),
    contexts: &Arc<Registry>,
) -> Result<HttpCredentials, Refusal> {
    let (user, domain, password) = account;
    let host = config.upstream.http.as_ref().map_or_else(|| config.upstream_host(), |server| &server.host);
    let mechanism = Mechanism::from(config.upstream.http_authentication);
    let credentials = identity::Credentials::password(user, domain, password);
    let account = Account::new(credentials, mechanism, AuthLevel::NONE, host, contexts);
    HttpCredentials::account(account.meaning(target_name("HTTP", host)))
}

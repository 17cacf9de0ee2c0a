//! The account that stands for all clients at the server, whose password can be read again while it is in use.

use std::sync::Arc;

use identity::{Mechanism, Password, Registry, ntlm};
use net::http::HttpCredentials;
use net::{Account, Live};
use rpc::pdu::AuthLevel;

use crate::config::{Config, Credentials, Scheme, SignIn};
use crate::files::{self, FileError};

/// As whom we act towards the server.
pub(crate) struct Service {
    config: Config,
    contexts: Arc<Registry>,
    /// The account for remote calls; none where they are made without signing in, or not at all.
    pub(crate) rpc: Option<Live<Account>>,
    /// Whoever signs in by HTTP.
    pub(crate) http: Live<HttpCredentials>,
}

impl Service {
    /// As `config` says.
    ///
    /// # Errors
    /// When the password can't be read.
    pub(crate) fn read(config: &Config, contexts: &Arc<Registry>) -> Result<Self, FileError> {
        let (rpc, http) = read(config, contexts)?;
        let (config, contexts) = (config.clone(), Arc::clone(contexts));
        Ok(Self { config, contexts, rpc: rpc.map(Live::new), http: Live::new(http) })
    }

    /// Reads the password again, for connections that are opened from now on; whether there is one.
    ///
    /// # Errors
    /// When it can't be read; then it is as it was.
    pub(crate) fn read_again(&self) -> Result<bool, FileError> {
        let (rpc, http) = read(&self.config, &self.contexts)?;
        if let (Some(live), Some(account)) = (&self.rpc, rpc) {
            live.set(account);
        }
        self.http.set(http);
        Ok(matches!(self.config.upstream.credentials, Credentials::Specified { .. }))
    }
}

fn read(config: &Config, contexts: &Arc<Registry>) -> Result<(Option<Account>, HttpCredentials), FileError> {
    let Credentials::Specified { user, domain, password_file } = &config.upstream.credentials else {
        return Ok((None, HttpCredentials::Relayed));
    };
    let password = files::read_password(password_file)?;
    Ok((rpc(config, (user, domain, &password), contexts), http(config, (user, domain, &password), contexts)))
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
    let mechanism = match upstream.authentication {
        SignIn::Ntlm => Mechanism::Ntlm,
        SignIn::Spnego => Mechanism::Spnego,
    };
    let (user, domain, password) = account;
    let credentials = ntlm::Credentials::password(user, domain, password);
    let target = target_name("exchangeMDB", server.host());
    let account = || Account::new(credentials, mechanism, level, server.host(), contexts).meaning(target);
    (level != AuthLevel::NONE).then(account)
}

fn http(config: &Config, account: (&str, &str, &Password), contexts: &Arc<Registry>) -> HttpCredentials {
    let (user, domain, password) = account;
    let host = config.upstream.http.as_ref().map_or_else(|| config.upstream_host(), |server| &server.host);
    let handshake = |mechanism| {
        let credentials = ntlm::Credentials::password(user, domain, password);
        let account = Account::new(credentials, mechanism, AuthLevel::NONE, host, contexts);
        let account = account.meaning(target_name("HTTP", host));
        HttpCredentials::Handshake(Arc::new(account))
    };
    match config.upstream.http_authentication {
        Scheme::Basic => HttpCredentials::basic(user, domain, password),
        Scheme::Ntlm => handshake(Mechanism::Ntlm),
        Scheme::Negotiate => handshake(Mechanism::Spnego),
    }
}

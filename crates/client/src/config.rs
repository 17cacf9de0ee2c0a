//! Configuration of a client: the server, the account and timeouts.

use std::path::Path;
use std::time::Duration;

use identity::{AuthError, ContextCounters, Credentials, Mechanism, Password};
use mapi::mapihttp::Endpoint;
use net::http::{TlsError, TlsTrust, TlsVersion};
use net::{Location, ServiceCredentials};
use rpc::AuthLevel;

/// The server and the account of a [`crate::Client`].
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The server, and the protocol.
    pub server: Server,
    /// The account; `None` for unauthenticated calls.
    pub account: Option<ServiceCredentials>,
    /// The time limit for connecting and authenticating.
    pub timeout: Duration,
}

/// A server, and the protocol that carries the operations.
#[derive(Debug, Clone)]
pub enum Server {
    /// RPC over TCP ([MS-OXCRPC], [MS-OXNSPI]), with the services at this location.
    Rpc(Location),
    /// MAPI over HTTP ([MS-OXCMAPIHTTP]).
    Http(HttpServer),
}

/// A server of MAPI over HTTP.
#[derive(Debug, Clone)]
pub struct HttpServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How its certificate is verified; `None` without TLS.
    pub tls: Option<TlsTrust>,
    /// The request target of the mailbox store, such as `/mapi/emsmdb/?MailboxId=…` from Autodiscover.
    pub emsmdb: String,
    /// The request target of the address book.
    pub nspi: String,
}

impl HttpServer {
    /// The server `host`, which serves MAPI over HTTP within TLS on `port` at the usual targets. Its certificate is
    /// verified for `host`, with the certificates in `ca_file` or else those of the system.
    ///
    /// # Errors
    /// If `ca_file` cannot be used, or `host` is not a name.
    pub fn new(host: &str, port: u16, ca_file: Option<&Path>) -> Result<Self, TlsError> {
        let trust = TlsTrust::new(host, ca_file, TlsVersion::default())?;
        Ok(Self { tls: Some(trust), ..Self::without_tls(host, port) })
    }

    /// The server `host`, which serves MAPI over HTTP without TLS on `port` at the usual targets. Basic
    /// authentication would send the password unencrypted.
    pub fn without_tls(host: &str, port: u16) -> Self {
        let target = |endpoint: Endpoint| format!("{}/", endpoint.path());
        Self {
            host: host.to_owned(),
            port,
            tls: None,
            emsmdb: target(Endpoint::Emsmdb),
            nspi: target(Endpoint::Nspi),
        }
    }

    /// The request target of `endpoint`.
    pub(crate) fn target(&self, endpoint: Endpoint) -> &str {
        match endpoint {
            Endpoint::Emsmdb => &self.emsmdb,
            Endpoint::Nspi => &self.nspi,
        }
    }
}

impl ClientConfig {
    /// The default of `timeout`.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// `server`, without an account.
    pub const fn new(server: Server) -> Self {
        Self { server, account: None, timeout: Self::TIMEOUT }
    }

    /// A server whose endpoint mapper listens on `port` of `host`, without an account.
    pub fn mapper(host: &str, port: u16) -> Self {
        Self::new(Server::Rpc(Location::Mapper { host: host.to_owned(), port }))
    }

    /// A server that serves everything by RPC on `port` of `host`, without an account.
    pub fn fixed(host: &str, port: u16) -> Self {
        Self::new(Server::Rpc(Location::Fixed { host: host.to_owned(), port }))
    }

    /// A server of MAPI over HTTP, without an account, which [`Self::with_account`] adds.
    pub const fn http(server: HttpServer) -> Self {
        Self::new(Server::Http(server))
    }

    /// The same configuration with `account`.
    #[must_use]
    pub fn with_account(mut self, account: ServiceCredentials) -> Self {
        self.account = Some(account);
        self
    }
}

/// The account `user` of `domain` with its password, signing in by `mechanism`; RPC calls are protected at `level`.
pub fn account(
    user: &str,
    domain: &str,
    password: &Password,
    mechanism: Mechanism,
    level: AuthLevel,
) -> ServiceCredentials {
    let credentials = Credentials::password(user, domain, password);
    ServiceCredentials::new(credentials, mechanism, level, domain, &ContextCounters::new())
}

/// The account `user` of `domain` with its password, signing in over HTTP by `mechanism`.
///
/// # Errors
/// If HTTP does not have the mechanism.
pub fn http_account(
    user: &str,
    domain: &str,
    password: &Password,
    mechanism: Mechanism,
) -> Result<ServiceCredentials, AuthError> {
    account(user, domain, password, mechanism, AuthLevel::NONE).for_http()
}

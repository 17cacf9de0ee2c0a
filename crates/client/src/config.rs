//! Configuration of a client: the server, the account and timeouts.

use std::time::Duration;

use identity::{ContextCounters, Credentials, Mechanism, Password};
use net::{Location, ServiceCredentials};
use rpc::AuthLevel;

/// The server and the account of a [`crate::Client`].
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The location of the server's services.
    pub location: Location,
    /// The account; `None` for unauthenticated calls.
    pub account: Option<ServiceCredentials>,
    /// The time limit for connecting and authenticating.
    pub timeout: Duration,
}

impl ClientConfig {
    /// The default of `timeout`.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// A server whose endpoint mapper listens on `port` of `host`, without an account.
    pub fn mapper(host: &str, port: u16) -> Self {
        let location = Location::Mapper { host: host.to_owned(), port };
        Self { location, account: None, timeout: Self::TIMEOUT }
    }

    /// A server that serves everything on `port` of `host`, without an account.
    pub fn fixed(host: &str, port: u16) -> Self {
        let location = Location::Fixed { host: host.to_owned(), port };
        Self { location, account: None, timeout: Self::TIMEOUT }
    }

    /// The same configuration with `account`.
    #[must_use]
    pub fn with_account(mut self, account: ServiceCredentials) -> Self {
        self.account = Some(account);
        self
    }
}

/// The account `user` of `domain` with its password, signing in by `mechanism`; calls are protected as
/// `level` says.
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

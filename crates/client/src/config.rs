//! Configuration of a client: the server, the account and timeouts.

use std::time::Duration;

use identity::{ContextCounters, Credentials, Mechanism, Password};
use net::{Account, Location};
use rpc::AuthLevel;

/// Which server a [`crate::Client`] is for, and as whom it signs in.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Where the server's services are found.
    pub location: Location,
    /// The account to sign in with; none for unauthenticated calls.
    pub account: Option<Account>,
    /// How long connecting and signing in may take.
    pub timeout: Duration,
}

impl ClientConfig {
    /// How long connecting and signing in may take where nothing else is said.
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

    /// The same, signing in with `account`.
    #[must_use]
    pub fn with_account(mut self, account: Account) -> Self {
        self.account = Some(account);
        self
    }
}

/// The account `user` of `domain` with its password, signing in by `mechanism`; calls are protected as `level`
/// says.
pub fn account(
    user: &str,
    domain: &str,
    password: &Password,
    mechanism: Mechanism,
    level: AuthLevel,
) -> Account {
    let credentials = Credentials::password(user, domain, password);
    Account::new(credentials, mechanism, level, domain, &ContextCounters::new())
}

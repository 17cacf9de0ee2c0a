//! The back-off of client authentication, and the log of failed attempts.
//!
//! Three counters slow guessing down. None of them locks out a user who has the right password and does not share the
//! attacker's address:
//!
//! - *address and account*: after [`AuthLimits::failures`] failed attempts, no password for the account is checked
//!   from this address for a second, then two, four and so on up to [`AuthLimits::longest_wait`].
//! - *address*: after failed attempts for [`limits::ACCOUNTS_PER_SOURCE`] different accounts, the same for further accounts.
//! - *account*: after [`limits::SOURCES_FACTOR`] times as many failed attempts from all addresses together, the same for
//!   addresses that have failed for it before. The first attempt of an address is always checked.
//!
//! An address from which an account has signed in is limited by the first counter alone. All tables are bounded.

mod backoff;
mod limits;
mod report;
mod table;

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::ClaimedName;
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::limits::AuthLimits;
use self::report::{ImmediateLines, REPORT_AFTER};
use self::table::Table;
use crate::tcp::network::{Network, source};

/// Counts the authentication attempts of all listeners.
#[derive(Debug)]
pub struct AuthLimit {
    limits: AuthLimits,
    /// Load balancers and reverse proxies: their addresses stand for many clients, which are not counted together.
    trusted_proxies: Vec<Network>,
    table: Mutex<Table>,
    immediate: ImmediateLines,
}

impl Default for AuthLimit {
    fn default() -> Self {
        Self::build(AuthLimits::default(), Vec::new())
    }
}

impl AuthLimit {
    /// Counts attempts against `limits`. Many clients connect through each of the `trusted_proxies`, load balancers and
    /// reverse proxies.
    pub fn new(limits: AuthLimits, trusted_proxies: Vec<Network>) -> Arc<Self> {
        Arc::new(Self::build(limits, trusted_proxies))
    }

    fn build(limits: AuthLimits, trusted_proxies: Vec<Network>) -> Self {
        Self { limits, trusted_proxies, table: Mutex::default(), immediate: ImmediateLines::default() }
    }

    /// Whether a password from `peer` for the account `name` may be checked.
    ///
    /// # Errors
    /// The time until the next one may be.
    pub(crate) fn check(&self, peer: SocketAddr, name: &ClaimedName, now: Instant) -> Result<(), Duration> {
        let mut table = self.lock();
        match table.wait(source(peer.ip()), name, self.is_trusted_proxy(peer.ip()), now) {
            Duration::ZERO => Ok(()),
            wait => {
                table.throttled(source(peer.ip()), name, now);
                Err(wait)
            }
        }
    }

    /// An attempt failed. `name` is `None` if the credentials do not contain a name: then no password was guessed, and the attempt is only
    /// logged.
    pub(crate) fn failed(
        &self,
        peer: SocketAddr,
        name: Option<&ClaimedName>,
        why: impl Display,
        now: Instant,
    ) {
        if let Some(name) = name {
            self.lock().failed(source(peer.ip()), name, self.is_trusted_proxy(peer.ip()), self.limits, now);
        }
        self.log(peer, name, &why, now);
    }

    /// The server's response does not tell whether an attempt succeeded: it is only logged.
    pub(crate) fn unclear(
        &self,
        peer: SocketAddr,
        name: Option<&ClaimedName>,
        why: impl Display,
        now: Instant,
    ) {
        self.log(peer, name, &why, now);
    }

    fn log(&self, peer: SocketAddr, name: Option<&ClaimedName>, why: &dyn Display, now: Instant) {
        if !self.lock().report_failure(source(peer.ip()), name, now) || !self.immediate.pass(now) {
            return;
        }
        self.lock().logged(source(peer.ip()), name);
        if let Some(account) = name {
            tracing::warn!(client = %peer, %account, "client authentication failed: {why}");
        } else {
            tracing::warn!(client = %peer, "client authentication failed: {why}");
        }
    }

    /// An attempt succeeded.
    pub(crate) fn succeeded(&self, peer: SocketAddr, name: &ClaimedName, now: Instant) {
        self.lock().succeeded(source(peer.ip()), name, now);
    }

    /// Logs failed attempts that are not logged yet: those that are due, or `all`.
    pub fn report(&self, all: bool) {
        let now = Instant::now();
        let due = self.lock().take_unreported(now, if all { Duration::ZERO } else { REPORT_AFTER });
        due.log();
    }

    /// Logs failed attempts when they are due, until `shutdown` turns true or its sender is dropped.
    pub async fn keep_reporting(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut due = tokio::time::interval(REPORT_AFTER / 4);
        while !*shutdown.borrow() {
            tokio::select! {
                _ = due.tick() => self.report(false),
                changed = shutdown.changed() => if changed.is_err() { return },
            }
        }
    }

    fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

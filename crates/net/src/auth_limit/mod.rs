//! The rate limit of sign-in attempts, and the log of those that are refused.
//!
//! Three counters slow guessing down. None of them can keep a user out who has the right password and does not
//! share the guesser's address:
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

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::ClaimedName;
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::limits::AuthLimits;
use self::report::{LoggedAtOnce, REPORT_AFTER};
use self::table::Table;
use crate::tcp::network::{Network, source};

/// Counts the sign-in attempts of all listeners.
#[derive(Debug)]
pub struct AuthLimit {
    limits: AuthLimits,
    /// Their addresses stand for many clients, so that what one of them does must not be counted against all.
    fronts: Vec<Network>,
    table: Mutex<Table>,
    at_once: LoggedAtOnce,
}

impl Default for AuthLimit {
    fn default() -> Self {
        Self::build(AuthLimits::default(), Vec::new())
    }
}

impl AuthLimit {
    /// Counts against `limits`. The addresses of `fronts` are those of servers that many clients come through.
    pub fn new(limits: AuthLimits, fronts: Vec<Network>) -> Arc<Self> {
        Arc::new(Self::build(limits, fronts))
    }

    fn build(limits: AuthLimits, fronts: Vec<Network>) -> Self {
        Self { limits, fronts, table: Mutex::default(), at_once: LoggedAtOnce::default() }
    }

    /// Whether a password for the account `name` may be checked that came from `peer`.
    ///
    /// # Errors
    /// How long none is checked.
    pub(crate) fn check(&self, peer: SocketAddr, name: &ClaimedName, now: Instant) -> Result<(), Duration> {
        let mut table = self.lock();
        match table.wait(source(peer.ip()), name, self.is_front(peer.ip()), now) {
            Duration::ZERO => Ok(()),
            wait => {
                table.unchecked(source(peer.ip()), name, now);
                Err(wait)
            }
        }
    }

    /// An attempt failed. `name` is none where the credentials hold none; then no password was guessed, and it is
    /// only logged.
    pub(crate) fn failed(&self, peer: SocketAddr, name: Option<&ClaimedName>, why: &str, now: Instant) {
        if let Some(name) = name {
            self.lock().failed(source(peer.ip()), name, self.is_front(peer.ip()), self.limits, now);
        }
        self.log(peer, name, why, now);
    }

    /// The server's answer does not say whether an attempt was good: it is only logged.
    pub(crate) fn unclear(&self, peer: SocketAddr, name: Option<&ClaimedName>, why: &str, now: Instant) {
        self.log(peer, name, why, now);
    }

    fn log(&self, peer: SocketAddr, name: Option<&ClaimedName>, why: &str, now: Instant) {
        if !self.lock().refused(source(peer.ip()), name, now) || !self.at_once.pass(now) {
            return;
        }
        self.lock().logged(source(peer.ip()), name);
        if let Some(account) = name {
            tracing::warn!(%peer, %account, "sign-in refused: {why}");
        } else {
            tracing::warn!(%peer, "sign-in refused: {why}");
        }
    }

    /// An attempt was good.
    pub(crate) fn succeeded(&self, peer: SocketAddr, name: &ClaimedName, now: Instant) {
        self.lock().succeeded(source(peer.ip()), name, now);
    }

    /// Logs what was refused and not yet logged: where it has waited for long enough, or `all`.
    pub fn report(&self, all: bool) {
        let now = Instant::now();
        let due = self.lock().take_unreported(now, if all { Duration::ZERO } else { REPORT_AFTER });
        due.log();
    }

    /// Logs refused attempts as they fall due, until `stop` turns true or its sender is gone.
    pub async fn keep_reporting(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut due = tokio::time::interval(REPORT_AFTER / 4);
        while !*stop.borrow() {
            tokio::select! {
                _ = due.tick() => self.report(false),
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    fn is_front(&self, address: IpAddr) -> bool {
        self.fronts.iter().any(|front| front.contains(address))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

//! The counters of authentication attempts, and their log.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::ClaimedName;
use tokio::sync::watch;
use tokio::time::Instant;

use super::counts::{Counter, Outcome};
use super::limits::AuthLimits;
use super::lines::{Line, LineBudget, lines};
use super::peer::Peer;
use super::report::REPORT_AFTER;
use super::table::{Admission, Table};
use super::throttled::Throttled;
use super::unnamed::UnnamedClients;
use crate::tcp::network::{Network, source};

/// Counts the authentication attempts of all listeners.
#[derive(Debug)]
pub struct AuthLimiter {
    /// Load balancers and reverse proxies: many clients share their addresses, and are not counted together.
    trusted_proxies: Vec<Network>,
    table: Mutex<Table>,
    log_lines: LineBudget,
    unnamed: UnnamedClients,
}

impl Default for AuthLimiter {
    fn default() -> Self {
        Self::build(AuthLimits::default(), Vec::new())
    }
}

impl AuthLimiter {
    /// Counts attempts against `limits`. Many clients connect through each of the `trusted_proxies`, load balancers
    /// and reverse proxies.
    pub fn new(limits: AuthLimits, trusted_proxies: Vec<Network>) -> Arc<Self> {
        Arc::new(Self::build(limits, trusted_proxies))
    }

    fn build(limits: AuthLimits, trusted_proxies: Vec<Network>) -> Self {
        Self {
            trusted_proxies,
            table: Mutex::new(Table::new(limits)),
            log_lines: LineBudget::default(),
            unnamed: UnnamedClients::default(),
        }
    }

    /// Begins an attempt of `peer` for the account `name`. `waits` is since when it waits, and whether it had a place
    /// in the queue before.
    pub(super) fn admit(
        &self,
        client: SocketAddr,
        name: &ClaimedName,
        waits: (Instant, bool),
        now: Instant,
    ) -> Admission {
        let peer = self.peer(client);
        if peer.is_shared {
            self.unnamed.report(client, now);
        }
        self.lock().begin(peer, name, waits, now)
    }

    /// Counts an attempt that was refused without a check.
    pub(super) fn throttled(
        &self,
        client: SocketAddr,
        name: &ClaimedName,
        throttled: Throttled,
        now: Instant,
    ) {
        let is_first = self.lock().throttled(source(client.ip()), name, now);
        if is_first && self.log_lines.immediate(now) {
            let seconds = throttled.retry_after.as_secs() + 1;
            let key = "clients.failed_sign_ins";
            tracing::warn!(%client, account = %name, seconds, key, "client authentication delayed: {throttled}");
        }
    }

    /// Counts the outcome of an attempt that `admit` began.
    pub(super) fn end(
        &self,
        peer: SocketAddr,
        name: &ClaimedName,
        counter: Counter,
        outcome: Outcome,
        now: Instant,
    ) {
        let peer = self.peer(peer);
        self.lock().end(peer, name, (counter, outcome), now);
    }

    /// Credentials without a name were rejected. No password was guessed, so that the failure is only logged.
    pub(crate) fn failed_unnamed(&self, peer: SocketAddr, why: impl Display, now: Instant) {
        self.log(peer, None, &why, now);
    }

    pub(super) fn log(&self, peer: SocketAddr, name: Option<&ClaimedName>, why: &dyn Display, now: Instant) {
        if !self.lock().report_failure(source(peer.ip()), name, now) || !self.log_lines.immediate(now) {
            return;
        }
        self.lock().logged(source(peer.ip()), name);
        if let Some(account) = name {
            tracing::warn!(client = %peer, %account, "client authentication failed: {why}");
        } else {
            tracing::warn!(client = %peer, "client authentication failed: {why}");
        }
    }

    /// Logs the attempts that are not logged yet.
    pub fn report(&self) {
        self.take_lines(Instant::now()).iter().for_each(Line::log);
    }

    pub(super) fn take_lines(&self, now: Instant) -> Vec<Line> {
        let (addresses, others) = self.lock().take_unreported();
        lines(addresses, others, self.log_lines.report(now))
    }

    /// Logs failed attempts when they are due, until `shutdown` turns true or its sender is dropped.
    pub async fn keep_reporting(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut due = tokio::time::interval(REPORT_AFTER);
        while !*shutdown.borrow() {
            tokio::select! {
                _ = due.tick() => self.report(),
                changed = shutdown.changed() => if changed.is_err() { return },
            }
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        self.lock().sizes()
    }

    fn peer(&self, peer: SocketAddr) -> Peer {
        let is_shared = self.trusted_proxies.iter().any(|network| network.contains(peer.ip()));
        Peer { source: source(peer.ip()), is_shared }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

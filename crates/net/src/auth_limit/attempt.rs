//! An authentication attempt whose outcome is not known yet.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::{ClaimedName, Principal};
use tokio::time::{Instant, timeout_at};

use super::limiter::AuthLimit;
use super::limits::{LONGEST_QUEUE_WAIT, RETRY_AFTER};
use super::table::{Admission, Counter, Outcome};

/// An attempt in flight. Its outcome is to be reported: an attempt that is dropped counts as failed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt {
    limit: Arc<AuthLimit>,
    peer: SocketAddr,
    name: ClaimedName,
    /// Where the attempt is counted; `None` once its outcome is.
    counter: Option<Counter>,
}

impl AuthLimit {
    /// Begins an attempt of `peer` that a server verifies. It may wait for the outcomes of others.
    ///
    /// # Errors
    /// The time after which the client may retry.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        peer: SocketAddr,
        name: &ClaimedName,
    ) -> Result<Attempt, Duration> {
        let deadline = Instant::now() + LONGEST_QUEUE_WAIT;
        loop {
            let waiting = match self.admit(peer, name, true, Instant::now()) {
                Admission::Begun(counter) => return Ok(self.attempt(peer, name, counter)),
                Admission::Throttled(wait) => return Err(wait),
                Admission::Queued(waiting) => waiting,
            };
            if timeout_at(deadline, waiting).await.is_err() {
                self.throttled(peer, name, Instant::now());
                return Err(RETRY_AFTER);
            }
        }
    }

    /// Begins an attempt of `peer` that the proxy verifies at once. It waits for no others: the proxy verifies at
    /// most one for each of its threads at the same time.
    ///
    /// # Errors
    /// The time after which the client may retry.
    pub(crate) fn begin_local(
        self: &Arc<Self>,
        peer: SocketAddr,
        name: &ClaimedName,
        now: Instant,
    ) -> Result<Attempt, Duration> {
        match self.admit(peer, name, false, now) {
            Admission::Begun(counter) => Ok(self.attempt(peer, name, counter)),
            Admission::Throttled(wait) => Err(wait),
            Admission::Queued(_) => Err(RETRY_AFTER),
        }
    }

    fn attempt(self: &Arc<Self>, peer: SocketAddr, name: &ClaimedName, counter: Counter) -> Attempt {
        Attempt { limit: Arc::clone(self), peer, name: name.clone(), counter: Some(counter) }
    }
}

impl Attempt {
    /// The credentials are wrong.
    pub(crate) fn failed(mut self, why: impl Display, now: Instant) {
        self.end(Outcome::Failed, now);
        self.limit.log(self.peer, Some(&self.name), &why, now);
    }

    /// The server's response does not tell whether the credentials are right: the attempt is only logged.
    pub(crate) fn unclear(mut self, why: impl Display, now: Instant) {
        self.end(Outcome::Unknown, now);
        self.limit.log(self.peer, Some(&self.name), &why, now);
    }

    /// The credentials were neither accepted nor rejected, such as those of a handshake that continues, and those
    /// that did not reach the server.
    pub(crate) fn release(mut self, now: Instant) {
        self.end(Outcome::Unknown, now);
    }

    /// The credentials proved that the client is `principal`.
    pub(crate) fn succeeded(mut self, principal: &Principal, now: Instant) {
        let is_proven = self.name.can_denote(principal);
        self.end(if is_proven { Outcome::Proven } else { Outcome::Unknown }, now);
    }

    fn end(&mut self, outcome: Outcome, now: Instant) {
        if let Some(counter) = self.counter.take() {
            self.limit.end(self.peer, &self.name, counter, outcome, now);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.end(Outcome::Failed, Instant::now());
    }
}

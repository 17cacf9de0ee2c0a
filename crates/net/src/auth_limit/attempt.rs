//! An authentication attempt whose outcome is not known yet.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use identity::{ClaimedName, Principal};
use tokio::time::{Instant, sleep, timeout_at};

use super::counts::{Counter, Outcome};
use super::limiter::AuthLimiter;
use super::limits::{EXAMINED_AGAIN, LONGEST_QUEUE_WAIT};
use super::table::Admission;
use super::throttled::Throttled;

/// An attempt in flight. Its outcome must be recorded: an attempt that is dropped without one counts as failed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt {
    limit: Arc<AuthLimiter>,
    peer: SocketAddr,
    name: ClaimedName,
    /// The counter of the attempt; `None` once its outcome is recorded.
    counter: Option<Counter>,
}

impl AuthLimiter {
    /// Begins an attempt of `peer`. It may wait for the outcomes of others, or for its turn.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        peer: SocketAddr,
        name: &ClaimedName,
    ) -> Result<Attempt, Throttled> {
        let since = Instant::now();
        let deadline = since + LONGEST_QUEUE_WAIT;
        let mut again = false;
        let throttled = loop {
            let now = Instant::now();
            match self.admit(peer, name, (since, again), now) {
                Admission::Begun(counter) => return Ok(self.attempt(peer, name, counter)),
                Admission::Throttled(throttled) => break throttled,
                Admission::Later(throttled) if now + throttled.retry_after > deadline => break throttled,
                Admission::Later(throttled) => sleep(throttled.retry_after).await,
                Admission::Queued(_) if now >= deadline => break Throttled::busy(),
                Admission::Queued(place) => {
                    // Limits other than that on attempts in flight may apply meanwhile.
                    if let Ok(Err(_)) = timeout_at(deadline.min(now + EXAMINED_AGAIN), place).await {
                        // An attempt for another account took its place in the queue.
                        break Throttled::busy();
                    }
                }
            }
            again = true;
        };
        self.throttled(peer, name, throttled, Instant::now());
        Err(throttled)
    }

    pub(super) fn attempt(
        self: &Arc<Self>,
        peer: SocketAddr,
        name: &ClaimedName,
        counter: Counter,
    ) -> Attempt {
        Attempt { limit: Arc::clone(self), peer, name: name.clone(), counter: Some(counter) }
    }
}

impl Attempt {
    /// The credentials are wrong.
    pub(crate) fn failed(mut self, why: impl Display, now: Instant) {
        self.end(Outcome::Failed, now);
        self.limit.log(self.peer, Some(&self.name), &why, now);
    }

    /// The credentials were not sent to the server: the attempt is only logged.
    pub(crate) fn unsent(mut self, why: impl Display, now: Instant) {
        self.end(Outcome::Unknown, now);
        self.limit.log(self.peer, Some(&self.name), &why, now);
    }

    /// The server's response does not show whether the credentials are right.
    pub(crate) fn unproven(mut self, why: impl Display, now: Instant) {
        self.end(Outcome::Unproven, now);
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

    #[cfg(test)]
    pub(super) const fn name(&self) -> &ClaimedName {
        &self.name
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

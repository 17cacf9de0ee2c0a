//! Exponential delays after failed attempts.

use std::time::Duration;

use tokio::time::Instant;

/// The least time for which failed attempts are remembered after the last one.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(15);

/// Failed attempts of one kind, and the time until which no further one is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    pub(super) failures: u32,
    pub(super) last: Instant,
    until: Instant,
}

impl Backoff {
    pub(super) fn new(now: Instant) -> Self {
        Self { failures: 0, last: now, until: now }
    }

    /// Counts a failed attempt. After the first `free` ones each doubles the delay, from a second up to `longest`.
    pub(super) fn failed(&mut self, free: u32, longest: Duration, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        if let Some(over) = self.failures.checked_sub(free.saturating_add(1)) {
            let wait = Duration::from_secs(1_u64.checked_shl(over).unwrap_or(u64::MAX)).min(longest);
            self.until = now + wait;
        }
    }

    /// The time until the next attempt is checked.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    /// Whether the attempts were so long ago that they do not count any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.last) >= FORGOTTEN_AFTER && self.wait(now).is_zero()
    }
}

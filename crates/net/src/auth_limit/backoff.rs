//! Exponential delays after failed attempts.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time for which failed attempts are remembered after the last one.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(15);

/// Why a counter does not permit the next attempt now. The later variant is the more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blocked {
    /// The limit would be exceeded if all attempts in flight failed.
    InFlight,
    /// Too many attempts failed. The next one is permitted after this time.
    For(Duration),
}

/// The attempts that an address, or a network, made itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attempts {
    pub(super) failed: u32,
    pub(super) in_flight: u32,
}

impl Attempts {
    pub(super) const fn of(backoff: &Backoff) -> Self {
        Self { failed: backoff.failures, in_flight: backoff.in_flight }
    }

    pub(super) const fn with_failed(self, failed: u32) -> Self {
        Self { failed: self.failed.saturating_add(failed), ..self }
    }
}

/// Failed attempts of one kind, those in flight, and the time until which no further one is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    failures: u32,
    in_flight: u32,
    /// When the last attempt failed; before that, when the first one began.
    pub(super) last: Instant,
    /// Set by failures alone: threads take the times before they lock the counters, so that the outcome of another
    /// attempt may be later than the beginning of this one.
    until: Option<Instant>,
}

impl Backoff {
    pub(super) const fn new(now: Instant) -> Self {
        Self { failures: 0, in_flight: 0, last: now, until: None }
    }

    /// An attempt begins. Attempts that were too long ago are forgotten first.
    pub(super) fn begin(&mut self, now: Instant) {
        self.forget(now);
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// The outcome of an attempt in flight is known.
    pub(super) const fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Counts a failed attempt. After the first `free` ones each doubles the delay, from a second up to `longest`.
    pub(super) fn failed(&mut self, free: u32, longest: Duration, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        if let Some(over) = self.failures.checked_sub(free.saturating_add(1)) {
            let wait = Duration::from_secs(1_u64.checked_shl(over).unwrap_or(u64::MAX)).min(longest);
            self.until = Some(now + wait);
        }
    }

    /// Forgets the failed attempts.
    pub(super) const fn reset(&mut self, now: Instant) {
        *self = Self { in_flight: self.in_flight, ..Self::new(now) };
    }

    /// Forgets attempts that were too long ago.
    pub(super) fn forget(&mut self, now: Instant) {
        if self.is_over(now) {
            self.reset(now);
        }
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }

    pub(super) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(super) const fn is_in_flight(&self) -> bool {
        self.in_flight > 0
    }

    /// Whether there is nothing to remember.
    pub(super) const fn is_unused(&self) -> bool {
        self.failures == 0 && self.in_flight == 0
    }

    /// Why the next attempt is not checked now, if `free` failed ones are not delayed.
    pub(super) fn blocked(&self, free: u32, now: Instant) -> Option<Blocked> {
        self.blocked_with(free, self.in_flight, now)
    }

    /// The same if `in_flight` attempts are in flight.
    pub(super) fn blocked_with(&self, free: u32, in_flight: u32, now: Instant) -> Option<Blocked> {
        if let Some(until) = self.until
            && until > now
        {
            return Some(Blocked::For(until - now));
        }
        // One attempt is checked after each delay.
        let most = free.saturating_add(1).saturating_sub(self.failures).max(1);
        (in_flight >= most).then_some(Blocked::InFlight)
    }

    /// Whether the attempts were so long ago that they do not count any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.in_flight == 0
            && now.duration_since(self.last) >= FORGOTTEN_AFTER
            && self.until.is_none_or(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_forgotten_although_attempts_that_do_not_fail_continue() {
        let begin = Instant::now();
        let mut backoff = Backoff::new(begin);
        backoff.failed(5, Duration::from_mins(1), begin);
        for minute in 1..15 {
            backoff.begin(begin + Duration::from_mins(minute));
            backoff.end();
            assert!(backoff.has_failed(), "after {minute} minutes");
        }
        backoff.begin(begin + FORGOTTEN_AFTER);
        assert!(!backoff.has_failed());
    }
}

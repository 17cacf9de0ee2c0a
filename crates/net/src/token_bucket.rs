//! A token bucket, by which the work for an unauthenticated client is limited.

use std::time::Duration;

use tokio::time::Instant;

/// How many tokens a bucket has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// The most tokens at a time. A new bucket has as many.
    pub(crate) burst: i64,
    /// How many are added per second.
    pub(crate) per_second: i64,
}

/// Tokens, which work takes and time adds.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    rate: Rate,
    left: i64,
    refilled: Instant,
}

impl TokenBucket {
    pub(crate) const fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: rate.burst, refilled: now }
    }

    /// Adds the tokens for the time since the last call.
    pub(crate) fn refill(&mut self, now: Instant) {
        let elapsed = i64::try_from(now.duration_since(self.refilled).as_millis()).unwrap_or(i64::MAX);
        let more = elapsed.saturating_mul(self.rate.per_second) / 1000;
        // A fraction of a token is added by a later call.
        if more > 0 {
            self.left = self.left.saturating_add(more).min(self.rate.burst);
            self.refilled = now;
        }
    }

    /// Removes tokens, also those that later time adds: then the number left is negative.
    pub(crate) fn take(&mut self, tokens: u64) {
        self.left = self.left.saturating_sub_unsigned(tokens);
    }

    /// Adds tokens that were removed before.
    pub(crate) fn put(&mut self, tokens: u64) {
        self.left = self.left.saturating_add_unsigned(tokens).min(self.rate.burst);
    }

    /// How long it takes until more tokens have been added than were removed.
    pub(crate) fn empty_for(&self) -> Duration {
        let missing = u64::try_from(1_i64.saturating_sub(self.left)).unwrap_or(0);
        let per_second = u64::try_from(self.rate.per_second).unwrap_or(0).max(1);
        Duration::from_millis(missing.saturating_mul(1000) / per_second)
    }

    /// How many tokens are left; 0 if more were taken than there were.
    pub(crate) fn left(&self) -> u64 {
        u64::try_from(self.left).unwrap_or(0)
    }
}

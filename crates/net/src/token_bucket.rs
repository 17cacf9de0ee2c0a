//! A token bucket, which limits the work for an unauthenticated client.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest and the longest delay of a client whose bucket is empty.
pub(crate) const DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The size and refill rate of a bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// The most tokens at a time. A new bucket has as many.
    pub(crate) burst: i64,
    /// How many are added per second.
    pub(crate) per_second: i64,
}

/// A bucket of tokens: work removes them, and they are added with time.
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

    /// Removes tokens. If there are fewer, the number left becomes negative, and later ones are used up in advance.
    pub(crate) fn take(&mut self, tokens: u64) {
        self.left = self.left.saturating_sub_unsigned(tokens);
    }

    /// Adds tokens that were removed before.
    pub(crate) fn put(&mut self, tokens: u64) {
        self.left = self.left.saturating_add_unsigned(tokens).min(self.rate.burst);
    }

    /// How long a client is delayed: until the number of tokens is positive again, within [`DELAYS`]; zero if it is.
    pub(crate) fn delay(&self) -> Duration {
        if self.left() > 0 {
            return Duration::ZERO;
        }
        let missing = u64::try_from(1_i64.saturating_sub(self.left)).unwrap_or(0);
        let per_second = u64::try_from(self.rate.per_second).unwrap_or(0).max(1);
        let (shortest, longest) = DELAYS;
        Duration::from_millis(missing.saturating_mul(1000) / per_second).clamp(shortest, longest)
    }

    /// The number of tokens left; 0 if it is negative.
    pub(crate) fn left(&self) -> u64 {
        u64::try_from(self.left).unwrap_or(0)
    }
}

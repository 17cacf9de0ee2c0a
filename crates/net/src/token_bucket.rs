//! A token bucket, which limits the work for an unauthenticated client.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest and the longest delay of a client whose bucket is empty.
pub(crate) const DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Nanoseconds in a second.
const NANOS: u128 = Duration::from_secs(1).as_nanos();

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
        let nanos = now.duration_since(self.refilled).as_nanos().saturating_mul(self.per_second().into());
        self.put(u64::try_from(nanos / NANOS).unwrap_or(u64::MAX));
        // The time of a fraction of a token counts in a later call.
        let rest = nanos % NANOS / u128::from(self.per_second());
        let rest = Duration::from_nanos(u64::try_from(rest).unwrap_or(0));
        self.refilled = now.checked_sub(rest).unwrap_or(now);
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
        let (shortest, longest) = DELAYS;
        Duration::from_millis(missing.saturating_mul(1000) / self.per_second()).clamp(shortest, longest)
    }

    fn per_second(&self) -> u64 {
        u64::try_from(self.rate.per_second).unwrap_or(0).max(1)
    }

    /// The number of tokens left; 0 if it is negative.
    pub(crate) fn left(&self) -> u64 {
        u64::try_from(self.left).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_added_at_the_configured_rate_however_often_that_is_done() {
        for per_second in [3, 1000, 20_000, 100_000] {
            for micros in [1, 70, 1900, 333_333] {
                let begin = Instant::now();
                let rate = Rate { burst: i64::MAX, per_second };
                let mut bucket = TokenBucket { left: 0, ..TokenBucket::new(rate, begin) };
                let count = 10_000;
                for number in 1..=count {
                    bucket.refill(begin + Duration::from_micros(number * micros));
                }
                let expected = count * micros * bucket.per_second() / 1_000_000;
                let left = bucket.left();
                let why = || {
                    format!("{left} of {expected} tokens, {per_second} a second, each {micros} microseconds")
                };
                assert!(left <= expected && left + 1 + expected / 1000 >= expected, "{}", why());
            }
        }
    }
}

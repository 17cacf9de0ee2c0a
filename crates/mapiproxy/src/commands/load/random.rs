//! Random numbers from a seed, so that a load can be repeated.

use std::time::Duration;

/// A generator (`SplitMix64`).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The numbers of the user `index`.
    pub(super) const fn of_user(seed: u64, index: u64) -> Self {
        let mut random = Self(seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        random.next();
        random
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, or zero if that is zero.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let number = self.next().checked_rem(limit).unwrap_or_default();
        usize::try_from(number).unwrap_or_default()
    }

    /// One of `all`.
    pub(super) fn choice<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let index = self.below(all.len());
        all.get(index)
    }

    /// A time with an exponential distribution of the mean `mean`, at most ten times the mean.
    pub(super) fn pause(&mut self, mean: Duration) -> Duration {
        let share = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        let uniform = (f64::from(share) + 1.0) / (f64::from(u32::MAX) + 1.0);
        mean.mul_f64((-uniform.ln()).min(10.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_have_the_mean_and_the_numbers_of_users_differ() {
        let mut random = Random::of_user(1, 1);
        let mean = Duration::from_secs(30);
        let all: Duration = (0..10_000).map(|_| random.pause(mean)).sum();
        let seconds = (all / 10_000).as_secs_f64();
        assert!((28.5..31.5).contains(&seconds), "{seconds}");
        let numbers = |user| {
            let mut random = Random::of_user(1, user);
            [random.below(1000), random.below(1000), random.below(1000)]
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        assert_eq!(random.below(0), 0);
    }
}

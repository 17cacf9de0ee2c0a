//! Random numbers from a seed, so that a load can be repeated.

use std::time::Duration;

/// A generator, which is not for secrets.
#[derive(Debug, Clone)]
pub(super) struct Random(fastrand::Rng);

impl Random {
    /// The numbers of the user `index`.
    pub(super) fn of_user(seed: u64, index: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// A number below `limit`, or zero if that is zero.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { self.0.usize(..limit) }
    }

    /// One of `all`.
    pub(super) fn choice<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        self.0.choice(all)
    }

    /// A time with an exponential distribution of the mean `mean`, at most ten times the mean.
    pub(super) fn pause(&mut self, mean: Duration) -> Duration {
        // Not zero, which has no logarithm.
        let uniform = 1.0 - self.0.f64();
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

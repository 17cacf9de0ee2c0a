//! Limits on failed authentication.

use std::time::Duration;

/// Limits on failed authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthLimits {
    /// The failed attempts of one address for one account that are answered without a delay.
    pub failures: u32,
    /// The longest delay between two attempts.
    pub longest_wait: Duration,
}

impl Default for AuthLimits {
    fn default() -> Self {
        Self { failures: 5, longest_wait: Duration::from_mins(1) }
    }
}

/// The accounts for which attempts of one address may fail before it is delayed.
pub(super) const ACCOUNTS_PER_SOURCE: usize = 20;

/// The failed attempts for one account from all addresses together, as a multiple of [`AuthLimits::failures`].
pub(super) const SOURCES_FACTOR: u32 = 20;

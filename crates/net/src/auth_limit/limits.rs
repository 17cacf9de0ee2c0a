//! How often clients may fail to sign in.

use std::time::Duration;

/// How often clients may fail to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthLimits {
    /// So many failed attempts of one address for one account are answered without a wait.
    pub failures: u32,
    /// The longest wait between two attempts.
    pub longest_wait: Duration,
}

impl Default for AuthLimits {
    fn default() -> Self {
        Self { failures: 5, longest_wait: Duration::from_mins(1) }
    }
}

/// Failed attempts for so many different accounts are taken from one address before it has to wait.
pub(super) const ACCOUNTS_PER_SOURCE: usize = 20;

/// From all addresses together so many times [`AuthLimits::failures`] are taken for one account.
pub(super) const SOURCES_FACTOR: u32 = 20;

//! Limits on failed authentication.

use std::time::Duration;

/// Limits on failed authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthLimits {
    /// The failed attempts of one address for one account that cause no delay.
    pub failures: u32,
    /// The longest delay between two attempts.
    pub longest_wait: Duration,
}

impl Default for AuthLimits {
    fn default() -> Self {
        Self { failures: 5, longest_wait: Duration::from_mins(1) }
    }
}

impl AuthLimits {
    /// The failed attempts for one account from all addresses together that cause no delay.
    pub(super) const fn failures_everywhere(self) -> u32 {
        self.failures.saturating_mul(SOURCES_FACTOR)
    }

    /// The failed attempts for a name at an address where it is proven that cause no delay, whatever the successes
    /// between them; one more may be in flight.
    pub(super) const fn beside_successes(self) -> u32 {
        self.failures.saturating_mul(PROVEN_FACTOR)
    }

    /// The unproven attempts of one address for one account that cause no delay.
    pub(super) const fn unproven(self) -> u32 {
        self.failures.saturating_mul(UNPROVEN_FACTOR)
    }
}

/// The accounts for which attempts of one address may fail before it is delayed.
pub(super) const ACCOUNTS_PER_SOURCE: u32 = 20;

/// The failed attempts for one account from all addresses together, as a multiple of [`AuthLimits::failures`].
pub(super) const SOURCES_FACTOR: u32 = 20;

/// The failed attempts for a proven name that no success forgives, as a multiple of [`AuthLimits::failures`].
pub(super) const PROVEN_FACTOR: u32 = 4;

/// The attempts whose outcome is unproven, as a multiple of [`AuthLimits::failures`].
pub(super) const UNPROVEN_FACTOR: u32 = 4;

/// The number of attempts that failures of others do not delay, of an address for an account, of an address for
/// accounts in a network, and of a /56 network in its /48. Further ones wait while the outcomes of these are unknown.
pub(super) const OWN_ATTEMPTS: u32 = 2;

/// The longest delay that failures of others cause: within a network, or beside successes at one address.
pub(super) const LONGEST_WAIT_FOR_OTHERS: Duration = Duration::from_secs(10);

/// The attempts of one address that wait for the outcomes of others.
pub(super) const QUEUE_PER_SOURCE: usize = 4096;

/// The longest time for which an attempt waits for the outcomes of others, or for its turn.
pub(super) const LONGEST_QUEUE_WAIT: Duration = Duration::from_secs(30);

/// The longest time after which a waiting attempt is checked again.
pub(super) const EXAMINED_AGAIN: Duration = Duration::from_secs(5);

/// The `Retry-After` of a client that did not wait for the outcomes of others, or waited too long.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

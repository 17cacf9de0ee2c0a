//! Why an attempt to authenticate waits, and how such reasons are compared.

use std::time::Duration;

use super::backoff::{Attempts, Blocked};
use super::limits::{OWN_ATTEMPTS, RETRY_AFTER};
use super::throttled::{Limit, Throttled};

/// Why an attempt has to wait, or is refused. The later variant is the more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Attempts of the same address are in flight.
    InFlight,
    /// Attempts that are not those of the client alone failed or are in flight. The attempt may be made in its turn.
    Others(Throttled),
    /// Attempts of the same address failed.
    Own(Throttled),
}

impl Obstacle {
    /// The obstacle that a counter of the address's own attempts causes.
    pub(super) fn own(limit: Limit, blocked: Option<Blocked>) -> Option<Self> {
        Some(match blocked? {
            Blocked::InFlight => Self::InFlight,
            Blocked::For(retry_after) => Self::Own(Throttled { limit, retry_after }),
        })
    }

    /// The obstacle that a counter of attempts of one address causes, in which other clients of the address may have
    /// failed.
    pub(super) const fn of_address(limit: Limit, blocked: Blocked) -> Self {
        match blocked {
            Blocked::InFlight => Self::InFlight,
            Blocked::For(retry_after) => Self::Others(Throttled { limit, retry_after }),
        }
    }

    /// The obstacle that a counter of attempts of many addresses causes. Outcomes at other addresses wake no attempt of
    /// this one.
    const fn others(limit: Limit, blocked: Blocked) -> Self {
        let retry_after = match blocked {
            Blocked::InFlight => RETRY_AFTER,
            Blocked::For(wait) => wait,
        };
        Self::Others(Throttled { limit, retry_after })
    }

    /// What the same means for one who made `own` attempts. The first [`OWN_ATTEMPTS`] are free. If those in flight are
    /// among them, their outcomes decide: a user whose password is right does not wait for others.
    pub(super) const fn for_part(own: Attempts, limit: Limit, blocked: Blocked) -> Option<Self> {
        if own.failed >= OWN_ATTEMPTS {
            Some(Self::others(limit, blocked))
        } else if own.failed.saturating_add(own.in_flight) >= OWN_ATTEMPTS {
            Some(Self::InFlight)
        } else {
            None
        }
    }

    /// The more severe of two.
    pub(super) fn worse(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(if other.severity() > one.severity() { other } else { one }),
            (one, other) => one.or(other),
        }
    }

    const fn severity(&self) -> (u8, Duration) {
        match self {
            Self::InFlight => (0, Duration::ZERO),
            Self::Others(throttled) => (1, throttled.retry_after),
            Self::Own(throttled) => (2, throttled.retry_after),
        }
    }
}

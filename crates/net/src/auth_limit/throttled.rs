//! Why an attempt to authenticate is not checked now.

use std::fmt;
use std::time::Duration;

use super::backoff::{Attempts, Blocked};
use super::limits::{OWN_ATTEMPTS, RETRY_AFTER};
use crate::tcp::network::Network;

/// A limit on attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Attempts of an address that are in flight.
    InFlight,
    /// Failed attempts of an address for an account.
    AddressAndAccount,
    /// Accounts for which attempts of an address failed.
    Address,
    /// Failed attempts of a network, for an account or for all.
    Network(Network),
    /// Failed attempts of all addresses for an account.
    Account,
    /// Attempts of an address for an account that the server neither accepted nor rejected.
    Unproven,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFlight => f.write_str("too many sign-ins from this address wait for the server's response"),
            Self::AddressAndAccount => f.write_str("too many failed sign-ins for this account from this address"),
            Self::Address => f.write_str("failed sign-ins for too many accounts from this address"),
            Self::Network(network) => write!(f, "too many failed sign-ins from the network {network}"),
            Self::Account => f.write_str("too many failed sign-ins for this account from all addresses"),
            Self::Unproven => f.write_str(
                "too many sign-ins for this account from this address that the server neither accepted nor rejected",
            ),
        }
    }
}

/// The refusal of an attempt that is not checked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit}")]
pub(crate) struct Throttled {
    /// The limit that is exceeded.
    pub(crate) limit: Limit,
    /// The time after which the client may retry.
    pub(crate) retry_after: Duration,
}

impl Throttled {
    pub(super) const fn busy() -> Self {
        Self { limit: Limit::InFlight, retry_after: RETRY_AFTER }
    }

    /// Whether the password may be right: attempts in flight are the only reason.
    pub(crate) const fn is_busy(&self) -> bool {
        matches!(self.limit, Limit::InFlight)
    }
}

/// Why an attempt has to wait, or is refused. The later variant is the more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Attempts of the same address are in flight.
    InFlight,
    /// Attempts of other addresses failed or are in flight. The attempt may be made after its turn has come.
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

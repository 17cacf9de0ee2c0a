//! Why an attempt to authenticate is not checked now.

use std::fmt;
use std::time::Duration;

use super::limits::RETRY_AFTER;
use crate::tcp::network::Network;

/// The longest delay of the response to an attempt that is not checked.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

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

    /// How long the response is delayed, over HTTP and RPC alike: a client that tries again at once occupies its
    /// connections instead of the proxy.
    pub(crate) fn delay(&self) -> Duration {
        self.retry_after.min(LONGEST_DELAY)
    }

    /// Whether the password may be right: attempts in flight are the only reason.
    pub(crate) const fn is_busy(&self) -> bool {
        matches!(self.limit, Limit::InFlight)
    }
}

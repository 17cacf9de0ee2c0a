//! Counts connections: in total, by address, by user, and before authentication.

use std::collections::HashMap;
use std::net::IpAddr;

use identity::{FairShares, UserKey};

use crate::tcp::unauthenticated::Unauthenticated;

/// A limit on connections that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} is reached", self.key())]
pub(crate) enum ConnectionLimit {
    /// The limit on all connections.
    All,
    /// The limit on connections from one address.
    PerAddress,
    /// The limit on unauthenticated connections.
    Unauthenticated,
    /// The user's share of the limit on all connections.
    PerUser,
}

impl ConnectionLimit {
    /// The configuration key of the limit.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::All | Self::PerUser => "clients.connections",
            Self::PerAddress => "clients.connections_per_address",
            Self::Unauthenticated => "clients.unauthenticated_percent",
        }
    }
}

/// Who an authenticated connection counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// The user who authenticated on it last.
    User(UserKey),
    /// A trusted reverse proxy, whose connections carry requests of many users.
    ReverseProxy,
}

/// The connections that have a permit.
#[derive(Debug)]
pub(super) struct ConnectionCounts {
    pub(super) all: usize,
    /// The authenticated connections, of which a user may have as many as are then free. Unauthenticated ones are free:
    /// they are closed to make room.
    pub(super) authenticated: FairShares<Owner>,
    pub(super) by_address: HashMap<IpAddr, usize>,
    pub(super) unauthenticated: Unauthenticated,
    pub(super) last_id: u64,
}

impl ConnectionCounts {
    /// No connections, of at most `limit`, which users with one connection each can use up.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            all: 0,
            authenticated: FairShares::new(limit.saturating_add(1)),
            by_address: HashMap::new(),
            unauthenticated: Unauthenticated::default(),
            last_id: 0,
        }
    }

    pub(super) fn check_address(&self, address: IpAddr, most: usize) -> Result<(), ConnectionLimit> {
        let own = self.by_address.get(&address).copied().unwrap_or_default();
        if own >= most { Err(ConnectionLimit::PerAddress) } else { Ok(()) }
    }

    /// Closes an unauthenticated connection, if there is one, and returns its address. Its task returns the permit
    /// later, but the connection does not count any more.
    pub(super) fn evict(&mut self) -> Option<IpAddr> {
        let address = self.unauthenticated.evict()?;
        self.all = self.all.saturating_sub(1);
        Some(address)
    }

    pub(super) fn release_address(&mut self, address: IpAddr) {
        if let Some(own) = self.by_address.get_mut(&address) {
            *own -= 1;
            if *own == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

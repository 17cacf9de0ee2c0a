//! Counts connections: in total, by address, by user, and before authentication.

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::sync::oneshot;

use crate::tcp::authenticated::Authenticated;
use crate::tcp::connection_limit::ConnectionLimit;
use crate::tcp::ranking::Ranking;

/// The part of the limit on connections that is for unauthenticated ones, one in so many, and at least one: so that a
/// client can authenticate whose connection then displaces another one.
const RESERVE: usize = 16;

/// The connections that have a permit.
#[derive(Debug)]
pub(super) struct ConnectionCounts {
    pub(super) all: usize,
    pub(super) authenticated: Authenticated,
    pub(super) by_address: HashMap<IpAddr, usize>,
    /// Those on which no client has authenticated, each with what makes its task close it.
    pub(super) unauthenticated: Ranking<IpAddr, oneshot::Sender<()>>,
    last_id: u64,
}

impl ConnectionCounts {
    /// No connections, of at most `limit`.
    pub(super) fn new(limit: usize) -> Self {
        let reserve = (limit / RESERVE).max(1);
        Self {
            all: 0,
            authenticated: Authenticated::new(limit.saturating_sub(reserve).max(1)),
            by_address: HashMap::new(),
            unauthenticated: Ranking::new(),
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
        let (address, signal) = self.unauthenticated.remove(self.unauthenticated.first()?)?;
        // The connection may have ended by itself.
        let _ = signal.send(());
        self.all = self.all.saturating_sub(1);
        Some(address)
    }

    /// An identifier for a connection; identifiers ascend.
    pub(super) const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
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

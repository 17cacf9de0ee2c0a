//! Limits on connections, by address and in total.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::tcp::network::{Network, source};

/// Limits on what clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address.
    pub connections_per_address: usize,
    /// The most connections on which no client has authenticated, as a percentage of `connections`.
    pub unauthenticated_percent: usize,
    /// The time for authenticating, for the rest of a fragment or request that has begun, and for reading an answer.
    pub handshake: Duration,
    /// The lowest rate at which an authenticated client may send a request after `handshake`, in bytes per second.
    pub minimum_rate: u64,
    /// The longest time without a call.
    pub idle: Duration,
    /// The most bytes of requests that are held in memory for one identity.
    pub request_bytes_per_identity: usize,
    /// The same for all identities together.
    pub request_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            unauthenticated_percent: 50,
            handshake: Duration::from_secs(30),
            minimum_rate: 256,
            idle: Duration::from_hours(2),
            request_bytes_per_identity: 256_000_000,
            request_bytes: 1_000_000_000,
        }
    }
}

impl Limits {
    /// The most unauthenticated connections; at least one, since each connection begins as one.
    const fn unauthenticated(&self) -> usize {
        let most = self.connections.saturating_mul(self.unauthenticated_percent) / 100;
        if most == 0 { 1 } else { most }
    }
}

/// Counts connections against their limits.
///
/// A connection is unauthenticated until a client has authenticated on it. Where a new one would exceed their limit, the
/// oldest is closed of the address that has the most of them: a flood closes its own connections, and a client that
/// authenticates at once is served.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    /// Load balancers and reverse proxies, to which the limit for each address does not apply.
    fronts: Vec<Network>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    /// The unauthenticated connections by address, the oldest first.
    waiting: HashMap<IpAddr, BTreeMap<u64, oneshot::Sender<()>>>,
    /// How many these are.
    unauthenticated: usize,
    last_id: u64,
}

/// A connection's permit, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    admission: Arc<Admission>,
    id: u64,
    address: IpAddr,
    /// Whether it counts for `address`.
    counted: bool,
    signed_in: bool,
}

/// Resolves when a connection has to be closed to make room for another.
#[derive(Debug)]
pub(crate) struct Evicted(oneshot::Receiver<()>);

impl Evicted {
    /// Waits until the connection has to be closed, which may be never.
    pub(crate) async fn wait(self) {
        if self.0.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A new connection that the limits permit.
pub(crate) struct Entered {
    pub(crate) permit: ConnectionPermit,
    pub(crate) evicted: Evicted,
    /// Whether another connection was closed for it.
    pub(crate) made_room: bool,
}

const FULL: &str = "clients.connections is reached";
const ADDRESS_FULL: &str = "clients.connections_per_address is reached";

impl Admission {
    /// Counts against `limits`. `fronts` are load balancers and reverse proxies, through which many clients
    /// connect.
    pub fn new(limits: Limits, fronts: Vec<Network>) -> Arc<Self> {
        Arc::new(Self { limits, fronts, counts: Mutex::default() })
    }

    /// A permit for a connection from `address`.
    ///
    /// # Errors
    /// The limit that is reached, as its key in the configuration.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Entered, &'static str> {
        let is_front = self.fronts.iter().any(|front| front.contains(address));
        let address = source(address);
        let mut counts = self.lock();
        if !is_front {
            counts.check_address(address, &self.limits)?;
        }
        let full = counts.all >= self.limits.connections;
        let made_room = full || counts.unauthenticated >= self.limits.unauthenticated();
        if made_room && !counts.evict() && full {
            return Err(FULL);
        }
        if !is_front {
            *counts.by_address.entry(address).or_default() += 1;
        }
        counts.all += 1;
        counts.unauthenticated += 1;
        counts.last_id += 1;
        let id = counts.last_id;
        let (evict, evicted) = oneshot::channel();
        counts.waiting.entry(address).or_default().insert(id, evict);
        let permit = ConnectionPermit {
            admission: Arc::clone(self),
            id,
            address,
            counted: !is_front,
            signed_in: false,
        };
        Ok(Entered { permit, evicted: Evicted(evicted), made_room })
    }

    /// Connections that have a permit now.
    pub fn connections(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn check_address(&self, address: IpAddr, limits: &Limits) -> Result<(), &'static str> {
        let own = self.by_address.get(&address).copied().unwrap_or_default();
        if own >= limits.connections_per_address { Err(ADDRESS_FULL) } else { Ok(()) }
    }

    /// Closes an unauthenticated connection. Returns whether there was one. Its task returns the permit later, but it does
    /// not count any more.
    fn evict(&mut self) -> bool {
        let most = self.waiting.iter().max_by_key(|(_, waiting)| waiting.len()).map(|(address, _)| *address);
        let Some(address) = most else { return false };
        let Some((_, evict)) = self.waiting.get_mut(&address).and_then(BTreeMap::pop_first) else {
            return false;
        };
        // It may be about to end by itself.
        let _ = evict.send(());
        self.tidy(address);
        self.unauthenticated = self.unauthenticated.saturating_sub(1);
        self.all = self.all.saturating_sub(1);
        true
    }

    /// Removes a connection from the unauthenticated ones, if it is one of them.
    fn take(&mut self, address: IpAddr, id: u64) -> Option<oneshot::Sender<()>> {
        let taken = self.waiting.get_mut(&address)?.remove(&id)?;
        self.tidy(address);
        self.unauthenticated = self.unauthenticated.saturating_sub(1);
        Some(taken)
    }

    fn tidy(&mut self, address: IpAddr) {
        if self.waiting.get(&address).is_some_and(BTreeMap::is_empty) {
            self.waiting.remove(&address);
        }
    }

    fn leave(&mut self, address: IpAddr) {
        if let Some(own) = self.by_address.get_mut(&address) {
            *own -= 1;
            if *own == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl ConnectionPermit {
    /// A client authenticated on the connection, which is not closed to make room from now on.
    pub(crate) fn signed_in(&mut self) {
        if !self.signed_in && self.admission.lock().take(self.address, self.id).is_some() {
            self.signed_in = true;
        }
    }

    /// Whether a client has authenticated on the connection.
    pub(crate) const fn is_signed_in(&self) -> bool {
        self.signed_in
    }

    /// A load balancer names the client, which is at `address`: the connection counts for that address from now on.
    ///
    /// # Errors
    /// The limit that is reached, as its key in the configuration.
    pub(crate) fn claimed(&mut self, address: IpAddr) -> Result<(), &'static str> {
        let address = source(address);
        let mut counts = self.admission.lock();
        counts.check_address(address, &self.admission.limits)?;
        *counts.by_address.entry(address).or_default() += 1;
        if self.counted {
            counts.leave(self.address);
        }
        if let Some(evict) = counts.take(self.address, self.id) {
            counts.waiting.entry(address).or_default().insert(self.id, evict);
            counts.unauthenticated += 1;
        }
        drop(counts);
        (self.address, self.counted) = (address, true);
        Ok(())
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        // One that was evicted counts no more.
        if self.signed_in || counts.take(self.address, self.id).is_some() {
            counts.all = counts.all.saturating_sub(1);
        }
        if self.counted {
            counts.leave(self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections: usize, connections_per_address: usize, percent: usize) -> Arc<Admission> {
        let limits = Limits {
            connections,
            connections_per_address,
            unauthenticated_percent: percent,
            ..Limits::default()
        };
        Admission::new(limits, vec!["127.0.0.9".parse().unwrap()])
    }

    fn address(last: u8) -> IpAddr {
        [127, 0, 0, last].into()
    }

    fn enter(admission: &Arc<Admission>, last: u8) -> Entered {
        admission.enter(address(last)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn signed_in(admission: &Arc<Admission>, last: u8) -> Entered {
        let mut entered = enter(admission, last);
        entered.permit.signed_in();
        entered
    }

    fn is_evicted(entered: &mut Entered) -> bool {
        entered.evicted.0.try_recv().is_ok()
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let admission = admission(3, 2, 100);
        let first = signed_in(&admission, 1);
        let _second = signed_in(&admission, 1);
        assert_eq!(admission.enter(address(1)).err(), Some(ADDRESS_FULL));
        let _third = signed_in(&admission, 2);
        assert_eq!(admission.enter(address(2)).err(), Some(FULL));
        drop(first);
        assert!(admission.enter(address(2)).is_ok());
        assert_eq!(admission.connections(), 2);
    }

    #[test]
    fn a_flood_closes_its_own_connections_and_leaves_room_for_signed_in_clients() {
        let admission = admission(10, 100, 50);
        let mut users: Vec<_> = (0..3).map(|_| signed_in(&admission, 1)).collect();
        let mut begins = enter(&admission, 2);
        let mut flood: Vec<_> = (0..100).map(|_| enter(&admission, 3)).collect();
        assert!(flood.iter().all(|entered| !entered.permit.signed_in));
        assert_eq!(flood.iter_mut().map(is_evicted).filter(|evicted| *evicted).count(), 96);
        assert!(flood[..96].iter().all(|entered| entered.evicted.0.is_terminated()));
        assert!(!is_evicted(&mut begins) && !users.iter_mut().any(is_evicted));
        begins.permit.signed_in();
        assert_eq!(admission.connections(), 3 + 1 + 4);
        // What was evicted is not counted twice.
        drop(flood);
        assert_eq!(admission.connections(), 4);
        // All places but those of the flood are for users.
        let more: Vec<_> = (0..6).map(|_| signed_in(&admission, 4)).collect();
        assert_eq!(admission.enter(address(5)).err(), Some(FULL));
        drop((more, users, begins));
        assert_eq!(admission.connections(), 0);
        let counts = admission.lock();
        assert!(counts.by_address.is_empty() && counts.waiting.is_empty() && counts.unauthenticated == 0);
    }

    #[test]
    fn where_all_places_are_taken_unauthenticated_connections_make_room() {
        let admission = admission(4, 100, 100);
        let _users: Vec<_> = (0..3).map(|_| signed_in(&admission, 1)).collect();
        let mut waits = enter(&admission, 2);
        let user = signed_in(&admission, 3);
        assert!(is_evicted(&mut waits) && user.made_room);
        // It is too late for it to authenticate.
        waits.permit.signed_in();
        assert!(!waits.permit.is_signed_in());
        assert_eq!(admission.connections(), 4);
        assert_eq!(admission.enter(address(4)).err(), Some(FULL));
        drop(waits);
        assert_eq!(admission.connections(), 4);
    }

    #[test]
    fn clients_of_a_front_server_are_counted_by_their_own_addresses() {
        let admission = admission(100, 2, 100);
        let mut clients: Vec<_> = (0..10).map(|_| enter(&admission, 9)).collect();
        let (of_one, others) = clients.split_at_mut(2);
        for client in of_one {
            client.permit.claimed(address(1)).unwrap();
        }
        assert_eq!(others[0].permit.claimed(address(1)), Err(ADDRESS_FULL));
        others[0].permit.claimed(address(2)).unwrap();
        assert_eq!(admission.enter(address(1)).err(), Some(ADDRESS_FULL));
        drop(clients);
        assert!(admission.enter(address(1)).is_ok());
        assert_eq!((admission.connections(), admission.lock().by_address.len()), (0, 0));
    }
}

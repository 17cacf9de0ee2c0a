//! Limits on connections, by address, by user and in total.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::UserKey;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::tcp::connection_counts::{ConnectionCounts, ConnectionLimit, Owner};
use crate::tcp::network::{Network, source};
use crate::tcp::thread_time::ConnectionTime;
use crate::tcp::work_by_address::WorkByAddress;

/// Limits on what clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most connections in total.
    pub connections: usize,
    /// The most connections from one address.
    pub connections_per_address: usize,
    /// The most connections on which no client has authenticated, as a percentage of `connections`.
    pub unauthenticated_percent: usize,
    /// The time to authenticate, to send the rest of a fragment or request, and to read a response.
    pub handshake: Duration,
    /// The lowest rate at which an authenticated client may send a request after `handshake`, in bytes per second.
    pub minimum_rate: u64,
    /// The longest time without a call.
    pub idle: Duration,
    /// The most bytes of requests that are held in memory for one user.
    pub request_bytes_per_user: usize,
    /// The most bytes of requests that are held in memory for all users together.
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
            request_bytes_per_user: 256_000_000,
            request_bytes: 1_000_000_000,
        }
    }
}

impl Limits {
    /// The most unauthenticated connections; at least one, because each connection begins unauthenticated.
    const fn unauthenticated(&self) -> usize {
        let most = self.connections.saturating_mul(self.unauthenticated_percent) / 100;
        if most == 0 { 1 } else { most }
    }
}

/// Counts connections against their limits.
///
/// A connection is unauthenticated until a client has authenticated on it. If a new connection would exceed the limit
/// on unauthenticated connections, the oldest connection of the network and address that have the most of them is
/// closed: a flood closes its own connections, and a client that authenticates at once is served.
///
/// A user may have as many authenticated connections as are then free, so that one user alone leaves half of all to
/// others.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    /// Load balancers and reverse proxies, to which the limit for each address does not apply.
    load_balancers: Vec<Network>,
    counts: Mutex<ConnectionCounts>,
    /// The work for connections on which no client has authenticated.
    unauthenticated_work: WorkByAddress,
}

/// A connection's permit, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    admission: Arc<Admission>,
    id: u64,
    address: IpAddr,
    /// Whether it counts for `address`.
    counts_for_address: bool,
    /// Who it counts for; `None` before a client has authenticated.
    owner: Option<Owner>,
    /// The work that was counted for `address`.
    charged: u64,
    /// The connection's part of the time of its thread.
    time: Option<ConnectionTime>,
}

/// Resolves when a connection must be closed to make room for another.
#[derive(Debug)]
pub(crate) struct EvictionSignal(oneshot::Receiver<()>);

impl EvictionSignal {
    /// Waits until the connection must be closed, possibly forever.
    pub(crate) async fn wait(self) {
        if self.0.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A new connection that the limits permit.
pub(crate) struct Admitted {
    pub(crate) permit: ConnectionPermit,
    pub(crate) evicted: EvictionSignal,
    /// The connection that was closed to make room for it.
    pub(crate) eviction: Option<Eviction>,
}

/// An unauthenticated connection was closed to make room for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Eviction {
    /// The client's address; of an IPv6 address, its /64 network.
    pub(crate) address: IpAddr,
    /// The limit that is reached.
    pub(crate) limit: ConnectionLimit,
}

impl Admission {
    /// Counts connections against `limits`. `load_balancers` are the networks of load balancers and reverse proxies,
    /// through which many clients connect.
    pub fn new(limits: Limits, load_balancers: Vec<Network>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            load_balancers,
            counts: Mutex::new(ConnectionCounts::new(limits.connections)),
            unauthenticated_work: WorkByAddress::default(),
        })
    }

    /// A permit for a connection from `address`.
    ///
    /// # Errors
    /// The limit that is reached.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, ConnectionLimit> {
        let is_load_balancer = self.load_balancers.iter().any(|network| network.contains(address));
        let address = source(address);
        let mut counts = self.lock();
        if !is_load_balancer {
            counts.check_address(address, self.limits.connections_per_address)?;
        }
        let full = counts.all >= self.limits.connections;
        let limit = if full { ConnectionLimit::All } else { ConnectionLimit::Unauthenticated };
        let mut eviction = None;
        if full || counts.unauthenticated.len() >= self.limits.unauthenticated() {
            eviction = counts.evict().map(|address| Eviction { address, limit });
            if full && eviction.is_none() {
                return Err(limit);
            }
        }
        if !is_load_balancer {
            *counts.by_address.entry(address).or_default() += 1;
        }
        counts.all += 1;
        counts.last_id += 1;
        let id = counts.last_id;
        let (evict, evicted) = oneshot::channel();
        counts.unauthenticated.insert(address, id, evict);
        let permit = ConnectionPermit {
            admission: Arc::clone(self),
            id,
            address,
            counts_for_address: !is_load_balancer,
            owner: None,
            charged: 0,
            time: None,
        };
        Ok(Admitted { permit, evicted: EvictionSignal(evicted), eviction })
    }

    /// The number of connections that have a permit.
    pub fn connections(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// Counts `work` for the client, which is unauthenticated, in units of about 0.1 microseconds. Returns how long the
    /// client is delayed if there was too much for its address. Load balancers are not limited.
    pub(crate) fn count_work(&mut self, work: u32, now: Instant) -> Duration {
        if !self.counts_for_address {
            return Duration::ZERO;
        }
        self.charged = self.charged.saturating_add(work.into());
        self.admission.unauthenticated_work.charge(self.address, work, now)
    }

    /// Records that `user` authenticated on the connection: it is not evicted from now on, and its work does not count
    /// for its address.
    ///
    /// # Errors
    /// If the user would have more connections than are then free. Then nothing changes.
    pub(crate) fn set_authenticated(
        &mut self,
        user: &UserKey,
        clock: impl FnOnce() -> Instant,
    ) -> Result<(), ConnectionLimit> {
        let is_counted = match &self.owner {
            None => false,
            Some(Owner::ReverseProxy) => true,
            Some(Owner::User(known)) => known == user,
        };
        if !is_counted {
            self.count_for_user(user)?;
        }
        self.refund(clock);
        Ok(())
    }

    fn count_for_user(&mut self, user: &UserKey) -> Result<(), ConnectionLimit> {
        let owner = Owner::User(user.clone());
        let mut counts = self.admission.lock();
        let is_fair = match &self.owner {
            Some(earlier) => counts.authenticated.try_transfer(earlier, &owner, 1),
            // It was evicted, does not count any more, and is about to be closed.
            None if !counts.unauthenticated.contains(self.id) => return Ok(()),
            None => counts.authenticated.take(&owner, 1),
        };
        if !is_fair {
            return Err(ConnectionLimit::PerUser);
        }
        counts.unauthenticated.remove(self.id);
        drop(counts);
        self.owner = Some(owner);
        Ok(())
    }

    /// Records that a trusted reverse proxy made the connection, which is not evicted and counts for no user.
    pub(crate) fn set_reverse_proxy(&mut self, clock: impl FnOnce() -> Instant) {
        self.refund(clock);
        let mut counts = self.admission.lock();
        if self.owner.is_none() && counts.unauthenticated.remove(self.id).is_some() {
            counts.authenticated.add(&Owner::ReverseProxy, 1);
            self.owner = Some(Owner::ReverseProxy);
        }
    }

    /// The work that was counted for the client's address does not count any more.
    fn refund(&mut self, clock: impl FnOnce() -> Instant) {
        if self.charged > 0 {
            let charged = std::mem::take(&mut self.charged);
            self.admission.unauthenticated_work.refund(self.address, charged, clock());
        }
    }

    /// The address that the connection counts for; of an IPv6 address, its /64 network.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// Records that the connection has this part of the time of its thread.
    pub(crate) fn set_time(&mut self, time: ConnectionTime) {
        self.time = Some(time);
    }

    /// Records that `user` authenticated on the connection, whose work takes the time of this user from now on.
    pub(crate) fn set_user(&self, user: &UserKey) {
        if let Some(time) = &self.time {
            time.set_user(user);
        }
    }

    /// Whether a client has authenticated on the connection, or need not.
    pub(crate) const fn is_authenticated(&self) -> bool {
        self.owner.is_some()
    }

    /// Records that a load balancer named the client's `address`: the connection counts for that address from now on.
    ///
    /// # Errors
    /// The limit that is reached.
    pub(crate) fn count_for(&mut self, address: IpAddr) -> Result<(), ConnectionLimit> {
        let address = source(address);
        let mut counts = self.admission.lock();
        counts.check_address(address, self.admission.limits.connections_per_address)?;
        *counts.by_address.entry(address).or_default() += 1;
        if self.counts_for_address {
            counts.release_address(self.address);
        }
        if let Some(evict) = counts.unauthenticated.remove(self.id) {
            counts.unauthenticated.insert(address, self.id, evict);
        }
        drop(counts);
        (self.address, self.counts_for_address) = (address, true);
        if let Some(time) = &self.time {
            time.set_address(address);
        }
        Ok(())
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        if let Some(owner) = &self.owner {
            counts.authenticated.give_back(owner, 1);
        }
        // An evicted connection does not count any more.
        if self.owner.is_some() || counts.unauthenticated.remove(self.id).is_some() {
            counts.all = counts.all.saturating_sub(1);
        }
        if self.counts_for_address {
            counts.release_address(self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::caller;

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

    fn admit(admission: &Arc<Admission>, last: u8) -> Admitted {
        admission.admit(address(last)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A connection on which a user authenticated who has no other one.
    fn authenticated(admission: &Arc<Admission>, last: u8) -> Admitted {
        let mut entered = admit(admission, last);
        let user = format!("user{}", entered.permit.id);
        set_user(&mut entered, &user).unwrap();
        entered
    }

    fn set_user(entered: &mut Admitted, user: &str) -> Result<(), ConnectionLimit> {
        entered.permit.set_authenticated(caller(user).identity().user(), Instant::now)
    }

    fn is_evicted(entered: &mut Admitted) -> bool {
        entered.evicted.0.try_recv().is_ok()
    }

    #[test]
    fn dropped_permits_make_room_for_new_connections() {
        let admission = admission(3, 2, 100);
        let first = authenticated(&admission, 1);
        let _second = authenticated(&admission, 1);
        assert_eq!(admission.admit(address(1)).err(), Some(ConnectionLimit::PerAddress));
        let _third = authenticated(&admission, 2);
        assert_eq!(admission.admit(address(2)).err(), Some(ConnectionLimit::All));
        drop(first);
        assert!(admission.admit(address(2)).is_ok());
        assert_eq!(admission.connections(), 2);
    }

    #[test]
    fn a_flood_closes_its_own_connections_and_leaves_room_for_authenticated_clients() {
        let admission = admission(10, 100, 50);
        let mut users: Vec<_> = (0..3).map(|_| authenticated(&admission, 1)).collect();
        let mut begins = admit(&admission, 2);
        let mut flood: Vec<_> = (0..100).map(|_| admit(&admission, 3)).collect();
        assert!(flood.iter().all(|entered| !entered.permit.is_authenticated()));
        assert_eq!(flood.iter_mut().map(is_evicted).filter(|evicted| *evicted).count(), 96);
        assert!(flood[..96].iter().all(|entered| entered.evicted.0.is_terminated()));
        assert!(!is_evicted(&mut begins) && !users.iter_mut().any(is_evicted));
        set_user(&mut begins, "alice").unwrap();
        assert_eq!(admission.connections(), 3 + 1 + 4);
        // An evicted connection is not subtracted twice.
        drop(flood);
        assert_eq!(admission.connections(), 4);
        // All permits except those of the flood are for users.
        let more: Vec<_> = (0..6).map(|_| authenticated(&admission, 4)).collect();
        assert_eq!(admission.admit(address(5)).err(), Some(ConnectionLimit::All));
        drop((more, users, begins));
        assert_eq!(admission.connections(), 0);
        let counts = admission.lock();
        assert!(counts.by_address.is_empty() && counts.unauthenticated.is_unused());
        assert_eq!(counts.authenticated.all(), 0);
    }

    #[test]
    fn a_user_has_at_most_as_many_connections_as_are_free() {
        let admission = admission(9, 100, 100);
        let of = |user: &str, most: usize| {
            let mut own: Vec<_> = (0..most).map(|_| admit(&admission, 1)).collect();
            let served = own.iter_mut().filter_map(|one| set_user(one, user).ok()).count();
            (own, served)
        };
        let (mut alices, served) = of("alice", 8);
        assert_eq!(served, 5, "with the fifth one, as many are free");
        assert_eq!(set_user(&mut alices[7], "alice"), Err(ConnectionLimit::PerUser));
        // The others remain unauthenticated, and are evicted to admit other clients.
        let (bobs, served) = of("bob", 3);
        assert_eq!(served, 2);
        assert_eq!(alices[5..].iter_mut().map(is_evicted).collect::<Vec<_>>(), [true, true, false]);
        // A connection on which another user authenticates counts for that user.
        assert_eq!(set_user(&mut alices[0], "bob"), Ok(()));
        assert_eq!(set_user(&mut alices[1], "bob"), Err(ConnectionLimit::PerUser));
        assert_eq!(set_user(&mut alices[1], "alice"), Ok(()), "it still is hers");
        assert_eq!(admission.lock().authenticated.all(), 7);
        drop((alices, bobs));
        assert_eq!((admission.connections(), admission.lock().authenticated.all()), (0, 0));
    }

    #[test]
    fn users_with_one_connection_each_can_use_up_the_limit() {
        let admission = admission(3, 100, 100);
        let users: Vec<_> = (0..3).map(|_| authenticated(&admission, 1)).collect();
        assert_eq!(admission.admit(address(2)).err(), Some(ConnectionLimit::All));
        drop(users);
    }

    #[test]
    fn the_connections_of_reverse_proxies_count_for_no_user() {
        let admission = admission(3, 100, 100);
        let mut connections: Vec<_> = (0..3).map(|_| admit(&admission, 9)).collect();
        for connection in &mut connections {
            connection.permit.set_reverse_proxy(Instant::now);
            set_user(connection, "alice").unwrap();
        }
        assert_eq!(admission.admit(address(2)).err(), Some(ConnectionLimit::All));
        drop(connections);
        assert_eq!((admission.connections(), admission.lock().authenticated.all()), (0, 0));
    }

    #[test]
    fn a_new_client_is_not_evicted_by_a_flood_from_many_addresses() {
        let admission = admission(100, 100, 50);
        let flood = |begin: u8| -> Vec<_> {
            (begin..begin + 49).map(|at| admission.admit([10, 0, at, 1].into()).unwrap()).collect()
        };
        let _before = flood(0);
        let mut client = admit(&admission, 1);
        let mut after = flood(100);
        assert!(!is_evicted(&mut client) && !after.iter_mut().any(is_evicted));
    }

    #[test]
    fn unauthenticated_connections_are_evicted_if_all_permits_are_taken() {
        let admission = admission(4, 100, 100);
        let _users: Vec<_> = (0..3).map(|_| authenticated(&admission, 1)).collect();
        let mut waits = admit(&admission, 2);
        let user = authenticated(&admission, 3);
        assert!(
            is_evicted(&mut waits)
                && user.eviction == Some(Eviction { address: address(2), limit: ConnectionLimit::All })
        );
        // It is too late for it to authenticate.
        set_user(&mut waits, "alice").unwrap();
        assert!(!waits.permit.is_authenticated());
        assert_eq!(admission.connections(), 4);
        assert_eq!(admission.admit(address(4)).err(), Some(ConnectionLimit::All));
        drop(waits);
        assert_eq!(admission.connections(), 4);
    }

    #[test]
    fn clients_of_a_load_balancer_are_counted_by_their_own_addresses() {
        let admission = admission(100, 2, 100);
        let mut clients: Vec<_> = (0..10).map(|_| admit(&admission, 9)).collect();
        let (of_one, others) = clients.split_at_mut(2);
        for client in of_one {
            client.permit.count_for(address(1)).unwrap();
        }
        assert_eq!(others[0].permit.count_for(address(1)), Err(ConnectionLimit::PerAddress));
        others[0].permit.count_for(address(2)).unwrap();
        assert_eq!(admission.admit(address(1)).err(), Some(ConnectionLimit::PerAddress));
        drop(clients);
        assert!(admission.admit(address(1)).is_ok());
        assert_eq!((admission.connections(), admission.lock().by_address.len()), (0, 0));
    }
}

//! Limits on connections, by address, by user and in total.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use identity::UserKey;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::log_rate_limit::LogRateLimit;
use crate::tcp::authenticated::Owner;
use crate::tcp::connection_counts::ConnectionCounts;
use crate::tcp::connection_limit::ConnectionLimit;
use crate::tcp::network::{Network, source};
use crate::tcp::thread_time::ConnectionTime;
use crate::tcp::work_by_address::WorkByAddress;

#[cfg(test)]
mod tests;

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
/// others. If none is free, the first connection of a user displaces one of the user or the network with the most
/// (`tcp::authenticated`).
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    /// Load balancers and reverse proxies, to which the limit for each address does not apply.
    load_balancers: Vec<Network>,
    counts: Mutex<ConnectionCounts>,
    /// The work for connections on which no client has authenticated.
    unauthenticated_work: WorkByAddress,
    /// The log of addresses whose unauthenticated clients are delayed.
    delayed: LogRateLimit,
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
    /// Resolves when it is displaced by the connection of another user.
    displaced: Option<oneshot::Receiver<()>>,
    is_displaced: bool,
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
            delayed: LogRateLimit::default(),
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
        let id = counts.next_id();
        let (evict, evicted) = oneshot::channel();
        counts.unauthenticated.insert(id, address, evict);
        let permit = ConnectionPermit {
            admission: Arc::clone(self),
            id,
            address,
            counts_for_address: !is_load_balancer,
            owner: None,
            displaced: None,
            is_displaced: false,
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
        let delay = self.admission.unauthenticated_work.charge(self.address, work, now);
        if !delay.is_zero()
            && let Some(suppressed) = self.admission.delayed.pass(now)
        {
            tracing::warn!(
                address = %self.address, suppressed,
                "clients of an address are delayed: the work for those that have not signed in is limited"
            );
        }
        delay
    }

    /// Records that `user` authenticated on the connection: it is not evicted from now on, and its work does not count
    /// for its address.
    ///
    /// # Errors
    /// If the user would have more connections than are then free, or if it is the user's first one, none is free, and
    /// others have no more. Then nothing changes.
    pub(crate) fn set_authenticated(
        &mut self,
        user: &UserKey,
        clock: impl FnOnce() -> Instant,
    ) -> Result<(), ConnectionLimit> {
        match &self.owner {
            None => self.count_for_user(user)?,
            Some(Owner::User(earlier)) if earlier != user => {
                self.admission.lock().authenticated.transfer(self.id, earlier, user)?;
                self.owner = Some(Owner::User(user.clone()));
            }
            Some(Owner::User(_) | Owner::ReverseProxy) => {}
        }
        self.refund(clock);
        Ok(())
    }

    fn count_for_user(&mut self, user: &UserKey) -> Result<(), ConnectionLimit> {
        let mut counts = self.admission.lock();
        // Otherwise it was evicted, does not count any more, and is about to be closed.
        if counts.unauthenticated.contains(self.id) {
            let id = counts.next_id();
            self.displaced = Some(counts.authenticated.insert(id, user, self.address)?);
            counts.unauthenticated.remove(self.id);
            self.id = id;
            self.owner = Some(Owner::User(user.clone()));
        }
        Ok(())
    }

    /// Ready if the connection must be closed because that of another user displaced it.
    pub(crate) fn poll_displaced(&mut self, task: &mut Context<'_>) -> Poll<()> {
        if let Some(displaced) = &mut self.displaced
            && let Poll::Ready(received) = Pin::new(displaced).poll(task)
        {
            self.displaced = None;
            self.is_displaced = received.is_ok();
        }
        if self.is_displaced { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Records that a trusted reverse proxy made the connection, which is not evicted and counts for no user.
    pub(crate) fn set_reverse_proxy(&mut self, clock: impl FnOnce() -> Instant) {
        self.refund(clock);
        let mut counts = self.admission.lock();
        if self.owner.is_none() && counts.unauthenticated.remove(self.id).is_some() {
            counts.authenticated.add_reverse_proxy();
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
        if let Some((_, evict)) = counts.unauthenticated.remove(self.id) {
            counts.unauthenticated.insert(self.id, address, evict);
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
            counts.authenticated.remove(self.id, owner);
        }
        // An evicted connection does not count any more. One that was displaced does, until it is closed.
        if self.owner.is_some() || counts.unauthenticated.remove(self.id).is_some() {
            counts.all = counts.all.saturating_sub(1);
        }
        if self.counts_for_address {
            counts.release_address(self.address);
        }
    }
}

//! The connections on which no client has authenticated, ranked so that one can be closed to make room for another.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use tokio::sync::oneshot;

use crate::tcp::network::{Network, enclosing};

/// The unauthenticated connections, by address and by the networks that enclose it.
///
/// The next connection to be evicted is found without a search: in the largest network with the most connections, then
/// in its part with the most, down to one address, the oldest one. Of networks with equally many connections, the one
/// with the oldest connection is chosen: a new client is not evicted before those that connected earlier, however many
/// addresses they have.
#[derive(Debug, Default)]
pub(super) struct Unauthenticated {
    signals: HashMap<u64, (IpAddr, oneshot::Sender<()>)>,
    groups: HashMap<Network, Group>,
    largest: BTreeSet<Rank>,
}

/// The connections of an address or a network.
#[derive(Debug, Default)]
struct Group {
    /// The identifiers of the connections, which ascend with their age.
    connections: BTreeSet<u64>,
    /// The parts of the network; none of an address.
    parts: BTreeSet<Rank>,
}

/// How many connections a network has, the oldest of them, and the network. The greatest is evicted from first.
type Rank = (usize, Reverse<u64>, Network);

impl Group {
    /// `None` if there are no connections.
    fn rank(&self, network: Network) -> Option<Rank> {
        Some((self.connections.len(), Reverse(*self.connections.first()?), network))
    }
}

impl Unauthenticated {
    /// The number of connections.
    pub(super) fn len(&self) -> usize {
        self.signals.len()
    }

    /// Adds the connection `id` from `address`. Identifiers ascend. `evict` resolves when it must be closed.
    pub(super) fn insert(&mut self, address: IpAddr, id: u64, evict: oneshot::Sender<()>) {
        self.signals.insert(id, (address, evict));
        self.update(address, |connections| connections.insert(id));
    }

    /// Whether the connection `id` is one of these.
    pub(super) fn contains(&self, id: u64) -> bool {
        self.signals.contains_key(&id)
    }

    /// Removes the connection `id`, if it is one of these.
    pub(super) fn remove(&mut self, id: u64) -> Option<oneshot::Sender<()>> {
        let (address, evict) = self.signals.remove(&id)?;
        self.update(address, |connections| connections.remove(&id));
        Some(evict)
    }

    /// Removes a connection, if there is one, so that it is closed. Returns its address.
    pub(super) fn evict(&mut self) -> Option<IpAddr> {
        let mut ranks = &self.largest;
        let mut last = None;
        while let Some((_, Reverse(oldest), network)) = ranks.last() {
            last = Some(*oldest);
            ranks = &self.groups.get(network)?.parts;
        }
        let id = last?;
        let address = self.signals.get(&id)?.0;
        // The connection may have ended by itself.
        let _ = self.remove(id)?.send(());
        Some(address)
    }

    /// Changes the connections of `address` and of the networks that enclose it, and their ranks.
    fn update(&mut self, address: IpAddr, change: impl Fn(&mut BTreeSet<u64>) -> bool) {
        let mut network = Network::from(address);
        let mut enclosing = enclosing(address);
        loop {
            let parent = enclosing.next();
            let group = self.groups.entry(network).or_default();
            let before = group.rank(network);
            change(&mut group.connections);
            let after = group.rank(network);
            if after.is_none() {
                self.groups.remove(&network);
            }
            let ranks = match parent {
                Some(parent) => &mut self.groups.entry(parent).or_default().parts,
                None => &mut self.largest,
            };
            if let Some(before) = before {
                ranks.remove(&before);
            }
            ranks.extend(after);
            let Some(parent) = parent else { return };
            network = parent;
        }
    }

    #[cfg(test)]
    pub(super) fn is_unused(&self) -> bool {
        self.signals.is_empty() && self.groups.is_empty() && self.largest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::network::source;

    /// Connections from `addresses`, in this order, the first with the identifier 0.
    fn connected(addresses: impl IntoIterator<Item = String>) -> Unauthenticated {
        let mut connections = Unauthenticated::default();
        for (id, address) in (0..).zip(addresses) {
            connections.insert(source(address.parse().unwrap()), id, oneshot::channel().0);
        }
        connections
    }

    /// The addresses of the next `count` evicted connections.
    fn evict(connections: &mut Unauthenticated, count: usize) -> Vec<String> {
        (0..count).map(|_| connections.evict().unwrap().to_string()).collect()
    }

    #[test]
    fn of_many_addresses_with_one_connection_the_oldest_is_evicted() {
        let addresses = || (0..200).map(|network| format!("10.0.{network}.7"));
        let mut connections = connected(addresses());
        assert_eq!(evict(&mut connections, 200), addresses().collect::<Vec<_>>());
        assert!(connections.evict().is_none() && connections.is_unused());
    }

    #[test]
    fn a_flood_from_many_addresses_of_a_network_evicts_its_own_connections() {
        let networks: [fn(u32) -> String; 3] = [
            |at| format!("198.51.100.{}", at % 256),
            |at| format!("2001:db8:0:{:x}::1", at % 256),
            |at| format!("2001:db8:0:{:x}::1", at * 256),
        ];
        for flood in networks {
            let client = ["203.0.113.1", "2001:db8:1::1"].repeat(3).into_iter().map(str::to_owned);
            let mut connections = connected(client.chain((0..100).map(flood)));
            let evicted = evict(&mut connections, 97);
            let own = (0..97).map(|at| source(flood(at).parse().unwrap()).to_string());
            assert_eq!(evicted, own.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_flood_from_an_address_evicts_no_other_address_of_its_network() {
        for (neighbour, flood) in [
            ("198.51.100.1", "198.51.100.2"),
            ("2001:db8:0:1::1", "2001:db8:0:2::1"),
            ("2001:db8:0:100::1", "2001:db8:0:200::1"),
        ] {
            let flood = std::iter::repeat_n(flood.to_owned(), 100);
            let mut connections = connected([neighbour.to_owned()].into_iter().chain(flood));
            let neighbour = source(neighbour.parse().unwrap()).to_string();
            assert!(!evict(&mut connections, 99).contains(&neighbour));
        }
    }

    #[test]
    fn connections_that_end_leave_nothing() {
        let addresses = ["198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8::1"];
        let mut connections = connected(addresses.map(str::to_owned));
        assert!((0..4).all(|id| connections.remove(id).is_some()));
        assert!(connections.remove(0).is_none());
        assert!(connections.is_unused() && connections.len() == 0);
    }
}

//! Connections in groups that are ranked by size, so that one can be closed to make room for another.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::iter::once;
use std::net::IpAddr;

use identity::UserKey;

use crate::tcp::network::{Network, enclosing};

/// What connections are counted by.
pub(super) trait CountedBy {
    type Group: Clone + Eq + Hash;

    /// The groups to which a connection belongs, from the smallest, each of which is a part of the next one.
    fn groups(&self) -> impl Iterator<Item = Self::Group>;
}

/// An address, and the networks that enclose it.
impl CountedBy for IpAddr {
    type Group = Network;

    fn groups(&self) -> impl Iterator<Item = Network> {
        once(Network::from(*self)).chain(enclosing(*self))
    }
}

impl CountedBy for UserKey {
    type Group = Self;

    fn groups(&self) -> impl Iterator<Item = Self> {
        once(self.clone())
    }
}

/// Connections, each with a number, what it is counted by, and a value.
///
/// The next connection to be closed is found without a search: in the largest group, then in its largest part, and so
/// on, the connection with the lowest number. Of groups with equally many connections, the one with the lowest number
/// is chosen.
#[derive(Debug)]
pub(super) struct Ranking<C: CountedBy, V> {
    connections: HashMap<u64, (C, V)>,
    groups: HashMap<C::Group, Group<C::Group>>,
    largest: BTreeMap<Rank, C::Group>,
}

/// The connections of a group.
#[derive(Debug)]
struct Group<G> {
    /// The numbers of the connections.
    connections: BTreeSet<u64>,
    /// The groups that are parts of it; none of a smallest group.
    parts: BTreeMap<Rank, G>,
}

/// How many connections a group has, and the lowest number of them. The greatest rank is that of the group of which a
/// connection is closed first.
type Rank = (usize, Reverse<u64>);

impl<G> Group<G> {
    const EMPTY: Self = Self { connections: BTreeSet::new(), parts: BTreeMap::new() };

    /// `None` if there are no connections.
    fn rank(&self) -> Option<Rank> {
        Some((self.connections.len(), Reverse(*self.connections.first()?)))
    }
}

impl<C: CountedBy, V> Ranking<C, V> {
    /// No connections.
    pub(super) fn new() -> Self {
        Self { connections: HashMap::new(), groups: HashMap::new(), largest: BTreeMap::new() }
    }

    /// The number of connections.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// How many connections the largest group has.
    pub(super) fn most(&self) -> usize {
        self.largest.last_key_value().map_or(0, |((most, _), _)| *most)
    }

    /// Adds the connection `number`, which is counted by `by`.
    pub(super) fn insert(&mut self, number: u64, by: C, value: V) {
        self.update(&by, |connections| connections.insert(number));
        self.connections.insert(number, (by, value));
    }

    /// Whether the connection `number` is one of these.
    pub(super) fn contains(&self, number: u64) -> bool {
        self.connections.contains_key(&number)
    }

    /// Removes the connection `number`, if it is one of these.
    pub(super) fn remove(&mut self, number: u64) -> Option<(C, V)> {
        let (by, value) = self.connections.remove(&number)?;
        self.update(&by, |connections| connections.remove(&number));
        Some((by, value))
    }

    /// The connection to be closed first.
    pub(super) fn first(&self) -> Option<u64> {
        let mut ranks = &self.largest;
        let mut first = None;
        while let Some(((_, Reverse(lowest)), group)) = ranks.last_key_value() {
            first = Some(*lowest);
            ranks = &self.groups.get(group)?.parts;
        }
        first
    }

    /// Changes the connections of the groups of `by`, and their ranks.
    fn update(&mut self, by: &C, change: impl Fn(&mut BTreeSet<u64>) -> bool) {
        let mut groups = by.groups();
        let mut next = groups.next();
        while let Some(group) = next {
            let parent = groups.next();
            let connections = self.groups.entry(group.clone()).or_insert(Group::EMPTY);
            let before = connections.rank();
            change(&mut connections.connections);
            let after = connections.rank();
            if after.is_none() {
                self.groups.remove(&group);
            }
            let ranks = match &parent {
                Some(parent) => &mut self.groups.entry(parent.clone()).or_insert(Group::EMPTY).parts,
                None => &mut self.largest,
            };
            if let Some(before) = before {
                ranks.remove(&before);
            }
            ranks.extend(after.map(|rank| (rank, group)));
            next = parent;
        }
    }

    #[cfg(test)]
    pub(super) fn is_unused(&self) -> bool {
        self.connections.is_empty() && self.groups.is_empty() && self.largest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::network::source;

    /// Connections from `addresses`, in this order, the first with the number 0.
    fn connected(addresses: impl IntoIterator<Item = String>) -> Ranking<IpAddr, ()> {
        let mut connections = Ranking::new();
        for (number, address) in (0..).zip(addresses) {
            connections.insert(number, source(address.parse().unwrap()), ());
        }
        connections
    }

    /// The addresses of the next `count` connections to be closed.
    fn evict(connections: &mut Ranking<IpAddr, ()>, count: usize) -> Vec<String> {
        let mut first = || connections.first().and_then(|number| connections.remove(number)).unwrap();
        (0..count).map(|_| first().0.to_string()).collect()
    }

    #[test]
    fn of_many_addresses_with_one_connection_the_oldest_is_evicted() {
        let addresses = || (0..200).map(|network| format!("10.0.{network}.7"));
        let mut connections = connected(addresses());
        assert_eq!(evict(&mut connections, 200), addresses().collect::<Vec<_>>());
        assert!(connections.first().is_none() && connections.is_unused());
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

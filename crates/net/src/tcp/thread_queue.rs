//! The queue of the connections of one user that wait for their turn of a worker thread: each address has one
//! connection in a round.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::task::Waker;

/// The connections that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<QueuePlace, (IpAddr, Waker)>,
    /// For each address with waiting connections, how many there are, and the round of the last one.
    by_address: HashMap<IpAddr, (usize, u64)>,
    /// The round of the connection that left the queue last.
    round: u64,
    last: u64,
}

/// A place in a queue: the round in which the connection is polled, in which it is the only one of its address, and a
/// number that ascends with the time since which it waits.
pub(super) type QueuePlace = (u64, u64);

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a connection from `address`: in the first round that has none of the address behind those that wait.
    pub(super) fn push(&mut self, address: IpAddr, waker: &Waker) -> QueuePlace {
        let (count, last_round) = self.by_address.entry(address).or_insert((0, self.round));
        *count += 1;
        *last_round = last_round.saturating_add(1);
        self.last = self.last.saturating_add(1);
        let place = (*last_round, self.last);
        self.waiting.insert(place, (address, waker.clone()));
        place
    }

    /// Replaces the waker of the connection at `place`. Returns whether it is still in the queue.
    pub(super) fn update(&mut self, place: QueuePlace, waker: &Waker) -> bool {
        let Some((_, known)) = self.waiting.get_mut(&place) else { return false };
        known.clone_from(waker);
        true
    }

    /// Removes the first connection.
    pub(super) fn pop(&mut self) -> Option<Waker> {
        let place = *self.waiting.first_key_value()?.0;
        self.round = self.round.max(place.0);
        self.remove(place)
    }

    pub(super) fn remove(&mut self, place: QueuePlace) -> Option<Waker> {
        let (address, waker) = self.waiting.remove(&place)?;
        if let Some((count, _)) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
        Some(waker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_one_connection_in_a_round_of_the_queue() {
        let mut queue = Queue::default();
        let addresses = [1, 1, 1, 2, 2, 3].map(|last| IpAddr::from([192, 0, 2, last]));
        let places = addresses.map(|address| queue.push(address, Waker::noop()));
        let order = |queue: &mut Queue, count: usize| -> Vec<IpAddr> {
            let next = |_| {
                let address = queue.waiting.first_key_value().map(|(_, (address, _))| *address);
                queue.pop().and(address).unwrap()
            };
            (0..count).map(next).collect()
        };
        let last = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => 0,
        };
        let first: Vec<u8> = order(&mut queue, 3).into_iter().map(last).collect();
        assert_eq!(first, [1, 2, 3]);
        // A new one of the third address is not behind all others of the first.
        queue.push(addresses[5], Waker::noop());
        assert!(queue.remove(places[4]).is_some() && queue.remove(places[4]).is_none());
        let rest: Vec<u8> = order(&mut queue, 3).into_iter().map(last).collect();
        assert_eq!(rest, [1, 3, 1]);
        assert!(queue.is_empty() && queue.by_address.is_empty());
    }
}

//! Counters of attempts in a table of limited size from which nothing is evicted.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use identity::{ClaimedName, Spelling};
use tokio::time::Instant;

use super::backoff::Backoff;
use crate::tcp::network::Network;

/// The most counters that are not shared.
const OWN: usize = 64 * 1024;

/// The number of shared counters, for accounts and networks without a counter of their own.
const SHARED: u64 = 16 * 1024;

/// The shortest time between removals of expired counters.
const PURGED_AFTER: Duration = Duration::from_secs(10);

/// The key of a counter: the attempts that it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Counted<'a> {
    /// Failed attempts for an account from all addresses.
    Account(&'a str),
    /// Failed attempts for an account from a network.
    AccountInNetwork(&'a str, Network),
    /// Accounts for which attempts of an address failed, for all addresses of a network.
    Network(Network),
    /// Failed attempts for an account from a trusted proxy that does not name its client.
    Unnamed(&'a str, IpAddr),
    /// Attempts of an address for an account whose outcome is unproven.
    Unproven(&'a str, IpAddr),
    /// Attempts of an address for a name that was proven there, whose outcome is unproven.
    UnprovenSpelling(Spelling, IpAddr),
}

impl<'a> Counted<'a> {
    pub(super) fn account(name: &'a ClaimedName) -> Self {
        Self::Account(name.counting_name())
    }
}

/// Counters by a keyed hash of what they count. While the table is full, the others share [`SHARED`] counters by that
/// hash: an attacker who fills the table with other names cannot remove a counter. Clients do not know the key, so that
/// they cannot choose whose counter they share.
#[derive(Debug, Default)]
pub(super) struct Counters {
    key: RandomState,
    own: HashMap<u64, Backoff>,
    shared: HashMap<u64, Backoff>,
    /// When expired counters were last removed.
    purged: Option<Instant>,
}

impl Counters {
    /// The counter of `what`, if there is one that has not expired.
    pub(super) fn get(&self, what: Counted<'_>, now: Instant) -> Option<&Backoff> {
        let hash = self.key.hash_one(what);
        let counter = self.own.get(&hash).or_else(|| self.shared.get(&(hash % SHARED)));
        counter.filter(|counter| !counter.is_over(now))
    }

    pub(super) fn get_mut(&mut self, what: Counted<'_>, now: Instant) -> &mut Backoff {
        let hash = self.key.hash_one(what);
        if self.own.len() >= OWN
            && self.purged.is_none_or(|purged| now.duration_since(purged) >= PURGED_AFTER)
        {
            self.own.retain(|_, counter| !counter.is_over(now));
            self.shared.retain(|_, counter| !counter.is_over(now));
            self.purged = Some(now);
        }
        // A key that shares a counter continues to share it, so that the outcome of an attempt is counted where the
        // attempt was.
        let is_own = self.own.contains_key(&hash)
            || (self.own.len() < OWN && !self.shared.contains_key(&(hash % SHARED)));
        let entry = if is_own { self.own.entry(hash) } else { self.shared.entry(hash % SHARED) };
        let counter = entry.or_insert_with(|| Backoff::new(now));
        counter.forget(now);
        counter
    }

    /// Records that an attempt that was begun with `get_mut` has ended.
    pub(super) fn end(&mut self, what: Counted<'_>) {
        let (table, hash) = self.place(what);
        if let Some(counter) = table.get_mut(&hash) {
            counter.end();
            if counter.is_unused() {
                table.remove(&hash);
            }
        }
    }

    /// Removes the counter of `what`.
    pub(super) fn remove(&mut self, what: Counted<'_>) {
        let (table, hash) = self.place(what);
        table.remove(&hash);
    }

    fn place(&mut self, what: Counted<'_>) -> (&mut HashMap<u64, Backoff>, u64) {
        let hash = self.key.hash_one(what);
        if self.own.contains_key(&hash) { (&mut self.own, hash) } else { (&mut self.shared, hash % SHARED) }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.own.len() + self.shared.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_not_evicted_by_others() {
        let mut counters = Counters::default();
        let now = Instant::now();
        let names: Vec<String> = (0..100_000).map(|number| format!("user{number}")).collect();
        for name in &names {
            let counter = counters.get_mut(Counted::Account(name), now);
            counter.begin(now);
            counter.failed(5, Duration::from_mins(1), now);
        }
        assert!(counters.len() <= OWN + usize::try_from(SHARED).unwrap(), "{}", counters.len());
        for name in &names {
            assert!(counters.get(Counted::Account(name), now).unwrap().has_failed(), "{name}");
            counters.end(Counted::Account(name));
        }
        assert!(counters.own.values().chain(counters.shared.values()).all(|counter| !counter.is_in_flight()));
        // Expired counters make room.
        let later = now + Duration::from_hours(1);
        counters.get_mut(Counted::Account("alice"), later);
        assert_eq!(counters.len(), 1);
    }
}

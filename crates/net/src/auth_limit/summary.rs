//! The sum of failed attempts of many addresses, by network.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;

use super::report::SourceReport;
use crate::tcp::network::{Network, enclosing};

/// The most networks whose attempts are counted separately.
const MOST_NETWORKS: usize = 4096;

/// The most addresses, accounts and networks that are counted as distinct.
const MOST_DISTINCT: usize = 64 * 1024;

/// Attempts of several addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Attempts whose credentials were rejected.
    pub(super) failed: u64,
    /// Attempts that were refused without a check.
    pub(super) throttled: u64,
    pub(super) addresses: Count,
    pub(super) accounts: Count,
}

impl Tally {
    pub(super) const fn attempts(&self) -> u64 {
        self.failed.saturating_add(self.throttled)
    }
}

/// A number of distinct items, some of which may have been left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) known: u64,
    pub(super) is_incomplete: bool,
}

impl Count {
    fn add(&mut self, is_new: Option<bool>) {
        match is_new {
            Some(is_new) => self.known = self.known.saturating_add(is_new.into()),
            None => self.is_incomplete = true,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, is_incomplete } = self;
        write!(f, "{known}{}", if *is_incomplete { "+" } else { "" })
    }
}

/// What was counted once already.
#[derive(Hash)]
enum Item<'a> {
    Address(IpAddr),
    Network(Network),
    Account(&'a str),
    AccountInNetwork(&'a str, Network),
}

/// The attempts of many addresses, in tables of limited size.
#[derive(Debug, Default)]
pub(super) struct Summary {
    all: Tally,
    /// The number of networks.
    networks: Count,
    /// The first networks that were counted.
    by_network: HashMap<Network, Tally>,
    distinct: Distinct,
}

/// The items that were counted already, as keyed hashes.
#[derive(Debug, Default)]
struct Distinct {
    hashes: HashSet<u64>,
    key: RandomState,
}

impl Distinct {
    /// Whether an item was not counted yet; `None` if that is unknown.
    fn is_new(&mut self, item: &Item<'_>) -> Option<bool> {
        let hash = self.key.hash_one(item);
        if self.hashes.contains(&hash) {
            return Some(false);
        }
        (self.hashes.len() < MOST_DISTINCT).then(|| self.hashes.insert(hash))
    }
}

impl Summary {
    /// Adds the attempts of an address.
    pub(super) fn add(&mut self, source: IpAddr, report: &SourceReport) {
        let Some(network) = enclosing(source).last().filter(|_| report.attempts() > 0) else { return };
        let Self { all, networks, by_network, distinct } = self;
        networks.add(distinct.is_new(&Item::Network(network)));
        // Further networks are counted in sum only.
        let mut unused = Tally::default();
        let part = if by_network.len() < MOST_NETWORKS || by_network.contains_key(&network) {
            by_network.entry(network).or_default()
        } else {
            &mut unused
        };
        let address = distinct.is_new(&Item::Address(source));
        for tally in [&mut *all, &mut *part] {
            tally.failed = tally.failed.saturating_add(report.failures());
            tally.throttled = tally.throttled.saturating_add(report.refusals());
            tally.addresses.add(address);
            tally.accounts.is_incomplete |= report.has_other_names();
        }
        for name in report.names() {
            all.accounts.add(distinct.is_new(&Item::Account(name.counting_name())));
            part.accounts.add(distinct.is_new(&Item::AccountInNetwork(name.counting_name(), network)));
        }
    }

    /// The attempts of all addresses.
    pub(super) const fn all(&self) -> Tally {
        self.all
    }

    /// The number of networks.
    pub(super) const fn networks(&self) -> Count {
        self.networks
    }

    /// The networks with the most attempts, at most `most` of them.
    pub(super) fn largest(&self, most: usize) -> Vec<(Network, Tally)> {
        let mut networks: Vec<_> =
            self.by_network.iter().map(|(network, tally)| (*network, *tally)).collect();
        networks.sort_unstable_by_key(|(network, tally)| (std::cmp::Reverse(tally.attempts()), *network));
        networks.truncate(most);
        networks
    }
}

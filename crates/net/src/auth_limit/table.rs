//! Failed attempts by address and account, in tables of a fixed size.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use identity::{ClaimedName, Spelling};
use tokio::time::Instant;

use super::backoff::{Attempts, Backoff, Blocked};
use super::counters::{Counted, Counters};
use super::limits::{
    ACCOUNTS_PER_SOURCE, AuthLimits, LONGEST_NETWORK_WAIT, PROVEN_IN_FLIGHT, UNPROVEN_FACTOR,
};
use super::queue::Place;
use super::report::Report;
use super::source::Source;
use super::throttled::{Limit, Obstacle, Throttled};
use crate::tcp::network::{Network, enclosing};

/// The most addresses.
const SOURCES: usize = 4096;

/// The most pairs of an address and a name that is proven there.
const PROVEN: usize = 16 * 1024;

/// Where an attempt comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// The address or network.
    pub(super) source: IpAddr,
    /// Whether it is that of a trusted proxy, which many clients share.
    pub(super) is_shared: bool,
}

impl Peer {
    /// The networks of the address in which failures are counted, each with a multiple of the limits of an address.
    fn networks(self) -> impl Iterator<Item = (Network, u32)> {
        let networks = (!self.is_shared).then(|| enclosing(self.source));
        networks.into_iter().flatten().zip([4, 8])
    }
}

/// The counters of an attempt in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    /// That of a name that was proven at the address before.
    Proven,
    /// Those that all spellings of a name share.
    Shared {
        /// Whether it is the first attempt of the address for the account.
        is_first: bool,
    },
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The credentials are wrong.
    Failed,
    /// They were neither accepted nor rejected, and were not sent to a server.
    Unknown,
    /// They were sent to a server, whose response shows neither that they are right nor that they are wrong.
    Unproven,
    /// They are right, and proved the name.
    Proven,
}

/// Whether an attempt may be made.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is in flight.
    Begun(Counter),
    /// It has to wait for the outcome of another.
    Queued(Place),
    /// It has to wait for its turn.
    Later(Throttled),
    /// It is refused.
    Throttled(Throttled),
}

/// Whether an attempt that may not be made now waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It does not wait: it is refused, unless attempts in flight are the only reason, since the proxy verifies this
    /// one at once.
    None,
    /// It waits.
    Waits {
        /// When it was first to be made.
        since: Instant,
        /// Whether it waited before.
        again: bool,
    },
}

/// The counters of all addresses and accounts.
#[derive(Debug, Default)]
pub(super) struct Table {
    sources: HashMap<IpAddr, Source>,
    counters: Counters,
    proven: HashMap<(IpAddr, Spelling), Proven>,
    report: Report,
}

/// A name that was proven at an address.
#[derive(Debug)]
struct Proven {
    /// The attempts since.
    attempts: Backoff,
    last: Instant,
}

impl Proven {
    fn blocked(&self, limits: AuthLimits, now: Instant) -> Option<Blocked> {
        let least = if self.attempts.has_failed() { 0 } else { PROVEN_IN_FLIGHT - 1 };
        let free = limits.failures.max(least);
        self.attempts.blocked(free, now)
    }
}

impl Table {
    /// Begins an attempt, if it may be made now.
    pub(super) fn begin(
        &mut self,
        peer: Peer,
        name: &ClaimedName,
        patience: Patience,
        limits: AuthLimits,
        now: Instant,
    ) -> Admission {
        match (self.obstacle(peer, name, patience, limits, now), patience) {
            (None, _) | (Some(Obstacle::InFlight), Patience::None) => {
                Admission::Begun(self.count(peer, name, now))
            }
            (Some(Obstacle::InFlight), Patience::Waits { since, again }) => {
                let place = self.source(peer.source, now).join_queue(name, since, again);
                place.map_or(Admission::Throttled(Throttled::busy()), Admission::Queued)
            }
            (Some(Obstacle::Others(throttled)), Patience::Waits { .. }) => Admission::Later(throttled),
            (Some(Obstacle::Others(throttled) | Obstacle::Own(throttled)), _) => {
                Admission::Throttled(throttled)
            }
        }
    }

    /// Why a password from `peer` for the account `name` is not checked now.
    fn obstacle(
        &self,
        peer: Peer,
        name: &ClaimedName,
        patience: Patience,
        limits: AuthLimits,
        now: Instant,
    ) -> Option<Obstacle> {
        let unproven = self.counters.get(self.unproven(peer, name), now);
        let inconclusive = unproven.and_then(|counter| counter.blocked(limits.unproven(), now));
        let inconclusive = Obstacle::own(Limit::Unproven, inconclusive);
        if let Some(proven) = self.proven.get(&(peer.source, name.spelling())) {
            let own = Obstacle::own(Limit::AddressAndAccount, proven.blocked(limits, now));
            return Obstacle::worse(own, inconclusive);
        }
        if peer.is_shared {
            let own = self.counters.get(Counted::Unnamed(name.account(), peer.source), now);
            let own = own.and_then(|own| own.blocked(limits.failures, now));
            return Obstacle::worse(Obstacle::own(Limit::AddressAndAccount, own), inconclusive);
        }
        let source = self.sources.get(&peer.source);
        let tried = source.and_then(|source| source.tried(name, now));
        let own = match tried {
            Some(tried) => Obstacle::own(Limit::AddressAndAccount, tried.blocked(limits.failures, now)),
            None => Obstacle::own(Limit::Address, source.and_then(|source| source.spread_blocked(now))),
        };
        let unproven = unproven.map_or(0, |counter| counter.failures() / UNPROVEN_FACTOR);
        let own_part = Part {
            account: tried.map_or(Attempts::default(), Attempts::of).with_failed(unproven),
            accounts: tried
                .is_none()
                .then(|| source.map_or(Attempts::default(), |source| source.accounts_tried(now))),
        };
        let others = self.others(peer, name, own_part, patience, limits, now);
        Obstacle::worse(Obstacle::worse(own, inconclusive), others)
    }

    /// Why the attempts of others delay one of an address. They do so only if the address, and each network within
    /// the one that exceeds its limit, has failed itself.
    fn others(
        &self,
        peer: Peer,
        name: &ClaimedName,
        own: Part,
        patience: Patience,
        limits: AuthLimits,
        now: Instant,
    ) -> Option<Obstacle> {
        let counter = |what| self.counters.get(what, now);
        let mut worst: Option<Obstacle> = None;
        let mut add = |limit, part: Attempts, counter: Option<&Backoff>, free: u32| {
            let blocked = counter.and_then(|counter| counter.blocked(free, now));
            // The proxy verifies at once: attempts in flight elsewhere end before this one begins.
            let blocked =
                blocked.filter(|blocked| patience != Patience::None || *blocked != Blocked::InFlight);
            worst =
                Obstacle::worse(worst, blocked.and_then(|blocked| Obstacle::for_part(part, limit, blocked)));
        };
        let mut part = own;
        for (network, factor) in peer.networks() {
            let for_account = counter(Counted::AccountInNetwork(name.account(), network));
            let for_any = counter(Counted::Network(network));
            let limit = Limit::Network(network);
            add(limit, part.account, for_account, limits.failures.saturating_mul(factor));
            if let Some(accounts) = part.accounts {
                add(limit, accounts, for_any, ACCOUNTS_PER_SOURCE * factor);
            }
            let of = |counter: Option<&Backoff>| counter.map_or(Attempts::default(), Attempts::of);
            part = Part { account: of(for_account), accounts: part.accounts.map(|_| of(for_any)) };
        }
        let all = counter(Counted::account(name));
        add(Limit::Account, own.account, all, limits.failures_everywhere());
        worst
    }

    fn count(&mut self, peer: Peer, name: &ClaimedName, now: Instant) -> Counter {
        if let Some(proven) = self.proven.get_mut(&(peer.source, name.spelling())) {
            proven.attempts.begin(now);
            return Counter::Proven;
        }
        let mut is_first = false;
        if peer.is_shared {
            self.counters.get_mut(Counted::Unnamed(name.account(), peer.source), now).begin(now);
        } else {
            let source = self.source(peer.source, now);
            is_first = source.tried(name, now).is_none();
            source.begin(name, now);
        }
        for what in counted_for_others(peer, name, is_first) {
            self.counters.get_mut(what, now).begin(now);
        }
        Counter::Shared { is_first }
    }

    /// Counts the outcome of an attempt that `begin` counted.
    pub(super) fn end(
        &mut self,
        peer: Peer,
        name: &ClaimedName,
        (counter, outcome): (Counter, Outcome),
        limits: AuthLimits,
        now: Instant,
    ) {
        match counter {
            Counter::Proven => {
                if let Some(proven) = self.proven.get_mut(&(peer.source, name.spelling())) {
                    proven.attempts.end();
                }
            }
            Counter::Shared { is_first } => self.end_shared(peer, name, is_first),
        }
        match outcome {
            Outcome::Failed => self.failed(peer, name, limits, now),
            Outcome::Unproven => {
                let free = limits.unproven();
                let what = self.unproven(peer, name);
                self.counters.get_mut(what, now).failed(free, limits.longest_wait, now);
                self.failed_for_others(peer, name, false, limits, now);
            }
            Outcome::Unknown => {}
            Outcome::Proven => self.succeeded(peer, name, now),
        }
        let woken = match outcome {
            Outcome::Proven => usize::try_from(PROVEN_IN_FLIGHT).unwrap_or(usize::MAX),
            _ => match self.obstacle(peer, name, Patience::None, limits, now) {
                // The waiting ones have to be refused, or to wait for time.
                Some(Obstacle::Own(_) | Obstacle::Others(_)) => usize::MAX,
                _ => 1,
            },
        };
        if let Some(source) = self.sources.get_mut(&peer.source) {
            source.wake(name, woken);
            if source.is_unused(now) {
                self.sources.remove(&peer.source);
            }
        }
    }

    fn end_shared(&mut self, peer: Peer, name: &ClaimedName, is_first: bool) {
        if peer.is_shared {
            self.counters.end(Counted::Unnamed(name.account(), peer.source));
        } else if let Some(source) = self.sources.get_mut(&peer.source) {
            source.end(name);
        }
        for what in counted_for_others(peer, name, is_first) {
            self.counters.end(what);
        }
    }

    /// Counts a failed attempt.
    fn failed(&mut self, peer: Peer, name: &ClaimedName, limits: AuthLimits, now: Instant) {
        let mut is_first = false;
        if let Some(proven) = self.proven.get_mut(&(peer.source, name.spelling())) {
            proven.attempts.forget(now);
            proven.attempts.failed(limits.failures, limits.longest_wait, now);
        } else if peer.is_shared {
            let own = self.counters.get_mut(Counted::Unnamed(name.account(), peer.source), now);
            own.failed(limits.failures, limits.longest_wait, now);
        } else {
            is_first = self.source(peer.source, now).failed(name, limits, now);
        }
        self.failed_for_others(peer, name, is_first, limits, now);
    }

    /// Counts a failed attempt in the networks of the address and for the account.
    fn failed_for_others(
        &mut self,
        peer: Peer,
        name: &ClaimedName,
        is_first: bool,
        limits: AuthLimits,
        now: Instant,
    ) {
        let wait = limits.longest_wait.min(LONGEST_NETWORK_WAIT);
        for (network, factor) in peer.networks() {
            let free = limits.failures.saturating_mul(factor);
            let what = Counted::AccountInNetwork(name.account(), network);
            self.counters.get_mut(what, now).failed(free, wait, now);
            if is_first {
                let free = ACCOUNTS_PER_SOURCE * factor;
                self.counters.get_mut(Counted::Network(network), now).failed(free, wait, now);
            }
        }
        let all = self.counters.get_mut(Counted::account(name), now);
        all.failed(limits.failures_everywhere(), limits.longest_wait, now);
    }

    /// Records that the name is proven at the address, and forgets its failed attempts there.
    fn succeeded(&mut self, peer: Peer, name: &ClaimedName, now: Instant) {
        let key = (peer.source, name.spelling());
        make_room(&mut self.proven, &key, PROVEN, |proven| proven.last);
        let proven =
            self.proven.entry(key).or_insert_with(|| Proven { attempts: Backoff::new(now), last: now });
        proven.attempts.reset(now);
        proven.last = now;
        self.counters.remove(Counted::UnprovenSpelling(name.spelling(), peer.source));
    }

    /// The key of the counter of attempts of `peer` whose outcome is unproven.
    fn unproven<'a>(&self, peer: Peer, name: &'a ClaimedName) -> Counted<'a> {
        if self.proven.contains_key(&(peer.source, name.spelling())) {
            Counted::UnprovenSpelling(name.spelling(), peer.source)
        } else {
            Counted::Unproven(name.account(), peer.source)
        }
    }

    /// Counts an attempt that was not checked. Returns whether it is the first from `source` that is to be logged.
    pub(super) fn throttled(&mut self, source: IpAddr, name: &ClaimedName, now: Instant) -> bool {
        self.source(source, now).report.throttled(name, now)
    }

    /// Records a failed attempt for the log. Returns whether it is the first from `source` that is to be logged.
    pub(super) fn report_failure(
        &mut self,
        source: IpAddr,
        name: Option<&ClaimedName>,
        now: Instant,
    ) -> bool {
        self.source(source, now).report.failed(name, now)
    }

    /// The failed attempt that was reported last was logged.
    pub(super) fn logged(&mut self, source: IpAddr, name: Option<&ClaimedName>) {
        if let Some(entry) = self.sources.get_mut(&source) {
            entry.report.logged(name);
        }
    }

    /// Takes the failed attempts that were not logged for `age` or more.
    pub(super) fn take_unreported(&mut self, now: Instant, age: Duration) -> Report {
        let mut report = std::mem::take(&mut self.report);
        for (source, entry) in &mut self.sources {
            if let Some(unreported) = entry.report.take(now, age) {
                report.add(*source, unreported);
            }
        }
        report
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.sources.len(), self.counters.len(), self.proven.len())
    }

    fn source(&mut self, source: IpAddr, now: Instant) -> &mut Source {
        for (removed, mut entry) in make_room(&mut self.sources, &source, SOURCES, |entry| entry.last) {
            self.report.evicted(removed, std::mem::take(&mut entry.report));
        }
        let entry = self.sources.entry(source).or_insert_with(|| Source::new(now));
        entry.last = now;
        entry
    }
}

/// The attempts that an address, or a network, made itself.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// For the account.
    account: Attempts,
    /// The accounts with attempts; `None` if the account of the attempt is among those of the address.
    accounts: Option<Attempts>,
}

/// The counters, beside those of its address, of an attempt in flight.
fn counted_for_others(peer: Peer, name: &ClaimedName, is_first: bool) -> impl Iterator<Item = Counted<'_>> {
    let in_network = move |(network, _)| {
        let any = is_first.then_some(Counted::Network(network));
        [Some(Counted::AccountInNetwork(name.account(), network)), any]
    };
    peer.networks().flat_map(in_network).flatten().chain([Counted::account(name)])
}

/// Removes the least recently used eighth of `table` if it is full, and returns it.
fn make_room<K: Eq + Hash, V>(
    table: &mut HashMap<K, V>,
    key: &K,
    most: usize,
    last: impl Fn(&V) -> Instant,
) -> Vec<(K, V)> {
    if table.len() < most || table.contains_key(key) {
        return Vec::new();
    }
    let mut times: Vec<Instant> = table.values().map(&last).collect();
    let (_, until, _) = times.select_nth_unstable(most / 8);
    let until = *until;
    table.extract_if(|_, value| last(value) <= until).collect()
}

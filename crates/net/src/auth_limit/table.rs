//! Failed attempts by address and account, in tables of a fixed size.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use identity::{ClaimedName, Spelling};
use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::limits::{AuthLimits, PROVEN_IN_FLIGHT, RETRY_AFTER, Throttled};
use super::report::Report;
use super::source::Source;

/// The most addresses.
const SOURCES: usize = 4096;

/// The most accounts for which the attempts of all addresses are counted.
const ACCOUNTS: usize = 4096;

/// The most pairs of an address and a name that is proven there.
const PROVEN: usize = 16 * 1024;

/// Where an attempt comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// The address or network.
    pub(super) source: IpAddr,
    /// Whether many clients have the address.
    pub(super) is_shared: bool,
}

/// The counters of an attempt in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    /// That of a name that was proven at the address before.
    Proven,
    /// Those that all spellings of a name share.
    Shared,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The credentials are wrong.
    Failed,
    /// They were neither accepted nor rejected.
    Unknown,
    /// They are right, and proved the name.
    Proven,
}

/// Whether an attempt may be made.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is in flight.
    Begun(Counter),
    /// It may be made again when there is an outcome of another.
    Queued(OwnedNotified),
    /// It may be made again after this time.
    Throttled(Duration),
}

/// The counters of all addresses and accounts.
#[derive(Debug, Default)]
pub(super) struct Table {
    sources: HashMap<IpAddr, Source>,
    accounts: HashMap<Box<str>, Backoff>,
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
    fn throttled(&self, limits: AuthLimits, now: Instant) -> Option<Throttled> {
        let least = if self.attempts.has_failed() { 0 } else { PROVEN_IN_FLIGHT - 1 };
        let free = limits.failures.max(least);
        self.attempts.throttled(free, now)
    }
}

impl Table {
    /// Begins an attempt, if it may be made now. If `waits`, it waits for the outcomes of attempts that are in
    /// flight.
    pub(super) fn begin(
        &mut self,
        peer: Peer,
        name: &ClaimedName,
        waits: bool,
        limits: AuthLimits,
        now: Instant,
    ) -> Admission {
        let wait = match self.why_throttled(peer, name, limits, now) {
            Some(Throttled::Failures(wait)) => wait,
            Some(Throttled::InFlight) if waits => match self.source(peer.source, now).queue() {
                Some(place) => return Admission::Queued(place),
                None => RETRY_AFTER,
            },
            Some(Throttled::InFlight) | None => return Admission::Begun(self.count(peer.source, name, now)),
        };
        self.throttled(peer.source, name, now);
        Admission::Throttled(wait)
    }

    /// Why a password from `peer` for the account `name` is not checked now.
    fn why_throttled(
        &self,
        peer: Peer,
        name: &ClaimedName,
        limits: AuthLimits,
        now: Instant,
    ) -> Option<Throttled> {
        if let Some(proven) = self.proven.get(&(peer.source, name.spelling())) {
            return proven.throttled(limits, now);
        }
        let source = self.sources.get(&peer.source)?;
        let Some(own) = source.tried(name, now) else {
            return if peer.is_shared { None } else { source.spread_throttled(now) };
        };
        let everywhere = self.accounts.get(name.account());
        let everywhere = everywhere.and_then(|all| all.throttled(limits.failures_everywhere(), now));
        let everywhere = everywhere.map(|why| {
            if own.has_failed() {
                // Outcomes at other addresses wake no attempt of this one.
                why.max(Throttled::Failures(RETRY_AFTER))
            } else {
                // The first attempt of this address is in flight.
                Throttled::InFlight
            }
        });
        own.throttled(limits.failures, now).max(everywhere)
    }

    fn count(&mut self, source: IpAddr, name: &ClaimedName, now: Instant) -> Counter {
        if let Some(proven) = self.proven.get_mut(&(source, name.spelling())) {
            proven.attempts.begin(now);
            return Counter::Proven;
        }
        self.source(source, now).begin(name, now);
        self.everywhere(name, now).begin(now);
        Counter::Shared
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
            Counter::Shared => self.end_shared(peer.source, name),
        }
        match outcome {
            Outcome::Failed => self.failed(peer, name, limits, now),
            Outcome::Unknown => {}
            Outcome::Proven => self.succeeded(peer.source, name, now),
        }
        if let Some(source) = self.sources.get(&peer.source) {
            source.wake();
            if source.is_unused(now) {
                self.sources.remove(&peer.source);
            }
        }
    }

    fn end_shared(&mut self, source: IpAddr, name: &ClaimedName) {
        if let Some(source) = self.sources.get_mut(&source) {
            source.end(name);
        }
        if let Some(all) = self.accounts.get_mut(name.account()) {
            all.end();
            if all.is_unused() {
                self.accounts.remove(name.account());
            }
        }
    }

    /// Counts a failed attempt.
    fn failed(&mut self, peer: Peer, name: &ClaimedName, limits: AuthLimits, now: Instant) {
        if let Some(proven) = self.proven.get_mut(&(peer.source, name.spelling())) {
            if proven.attempts.is_over(now) {
                proven.attempts.reset(now);
            }
            proven.attempts.failed(limits.failures, limits.longest_wait, now);
        } else {
            self.source(peer.source, now).failed(name, peer.is_shared, limits, now);
        }
        self.everywhere(name, now).failed(limits.failures_everywhere(), limits.longest_wait, now);
    }

    /// The name is proven at the address: its failed attempts there do not count any more.
    fn succeeded(&mut self, source: IpAddr, name: &ClaimedName, now: Instant) {
        let key = (source, name.spelling());
        make_room(&mut self.proven, &key, PROVEN, |proven| proven.last);
        let proven =
            self.proven.entry(key).or_insert_with(|| Proven { attempts: Backoff::new(now), last: now });
        proven.attempts.reset(now);
        proven.last = now;
    }

    /// Counts an attempt that was not checked.
    pub(super) fn throttled(&mut self, source: IpAddr, name: &ClaimedName, now: Instant) {
        self.source(source, now).report.throttled(name, now);
    }

    /// Keeps a failed attempt for the log. Returns whether it is the first from `source` that is to be logged.
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
        (self.sources.len(), self.accounts.len(), self.proven.len())
    }

    fn everywhere(&mut self, name: &ClaimedName, now: Instant) -> &mut Backoff {
        let account: Box<str> = name.account().into();
        make_room(&mut self.accounts, &account, ACCOUNTS, |all| all.last);
        let all = self.accounts.entry(account).or_insert_with(|| Backoff::new(now));
        if all.is_over(now) {
            all.reset(now);
        }
        all
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

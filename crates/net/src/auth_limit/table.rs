//! Failed attempts by address and account, in tables of a fixed size.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use identity::ClaimedName;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::limits::{ACCOUNTS_PER_SOURCE, AuthLimits, SOURCES_FACTOR};
use super::report::{Report, SourceReport};

/// The most addresses.
const SOURCES: usize = 4096;

/// The most accounts for each address.
const ACCOUNTS_KEPT: usize = ACCOUNTS_PER_SOURCE + 4;

/// The most accounts for which the attempts of all addresses are counted.
const ACCOUNTS: usize = 4096;

/// The most pairs of an address and an account that authenticated from there.
const KNOWN: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Table {
    sources: HashMap<IpAddr, Source>,
    accounts: HashMap<String, Backoff>,
    /// When each account last authenticated from an address.
    known: HashMap<(IpAddr, String), Instant>,
    report: Report,
}

#[derive(Debug)]
struct Source {
    accounts: Vec<Tried>,
    /// Counts accounts, not attempts.
    spread: Backoff,
    last: Instant,
    report: SourceReport,
}

/// An account that was tried from an address.
#[derive(Debug)]
struct Tried {
    account: String,
    backoff: Backoff,
}

impl Source {
    fn tried(&self, account: &str) -> Option<&Backoff> {
        self.accounts.iter().find(|tried| tried.account == account).map(|tried| &tried.backoff)
    }
}

impl Table {
    /// The time until the next password from `source` for the account `name` is checked.
    pub(super) fn wait(
        &self,
        source: IpAddr,
        name: &ClaimedName,
        is_trusted_proxy: bool,
        now: Instant,
    ) -> Duration {
        let account = name.account();
        let entry = self.sources.get(&source);
        let own = entry.and_then(|entry| entry.tried(&account)).filter(|own| !own.is_over(now));
        let own_wait = own.map_or(Duration::ZERO, |own| own.wait(now));
        if self.known.contains_key(&(source, account.clone())) {
            return own_wait;
        }
        let spread = match (entry, own) {
            (Some(entry), None) if !is_trusted_proxy => entry.spread.wait(now),
            _ => Duration::ZERO,
        };
        let everywhere = match own {
            Some(_) => self.accounts.get(&account).map_or(Duration::ZERO, |all| all.wait(now)),
            None => Duration::ZERO,
        };
        own_wait.max(spread).max(everywhere)
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

    /// Counts a failed attempt.
    pub(super) fn failed(
        &mut self,
        source: IpAddr,
        name: &ClaimedName,
        is_trusted_proxy: bool,
        limits: AuthLimits,
        now: Instant,
    ) {
        let entry = self.source(source, now);
        let account = name.account();
        if let Some(tried) = entry.accounts.iter_mut().find(|tried| tried.account == account) {
            if tried.backoff.is_over(now) {
                tried.backoff = Backoff::new(now);
            }
            tried.backoff.failed(limits.failures, limits.longest_wait, now);
        } else {
            entry.accounts.retain(|tried| !tried.backoff.is_over(now));
            if entry.accounts.is_empty() {
                entry.spread = Backoff::new(now);
            }
            if entry.accounts.len() >= ACCOUNTS_KEPT {
                let oldest = (0..entry.accounts.len())
                    .min_by_key(|at| entry.accounts.get(*at).map(|t| t.backoff.last));
                entry.accounts.swap_remove(oldest.unwrap_or_default());
            }
            let mut backoff = Backoff::new(now);
            backoff.failed(limits.failures, limits.longest_wait, now);
            entry.accounts.push(Tried { account: account.clone(), backoff });
            if !is_trusted_proxy {
                let free = u32::try_from(ACCOUNTS_PER_SOURCE).unwrap_or(u32::MAX);
                entry.spread.failed(free, limits.longest_wait, now);
            }
        }
        make_room(&mut self.accounts, &account, ACCOUNTS, |all| all.last);
        let all = self.accounts.entry(account).or_insert_with(|| Backoff::new(now));
        if all.is_over(now) {
            *all = Backoff::new(now);
        }
        all.failed(limits.failures.saturating_mul(SOURCES_FACTOR), limits.longest_wait, now);
    }

    /// The failed attempt that was reported last was logged.
    pub(super) fn logged(&mut self, source: IpAddr, name: Option<&ClaimedName>) {
        if let Some(entry) = self.sources.get_mut(&source) {
            entry.report.logged(name);
        }
    }

    /// The account `name` authenticated from `source`: its failed attempts from there do not count any more.
    pub(super) fn succeeded(&mut self, source: IpAddr, name: &ClaimedName, now: Instant) {
        let account = name.account();
        if let Some(entry) = self.sources.get_mut(&source) {
            entry.accounts.retain(|tried| tried.account != account);
        }
        let key = (source, account);
        make_room(&mut self.known, &key, KNOWN, |last| *last);
        self.known.insert(key, now);
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
        (self.sources.len(), self.accounts.len(), self.known.len())
    }

    fn source(&mut self, source: IpAddr, now: Instant) -> &mut Source {
        for (removed, entry) in make_room(&mut self.sources, &source, SOURCES, |entry| entry.last) {
            self.report.evicted(removed, entry.report);
        }
        let entry = self.sources.entry(source).or_insert_with(|| Source {
            accounts: Vec::new(),
            spread: Backoff::new(now),
            last: now,
            report: SourceReport::default(),
        });
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

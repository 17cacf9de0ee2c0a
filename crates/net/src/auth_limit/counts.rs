//! What is counted of attempts: for an address, an account, a network, and a name that is proven at an address.

use identity::ClaimedName;
use tokio::time::Instant;

use super::counters::{Counted, Counters};
use super::limits::{ACCOUNTS_PER_SOURCE, AuthLimits, LONGEST_WAIT_FOR_OTHERS};
use super::peer::Peer;
use super::proven::ProvenNames;
use super::sources::Sources;

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

/// The counters of all addresses and accounts, and the limits on them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) limits: AuthLimits,
    pub(super) sources: Sources,
    pub(super) counters: Counters,
    pub(super) proven: ProvenNames,
}

impl Counts {
    pub(super) fn new(limits: AuthLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, peer: Peer, name: &ClaimedName, now: Instant) -> Counter {
        if let Some(proven) = self.proven.get_mut(peer, name) {
            proven.begin(now);
            return Counter::Proven;
        }
        let mut is_first = false;
        if peer.is_shared {
            self.counters.get_mut(Counted::Unnamed(name.counting_name(), peer.source), now).begin(now);
        } else {
            let source = self.sources.entry(peer.source, now);
            is_first = source.tried(name, now).is_none();
            source.begin(name, now);
        }
        for what in peer.counted_for_others(name, is_first) {
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
        now: Instant,
    ) {
        match counter {
            Counter::Proven => {
                if let Some(proven) = self.proven.get_mut(peer, name) {
                    proven.end();
                }
            }
            Counter::Shared { is_first } => self.end_shared(peer, name, is_first),
        }
        match outcome {
            Outcome::Failed => self.failed(peer, name, now),
            Outcome::Unproven => self.unproven(peer, name, now),
            Outcome::Unknown => {}
            Outcome::Proven => {
                self.proven.succeeded(peer, name, now);
                self.counters.remove(Counted::UnprovenSpelling(name.spelling(), peer.source));
            }
        }
    }

    fn end_shared(&mut self, peer: Peer, name: &ClaimedName, is_first: bool) {
        if peer.is_shared {
            self.counters.end(Counted::Unnamed(name.counting_name(), peer.source));
        } else if let Some(source) = self.sources.get_mut(peer.source) {
            source.end(name);
        }
        for what in peer.counted_for_others(name, is_first) {
            self.counters.end(what);
        }
    }

    /// Counts a failed attempt.
    fn failed(&mut self, peer: Peer, name: &ClaimedName, now: Instant) {
        let limits = self.limits;
        let mut is_first = false;
        if let Some(proven) = self.proven.get_mut(peer, name) {
            proven.failed(limits, now);
        } else if peer.is_shared {
            let own = self.counters.get_mut(Counted::Unnamed(name.counting_name(), peer.source), now);
            own.failed(limits.failures, limits.longest_wait, now);
        } else {
            is_first = self.sources.entry(peer.source, now).failed(name, limits, now);
        }
        self.failed_for_others(peer, name, is_first, now);
    }

    /// Counts an attempt whose outcome is unproven.
    fn unproven(&mut self, peer: Peer, name: &ClaimedName, now: Instant) {
        let limits = self.limits;
        let (what, free) = (self.unproven_key(peer, name), limits.unproven());
        self.counters.get_mut(what, now).failed(free, limits.longest_wait, now);
        if let Some(proven) = self.proven.get_mut(peer, name) {
            proven.not_proven(limits, now);
        }
        self.failed_for_others(peer, name, false, now);
    }

    /// Counts a failed attempt in the networks of the address and for the account.
    fn failed_for_others(&mut self, peer: Peer, name: &ClaimedName, is_first: bool, now: Instant) {
        let limits = self.limits;
        let wait = limits.longest_wait.min(LONGEST_WAIT_FOR_OTHERS);
        for (network, factor) in peer.networks() {
            let free = limits.failures.saturating_mul(factor);
            let what = Counted::AccountInNetwork(name.counting_name(), network);
            self.counters.get_mut(what, now).failed(free, wait, now);
            if is_first {
                let free = ACCOUNTS_PER_SOURCE * factor;
                self.counters.get_mut(Counted::Network(network), now).failed(free, wait, now);
            }
        }
        let all = self.counters.get_mut(Counted::account(name), now);
        all.failed(limits.failures_everywhere(), limits.longest_wait, now);
    }

    /// The key of the counter of attempts of `peer` whose outcome is unproven.
    pub(super) fn unproven_key<'a>(&self, peer: Peer, name: &'a ClaimedName) -> Counted<'a> {
        if self.proven.get(peer, name).is_some() {
            Counted::UnprovenSpelling(name.spelling(), peer.source)
        } else {
            Counted::Unproven(name.counting_name(), peer.source)
        }
    }
}

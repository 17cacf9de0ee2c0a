//! Names that were proven at an address, and the attempts for them there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use identity::{ClaimedName, Spelling};
use tokio::time::Instant;

use super::backoff::{Backoff, Blocked};
use super::bounded::make_room;
use super::limits::{AuthLimits, LONGEST_WAIT_FOR_OTHERS};
use super::obstacle::Obstacle;
use super::peer::Peer;
use super::throttled::Limit;

/// The most pairs of an address and a name that is proven there.
const MOST: usize = 16 * 1024;

/// The names that were proven, by address. The ones whose last success was longest ago make room for others.
#[derive(Debug, Default)]
pub(super) struct ProvenNames(HashMap<(IpAddr, Spelling), ProvenName>);

impl ProvenNames {
    pub(super) fn get(&self, peer: Peer, name: &ClaimedName) -> Option<&ProvenName> {
        self.0.get(&(peer.source, name.spelling()))
    }

    pub(super) fn get_mut(&mut self, peer: Peer, name: &ClaimedName) -> Option<&mut ProvenName> {
        self.0.get_mut(&(peer.source, name.spelling()))
    }

    /// An attempt of `peer` proved the name.
    pub(super) fn succeeded(&mut self, peer: Peer, name: &ClaimedName, now: Instant) {
        let key = (peer.source, name.spelling());
        make_room(&mut self.0, &key, MOST, |proven| proven.succeeded);
        let proven = self.0.entry(key).or_insert_with(|| ProvenName::new(now));
        proven.since_success.reset(now);
        proven.succeeded = now;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A name that was proven at an address.
#[derive(Debug)]
pub(super) struct ProvenName {
    /// The attempts since the last success.
    since_success: Backoff,
    /// When all failures will be forgiven, whatever the successes between them: one in each [`forgiven_after`].
    forgiven: Instant,
    succeeded: Instant,
}

impl ProvenName {
    const fn new(now: Instant) -> Self {
        Self { since_success: Backoff::new(now), forgiven: now, succeeded: now }
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.since_success.begin(now);
    }

    pub(super) const fn end(&mut self) {
        self.since_success.end();
    }

    /// Counts an attempt whose password is wrong.
    pub(super) fn failed(&mut self, limits: AuthLimits, now: Instant) {
        self.since_success.forget(now);
        self.since_success.failed(limits.failures, limits.longest_wait, now);
        self.not_proven(limits, now);
    }

    /// Counts an attempt that no success forgives.
    pub(super) fn not_proven(&mut self, limits: AuthLimits, now: Instant) {
        self.forgiven = self.forgiven.max(now) + forgiven_after(limits);
    }

    /// Why the next attempt is not checked now. If it was delayed only because of failures before the last success, it
    /// waits for its turn: the client with the right password may be another one than that which failed.
    pub(super) fn obstacle(&self, limits: AuthLimits, now: Instant) -> Option<Obstacle> {
        let limit = Limit::AddressAndAccount;
        let free = if self.since_success.has_failed() { limits.failures } else { limits.beside_successes() };
        let since_success = Obstacle::own(limit, self.since_success.blocked(free, now));
        let all = self.unforgiven_blocked(limits, now).map(|blocked| Obstacle::of_address(limit, blocked));
        Obstacle::worse(since_success, all)
    }

    /// Whether failures that are not forgiven yet, and attempts in flight, exceed [`AuthLimits::beside_successes`].
    fn unforgiven_blocked(&self, limits: AuthLimits, now: Instant) -> Option<Blocked> {
        let (free, in_flight) = (limits.beside_successes(), self.since_success.in_flight());
        let unforgiven = self.forgiven.saturating_duration_since(now);
        let room = |attempts: u32| forgiven_after(limits).saturating_mul(attempts);
        if unforgiven > room(free) {
            return Some(Blocked::For(unforgiven.saturating_sub(room(free))));
        }
        (in_flight > free || unforgiven > room(free.saturating_sub(in_flight))).then_some(Blocked::InFlight)
    }
}

/// The time in which one failure is forgiven.
fn forgiven_after(limits: AuthLimits) -> Duration {
    limits.longest_wait.min(LONGEST_WAIT_FOR_OTHERS)
}

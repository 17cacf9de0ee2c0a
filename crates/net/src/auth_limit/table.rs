//! Admits attempts, counts their outcomes and wakes those that wait for them.

use std::net::IpAddr;

use identity::ClaimedName;
use tokio::time::Instant;

use super::check::{Elsewhere, obstacle};
use super::counts::{Counter, Counts, Outcome};
use super::limits::AuthLimits;
use super::obstacle::Obstacle;
use super::peer::Peer;
use super::queue::Place;
use super::report::SourceReport;
use super::summary::Summary;
use super::throttled::Throttled;

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

/// The attempts of all addresses.
#[derive(Debug, Default)]
pub(super) struct Table {
    counts: Counts,
}

impl Table {
    pub(super) fn new(limits: AuthLimits) -> Self {
        Self { counts: Counts::new(limits) }
    }

    /// Begins an attempt, if it may be made now. Otherwise it waits, `since` a time, and `again` if it had a place in
    /// the queue before.
    pub(super) fn begin(
        &mut self,
        peer: Peer,
        name: &ClaimedName,
        (since, again): (Instant, bool),
        now: Instant,
    ) -> Admission {
        match obstacle(&self.counts, peer, name, Elsewhere::All, now) {
            None => Admission::Begun(self.counts.begin(peer, name, now)),
            Some(Obstacle::InFlight) => {
                let place = self.counts.sources.entry(peer.source, now).join_queue(name, since, again);
                place.map_or(Admission::Throttled(Throttled::busy()), Admission::Queued)
            }
            Some(Obstacle::Others(throttled)) => Admission::Later(throttled),
            Some(Obstacle::Own(throttled)) => Admission::Throttled(throttled),
        }
    }

    /// Counts the outcome of an attempt that `begin` counted, and wakes those that may be made now.
    pub(super) fn end(
        &mut self,
        peer: Peer,
        name: &ClaimedName,
        (counter, outcome): (Counter, Outcome),
        now: Instant,
    ) {
        self.counts.end(peer, name, (counter, outcome), now);
        let woken = match outcome {
            Outcome::Proven => {
                usize::try_from(self.counts.limits.beside_successes()).unwrap_or(usize::MAX).saturating_add(1)
            }
            _ => match obstacle(&self.counts, peer, name, Elsewhere::Failed, now) {
                // The waiting ones have to be refused, or to wait for time.
                Some(Obstacle::Own(_) | Obstacle::Others(_)) => usize::MAX,
                _ => 1,
            },
        };
        self.counts.sources.wake(peer.source, name, woken, now);
    }

    /// Counts an attempt that was not checked. Returns whether it is the first from `source` that is to be logged.
    pub(super) fn throttled(&mut self, source: IpAddr, name: &ClaimedName, now: Instant) -> bool {
        self.counts.sources.entry(source, now).report.throttled(name, now)
    }

    /// Records a failed attempt for the log. Returns whether it is the first from `source` that is to be logged.
    pub(super) fn report_failure(
        &mut self,
        source: IpAddr,
        name: Option<&ClaimedName>,
        now: Instant,
    ) -> bool {
        self.counts.sources.entry(source, now).report.failed(name, now)
    }

    /// The failed attempt that was reported last was logged.
    pub(super) fn logged(&mut self, source: IpAddr, name: Option<&ClaimedName>) {
        if let Some(entry) = self.counts.sources.get_mut(source) {
            entry.report.logged(name);
        }
    }

    /// Takes the attempts that are not logged: those of each address in the table, and the sum of the others.
    pub(super) fn take_unreported(&mut self) -> (Vec<(IpAddr, SourceReport)>, Summary) {
        self.counts.sources.take_unreported()
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        let Counts { sources, counters, proven, .. } = &self.counts;
        (sources.len(), counters.len(), proven.len())
    }
}

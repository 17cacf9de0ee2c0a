//! The addresses from which clients authenticate, in a table of limited size.

use std::collections::HashMap;
use std::net::IpAddr;

use identity::ClaimedName;
use tokio::time::Instant;

use super::bounded::make_room;
use super::report::SourceReport;
use super::source::Source;
use super::summary::Summary;

/// The most addresses.
const MOST: usize = 4096;

/// Addresses with attempts that failed, wait, or are not logged yet. The least recently used ones make room for others;
/// what is not logged of them is kept in sum.
#[derive(Debug, Default)]
pub(super) struct Sources {
    sources: HashMap<IpAddr, Source>,
    /// What is not logged of the addresses that are no longer in the table.
    evicted: Summary,
}

impl Sources {
    pub(super) fn get(&self, source: IpAddr) -> Option<&Source> {
        self.sources.get(&source)
    }

    pub(super) fn get_mut(&mut self, source: IpAddr) -> Option<&mut Source> {
        self.sources.get_mut(&source)
    }

    /// The address, which is added if it is not in the table.
    pub(super) fn entry(&mut self, source: IpAddr, now: Instant) -> &mut Source {
        for (removed, mut entry) in make_room(&mut self.sources, &source, MOST, |entry| entry.last) {
            self.evicted.add(removed, &std::mem::take(&mut entry.report));
        }
        let entry = self.sources.entry(source).or_insert_with(|| Source::new(now));
        entry.last = now;
        entry
    }

    /// An attempt of the address ended: see [`Source::wake`]. The address is removed if there is nothing to remember.
    pub(super) fn wake(&mut self, source: IpAddr, name: &ClaimedName, most: usize, now: Instant) {
        let Some(entry) = self.sources.get_mut(&source) else { return };
        entry.wake(name, most);
        if entry.is_unused(now) {
            self.sources.remove(&source);
        }
    }

    /// Takes the attempts that are not logged: those of each address in the table, and the sum of the others.
    pub(super) fn take_unreported(&mut self) -> (Vec<(IpAddr, SourceReport)>, Summary) {
        let unreported = |(source, entry): (&IpAddr, &mut Source)| Some((*source, entry.report.take()?));
        (self.sources.iter_mut().filter_map(unreported).collect(), std::mem::take(&mut self.evicted))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }
}

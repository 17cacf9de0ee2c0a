//! The directory: people, distribution lists and servers, with look-ups.

mod entry;
mod fold;
mod names;
mod people;
pub(crate) mod properties;
pub(crate) mod resolve;
pub(crate) mod restriction;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use mapi::nspi::{DisplayType, FlatUid, MId};

pub(crate) use self::entry::{Entry, Kind};
pub(crate) use self::fold::fold;
use crate::config::LabConfig;
use crate::random::Sequence;

/// The directory of a lab. It never changes.
#[derive(Debug)]
pub(crate) struct Directory {
    entries: Vec<Entry>,
    by_mid: HashMap<MId, usize>,
    by_dn: HashMap<String, MId>,
    containers: Vec<Container>,
    /// The server's GUID: the provider of ephemeral entry ids.
    pub(crate) guid: FlatUid,
}

/// A list of objects that clients browse.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) id: MId,
    /// Empty for the global address list.
    pub(crate) name: &'static str,
    pub(crate) dn: &'static str,
    /// Its objects, in the order of their names.
    pub(crate) rows: Vec<MId>,
}

/// The global address list, as `STAT` names it.
pub(crate) const GAL: MId = MId(0);
/// The list of distribution lists.
pub(crate) const ALL_GROUPS: MId = MId(0x20);
/// The list of people.
pub(crate) const ALL_USERS: MId = MId(0x21);

impl Directory {
    pub(crate) fn new(config: &LabConfig) -> Self {
        let entries = people::make(config);
        let by_mid = entries.iter().enumerate().map(|(index, entry)| (entry.mid, index)).collect();
        let by_dn = entries.iter().map(|entry| (entry.dn.to_lowercase(), entry.mid)).collect();
        let container = |id, name, dn, holds: &dyn Fn(&Entry) -> bool| {
            let rows = sorted(entries.iter().filter(|entry| entry.is_listed() && holds(entry)));
            Container { id, name, dn, rows }
        };
        let containers = vec![
            container(GAL, "", "/", &|_| true),
            container(ALL_GROUPS, "All Groups", "/guid=A1100000000000000000000000000020", &|entry| {
                entry.display_type() == DisplayType::DT_DISTLIST
            }),
            container(ALL_USERS, "All Users", "/guid=A1100000000000000000000000000021", &|entry| {
                entry.person().is_some()
            }),
        ];
        let guid = FlatUid::from(Sequence::new(!config.seed).guid());
        Self { entries, by_mid, by_dn, containers, guid }
    }

    pub(crate) fn entry(&self, mid: MId) -> Option<&Entry> {
        self.by_mid.get(&mid).and_then(|index| self.entries.get(*index))
    }

    /// The object with this distinguished name, without regard to case.
    pub(crate) fn by_dn(&self, dn: &str) -> Option<&Entry> {
        self.by_dn.get(&dn.to_lowercase()).and_then(|mid| self.entry(*mid))
    }

    /// The object with this SMTP address, without regard to case.
    pub(crate) fn by_smtp(&self, address: &str) -> Option<&Entry> {
        let address = address.to_lowercase();
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.smtp().is_some_and(|smtp| smtp.to_lowercase() == address))
    }

    pub(crate) fn container(&self, id: MId) -> Option<&Container> {
        self.containers.iter().find(|container| container.id == id)
    }

    pub(crate) fn containers(&self) -> &[Container] {
        &self.containers
    }

    /// `mids` in the order of their names, without those that do not exist.
    pub(crate) fn sort(&self, mids: &[MId]) -> Vec<MId> {
        sorted(mids.iter().filter_map(|mid| self.entry(*mid)))
    }

    /// The objects of `mids` for which `holds` returns true; `None` if there are more than `limit`.
    pub(crate) fn select(
        &self,
        mids: &[MId],
        limit: usize,
        holds: impl Fn(&Entry) -> bool,
    ) -> Option<Vec<MId>> {
        let found = mids.iter().copied().filter(|mid| self.entry(*mid).is_some_and(&holds));
        let found: Vec<MId> = found.take(limit.saturating_add(1)).collect();
        (found.len() <= limit).then_some(found)
    }
}

/// The sort key of objects: their names, then their numbers, so that the order is total.
pub(crate) fn sort_key(entry: &Entry) -> (&str, MId) {
    (&entry.sort_name, entry.mid)
}

fn sorted<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<MId> {
    let mut entries: Vec<&Entry> = entries.collect();
    entries.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    entries.into_iter().map(|entry| entry.mid).collect()
}

//! Ids of several replicas, as IDSET ([MS-OXCFXICS] 2.2.2.4).

use std::fmt;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use super::globset::Globset;
use super::range::GlobRange;
use super::replica::{ReplId, Replica};
use crate::data::{FolderId, Gid, GlobalCounter, MessageId};

/// Ids of one or more replicas.
///
/// It decodes the whole of the bytes that are left, as it has neither a length nor an end of its own. What was
/// read and not changed is written as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdSet<R> {
    /// Each replica with its counters, in the order of the bytes. A replica may be there more than once.
    pub replicas: Vec<(R, Globset)>,
}

/// A set whose replicas have a logon's numbers ([MS-OXCFXICS] 2.2.2.4.1): in deletions and changes of read
/// states.
pub type ReplIdSet = IdSet<ReplId>;

/// A set whose replicas have GUIDs ([MS-OXCFXICS] 2.2.2.4.2): in a synchronisation's state.
pub type ReplGuidSet = IdSet<Guid>;

impl<R> Default for IdSet<R> {
    fn default() -> Self {
        Self { replicas: Vec::new() }
    }
}

impl<R: Replica> IdSet<R> {
    /// Whether `counter` of `replica` is in it.
    pub fn contains(&self, replica: R, counter: GlobalCounter) -> bool {
        self.of(replica).any(|globset| globset.contains(counter.value()))
    }

    /// Adds `counter` of `replica`.
    pub fn insert(&mut self, replica: R, counter: GlobalCounter) {
        self.insert_range(replica, GlobRange::single(counter));
    }

    /// Adds the counters of `range` for `replica`.
    pub fn insert_range(&mut self, replica: R, range: GlobRange) {
        self.change(replica, |globset| globset.insert(range));
    }

    /// Takes `counter` of `replica` out.
    pub fn remove(&mut self, replica: R, counter: GlobalCounter) {
        let entries = self.replicas.iter_mut().filter(|(known, _)| *known == replica);
        entries.for_each(|(_, globset)| globset.remove(GlobRange::single(counter)));
    }

    /// Adds what is in `other`.
    pub fn union(&mut self, other: &Self) {
        for (replica, globset) in &other.replicas {
            self.change(*replica, |own| own.union(globset));
        }
    }

    /// How many ids are in it; a replica that is there more than once counts more than once.
    pub fn len(&self) -> u64 {
        self.replicas.iter().fold(0, |sum, (_, globset)| sum.saturating_add(globset.len()))
    }

    /// Whether no id is in it.
    pub fn is_empty(&self) -> bool {
        self.replicas.iter().all(|(_, globset)| globset.is_empty())
    }

    /// All ranges with their replicas.
    pub fn ranges(&self) -> impl Iterator<Item = (R, GlobRange)> {
        self.replicas
            .iter()
            .flat_map(|(replica, globset)| globset.ranges().map(move |range| (*replica, range)))
    }

    fn of(&self, replica: R) -> impl Iterator<Item = &Globset> {
        self.replicas.iter().filter(move |(known, _)| *known == replica).map(|(_, globset)| globset)
    }

    /// Changes the counters of `replica`, which is added where it is not there.
    fn change(&mut self, replica: R, change: impl FnOnce(&mut Globset)) {
        if let Some((_, globset)) = self.replicas.iter_mut().find(|(known, _)| *known == replica) {
            return change(globset);
        }
        let mut globset = Globset::default();
        change(&mut globset);
        self.replicas.push((replica, globset));
    }
}

impl ReplIdSet {
    /// Whether the folder is in it.
    pub fn contains_folder(&self, id: FolderId) -> bool {
        self.contains(ReplId(id.repl_id()), id.global_counter())
    }

    /// Whether the message is in it.
    pub fn contains_message(&self, id: MessageId) -> bool {
        self.contains(ReplId(id.repl_id()), id.global_counter())
    }
}

impl ReplGuidSet {
    /// Whether the folder or message with this id is in it.
    pub fn contains_id(&self, id: &Gid) -> bool {
        self.contains(id.replica, id.global_counter)
    }
}

impl<'a, R: Replica> Decode<'a> for IdSet<R> {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut replicas = Vec::new();
        while !r.is_empty() {
            replicas.push((R::decode(r)?, Globset::decode(r)?));
        }
        Ok(Self { replicas })
    }
}

impl<R: Replica> Encode for IdSet<R> {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        self.replicas.iter().try_for_each(|(replica, globset)| {
            replica.encode(w)?;
            globset.encode(w)
        })
    }
}

impl<R: Replica> fmt::Display for IdSet<R> {
    /// Each replica with its ranges: `0001:{1-5,9}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (replica, globset)) in self.replicas.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{replica}:{globset}")?;
        }
        Ok(())
    }
}

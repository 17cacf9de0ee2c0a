//! Sets of identifiers of several replicas (`IDSET`, [MS-OXCFXICS] 2.2.2.4).

use std::fmt;

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use super::globset::Globset;
use super::range::GlobRange;
use super::replica::{ReplId, Replica};
use crate::data::{FolderId, Gid, GlobalCounter, MessageId};

/// A set of identifiers of one or more replicas.
///
/// It is encoded without a length: [`Decode`] reads the remaining bytes. A set that was decoded and not changed is
/// encoded as the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdSet<R> {
    /// The replicas with their counters, in the order of the bytes. A replica may occur more than once.
    pub replicas: Vec<(R, Globset)>,
}

/// A set that identifies replicas by numbers of the logon ([MS-OXCFXICS] 2.2.2.4.1): used for deletions and changes of
/// read states.
pub type ReplIdSet = IdSet<ReplId>;

/// A set that identifies replicas by GUIDs ([MS-OXCFXICS] 2.2.2.4.2): used for the state of a synchronization.
pub type ReplGuidSet = IdSet<Guid>;

impl<R> Default for IdSet<R> {
    fn default() -> Self {
        Self { replicas: Vec::new() }
    }
}

impl<R: Replica> IdSet<R> {
    /// Whether the set contains `counter` of `replica`.
    pub fn contains(&self, replica: R, counter: GlobalCounter) -> bool {
        self.of(replica).any(|globset| globset.contains(counter.value()))
    }

    /// The counters of `replica`.
    pub fn counters(&self, replica: R) -> Globset {
        self.of(replica).flat_map(Globset::ranges).collect()
    }

    /// Adds `counter` of `replica`.
    pub fn insert(&mut self, replica: R, counter: GlobalCounter) {
        self.insert_range(replica, GlobRange::single(counter));
    }

    /// Adds the counters of `range` for `replica`.
    pub fn insert_range(&mut self, replica: R, range: GlobRange) {
        self.change(replica, |globset| globset.insert(range));
    }

    /// Removes `counter` of `replica`.
    pub fn remove(&mut self, replica: R, counter: GlobalCounter) {
        let entries = self.replicas.iter_mut().filter(|(known, _)| *known == replica);
        entries.for_each(|(_, globset)| globset.remove(GlobRange::single(counter)));
    }

    /// Adds the identifiers of `other`.
    pub fn union(&mut self, other: &Self) {
        for (replica, globset) in &other.replicas {
            self.change(*replica, |known| known.union(globset));
        }
    }

    /// The number of identifiers in the set. Those of a replica that occurs more than once may be counted more than
    /// once.
    pub fn len(&self) -> u64 {
        self.replicas.iter().fold(0, |sum, (_, globset)| sum.saturating_add(globset.len()))
    }

    /// Whether the set is empty.
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

    /// Changes the counters of `replica`, which is added if necessary.
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
    /// Whether the set contains the folder.
    pub fn contains_folder(&self, id: FolderId) -> bool {
        self.contains(ReplId(id.repl_id()), id.global_counter())
    }

    /// Whether the set contains the message.
    pub fn contains_message(&self, id: MessageId) -> bool {
        self.contains(ReplId(id.repl_id()), id.global_counter())
    }
}

impl ReplGuidSet {
    /// Whether the set contains the folder or message with this identifier.
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
    /// Formats each replica with its ranges, as `0001:{1-5,9}`.
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

//! Change keys and predecessor change lists ([MS-OXCFXICS] 2.2.1.2.7, 2.2.1.2.8).

use std::cmp::Ordering;
use std::collections::HashMap;

use mapi::data::{Gid, PredecessorChangeList, SizedXid, Xid};
use wire::{Decode as _, Encode as _, Guid};

use crate::error::{Error, Result};
use crate::id::ObjectId;

/// What identifies the state of an object: its change number here, and the two properties that other replicas compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) change: ObjectId,
    /// `PidTagChangeKey`.
    pub(crate) key: Vec<u8>,
    /// `PidTagPredecessorChangeList`.
    pub(crate) predecessors: Vec<u8>,
}

impl Version {
    /// The version that follows `predecessors` by the change `change` of the replica `replica`.
    pub(crate) fn following(replica: Guid, change: ObjectId, predecessors: &[u8]) -> Result<Self> {
        let key = Xid::from(Gid { replica, global_counter: change.counter() });
        let mut list = PredecessorChangeList::from_bytes(predecessors)?;
        add(&mut list, key.clone());
        Ok(Self { change, key: key.to_bytes()?, predecessors: list.to_bytes()? })
    }
}

/// The most bytes of a list of predecessors that clients have made.
const PREDECESSORS_MAX: usize = 0x4000;

/// The list with the latest change of each replica in `a` and `b`.
pub(crate) fn merged(a: &[u8], b: &[u8]) -> Result<Vec<u8>> {
    let mut list = PredecessorChangeList::from_bytes(a)?;
    for SizedXid(key) in PredecessorChangeList::from_bytes(b)?.0 {
        add(&mut list, key);
    }
    let bytes = list.to_bytes()?;
    if bytes.len() > PREDECESSORS_MAX {
        let limit = u64::try_from(PREDECESSORS_MAX).unwrap_or(u64::MAX);
        return Err(Error::Limit { what: "bytes of a predecessor change list", limit });
    }
    Ok(bytes)
}

/// Adds the change key `key` to the list `predecessors`.
pub(crate) fn with_key(predecessors: &[u8], key: &[u8]) -> Result<Vec<u8>> {
    let mut list = PredecessorChangeList::from_bytes(predecessors)?;
    add(&mut list, Xid::from_bytes(key)?);
    Ok(list.to_bytes()?)
}

/// Whether a version with the list `a` is that with the list `b`, or is based on it ([MS-OXCFXICS] 3.1.5.6.1).
pub(crate) fn includes(a: &[u8], b: &[u8]) -> Result<bool> {
    let latest: HashMap<Guid, Vec<u8>> = {
        let mut list = PredecessorChangeList::default();
        PredecessorChangeList::from_bytes(a)?.0.into_iter().for_each(|SizedXid(key)| add(&mut list, key));
        list.0.into_iter().map(|SizedXid(key)| (key.namespace, key.local_id)).collect()
    };
    let known = |SizedXid(key): &SizedXid| {
        latest.get(&key.namespace).is_some_and(|own| compare(own, &key.local_id) != Ordering::Less)
    };
    Ok(PredecessorChangeList::from_bytes(b)?.0.iter().all(known))
}

/// Adds `key` to `list`, which keeps the latest key of each replica, in the order of the replicas
/// ([MS-OXCFXICS] 2.2.2.3).
fn add(list: &mut PredecessorChangeList, key: Xid) {
    let replica = key.namespace;
    match list.0.iter_mut().find(|entry| entry.0.namespace == replica) {
        Some(entry) => {
            if compare(&key.local_id, &entry.0.local_id) == Ordering::Greater {
                entry.0 = key;
            }
        }
        None => list.0.push(SizedXid(key)),
    }
    list.0.sort_by_key(|entry| entry.0.namespace.to_le());
}

/// Compares two ids of one namespace: shorter ones are filled up with zeros in front.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let trim = |id: &[u8]| id.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
    let (a, b) = (trim(a), trim(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_the_latest_change_of_each_replica() {
        let (own, other) = (Guid::from_le([9; 16]), Guid::from_le([1; 16]));
        let first = Version::following(own, ObjectId::own(5), &[]).unwrap();
        assert_eq!(first.key, [vec![9; 16], vec![0, 0, 0, 0, 0, 5]].concat());
        assert_eq!(first.predecessors, [vec![22], first.key.clone()].concat());

        let second = Version::following(other, ObjectId::own(0x100), &first.predecessors).unwrap();
        let third = Version::following(own, ObjectId::own(6), &second.predecessors).unwrap();
        let expected = [vec![22], second.key, vec![22], third.key].concat();
        assert_eq!(third.predecessors, expected);
    }
}

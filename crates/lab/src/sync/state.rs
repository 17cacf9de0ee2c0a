//! The state of a synchronization: which objects and versions a client has ([MS-OXCFXICS] 2.2.1.1).

use mapi::ErrorCode;
use mapi::fast_transfer::Marker;
use mapi::idset::{GlobRange, Globset, ReplGuidSet};
use mapi::property::PropTag;
use store::{OWN_REPLICA, ObjectId};
use wire::{Decode as _, Encode as _, Guid};

use super::element::{binary, marker};

/// The most bytes of a set that a client sends.
const SET_MAX: usize = 1 << 20;
/// How many times larger a set is in memory than encoded, at most.
const SET_GROWTH: usize = 32;

/// `RpcFormat`: a set is malformed ([MS-OXCFXICS] 3.1.5.4.3.2.4).
const RPC_FORMAT: ErrorCode = ErrorCode(0x0000_04b6);

/// What a client has of the folders or messages that are synchronized. All ids and change numbers are those of the
/// mailbox's own replica: objects have no others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SyncState {
    /// `MetaTagIdsetGiven`: the objects.
    pub(crate) given: Globset,
    /// `MetaTagCnsetSeen`: the versions of folders and messages.
    pub(crate) seen: Globset,
    /// `MetaTagCnsetSeenFAI`: the versions of associated messages.
    pub(crate) seen_fai: Globset,
    /// `MetaTagCnsetRead`: the changes of read states.
    pub(crate) read: Globset,
}

impl SyncState {
    /// The bytes in memory, about.
    pub(crate) fn size(&self) -> usize {
        let sets = [&self.given, &self.seen, &self.seen_fai, &self.read];
        sets.iter().map(|set| set.ranges().len().saturating_mul(size_of::<GlobRange>())).sum()
    }

    /// The state as a stream has it. Folders have neither associated messages nor read states ([MS-OXCFXICS]
    /// 2.2.4.3.25).
    pub(crate) fn element(&self, replica: Guid, is_contents: bool) -> store::Result<Vec<u8>> {
        let mut bytes = marker(Marker::IncrSyncStateBegin);
        let mut add = |tag: PropTag, set: &Globset| -> store::Result<()> {
            bytes.extend(binary(tag, of_replica(replica, set).to_bytes()?)?);
            Ok(())
        };
        add(PropTag::MetaTagIdsetGiven, &self.given)?;
        add(PropTag::MetaTagCnsetSeen, &self.seen)?;
        if is_contents {
            add(PropTag::MetaTagCnsetSeenFAI, &self.seen_fai)?;
            add(PropTag::MetaTagCnsetRead, &self.read)?;
        }
        bytes.extend(marker(Marker::IncrSyncStateEnd));
        Ok(bytes)
    }

    fn set(&mut self, tag: PropTag) -> Option<&mut Globset> {
        if tag.is_same_property(PropTag::MetaTagIdsetGiven) {
            Some(&mut self.given)
        } else if tag.is_same_property(PropTag::MetaTagCnsetSeen) {
            Some(&mut self.seen)
        } else if tag.is_same_property(PropTag::MetaTagCnsetSeenFAI) {
            Some(&mut self.seen_fai)
        } else if tag.is_same_property(PropTag::MetaTagCnsetRead) {
            Some(&mut self.read)
        } else {
            None
        }
    }
}

fn of_replica(replica: Guid, set: &Globset) -> ReplGuidSet {
    let replicas = if set.is_empty() { Vec::new() } else { vec![(replica, set.clone())] };
    ReplGuidSet { replicas }
}

/// Whether `set` contains an id or a change number of the own replica.
pub(crate) fn contains(set: &Globset, id: ObjectId) -> bool {
    id.replica() == OWN_REPLICA && set.contains(id.counter().value())
}

/// Adds an id or a change number to `set`.
pub(crate) fn insert(set: &mut Globset, id: ObjectId) {
    if id.replica() == OWN_REPLICA {
        set.insert(GlobRange::single(id.counter()));
    }
}

/// The value of a property of the state that a client sends in parts.
#[derive(Debug, Default)]
pub(crate) struct StateUpload {
    /// The property, the bytes that are expected, and those that were received.
    current: Option<(PropTag, usize, Vec<u8>)>,
}

impl StateUpload {
    /// The bytes in memory that the value needs, about.
    pub(crate) fn size(&self) -> usize {
        self.current.as_ref().map_or(0, |(_, _, bytes)| bytes.len().saturating_mul(SET_GROWTH))
    }

    /// `RopSynchronizationUploadStateStreamBegin` ([MS-OXCFXICS] 3.2.5.9.2.1).
    pub(crate) fn begin(&mut self, tag: PropTag, size: u32) -> Result<(), ErrorCode> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if self.current.is_some() {
            return Err(ErrorCode::MAPI_E_CALL_FAILED);
        }
        if SyncState::default().set(tag).is_none() {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
        }
        if size > SET_MAX {
            return Err(ErrorCode::MAPI_E_TOO_BIG);
        }
        self.current = Some((tag, size, Vec::new()));
        Ok(())
    }

    /// `RopSynchronizationUploadStateStreamContinue` ([MS-OXCFXICS] 3.2.5.9.2.2).
    pub(crate) fn add(&mut self, data: &[u8]) -> Result<(), ErrorCode> {
        let (_, size, bytes) = self.current.as_mut().ok_or(ErrorCode::MAPI_E_CALL_FAILED)?;
        if bytes.len().saturating_add(data.len()) > *size {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
        }
        bytes.extend_from_slice(data);
        Ok(())
    }

    /// `RopSynchronizationUploadStateStreamEnd` ([MS-OXCFXICS] 3.2.5.9.2.3): the value becomes a part of `state`.
    pub(crate) fn end(&mut self, replica: Guid, state: &mut SyncState) -> Result<(), ErrorCode> {
        let (tag, size, bytes) = self.current.take().ok_or(ErrorCode::MAPI_E_CALL_FAILED)?;
        if bytes.len() != size {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
        }
        let set = ReplGuidSet::from_bytes(&bytes).map_err(|_| RPC_FORMAT)?;
        if let Some(own) = state.set(tag) {
            *own = set.counters(replica);
        }
        Ok(())
    }
}

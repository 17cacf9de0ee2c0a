//! Maps the server objects and ids of a recording to the current ones.

use std::collections::HashMap;

use mapi::compress::{self, ExtendedBuffer};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use wire::{Decode as _, Encode as _};

use super::compare::requested;
use super::ids::{Ids, MAX_IDS};
use crate::analyze::Operation;

/// Recorded server object handles and ids, each with the current one.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    /// Server object handles, by recorded session and handle.
    objects: HashMap<(u64, u32), u32>,
    pub(super) ids: Ids,
}

impl Mapped {
    /// Maps the server objects that the `recorded` operation opened to those that the `replayed` one opened.
    pub(super) fn learn_objects(&mut self, recorded: &Operation, replayed: &Operation) {
        let session = recorded.session;
        for (recorded, replayed) in requested(recorded).zip(requested(replayed)) {
            if let (Some(recorded), Some(replayed)) = (recorded.opened_handle, replayed.opened_handle)
                && recorded != NO_OBJECT
                && self.objects.len() < MAX_IDS
            {
                self.objects.insert((session, recorded), replayed);
            }
        }
    }

    /// Removes the server objects of a session that has ended.
    pub(super) fn forget(&mut self, session: u64) {
        self.objects.retain(|(of, _), _| *of != session);
    }

    /// Replaces handles and ids in extended buffers by the current ones. `None` if nothing differs from the
    /// recording.
    pub(super) fn chain(&self, session: u64, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut chain = compress::decode_chain(bytes, compress::Limits::default()).ok()?;
        let mut changed = false;
        for ExtendedBuffer { payload, .. } in &mut chain {
            if let Some(mapped) = self.buffer(session, payload) {
                *payload = mapped.into();
                changed = true;
            }
        }
        changed.then(|| compress::encode_chain(&chain).ok()).flatten()
    }

    /// Replaces handles and ids in a ROP buffer by the current ones. `None` if nothing differs from the recording.
    pub(super) fn buffer(&self, session: u64, payload: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = RopBuffer::from_bytes(payload).ok()?;
        let mut rops = Vec::from(buffer.rops);
        let mut changed = self.ids.replace_in(&mut rops);
        buffer.rops = rops.into();
        for handle in &mut buffer.handles {
            if let Some(current) = self.objects.get(&(session, *handle)).filter(|found| **found != *handle) {
                *handle = *current;
                changed = true;
            }
        }
        changed.then(|| buffer.to_bytes().ok()).flatten()
    }
}

//! The bounded table of a session's server objects.

use std::collections::HashMap;

use mapi::property::{PropTag, PropertyValue};
use mapi::rop::Logons;

use super::content::{Content, size_of_value};
use super::object::{Logon, Object, ObjectHandle, ObjectKind};
use crate::user_memory::{MemoryLimit, MemoryShare};

/// An estimate of the memory of a session without its objects, in bytes.
const SESSION_BYTES: usize = 1024;

/// An estimate of the memory of an object without its content, in bytes.
const OBJECT_BYTES: usize = 256;

/// The limits of a session's object table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLimits {
    /// The maximum number of objects. ROPs that open further ones are forwarded, but the objects are not tracked.
    pub objects: usize,
    /// The maximum size of property values, streams, names and columns of all objects together, in bytes. Further
    /// content is forwarded, but not kept.
    pub content: usize,
}

impl Default for ObjectLimits {
    /// 16,384 objects, 32 MiB of content.
    fn default() -> Self {
        Self { objects: 16_384, content: 32 << 20 }
    }
}

/// The open server objects of a session.
#[derive(Debug, Default)]
pub struct ObjectTable {
    /// The objects by `LogonId` and handle, so that the objects of a logon are removed without a search of the others.
    objects: HashMap<u8, HashMap<u32, Object>>,
    /// The number of objects.
    count: usize,
    /// The handle of each logon, by `LogonId`: ROPs are decoded with the type of their logon.
    pub(super) logons: HashMap<u8, ObjectHandle>,
    limits: ObjectLimits,
    /// Whether property values and stream bytes are kept.
    pub(super) keep_content: bool,
    /// An estimate of the memory of the content, in bytes.
    pub(super) held: usize,
    /// The memory of the session in the limits of its user.
    share: MemoryShare,
    /// How many objects are not tracked because a limit was reached.
    pub overflow: u64,
    /// The limit that was reached first.
    reached: Option<MemoryLimit>,
    /// Whether [`Self::take_reached`] returned it.
    is_reported: bool,
}

impl ObjectTable {
    /// Creates an empty table. `keep_content` is whether property values and stream bytes are kept for modules.
    pub fn new(limits: ObjectLimits, keep_content: bool) -> Self {
        Self { limits, keep_content, ..Self::default() }
    }

    /// Counts the memory of the session in `share`. Objects and content beyond the share are not tracked, like those
    /// beyond the limits of the table.
    #[must_use]
    pub(crate) fn counted_in(mut self, share: MemoryShare) -> Self {
        self.share = share;
        // If this fails, the session is opened nevertheless, since another limit applies to the number of sessions, and
        // nothing is tracked for it.
        let _ = self.share.reserve(SESSION_BYTES);
        self
    }

    /// Returns what is counted in the user's share and not used any more. To be called after each batch.
    pub(crate) fn return_unused(&mut self) {
        self.share.shrink(self.memory());
    }

    /// The limit because of which objects or content are not tracked. Returned once, so that
    /// the log has one line for each session.
    pub(crate) fn take_reached(&mut self) -> Option<MemoryLimit> {
        let reached = self.reached.filter(|_| !self.is_reported);
        self.is_reported |= reached.is_some();
        reached
    }

    /// An estimate of the memory of the session, in bytes.
    fn memory(&self) -> usize {
        let objects = self.count.saturating_mul(OBJECT_BYTES);
        SESSION_BYTES.saturating_add(objects).saturating_add(self.held)
    }

    /// The object with this handle.
    pub fn get(&self, handle: ObjectHandle) -> Option<&Object> {
        self.objects.get(&handle.logon_id)?.get(&handle.handle)
    }

    pub(super) fn get_mut(&mut self, handle: ObjectHandle) -> Option<&mut Object> {
        self.objects.get_mut(&handle.logon_id)?.get_mut(&handle.handle)
    }

    /// The logon with this `LogonId`.
    pub fn logon(&self, logon_id: u8) -> Option<&Logon> {
        self.get(*self.logons.get(&logon_id)?)?.kind.logon()
    }

    /// The number of tracked objects.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether no object is tracked.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// An estimate of the memory of property values, streams, names and columns, in bytes.
    pub const fn content_bytes(&self) -> usize {
        self.held
    }

    /// Charges the content of a new object against the limit: a cloned stream has bytes, and a message has columns.
    /// If the limit would be exceeded, the content is dropped.
    pub(super) fn charge(&mut self, object: &mut Object) {
        let size = object.kind.content_bytes();
        if size > self.room(size) {
            match &mut object.kind {
                ObjectKind::Stream(stream) => {
                    stream.content = Content::default();
                    stream.content.truncated = true;
                }
                ObjectKind::Message(message) => message.recipient_columns = None,
                _ => {}
            }
        } else {
            self.held = self.held.saturating_add(size);
        }
    }

    /// Refunds the content of an object that is dropped.
    pub(super) fn refund(&mut self, object: &Object) {
        self.held = self.held.saturating_sub(object.kind.content_bytes());
    }

    /// Adds an object that was charged.
    pub(super) fn insert(&mut self, handle: ObjectHandle, object: Object) {
        let is_logon = matches!(object.kind, ObjectKind::Logon(_));
        if is_logon {
            // A logon replaces the one with the same id, which is released ([MS-OXCROPS] 3.1.4.2).
            self.remove_logon(handle.logon_id);
        }
        if self.get(handle).is_none() && !self.has_room_for_object() {
            self.overflow = self.overflow.saturating_add(1);
            self.refund(&object);
            return;
        }
        self.remove(handle);
        if is_logon {
            self.logons.insert(handle.logon_id, handle);
        }
        self.objects.entry(handle.logon_id).or_default().insert(handle.handle, object);
        self.count = self.count.saturating_add(1);
    }

    /// Removes an object. With a logon, also removes everything that was opened on it.
    pub(super) fn remove(&mut self, handle: ObjectHandle) {
        if self.logons.get(&handle.logon_id) == Some(&handle) {
            self.remove_logon(handle.logon_id);
        } else if let Some(object) =
            self.objects.get_mut(&handle.logon_id).and_then(|of| of.remove(&handle.handle))
        {
            self.count = self.count.saturating_sub(1);
            self.refund(&object);
        }
    }

    /// Removes a logon and everything that was opened on it.
    fn remove_logon(&mut self, logon_id: u8) {
        if self.logons.remove(&logon_id).is_none() {
            return;
        }
        let removed = self.objects.remove(&logon_id).unwrap_or_default();
        self.count = self.count.saturating_sub(removed.len());
        let freed: usize = removed.values().map(|object| object.kind.content_bytes()).sum();
        self.held = self.held.saturating_sub(freed);
    }

    fn has_room_for_object(&mut self) -> bool {
        let reserved = if self.count < self.limits.objects {
            self.share.reserve(self.memory().saturating_add(OBJECT_BYTES))
        } else {
            Err(MemoryLimit::Objects)
        };
        self.note(reserved)
    }

    /// How many of the `wanted` bytes of content may be added. They are counted in the user's share.
    pub(super) fn room(&mut self, wanted: usize) -> usize {
        let memory = self.memory();
        let room = wanted.min(self.limits.content.saturating_sub(self.held));
        self.note(if room < wanted { Err(MemoryLimit::Content) } else { Ok(()) });
        let reserved = self.share.reserve(memory.saturating_add(room));
        if self.note(reserved) { room } else { room.min(self.share.left(memory)) }
    }

    /// Notes the limit that `reserved` exceeds, if it does. Returns whether it does not.
    fn note(&mut self, reserved: Result<(), MemoryLimit>) -> bool {
        self.reached = self.reached.or(reserved.err());
        reserved.is_ok()
    }

    /// Stores properties of the object with this handle, as far as the limit allows.
    pub(super) fn store(&mut self, handle: ObjectHandle, known: Vec<(PropTag, PropertyValue)>) {
        let room = self.room(size_of_properties(&known));
        let Some(object) = self.get_mut(handle) else { return };
        let (taken, freed) = store_properties(&mut object.kind, known, room);
        self.held = self.held.saturating_add(taken).saturating_sub(freed);
    }
}

impl Logons for ObjectTable {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        self.logon(logon_id).map(|logon| logon.private)
    }
}

/// An estimate of the memory of properties, in bytes.
pub(super) fn size_of_properties(known: &[(PropTag, PropertyValue)]) -> usize {
    known.iter().map(|(_, value)| size_of_value(value)).fold(0, usize::saturating_add)
}

/// Stores properties of an object, at most `room` bytes. Returns how many bytes were added, and how many the replaced
/// values had.
pub(super) fn store_properties(
    kind: &mut ObjectKind,
    known: impl IntoIterator<Item = (PropTag, PropertyValue)>,
    room: usize,
) -> (usize, usize) {
    let (mut taken, mut freed) = (0_usize, 0_usize);
    let Some(properties) = kind.properties_mut() else { return (0, 0) };
    for (tag, value) in known {
        let size = size_of_value(&value);
        if taken.saturating_add(size) > room {
            properties.truncated = true;
            continue;
        }
        taken = taken.saturating_add(size);
        freed = freed.saturating_add(properties.set(tag, value).map_or(0, |old| size_of_value(&old)));
    }
    (taken, freed)
}

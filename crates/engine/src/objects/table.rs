//! The table of a session's server objects, which is bounded.

use std::collections::HashMap;
use std::sync::Arc;

use mapi::property::{PropTag, PropertyValue};
use mapi::rop::Logons;

use super::content::{Content, size_of_value};
use super::object::{Logon, Object, ObjectHandle, ObjectKind};

/// How much a session's object table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLimits {
    /// Objects. Those that are opened when there are as many pass, but are not known.
    pub objects: usize,
    /// Bytes of property values, streams, names and columns, over all objects. What comes when there are as
    /// many passes, but is not kept.
    pub content: usize,
}

impl Default for ObjectLimits {
    /// 16,384 objects, 32 MiB of content.
    fn default() -> Self {
        Self { objects: 16_384, content: 32 << 20 }
    }
}

/// The server objects that a session has open.
#[derive(Debug, Default)]
pub struct ObjectTable {
    pub(super) objects: HashMap<ObjectHandle, Object>,
    /// Which of them is a logon's own: every ROP is read with what is known of its logon.
    pub(super) logons: HashMap<u8, ObjectHandle>,
    limits: ObjectLimits,
    /// Whether property values and stream bytes are kept, too.
    pub(super) keep_content: bool,
    /// How many bytes of content are held, about.
    pub(super) held: usize,
    /// How many objects are not known because there were too many.
    pub overflow: u64,
}

impl ObjectTable {
    /// An empty table. `keep_content` says that property values and stream bytes are kept, for modules that
    /// want to read them.
    pub fn new(limits: ObjectLimits, keep_content: bool) -> Self {
        Self { limits, keep_content, ..Self::default() }
    }

    /// The object behind a handle.
    pub fn get(&self, handle: ObjectHandle) -> Option<&Object> {
        self.objects.get(&handle)
    }

    /// The mailbox that the ROPs of a logon act on.
    pub fn logon(&self, logon_id: u8) -> Option<&Logon> {
        self.objects.get(self.logons.get(&logon_id)?)?.kind.logon()
    }

    /// How many objects are open.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many bytes of property values, streams, names and columns are held, about.
    pub const fn content_bytes(&self) -> usize {
        self.held
    }

    /// Counts what a new object holds: a clone of a stream comes with its bytes, a message with its columns.
    /// Where there is no room for them, they are dropped.
    pub(super) fn charge(&mut self, object: &mut Object) {
        let size = object.kind.content_bytes();
        if size > self.limits.content.saturating_sub(self.held) {
            match &mut object.kind {
                ObjectKind::Stream(stream) => {
                    stream.content = Content::default();
                    stream.content.truncated = true;
                }
                ObjectKind::Message(message) => message.recipient_columns = Arc::default(),
                _ => {}
            }
        } else {
            self.held = self.held.saturating_add(size);
        }
    }

    /// What `object` held is gone.
    pub(super) fn refund(&mut self, object: &Object) {
        self.held = self.held.saturating_sub(object.kind.content_bytes());
    }

    /// Puts in an object that was admitted.
    pub(super) fn insert(&mut self, handle: ObjectHandle, object: Object) {
        let is_logon = matches!(object.kind, ObjectKind::Logon(_));
        if is_logon {
            // A logon takes the place of the one that had its id, which is released ([MS-OXCROPS] 3.1.4.2).
            self.remove_logon(handle.logon_id);
        }
        if self.objects.len() >= self.limits.objects && !self.objects.contains_key(&handle) {
            self.overflow = self.overflow.saturating_add(1);
            self.refund(&object);
            return;
        }
        self.remove(handle);
        if is_logon {
            self.logons.insert(handle.logon_id, handle);
        }
        self.objects.insert(handle, object);
    }

    /// Forgets an object. With a logon everything goes that was opened on it.
    pub(super) fn remove(&mut self, handle: ObjectHandle) {
        if self.logons.get(&handle.logon_id) == Some(&handle) {
            self.remove_logon(handle.logon_id);
        } else if let Some(object) = self.objects.remove(&handle) {
            self.refund(&object);
        }
    }

    /// Forgets a logon and everything that was opened on it.
    fn remove_logon(&mut self, logon_id: u8) {
        if self.logons.remove(&logon_id).is_none() {
            return;
        }
        let mut freed = 0_usize;
        self.objects.retain(|handle, object| {
            let stays = handle.logon_id != logon_id;
            if !stays {
                freed = freed.saturating_add(object.kind.content_bytes());
            }
            stays
        });
        self.held = self.held.saturating_sub(freed);
    }

    /// How many bytes of content may be added.
    pub(super) fn room(&self) -> usize {
        self.limits.content.saturating_sub(self.held)
    }

    /// Keeps what became known of the properties of the object behind `handle`.
    pub(super) fn store(&mut self, handle: ObjectHandle, known: Vec<(PropTag, PropertyValue)>) {
        let room = self.room();
        let Some(object) = self.objects.get_mut(&handle) else { return };
        let (taken, freed) = store_properties(&mut object.kind, known, room);
        self.held = self.held.saturating_add(taken).saturating_sub(freed);
    }
}

impl Logons for ObjectTable {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        self.logon(logon_id).map(|logon| logon.private)
    }
}

/// Puts `known` among the properties of an object, as far as there is room; how many bytes that took, and how
/// many those had that were replaced.
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

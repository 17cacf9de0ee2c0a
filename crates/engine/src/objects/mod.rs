//! The server objects of a session: which handle is which folder, message, stream, table
//! ([MS-OXCROPS] 3.1.1, 3.2.1).
//!
//! [`ObjectTable`] lives as long as the session. [`BatchObjects`] follows one batch of ROPs, whose later ROPs
//! act on what earlier ones make: it knows what each slot of the handle table stands for.

mod apply;
mod fast_transfer;
mod object;
mod opened;
mod tracker;

use std::collections::HashMap;
use std::sync::Arc;

use mapi::rop::Logons;

pub use self::fast_transfer::{FastTransfer, FastTransferKind, SyncState, TransferPart, TransferStream};
pub use self::object::{
    Attachment, Content, Logon, Message, Object, ObjectHandle, ObjectKind, Properties, Stream, Table,
    TableKind,
};
pub use self::tracker::BatchObjects;

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
    objects: HashMap<ObjectHandle, Object>,
    /// Which of them is a logon's own: every ROP is read with what is known of its logon.
    logons: HashMap<u8, ObjectHandle>,
    limits: ObjectLimits,
    /// Whether property values and stream bytes are kept, too.
    keep_content: bool,
    /// How many bytes of content are held, about.
    held: usize,
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
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Counts what a new object holds: a clone of a stream comes with its bytes, a message with its columns.
    /// Where there is no room for them, they are dropped.
    fn admit(&mut self, object: &mut Object) {
        let size = apply::content_of(&object.kind);
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
    fn dismiss(&mut self, object: &Object) {
        self.held = self.held.saturating_sub(apply::content_of(&object.kind));
    }

    /// Puts in an object that was admitted.
    fn insert(&mut self, handle: ObjectHandle, object: Object) {
        let is_logon = matches!(object.kind, ObjectKind::Logon(_));
        if is_logon {
            // A logon takes the place of the one that had its id, which is released ([MS-OXCROPS] 3.1.4.2).
            self.remove_logon(handle.logon_id);
        }
        if self.objects.len() >= self.limits.objects && !self.objects.contains_key(&handle) {
            self.overflow = self.overflow.saturating_add(1);
            self.dismiss(&object);
            return;
        }
        self.remove(handle);
        if is_logon {
            self.logons.insert(handle.logon_id, handle);
        }
        self.objects.insert(handle, object);
    }

    /// Forgets an object. With a logon everything goes that was opened on it.
    fn remove(&mut self, handle: ObjectHandle) {
        if self.logons.get(&handle.logon_id) == Some(&handle) {
            self.remove_logon(handle.logon_id);
        } else if let Some(object) = self.objects.remove(&handle) {
            self.dismiss(&object);
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
                freed = freed.saturating_add(apply::content_of(&object.kind));
            }
            stays
        });
        self.held = self.held.saturating_sub(freed);
    }
}

impl Logons for ObjectTable {
    fn is_private(&self, logon_id: u8) -> Option<bool> {
        self.logon(logon_id).map(|logon| logon.private)
    }
}

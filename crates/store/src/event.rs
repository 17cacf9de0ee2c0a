//! What a change did to folders and messages, for notifications ([MS-OXCNOTIF] 2.2.1.1).

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::id::{MailboxId, ObjectId};
use crate::member::Permission;

/// A folder, or a message in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventObject {
    /// A folder.
    Folder {
        /// Its id.
        id: ObjectId,
        /// The folder that it is in; `None` for the root.
        parent: Option<ObjectId>,
    },
    /// A message.
    Message {
        /// Its id.
        id: ObjectId,
        /// The folder that it is in.
        folder: ObjectId,
    },
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// It was created.
    Created,
    /// It was changed.
    Modified,
    /// Messages in the folder were created, changed or deleted.
    ContentsModified,
    /// It was deleted, softly or for good.
    Deleted {
        /// The permissions on the folder before; none for messages.
        permissions: Vec<Permission>,
    },
    /// It was moved.
    Moved {
        /// The object before.
        from: EventObject,
    },
    /// It is a copy.
    Copied {
        /// The original.
        from: EventObject,
    },
    /// It is a search folder whose search is complete.
    SearchCompleted,
    /// It is a message that was delivered: see `Change::delivered`.
    Delivered,
}

/// What a change did to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The mailbox of the object.
    pub mailbox: MailboxId,
    /// The object.
    pub object: EventObject,
    /// What happened to it.
    pub kind: EventKind,
}

/// What a change did so far.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) list: RefCell<Vec<Event>>,
    /// The folders that changed, and whether their contents did. Each has one event, after those of other objects.
    pub(crate) folders: RefCell<BTreeMap<(MailboxId, ObjectId), bool>>,
}

impl Events {
    pub(crate) fn add(&self, mailbox: MailboxId, object: EventObject, kind: EventKind) {
        self.list.borrow_mut().push(Event { mailbox, object, kind });
    }

    pub(crate) fn folder_modified(&self, mailbox: MailboxId, folder: ObjectId, contents: bool) {
        *self.folders.borrow_mut().entry((mailbox, folder)).or_default() |= contents;
    }
}

//! What a user may see of a change.

use std::cell::RefCell;
use std::collections::HashMap;

use store::{Event, EventKind, EventObject, ObjectId, View};

use crate::session::logon::{Logon, OWNER, READ_ANY, VISIBLE};

/// The rights to see the messages of a folder.
const READ: u32 = READ_ANY | OWNER;
/// The rights to see a folder in its parent.
const SEE: u32 = READ_ANY | VISIBLE | OWNER;

/// What the user of a logon may see. The rights on each folder are read once.
pub(crate) struct Visible<'a> {
    view: &'a View<'a>,
    logon: &'a Logon,
    rights: RefCell<HashMap<ObjectId, u32>>,
}

impl<'a> Visible<'a> {
    pub(crate) fn new(view: &'a View<'a>, logon: &'a Logon) -> Self {
        Self { view, logon, rights: RefCell::default() }
    }

    fn rights(&self, folder: ObjectId) -> store::Result<u32> {
        if let Some(rights) = self.rights.borrow().get(&folder) {
            return Ok(*rights);
        }
        let rights = self.logon.rights(self.view, folder)?;
        self.rights.borrow_mut().insert(folder, rights);
        Ok(rights)
    }

    /// Whether the user may read the messages of a folder.
    pub(crate) fn reads(&self, folder: ObjectId) -> store::Result<bool> {
        Ok(self.rights(folder)? & READ != 0)
    }

    fn sees(&self, object: EventObject) -> store::Result<bool> {
        match object {
            EventObject::Message { folder, .. } => self.reads(folder),
            EventObject::Folder { id, .. } => Ok(self.rights(id)? & SEE != 0),
        }
    }

    /// Whether the user may still see an object of a notification. What happened to an object that no longer exists is
    /// sent, since the user could see it when it happened.
    pub(crate) fn still_sees(&self, object: EventObject) -> store::Result<bool> {
        let (EventObject::Message { folder, .. } | EventObject::Folder { id: folder, .. }) = object;
        match self.view.folder(self.logon.mailbox.id, folder) {
            Ok(_) => self.sees(object),
            Err(store::Error::NotFound(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The event as the user may see it; `None` if the user may not. An object that comes from a folder that the user
    /// may not see is created, and one that moves to such a folder is deleted.
    pub(crate) fn event(&self, event: &Event) -> store::Result<Option<Event>> {
        let &Event { mailbox, object, ref kind } = event;
        let seen = |object, kind| Ok(Some(Event { mailbox, object, kind }));
        match kind {
            EventKind::Deleted { permissions } if matches!(object, EventObject::Folder { .. }) => {
                let rights = self.logon.rights_among(permissions);
                if rights & SEE != 0 { seen(object, kind.clone()) } else { Ok(None) }
            }
            EventKind::Moved { from } => match (self.sees(*from)?, self.sees(object)?) {
                (true, true) => seen(object, kind.clone()),
                (false, true) => seen(object, EventKind::Created),
                (true, false) => seen(*from, EventKind::Deleted { permissions: Vec::new() }),
                (false, false) => Ok(None),
            },
            EventKind::Copied { from } => match (self.sees(*from)?, self.sees(object)?) {
                (true, true) => seen(object, kind.clone()),
                (false, true) => seen(object, EventKind::Created),
                (_, false) => Ok(None),
            },
            kind if self.sees(object)? => seen(object, kind.clone()),
            _ => Ok(None),
        }
    }
}

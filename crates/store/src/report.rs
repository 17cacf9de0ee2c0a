//! What a change reports of itself, for notifications.

use crate::database::Change;
use crate::error::{Error, Result};
use crate::event::{Event, EventKind, EventObject};
use crate::id::{MailboxId, ObjectId};

impl Change<'_> {
    /// What this change did to folders and messages since the last call, in the order in which it did so; then the
    /// folders whose properties or contents changed, each once. A folder that was deleted has one event: its messages
    /// have none.
    ///
    /// # Errors
    /// If the database fails.
    pub fn take_events(&self) -> Result<Vec<Event>> {
        let mut events = self.events.list.take();
        let named: Vec<(MailboxId, EventObject)> = events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Created | EventKind::Deleted { .. }))
            .map(|event| (event.mailbox, event.object))
            .collect();
        for ((mailbox, id), contents) in self.events.folders.take() {
            let parent = match self.folder(mailbox, id) {
                Ok(folder) if !folder.deleted => folder.parent,
                Ok(_) | Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let object = EventObject::Folder { id, parent };
            if !named.contains(&(mailbox, object)) || contents {
                let kind = if contents { EventKind::ContentsModified } else { EventKind::Modified };
                events.push(Event { mailbox, object, kind });
            }
        }
        Ok(events)
    }

    /// Notes that the message `id`, which is in `folder`, was delivered to the mailbox.
    pub fn delivered(&self, mailbox: MailboxId, folder: ObjectId, id: ObjectId) {
        self.events.add(mailbox, EventObject::Message { id, folder }, EventKind::Delivered);
    }
}

//! Versions of objects that clients made in their copy of a mailbox ([MS-OXCFXICS] 3.1.5.6).

use rusqlite::{named_params, params};
use wire::FileTime;

use crate::change_key::{includes, merged, with_key};
use crate::database::Change;
use crate::error::Result;
use crate::event::{EventKind, EventObject};
use crate::folder::time;
use crate::id::{MailboxId, ObjectId};

/// A version of an object that a client made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// `PidTagChangeKey`.
    pub key: Vec<u8>,
    /// `PidTagPredecessorChangeList`, with `key`.
    pub predecessors: Vec<u8>,
    /// `PidTagLastModificationTime`.
    pub modified: FileTime,
}

/// How a client's version of an object is related to the one in the store ([MS-OXCFXICS] 3.1.5.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The store has this version, or one that is based on it.
    Included,
    /// The client's version is based on the one in the store.
    Newer,
    /// Neither is based on the other.
    Conflict,
}

impl Imported {
    /// A version with a change key and a list of predecessors.
    ///
    /// # Errors
    /// If one of them is malformed.
    pub fn new(key: &[u8], predecessors: &[u8], modified: FileTime) -> Result<Self> {
        Ok(Self { key: key.to_vec(), predecessors: with_key(predecessors, key)?, modified })
    }

    /// How the version is related to the one with the list `predecessors` in the store.
    ///
    /// # Errors
    /// If a list is malformed.
    pub fn relation(&self, predecessors: &[u8]) -> Result<Relation> {
        Ok(if includes(predecessors, &self.predecessors)? {
            Relation::Included
        } else if includes(&self.predecessors, predecessors)? {
            Relation::Newer
        } else {
            Relation::Conflict
        })
    }
}

impl Change<'_> {
    /// Records that the present version of a message is one that a client made. `before` is the list of predecessors
    /// of the version that it replaced; empty for a new message. The change number stays: it is the store's own.
    ///
    /// # Errors
    /// If the lists of predecessors are malformed.
    pub fn import_message_version(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        before: &[u8],
        version: &Imported,
    ) -> Result<()> {
        self.import_version("message", mailbox, id, before, version)
    }

    /// Records that the present version of a folder is one that a client made, as
    /// [`Change::import_message_version`] does for messages.
    ///
    /// # Errors
    /// If the lists of predecessors are malformed.
    pub fn import_folder_version(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        before: &[u8],
        version: &Imported,
    ) -> Result<()> {
        self.import_version("folder", mailbox, id, before, version)
    }

    fn import_version(
        &self,
        table: &'static str,
        mailbox: MailboxId,
        id: ObjectId,
        before: &[u8],
        version: &Imported,
    ) -> Result<()> {
        self.transaction
            .prepare_cached(&format!(
                "UPDATE {table} SET change_key = :key, predecessors = :predecessors, modified = :modified
                 WHERE mailbox = :mailbox AND id = :id"
            ))?
            .execute(named_params! {
                ":mailbox": mailbox, ":id": id, ":key": version.key,
                ":predecessors": merged(before, &version.predecessors)?, ":modified": time(version.modified),
            })?;
        Ok(())
    }

    /// Gives the read state of a message a new change number. A client that moved the message may have another state of
    /// it, and the change number of the state in the old folder means nothing in the new one.
    ///
    /// # Errors
    /// If the database fails.
    pub fn renew_read_state(&self, mailbox: MailboxId, id: ObjectId) -> Result<()> {
        self.transaction
            .prepare_cached("UPDATE message SET read_change = ? WHERE mailbox = ? AND id = ?")?
            .execute(params![self.next_id(mailbox)?, mailbox, id])?;
        Ok(())
    }

    /// Keeps a message as it is although a client has changed it. It gets a new change number, and is then based on the
    /// client's version too, so that clients replace theirs ([MS-OXCFXICS] 3.1.5.6.2.2).
    ///
    /// # Errors
    /// If the message does not exist.
    pub fn supersede_message(&self, mailbox: MailboxId, id: ObjectId, version: &Imported) -> Result<()> {
        let message = self.message(mailbox, id)?;
        let predecessors = merged(&message.predecessors, &version.predecessors)?;
        self.supersede("message", mailbox, id, &predecessors)?;
        let object = EventObject::Message { id, folder: message.folder };
        self.events.add(mailbox, object, EventKind::Modified);
        self.contents_changed(mailbox, message.folder, 0)
    }

    /// Keeps a folder as it is although a client has changed it, as [`Change::supersede_message`] does.
    ///
    /// # Errors
    /// If the folder does not exist.
    pub fn supersede_folder(&self, mailbox: MailboxId, id: ObjectId, version: &Imported) -> Result<()> {
        let folder = self.folder(mailbox, id)?;
        let predecessors = merged(&folder.predecessors, &version.predecessors)?;
        self.supersede("folder", mailbox, id, &predecessors)?;
        self.events.folder_modified(mailbox, id, false);
        folder.parent.map_or(Ok(()), |parent| self.hierarchy_changed(mailbox, parent))
    }

    fn supersede(
        &self,
        table: &'static str,
        mailbox: MailboxId,
        id: ObjectId,
        predecessors: &[u8],
    ) -> Result<()> {
        self.transaction
            .prepare_cached(&format!(
                "UPDATE {table} SET change = :change, predecessors = :predecessors
                 WHERE mailbox = :mailbox AND id = :id"
            ))?
            .execute(named_params! {
                ":mailbox": mailbox, ":id": id, ":change": self.next_id(mailbox)?,
                ":predecessors": predecessors,
            })?;
        Ok(())
    }
}

//! Messages in folders ([MS-OXCMSG]).

use mapi::property::{PropTag, PropertyValue};
use rusqlite::{OptionalExtension as _, Row, named_params, params};
use wire::FileTime;

use crate::content::{ContentEdit, ContentId};
use crate::database::{Change, View};
use crate::error::{Error, Result};
use crate::event::{EventKind, EventObject};
use crate::folder::{FolderKind, file_time, time};
use crate::id::{MailboxId, ObjectId};
use crate::properties::Properties;

/// A message in a folder. What it contains is read with [`View::content`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: ObjectId,
    /// The folder that it is in.
    pub folder: ObjectId,
    /// The key of what it contains.
    pub content: ContentId,
    /// Whether it is folder associated information ([MS-OXCFOLD] 1.1).
    pub associated: bool,
    /// Whether it is soft deleted.
    pub deleted: bool,
    /// Whether it was read (`mfRead`, [MS-OXCMSG] 2.2.1.6).
    pub read: bool,
    /// The number of its last change.
    pub change: ObjectId,
    /// The number of the last change of its read state alone, if there was one ([MS-OXCFXICS] 2.2.1.1.4).
    pub read_change: Option<ObjectId>,
    /// `PidTagChangeKey`.
    pub change_key: Vec<u8>,
    /// `PidTagPredecessorChangeList`.
    pub predecessors: Vec<u8>,
    /// How many bytes what it contains has in the store.
    pub size: u64,
    /// `PidTagCreationTime`.
    pub created: FileTime,
    /// `PidTagLastModificationTime`.
    pub modified: FileTime,
}

impl Message {
    const fn event_object(&self) -> EventObject {
        EventObject::Message { id: self.id, folder: self.folder }
    }
}

/// What identifies the state of a message in a folder, for the synchronization of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageVersion {
    /// Its id.
    pub id: ObjectId,
    /// The key of what it contains.
    pub content: ContentId,
    /// Whether it is folder associated information.
    pub associated: bool,
    /// Whether it was read.
    pub read: bool,
    /// The number of its last change.
    pub change: ObjectId,
    /// The number of the last change of its read state alone, if there was one.
    pub read_change: Option<ObjectId>,
    /// How many bytes what it contains has in the store.
    pub size: u64,
}

/// A message to be created.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewMessage {
    /// Its id; `None` for the next of the mailbox's own.
    pub id: Option<ObjectId>,
    /// Whether it is folder associated information.
    pub associated: bool,
    /// Whether it was read.
    pub read: bool,
    /// What it contains.
    pub content: ContentEdit,
}

/// Which messages of a folder are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MessageFilter {
    /// Folder associated information rather than messages.
    pub associated: bool,
    /// Messages that are soft deleted rather than those that are not.
    pub deleted: bool,
}

const COLUMNS: &str =
    "SELECT id, folder, content, associated, deleted, read, change, read_change, change_key,
    predecessors, size, created, modified FROM message";

impl View<'_> {
    /// The message with the id `id`, also if it is soft deleted.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn message(&self, mailbox: MailboxId, id: ObjectId) -> Result<Message> {
        let mut statement =
            self.transaction.prepare_cached(&format!("{COLUMNS} WHERE mailbox = ? AND id = ?"))?;
        let message = statement.query_row(params![mailbox, id], from_row).optional()?;
        message.ok_or(Error::NotFound("the message"))
    }

    /// The messages of a folder that `filter` names, in the order of their ids.
    ///
    /// # Errors
    /// If the database fails.
    pub fn messages(
        &self,
        mailbox: MailboxId,
        folder: ObjectId,
        filter: MessageFilter,
    ) -> Result<Vec<Message>> {
        let mut statement = self.transaction.prepare_cached(&format!(
            "{COLUMNS} WHERE mailbox = ? AND folder = ? AND associated = ? AND deleted = ? ORDER BY id"
        ))?;
        let rows =
            statement.query_map(params![mailbox, folder, filter.associated, filter.deleted], from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Calls `visit` with each message of a folder that `filter` names and with its properties, without the large ones,
    /// in the order of the ids.
    ///
    /// # Errors
    /// If the database fails, or `visit` does.
    pub fn for_each_message(
        &self,
        mailbox: MailboxId,
        folder: ObjectId,
        filter: MessageFilter,
        mut visit: impl FnMut(Message, Properties) -> Result<()>,
    ) -> Result<()> {
        for message in self.messages(mailbox, folder, filter)? {
            let properties = self.small_properties(message.content)?;
            visit(message, properties)?;
        }
        Ok(())
    }

    /// Calls `visit` with the version of each message of a folder that is not deleted, in the order of their ids.
    ///
    /// # Errors
    /// If the database fails, or `visit` does.
    pub fn for_each_version<E: From<Error>>(
        &self,
        mailbox: MailboxId,
        folder: ObjectId,
        mut visit: impl FnMut(MessageVersion) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self
            .transaction
            .prepare_cached(
                "SELECT id, content, associated, read, change, read_change, size FROM message
             WHERE mailbox = ? AND folder = ? AND deleted = 0 ORDER BY id",
            )
            .map_err(Error::from)?;
        let mut rows = statement.query(params![mailbox, folder]).map_err(Error::from)?;
        while let Some(row) = rows.next().map_err(Error::from)? {
            visit(version_from_row(row).map_err(Error::from)?)?;
        }
        Ok(())
    }

    /// How many messages of a folder `filter` names, and how many of them were not read.
    ///
    /// # Errors
    /// If the database fails.
    pub fn count_messages(
        &self,
        mailbox: MailboxId,
        folder: ObjectId,
        filter: MessageFilter,
    ) -> Result<(u32, u32)> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE read = 0) FROM message
             WHERE mailbox = ? AND folder = ? AND associated = ? AND deleted = ?",
        )?;
        let counts = statement
            .query_row(params![mailbox, folder, filter.associated, filter.deleted], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Ok(counts)
    }

    /// The bytes of the messages of a mailbox that are not deleted, associated messages included.
    ///
    /// # Errors
    /// If the database fails.
    pub fn size_of_mailbox(&self, mailbox: MailboxId) -> Result<u64> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT coalesce(sum(size), 0) FROM message WHERE mailbox = ? AND deleted = 0")?;
        let size: i64 = statement.query_row([mailbox], |row| row.get(0))?;
        Ok(u64::try_from(size).unwrap_or_default())
    }

    /// The bytes of the messages in `folder` that are not deleted, associated messages included.
    ///
    /// # Errors
    /// If the database fails.
    pub fn size_of_messages(&self, mailbox: MailboxId, folder: ObjectId) -> Result<i64> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT coalesce(sum(size), 0) FROM message WHERE mailbox = ? AND folder = ? AND deleted = 0",
        )?;
        Ok(statement.query_row(params![mailbox, folder], |row| row.get(0))?)
    }
}

impl Change<'_> {
    /// Creates a message in `folder`.
    ///
    /// # Errors
    /// If the folder does not exist or is deleted, or a message with the id exists.
    pub fn create_message(&self, mailbox: MailboxId, folder: ObjectId, new: &NewMessage) -> Result<Message> {
        let content = self.create_content(&new.content)?;
        let id = match new.id {
            Some(id) => id,
            None => self.next_id(mailbox)?,
        };
        let flags = (new.associated, new.read);
        self.insert_message(mailbox, folder, id, content, flags, EventKind::Created)
    }

    fn insert_message(
        &self,
        mailbox: MailboxId,
        folder: ObjectId,
        id: ObjectId,
        content: ContentId,
        (associated, read): (bool, bool),
        kind: EventKind,
    ) -> Result<Message> {
        let found = self.folder(mailbox, folder)?;
        if found.deleted {
            return Err(Error::NotFound("the folder"));
        }
        if found.kind == FolderKind::Search && !associated {
            return Err(Error::SearchFolder);
        }
        let version = self.next_version(mailbox, &[])?;
        let inserted = self.transaction.prepare_cached(
            "INSERT OR IGNORE INTO message (mailbox, id, folder, content, associated, read, change, change_key,
                 predecessors, size, created, modified)
             VALUES (:mailbox, :id, :folder, :content, :associated, :read, :change, :key, :predecessors, :size,
                 :now, :now)",
        )?.execute(named_params! {
            ":mailbox": mailbox, ":id": id, ":folder": folder, ":content": content.0, ":associated": associated,
            ":read": read, ":change": version.change, ":key": version.key,
            ":predecessors": version.predecessors, ":size": integer(self.content_size(content)?),
            ":now": time(self.now()),
        })?;
        if inserted == 0 {
            return Err(Error::Exists("a message with this id"));
        }
        self.events.add(mailbox, EventObject::Message { id, folder }, kind);
        self.contents_changed(mailbox, folder, 0)?;
        self.message(mailbox, id)
    }

    /// Changes what a message contains. `expected` is the change number of the message as the caller read it; with
    /// `None` changes of others since then are overwritten.
    ///
    /// # Errors
    /// If the message does not exist or is deleted; [`Error::Conflict`] if it has another change number than
    /// `expected`.
    pub fn change_message(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        edit: &ContentEdit,
        expected: Option<ObjectId>,
    ) -> Result<Message> {
        let message = self.message(mailbox, id)?;
        if message.deleted {
            return Err(Error::NotFound("the message"));
        }
        if expected.is_some_and(|expected| expected != message.change) {
            return Err(Error::Conflict);
        }
        self.edit_content(message.content, edit)?;
        let version = self.next_version(mailbox, &message.predecessors)?;
        self.transaction
            .prepare_cached(
                "UPDATE message SET change = :change, change_key = :key,
                 predecessors = :predecessors, size = :size, modified = :now
             WHERE mailbox = :mailbox AND id = :id",
            )?
            .execute(named_params! {
                ":mailbox": mailbox, ":id": id, ":change": version.change, ":key": version.key,
                ":predecessors": version.predecessors, ":size": integer(self.content_size(message.content)?),
                ":now": time(self.now()),
            })?;
        self.events.add(mailbox, message.event_object(), EventKind::Modified);
        self.contents_changed(mailbox, message.folder, 0)?;
        self.message(mailbox, id)
    }

    /// Marks a message as read or unread. Returns whether it was marked otherwise before. The message's own change
    /// number stays: a read state is synchronized by itself ([MS-OXCFXICS] 3.2.5.6).
    ///
    /// # Errors
    /// If the message does not exist.
    pub fn set_read(&self, mailbox: MailboxId, id: ObjectId, read: bool) -> Result<bool> {
        let message = self.message(mailbox, id)?;
        if message.read == read {
            return Ok(false);
        }
        self.transaction
            .prepare_cached("UPDATE message SET read = ?, read_change = ? WHERE mailbox = ? AND id = ?")?
            .execute(params![read, self.next_id(mailbox)?, mailbox, id])?;
        self.events.add(mailbox, message.event_object(), EventKind::Modified);
        self.contents_changed(mailbox, message.folder, 0)?;
        Ok(true)
    }

    /// Changes flags of a message, `PidTagMessageStatus` or `PidTagMessageFlags`, without a new version
    /// ([MS-OXCMSG] 3.2.5.8, 3.2.5.10).
    ///
    /// # Errors
    /// If the message does not exist.
    pub fn set_flags(&self, mailbox: MailboxId, id: ObjectId, tag: PropTag, flags: u32) -> Result<()> {
        let message = self.message(mailbox, id)?;
        let set = Properties::from([(tag, PropertyValue::Integer32(flags.cast_signed()))]);
        self.edit_content(message.content, &ContentEdit { set, ..ContentEdit::default() })?;
        self.events.add(mailbox, message.event_object(), EventKind::Modified);
        self.contents_changed(mailbox, message.folder, 0)
    }

    /// Deletes a message: softly, so that it can still be listed as deleted, or for good.
    ///
    /// # Errors
    /// If it does not exist, or is to be deleted softly and is that already.
    pub fn delete_message(&self, mailbox: MailboxId, id: ObjectId, soft: bool) -> Result<()> {
        let message = self.message(mailbox, id)?;
        self.remove(mailbox, &message, soft)?;
        if !message.deleted {
            self.events.add(mailbox, message.event_object(), deleted());
        }
        Ok(())
    }

    fn remove(&self, mailbox: MailboxId, message: &Message, soft: bool) -> Result<()> {
        if soft {
            if message.deleted {
                return Err(Error::NotFound("the message"));
            }
            // A deleted message keeps the time of its deletion (`PidTagDeletedOn`).
            self.transaction
                .prepare_cached("UPDATE message SET deleted = 1, modified = ? WHERE mailbox = ? AND id = ?")?
                .execute(params![time(self.now()), mailbox, message.id])?;
        } else {
            self.transaction
                .prepare_cached("DELETE FROM message WHERE mailbox = ? AND id = ?")?
                .execute(params![mailbox, message.id])?;
            self.delete_content(message.content)?;
        }
        self.contents_changed(mailbox, message.folder, u32::from(!message.deleted))
    }

    /// Deletes all messages of a folder, also associated ones and, if not `soft`, those that are soft deleted.
    pub(crate) fn delete_all_messages(&self, mailbox: MailboxId, folder: ObjectId, soft: bool) -> Result<()> {
        for associated in [false, true] {
            for deleted in [false, true] {
                if soft && deleted {
                    continue;
                }
                for message in self.messages(mailbox, folder, MessageFilter { associated, deleted })? {
                    self.remove(mailbox, &message, soft)?;
                }
            }
        }
        Ok(())
    }

    /// Copies a message into `folder` of the mailbox `into`. The copy has an id of its own.
    ///
    /// # Errors
    /// If the message or the folder does not exist.
    pub fn copy_message(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        into: MailboxId,
        folder: ObjectId,
    ) -> Result<Message> {
        let message = self.message(mailbox, id)?;
        let content = self.copy_content(message.content)?;
        let from = message.event_object();
        let kind = if into == mailbox { EventKind::Copied { from } } else { EventKind::Created };
        let flags = (message.associated, message.read);
        self.insert_message(into, folder, self.next_id(into)?, content, flags, kind)
    }

    /// Moves a message into `folder` of the mailbox `into`. It gets a new id, since an id denotes a message in a folder
    /// ([MS-OXCFXICS] 3.1.5.3).
    ///
    /// # Errors
    /// If the message or the folder does not exist.
    pub fn move_message(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        into: MailboxId,
        folder: ObjectId,
    ) -> Result<Message> {
        self.move_message_as(mailbox, id, (into, folder), self.next_id(into)?)
    }

    /// Moves a message into a folder of the mailbox `into`, where it has the id `new_id`.
    ///
    /// # Errors
    /// If the message or the folder does not exist, or a message with the new id exists.
    pub fn move_message_as(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        (into, folder): (MailboxId, ObjectId),
        new_id: ObjectId,
    ) -> Result<Message> {
        let message = self.message(mailbox, id)?;
        self.transaction
            .prepare_cached("DELETE FROM message WHERE mailbox = ? AND id = ?")?
            .execute(params![mailbox, id])?;
        self.contents_changed(mailbox, message.folder, u32::from(!message.deleted))?;
        let (from, flags) = (message.event_object(), (message.associated, message.read));
        let kind = if into == mailbox {
            EventKind::Moved { from }
        } else {
            self.events.add(mailbox, from, deleted());
            EventKind::Created
        };
        self.insert_message(into, folder, new_id, message.content, flags, kind)
    }
}

/// The event of a message that was deleted.
const fn deleted() -> EventKind {
    EventKind::Deleted { permissions: Vec::new() }
}

fn integer(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn version_from_row(row: &Row<'_>) -> rusqlite::Result<MessageVersion> {
    Ok(MessageVersion {
        id: row.get(0)?,
        content: ContentId(row.get(1)?),
        associated: row.get(2)?,
        read: row.get(3)?,
        change: row.get(4)?,
        read_change: row.get(5)?,
        size: u64::try_from(row.get::<_, i64>(6)?).unwrap_or_default(),
    })
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get(0)?,
        folder: row.get(1)?,
        content: ContentId(row.get(2)?),
        associated: row.get(3)?,
        deleted: row.get(4)?,
        read: row.get(5)?,
        change: row.get(6)?,
        read_change: row.get(7)?,
        change_key: row.get(8)?,
        predecessors: row.get(9)?,
        size: u64::try_from(row.get::<_, i64>(10)?).unwrap_or_default(),
        created: file_time(row.get(11)?),
        modified: file_time(row.get(12)?),
    })
}

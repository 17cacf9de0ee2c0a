//! Receive folders: where new messages of a class are delivered ([MS-OXCSTOR] 2.2.1.2, 3.2.5.2).

use rusqlite::{OptionalExtension as _, params};
use wire::FileTime;

use crate::database::{Change, View};
use crate::error::{Error, Result};
use crate::folder::{file_time, time};
use crate::id::{MailboxId, ObjectId};

/// The folder to which messages of a class are delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveFolder {
    /// The message class: it applies to itself and all classes below it. Empty for all classes.
    pub message_class: String,
    /// The folder.
    pub folder: ObjectId,
    /// When it was set.
    pub modified: FileTime,
}

impl View<'_> {
    /// The receive folders of a mailbox, in the order of the classes.
    ///
    /// # Errors
    /// If the database fails.
    pub fn receive_folders(&self, mailbox: MailboxId) -> Result<Vec<ReceiveFolder>> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT message_class, folder, modified FROM receive_folder WHERE mailbox = ? ORDER BY message_class",
        )?;
        let rows = statement.query_map([mailbox], |row| {
            Ok(ReceiveFolder {
                message_class: row.get(0)?,
                folder: row.get(1)?,
                modified: file_time(row.get(2)?),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The receive folder for messages of `message_class`: that of the class itself, or else of the nearest class above
    /// it. Classes are compared without regard to case ([MS-OXCSTOR] 3.2.5.2).
    ///
    /// # Errors
    /// If the database fails.
    pub fn receive_folder(&self, mailbox: MailboxId, message_class: &str) -> Result<Option<ReceiveFolder>> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT message_class, folder, modified FROM receive_folder WHERE mailbox = ? AND message_class = ?",
        )?;
        let mut class = message_class;
        loop {
            let found = statement.query_row(params![mailbox, class], |row| {
                Ok(ReceiveFolder {
                    message_class: row.get(0)?,
                    folder: row.get(1)?,
                    modified: file_time(row.get(2)?),
                })
            });
            if let Some(found) = found.optional()? {
                return Ok(Some(found));
            }
            if class.is_empty() {
                return Ok(None);
            }
            class = class.rsplit_once('.').map_or("", |(above, _)| above);
        }
    }
}

impl Change<'_> {
    /// Sets the folder to which messages of `message_class` and the classes below it are delivered; `None` removes it.
    ///
    /// # Errors
    /// If the folder does not exist or is deleted, or the database fails.
    pub fn set_receive_folder(
        &self,
        mailbox: MailboxId,
        message_class: &str,
        folder: Option<ObjectId>,
    ) -> Result<()> {
        let Some(folder) = folder else {
            self.transaction
                .prepare_cached("DELETE FROM receive_folder WHERE mailbox = ? AND message_class = ?")?
                .execute(params![mailbox, message_class])?;
            return Ok(());
        };
        if self.folder(mailbox, folder)?.deleted {
            return Err(Error::NotFound("the folder"));
        }
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO receive_folder (mailbox, message_class, folder, modified)
                 VALUES (?, ?, ?, ?)",
            )?
            .execute(params![mailbox, message_class, folder, time(self.now())])?;
        Ok(())
    }

    /// Removes `folder`, which is deleted, as the receive folder of all classes. Their messages are then delivered to
    /// the folder of the nearest class above.
    pub(crate) fn remove_receive_folder(&self, mailbox: MailboxId, folder: ObjectId) -> Result<()> {
        let mut delete =
            self.transaction.prepare_cached("DELETE FROM receive_folder WHERE mailbox = ? AND folder = ?")?;
        delete.execute(params![mailbox, folder])?;
        Ok(())
    }
}

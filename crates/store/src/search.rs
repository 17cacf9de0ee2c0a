//! What search folders show ([MS-OXCFOLD] 2.2.1.4). The store does not search.

use mapi::data::FolderId;
use rusqlite::{OptionalExtension as _, params};

use crate::database::{Change, View};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::folder::FolderKind;
use crate::id::{MailboxId, ObjectId};

/// The criteria of a search folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// The restriction that messages match, encoded as the client sent it; empty for all messages.
    pub restriction: Vec<u8>,
    /// The code page of 8-bit texts in it.
    pub code_page: u32,
    /// The folders that are searched.
    pub folders: Vec<ObjectId>,
    /// Whether their subfolders are.
    pub recursive: bool,
    /// Whether a client has stopped the search. It stays as complete as it was.
    pub stopped: bool,
    /// The messages that a static search has found; `None` for a search whose results are updated.
    pub hits: Option<Vec<ObjectId>>,
}

impl View<'_> {
    /// The criteria of a search folder, if they were set.
    ///
    /// # Errors
    /// If the database fails.
    pub fn search(&self, mailbox: MailboxId, folder: ObjectId) -> Result<Option<Search>> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT restriction, code_page, folders, recursive, stopped, hits FROM search
             WHERE mailbox = ? AND folder = ?",
        )?;
        let found = statement.query_row(params![mailbox, folder], |row| {
            Ok(Search {
                restriction: row.get(0)?,
                code_page: row.get(1)?,
                folders: decode(&row.get::<_, Vec<u8>>(2)?),
                recursive: row.get(3)?,
                stopped: row.get(4)?,
                hits: row.get::<_, Option<Vec<u8>>>(5)?.map(|hits| decode(&hits)),
            })
        });
        Ok(found.optional()?)
    }

    /// How many search folders the mailbox has.
    ///
    /// # Errors
    /// If the database fails.
    pub fn count_search_folders(&self, mailbox: MailboxId) -> Result<u32> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT count(*) FROM folder WHERE mailbox = ? AND kind = ? AND deleted = 0")?;
        Ok(statement.query_row(params![mailbox, FolderKind::Search.to_integer()], |row| row.get(0))?)
    }
}

impl Change<'_> {
    /// Sets the criteria of a search folder.
    ///
    /// # Errors
    /// If the folder does not exist or is no search folder.
    pub fn set_search(&self, mailbox: MailboxId, folder: ObjectId, search: &Search) -> Result<()> {
        let found = self.folder(mailbox, folder)?;
        if found.kind != FolderKind::Search {
            return Err(Error::NotFound("the search folder"));
        }
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO search (mailbox, folder, restriction, code_page, folders, recursive,
                     stopped, hits)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                mailbox,
                folder,
                search.restriction,
                search.code_page,
                encode(&search.folders),
                search.recursive,
                search.stopped,
                search.hits.as_deref().map(encode),
            ])?;
        self.contents_changed(mailbox, folder, 0)?;
        self.events.add(mailbox, found.event_object(), EventKind::SearchCompleted);
        Ok(())
    }

    /// Notes that a client has stopped the search of a search folder, if it has criteria.
    ///
    /// # Errors
    /// If the database fails.
    pub fn stop_search(&self, mailbox: MailboxId, folder: ObjectId) -> Result<()> {
        self.transaction
            .prepare_cached("UPDATE search SET stopped = 1 WHERE mailbox = ? AND folder = ?")?
            .execute(params![mailbox, folder])?;
        Ok(())
    }
}

fn encode(ids: &[ObjectId]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.folder_id().0.to_le_bytes()).collect()
}

fn decode(bytes: &[u8]) -> Vec<ObjectId> {
    let (ids, _) = bytes.as_chunks();
    ids.iter().map(|id| ObjectId::from(FolderId(u64::from_le_bytes(*id)))).collect()
}

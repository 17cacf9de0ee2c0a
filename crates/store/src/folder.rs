//! Folders ([MS-OXCFOLD]).

use std::collections::BTreeSet;

use rusqlite::{Row, named_params, params};
use wire::FileTime;

use crate::change_key::Version;
use crate::database::{Change, View};
use crate::error::{Error, Result};
use crate::event::{EventKind, EventObject};
use crate::id::{MailboxId, ObjectId};
use crate::properties::Properties;

/// How many folders can be nested ([MS-OXCFOLD] leaves the limit to the server).
const DEPTH_MAX: u32 = 300;

/// What a folder is (`PidTagFolderType`, [MS-OXCFOLD] 2.2.2.2.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FolderKind {
    /// `FOLDER_ROOT`: the top of a mailbox.
    Root,
    /// `FOLDER_GENERIC`: it has messages of its own.
    Generic,
    /// `FOLDER_SEARCH`: it shows messages of other folders.
    Search,
}

impl FolderKind {
    /// The value of `PidTagFolderType`.
    pub const fn to_integer(self) -> i32 {
        match self {
            Self::Root => 0,
            Self::Generic => 1,
            Self::Search => 2,
        }
    }

    const fn from_integer(value: i32) -> Self {
        match value {
            0 => Self::Root,
            2 => Self::Search,
            _ => Self::Generic,
        }
    }
}

/// A folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Folder {
    /// Its id.
    pub id: ObjectId,
    /// The folder that it is in; `None` for the root.
    pub parent: Option<ObjectId>,
    /// What it is.
    pub kind: FolderKind,
    /// `PidTagDisplayName`.
    pub name: String,
    /// Whether it is soft deleted.
    pub deleted: bool,
    /// The number of its last change.
    pub change: ObjectId,
    /// `PidTagChangeKey`.
    pub change_key: Vec<u8>,
    /// `PidTagPredecessorChangeList`.
    pub predecessors: Vec<u8>,
    /// `PidTagCreationTime`.
    pub created: FileTime,
    /// `PidTagLastModificationTime`.
    pub modified: FileTime,
    /// `PidTagHierRev`: when a subfolder was last created, changed or deleted.
    pub hierarchy_changed: FileTime,
    /// `PidTagHierarchyChangeNumber`: how often a subfolder was created, changed or deleted so far.
    pub hierarchy_changes: u32,
    /// `PidTagLocalCommitTimeMax`: when a message in it was last created, changed or deleted.
    pub contents_changed: FileTime,
    /// `PidTagDeletedCountTotal`: how many messages were deleted in it so far.
    pub deleted_count: u32,
    /// Its other properties.
    pub properties: Properties,
}

impl Folder {
    pub(crate) const fn event_object(&self) -> EventObject {
        EventObject::Folder { id: self.id, parent: self.parent }
    }
}

/// A folder to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFolder {
    /// Its id; `None` for the next of the mailbox's own.
    pub id: Option<ObjectId>,
    /// The folder to create it in; `None` for the root.
    pub parent: Option<ObjectId>,
    /// What it is.
    pub kind: FolderKind,
    /// `PidTagDisplayName`, which no other folder in `parent` may have, without regard to case.
    pub name: String,
    /// Its other properties.
    pub properties: Properties,
}

const COLUMNS: &str =
    "SELECT id, parent, kind, name, deleted, change, change_key, predecessors, created, modified,
    hierarchy_changed, hierarchy_changes, contents_changed, deleted_count, properties FROM folder";

impl View<'_> {
    /// The folder with the id `id`, also if it is soft deleted.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn folder(&self, mailbox: MailboxId, id: ObjectId) -> Result<Folder> {
        let mut statement =
            self.transaction.prepare_cached(&format!("{COLUMNS} WHERE mailbox = ? AND id = ?"))?;
        let mut rows = statement.query(params![mailbox, id])?;
        from_row(rows.next()?.ok_or(Error::NotFound("the folder"))?)
    }

    /// The folders in `parent`, in the order of their ids: those that are soft deleted, or those that are not.
    ///
    /// # Errors
    /// If the database fails.
    pub fn subfolders(&self, mailbox: MailboxId, parent: ObjectId, deleted: bool) -> Result<Vec<Folder>> {
        let mut statement = self.transaction.prepare_cached(&format!(
            "{COLUMNS} WHERE mailbox = ? AND parent = ? AND deleted = ? ORDER BY id"
        ))?;
        let mut rows = statement.query(params![mailbox, parent, deleted])?;
        let mut folders = Vec::new();
        while let Some(row) = rows.next()? {
            folders.push(from_row(row)?);
        }
        Ok(folders)
    }

    /// The folder in `parent` with the name `name`, without regard to case, if it is not deleted.
    ///
    /// # Errors
    /// If the database fails.
    pub fn folder_by_name(&self, mailbox: MailboxId, parent: ObjectId, name: &str) -> Result<Option<Folder>> {
        let wanted = name.to_lowercase();
        let folders = self.subfolders(mailbox, parent, false)?;
        Ok(folders.into_iter().find(|folder| folder.name.to_lowercase() == wanted))
    }

    /// The folders below `top` with their depth, `top` itself with depth 0 first, and each folder before its
    /// subfolders.
    ///
    /// # Errors
    /// If the database fails.
    pub fn folder_tree(
        &self,
        mailbox: MailboxId,
        top: ObjectId,
        deleted: bool,
    ) -> Result<Vec<(ObjectId, u32)>> {
        let mut statement = self.transaction.prepare_cached(
            "WITH RECURSIVE below (id, depth) AS (
                 SELECT :top, 0
                 UNION ALL
                 SELECT folder.id, below.depth + 1 FROM folder, below
                 WHERE folder.mailbox = :mailbox AND folder.parent = below.id
                     AND (folder.deleted = 0 OR :deleted) AND below.depth <= :max
                 ORDER BY 2 DESC, 1
             )
             SELECT id, depth FROM below",
        )?;
        let rows = statement.query_map(
            named_params! { ":mailbox": mailbox, ":top": top, ":deleted": deleted, ":max": DEPTH_MAX },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The depth of the folder: the root has depth 0.
    fn depth(&self, mailbox: MailboxId, id: ObjectId) -> Result<u32> {
        let (mut depth, mut at) = (0_u32, id);
        while let Some(parent) = self.folder(mailbox, at)?.parent {
            (depth, at) = (depth.saturating_add(1), parent);
            if depth > DEPTH_MAX {
                break;
            }
        }
        Ok(depth)
    }
}

impl Change<'_> {
    /// Creates a folder.
    ///
    /// # Errors
    /// If the parent does not exist or is deleted, or a folder of this name or id exists.
    pub fn create_folder(&self, mailbox: MailboxId, new: &NewFolder) -> Result<Folder> {
        self.insert_folder(mailbox, new, EventKind::Created)
    }

    /// Copies a folder into `parent` of the same mailbox, with the name `name` and without what is in it.
    ///
    /// # Errors
    /// If `id` or `parent` does not exist, or a folder of that name exists there.
    pub fn copy_folder(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        parent: ObjectId,
        name: &str,
    ) -> Result<Folder> {
        let Folder { id, parent: from, kind, properties, .. } = self.folder(mailbox, id)?;
        let new = NewFolder { id: None, parent: Some(parent), kind, name: name.to_owned(), properties };
        let from = EventObject::Folder { id, parent: from };
        let copy = self.insert_folder(mailbox, &new, EventKind::Copied { from })?;
        if let Some(search) = self.search(mailbox, id)? {
            self.set_search(mailbox, copy.id, &search)?;
        }
        Ok(copy)
    }

    fn insert_folder(&self, mailbox: MailboxId, new: &NewFolder, kind: EventKind) -> Result<Folder> {
        if let Some(parent) = new.parent {
            self.check_place(mailbox, parent, &new.name, None)?;
        }
        let id = match new.id {
            Some(id) => id,
            None => self.next_id(mailbox)?,
        };
        let version = self.next_version(mailbox, &[])?;
        let inserted = self.transaction.prepare_cached(
            "INSERT OR IGNORE INTO folder (mailbox, id, parent, kind, name, change, change_key, predecessors,
                 created, modified, hierarchy_changed, contents_changed, properties)
             VALUES (:mailbox, :id, :parent, :kind, :name, :change, :key, :predecessors, :now, :now, :now, :now,
                 :properties)",
        )?.execute(named_params! {
            ":mailbox": mailbox, ":id": id, ":parent": new.parent, ":kind": new.kind.to_integer(),
            ":name": new.name, ":change": version.change, ":key": version.key,
            ":predecessors": version.predecessors, ":now": time(self.now()),
            ":properties": new.properties.encode()?,
        })?;
        if inserted == 0 {
            return Err(Error::Exists("a folder with this id"));
        }
        self.events.add(mailbox, EventObject::Folder { id, parent: new.parent }, kind);
        if let Some(parent) = new.parent {
            self.hierarchy_changed(mailbox, parent)?;
        }
        self.folder(mailbox, id)
    }

    /// Changes the name and the other properties of a folder.
    ///
    /// # Errors
    /// If it does not exist, or another folder has the name.
    pub fn change_folder(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        name: &str,
        properties: &Properties,
    ) -> Result<Folder> {
        let folder = self.folder(mailbox, id)?;
        self.update_folder(mailbox, &folder, folder.parent, name, properties)
    }

    /// Moves a folder to another parent of the same mailbox, and gives it the name `name`.
    ///
    /// # Errors
    /// If it is the root, `parent` is the folder itself or below it, or a folder of that name exists there.
    pub fn move_folder(
        &self,
        mailbox: MailboxId,
        id: ObjectId,
        parent: ObjectId,
        name: &str,
    ) -> Result<Folder> {
        let folder = self.folder(mailbox, id)?;
        if folder.parent.is_none()
            || self.folder_tree(mailbox, id, true)?.iter().any(|(below, _)| *below == parent)
        {
            return Err(Error::Cycle);
        }
        self.update_folder(mailbox, &folder, Some(parent), name, &folder.properties)
    }

    /// Stores a new version of `folder`, in `parent`. Fails if it cannot be there with the name `name`.
    fn update_folder(
        &self,
        mailbox: MailboxId,
        folder: &Folder,
        parent: Option<ObjectId>,
        name: &str,
        properties: &Properties,
    ) -> Result<Folder> {
        if let Some(parent) = parent {
            self.check_place(mailbox, parent, name, Some(folder.id))?;
        }
        let version = self.next_version(mailbox, &folder.predecessors)?;
        self.transaction
            .prepare_cached(
                "UPDATE folder SET parent = :parent, name = :name, properties = :properties, change = :change,
                     change_key = :key, predecessors = :predecessors, modified = :now
                 WHERE mailbox = :mailbox AND id = :id",
            )?
            .execute(named_params! {
                ":mailbox": mailbox, ":id": folder.id, ":parent": parent, ":name": name,
                ":properties": properties.encode()?, ":change": version.change, ":key": version.key,
                ":predecessors": version.predecessors, ":now": time(self.now()),
            })?;
        if folder.parent == parent {
            self.events.folder_modified(mailbox, folder.id, false);
        } else {
            let object = EventObject::Folder { id: folder.id, parent };
            self.events.add(mailbox, object, EventKind::Moved { from: folder.event_object() });
        }
        for changed in folder.parent.into_iter().chain(parent).collect::<BTreeSet<_>>() {
            self.hierarchy_changed(mailbox, changed)?;
        }
        self.folder(mailbox, folder.id)
    }

    /// Deletes a folder with everything in it: softly, so that it can still be listed as deleted, or for good.
    ///
    /// # Errors
    /// If it does not exist, or is the root.
    pub fn delete_folder(&self, mailbox: MailboxId, id: ObjectId, soft: bool) -> Result<()> {
        let folder = self.folder(mailbox, id)?;
        let parent = folder.parent.ok_or(Error::Cycle)?;
        let tree = self.folder_tree(mailbox, id, true)?;
        for (below, _) in tree.iter().rev() {
            let deleted = self.folder(mailbox, *below)?;
            if !deleted.deleted {
                let permissions = self.permissions(mailbox, *below)?;
                self.events.add(mailbox, deleted.event_object(), EventKind::Deleted { permissions });
            }
            self.delete_all_messages(mailbox, *below, soft)?;
            let sql = if soft {
                "UPDATE folder SET deleted = 1 WHERE mailbox = ? AND id = ?"
            } else {
                "DELETE FROM folder WHERE mailbox = ? AND id = ?"
            };
            self.transaction.prepare_cached(sql)?.execute(params![mailbox, below])?;
            self.remove_receive_folder(mailbox, *below)?;
        }
        self.hierarchy_changed(mailbox, parent)
    }

    /// A new change number, and the change key and predecessors of a version with it.
    pub(crate) fn next_version(&self, mailbox: MailboxId, predecessors: &[u8]) -> Result<Version> {
        let replica = self.mailbox(mailbox)?.replica;
        Version::following(replica, self.next_id(mailbox)?, predecessors)
    }

    /// Notes that a message in the folder was created, changed or deleted.
    pub(crate) fn contents_changed(&self, mailbox: MailboxId, folder: ObjectId, deleted: u32) -> Result<()> {
        self.events.folder_modified(mailbox, folder, true);
        self.transaction
            .prepare_cached(
                "UPDATE folder SET contents_changed = :now, deleted_count = deleted_count + :deleted
             WHERE mailbox = :mailbox AND id = :id",
            )?
            .execute(named_params! {
                ":mailbox": mailbox, ":id": folder, ":now": time(self.now()), ":deleted": deleted,
            })?;
        Ok(())
    }

    pub(crate) fn hierarchy_changed(&self, mailbox: MailboxId, folder: ObjectId) -> Result<()> {
        self.events.folder_modified(mailbox, folder, false);
        self.transaction
            .prepare_cached(
                "UPDATE folder SET hierarchy_changed = ?, hierarchy_changes = hierarchy_changes + 1
                 WHERE mailbox = ? AND id = ?",
            )?
            .execute(params![time(self.now()), mailbox, folder])?;
        Ok(())
    }

    /// Fails if a folder cannot be in `parent` with the name `name`. `moved` is the folder itself, if it exists.
    fn check_place(
        &self,
        mailbox: MailboxId,
        parent: ObjectId,
        name: &str,
        moved: Option<ObjectId>,
    ) -> Result<()> {
        let found = self.folder(mailbox, parent)?;
        if found.deleted {
            return Err(Error::NotFound("the parent folder"));
        }
        if found.kind == FolderKind::Search {
            return Err(Error::SearchFolder);
        }
        let other = self.folder_by_name(mailbox, parent, name)?;
        if other.is_some_and(|other| Some(other.id) != moved) {
            return Err(Error::Exists("a folder with this name"));
        }
        let below = match moved {
            Some(moved) => {
                let tree = self.folder_tree(mailbox, moved, true)?;
                tree.iter().map(|(_, depth)| *depth).max().unwrap_or_default()
            }
            None => 0,
        };
        if self.depth(mailbox, parent)?.saturating_add(below) >= DEPTH_MAX {
            return Err(Error::Limit { what: "depth of folders", limit: DEPTH_MAX.into() });
        }
        Ok(())
    }
}

/// A time as the database keeps it. The times that this loses are after the year 30000.
pub(crate) fn time(time: FileTime) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// The time that [`time`] returned.
pub(crate) fn file_time(value: i64) -> FileTime {
    FileTime(u64::try_from(value).unwrap_or_default())
}

fn from_row(row: &Row<'_>) -> Result<Folder> {
    let properties: Vec<u8> = row.get(14)?;
    Ok(Folder {
        id: row.get(0)?,
        parent: row.get(1)?,
        kind: FolderKind::from_integer(row.get(2)?),
        name: row.get(3)?,
        deleted: row.get(4)?,
        change: row.get(5)?,
        change_key: row.get(6)?,
        predecessors: row.get(7)?,
        created: file_time(row.get(8)?),
        modified: file_time(row.get(9)?),
        hierarchy_changed: file_time(row.get(10)?),
        hierarchy_changes: row.get(11)?,
        contents_changed: file_time(row.get(12)?),
        deleted_count: row.get(13)?,
        properties: Properties::decode(&properties)?,
    })
}

//! Permissions on folders ([MS-OXCPERM]).

use rusqlite::{OptionalExtension as _, Row, params};

use crate::database::{Change, View};
use crate::error::{Error, Result};
use crate::id::{MailboxId, ObjectId};
use crate::member::{Member, Permission};

/// The `PidTagMemberId` of all users who are not listed ([MS-OXCPERM] 2.2.5).
const DEFAULT: i64 = 0;
/// The `PidTagMemberId` of users who did not authenticate.
const ANONYMOUS: i64 = -1;

const COLUMNS: &str = "SELECT member, user, rights FROM permission WHERE mailbox = ? AND folder = ?";

impl View<'_> {
    /// The permissions on a folder, in the order of their ids.
    ///
    /// # Errors
    /// If the database fails.
    pub fn permissions(&self, mailbox: MailboxId, folder: ObjectId) -> Result<Vec<Permission>> {
        let mut statement = self.transaction.prepare_cached(&format!("{COLUMNS} ORDER BY member"))?;
        let rows = statement.query_map(params![mailbox, folder], from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Change<'_> {
    /// Sets the rights of `member` on a folder, and returns the id of the permission.
    ///
    /// # Errors
    /// If the folder does not exist.
    pub fn set_permission(
        &self,
        mailbox: MailboxId,
        folder: ObjectId,
        member: &Member,
        rights: u32,
    ) -> Result<i64> {
        self.folder(mailbox, folder)?;
        let (id, user) = match member {
            Member::Default => (DEFAULT, None),
            Member::Anonymous => (ANONYMOUS, None),
            Member::User(user) => (self.member_id(mailbox, folder, user)?, Some(user)),
        };
        self.transaction
            .prepare_cached(
                "INSERT INTO permission (mailbox, folder, member, user, rights) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (mailbox, folder, member) DO UPDATE SET rights = ?5",
            )?
            .execute(params![mailbox, folder, id, user, rights])?;
        self.events.folder_modified(mailbox, folder, false);
        Ok(id)
    }

    /// Removes the permission with the id `id` from a folder.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn remove_permission(&self, mailbox: MailboxId, folder: ObjectId, id: i64) -> Result<()> {
        let removed = self
            .transaction
            .prepare_cached("DELETE FROM permission WHERE mailbox = ? AND folder = ? AND member = ?")?
            .execute(params![mailbox, folder, id])?;
        if removed == 0 {
            return Err(Error::NotFound("the permission"));
        }
        self.events.folder_modified(mailbox, folder, false);
        Ok(())
    }

    /// The id of the permission of `user` on a folder, or the next free one.
    fn member_id(&self, mailbox: MailboxId, folder: ObjectId, user: &str) -> Result<i64> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT member FROM permission WHERE mailbox = ? AND folder = ? AND user = ?")?;
        let known: Option<i64> =
            statement.query_row(params![mailbox, folder, user], |row| row.get(0)).optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
        let mut statement = self.transaction.prepare_cached(
            "SELECT coalesce(max(member), 0) FROM permission WHERE mailbox = ? AND folder = ?",
        )?;
        let last: i64 = statement.query_row(params![mailbox, folder], |row| row.get(0))?;
        Ok(last.max(DEFAULT).saturating_add(1))
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Permission> {
    let (id, user): (i64, Option<String>) = (row.get(0)?, row.get(1)?);
    let member = match (id, user) {
        (_, Some(user)) => Member::User(user),
        (ANONYMOUS, None) => Member::Anonymous,
        (_, None) => Member::Default,
    };
    Ok(Permission { id, member, rights: row.get(2)? })
}

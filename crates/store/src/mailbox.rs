//! Mailboxes, their counters and their replicas.

use mapi::data::GlobalCounter;
use rusqlite::{OptionalExtension as _, Row, named_params, params};
use wire::Guid;

use crate::database::{Change, View};
use crate::error::{Error, Result};
use crate::id::{MailboxId, OWN_REPLICA, ObjectId};
use crate::properties::Properties;

/// The first counter that a mailbox assigns.
const FIRST_COUNTER: i64 = 1;
/// The largest number of replicas that a mailbox has numbers for.
const REPLICAS_MAX: u64 = 4096;

/// What a mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailboxKind {
    /// A user's mailbox.
    Private,
    /// The public folders.
    Public,
}

/// A mailbox, or the public folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its key.
    pub id: MailboxId,
    /// `MailboxGuid`, by which protocols name it.
    pub guid: Guid,
    /// The GUID of its own replica, which distinguishes its ids and changes from those of others.
    pub replica: Guid,
    /// What it is.
    pub kind: MailboxKind,
    /// Whose it is: a name that is unique in the store, for example an alias in the directory.
    pub owner: String,
}

/// A mailbox to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMailbox {
    /// `MailboxGuid`.
    pub guid: Guid,
    /// The GUID of its own replica.
    pub replica: Guid,
    /// What it is.
    pub kind: MailboxKind,
    /// Whose it is.
    pub owner: String,
}

const COLUMNS: &str = "SELECT id, guid, replica, kind, owner FROM mailbox";

impl View<'_> {
    /// The mailbox of `owner`.
    ///
    /// # Errors
    /// If the database fails.
    pub fn mailbox_of(&self, owner: &str) -> Result<Option<Mailbox>> {
        let mut statement = self.transaction.prepare_cached(&format!("{COLUMNS} WHERE owner = ?"))?;
        Ok(statement.query_row([owner], from_row).optional()?)
    }

    /// The mailbox with the `MailboxGuid` `guid`.
    ///
    /// # Errors
    /// If the database fails.
    pub fn mailbox_by_guid(&self, guid: Guid) -> Result<Option<Mailbox>> {
        let mut statement = self.transaction.prepare_cached(&format!("{COLUMNS} WHERE guid = ?"))?;
        Ok(statement.query_row([guid.to_le()], from_row).optional()?)
    }

    /// The mailbox with the key `id`.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn mailbox(&self, id: MailboxId) -> Result<Mailbox> {
        let mut statement = self.transaction.prepare_cached(&format!("{COLUMNS} WHERE id = ?"))?;
        statement.query_row([id], from_row).optional()?.ok_or(Error::NotFound("the mailbox"))
    }

    /// All mailboxes, in the order in which they were created.
    ///
    /// # Errors
    /// If the database fails.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>> {
        let mut statement = self.transaction.prepare_cached(&format!("{COLUMNS} ORDER BY id"))?;
        let rows = statement.query_map([], from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The properties of the mailbox itself ([MS-OXCSTOR] 2.2.2.1).
    ///
    /// # Errors
    /// If the mailbox does not exist.
    pub fn mailbox_properties(&self, mailbox: MailboxId) -> Result<Properties> {
        let mut statement = self.transaction.prepare_cached("SELECT properties FROM mailbox WHERE id = ?")?;
        let bytes: Option<Vec<u8>> = statement.query_row([mailbox], |row| row.get(0)).optional()?;
        Properties::decode(&bytes.ok_or(Error::NotFound("the mailbox"))?)
    }

    /// The GUID of the replica that the mailbox numbers `number`.
    ///
    /// # Errors
    /// If the database fails.
    pub fn replica_guid(&self, mailbox: MailboxId, number: u16) -> Result<Option<Guid>> {
        let mut statement =
            self.transaction.prepare_cached("SELECT guid FROM replica WHERE mailbox = ? AND number = ?")?;
        let guid: Option<[u8; 16]> =
            statement.query_row(params![mailbox, number], |row| row.get(0)).optional()?;
        Ok(guid.map(Guid::from_le))
    }

    /// The number of the replica `guid` in the mailbox, if it has one.
    ///
    /// # Errors
    /// If the database fails.
    pub fn replica_number(&self, mailbox: MailboxId, guid: Guid) -> Result<Option<u16>> {
        let mut statement =
            self.transaction.prepare_cached("SELECT number FROM replica WHERE mailbox = ? AND guid = ?")?;
        Ok(statement.query_row(params![mailbox, guid.to_le()], |row| row.get(0)).optional()?)
    }
}

impl Change<'_> {
    /// Creates a mailbox without folders.
    ///
    /// # Errors
    /// If there is one with this owner, `guid` or `replica`.
    pub fn create_mailbox(&self, new: &NewMailbox) -> Result<Mailbox> {
        let kind = match new.kind {
            MailboxKind::Private => 0,
            MailboxKind::Public => 1,
        };
        let inserted = self.transaction.execute(
            "INSERT OR IGNORE INTO mailbox (guid, replica, kind, owner, next_counter, properties)
             VALUES (:guid, :replica, :kind, :owner, :next, x'')",
            named_params! {
                ":guid": new.guid.to_le(), ":replica": new.replica.to_le(), ":kind": kind, ":owner": new.owner,
                ":next": FIRST_COUNTER,
            },
        )?;
        if inserted == 0 {
            return Err(Error::Exists("a mailbox of this owner or GUID"));
        }
        let id = MailboxId(self.transaction.last_insert_rowid());
        self.transaction.execute(
            "INSERT INTO replica (mailbox, number, guid) VALUES (?, ?, ?)",
            params![id, OWN_REPLICA, new.replica.to_le()],
        )?;
        self.mailbox(id)
    }

    /// Replaces the properties of the mailbox itself.
    ///
    /// # Errors
    /// If the mailbox does not exist.
    pub fn set_mailbox_properties(&self, mailbox: MailboxId, properties: &Properties) -> Result<()> {
        let mut statement =
            self.transaction.prepare_cached("UPDATE mailbox SET properties = ? WHERE id = ?")?;
        match statement.execute(params![properties.encode()?, mailbox])? {
            0 => Err(Error::NotFound("the mailbox")),
            _ => Ok(()),
        }
    }

    /// A new id, for a folder, a message or a change.
    pub(crate) fn next_id(&self, mailbox: MailboxId) -> Result<ObjectId> {
        self.reserve_ids(mailbox, 1)
    }

    /// Reserves `count` consecutive ids for a client, and returns the first ([MS-OXCFXICS] 2.2.3.2.4.7,
    /// `RopGetLocalReplicaIds`).
    ///
    /// # Errors
    /// If the mailbox does not exist, or has too few ids left.
    pub fn reserve_ids(&self, mailbox: MailboxId, count: u32) -> Result<ObjectId> {
        let mut statement = self.transaction.prepare_cached(
            "UPDATE mailbox SET next_counter = next_counter + :count
             WHERE id = :id RETURNING next_counter - :count",
        )?;
        let first: Option<i64> = statement
            .query_row(named_params! { ":id": mailbox, ":count": count }, |row| row.get(0))
            .optional()?;
        let first = first.ok_or(Error::NotFound("the mailbox"))?;
        let first = u64::try_from(first).unwrap_or(u64::MAX);
        if first.saturating_add(count.into()) > GlobalCounter::MAX {
            return Err(Error::Limit { what: "ids of a mailbox", limit: GlobalCounter::MAX });
        }
        Ok(ObjectId::own(first))
    }

    /// The number of the replica `guid` in the mailbox. A replica without a number gets one.
    ///
    /// # Errors
    /// If the mailbox does not exist, or has too many replicas.
    pub fn number_replica(&self, mailbox: MailboxId, guid: Guid) -> Result<u16> {
        if let Some(number) = self.replica_number(mailbox, guid)? {
            return Ok(number);
        }
        let last: Option<u16> = self.transaction.query_row(
            "SELECT max(number) FROM replica WHERE mailbox = ?",
            [mailbox],
            |row| row.get(0),
        )?;
        let number = last.ok_or(Error::NotFound("the mailbox"))?.saturating_add(1);
        if u64::from(number) > REPLICAS_MAX {
            return Err(Error::Limit { what: "replicas of a mailbox", limit: REPLICAS_MAX });
        }
        self.transaction.execute(
            "INSERT INTO replica (mailbox, number, guid) VALUES (?, ?, ?)",
            params![mailbox, number, guid.to_le()],
        )?;
        Ok(number)
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Mailbox> {
    Ok(Mailbox {
        id: row.get(0)?,
        guid: Guid::from_le(row.get(1)?),
        replica: Guid::from_le(row.get(2)?),
        kind: if row.get::<_, i64>(3)? == 0 { MailboxKind::Private } else { MailboxKind::Public },
        owner: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use wire::FileTime;

    use super::*;
    use crate::Store;

    #[test]
    fn a_mailbox_assigns_ids_of_48_bits_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).unwrap();
        let (guid, replica) = (Guid::from_le([1; 16]), Guid::from_le([2; 16]));
        let new = NewMailbox { guid, replica, kind: MailboxKind::Public, owner: "public".to_owned() };
        store
            .write(FileTime(0), |change| {
                let id = change.create_mailbox(&new)?.id;
                let last = i64::try_from(GlobalCounter::MAX).unwrap() - 11;
                change.transaction.execute("UPDATE mailbox SET next_counter = ?", [last])?;
                change.reserve_ids(id, 10)?;
                assert!(matches!(change.reserve_ids(id, 10), Err(Error::Limit { .. })));
                Ok::<_, Error>(())
            })
            .unwrap();
    }
}

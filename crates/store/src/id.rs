//! Ids of mailboxes, folders, messages and changes.

use mapi::data::{ChangeNumber, FolderId, GlobalCounter, MessageId};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// The number of a mailbox's own replica in all its ids ([MS-OXCSTOR] 2.2.1.1.3, `ReplId`).
pub const OWN_REPLICA: u16 = 1;

/// The key of a mailbox in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxId(pub(crate) i64);

impl ToSql for MailboxId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0))
    }
}

impl FromSql for MailboxId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

/// The id of a folder, a message or a change within a mailbox: a replica's number and its counter ([MS-OXCDATA] 2.2.1).
///
/// Ids are ordered by replica, then by counter. In the database an id is an integer with the replica in its highest 16
/// bits, so that the order there is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    replica: u16,
    counter: u64,
}

impl ObjectId {
    /// The id with `counter` of the mailbox's own replica. Counters have 48 bits; the highest 16 bits are ignored.
    pub const fn own(counter: u64) -> Self {
        Self { replica: OWN_REPLICA, counter: counter & GlobalCounter::MAX }
    }

    /// The id with `counter` of the replica with the number `replica`.
    pub const fn new(replica: u16, counter: GlobalCounter) -> Self {
        Self { replica, counter: counter.value() }
    }

    /// The number of the replica that assigned the id, as the mailbox numbers replicas.
    pub const fn replica(self) -> u16 {
        self.replica
    }

    /// The counter.
    pub fn counter(self) -> GlobalCounter {
        GlobalCounter::new(self.counter).unwrap_or_default()
    }

    /// The id of a folder in protocols.
    pub fn folder_id(self) -> FolderId {
        FolderId::new(self.replica, self.counter())
    }

    /// The id of a message in protocols.
    pub fn message_id(self) -> MessageId {
        MessageId::new(self.replica, self.counter())
    }

    /// The change number in protocols.
    pub fn change_number(self) -> ChangeNumber {
        ChangeNumber::new(self.replica, self.counter())
    }

    const fn to_integer(self) -> i64 {
        let [high, low] = self.replica.to_be_bytes();
        let [_, _, a, b, c, d, e, f] = self.counter.to_be_bytes();
        i64::from_be_bytes([high, low, a, b, c, d, e, f])
    }

    const fn from_integer(value: i64) -> Self {
        let [high, low, a, b, c, d, e, f] = value.to_be_bytes();
        Self {
            replica: u16::from_be_bytes([high, low]),
            counter: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
        }
    }
}

impl From<FolderId> for ObjectId {
    fn from(id: FolderId) -> Self {
        Self::new(id.repl_id(), id.global_counter())
    }
}

impl From<MessageId> for ObjectId {
    fn from(id: MessageId) -> Self {
        Self::new(id.repl_id(), id.global_counter())
    }
}

impl From<ChangeNumber> for ObjectId {
    fn from(id: ChangeNumber) -> Self {
        Self::new(id.repl_id(), id.global_counter())
    }
}

impl ToSql for ObjectId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.to_integer()))
    }
}

impl FromSql for ObjectId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self::from_integer).map_err(|_| FromSqlError::InvalidType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_order_and_value_in_the_database_and_in_protocols() {
        let ids =
            [ObjectId::own(1), ObjectId::own(0xFFFF_FFFF_FFFF), ObjectId::new(2, GlobalCounter::default())];
        assert!(ids.is_sorted());
        assert!(ids.map(ObjectId::to_integer).is_sorted());
        for id in ids {
            assert_eq!(ObjectId::from_integer(id.to_integer()), id);
            assert_eq!([ObjectId::from(id.folder_id()), ObjectId::from(id.message_id())], [id; 2]);
            assert_eq!(ObjectId::from(id.change_number()), id);
        }
        assert_eq!(ObjectId::own(0x0102).to_integer(), 0x0001_0000_0000_0102);
    }
}

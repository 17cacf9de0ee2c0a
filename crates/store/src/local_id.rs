//! Ids that clients assign to objects which they create in their copy of a mailbox ([MS-OXCFXICS] 3.3.5.2.1).
//!
//! The mailbox reserves ranges of ids for a user. An id that was assigned, or will not be, is removed from its range
//! for good. So no deleted object can be created again: its id is in no range.

use rusqlite::{OptionalExtension as _, named_params, params};

use crate::database::{Change, View};
use crate::error::Result;
use crate::id::{MailboxId, ObjectId};

impl View<'_> {
    /// Whether `id` is reserved for `user`, and not assigned to an object.
    ///
    /// # Errors
    /// If the database fails.
    pub fn is_local_id(&self, mailbox: MailboxId, user: &str, id: ObjectId) -> Result<bool> {
        Ok(self.local_range(mailbox, user, id)?.is_some())
    }

    /// The range of ids reserved for `user` that has `id`.
    fn local_range(
        &self,
        mailbox: MailboxId,
        user: &str,
        id: ObjectId,
    ) -> Result<Option<(ObjectId, ObjectId)>> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT first, last FROM local_id WHERE mailbox = ? AND user = ? AND first <= ?
             ORDER BY first DESC LIMIT 1",
        )?;
        let range: Option<(ObjectId, ObjectId)> = statement
            .query_row(params![mailbox, user, id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(range.filter(|(_, last)| *last >= id))
    }
}

impl Change<'_> {
    /// Reserves `count` consecutive ids, which clients of `user` may assign, and returns the first ([MS-OXCFXICS]
    /// 2.2.3.2.4.7, `RopGetLocalReplicaIds`).
    ///
    /// # Errors
    /// If the mailbox does not exist, or has too few ids left.
    pub fn reserve_local_ids(&self, mailbox: MailboxId, user: &str, count: u32) -> Result<ObjectId> {
        let first = self.reserve_ids(mailbox, count)?;
        if count > 0 {
            let last = first.counter().value().saturating_add(u64::from(count).saturating_sub(1));
            self.insert_local_ids(mailbox, user, (first, ObjectId::own(last)))?;
        }
        Ok(first)
    }

    /// Assigns `id` to an object, if it is reserved for `user`. Returns whether it was.
    ///
    /// # Errors
    /// If the database fails.
    pub fn assign_local_id(&self, mailbox: MailboxId, user: &str, id: ObjectId) -> Result<bool> {
        match self.local_range(mailbox, user, id)? {
            Some(range) => self.cut(mailbox, user, range, (id, id)).map(|()| true),
            None => Ok(false),
        }
    }

    /// Ends the reservation of the ids from `first` to `last` that are reserved for `user`.
    ///
    /// # Errors
    /// If the database fails.
    pub fn release_local_ids(
        &self,
        mailbox: MailboxId,
        user: &str,
        (first, last): (ObjectId, ObjectId),
    ) -> Result<()> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT first, last FROM local_id
             WHERE mailbox = :mailbox AND user = :user AND first <= :last AND last >= :first",
        )?;
        let parameters = named_params! { ":mailbox": mailbox, ":user": user, ":first": first, ":last": last };
        let ranges: Vec<(ObjectId, ObjectId)> = statement
            .query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        ranges.into_iter().try_for_each(|range| self.cut(mailbox, user, range, (first, last)))
    }

    /// Removes the ids from `first` to `last` from a range.
    fn cut(
        &self,
        mailbox: MailboxId,
        user: &str,
        range: (ObjectId, ObjectId),
        (first, last): (ObjectId, ObjectId),
    ) -> Result<()> {
        self.transaction
            .prepare_cached("DELETE FROM local_id WHERE mailbox = ? AND first = ?")?
            .execute(params![mailbox, range.0])?;
        if range.0 < first {
            let before = ObjectId::own(first.counter().value().saturating_sub(1));
            self.insert_local_ids(mailbox, user, (range.0, before))?;
        }
        if range.1 > last {
            let after = ObjectId::own(last.counter().value().saturating_add(1));
            self.insert_local_ids(mailbox, user, (after, range.1))?;
        }
        Ok(())
    }

    fn insert_local_ids(
        &self,
        mailbox: MailboxId,
        user: &str,
        (first, last): (ObjectId, ObjectId),
    ) -> Result<()> {
        self.transaction
            .prepare_cached("INSERT INTO local_id (mailbox, first, last, user) VALUES (?, ?, ?, ?)")?
            .execute(params![mailbox, first, last, user])?;
        Ok(())
    }
}

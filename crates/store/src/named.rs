//! Named properties of a mailbox ([MS-OXCPRPT] 3.2.5.9, 3.2.5.10).

use mapi::data::PropertyName;
use mapi::property::names::set;
use rusqlite::{OptionalExtension as _, params};
use wire::{Decode as _, Encode as _, Utf16};

use crate::database::{Change, View};
use crate::error::{Error, Result};
use crate::id::MailboxId;

/// The lowest id of a named property ([MS-OXCPRPT] 3.2.5.10).
const FIRST: u16 = 0x8001;
/// The highest id of a named property.
const LAST: u16 = 0xFFFE;

impl View<'_> {
    /// The id of the property `name` in the mailbox, if it has one.
    ///
    /// # Errors
    /// If the database fails.
    pub fn named_property(&self, mailbox: MailboxId, name: &PropertyName) -> Result<Option<u16>> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT id FROM named_property WHERE mailbox = ? AND name = ?")?;
        Ok(statement.query_row(params![mailbox, key(name)?], |row| row.get(0)).optional()?)
    }

    /// The name of the property with the id `id` in the mailbox.
    ///
    /// # Errors
    /// If the database fails.
    pub fn property_name(&self, mailbox: MailboxId, id: u16) -> Result<Option<PropertyName>> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT name FROM named_property WHERE mailbox = ? AND id = ?")?;
        let name: Option<Vec<u8>> = statement.query_row(params![mailbox, id], |row| row.get(0)).optional()?;
        Ok(name.map(|bytes| PropertyName::from_bytes(&bytes)).transpose()?)
    }

    /// All named properties of the mailbox with their ids, in the order of the ids.
    ///
    /// # Errors
    /// If the database fails.
    pub fn named_properties(&self, mailbox: MailboxId) -> Result<Vec<(u16, PropertyName)>> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT id, name FROM named_property WHERE mailbox = ? ORDER BY id")?;
        let mut rows = statement.query([mailbox])?;
        let mut properties = Vec::new();
        while let Some(row) = rows.next()? {
            let name: Vec<u8> = row.get(1)?;
            properties.push((row.get(0)?, PropertyName::from_bytes(&name)?));
        }
        Ok(properties)
    }
}

impl Change<'_> {
    /// The id of the property `name` in the mailbox. A name without an id gets one.
    ///
    /// # Errors
    /// If the mailbox does not exist, or all ids are assigned.
    pub fn assign_named_property(&self, mailbox: MailboxId, name: &PropertyName) -> Result<u16> {
        if let Some(id) = self.named_property(mailbox, name)? {
            return Ok(id);
        }
        let last: Option<u16> = self.transaction.query_row(
            "SELECT max(id) FROM named_property WHERE mailbox = ?",
            [mailbox],
            |row| row.get(0),
        )?;
        let id = last.map_or(FIRST, |last| last.saturating_add(1));
        if id > LAST {
            let limit = u64::from(LAST - FIRST).saturating_add(1);
            return Err(Error::Limit { what: "named properties of a mailbox", limit });
        }
        self.transaction
            .prepare_cached("INSERT INTO named_property (mailbox, id, name) VALUES (?, ?, ?)")?
            .execute(params![mailbox, id, key(name)?])?;
        Ok(id)
    }
}

/// The bytes by which a name is kept and found. Names in `PS_INTERNET_HEADERS` are in lower case
/// ([MS-OXCPRPT] 3.2.5.10), all others as the client spells them.
fn key(name: &PropertyName) -> Result<Vec<u8>> {
    let lower = match name {
        PropertyName::Name { guid, name } if *guid == set::PS_INTERNET_HEADERS => {
            let name = Utf16::new(&name.to_string_lossy().to_lowercase());
            Some(PropertyName::Name { guid: *guid, name })
        }
        _ => None,
    };
    Ok(lower.as_ref().unwrap_or(name).to_bytes()?)
}

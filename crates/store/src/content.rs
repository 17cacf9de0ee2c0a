//! What messages contain: properties, recipients and attachments, which may be messages themselves.
//!
//! Embedded messages have a row of `content` as messages do, and are reached from the attachment. A large value is kept
//! apart from its object, so that listing messages does not read it.

use std::collections::BTreeMap;

use mapi::property::{PropTag, PropertyValue};
use rusqlite::{OptionalExtension as _, params};
use wire::{Reader, Writer};

use crate::database::{Change, View};
use crate::error::{Error, Result};
use crate::properties::{self, Properties};

/// How many messages can be embedded in one another.
const DEPTH_MAX: u32 = 64;
/// How many attachments a message can have.
const ATTACHMENTS_MAX: u32 = 1 << 16;
/// In place of an attachment's number: the large value belongs to the message itself.
const OF_THE_MESSAGE: i64 = -1;

/// The key of what a message or an embedded message contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub(crate) i64);

/// The object of a content that a property belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueSource {
    /// The message itself.
    Message,
    /// Its attachment with this number (`PidTagAttachNumber`).
    Attachment(u32),
}

impl ValueSource {
    fn key(self) -> i64 {
        match self {
            Self::Message => OF_THE_MESSAGE,
            Self::Attachment(number) => i64::from(number),
        }
    }
}

/// What a message contains. Large values are only named here; [`View::value`] reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Its key.
    pub id: ContentId,
    /// The properties, without the large ones.
    pub properties: Properties,
    /// The tags of the large properties, and how many bytes their values have.
    pub large: BTreeMap<PropTag, u64>,
    /// The recipients, in the order of their row ids.
    pub recipients: Vec<Recipient>,
    /// The attachments, in the order of their numbers.
    pub attachments: Vec<Attachment>,
}

/// A recipient of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    /// `PidTagRowid`, unique within the message.
    pub row: u32,
    /// The properties, of which `PidTagRecipientType` is one.
    pub properties: Properties,
}

/// An attachment of a message. Large values are only named here, as in [`Content`].
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// `PidTagAttachNumber`, unique within the message and not used again after the attachment was deleted.
    pub number: u32,
    /// The properties, without the large ones.
    pub properties: Properties,
    /// The tags of the large properties, and how many bytes their values have.
    pub large: BTreeMap<PropTag, u64>,
    /// The message that the attachment is, if it is one.
    pub embedded: Option<ContentId>,
}

/// A change of what a message contains. What it does not mention stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContentEdit {
    /// Properties that are set.
    pub set: Properties,
    /// Properties that are removed. Their types do not matter.
    pub removed: Vec<PropTag>,
    /// The recipients from now on, if they change.
    pub recipients: Option<Vec<Recipient>>,
    /// Attachments that are created or changed, by number.
    pub attachments: BTreeMap<u32, AttachmentEdit>,
    /// Attachments that are deleted.
    pub removed_attachments: Vec<u32>,
}

/// A change of an attachment, which is created if it does not exist.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttachmentEdit {
    /// Properties that are set.
    pub set: Properties,
    /// Properties that are removed.
    pub removed: Vec<PropTag>,
    /// The change of the message that the attachment is. An attachment that is not a message becomes one.
    pub embedded: Option<Box<ContentEdit>>,
}

impl View<'_> {
    /// What the message or embedded message `id` contains.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn content(&self, id: ContentId) -> Result<Content> {
        let mut statement =
            self.transaction.prepare_cached("SELECT properties, recipients FROM content WHERE id = ?")?;
        let row: Option<(Vec<u8>, Vec<u8>)> =
            statement.query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (properties, recipients) = row.ok_or(Error::NotFound("the message"))?;
        let mut large = self.large_values(id)?;
        Ok(Content {
            id,
            properties: Properties::decode(&properties)?,
            large: large.remove(&OF_THE_MESSAGE).unwrap_or_default(),
            recipients: decode_recipients(&recipients)?,
            attachments: self.attachments(id, large)?,
        })
    }

    /// The properties of a message without the large ones, and nothing else of what it contains.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn small_properties(&self, id: ContentId) -> Result<Properties> {
        let mut statement = self.transaction.prepare_cached("SELECT properties FROM content WHERE id = ?")?;
        let bytes: Option<Vec<u8>> = statement.query_row([id.0], |row| row.get(0)).optional()?;
        Properties::decode(&bytes.ok_or(Error::NotFound("the message"))?)
    }

    /// The value of a property of a content, whether it is large or not.
    ///
    /// # Errors
    /// If the content or the attachment does not exist.
    pub fn value(&self, id: ContentId, of: ValueSource, tag: PropTag) -> Result<Option<PropertyValue>> {
        let properties = match of {
            ValueSource::Message => self.small_properties(id)?,
            ValueSource::Attachment(number) => self.attachment_properties(id, number)?,
        };
        if let Some(value) = properties.get(tag) {
            return Ok(Some(value.clone()));
        }
        let mut statement = self.transaction.prepare_cached(
            "SELECT tag, value FROM large_value WHERE content = ? AND attachment = ? AND tag BETWEEN ? AND ?",
        )?;
        let (low, high) = tags_with_id(tag);
        let row: Option<(u32, Vec<u8>)> = statement
            .query_row(params![id.0, of.key(), low, high], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        row.map(|(tag, bytes)| properties::from_bytes(PropTag(tag).prop_type(), bytes)).transpose()
    }

    /// At most `count` bytes of a large value from `offset` on, and how many bytes the whole value has: the bytes of
    /// binary data, UTF-16 without a terminator, or the encoding of a list. `None` if there is no such value.
    ///
    /// # Errors
    /// If the database fails.
    pub fn value_part(
        &self,
        id: ContentId,
        of: ValueSource,
        tag: PropTag,
        (offset, count): (u64, u64),
    ) -> Result<Option<(Vec<u8>, u64)>> {
        let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut statement = self.transaction.prepare_cached(
            "SELECT substr(value, ?, ?), length(value) FROM large_value
             WHERE content = ? AND attachment = ? AND tag = ?",
        )?;
        let first = integer(offset).saturating_add(1);
        let row: Option<(Vec<u8>, i64)> = statement
            .query_row(params![first, integer(count), id.0, of.key(), tag.0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(row.map(|(part, length)| (part, u64::try_from(length).unwrap_or_default())))
    }

    fn attachment_properties(&self, id: ContentId, number: u32) -> Result<Properties> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT properties FROM attachment WHERE content = ? AND number = ?")?;
        let bytes: Option<Vec<u8>> =
            statement.query_row(params![id.0, number], |row| row.get(0)).optional()?;
        Properties::decode(&bytes.ok_or(Error::NotFound("the attachment"))?)
    }

    fn attachments(
        &self,
        id: ContentId,
        mut large: BTreeMap<i64, BTreeMap<PropTag, u64>>,
    ) -> Result<Vec<Attachment>> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT number, properties, embedded FROM attachment WHERE content = ? ORDER BY number",
        )?;
        let mut rows = statement.query([id.0])?;
        let mut attachments = Vec::new();
        while let Some(row) = rows.next()? {
            let (number, properties): (u32, Vec<u8>) = (row.get(0)?, row.get(1)?);
            attachments.push(Attachment {
                number,
                properties: Properties::decode(&properties)?,
                large: large.remove(&i64::from(number)).unwrap_or_default(),
                embedded: row.get::<_, Option<i64>>(2)?.map(ContentId),
            });
        }
        Ok(attachments)
    }

    /// The sizes of the large values of a content, by attachment and tag.
    fn large_values(&self, id: ContentId) -> Result<BTreeMap<i64, BTreeMap<PropTag, u64>>> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT attachment, tag, length(value) FROM large_value WHERE content = ?")?;
        let mut rows = statement.query([id.0])?;
        let mut large: BTreeMap<i64, BTreeMap<PropTag, u64>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let size: i64 = row.get(2)?;
            let of = large.entry(row.get(0)?).or_default();
            of.insert(PropTag(row.get(1)?), u64::try_from(size).unwrap_or_default());
        }
        Ok(large)
    }

    /// How many bytes a content has in the database, with its attachments and what they embed.
    ///
    /// # Errors
    /// If the database fails.
    pub fn content_size(&self, id: ContentId) -> Result<u64> {
        let mut statement = self.transaction.prepare_cached(
            "WITH RECURSIVE part (id) AS (
                 SELECT ?1
                 UNION
                 SELECT embedded FROM attachment, part WHERE content = part.id AND embedded IS NOT NULL
             )
             SELECT coalesce((SELECT sum(length(properties) + length(recipients)) FROM content, part
                              WHERE content.id = part.id), 0)
                  + coalesce((SELECT sum(length(properties)) FROM attachment, part
                              WHERE content = part.id), 0)
                  + coalesce((SELECT sum(length(value)) FROM large_value, part WHERE content = part.id), 0)",
        )?;
        let size: i64 = statement.query_row([id.0], |row| row.get(0))?;
        Ok(u64::try_from(size).unwrap_or_default())
    }
}

impl Change<'_> {
    pub(crate) fn create_content(&self, edit: &ContentEdit) -> Result<ContentId> {
        self.create_content_at(edit, 0)
    }

    fn create_content_at(&self, edit: &ContentEdit, depth: u32) -> Result<ContentId> {
        self.transaction
            .prepare_cached("INSERT INTO content (properties, recipients) VALUES (x'', x'')")?
            .execute([])?;
        let id = ContentId(self.transaction.last_insert_rowid());
        self.edit_content_at(id, edit, depth)?;
        Ok(id)
    }

    pub(crate) fn edit_content(&self, id: ContentId, edit: &ContentEdit) -> Result<()> {
        self.edit_content_at(id, edit, 0)
    }

    fn edit_content_at(&self, id: ContentId, edit: &ContentEdit, depth: u32) -> Result<()> {
        if depth > DEPTH_MAX {
            return Err(Error::Limit { what: "depth of embedded messages", limit: DEPTH_MAX.into() });
        }
        let mut properties = self.small_properties(id)?;
        self.apply(id, ValueSource::Message, &mut properties, &edit.set, &edit.removed)?;
        self.transaction
            .prepare_cached("UPDATE content SET properties = ? WHERE id = ?")?
            .execute(params![properties.encode()?, id.0])?;
        if let Some(recipients) = &edit.recipients {
            self.transaction
                .prepare_cached("UPDATE content SET recipients = ? WHERE id = ?")?
                .execute(params![encode_recipients(recipients)?, id.0])?;
        }
        for number in &edit.removed_attachments {
            self.delete_attachment(id, *number)?;
        }
        edit.attachments
            .iter()
            .try_for_each(|(number, attachment)| self.edit_attachment(id, *number, attachment, depth))
    }

    fn edit_attachment(&self, id: ContentId, number: u32, edit: &AttachmentEdit, depth: u32) -> Result<()> {
        if number >= ATTACHMENTS_MAX {
            return Err(Error::Limit { what: "attachments of a message", limit: ATTACHMENTS_MAX.into() });
        }
        self.transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO attachment (content, number, properties) VALUES (?, ?, x'')",
            )?
            .execute(params![id.0, number])?;
        let mut properties = self.attachment_properties(id, number)?;
        self.apply(id, ValueSource::Attachment(number), &mut properties, &edit.set, &edit.removed)?;
        self.transaction
            .prepare_cached("UPDATE attachment SET properties = ? WHERE content = ? AND number = ?")?
            .execute(params![properties.encode()?, id.0, number])?;
        let Some(embedded) = &edit.embedded else { return Ok(()) };
        let depth = depth.saturating_add(1);
        if let Some(message) = self.embedded(id, number)? {
            return self.edit_content_at(message, embedded, depth);
        }
        let message = self.create_content_at(embedded, depth)?;
        self.transaction
            .prepare_cached("UPDATE attachment SET embedded = ? WHERE content = ? AND number = ?")?
            .execute(params![message.0, id.0, number])?;
        Ok(())
    }

    /// Sets and removes properties of an object. Large values go to their own rows.
    fn apply(
        &self,
        id: ContentId,
        of: ValueSource,
        properties: &mut Properties,
        set: &Properties,
        removed: &[PropTag],
    ) -> Result<()> {
        for tag in removed.iter().copied().chain(set.iter().map(|(tag, _)| tag)) {
            properties.remove(tag);
            let (low, high) = tags_with_id(tag);
            self.transaction
                .prepare_cached(
                    "DELETE FROM large_value WHERE content = ? AND attachment = ? AND tag BETWEEN ? AND ?",
                )?
                .execute(params![id.0, of.key(), low, high])?;
        }
        for (tag, value) in set.iter() {
            if properties::is_large(value) {
                self.transaction
                    .prepare_cached(
                        "INSERT INTO large_value (content, attachment, tag, value) VALUES (?, ?, ?, ?)",
                    )?
                    .execute(params![id.0, of.key(), tag.0, properties::to_bytes(value)?])?;
            } else {
                properties.set(tag, value.clone());
            }
        }
        Ok(())
    }

    fn embedded(&self, id: ContentId, number: u32) -> Result<Option<ContentId>> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT embedded FROM attachment WHERE content = ? AND number = ?")?;
        let embedded: Option<Option<i64>> =
            statement.query_row(params![id.0, number], |row| row.get(0)).optional()?;
        Ok(embedded.flatten().map(ContentId))
    }

    fn delete_attachment(&self, id: ContentId, number: u32) -> Result<()> {
        let embedded = self.embedded(id, number)?;
        let rows = self
            .transaction
            .prepare_cached("DELETE FROM attachment WHERE content = ? AND number = ?")?
            .execute(params![id.0, number])?;
        if rows == 0 {
            return Err(Error::NotFound("the attachment"));
        }
        self.transaction
            .prepare_cached("DELETE FROM large_value WHERE content = ? AND attachment = ?")?
            .execute(params![id.0, number])?;
        embedded.map_or(Ok(()), |message| self.delete_content(message))
    }

    /// Deletes a content with its attachments and what they embed.
    pub(crate) fn delete_content(&self, id: ContentId) -> Result<()> {
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            let attachments = self.attachments(id, BTreeMap::new())?;
            pending.extend(attachments.iter().filter_map(|attachment| attachment.embedded));
            // Its attachments and large values are deleted with it.
            self.transaction.prepare_cached("DELETE FROM content WHERE id = ?")?.execute([id.0])?;
        }
        Ok(())
    }

    /// Copies a content with its attachments and what they embed.
    pub(crate) fn copy_content(&self, id: ContentId) -> Result<ContentId> {
        self.transaction
            .prepare_cached("INSERT INTO content (properties, recipients) SELECT properties, recipients FROM content WHERE id = ?")?
            .execute([id.0])?;
        let copy = ContentId(self.transaction.last_insert_rowid());
        self.transaction
            .prepare_cached(
                "INSERT INTO large_value (content, attachment, tag, value)
                 SELECT ?, attachment, tag, value FROM large_value WHERE content = ?",
            )?
            .execute(params![copy.0, id.0])?;
        for attachment in self.attachments(id, BTreeMap::new())? {
            let embedded = attachment.embedded.map(|message| self.copy_content(message)).transpose()?;
            self.transaction
                .prepare_cached(
                    "INSERT INTO attachment (content, number, properties, embedded) VALUES (?, ?, ?, ?)",
                )?
                .execute(params![
                    copy.0,
                    attachment.number,
                    attachment.properties.encode()?,
                    embedded.map(|message| message.0)
                ])?;
        }
        Ok(copy)
    }
}

/// The lowest and the highest tag with the id of `tag`.
fn tags_with_id(tag: PropTag) -> (u32, u32) {
    let low = u32::from(tag.id()) << 16;
    (low, low | 0xFFFF)
}

fn encode_recipients(recipients: &[Recipient]) -> Result<Vec<u8>> {
    let mut w = Writer::new();
    for recipient in recipients {
        let properties = recipient.properties.encode()?;
        w.u32(recipient.row).len32(properties.len(), "RecipientSize")?.bytes(&properties);
    }
    Ok(w.into_vec())
}

fn decode_recipients(bytes: &[u8]) -> Result<Vec<Recipient>> {
    let mut r = Reader::new(bytes);
    let mut recipients = Vec::new();
    while !r.is_empty() {
        let row = r.u32("RowId")?;
        let size = usize::try_from(r.u32("RecipientSize")?).unwrap_or(usize::MAX);
        recipients.push(Recipient { row, properties: Properties::decode(r.bytes(size, "Recipient")?)? });
    }
    Ok(recipients)
}

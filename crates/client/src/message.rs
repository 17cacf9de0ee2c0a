//! Messages: properties, recipients, attachments, saving and submitting.

use std::sync::Mutex;

use mapi::data::MessageId;
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::attachment::{
    AttachmentTableFlags, OpenAttachmentFlags, RopCreateAttachmentRequest, RopDeleteAttachmentRequest,
    RopGetAttachmentTableRequest, RopOpenAttachmentRequest,
};
use mapi::rop::message::{RopSaveChangesMessageRequest, SaveFlags};
use mapi::rop::recipient::{
    OpenRecipientRow, OpenRecipients, RopModifyRecipientsRequest, RopReadRecipientsRequest,
    RopRemoveAllRecipientsRequest,
};
use mapi::rop::transport::{RopSubmitMessageRequest, SubmitFlags};
use mapi::rop::{InputHandleIndex, RequestBody};

use crate::attachment::{Attachment, AttachmentInfo};
use crate::error::Error;
use crate::properties::Properties;
use crate::recipient::Recipient;
use crate::store::batch::{Batch, fields};
use crate::store::object::Object;
use crate::stream::{self, PropertyReader, PropertyWriter};
use crate::table::TableQuery;
use crate::values;

/// The code page of messages: that of the logon ([MS-OXCMSG] 2.2.3.1.1).
pub(crate) const UNICODE_CODE_PAGE: u16 = 0x0FFF;

/// The most recipients of one ROP, whose rows take some hundred bytes each.
const MAX_RECIPIENTS: usize = 50;

/// A message that is open. Changes are visible to others once it is saved.
#[derive(Debug)]
pub struct Message {
    object: Object,
    id: Option<MessageId>,
    /// The recipients that the server returned when the message was opened, and their number.
    recipients: Mutex<OpenRecipients>,
}

impl Message {
    pub(crate) const fn opened(object: Object, id: Option<MessageId>, recipients: OpenRecipients) -> Self {
        Self { object, id, recipients: Mutex::new(recipients) }
    }

    pub(crate) fn created(object: Object) -> Self {
        Self::opened(object, None, OpenRecipients::default())
    }

    pub(crate) const fn object(&self) -> &Object {
        &self.object
    }

    /// The id of the message in its folder; `None` for one that was created, and for an embedded message.
    pub const fn id(&self) -> Option<MessageId> {
        self.id
    }

    /// Reads properties. Long values are transferred in pieces, up to 64 MiB each; [`Message::reader`] has no limit.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn get(&self, tags: &[PropTag]) -> Result<Properties, Error> {
        values::get(&self.object, tags).await
    }

    /// The text of a property; `None` if the message lacks it.
    ///
    /// # Errors
    /// Those of [`Message::get`].
    pub async fn text(&self, tag: PropTag) -> Result<Option<String>, Error> {
        Ok(self.get(&[tag]).await?.text(tag))
    }

    /// The text of the message (`PidTagBody`); empty if it has none.
    ///
    /// # Errors
    /// Those of [`Message::get`].
    pub async fn body(&self) -> Result<String, Error> {
        Ok(self.text(PropTag::PidTagBody).await?.unwrap_or_default())
    }

    /// Sets properties. Long values are transferred in pieces.
    ///
    /// # Errors
    /// If a ROP fails, or the server does not accept a property.
    pub async fn set(&self, values: Vec<TaggedValue>) -> Result<(), Error> {
        values::set(&self.object, values).await
    }

    /// Sets a property to a text.
    ///
    /// # Errors
    /// Those of [`Message::set`].
    pub async fn set_text(&self, tag: PropTag, text: &str) -> Result<(), Error> {
        self.set(vec![TaggedValue::new(tag, PropertyValue::from(text))]).await
    }

    /// Deletes properties.
    ///
    /// # Errors
    /// If the ROP fails, or the server does not delete a property.
    pub async fn delete(&self, tags: &[PropTag]) -> Result<(), Error> {
        values::delete(&self.object, tags).await
    }

    /// Reads the value of a property in pieces.
    ///
    /// # Errors
    /// If the message lacks the property, or the ROP fails.
    pub async fn reader(&self, tag: PropTag) -> Result<PropertyReader, Error> {
        PropertyReader::open(&self.object, tag).await
    }

    /// Replaces the value of a property, in pieces.
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn writer(&self, tag: PropTag) -> Result<PropertyWriter, Error> {
        PropertyWriter::open(&self.object, tag).await
    }

    /// All recipients.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn recipients(&self) -> Result<Vec<Recipient>, Error> {
        let known = self.recipients.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let OpenRecipients { recipient_count, recipient_columns, recipient_rows } = known;
        let recipient = |row: &OpenRecipientRow, columns: &[PropTag]| {
            Some(Recipient::of_row(row.recipient_type, row.recipient_row.row()?, columns))
        };
        let first = recipient_rows.iter().map(|row| recipient(row, &recipient_columns));
        let mut recipients: Vec<Recipient> = first.flatten().collect();
        let mut next = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
        while recipients.len() < usize::from(recipient_count) {
            let request = RopReadRecipientsRequest { row_id: next, reserved: 0 };
            let body = self.object.call(RequestBody::RopReadRecipients(request)).await?;
            let read = fields!(body, RopReadRecipients).map_err(|error| self.object.on(error))?;
            let Some(last) = read.recipient_rows.last() else { break };
            next = last.row_id.saturating_add(1);
            let rows = read.recipient_rows.iter();
            recipients.extend(rows.filter_map(|row| recipient(&row.recipient, &read.recipient_columns)));
        }
        Ok(recipients)
    }

    /// Replaces all recipients (`RopRemoveAllRecipients`, `RopModifyRecipients`).
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn set_recipients(&self, recipients: &[Recipient]) -> Result<(), Error> {
        let rows: Vec<_> = (0_u32..).zip(recipients).map(|(id, recipient)| recipient.to_row(id)).collect();
        let mut batch = Batch::default();
        let slot = self.object.add_to(&mut batch);
        let remove = RopRemoveAllRecipientsRequest { reserved: 0 };
        batch.push(slot, RequestBody::RopRemoveAllRecipients(remove));
        let mut chunks = rows.chunks(MAX_RECIPIENTS);
        self.modify(batch, chunks.next()).await?;
        for rows in chunks {
            self.modify(Batch::default(), Some(rows)).await?;
        }
        let mut known = self.recipients.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.recipient_count = u16::try_from(recipients.len()).unwrap_or(u16::MAX);
        known.recipient_rows = recipients.iter().map(Recipient::to_open_row).collect();
        Ok(())
    }

    async fn modify(
        &self,
        mut batch: Batch,
        rows: Option<&[mapi::rop::recipient::ModifyRecipientRow]>,
    ) -> Result<(), Error> {
        if let Some(rows) = rows {
            let slot = self.object.add_to(&mut batch);
            let request =
                RopModifyRecipientsRequest { recipient_columns: Vec::new(), recipient_rows: rows.to_vec() };
            batch.push(slot, RequestBody::RopModifyRecipients(request));
        }
        let mut replies = self.object.run(batch).await?;
        while !replies.is_empty() {
            replies.done().map_err(|error| self.object.on(error))?;
        }
        Ok(())
    }

    /// The attachments.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn attachments(&self) -> Result<Vec<AttachmentInfo>, Error> {
        let table = TableQuery::new(&self.object, AttachmentInfo::COLUMNS, |output_handle_index| {
            let table_flags = AttachmentTableFlags::UNICODE;
            RequestBody::RopGetAttachmentTable(RopGetAttachmentTableRequest {
                output_handle_index,
                table_flags,
            })
        });
        Ok(table.all().await?.iter().map(AttachmentInfo::of_row).collect())
    }

    /// Opens an attachment (`RopOpenAttachment`).
    ///
    /// # Errors
    /// If there is no such attachment, or the ROP fails.
    pub async fn open_attachment(&self, number: u32) -> Result<Attachment, Error> {
        let open = |output_handle_index| {
            RequestBody::RopOpenAttachment(RopOpenAttachmentRequest {
                output_handle_index,
                open_attachment_flags: OpenAttachmentFlags::BEST_ACCESS,
                attachment_id: number,
            })
        };
        let (object, _) = self.object.open(&self.attachment_name(number), open).await?;
        Ok(Attachment::new(object, number))
    }

    /// Creates an attachment, which the message has once both are saved (`RopCreateAttachment`).
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn create_attachment(&self) -> Result<Attachment, Error> {
        let create = |output_handle_index| {
            RequestBody::RopCreateAttachment(RopCreateAttachmentRequest { output_handle_index })
        };
        let name = format!("new attachment of {}", self.object.name());
        let (object, body) = self.object.open(&name, create).await?;
        let number = fields!(body, RopCreateAttachment).map_err(|error| object.on(error))?.attachment_id;
        Ok(Attachment::new(object, number))
    }

    /// Attaches a file with the name `name` and the content `bytes`, which the message has once it is saved.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn attach(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let attachment = self.create_attachment().await?;
        attachment.set_file_name(name).await?;
        stream::write_all(attachment.object(), PropTag::PidTagAttachDataBinary, bytes).await?;
        attachment.save().await
    }

    /// Deletes an attachment (`RopDeleteAttachment`).
    ///
    /// # Errors
    /// If there is no such attachment, or the ROP fails.
    pub async fn delete_attachment(&self, number: u32) -> Result<(), Error> {
        let request = RopDeleteAttachmentRequest { attachment_id: number };
        let deleted = self.object.call(RequestBody::RopDeleteAttachment(request)).await;
        deleted.map(drop).map_err(|error| Error { object: self.attachment_name(number).into(), ..error })
    }

    fn attachment_name(&self, number: u32) -> String {
        format!("attachment {number} of {}", self.object.name())
    }

    /// Saves the changes, and keeps the message open for further ones (`RopSaveChangesMessage`). Returns its id.
    ///
    /// # Errors
    /// If the ROP fails, as with `ecObjectModified` if the message was changed since it was opened.
    pub async fn save(&mut self) -> Result<MessageId, Error> {
        // The object is the first of the handle table.
        let request = RopSaveChangesMessageRequest {
            input_handle_index: InputHandleIndex(0),
            save_flags: SaveFlags::KEEP_OPEN_READ_WRITE,
        };
        let body = self.object.call(RequestBody::RopSaveChangesMessage(request)).await?;
        let id = fields!(body, RopSaveChangesMessage).map_err(|error| self.object.on(error))?.message_id;
        if !id.is_zero() {
            self.id = Some(id);
        }
        Ok(id)
    }

    /// Submits the message for delivery (`RopSubmitMessage`), which saves it as well.
    ///
    /// # Errors
    /// If the message has no recipients, the user must not send as its sender, or the ROP fails.
    pub async fn submit(self) -> Result<(), Error> {
        let request = RopSubmitMessageRequest { submit_flags: SubmitFlags::NONE };
        self.object.call(RequestBody::RopSubmitMessage(request)).await.map(drop)
    }
}

//! Open messages and attachments: what the store has, and what the client has changed but not saved ([MS-OXCMSG]).

use std::collections::BTreeMap;

use mapi::property::{PropTag, PropertyValue};
use store::{
    Attachment, AttachmentEdit, Content, ContentEdit, ContentId, Imported, Message, ObjectId, Properties,
    Recipient, ValueSource, View,
};

use super::properties::OpenProperties;
use crate::values::convert::size;

/// The most columns of the recipients of a message.
pub(crate) const RECIPIENT_COLUMNS_MAX: usize = 100;
/// Columns that the recipients of each message have.
const RECIPIENT_COLUMNS: [PropTag; 4] = [
    PropTag::PidTagObjectType,
    PropTag::PidTagDisplayType,
    PropTag::PidTagSmtpAddress,
    PropTag::PidTagAddressBookDisplayNamePrintable,
];
/// Properties of recipients that have fields of their own in a row ([MS-OXCDATA] 2.8.3.2).
const RECIPIENT_FIELDS: [PropTag; 5] = [
    PropTag::PidTagRecipientType,
    PropTag::PidTagAddressType,
    PropTag::PidTagEmailAddress,
    PropTag::PidTagDisplayName,
    PropTag::PidTagTransmittableDisplayName,
];

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a folder.
    Folder { folder: ObjectId, associated: bool },
    /// In the attachment of this handle.
    Attachment(u32),
}

/// An open message.
#[derive(Debug)]
pub(crate) struct OpenMessage {
    pub(crate) place: Place,
    /// The message in the store, once it was saved in a folder.
    pub(crate) stored: Option<Message>,
    pub(crate) content: Option<ContentId>,
    pub(crate) properties: OpenProperties,
    pub(crate) recipients: Vec<Recipient>,
    /// The columns of the recipients' rows, as the client knows them: it has set them with the recipients, or received
    /// them with the message.
    pub(crate) recipient_columns: Vec<PropTag>,
    /// The attachments in the store that are not deleted.
    pub(crate) attachments: BTreeMap<u32, Attachment>,
    /// What the client has changed since the message was opened or saved.
    pub(crate) edit: ContentEdit,
    /// The lowest number that the next attachment may have.
    pub(crate) next_attachment: u32,
    pub(crate) is_writable: bool,
    /// The version that a client uploads, until it is saved.
    pub(crate) import: Option<Import>,
}

/// The version of a message that a client uploads.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    /// The handle of the collector.
    pub(crate) collector: u32,
    pub(crate) id: ObjectId,
    pub(crate) version: Imported,
    /// Whether a version that is in conflict with the stored one is refused.
    pub(crate) fails: bool,
}

/// An open attachment.
#[derive(Debug)]
pub(crate) struct OpenAttachment {
    /// The handle of the message.
    pub(crate) message: u32,
    pub(crate) number: u32,
    /// The content in which the store has the attachment.
    pub(crate) content: Option<ContentId>,
    pub(crate) properties: OpenProperties,
    /// The embedded message that the store has.
    pub(crate) embedded: Option<ContentId>,
    pub(crate) edit: AttachmentEdit,
    pub(crate) is_writable: bool,
}

impl OpenMessage {
    /// A message that is not in the store, changed by `edit`.
    pub(crate) fn new(place: Place, edit: ContentEdit) -> Self {
        let mut message = Self {
            place,
            stored: None,
            content: None,
            properties: OpenProperties::default(),
            recipients: Vec::new(),
            recipient_columns: RECIPIENT_COLUMNS.to_vec(),
            attachments: BTreeMap::new(),
            edit: ContentEdit::default(),
            next_attachment: 0,
            is_writable: true,
            import: None,
        };
        message.apply(edit);
        message
    }

    /// The message whose content the store has as `content`, changed by `edit`.
    pub(crate) fn load(
        view: &View<'_>,
        place: Place,
        content: ContentId,
        edit: ContentEdit,
    ) -> store::Result<Self> {
        let Content { id, properties, large, recipients, attachments } = view.content(content)?;
        let attachments: BTreeMap<u32, Attachment> =
            attachments.into_iter().map(|attachment| (attachment.number, attachment)).collect();
        let next_attachment = attachments.keys().next_back().map_or(0, |last| last.saturating_add(1));
        let mut message = Self {
            content: Some(id),
            properties: OpenProperties { values: properties, large },
            recipients,
            attachments,
            next_attachment,
            ..Self::new(place, ContentEdit::default())
        };
        message.apply(edit);
        message.recipient_columns = columns_of(&message.recipients);
        Ok(message)
    }

    fn apply(&mut self, edit: ContentEdit) {
        self.properties.apply(&edit.set, &edit.removed);
        if let Some(recipients) = &edit.recipients {
            self.recipients.clone_from(recipients);
        }
        for number in &edit.removed_attachments {
            self.attachments.remove(number);
        }
        let last = edit.attachments.keys().next_back().map_or(0, |last| last.saturating_add(1));
        self.next_attachment = self.next_attachment.max(last);
        self.edit = edit;
    }

    pub(crate) fn set(&mut self, tag: PropTag, value: PropertyValue) {
        self.properties.set(&mut self.edit.set, tag, value);
    }

    pub(crate) fn remove(&mut self, tag: PropTag) {
        self.properties.remove(&mut self.edit.set, &mut self.edit.removed, tag);
    }

    /// Removes all properties, recipients and attachments.
    pub(crate) fn clear(&mut self) {
        let tags: Vec<PropTag> = self.properties.tags().collect();
        for tag in tags {
            self.remove(tag);
        }
        self.set_recipients(Vec::new());
        for number in self.attachment_numbers() {
            self.remove_attachment(number);
        }
    }

    pub(crate) fn set_recipients(&mut self, recipients: Vec<Recipient>) {
        self.recipients.clone_from(&recipients);
        self.edit.recipients = Some(recipients);
    }

    /// The numbers of the attachments, with those that are not saved in the store.
    pub(crate) fn attachment_numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> =
            self.attachments.keys().chain(self.edit.attachments.keys()).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The attachment with this number, which the message with the handle `message` has.
    pub(crate) fn attachment(&self, message: u32, number: u32) -> Option<OpenAttachment> {
        let stored = self.attachments.get(&number);
        let edit = self.edit.attachments.get(&number).cloned();
        if stored.is_none() && edit.is_none() {
            return None;
        }
        let mut attachment = OpenAttachment {
            message,
            number,
            content: self.content.filter(|_| stored.is_some()),
            properties: stored.map(open_properties).unwrap_or_default(),
            embedded: stored.and_then(|stored| stored.embedded),
            edit: AttachmentEdit::default(),
            is_writable: self.is_writable,
        };
        if let Some(edit) = edit {
            attachment.apply(edit);
        }
        Some(attachment)
    }

    /// Removes an attachment. Returns whether there was one.
    pub(crate) fn remove_attachment(&mut self, number: u32) -> bool {
        let pending = self.edit.attachments.remove(&number).is_some();
        if self.attachments.remove(&number).is_some() {
            self.edit.removed_attachments.push(number);
            return true;
        }
        pending
    }

    /// Where the store has the large properties.
    pub(crate) fn source(&self) -> Option<(ContentId, ValueSource)> {
        self.content.map(|content| (content, ValueSource::Message))
    }

    /// How many bytes the changes have, about.
    pub(crate) fn size(&self) -> usize {
        edit_size(&self.edit)
    }
}

impl OpenAttachment {
    fn apply(&mut self, edit: AttachmentEdit) {
        self.properties.apply(&edit.set, &edit.removed);
        self.edit = edit;
    }

    pub(crate) fn set(&mut self, tag: PropTag, value: PropertyValue) {
        self.properties.set(&mut self.edit.set, tag, value);
    }

    pub(crate) fn remove(&mut self, tag: PropTag) {
        self.properties.remove(&mut self.edit.set, &mut self.edit.removed, tag);
    }

    /// Where the store has the large properties.
    pub(crate) fn source(&self) -> Option<(ContentId, ValueSource)> {
        self.content.map(|content| (content, ValueSource::Attachment(self.number)))
    }

    pub(crate) fn size(&self) -> usize {
        attachment_size(&self.edit)
    }
}

/// The columns of the recipients' rows: those that all messages have, and the other properties of the recipients.
fn columns_of(recipients: &[Recipient]) -> Vec<PropTag> {
    let others: BTreeMap<u16, PropTag> = recipients
        .iter()
        .flat_map(|recipient| recipient.properties.iter())
        .map(|(tag, _)| (tag.id(), tag))
        .filter(|(_, tag)| {
            !RECIPIENT_COLUMNS.iter().chain(&RECIPIENT_FIELDS).any(|known| known.is_same_property(*tag))
        })
        .collect();
    RECIPIENT_COLUMNS.into_iter().chain(others.into_values()).take(RECIPIENT_COLUMNS_MAX).collect()
}

fn open_properties(attachment: &Attachment) -> OpenProperties {
    OpenProperties { values: attachment.properties.clone(), large: attachment.large.clone() }
}

/// How many bytes a change has, about.
pub(crate) fn edit_size(edit: &ContentEdit) -> usize {
    let recipients = edit.recipients.iter().flatten().map(|recipient| properties_size(&recipient.properties));
    let attachments = edit.attachments.values().map(attachment_size);
    recipients.chain(attachments).fold(properties_size(&edit.set), usize::saturating_add)
}

fn attachment_size(edit: &AttachmentEdit) -> usize {
    let embedded = edit.embedded.as_ref().map_or(0, |embedded| edit_size(embedded));
    properties_size(&edit.set).saturating_add(embedded)
}

fn properties_size(properties: &Properties) -> usize {
    properties.iter().fold(0, |sum, (_, value)| sum.saturating_add(size(value)).saturating_add(64))
}

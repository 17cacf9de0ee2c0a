//! Attachments of messages.

use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::attachment::RopSaveChangesAttachmentRequest;
use mapi::rop::message::SaveFlags;
use mapi::rop::{InputHandleIndex, RequestBody};

use crate::error::Error;
use crate::properties::Properties;
use crate::store::object::Object;
use crate::stream::{PropertyReader, PropertyWriter};
use crate::values;

/// `afByValue` ([MS-OXCMSG] 2.2.2.9): the attachment has its bytes.
pub(crate) const BY_VALUE: i32 = 1;
/// `afEmbeddedMessage` ([MS-OXCMSG] 2.2.2.9): the attachment is a message.
pub(crate) const EMBEDDED_MESSAGE: i32 = 5;
/// `afStorage` ([MS-OXCMSG] 2.2.2.9): the attachment is an OLE object.
pub(crate) const STORAGE: i32 = 6;

/// An attachment that is open.
#[derive(Debug)]
pub struct Attachment {
    object: Object,
    number: u32,
}

/// A row of the table of attachments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttachmentInfo {
    /// `PidTagAttachNumber`, by which the attachment is opened.
    pub number: u32,
    /// `PidTagAttachLongFilename`, or else `PidTagDisplayName`; empty if it has neither.
    pub name: String,
    /// `PidTagAttachSize`, in bytes, with the properties of the attachment.
    pub size: u32,
    /// `PidTagAttachMimeTag`; empty if missing.
    pub mime_type: String,
    /// Whether it is a message (`PidTagAttachMethod`).
    pub is_message: bool,
}

impl AttachmentInfo {
    pub(crate) const COLUMNS: &[PropTag] = &[
        PropTag::PidTagAttachNumber,
        PropTag::PidTagAttachLongFilename,
        PropTag::PidTagDisplayName,
        PropTag::PidTagAttachSize,
        PropTag::PidTagAttachMimeTag,
        PropTag::PidTagAttachMethod,
    ];

    pub(crate) fn of_row(row: &Properties) -> Self {
        let number = |tag| row.integer(tag).and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
        let name = row.text(PropTag::PidTagAttachLongFilename);
        Self {
            number: number(PropTag::PidTagAttachNumber),
            name: name.or_else(|| row.text(PropTag::PidTagDisplayName)).unwrap_or_default(),
            size: number(PropTag::PidTagAttachSize),
            mime_type: row.text(PropTag::PidTagAttachMimeTag).unwrap_or_default(),
            is_message: row.integer(PropTag::PidTagAttachMethod) == Some(EMBEDDED_MESSAGE.into()),
        }
    }
}

impl Attachment {
    pub(crate) const fn new(object: Object, number: u32) -> Self {
        Self { object, number }
    }

    pub(crate) const fn object(&self) -> &Object {
        &self.object
    }

    /// The number of the attachment in its message.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Reads properties. Long values are transferred in pieces, up to 64 MiB each.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn get(&self, tags: &[PropTag]) -> Result<Properties, Error> {
        values::get(&self.object, tags).await
    }

    /// Sets properties.
    ///
    /// # Errors
    /// If a ROP fails, or the server does not accept a property.
    pub async fn set(&self, values: Vec<TaggedValue>) -> Result<(), Error> {
        values::set(&self.object, values).await
    }

    /// Makes the attachment a file of this name, whose bytes [`Attachment::writer`] takes.
    ///
    /// # Errors
    /// Those of [`Attachment::set`].
    pub async fn set_file_name(&self, name: &str) -> Result<(), Error> {
        self.set(vec![
            TaggedValue::new(PropTag::PidTagAttachMethod, PropertyValue::Integer32(BY_VALUE)),
            TaggedValue::new(PropTag::PidTagAttachLongFilename, PropertyValue::from(name)),
            TaggedValue::new(PropTag::PidTagDisplayName, PropertyValue::from(name)),
            TaggedValue::new(PropTag::PidTagRenderingPosition, PropertyValue::Integer32(-1)),
        ])
        .await
    }

    /// Reads the bytes of the file (`PidTagAttachDataBinary`), in pieces.
    ///
    /// # Errors
    /// If the attachment has no bytes, or the ROP fails.
    pub async fn reader(&self) -> Result<PropertyReader, Error> {
        PropertyReader::open(&self.object, PropTag::PidTagAttachDataBinary).await
    }

    /// Replaces the bytes of the file (`PidTagAttachDataBinary`), in pieces. Shut the writer down before
    /// [`Attachment::save`].
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn writer(&self) -> Result<PropertyWriter, Error> {
        PropertyWriter::open(&self.object, PropTag::PidTagAttachDataBinary).await
    }

    /// Saves the attachment in its message, which must be saved afterwards (`RopSaveChangesAttachment`).
    ///
    /// # Errors
    /// If the ROP fails.
    pub async fn save(&self) -> Result<(), Error> {
        // The object is the first of the handle table.
        let request = RopSaveChangesAttachmentRequest {
            input_handle_index: InputHandleIndex(0),
            save_flags: SaveFlags::KEEP_OPEN_READ_WRITE,
        };
        self.object.call(RequestBody::RopSaveChangesAttachment(request)).await.map(drop)
    }
}

//! Attachments and the messages in them ([MS-OXCROPS] 2.2.6.12 to 2.2.6.18, [MS-OXCMSG] 2.2.3.12 to 2.2.3.18).

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bool, InputHandleIndex, List16, List32, OutputHandleIndex};
use super::format::Rop;
use super::message::{MessageOpenModeFlags, SaveFlags};
use super::recipient::OpenRecipients;
use super::response_fields::{ResponseFields, rop_response};
use crate::ErrorCode;
use crate::data::{MessageId, TypedString};
use crate::field::{Field, enum_field, flags_field, structure};
use crate::inspect::{Inspect, Node};

enum_field! {
    /// How an attachment is opened ([MS-OXCMSG] 2.2.3.12.1).
    pub struct OpenAttachmentFlags(u8) {
        /// To be read.
        READ_ONLY = 0x00,
        /// To be read and written.
        READ_WRITE = 0x01,
        /// To be read, and to be written where that is permitted.
        BEST_ACCESS = 0x03,
    }
}

structure! {
    /// Opens an attachment of a message ([MS-OXCROPS] 2.2.6.12.1).
    pub struct RopOpenAttachmentRequest: Rop as "RopOpenAttachment" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// How.
        pub open_attachment_flags: OpenAttachmentFlags = "OpenAttachmentFlags",
        /// Which attachment.
        pub attachment_id: u32 = "AttachmentID",
    }
}

structure! {
    /// Makes an attachment of a message ([MS-OXCROPS] 2.2.6.13.1).
    pub struct RopCreateAttachmentRequest: Rop as "RopCreateAttachment" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
    }
}

rop_response! {
    /// An attachment is made ([MS-OXCROPS] 2.2.6.13.2).
    pub struct RopCreateAttachmentResponse as "RopCreateAttachment" {
        /// Its id in the message.
        pub attachment_id: u32 = "AttachmentID",
    }
}

structure! {
    /// Deletes an attachment of a message ([MS-OXCROPS] 2.2.6.14.1).
    pub struct RopDeleteAttachmentRequest: Rop as "RopDeleteAttachment" {
        /// Which attachment.
        pub attachment_id: u32 = "AttachmentID",
    }
}

structure! {
    /// Saves an attachment ([MS-OXCROPS] 2.2.6.15.1).
    pub struct RopSaveChangesAttachmentRequest: Rop as "RopSaveChangesAttachment" {
        /// The attachment.
        pub input_handle_index: InputHandleIndex = "InputHandleIndex",
        /// What becomes of it.
        pub save_flags: SaveFlags = "SaveFlags",
    }
}

structure! {
    /// Opens the message in an attachment ([MS-OXCROPS] 2.2.6.16.1).
    pub struct RopOpenEmbeddedMessageRequest: Rop as "RopOpenEmbeddedMessage" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The code page of texts; 0x0FFF for that of the logon.
        pub code_page_id: u16 = "CodePageId",
        /// How.
        pub open_mode_flags: MessageOpenModeFlags = "OpenModeFlags",
    }
}

rop_response! {
    /// What a client learns of the message in an attachment ([MS-OXCROPS] 2.2.6.16.2).
    pub struct RopOpenEmbeddedMessageResponse as "RopOpenEmbeddedMessage" {
        /// Zero.
        pub reserved: u8 = "Reserved",
        /// Its id.
        pub message_id: MessageId = "MessageId",
        /// Whether it has named properties.
        pub has_named_properties: Bool = "HasNamedProperties",
        /// What comes before its subject, such as `RE: `.
        pub subject_prefix: TypedString = "SubjectPrefix",
        /// Its subject without that.
        pub normalized_subject: TypedString = "NormalizedSubject",
        /// Its recipients.
        pub recipients: OpenRecipients = "Recipients",
    }
}

flags_field! {
    /// Of what kind the table of attachments is ([MS-OXCMSG] 2.2.3.17.1).
    pub struct AttachmentTableFlags(u8) {
        /// Texts are in UTF-16.
        UNICODE = 0x40,
    }
}

structure! {
    /// Opens the table of a message's attachments ([MS-OXCROPS] 2.2.6.17.1).
    pub struct RopGetAttachmentTableRequest: Rop as "RopGetAttachmentTable" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Of what kind.
        pub table_flags: AttachmentTableFlags = "TableFlags",
    }
}

/// The ids of a message's attachments ([MS-OXCROPS] 2.2.6.18.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RopGetValidAttachmentsResponse {
    /// The ids.
    pub attachment_ids: Vec<u32>,
    /// Whether their number takes two bytes, as some implementations have it, and not the four of the
    /// specification.
    pub is_short: bool,
}

impl ResponseFields for RopGetValidAttachmentsResponse {
    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        let mut short = r.clone();
        let ids = List16::read(&mut short, "AttachmentIdArray");
        let long = List32::read(r, "AttachmentIdArray");
        match (ids, long) {
            (Ok(List16(attachment_ids)), long)
                if context.may_follow(short.peek()) && !(long.is_ok() && context.may_follow(r.peek())) =>
            {
                *r = short;
                Ok(Self { attachment_ids, is_short: true })
            }
            (_, long) => long.map(|List32(attachment_ids)| Self { attachment_ids, is_short: false }),
        }
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        if self.is_short {
            w.len16(self.attachment_ids.len(), "AttachmentIdCount")?;
        } else {
            w.len32(self.attachment_ids.len(), "AttachmentIdCount")?;
        }
        self.attachment_ids.iter().try_for_each(|id| Field::<Rop>::write(id, w, "AttachmentIdArray"))
    }
}

impl Inspect for RopGetValidAttachmentsResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("AttachmentIdArray".into(), self.attachment_ids.to_node())])
    }
}

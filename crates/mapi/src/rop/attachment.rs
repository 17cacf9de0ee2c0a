//! Attachments and embedded messages ([MS-OXCROPS] 2.2.6.12 to 2.2.6.18, [MS-OXCMSG] 2.2.3.12 to 2.2.3.18).

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
    /// The access to an opened attachment ([MS-OXCMSG] 2.2.3.12.1).
    pub struct OpenAttachmentFlags(u8) {
        /// The attachment is opened for reading.
        READ_ONLY = 0x00,
        /// The attachment is opened for reading and writing.
        READ_WRITE = 0x01,
        /// The attachment is opened for reading and writing if permitted, otherwise for reading.
        BEST_ACCESS = 0x03,
    }
}

structure! {
    /// `RopOpenAttachment`: opens an attachment of a message ([MS-OXCROPS] 2.2.6.12.1).
    pub struct RopOpenAttachmentRequest: Rop as "RopOpenAttachment" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The requested access.
        pub open_attachment_flags: OpenAttachmentFlags = "OpenAttachmentFlags",
        /// The number of the attachment in the message.
        pub attachment_id: u32 = "AttachmentID",
    }
}

structure! {
    /// `RopCreateAttachment`: creates an attachment of a message ([MS-OXCROPS] 2.2.6.13.1).
    pub struct RopCreateAttachmentRequest: Rop as "RopCreateAttachment" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
    }
}

rop_response! {
    /// `RopCreateAttachment`: the response ([MS-OXCROPS] 2.2.6.13.2).
    pub struct RopCreateAttachmentResponse as "RopCreateAttachment" {
        /// The number of the attachment in the message.
        pub attachment_id: u32 = "AttachmentID",
    }
}

structure! {
    /// `RopDeleteAttachment`: deletes an attachment of a message ([MS-OXCROPS] 2.2.6.14.1).
    pub struct RopDeleteAttachmentRequest: Rop as "RopDeleteAttachment" {
        /// The number of the attachment in the message.
        pub attachment_id: u32 = "AttachmentID",
    }
}

structure! {
    /// `RopSaveChangesAttachment`: saves an attachment ([MS-OXCROPS] 2.2.6.15.1).
    pub struct RopSaveChangesAttachmentRequest: Rop as "RopSaveChangesAttachment" {
        /// The index of the attachment's handle in the handle table.
        pub input_handle_index: InputHandleIndex = "InputHandleIndex",
        /// Whether the attachment stays open.
        pub save_flags: SaveFlags = "SaveFlags",
    }
}

structure! {
    /// `RopOpenEmbeddedMessage`: opens the message in an attachment ([MS-OXCROPS] 2.2.6.16.1).
    pub struct RopOpenEmbeddedMessageRequest: Rop as "RopOpenEmbeddedMessage" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The code page of texts; 0x0FFF for that of the logon.
        pub code_page_id: u16 = "CodePageId",
        /// The requested access.
        pub open_mode_flags: MessageOpenModeFlags = "OpenModeFlags",
    }
}

rop_response! {
    /// `RopOpenEmbeddedMessage`: the response ([MS-OXCROPS] 2.2.6.16.2).
    pub struct RopOpenEmbeddedMessageResponse as "RopOpenEmbeddedMessage" {
        /// Reserved; zero.
        pub reserved: u8 = "Reserved",
        /// The identifier of the embedded message.
        pub message_id: MessageId = "MessageId",
        /// Whether the message has named properties.
        pub has_named_properties: Bool = "HasNamedProperties",
        /// The prefix of the subject, such as `RE: `.
        pub subject_prefix: TypedString = "SubjectPrefix",
        /// The subject without its prefix.
        pub normalized_subject: TypedString = "NormalizedSubject",
        /// The recipients of the message.
        pub recipients: OpenRecipients = "Recipients",
    }
}

flags_field! {
    /// The options of an attachment table ([MS-OXCMSG] 2.2.3.17.1).
    pub struct AttachmentTableFlags(u8) {
        /// Texts are UTF-16.
        UNICODE = 0x40,
    }
}

structure! {
    /// `RopGetAttachmentTable`: opens the table of a message's attachments ([MS-OXCROPS] 2.2.6.17.1).
    pub struct RopGetAttachmentTableRequest: Rop as "RopGetAttachmentTable" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The options of the table.
        pub table_flags: AttachmentTableFlags = "TableFlags",
    }
}

/// `RopGetValidAttachments`: the response, with the numbers of a message's attachments ([MS-OXCROPS] 2.2.6.18.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RopGetValidAttachmentsResponse {
    /// The numbers of the attachments.
    pub attachment_ids: Vec<u32>,
    /// Whether their count has two bytes, as in some implementations, instead of the specified four.
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

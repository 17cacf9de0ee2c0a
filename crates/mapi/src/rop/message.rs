//! Messages ([MS-OXCROPS] 2.2.6.1 to 2.2.6.11, [MS-OXCMSG] 2.2.3).

use wire::{Reader, Result, Writer};

use super::context::RequestContext;
use super::field::{Bool, InputHandleIndex, List16, OutputHandleIndex};
use super::format::Rop;
use super::recipient::OpenRecipients;
use super::response_fields::{plain_response, rop_response};
use crate::data::{FolderId, MessageId, TypedString};
use crate::field::{Field, HandleRole, flags_field, structure};
use crate::inspect::{Inspect, Node};

flags_field! {
    /// The access to an opened message ([MS-OXCMSG] 2.2.3.1.1). Without flags it is opened for reading.
    pub struct MessageOpenModeFlags(u8) {
        /// The message is opened for reading and writing.
        READ_WRITE = 0x01,
        /// With `READ_WRITE`: the message is opened for writing only if permitted. For embedded messages without
        /// `READ_WRITE`: the message is created if it does not exist ([MS-OXCMSG] 2.2.3.16.1).
        CREATE = 0x02,
        /// The message may be soft-deleted.
        OPEN_SOFT_DELETED = 0x04,
    }
}

structure! {
    /// `RopOpenMessage`: opens a message ([MS-OXCROPS] 2.2.6.1.1).
    pub struct RopOpenMessageRequest: Rop as "RopOpenMessage" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The code page of texts; 0x0FFF for that of the logon.
        pub code_page_id: u16 = "CodePageId",
        /// The folder of the message.
        pub folder_id: FolderId = "FolderId",
        /// The requested access.
        pub open_mode_flags: MessageOpenModeFlags = "OpenModeFlags",
        /// The message to open.
        pub message_id: MessageId = "MessageId",
    }
}

structure! {
    /// `RopOpenMessage`: the response ([MS-OXCROPS] 2.2.6.1.2).
    pub struct RopOpenMessageResponse: Rop as "RopOpenMessage" {
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

plain_response!(RopOpenMessageResponse as "RopOpenMessage");

structure! {
    /// `RopCreateMessage`: creates a message in a folder ([MS-OXCROPS] 2.2.6.2.1).
    pub struct RopCreateMessageRequest: Rop as "RopCreateMessage" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The code page of texts; 0x0FFF for that of the logon.
        pub code_page_id: u16 = "CodePageId",
        /// The folder of the message.
        pub folder_id: FolderId = "FolderId",
        /// Whether the message is associated with the folder (FAI), and not a normal message in it.
        pub associated_flag: Bool = "AssociatedFlag",
    }
}

rop_response! {
    /// `RopCreateMessage`: the response ([MS-OXCROPS] 2.2.6.2.2). The message is not saved yet.
    pub struct RopCreateMessageResponse as "RopCreateMessage" {
        /// Whether the identifier of the message is present.
        pub has_message_id: Bool = "HasMessageId",
        /// The identifier of the message.
        pub message_id: Option<MessageId> = "MessageId" by has_message_id,
    }
}

flags_field! {
    /// The state of a message or an attachment after it was saved ([MS-OXCMSG] 2.2.3.3.1).
    pub struct SaveFlags(u8) {
        /// The object stays open for reading.
        KEEP_OPEN_READ_ONLY = 0x01,
        /// The object stays open for reading and writing.
        KEEP_OPEN_READ_WRITE = 0x02,
        /// The object stays open for reading and writing, and overwrites changes by others.
        FORCE_SAVE = 0x04,
    }
}

structure! {
    /// `RopSaveChangesMessage`: saves a message ([MS-OXCROPS] 2.2.6.3.1).
    pub struct RopSaveChangesMessageRequest: Rop as "RopSaveChangesMessage" {
        /// The index of the message's handle in the handle table.
        pub input_handle_index: InputHandleIndex = "InputHandleIndex",
        /// Whether the message stays open.
        pub save_flags: SaveFlags = "SaveFlags",
    }
}

rop_response! {
    /// `RopSaveChangesMessage`: the response ([MS-OXCROPS] 2.2.6.3.2).
    pub struct RopSaveChangesMessageResponse as "RopSaveChangesMessage" {
        /// The index of the message's handle in the handle table, from the request.
        pub input_handle_index: InputHandleIndex = "InputHandleIndex",
        /// The identifier of the message.
        pub message_id: MessageId = "MessageId",
    }
}

structure! {
    /// `RopReloadCachedInformation`: returns the current information of an open message ([MS-OXCROPS] 2.2.6.7.1).
    pub struct RopReloadCachedInformationRequest: Rop as "RopReloadCachedInformation" {
        /// Reserved; zero.
        pub reserved: u16 = "Reserved",
    }
}

/// `RopReloadCachedInformation`: the response, whose fields are those of `RopOpenMessage` ([MS-OXCROPS] 2.2.6.7.2).
pub type RopReloadCachedInformationResponse = RopOpenMessageResponse;

flags_field! {
    /// The status of a message in a contents table ([MS-OXCMSG] 2.2.1.8).
    pub struct MessageStatusFlags(u32) {
        /// The message has conflicting versions.
        MS_IN_CONFLICT = 0x0000_0800,
        /// The message is marked for download from a remote message store.
        MS_REMOTE_DOWNLOAD = 0x0000_1000,
        /// The message is marked for deletion in a remote message store.
        MS_REMOTE_DELETE = 0x0000_2000,
    }
}

structure! {
    /// `RopSetMessageStatus`: changes the status of a message in a folder ([MS-OXCROPS] 2.2.6.8.1).
    pub struct RopSetMessageStatusRequest: Rop as "RopSetMessageStatus" {
        /// The message whose status changes.
        pub message_id: MessageId = "MessageId",
        /// The new values of the flags.
        pub message_status_flags: MessageStatusFlags = "MessageStatusFlags",
        /// The flags to change.
        pub message_status_mask: MessageStatusFlags = "MessageStatusMask",
    }
}

rop_response! {
    /// `RopSetMessageStatus`: the response, also to `RopGetMessageStatus` ([MS-OXCROPS] 2.2.6.8.2).
    pub struct RopSetMessageStatusResponse as "RopSetMessageStatus" {
        /// The flags before the change.
        pub message_status_flags: MessageStatusFlags = "MessageStatusFlags",
    }
}

structure! {
    /// `RopGetMessageStatus`: returns the status of a message in a folder ([MS-OXCROPS] 2.2.6.9.1).
    pub struct RopGetMessageStatusRequest: Rop as "RopGetMessageStatus" {
        /// The message whose status is requested.
        pub message_id: MessageId = "MessageId",
    }
}

flags_field! {
    /// The change of a message's read state ([MS-OXCMSG] 2.2.3.10.1). Without flags, the message is marked as read, and
    /// receipts are sent.
    pub struct ReadFlags(u8) {
        /// The message is marked as read, and no receipt is sent.
        RF_SUPPRESS_RECEIPT = 0x01,
        /// Reserved.
        RF_RESERVED = 0x0A,
        /// The message is marked as unread.
        RF_CLEAR_READ_FLAG = 0x04,
        /// A receipt is sent, and the state does not change.
        RF_GENERATE_RECEIPT_ONLY = 0x10,
        /// No receipt will be sent when the message is read.
        RF_CLEAR_NOTIFY_READ = 0x20,
        /// No receipt will be sent when the message is deleted unread.
        RF_CLEAR_NOTIFY_UNREAD = 0x40,
    }
}

structure! {
    /// `RopSetReadFlags`: marks messages of a folder as read or unread ([MS-OXCROPS] 2.2.6.10.1).
    pub struct RopSetReadFlagsRequest: Rop as "RopSetReadFlags" {
        /// Whether the server may respond before the operation is complete.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// The change of the read state and of receipts.
        pub read_flags: ReadFlags = "ReadFlags",
        /// The messages; if empty, all messages of the folder.
        pub message_ids: List16<MessageId> = "MessageIds",
    }
}

structure! {
    /// `RopSetReadFlags`: the response ([MS-OXCROPS] 2.2.6.10.2). Its fields are present on failure as well.
    pub struct RopSetReadFlagsResponse: Rop as "RopSetReadFlags" {
        /// Whether the operation failed for some of the messages.
        pub partial_completion: Bool = "PartialCompletion",
    }
}

plain_response!(RopSetReadFlagsResponse as "RopSetReadFlags", always);

/// Data by which a client identifies a message in the public folders ([MS-OXCMSG] 2.2.3.11.1).
pub type ClientData = [u8; 24];

/// `RopSetMessageReadFlag`: marks an open message as read or unread ([MS-OXCROPS] 2.2.6.11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RopSetMessageReadFlagRequest {
    /// The index of the message's handle in the handle table.
    pub input_handle_index: InputHandleIndex,
    /// The change of the read state and of receipts.
    pub read_flags: ReadFlags,
    /// The data by which the client identifies the message, in logons to the public folders.
    pub client_data: Option<ClientData>,
}

impl Inspect for RopSetMessageReadFlagRequest {
    fn to_node(&self) -> Node {
        let mut fields = vec![
            ("InputHandleIndex".into(), self.input_handle_index.to_node()),
            ("ReadFlags".into(), self.read_flags.to_node()),
        ];
        if let Some(client_data) = &self.client_data {
            fields.push(("ClientData".into(), client_data.to_node()));
        }
        Node::Fields(fields)
    }
}

impl Field<Rop> for RopSetMessageReadFlagRequest {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        Ok(Self {
            input_handle_index: Field::read(r, "InputHandleIndex")?,
            read_flags: ReadFlags(r.u8("ReadFlags")?),
            client_data: None,
        })
    }

    /// A logon of unknown type is treated as one to a private mailbox.
    fn read_with(r: &mut Reader<'_>, field: &'static str, context: RequestContext) -> Result<Self> {
        let mut request = Self::read(r, field)?;
        if context.private == Some(false) {
            request.client_data = Some(r.array("ClientData")?);
        }
        Ok(request)
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        w.u8(self.input_handle_index.0).u8(self.read_flags.0);
        if let Some(client_data) = &self.client_data {
            w.bytes(client_data);
        }
        Ok(())
    }

    fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
        self.input_handle_index.handle_index(visit);
    }

    fn index_with_role(&self, role: HandleRole) -> Option<u8> {
        self.input_handle_index.index_with_role(role)
    }
}

rop_response! {
    /// `RopSetMessageReadFlag`: the response ([MS-OXCROPS] 2.2.6.11.2).
    pub struct RopSetMessageReadFlagResponse as "RopSetMessageReadFlag" {
        /// Whether the read state of a message in the public folders changed.
        pub read_status_changed: Bool = "ReadStatusChanged",
        /// The message whose state changed.
        pub change: Option<ReadStatusChange> = "Change" by read_status_changed,
    }
}

structure! {
    /// The message in the public folders whose read state changed ([MS-OXCROPS] 2.2.6.11.2).
    pub struct ReadStatusChange: Rop as "RopSetMessageReadFlag" {
        /// The logon of the request.
        pub logon_id: u8 = "LogonId",
        /// The data by which the client identifies the message.
        pub client_data: ClientData = "ClientData",
    }
}

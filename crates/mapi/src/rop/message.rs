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
    /// How a message is opened ([MS-OXCMSG] 2.2.3.1.1). Without any of them it is to be read.
    pub struct MessageOpenModeFlags(u8) {
        /// To be read and written.
        READ_WRITE = 0x01,
        /// With `READ_WRITE`: to be written if that is permitted. For embedded messages, without it: create
        /// one if it does not exist ([MS-OXCMSG] 2.2.3.16.1).
        CREATE = 0x02,
        /// Also where it was soft-deleted.
        OPEN_SOFT_DELETED = 0x04,
    }
}

structure! {
    /// Opens a message ([MS-OXCROPS] 2.2.6.1.1).
    pub struct RopOpenMessageRequest: Rop as "RopOpenMessage" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The code page of texts; 0x0FFF for that of the logon.
        pub code_page_id: u16 = "CodePageId",
        /// The folder that it is in.
        pub folder_id: FolderId = "FolderId",
        /// How.
        pub open_mode_flags: MessageOpenModeFlags = "OpenModeFlags",
        /// Which message.
        pub message_id: MessageId = "MessageId",
    }
}

structure! {
    /// What a client learns of a message when it opens it ([MS-OXCROPS] 2.2.6.1.2).
    pub struct RopOpenMessageResponse: Rop as "RopOpenMessage" {
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

plain_response!(RopOpenMessageResponse as "RopOpenMessage");

structure! {
    /// Makes a message in a folder ([MS-OXCROPS] 2.2.6.2.1).
    pub struct RopCreateMessageRequest: Rop as "RopCreateMessage" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The code page of texts; 0x0FFF for that of the logon.
        pub code_page_id: u16 = "CodePageId",
        /// The folder.
        pub folder_id: FolderId = "FolderId",
        /// Whether it is associated with the folder rather than in it.
        pub associated_flag: Bool = "AssociatedFlag",
    }
}

rop_response! {
    /// A message is made, though not yet saved ([MS-OXCROPS] 2.2.6.2.2).
    pub struct RopCreateMessageResponse as "RopCreateMessage" {
        /// Whether its id is known by now.
        pub has_message_id: Bool = "HasMessageId",
        /// Its id.
        pub message_id: Option<MessageId> = "MessageId" by has_message_id,
    }
}

flags_field! {
    /// What becomes of a message or an attachment that is saved ([MS-OXCMSG] 2.2.3.3.1).
    pub struct SaveFlags(u8) {
        /// It stays open, to be read.
        KEEP_OPEN_READ_ONLY = 0x01,
        /// It stays open, to be read and written.
        KEEP_OPEN_READ_WRITE = 0x02,
        /// It stays open, and what others changed meanwhile is overwritten.
        FORCE_SAVE = 0x04,
    }
}

structure! {
    /// Saves a message ([MS-OXCROPS] 2.2.6.3.1).
    pub struct RopSaveChangesMessageRequest: Rop as "RopSaveChangesMessage" {
        /// The message.
        pub input_handle_index: InputHandleIndex = "InputHandleIndex",
        /// What becomes of it.
        pub save_flags: SaveFlags = "SaveFlags",
    }
}

rop_response! {
    /// A message is saved ([MS-OXCROPS] 2.2.6.3.2).
    pub struct RopSaveChangesMessageResponse as "RopSaveChangesMessage" {
        /// The message, by the index from the request.
        pub input_handle_index: InputHandleIndex = "InputHandleIndex",
        /// Its id.
        pub message_id: MessageId = "MessageId",
    }
}

structure! {
    /// Asks again for what opening the message told ([MS-OXCROPS] 2.2.6.7.1).
    pub struct RopReloadCachedInformationRequest: Rop as "RopReloadCachedInformation" {
        /// Zero.
        pub reserved: u16 = "Reserved",
    }
}

/// What opening the message told, as it is now ([MS-OXCROPS] 2.2.6.7.2).
pub type RopReloadCachedInformationResponse = RopOpenMessageResponse;

flags_field! {
    /// Flags that a contents table shows of a message ([MS-OXCMSG] 2.2.1.8).
    pub struct MessageStatusFlags(u32) {
        /// There are versions that conflict.
        MS_IN_CONFLICT = 0x0000_0800,
        /// It is to be downloaded from another store.
        MS_REMOTE_DOWNLOAD = 0x0000_1000,
        /// It is to be deleted in another store.
        MS_REMOTE_DELETE = 0x0000_2000,
    }
}

structure! {
    /// Changes the status flags of a message in a folder ([MS-OXCROPS] 2.2.6.8.1).
    pub struct RopSetMessageStatusRequest: Rop as "RopSetMessageStatus" {
        /// Which message.
        pub message_id: MessageId = "MessageId",
        /// The flags.
        pub message_status_flags: MessageStatusFlags = "MessageStatusFlags",
        /// Which of them are changed.
        pub message_status_mask: MessageStatusFlags = "MessageStatusMask",
    }
}

rop_response! {
    /// The status flags of a message ([MS-OXCROPS] 2.2.6.8.2). `RopGetMessageStatus` is answered as if it had
    /// been `RopSetMessageStatus`.
    pub struct RopSetMessageStatusResponse as "RopSetMessageStatus" {
        /// Those that it had before.
        pub message_status_flags: MessageStatusFlags = "MessageStatusFlags",
    }
}

structure! {
    /// Asks for the status flags of a message in a folder ([MS-OXCROPS] 2.2.6.9.1).
    pub struct RopGetMessageStatusRequest: Rop as "RopGetMessageStatus" {
        /// Which message.
        pub message_id: MessageId = "MessageId",
    }
}

flags_field! {
    /// How a message's having been read changes ([MS-OXCMSG] 2.2.3.10.1). Without any, it is read, and
    /// receipts are sent.
    pub struct ReadFlags(u8) {
        /// It is read, and no receipt is sent.
        RF_SUPPRESS_RECEIPT = 0x01,
        /// Reserved.
        RF_RESERVED = 0x0A,
        /// It is unread.
        RF_CLEAR_READ_FLAG = 0x04,
        /// A receipt is sent, and nothing else changes.
        RF_GENERATE_RECEIPT_ONLY = 0x10,
        /// No receipt is sent when it is read.
        RF_CLEAR_NOTIFY_READ = 0x20,
        /// No receipt is sent when it is deleted unread.
        RF_CLEAR_NOTIFY_UNREAD = 0x40,
    }
}

structure! {
    /// Marks messages of a folder as read or unread ([MS-OXCROPS] 2.2.6.10.1).
    pub struct RopSetReadFlagsRequest: Rop as "RopSetReadFlags" {
        /// Whether the server may answer before it is done.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// How.
        pub read_flags: ReadFlags = "ReadFlags",
        /// Which messages; none for all.
        pub message_ids: List16<MessageId> = "MessageIds",
    }
}

structure! {
    /// Whether all messages were marked ([MS-OXCROPS] 2.2.6.10.2). It is there on failure too.
    pub struct RopSetReadFlagsResponse: Rop as "RopSetReadFlags" {
        /// Whether some were not.
        pub partial_completion: Bool = "PartialCompletion",
    }
}

plain_response!(RopSetReadFlagsResponse as "RopSetReadFlags", always);

/// What a client keeps of a message in the public folders to know it again ([MS-OXCMSG] 2.2.3.11.1).
pub type ClientData = [u8; 24];

/// Marks an open message as read or unread ([MS-OXCROPS] 2.2.6.11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RopSetMessageReadFlagRequest {
    /// The message.
    pub input_handle_index: InputHandleIndex,
    /// How.
    pub read_flags: ReadFlags,
    /// What the client knows it by, where the logon is one to the public folders.
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

    /// A logon of which nothing is known counts as one to a mailbox.
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

    fn own_index(&self, role: HandleRole) -> Option<u8> {
        self.input_handle_index.own_index(role)
    }
}

rop_response! {
    /// Whether a message's having been read changed ([MS-OXCROPS] 2.2.6.11.2).
    pub struct RopSetMessageReadFlagResponse as "RopSetMessageReadFlag" {
        /// Whether it did in the public folders.
        pub read_status_changed: Bool = "ReadStatusChanged",
        /// What of, if so.
        pub change: Option<ReadStatusChange> = "Change" by read_status_changed,
    }
}

structure! {
    /// Of what message the state changed ([MS-OXCROPS] 2.2.6.11.2).
    pub struct ReadStatusChange: Rop as "RopSetMessageReadFlag" {
        /// The logon that it belongs to.
        pub logon_id: u8 = "LogonId",
        /// What the client knows it by.
        pub client_data: ClientData = "ClientData",
    }
}

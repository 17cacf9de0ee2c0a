//! Incremental change synchronization: download and upload of changes ([MS-OXCROPS] 2.2.13, [MS-OXCFXICS] 2.2.3.2).

use wire::{Guid, Reader, Result, Writer};

use super::fast_transfer::SendOptions;
use super::field::{Bool, Bytes16, Bytes32, List16, List32, OutputHandleIndex};
use super::format::Rop;
use super::response_fields::rop_response;
use super::shared::Sized16;
use crate::data::{FolderId, GlobalCounter, LongTermId, MessageId};
use crate::field::{Field, enum_field, flags_field, structure};
use crate::inspect::{Inspect, Node};
use crate::property::{PropTag, PropertyList, Restriction};

enum_field! {
    /// The objects to synchronize ([MS-OXCFXICS] 2.2.3.2.1.1.1).
    pub struct SynchronizationType(u8) {
        /// The messages of a folder.
        CONTENTS = 0x01,
        /// The folders in a folder, at any depth.
        HIERARCHY = 0x02,
    }
}

flags_field! {
    /// The options of a download of changes ([MS-OXCFXICS] 2.2.3.2.1.1.1).
    pub struct SynchronizationFlags(u16) {
        /// Texts are sent as UTF-16.
        UNICODE = 0x0001,
        /// Deletions are excluded.
        NO_DELETIONS = 0x0002,
        /// Messages that no longer match the restriction are not reported.
        IGNORE_NO_LONGER_IN_SCOPE = 0x0004,
        /// Changes of read states are included.
        READ_STATE = 0x0008,
        /// Associated messages (FAI) are included.
        FAI = 0x0010,
        /// Normal messages are included.
        NORMAL = 0x0020,
        /// Only the listed properties are included; without this flag, all except the listed ones.
        ONLY_SPECIFIED_PROPERTIES = 0x0080,
        /// Identifiers are those of the server, not those with which objects were imported.
        NO_FOREIGN_IDENTIFIERS = 0x0100,
        /// Reserved; zero.
        RESERVED = 0x1000,
        /// Message bodies are sent in their original format, not only as RTF.
        BEST_BODY = 0x2000,
        /// The list of properties does not apply to associated messages (FAI).
        IGNORE_SPECIFIED_ON_FAI = 0x4000,
        /// Progress information is included.
        PROGRESS = 0x8000,
    }
}

flags_field! {
    /// Additional information in a download of changes ([MS-OXCFXICS] 2.2.3.2.1.1.1).
    pub struct SynchronizationExtraFlags(u32) {
        /// The identifiers of messages and folders.
        EID = 0x0000_0001,
        /// The sizes of messages.
        MESSAGE_SIZE = 0x0000_0002,
        /// The change numbers.
        CN = 0x0000_0004,
        /// Messages are sorted by delivery time, the latest first.
        ORDER_BY_DELIVERY_TIME = 0x0000_0008,
    }
}

structure! {
    /// `RopSynchronizationConfigure`: begins a download of changes ([MS-OXCROPS] 2.2.13.1.1).
    pub struct RopSynchronizationConfigureRequest: Rop as "RopSynchronizationConfigure" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The objects to synchronize.
        pub synchronization_type: SynchronizationType = "SynchronizationType",
        /// The encoding of texts in the stream.
        pub send_options: SendOptions = "SendOptions",
        /// Which objects and changes are downloaded.
        pub synchronization_flags: SynchronizationFlags = "SynchronizationFlags",
        /// The restriction that messages must match; if empty, all messages are synchronized.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
        /// The additional information to send.
        pub synchronization_extra_flags: SynchronizationExtraFlags = "SynchronizationExtraFlags",
        /// The properties to include or exclude.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

flags_field! {
    /// The options of uploading a message ([MS-OXCFXICS] 2.2.3.2.4.2.1).
    pub struct ImportFlag(u8) {
        /// The message is associated with the folder (FAI).
        ASSOCIATED = 0x10,
        /// The upload fails if the message was changed on the server.
        FAIL_ON_CONFLICT = 0x40,
    }
}

structure! {
    /// `RopSynchronizationImportMessageChange`: uploads a new or changed message. Its content is written to the message
    /// that this ROP opens ([MS-OXCROPS] 2.2.13.2.1).
    pub struct RopSynchronizationImportMessageChangeRequest: Rop as "RopSynchronizationImportMessageChange" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Whether the message is associated data, and the handling of conflicts.
        pub import_flag: ImportFlag = "ImportFlag",
        /// The source key, modification time, change key and predecessor change list of the message.
        pub property_values: PropertyList = "PropertyValues",
    }
}

rop_response! {
    /// `RopSynchronizationImportMessageChange`: the response ([MS-OXCROPS] 2.2.13.2.2).
    pub struct RopSynchronizationImportMessageChangeResponse as "RopSynchronizationImportMessageChange" {
        /// Reserved; zero.
        pub message_id: MessageId = "MessageId",
    }
}

structure! {
    /// `RopSynchronizationImportReadStateChanges`: uploads the read state of messages ([MS-OXCROPS] 2.2.13.3.1).
    pub struct RopSynchronizationImportReadStateChangesRequest: Rop as "RopSynchronizationImportReadStateChanges" {
        /// The read states.
        pub message_read_states: MessageReadStates = "MessageReadStates",
    }
}

structure! {
    /// The read state of a message ([MS-OXCROPS] 2.2.13.3.1.1).
    pub struct MessageReadState: Rop as "MessageReadState" {
        /// The global identifier of the message (`XID`).
        pub message_id: Bytes16 = "MessageId",
        /// Whether the message was read.
        pub mark_as_read: Bool = "MarkAsRead",
    }
}

/// The read states of messages, which are encoded with their 16-bit size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessageReadStates(pub Vec<MessageReadState>);

impl Inspect for MessageReadStates {
    fn to_node(&self) -> Node {
        self.0.to_node()
    }
}

impl Field<Rop> for MessageReadStates {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let size = r.u16("MessageReadStatesSize")?;
        let mut r = r.sub(usize::from(size), field)?;
        let mut states = Vec::new();
        while !r.is_empty() {
            states.push(MessageReadState::read(&mut r, field)?);
        }
        Ok(Self(states))
    }

    fn write(&self, w: &mut Writer, field: &'static str) -> Result<()> {
        let mark = w.mark16();
        self.0.iter().try_for_each(|state| state.write(w, field))?;
        let size = w.since(mark, 2);
        w.fill16(mark, size, "MessageReadStatesSize")
    }
}

structure! {
    /// `RopSynchronizationImportHierarchyChange`: uploads a new or changed folder ([MS-OXCROPS] 2.2.13.4.1).
    pub struct RopSynchronizationImportHierarchyChangeRequest: Rop as "RopSynchronizationImportHierarchyChange" {
        /// The source keys of the folder and its parent, and the modification time, change key, predecessor change list
        /// and name of the folder.
        pub hierarchy_values: PropertyList = "HierarchyValues",
        /// The other properties of the folder.
        pub property_values: PropertyList = "PropertyValues",
    }
}

rop_response! {
    /// `RopSynchronizationImportHierarchyChange`: the response ([MS-OXCROPS] 2.2.13.4.2).
    pub struct RopSynchronizationImportHierarchyChangeResponse as "RopSynchronizationImportHierarchyChange" {
        /// Reserved; zero.
        pub folder_id: FolderId = "FolderId",
    }
}

flags_field! {
    /// The options of uploading deletions ([MS-OXCFXICS] 2.2.3.2.4.5.1).
    pub struct ImportDeleteFlags(u8) {
        /// Folders were deleted; without this flag, messages.
        HIERARCHY = 0x01,
        /// The objects are deleted permanently.
        HARD_DELETE = 0x02,
    }
}

structure! {
    /// `RopSynchronizationImportDeletes`: uploads deletions ([MS-OXCROPS] 2.2.13.5.1).
    pub struct RopSynchronizationImportDeletesRequest: Rop as "RopSynchronizationImportDeletes" {
        /// The kind of objects, and whether they are deleted permanently.
        pub import_delete_flags: ImportDeleteFlags = "ImportDeleteFlags",
        /// The source keys of the deleted objects, as a multivalued property with the id zero.
        pub property_values: PropertyList = "PropertyValues",
    }
}

structure! {
    /// `RopSynchronizationImportMessageMove`: uploads the move of a message into this folder ([MS-OXCROPS] 2.2.13.6.1).
    /// All identifiers are global (`GID`, `XID`).
    pub struct RopSynchronizationImportMessageMoveRequest: Rop as "RopSynchronizationImportMessageMove" {
        /// The previous folder of the message.
        pub source_folder_id: Bytes32 = "SourceFolderId",
        /// The previous identifier of the message.
        pub source_message_id: Bytes32 = "SourceMessageId",
        /// The predecessor change list of the message.
        pub predecessor_change_list: Bytes32 = "PredecessorChangeList",
        /// The new identifier of the message.
        pub destination_message_id: Bytes32 = "DestinationMessageId",
        /// The change key of the message.
        pub change_number: Bytes32 = "ChangeNumber",
    }
}

rop_response! {
    /// `RopSynchronizationImportMessageMove`: the response ([MS-OXCROPS] 2.2.13.6.2).
    pub struct RopSynchronizationImportMessageMoveResponse as "RopSynchronizationImportMessageMove" {
        /// Reserved; zero.
        pub message_id: MessageId = "MessageId",
    }
}

structure! {
    /// `RopSynchronizationOpenCollector`: begins an upload of changes ([MS-OXCROPS] 2.2.13.7.1).
    pub struct RopSynchronizationOpenCollectorRequest: Rop as "RopSynchronizationOpenCollector" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Whether messages are uploaded; otherwise folders.
        pub is_contents_collector: Bool = "IsContentsCollector",
    }
}

structure! {
    /// `RopSynchronizationGetTransferState`: opens a download of the state that the client stores until the next
    /// synchronization ([MS-OXCROPS] 2.2.13.8.1).
    pub struct RopSynchronizationGetTransferStateRequest: Rop as "RopSynchronizationGetTransferState" {
        /// The index in the handle table at which the new object's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
    }
}

structure! {
    /// `RopSynchronizationUploadStateStreamBegin`: begins the upload of a property of the state that the client stored
    /// ([MS-OXCROPS] 2.2.13.9.1).
    pub struct RopSynchronizationUploadStateStreamBeginRequest: Rop as "RopSynchronizationUploadStateStreamBegin" {
        /// The property of the state.
        pub state_property: PropTag = "StateProperty",
        /// The size of the property's value, in bytes.
        pub transfer_buffer_size: u32 = "TransferBufferSize",
    }
}

structure! {
    /// `RopSynchronizationUploadStateStreamContinue`: uploads the next part of the property's value ([MS-OXCROPS]
    /// 2.2.13.10.1).
    pub struct RopSynchronizationUploadStateStreamContinueRequest: Rop
        as "RopSynchronizationUploadStateStreamContinue"
    {
        /// The next bytes of the value.
        pub stream_data: Bytes32 = "StreamData",
    }
}

structure! {
    /// `RopSetLocalReplicaMidsetDeleted`: releases identifiers that the server reserved for the client ([MS-OXCROPS]
    /// 2.2.13.12.1).
    pub struct RopSetLocalReplicaMidsetDeletedRequest: Rop as "RopSetLocalReplicaMidsetDeleted" {
        /// The ranges of identifiers to release.
        pub long_term_id_ranges: Sized16<List32<LongTermIdRange>> = "LongTermIdRanges",
    }
}

structure! {
    /// An inclusive range of identifiers ([MS-OXCROPS] 2.2.13.12.1.1).
    pub struct LongTermIdRange: Rop as "LongTermIdRange" {
        /// The first identifier.
        pub min_long_term_id: LongTermId = "MinLongTermId",
        /// The last identifier.
        pub max_long_term_id: LongTermId = "MaxLongTermId",
    }
}

structure! {
    /// `RopGetLocalReplicaIds`: reserves identifiers for the client ([MS-OXCROPS] 2.2.13.13.1).
    pub struct RopGetLocalReplicaIdsRequest: Rop as "RopGetLocalReplicaIds" {
        /// The number of identifiers.
        pub id_count: u32 = "IdCount",
    }
}

rop_response! {
    /// `RopGetLocalReplicaIds`: the response ([MS-OXCROPS] 2.2.13.13.2).
    pub struct RopGetLocalReplicaIdsResponse as "RopGetLocalReplicaIds" {
        /// The GUID of the replica.
        pub repl_guid: Guid = "ReplGuid",
        /// The first reserved identifier.
        pub global_count: GlobalCounter = "GlobalCount",
    }
}

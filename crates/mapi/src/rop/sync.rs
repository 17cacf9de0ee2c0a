//! Incremental change synchronization: what changed since last time, down and up ([MS-OXCROPS] 2.2.13,
//! [MS-OXCFXICS] 2.2.3.2).

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
    /// What is synchronized ([MS-OXCFXICS] 2.2.3.2.1.1.1).
    pub struct SynchronizationType(u8) {
        /// The messages of a folder.
        CONTENTS = 0x01,
        /// The folders in a folder, at any depth.
        HIERARCHY = 0x02,
    }
}

flags_field! {
    /// How a download of changes goes ([MS-OXCFXICS] 2.2.3.2.1.1.1).
    pub struct SynchronizationFlags(u16) {
        /// Texts in UTF-16.
        UNICODE = 0x0001,
        /// Nothing of what was deleted.
        NO_DELETIONS = 0x0002,
        /// Nothing of what no longer matches the restriction.
        IGNORE_NO_LONGER_IN_SCOPE = 0x0004,
        /// With what was read.
        READ_STATE = 0x0008,
        /// With messages that are associated with the folder.
        FAI = 0x0010,
        /// With messages that are in the folder.
        NORMAL = 0x0020,
        /// Only the properties of the list; without it, all but those.
        ONLY_SPECIFIED_PROPERTIES = 0x0080,
        /// Ids as the server has them, not as they were imported.
        NO_FOREIGN_IDENTIFIERS = 0x0100,
        /// Reserved, zero.
        RESERVED = 0x1000,
        /// Bodies as they were first written, not only as RTF.
        BEST_BODY = 0x2000,
        /// The list of properties does not count for messages that are associated with the folder.
        IGNORE_SPECIFIED_ON_FAI = 0x4000,
        /// With how far it is.
        PROGRESS = 0x8000,
    }
}

flags_field! {
    /// What else a download of changes has ([MS-OXCFXICS] 2.2.3.2.1.1.1).
    pub struct SynchronizationExtraFlags(u32) {
        /// The ids of messages and folders.
        EID = 0x0000_0001,
        /// The sizes of messages.
        MESSAGE_SIZE = 0x0000_0002,
        /// The numbers of changes.
        CN = 0x0000_0004,
        /// Messages in the order in which they were delivered, the last first.
        ORDER_BY_DELIVERY_TIME = 0x0000_0008,
    }
}

structure! {
    /// Begins a download of changes ([MS-OXCROPS] 2.2.13.1.1).
    pub struct RopSynchronizationConfigureRequest: Rop as "RopSynchronizationConfigure" {
        /// Where the handle of the download goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// What is synchronized.
        pub synchronization_type: SynchronizationType = "SynchronizationType",
        /// How texts stand in the stream.
        pub send_options: SendOptions = "SendOptions",
        /// How it goes.
        pub synchronization_flags: SynchronizationFlags = "SynchronizationFlags",
        /// Of which messages; none for all.
        pub restriction_data: Sized16<Restriction> = "RestrictionData",
        /// What else it has.
        pub synchronization_extra_flags: SynchronizationExtraFlags = "SynchronizationExtraFlags",
        /// The properties that are wanted, or are not.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

flags_field! {
    /// How a message is uploaded ([MS-OXCFXICS] 2.2.3.2.4.2.1).
    pub struct ImportFlag(u8) {
        /// It is associated with the folder.
        ASSOCIATED = 0x10,
        /// It fails where the server's message was changed too.
        FAIL_ON_CONFLICT = 0x40,
    }
}

structure! {
    /// Uploads a new or changed message: what follows goes to the message that this opens ([MS-OXCROPS]
    /// 2.2.13.2.1).
    pub struct RopSynchronizationImportMessageChangeRequest: Rop as "RopSynchronizationImportMessageChange" {
        /// Where the handle of the message goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// How.
        pub import_flag: ImportFlag = "ImportFlag",
        /// Its source key, when it changed, its change key and what that goes back to.
        pub property_values: PropertyList = "PropertyValues",
    }
}

rop_response! {
    /// The message is open ([MS-OXCROPS] 2.2.13.2.2).
    pub struct RopSynchronizationImportMessageChangeResponse as "RopSynchronizationImportMessageChange" {
        /// Zero.
        pub message_id: MessageId = "MessageId",
    }
}

structure! {
    /// Uploads which messages were read ([MS-OXCROPS] 2.2.13.3.1).
    pub struct RopSynchronizationImportReadStateChangesRequest: Rop as "RopSynchronizationImportReadStateChanges" {
        /// The messages.
        pub message_read_states: MessageReadStates = "MessageReadStates",
    }
}

structure! {
    /// Whether a message was read ([MS-OXCROPS] 2.2.13.3.1.1).
    pub struct MessageReadState: Rop as "MessageReadState" {
        /// The message's id on all servers (`XID`).
        pub message_id: Bytes16 = "MessageId",
        /// Whether it was read.
        pub mark_as_read: Bool = "MarkAsRead",
    }
}

/// Whether messages were read, behind the number of bytes of it all.
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
    /// Uploads a new or changed folder ([MS-OXCROPS] 2.2.13.4.1).
    pub struct RopSynchronizationImportHierarchyChangeRequest: Rop as "RopSynchronizationImportHierarchyChange" {
        /// Its parent's source key, its own, when it changed, its change key, what that goes back to, and its
        /// name.
        pub hierarchy_values: PropertyList = "HierarchyValues",
        /// Its other properties.
        pub property_values: PropertyList = "PropertyValues",
    }
}

rop_response! {
    /// The folder is written ([MS-OXCROPS] 2.2.13.4.2).
    pub struct RopSynchronizationImportHierarchyChangeResponse as "RopSynchronizationImportHierarchyChange" {
        /// Zero.
        pub folder_id: FolderId = "FolderId",
    }
}

flags_field! {
    /// What is deleted, and how ([MS-OXCFXICS] 2.2.3.2.4.5.1).
    pub struct ImportDeleteFlags(u8) {
        /// Folders; without it, messages.
        HIERARCHY = 0x01,
        /// For good.
        HARD_DELETE = 0x02,
    }
}

structure! {
    /// Uploads what was deleted ([MS-OXCROPS] 2.2.13.5.1).
    pub struct RopSynchronizationImportDeletesRequest: Rop as "RopSynchronizationImportDeletes" {
        /// What, and how.
        pub import_delete_flags: ImportDeleteFlags = "ImportDeleteFlags",
        /// The source keys, as one multiple value whose property has no id.
        pub property_values: PropertyList = "PropertyValues",
    }
}

structure! {
    /// Uploads that a message was moved into this folder ([MS-OXCROPS] 2.2.13.6.1). The ids hold on all servers
    /// (`GID`, `XID`).
    pub struct RopSynchronizationImportMessageMoveRequest: Rop as "RopSynchronizationImportMessageMove" {
        /// The folder that it was in.
        pub source_folder_id: Bytes32 = "SourceFolderId",
        /// The message as it was.
        pub source_message_id: Bytes32 = "SourceMessageId",
        /// What its state goes back to.
        pub predecessor_change_list: Bytes32 = "PredecessorChangeList",
        /// The message as it is now.
        pub destination_message_id: Bytes32 = "DestinationMessageId",
        /// Its change key.
        pub change_number: Bytes32 = "ChangeNumber",
    }
}

rop_response! {
    /// The message is moved ([MS-OXCROPS] 2.2.13.6.2).
    pub struct RopSynchronizationImportMessageMoveResponse as "RopSynchronizationImportMessageMove" {
        /// Zero.
        pub message_id: MessageId = "MessageId",
    }
}

structure! {
    /// Begins an upload of changes ([MS-OXCROPS] 2.2.13.7.1).
    pub struct RopSynchronizationOpenCollectorRequest: Rop as "RopSynchronizationOpenCollector" {
        /// Where the handle of the upload goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// Whether it is of messages; without it, of folders.
        pub is_contents_collector: Bool = "IsContentsCollector",
    }
}

structure! {
    /// Asks for the state that a client keeps until next time ([MS-OXCROPS] 2.2.13.8.1).
    pub struct RopSynchronizationGetTransferStateRequest: Rop as "RopSynchronizationGetTransferState" {
        /// Where the handle of the download goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
    }
}

structure! {
    /// Begins to upload a part of the state that a client kept since last time ([MS-OXCROPS] 2.2.13.9.1).
    pub struct RopSynchronizationUploadStateStreamBeginRequest: Rop as "RopSynchronizationUploadStateStreamBegin" {
        /// Which part.
        pub state_property: PropTag = "StateProperty",
        /// Of how many bytes.
        pub transfer_buffer_size: u32 = "TransferBufferSize",
    }
}

structure! {
    /// Goes on uploading it ([MS-OXCROPS] 2.2.13.10.1).
    pub struct RopSynchronizationUploadStateStreamContinueRequest: Rop
        as "RopSynchronizationUploadStateStreamContinue"
    {
        /// The next bytes.
        pub stream_data: Bytes32 = "StreamData",
    }
}

structure! {
    /// Tells the server which of the ids that it set aside will not be used ([MS-OXCROPS] 2.2.13.12.1).
    pub struct RopSetLocalReplicaMidsetDeletedRequest: Rop as "RopSetLocalReplicaMidsetDeleted" {
        /// The ids.
        pub long_term_id_ranges: Sized16<List32<LongTermIdRange>> = "LongTermIdRanges",
    }
}

structure! {
    /// Ids from one to another ([MS-OXCROPS] 2.2.13.12.1.1).
    pub struct LongTermIdRange: Rop as "LongTermIdRange" {
        /// The first.
        pub min_long_term_id: LongTermId = "MinLongTermId",
        /// The last.
        pub max_long_term_id: LongTermId = "MaxLongTermId",
    }
}

structure! {
    /// Asks the server to set ids aside ([MS-OXCROPS] 2.2.13.13.1).
    pub struct RopGetLocalReplicaIdsRequest: Rop as "RopGetLocalReplicaIds" {
        /// How many.
        pub id_count: u32 = "IdCount",
    }
}

rop_response! {
    /// Ids that are set aside ([MS-OXCROPS] 2.2.13.13.2).
    pub struct RopGetLocalReplicaIdsResponse as "RopGetLocalReplicaIds" {
        /// Their replica.
        pub repl_guid: Guid = "ReplGuid",
        /// The first.
        pub global_count: GlobalCounter = "GlobalCount",
    }
}

//! What is asked of a whole mailbox or of the public folders ([MS-OXCROPS] 2.2.3, [MS-OXCSTOR]).

use wire::{Error, ErrorKind, Guid, Reader, Result, Writer};

use super::context::{RequestContext, ResponseContext};
use super::field::{AsciiZ, Bool, Bytes16, List16};
use super::format::Rop;
use super::response_fields::{ResponseFields, rop_response};
use super::shared::GhostServers;
use crate::ErrorCode;
use crate::data::{FolderId, LongTermId};
use crate::field::{Field, flags_field, structure};
use crate::inspect::{Inspect, Node};
use crate::property::{PropTag, PropType, Rows};

flags_field! {
    /// How a mailbox stands ([MS-OXCSTOR] 2.2.1.5.2).
    pub struct StoreState(u32) {
        /// There are search folders that the user made.
        STORE_HAS_SEARCHES = 0x0100_0000,
    }
}

structure! {
    /// Asks where messages of a class are delivered ([MS-OXCROPS] 2.2.3.2.1).
    pub struct RopGetReceiveFolderRequest: Rop as "RopGetReceiveFolder" {
        /// The class.
        pub message_class: AsciiZ = "MessageClass",
    }
}

rop_response! {
    /// Where messages of a class are delivered ([MS-OXCROPS] 2.2.3.2.2).
    pub struct RopGetReceiveFolderResponse as "RopGetReceiveFolder" {
        /// The folder.
        pub folder_id: FolderId = "FolderId",
        /// The class that it was set for: the one asked for or one above it.
        pub explicit_message_class: AsciiZ = "ExplicitMessageClass",
    }
}

structure! {
    /// Says where messages of a class are delivered ([MS-OXCROPS] 2.2.3.3.1).
    pub struct RopSetReceiveFolderRequest: Rop as "RopSetReceiveFolder" {
        /// The folder; zero for none.
        pub folder_id: FolderId = "FolderId",
        /// The class.
        pub message_class: AsciiZ = "MessageClass",
    }
}

/// Where messages of which class are delivered ([MS-OXCROPS] 2.2.3.4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopGetReceiveFolderTableResponse {
    /// A row for each class that a folder was set for, of [`RECEIVE_FOLDER_COLUMNS`].
    pub rows: Rows,
}

/// The columns of [`RopGetReceiveFolderTableResponse`]: `PidTagFolderId`, `PidTagMessageClass`,
/// `PidTagLastModificationTime` ([MS-OXCSTOR] 2.2.1.4.2).
pub const RECEIVE_FOLDER_COLUMNS: [PropTag; 3] = [
    PropTag::new(0x6748, PropType::PtypInteger64),
    PropTag::new(0x001A, PropType::PtypString8),
    PropTag::new(0x3008, PropType::PtypTime),
];

impl ResponseFields for RopGetReceiveFolderTableResponse {
    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        let count = usize::try_from(r.u32("RowCount")?).unwrap_or(usize::MAX);
        Rows::read(r, &RECEIVE_FOLDER_COLUMNS, count).map(|rows| Self { rows })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.rows.count(), "RowCount")?;
        self.rows.write(w)
    }
}

impl Inspect for RopGetReceiveFolderTableResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("Rows".into(), self.rows.to_node())])
    }
}

rop_response! {
    /// How a mailbox stands ([MS-OXCROPS] 2.2.3.5.2).
    pub struct RopGetStoreStateResponse as "RopGetStoreState" {
        /// How it stands.
        pub store_state: StoreState = "StoreState",
    }
}

structure! {
    /// Asks something of a public folder ([MS-OXCROPS] 2.2.3.6.1, 2.2.3.7.1).
    pub struct PublicFolderRequest: Rop as "RopGetOwningServers" {
        /// The folder.
        pub folder_id: FolderId = "FolderId",
    }
}

rop_response! {
    /// The servers that have a public folder ([MS-OXCROPS] 2.2.3.6.2).
    pub struct RopGetOwningServersResponse as "RopGetOwningServers" {
        /// The servers.
        pub owning_servers: GhostServers = "",
    }
}

rop_response! {
    /// Whether a public folder's contents are on other servers ([MS-OXCROPS] 2.2.3.7.2).
    pub struct RopPublicFolderIsGhostedResponse as "RopPublicFolderIsGhosted" {
        /// Whether they are.
        pub is_ghosted: Bool = "IsGhosted",
        /// The servers.
        pub servers: Option<GhostServers> = "" by is_ghosted,
    }
}

structure! {
    /// A folder's or message's short id ([MS-OXCROPS] 2.2.3.8.1).
    pub struct RopLongTermIdFromIdRequest: Rop as "RopLongTermIdFromId" {
        /// The id, whichever it is.
        pub object_id: FolderId = "ObjectId",
    }
}

rop_response! {
    /// What it is by its long id ([MS-OXCROPS] 2.2.3.8.2).
    pub struct RopLongTermIdFromIdResponse as "RopLongTermIdFromId" {
        /// The long id.
        pub long_term_id: LongTermId = "LongTermId",
    }
}

structure! {
    /// A folder's or message's long id ([MS-OXCROPS] 2.2.3.9.1).
    pub struct RopIdFromLongTermIdRequest: Rop as "RopIdFromLongTermId" {
        /// The long id.
        pub long_term_id: LongTermId = "LongTermId",
    }
}

rop_response! {
    /// What it is by its short id ([MS-OXCROPS] 2.2.3.9.2).
    pub struct RopIdFromLongTermIdResponse as "RopIdFromLongTermId" {
        /// The id, whichever it is.
        pub object_id: FolderId = "ObjectId",
    }
}

structure! {
    /// Asks for the public folders of a database that a user has read something of ([MS-OXCROPS] 2.2.3.10.1).
    pub struct RopGetPerUserLongTermIdsRequest: Rop as "RopGetPerUserLongTermIds" {
        /// The database.
        pub database_guid: Guid = "DatabaseGuid",
    }
}

rop_response! {
    /// The public folders of a database that a user has read something of ([MS-OXCROPS] 2.2.3.10.2).
    pub struct RopGetPerUserLongTermIdsResponse as "RopGetPerUserLongTermIds" {
        /// The folders.
        pub long_term_ids: List16<LongTermId> = "LongTermIds",
    }
}

structure! {
    /// Asks which database has a public folder ([MS-OXCROPS] 2.2.3.11.1).
    pub struct RopGetPerUserGuidRequest: Rop as "RopGetPerUserGuid" {
        /// The folder.
        pub long_term_id: LongTermId = "LongTermId",
    }
}

rop_response! {
    /// Which database has a public folder ([MS-OXCROPS] 2.2.3.11.2).
    pub struct RopGetPerUserGuidResponse as "RopGetPerUserGuid" {
        /// The database.
        pub database_guid: Guid = "DatabaseGuid",
    }
}

structure! {
    /// Asks for what a user has read of a public folder ([MS-OXCROPS] 2.2.3.12.1).
    pub struct RopReadPerUserInformationRequest: Rop as "RopReadPerUserInformation" {
        /// The folder.
        pub folder_id: LongTermId = "FolderId",
        /// Zero.
        pub reserved: u8 = "Reserved",
        /// From which byte on.
        pub data_offset: u32 = "DataOffset",
        /// How many bytes at most; zero leaves it to the server.
        pub max_data_size: u16 = "MaxDataSize",
    }
}

rop_response! {
    /// What a user has read of a public folder, or a part of it ([MS-OXCROPS] 2.2.3.12.2).
    pub struct RopReadPerUserInformationResponse as "RopReadPerUserInformation" {
        /// Whether this is the last part.
        pub has_finished: Bool = "HasFinished",
        /// An IDSET of change numbers with the replica's GUID ([MS-OXCFXICS] 2.2.2.4.2), or a part of it.
        pub data: Bytes16 = "Data",
    }
}

/// Says what a user has read of a public folder, or a part of it ([MS-OXCROPS] 2.2.3.13.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopWritePerUserInformationRequest {
    /// The folder.
    pub folder_id: LongTermId,
    /// Whether this is the last part.
    pub has_finished: Bool,
    /// From which byte on.
    pub data_offset: u32,
    /// An IDSET of change numbers with the replica's GUID ([MS-OXCFXICS] 2.2.2.4.2), or a part of it.
    pub data: Bytes16,
    /// The database that the folder is in; only in the first part, and only where the logon is one to a private
    /// mailbox.
    pub repl_guid: Option<Guid>,
}

const WRITE_PER_USER: &str = "RopWritePerUserInformation";

impl Field<Rop> for RopWritePerUserInformationRequest {
    const MIN_SIZE: usize = 31;

    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        Self::read_with(r, field, RequestContext::default())
    }

    fn read_with(r: &mut Reader<'_>, _field: &'static str, context: RequestContext) -> Result<Self> {
        let mut request = Self {
            folder_id: LongTermId::read(r, "FolderId")?,
            has_finished: Bool(r.u8("HasFinished")?),
            data_offset: r.u32("DataOffset")?,
            data: Bytes16::read(r, "Data")?,
            repl_guid: None,
        };
        // Where the logon is not known, the end of the buffer still says that there is no GUID.
        let first = request.data_offset == 0 && !r.is_empty();
        match context.private {
            Some(true) if request.data_offset == 0 => {
                request.repl_guid = Some(Guid::from_le(r.array("ReplGuid")?));
            }
            None if first => {
                let expected = "a logon of which it is known whether it is private";
                return Err(r.invalid("ReplGuid", 0, expected).within(WRITE_PER_USER));
            }
            _ => {}
        }
        Ok(request)
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        if self.repl_guid.is_some() && self.data_offset != 0 {
            let kind = ErrorKind::Invalid {
                found: u64::from(self.data_offset),
                expected: "none but in the first part",
            };
            return Err(Error::new(kind, "ReplGuid", w.len()).within(WRITE_PER_USER));
        }
        self.folder_id.write(w, "FolderId")?;
        w.u8(self.has_finished.0).u32(self.data_offset);
        self.data.write(w, "Data")?;
        if let Some(guid) = self.repl_guid {
            w.bytes(&guid.to_le());
        }
        Ok(())
    }
}

impl Inspect for RopWritePerUserInformationRequest {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("FolderId".into(), self.folder_id.to_node()),
            ("HasFinished".into(), self.has_finished.to_node()),
            ("DataOffset".into(), self.data_offset.to_node()),
            ("Data".into(), self.data.to_node()),
            ("ReplGuid".into(), self.repl_guid.to_node()),
        ])
    }
}

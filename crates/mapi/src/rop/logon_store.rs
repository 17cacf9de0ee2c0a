//! ROPs that act on a whole mailbox or on the public folders ([MS-OXCROPS] 2.2.3, [MS-OXCSTOR]).

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
    /// The state of a mailbox ([MS-OXCSTOR] 2.2.1.5.2).
    pub struct StoreState(u32) {
        /// The mailbox has active search folders.
        STORE_HAS_SEARCHES = 0x0100_0000,
    }
}

structure! {
    /// `RopGetReceiveFolder`: returns the folder to which messages of a class are delivered ([MS-OXCROPS] 2.2.3.2.1).
    pub struct RopGetReceiveFolderRequest: Rop as "RopGetReceiveFolder" {
        /// The message class.
        pub message_class: AsciiZ = "MessageClass",
    }
}

rop_response! {
    /// `RopGetReceiveFolder`: the response ([MS-OXCROPS] 2.2.3.2.2).
    pub struct RopGetReceiveFolderResponse as "RopGetReceiveFolder" {
        /// The receive folder of the message class.
        pub folder_id: FolderId = "FolderId",
        /// The message class for which the folder was set: the requested one or a prefix of it.
        pub explicit_message_class: AsciiZ = "ExplicitMessageClass",
    }
}

structure! {
    /// `RopSetReceiveFolder`: sets the folder to which messages of a class are delivered ([MS-OXCROPS] 2.2.3.3.1).
    pub struct RopSetReceiveFolderRequest: Rop as "RopSetReceiveFolder" {
        /// The folder; zero to remove the setting.
        pub folder_id: FolderId = "FolderId",
        /// The message class.
        pub message_class: AsciiZ = "MessageClass",
    }
}

/// `RopGetReceiveFolderTable`: the response, with the receive folders of all message classes ([MS-OXCROPS] 2.2.3.4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopGetReceiveFolderTableResponse {
    /// A row of [`RECEIVE_FOLDER_COLUMNS`] for each message class with a receive folder.
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
        Rows::read(r, RECEIVE_FOLDER_COLUMNS.into(), count).map(|rows| Self { rows })
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
    /// `RopGetStoreState`: the response ([MS-OXCROPS] 2.2.3.5.2).
    pub struct RopGetStoreStateResponse as "RopGetStoreState" {
        /// The state of the mailbox.
        pub store_state: StoreState = "StoreState",
    }
}

structure! {
    /// `RopGetOwningServers`, `RopPublicFolderIsGhosted`: returns information about a public folder ([MS-OXCROPS]
    /// 2.2.3.6.1, 2.2.3.7.1).
    pub struct PublicFolderRequest: Rop as "RopGetOwningServers" {
        /// The public folder.
        pub folder_id: FolderId = "FolderId",
    }
}

rop_response! {
    /// `RopGetOwningServers`: the response ([MS-OXCROPS] 2.2.3.6.2).
    pub struct RopGetOwningServersResponse as "RopGetOwningServers" {
        /// The servers that have the folder.
        pub owning_servers: GhostServers = "",
    }
}

rop_response! {
    /// `RopPublicFolderIsGhosted`: the response ([MS-OXCROPS] 2.2.3.7.2).
    pub struct RopPublicFolderIsGhostedResponse as "RopPublicFolderIsGhosted" {
        /// Whether the content of the folder is on other servers.
        pub is_ghosted: Bool = "IsGhosted",
        /// The servers that have the content of the folder.
        pub servers: Option<GhostServers> = "" by is_ghosted,
    }
}

structure! {
    /// `RopLongTermIdFromId`: converts the identifier of a folder or message ([MS-OXCROPS] 2.2.3.8.1).
    pub struct RopLongTermIdFromIdRequest: Rop as "RopLongTermIdFromId" {
        /// The identifier of the folder or message.
        pub object_id: FolderId = "ObjectId",
    }
}

rop_response! {
    /// `RopLongTermIdFromId`: the response ([MS-OXCROPS] 2.2.3.8.2).
    pub struct RopLongTermIdFromIdResponse as "RopLongTermIdFromId" {
        /// The long-term identifier.
        pub long_term_id: LongTermId = "LongTermId",
    }
}

structure! {
    /// `RopIdFromLongTermId`: converts the long-term identifier of a folder or message ([MS-OXCROPS] 2.2.3.9.1).
    pub struct RopIdFromLongTermIdRequest: Rop as "RopIdFromLongTermId" {
        /// The long-term identifier.
        pub long_term_id: LongTermId = "LongTermId",
    }
}

rop_response! {
    /// `RopIdFromLongTermId`: the response ([MS-OXCROPS] 2.2.3.9.2).
    pub struct RopIdFromLongTermIdResponse as "RopIdFromLongTermId" {
        /// The identifier of the folder or message.
        pub object_id: FolderId = "ObjectId",
    }
}

structure! {
    /// `RopGetPerUserLongTermIds`: returns the public folders of a database for which there is read state of the user
    /// ([MS-OXCROPS] 2.2.3.10.1).
    pub struct RopGetPerUserLongTermIdsRequest: Rop as "RopGetPerUserLongTermIds" {
        /// The GUID of the database.
        pub database_guid: Guid = "DatabaseGuid",
    }
}

rop_response! {
    /// `RopGetPerUserLongTermIds`: the response ([MS-OXCROPS] 2.2.3.10.2).
    pub struct RopGetPerUserLongTermIdsResponse as "RopGetPerUserLongTermIds" {
        /// The public folders.
        pub long_term_ids: List16<LongTermId> = "LongTermIds",
    }
}

structure! {
    /// `RopGetPerUserGuid`: returns the database of a public folder ([MS-OXCROPS] 2.2.3.11.1).
    pub struct RopGetPerUserGuidRequest: Rop as "RopGetPerUserGuid" {
        /// The public folder.
        pub long_term_id: LongTermId = "LongTermId",
    }
}

rop_response! {
    /// `RopGetPerUserGuid`: the response ([MS-OXCROPS] 2.2.3.11.2).
    pub struct RopGetPerUserGuidResponse as "RopGetPerUserGuid" {
        /// The GUID of the database.
        pub database_guid: Guid = "DatabaseGuid",
    }
}

structure! {
    /// `RopReadPerUserInformation`: returns a user's read state of a public folder ([MS-OXCROPS] 2.2.3.12.1).
    pub struct RopReadPerUserInformationRequest: Rop as "RopReadPerUserInformation" {
        /// The public folder.
        pub folder_id: LongTermId = "FolderId",
        /// Reserved; zero.
        pub reserved: u8 = "Reserved",
        /// The offset of the first requested byte.
        pub data_offset: u32 = "DataOffset",
        /// The maximum number of bytes to return; zero for the server's default.
        pub max_data_size: u16 = "MaxDataSize",
    }
}

rop_response! {
    /// `RopReadPerUserInformation`: the response ([MS-OXCROPS] 2.2.3.12.2).
    pub struct RopReadPerUserInformationResponse as "RopReadPerUserInformation" {
        /// Whether this is the last part of the data.
        pub has_finished: Bool = "HasFinished",
        /// The read state or a part of it: an `IDSET` of change numbers with replica GUIDs ([MS-OXCFXICS] 2.2.2.4.2).
        pub data: Bytes16 = "Data",
    }
}

/// `RopWritePerUserInformation`: sets a user's read state of a public folder ([MS-OXCROPS] 2.2.3.13.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopWritePerUserInformationRequest {
    /// The public folder.
    pub folder_id: LongTermId,
    /// Whether this is the last part of the data.
    pub has_finished: Bool,
    /// The offset of the first byte of `data`.
    pub data_offset: u32,
    /// The read state or a part of it: an `IDSET` of change numbers with replica GUIDs ([MS-OXCFXICS] 2.2.2.4.2).
    pub data: Bytes16,
    /// The GUID of the folder's database; only in the first part, and only in logons to private mailboxes.
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
        // If the type of the logon is not known, the end of the buffer still shows that there is no GUID.
        let first = request.data_offset == 0 && !r.is_empty();
        match context.private {
            Some(true) if request.data_offset == 0 => {
                request.repl_guid = Some(Guid::from_le(r.array("ReplGuid")?));
            }
            None if first => {
                let expected = "a logon of known type (private mailbox or public folders)";
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
                expected: "0, since only the first part has a GUID",
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

//! Properties of objects ([MS-OXCROPS] 2.2.8.3 to 2.2.8.9 and 2.2.8.11 to 2.2.8.13, [MS-OXCPRPT] 2.2.2 to
//! 2.2.11 and 2.2.23).

use wire::{Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bool, DestHandleIndex, List16};
use super::format::Rop;
use super::response_fields::{ResponseFields, rop_response};
use super::shared::Sized16;
use crate::ErrorCode;
use crate::data::PropertyProblemArray;
use crate::field::{Field, flags_field, newtype_field, structure};
use crate::inspect::{Inspect, Node};
use crate::property::{PropTag, PropertyList, PropertyValue, Row};

/// A Boolean of two bytes, whose value is preserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bool16(pub u16);

impl Bool16 {
    /// Whether the value is true: not zero.
    pub const fn is_true(self) -> bool {
        self.0 != 0
    }
}

impl Inspect for Bool16 {
    fn to_node(&self) -> Node {
        Node::Boolean(self.is_true())
    }
}

newtype_field!(Bool16(u16));

structure! {
    /// `RopGetPropertiesSpecific`: reads some properties of an object ([MS-OXCROPS] 2.2.8.3.1).
    pub struct RopGetPropertiesSpecificRequest: Rop as "RopGetPropertiesSpecific" {
        /// The maximum size of a value that is returned, in bytes; zero for no limit except the room in the response.
        pub property_size_limit: u16 = "PropertySizeLimit",
        /// Whether texts whose tags have no type are requested as UTF-16.
        pub want_unicode: Bool16 = "WantUnicode",
        /// The requested properties.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

/// `RopGetPropertiesSpecific`: the response ([MS-OXCROPS] 2.2.8.3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopGetPropertiesSpecificResponse {
    /// The values of the properties in the order of the request. The columns of the row are the tags of the request;
    /// they are not transmitted.
    pub row_data: Row,
}

impl RopGetPropertiesSpecificResponse {
    /// The value of the property `tag`, of any type.
    pub fn get(&self, tag: PropTag) -> Option<&PropertyValue> {
        self.row_data.get(self.row_data.columns(), tag)
    }
}

impl Inspect for RopGetPropertiesSpecificResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("RowData".into(), self.row_data.to_node())])
    }
}

impl ResponseFields for RopGetPropertiesSpecificResponse {
    const OMITTED_BELOW: Option<usize> = Some(1);

    /// The fields are also present if some properties could not be read.
    fn present(return_value: ErrorCode) -> bool {
        has_values(return_value)
    }

    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        let tags =
            context.requested.ok_or_else(|| r.invalid("PropertyTags", 0, "the properties of the request"))?;
        Ok(Self { row_data: Row::read(r, tags.into(), 1)? })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        self.row_data.write(w)
    }
}

/// Whether a response with this return value has property values: also if some of them are errors.
fn has_values(return_value: ErrorCode) -> bool {
    matches!(return_value, ErrorCode::SUCCESS | ErrorCode::MAPI_W_ERRORS_RETURNED)
}

structure! {
    /// `RopGetPropertiesAll`: reads all properties of an object ([MS-OXCROPS] 2.2.8.4.1).
    pub struct RopGetPropertiesAllRequest: Rop as "RopGetPropertiesAll" {
        /// The maximum size of a value that is returned, in bytes; zero for no limit except the room in the response.
        pub property_size_limit: u16 = "PropertySizeLimit",
        /// Whether texts are requested as UTF-16.
        pub want_unicode: Bool16 = "WantUnicode",
    }
}

structure! {
    /// `RopGetPropertiesAll`: the response ([MS-OXCROPS] 2.2.8.4.2).
    pub struct RopGetPropertiesAllResponse: Rop as "RopGetPropertiesAll" {
        /// The properties; those whose value is too large have the type `PtypErrorCode`.
        pub property_values: PropertyList = "PropertyValues",
    }
}

impl ResponseFields for RopGetPropertiesAllResponse {
    fn present(return_value: ErrorCode) -> bool {
        has_values(return_value)
    }

    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        Field::read(r, "RopGetPropertiesAll")
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        Field::write(self, w, "RopGetPropertiesAll")
    }
}

rop_response! {
    /// `RopGetPropertiesList`: the response, with the tags of an object's properties ([MS-OXCROPS] 2.2.8.5.2).
    pub struct RopGetPropertiesListResponse as "RopGetPropertiesList" {
        /// The properties of the object.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

structure! {
    /// `RopSetProperties`: sets properties of an object ([MS-OXCROPS] 2.2.8.6.1).
    pub struct RopSetPropertiesRequest: Rop as "RopSetProperties" {
        /// The properties to set.
        pub property_values: Sized16<PropertyList> = "PropertyValues",
    }
}

rop_response! {
    /// The response to ROPs that set, delete or copy properties ([MS-OXCROPS] 2.2.8.6.2).
    pub struct PropertyProblemsResponse as "PropertyProblems" {
        /// The properties for which the operation failed.
        pub property_problems: PropertyProblemArray = "PropertyProblems",
    }
}

/// `RopSetProperties`: the response ([MS-OXCROPS] 2.2.8.6.2).
pub type RopSetPropertiesResponse = PropertyProblemsResponse;

/// `RopSetPropertiesNoReplicate`: sets properties of an object, without replication ([MS-OXCROPS] 2.2.8.7.1).
pub type RopSetPropertiesNoReplicateRequest = RopSetPropertiesRequest;

/// `RopSetPropertiesNoReplicate`: the response ([MS-OXCROPS] 2.2.8.7.2).
pub type RopSetPropertiesNoReplicateResponse = PropertyProblemsResponse;

structure! {
    /// `RopDeleteProperties`: deletes properties of an object ([MS-OXCROPS] 2.2.8.8.1).
    pub struct RopDeletePropertiesRequest: Rop as "RopDeleteProperties" {
        /// The properties to delete.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

/// `RopDeleteProperties`: the response ([MS-OXCROPS] 2.2.8.8.2).
pub type RopDeletePropertiesResponse = PropertyProblemsResponse;

/// `RopDeletePropertiesNoReplicate`: deletes properties of an object, without replication ([MS-OXCROPS] 2.2.8.9.1).
pub type RopDeletePropertiesNoReplicateRequest = RopDeletePropertiesRequest;

/// `RopDeletePropertiesNoReplicate`: the response ([MS-OXCROPS] 2.2.8.9.2).
pub type RopDeletePropertiesNoReplicateResponse = PropertyProblemsResponse;

flags_field! {
    /// The options of copying properties ([MS-OXCPRPT] 2.2.10.1, 2.2.11.1).
    pub struct CopyFlags(u8) {
        /// The properties are moved.
        MOVE = 0x01,
        /// Properties that the destination has are not overwritten.
        NO_OVERWRITE = 0x02,
    }
}

structure! {
    /// `RopCopyProperties`: copies some properties to another object ([MS-OXCROPS] 2.2.8.11.1).
    pub struct RopCopyPropertiesRequest: Rop as "RopCopyProperties" {
        /// The destination object.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Whether the server may respond before the operation is complete.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether the properties are moved, and whether existing ones are overwritten.
        pub copy_flags: CopyFlags = "CopyFlags",
        /// The properties to copy.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

/// `RopCopyProperties`, `RopCopyTo`: the response ([MS-OXCROPS] 2.2.8.11.2, 2.2.8.11.3, 2.2.8.12.2, 2.2.8.12.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RopCopyPropertiesResponse {
    /// The properties for which the operation failed.
    Copied(PropertyProblemArray),
    /// The destination object does not exist ([`ErrorCode::EC_DST_NULL_OBJECT`]).
    NullDestination {
        /// The handle index of the destination, from the request.
        dest_handle_index: u32,
    },
}

impl Inspect for RopCopyPropertiesResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![match self {
            Self::Copied(problems) => ("PropertyProblems".into(), problems.to_node()),
            Self::NullDestination { dest_handle_index } => {
                ("DestHandleIndex".into(), dest_handle_index.to_node())
            }
        }])
    }
}

impl ResponseFields for RopCopyPropertiesResponse {
    fn present(return_value: ErrorCode) -> bool {
        matches!(return_value, ErrorCode::SUCCESS | ErrorCode::EC_DST_NULL_OBJECT)
    }

    fn read(r: &mut Reader<'_>, return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        if return_value == ErrorCode::EC_DST_NULL_OBJECT {
            return Ok(Self::NullDestination { dest_handle_index: r.u32("DestHandleIndex")? });
        }
        Field::read(r, "PropertyProblems").map(Self::Copied)
    }

    fn fits(&self, return_value: ErrorCode) -> bool {
        match self {
            Self::Copied(_) => return_value == ErrorCode::SUCCESS,
            Self::NullDestination { .. } => return_value == ErrorCode::EC_DST_NULL_OBJECT,
        }
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Copied(problems) => Field::write(problems, w, "PropertyProblems"),
            Self::NullDestination { dest_handle_index } => {
                w.u32(*dest_handle_index);
                Ok(())
            }
        }
    }
}

structure! {
    /// `RopCopyTo`: copies all properties except some to another object ([MS-OXCROPS] 2.2.8.12.1).
    pub struct RopCopyToRequest: Rop as "RopCopyTo" {
        /// The destination object.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Whether the server may respond before the operation is complete.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether nested objects are copied.
        pub want_sub_objects: Bool = "WantSubObjects",
        /// Whether the properties are moved, and whether existing ones are overwritten.
        pub copy_flags: CopyFlags = "CopyFlags",
        /// The properties that are not copied.
        pub excluded_tags: List16<PropTag> = "ExcludedTags",
    }
}

/// `RopCopyTo`: the response ([MS-OXCROPS] 2.2.8.12.2, 2.2.8.12.3).
pub type RopCopyToResponse = RopCopyPropertiesResponse;

structure! {
    /// `RopProgress`: returns the progress of an asynchronous operation ([MS-OXCROPS] 2.2.8.13.1).
    pub struct RopProgressRequest: Rop as "RopProgress" {
        /// Whether the operation is to be cancelled.
        pub want_cancel: Bool = "WantCancel",
    }
}

rop_response! {
    /// `RopProgress`: the response ([MS-OXCROPS] 2.2.8.13.2). After completion, the server sends the response of the
    /// asynchronous ROP instead.
    pub struct RopProgressResponse as "RopProgress" {
        /// The logon of the operation.
        pub logon_id: u8 = "LogonId",
        /// The number of completed tasks.
        pub completed_task_count: u32 = "CompletedTaskCount",
        /// The total number of tasks.
        pub total_task_count: u32 = "TotalTaskCount",
    }
}

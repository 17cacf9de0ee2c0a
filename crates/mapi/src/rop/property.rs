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

/// A Boolean of two bytes, which are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bool16(pub u16);

impl Bool16 {
    /// Whether it is true.
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
    /// Asks for some properties of an object ([MS-OXCROPS] 2.2.8.3.1).
    pub struct RopGetPropertiesSpecificRequest: Rop as "RopGetPropertiesSpecific" {
        /// Over how many bytes a value is not returned; zero for as many as there is room for.
        pub property_size_limit: u16 = "PropertySizeLimit",
        /// Whether texts whose tags do not say are wanted in UTF-16.
        pub want_unicode: Bool16 = "WantUnicode",
        /// Which properties.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

/// Some properties of an object ([MS-OXCROPS] 2.2.8.3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RopGetPropertiesSpecificResponse {
    /// Their values in the order of the request, whose tags are the row's columns. They are not sent here.
    pub row_data: Row,
}

impl RopGetPropertiesSpecificResponse {
    /// The value of the property that `tag` names, whatever its type.
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
    const LEFT_OUT_BELOW: Option<usize> = Some(1);

    /// With some properties that could not be read, it has them all the same.
    fn present(return_value: ErrorCode) -> bool {
        has_values(return_value)
    }

    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, context: ResponseContext<'_>) -> Result<Self> {
        let tags =
            context.requested.ok_or_else(|| r.invalid("PropertyTags", 0, "the request that is answered"))?;
        Ok(Self { row_data: Row::read(r, tags, 1)? })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        self.row_data.write(w)
    }
}

/// Whether an answer with property values has them: also where some of them are errors.
fn has_values(return_value: ErrorCode) -> bool {
    matches!(return_value, ErrorCode::SUCCESS | ErrorCode::MAPI_W_ERRORS_RETURNED)
}

structure! {
    /// Asks for all properties of an object ([MS-OXCROPS] 2.2.8.4.1).
    pub struct RopGetPropertiesAllRequest: Rop as "RopGetPropertiesAll" {
        /// Over how many bytes a value is not returned; zero for as many as there is room for.
        pub property_size_limit: u16 = "PropertySizeLimit",
        /// Whether texts are wanted in UTF-16.
        pub want_unicode: Bool16 = "WantUnicode",
    }
}

structure! {
    /// All properties of an object ([MS-OXCROPS] 2.2.8.4.2).
    pub struct RopGetPropertiesAllResponse: Rop as "RopGetPropertiesAll" {
        /// The properties; of type `PtypErrorCode` where the value is too large.
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
    /// Which properties an object has ([MS-OXCROPS] 2.2.8.5.2).
    pub struct RopGetPropertiesListResponse as "RopGetPropertiesList" {
        /// The properties.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

structure! {
    /// Writes properties of an object ([MS-OXCROPS] 2.2.8.6.1).
    pub struct RopSetPropertiesRequest: Rop as "RopSetProperties" {
        /// The properties.
        pub property_values: Sized16<PropertyList> = "PropertyValues",
    }
}

rop_response! {
    /// What became of properties that were written, deleted or copied ([MS-OXCROPS] 2.2.8.6.2).
    pub struct PropertyProblemsResponse as "PropertyProblems" {
        /// Those with which it did not work.
        pub property_problems: PropertyProblemArray = "PropertyProblems",
    }
}

/// What became of properties that were written ([MS-OXCROPS] 2.2.8.6.2).
pub type RopSetPropertiesResponse = PropertyProblemsResponse;

/// Writes properties of an object that are not replicated ([MS-OXCROPS] 2.2.8.7.1).
pub type RopSetPropertiesNoReplicateRequest = RopSetPropertiesRequest;

/// What became of properties that were written ([MS-OXCROPS] 2.2.8.7.2).
pub type RopSetPropertiesNoReplicateResponse = PropertyProblemsResponse;

structure! {
    /// Deletes properties of an object ([MS-OXCROPS] 2.2.8.8.1).
    pub struct RopDeletePropertiesRequest: Rop as "RopDeleteProperties" {
        /// Which properties.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

/// What became of properties that were deleted ([MS-OXCROPS] 2.2.8.8.2).
pub type RopDeletePropertiesResponse = PropertyProblemsResponse;

/// Deletes properties of an object, which is not replicated ([MS-OXCROPS] 2.2.8.9.1).
pub type RopDeletePropertiesNoReplicateRequest = RopDeletePropertiesRequest;

/// What became of properties that were deleted ([MS-OXCROPS] 2.2.8.9.2).
pub type RopDeletePropertiesNoReplicateResponse = PropertyProblemsResponse;

flags_field! {
    /// How properties are copied ([MS-OXCPRPT] 2.2.10.1, 2.2.11.1).
    pub struct CopyFlags(u8) {
        /// They are moved.
        MOVE = 0x01,
        /// Those that the other object has already are left alone.
        NO_OVERWRITE = 0x02,
    }
}

structure! {
    /// Copies some properties to another object ([MS-OXCROPS] 2.2.8.11.1).
    pub struct RopCopyPropertiesRequest: Rop as "RopCopyProperties" {
        /// The other object.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Whether the server may answer before it is done.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// How.
        pub copy_flags: CopyFlags = "CopyFlags",
        /// Which properties.
        pub property_tags: List16<PropTag> = "PropertyTags",
    }
}

/// What became of properties that were copied ([MS-OXCROPS] 2.2.8.11.2, 2.2.8.11.3, 2.2.8.12.2, 2.2.8.12.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RopCopyPropertiesResponse {
    /// Those with which it did not work.
    Copied(PropertyProblemArray),
    /// There is no such object to copy to ([`ErrorCode::EC_DST_NULL_OBJECT`]).
    NullDestination {
        /// The index from the request.
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
    /// Copies all properties but some to another object ([MS-OXCROPS] 2.2.8.12.1).
    pub struct RopCopyToRequest: Rop as "RopCopyTo" {
        /// The other object.
        pub dest_handle_index: DestHandleIndex = "DestHandleIndex",
        /// Whether the server may answer before it is done.
        pub want_asynchronous: Bool = "WantAsynchronous",
        /// Whether the objects in it are copied too.
        pub want_sub_objects: Bool = "WantSubObjects",
        /// How.
        pub copy_flags: CopyFlags = "CopyFlags",
        /// Which properties are not copied.
        pub excluded_tags: List16<PropTag> = "ExcludedTags",
    }
}

/// What became of properties that were copied ([MS-OXCROPS] 2.2.8.12.2, 2.2.8.12.3).
pub type RopCopyToResponse = RopCopyPropertiesResponse;

structure! {
    /// Asks how far something is that goes on after it was answered ([MS-OXCROPS] 2.2.8.13.1).
    pub struct RopProgressRequest: Rop as "RopProgress" {
        /// Whether it is to stop.
        pub want_cancel: Bool = "WantCancel",
    }
}

rop_response! {
    /// How far something is that goes on after it was answered ([MS-OXCROPS] 2.2.8.13.2). Once it is done,
    /// the ROP that began it is answered in place of this.
    pub struct RopProgressResponse as "RopProgress" {
        /// The logon that it belongs to.
        pub logon_id: u8 = "LogonId",
        /// How many tasks are done.
        pub completed_task_count: u32 = "CompletedTaskCount",
        /// How many tasks there are.
        pub total_task_count: u32 = "TotalTaskCount",
    }
}

//! Named properties: the mapping of names to property ids in a mailbox ([MS-OXCROPS] 2.2.8.1, 2.2.8.2, 2.2.8.10,
//! [MS-OXCPRPT] 2.2.12, 2.2.13, 2.2.9).

use wire::{Decode as _, Encode as _, Guid, Reader, Result, Writer};

use super::context::ResponseContext;
use super::field::{Bool, List16};
use super::format::Rop;
use super::response_fields::{ResponseFields, rop_response};
use crate::ErrorCode;
use crate::data::PropertyName;
use crate::field::{Field, enum_field, flags_field, structure};
use crate::inspect::{Inspect, Node};

enum_field! {
    /// The treatment of names that have no property id ([MS-OXCPRPT] 2.2.12.1).
    pub struct PropertyIdFlags(u8) {
        /// No property id is assigned.
        NONE = 0x00,
        /// A property id is assigned.
        CREATE = 0x02,
    }
}

structure! {
    /// `RopGetPropertyIdsFromNames`: returns the property ids of names ([MS-OXCROPS] 2.2.8.1.1).
    pub struct RopGetPropertyIdsFromNamesRequest: Rop as "RopGetPropertyIdsFromNames" {
        /// The treatment of names that have no property id.
        pub flags: PropertyIdFlags = "Flags",
        /// The names; if empty, all names of the mailbox.
        pub property_names: List16<PropertyName> = "PropertyNames",
    }
}

structure! {
    /// `RopGetPropertyIdsFromNames`: the response ([MS-OXCROPS] 2.2.8.1.2).
    pub struct RopGetPropertyIdsFromNamesResponse: Rop as "RopGetPropertyIdsFromNames" {
        /// The property ids in the order of the names; zero for names without a property id.
        pub property_ids: List16<u16> = "PropertyIds",
    }
}

impl ResponseFields for RopGetPropertyIdsFromNamesResponse {
    /// The fields are also present if some of the names have no property id.
    fn present(return_value: ErrorCode) -> bool {
        matches!(return_value, ErrorCode::SUCCESS | ErrorCode::MAPI_W_ERRORS_RETURNED)
    }

    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        Field::read(r, "RopGetPropertyIdsFromNames")
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        Field::write(self, w, "RopGetPropertyIdsFromNames")
    }
}

structure! {
    /// `RopGetNamesFromPropertyIds`: returns the names of property ids ([MS-OXCROPS] 2.2.8.2.1).
    pub struct RopGetNamesFromPropertyIdsRequest: Rop as "RopGetNamesFromPropertyIds" {
        /// The property ids.
        pub property_ids: List16<u16> = "PropertyIds",
    }
}

rop_response! {
    /// `RopGetNamesFromPropertyIds`: the response ([MS-OXCROPS] 2.2.8.2.2).
    pub struct RopGetNamesFromPropertyIdsResponse as "RopGetNamesFromPropertyIds" {
        /// The names in the order of the property ids.
        pub property_names: List16<PropertyName> = "PropertyNames",
    }
}

flags_field! {
    /// The requested kinds of named properties ([MS-OXCPRPT] 2.2.9.1).
    pub struct QueryFlags(u8) {
        /// Properties whose name is a text are excluded.
        NO_STRINGS = 0x01,
        /// Properties whose name is a number are excluded.
        NO_IDS = 0x02,
    }
}

structure! {
    /// `RopQueryNamedProperties`: returns the named properties of an object or a mailbox ([MS-OXCROPS] 2.2.8.10.1).
    pub struct RopQueryNamedPropertiesRequest: Rop as "RopQueryNamedProperties" {
        /// The requested kinds of names.
        pub query_flags: QueryFlags = "QueryFlags",
        /// Whether only the properties of one property set are requested.
        pub has_guid: Bool = "HasGuid",
        /// The GUID of the property set.
        pub property_guid: Option<Guid> = "PropertyGuid" by has_guid,
    }
}

/// `RopQueryNamedProperties`: the response ([MS-OXCROPS] 2.2.8.10.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopQueryNamedPropertiesResponse {
    /// The property ids and names.
    pub properties: Vec<(u16, PropertyName)>,
}

impl Inspect for RopQueryNamedPropertiesResponse {
    fn to_node(&self) -> Node {
        let one = |(id, name): &(u16, PropertyName)| {
            Node::Fields(vec![("PropertyId".into(), id.to_node()), ("PropertyName".into(), name.to_node())])
        };
        Node::Fields(vec![("Properties".into(), Node::List(self.properties.iter().map(one).collect()))])
    }
}

impl ResponseFields for RopQueryNamedPropertiesResponse {
    fn present(return_value: ErrorCode) -> bool {
        matches!(return_value, ErrorCode::SUCCESS | ErrorCode::MAPI_W_ERRORS_RETURNED)
    }

    fn read(r: &mut Reader<'_>, _return_value: ErrorCode, _context: ResponseContext<'_>) -> Result<Self> {
        let count = r.u16("IdCount")?;
        let least = <PropertyName as Field<Rop>>::MIN_SIZE.saturating_add(2);
        let count = r.elements(u32::from(count), least, u32::MAX, "IdCount")?;
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            ids.push(r.u16("PropertyIds")?);
        }
        let mut properties = Vec::with_capacity(count);
        for id in ids {
            properties.push((id, PropertyName::decode(r)?));
        }
        Ok(Self { properties })
    }

    fn write(&self, w: &mut Writer) -> Result<()> {
        w.len16(self.properties.len(), "IdCount")?;
        for (id, _) in &self.properties {
            w.u16(*id);
        }
        self.properties.iter().try_for_each(|(_, name)| name.encode(w))
    }
}

//! Implements inspection for NSPI calls. Properties have the names of the address book, not those of mailboxes.

use std::borrow::Cow;

use wire::Decode as _;

use super::request::DeleteEntriesRequest;
use super::restriction::Restriction;
use super::types::{PropertyName, Stat, TagArray};
use super::value;
use crate::data::{AddressBookEntryId, DisplayType, FlatUid, MId};
use crate::inspect::field::{InspectField, bytes, inspect_field_as_value, inspect_field_by_name, list};
use crate::inspect::{Inspect, Node, string8};
use crate::property::{PropTag, PropertyList, PropertyValue, TaggedValue};

inspect_field_as_value!(PropTag Stat PropertyName);
inspect_field_by_name!(MId DisplayType);

impl<T: InspectField> InspectField for TagArray<T> {
    fn field_node(&self) -> Node {
        list(&self.values)
    }
}

impl InspectField for FlatUid {
    fn field_node(&self) -> Node {
        self.guid().to_node()
    }
}

/// The name and value of an address book property. Entry ids are decoded.
pub(crate) fn address_book_property(tag: PropTag, value: &PropertyValue) -> (Cow<'static, str>, Node) {
    let name = tag.to_string();
    let node = match value.untyped() {
        PropertyValue::Binary(bytes) if name.contains("EntryId") => entry_id(bytes),
        _ => value.to_node(),
    };
    (name.into(), node)
}

/// The name or number in an address book entry id; the bytes of an entry id of another kind.
pub(crate) fn entry_id(bytes: &[u8]) -> Node {
    match AddressBookEntryId::from_bytes(bytes) {
        Ok(AddressBookEntryId::Permanent(id)) => string8(&id.distinguished_name),
        Ok(AddressBookEntryId::Ephemeral(id)) => id.mid.field_node(),
        Err(_) => Node::Bytes(bytes.to_vec()),
    }
}

impl InspectField for TaggedValue {
    fn field_node(&self) -> Node {
        Node::Fields(vec![address_book_property(self.tag, &self.value)])
    }
}

impl InspectField for PropertyList {
    fn field_node(&self) -> Node {
        Node::Fields(self.0.iter().map(|one| address_book_property(one.tag, &one.value)).collect())
    }
}

impl InspectField for value::PropertyValue {
    fn field_node(&self) -> Node {
        self.to_tagged().field_node()
    }
}

impl InspectField for value::PropertyRow {
    fn field_node(&self) -> Node {
        self.to_row().field_node()
    }
}

impl InspectField for Restriction {
    fn field_node(&self) -> Node {
        // A restriction with a missing part cannot be converted.
        self.to_restriction()
            .map_or_else(|| Node::Text(format!("{self:?}")), |restriction| restriction.to_node())
    }
}

impl Inspect for DeleteEntriesRequest {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("hRpc".into(), self.handle.field_node()), ("rest".into(), bytes(&self.rest))])
    }
}

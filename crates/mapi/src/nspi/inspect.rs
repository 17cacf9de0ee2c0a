//! Implements inspection for NSPI calls. Properties have address book names, not mailbox names.

use std::borrow::Cow;

use wire::Decode as _;

use super::request::DeleteEntriesRequest;
use super::restriction::Restriction;
use super::types::{PropertyName, Stat, TagArray};
use super::value;
use crate::data::{AddressBookEntryId, DisplayType, FlatUid, MId};
use crate::inspect::part::{InspectPart, bytes, inspect_part_as_whole, inspect_part_by_name, list};
use crate::inspect::{Inspect, Node, string8};
use crate::property::{PropTag, PropertyList, PropertyValue, TaggedValue};

inspect_part_as_whole!(PropTag Stat PropertyName);
inspect_part_by_name!(MId DisplayType);

impl<T: InspectPart> InspectPart for TagArray<T> {
    fn part_node(&self) -> Node {
        list(&self.values)
    }
}

impl InspectPart for FlatUid {
    fn part_node(&self) -> Node {
        self.guid().to_node()
    }
}

/// A property of the address book, by its name: entry ids as what is in them.
pub(crate) fn address_book_property(tag: PropTag, value: &PropertyValue) -> (Cow<'static, str>, Node) {
    let name = tag.to_string();
    let shown = match value.untyped() {
        PropertyValue::Binary(bytes) if name.contains("EntryId") => entry_id(bytes),
        _ => value.to_node(),
    };
    (name.into(), shown)
}

/// An entry id of the address book as the name or number in it; as bytes if it is another kind.
pub(crate) fn entry_id(bytes: &[u8]) -> Node {
    match AddressBookEntryId::from_bytes(bytes) {
        Ok(AddressBookEntryId::Permanent(id)) => string8(&id.distinguished_name),
        Ok(AddressBookEntryId::Ephemeral(id)) => id.mid.part_node(),
        Err(_) => Node::Bytes(bytes.to_vec()),
    }
}

impl InspectPart for TaggedValue {
    fn part_node(&self) -> Node {
        Node::Fields(vec![address_book_property(self.tag, &self.value)])
    }
}

impl InspectPart for PropertyList {
    fn part_node(&self) -> Node {
        Node::Fields(self.0.iter().map(|one| address_book_property(one.tag, &one.value)).collect())
    }
}

impl InspectPart for value::PropertyValue {
    fn part_node(&self) -> Node {
        self.to_tagged().part_node()
    }
}

impl InspectPart for value::PropertyRow {
    fn part_node(&self) -> Node {
        self.to_row().part_node()
    }
}

impl InspectPart for Restriction {
    fn part_node(&self) -> Node {
        // What lacks a part is no restriction.
        self.to_restriction().map_or_else(|| Node::Text(format!("{self:?}")), |words| words.to_node())
    }
}

impl Inspect for DeleteEntriesRequest {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("hRpc".into(), self.handle.part_node()), ("rest".into(), bytes(&self.rest))])
    }
}

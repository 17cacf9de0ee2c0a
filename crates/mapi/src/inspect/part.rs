//! How calls are shown: what they ask and answer outside of ROPs, by remote call or by HTTP.

use std::borrow::Cow;
use std::fmt::Debug;

use rpc::ndr::{
    CharString, ConformantVarying, ContextHandle, Counted, Ptr, SizedArray, SizedPtr, WcharString,
};
use wire::{Decode as _, Guid, Utf16};

use super::{Inspect, Node, string8};
use crate::ErrorCode;
use crate::emsmdb::{InBytes, OutBytes, RpcFlags, ShortInBytes, Version, Words};
use crate::mapihttp::nspi::{ColumnsAndRows, CompareMIdsResponse, EntryIds, Filter, Names, PropertyName};
use crate::mapihttp::{Answer, AuxiliaryBuffer, Bare, Failure, Maybe, SizedBytes, String8};
use crate::nspi::{self, DisplayType, EntryId, FlatUid, MId, Stat};
use crate::property::{PropTag, PropertyList, PropertyRow, PropertyValue, TaggedValue};
use crate::rfr::GetFQDNFromServerDNRequest;

/// A part of a call as it is shown. Other than in a mailbox, properties are those of the address book.
pub(crate) trait Part {
    /// The part as it is shown.
    fn shown(&self) -> Node;
}

macro_rules! as_shown {
    ($($type:ty)*) => {
        $(impl Part for $type {
            fn shown(&self) -> Node {
                self.to_node()
            }
        })*
    };
}

as_shown!(u8 u16 u32 i32 ErrorCode PropTag Guid Utf16 Stat nspi::PropertyName);

/// A number by its name.
fn named(number: u32, name: &impl Debug) -> Node {
    Node::Named(u64::from(number), Cow::Owned(format!("{name:?}")))
}

macro_rules! by_name {
    ($($type:ty)*) => {
        $(impl Part for $type {
            fn shown(&self) -> Node {
                named(self.0, self)
            }
        })*
    };
}

by_name!(MId DisplayType RpcFlags);

fn bytes(bytes: &[u8]) -> Node {
    if bytes.is_empty() { Node::Nothing } else { Node::Bytes(bytes.to_vec()) }
}

fn list<T: Part>(items: &[T]) -> Node {
    Node::List(items.iter().map(Part::shown).collect())
}

impl<T: Part> Part for Vec<T> {
    fn shown(&self) -> Node {
        list(self)
    }
}

impl<T: Part> Part for Ptr<T> {
    fn shown(&self) -> Node {
        self.get().map_or(Node::Nothing, Part::shown)
    }
}

impl<T: Part> Part for Box<T> {
    fn shown(&self) -> Node {
        (**self).shown()
    }
}

impl<T: Part> Part for Counted<T> {
    fn shown(&self) -> Node {
        list(&self.0)
    }
}

impl<T: Part> Part for SizedArray<T> {
    fn shown(&self) -> Node {
        list(&self.0)
    }
}

impl<T: Part> Part for SizedPtr<T> {
    fn shown(&self) -> Node {
        list(self.as_slice())
    }
}

impl<T: Part> Part for nspi::TagArray<T> {
    fn shown(&self) -> Node {
        list(&self.values)
    }
}

impl<T: Part> Part for Maybe<T> {
    fn shown(&self) -> Node {
        self.get().map_or(Node::Nothing, Part::shown)
    }
}

impl<T: Part> Part for Names<T> {
    fn shown(&self) -> Node {
        list(&self.names)
    }
}

impl Part for ConformantVarying<u8> {
    fn shown(&self) -> Node {
        bytes(&self.items)
    }
}

impl Part for InBytes {
    fn shown(&self) -> Node {
        bytes(&self.0)
    }
}

impl Part for ShortInBytes {
    fn shown(&self) -> Node {
        bytes(&self.0)
    }
}

impl Part for OutBytes {
    fn shown(&self) -> Node {
        bytes(self.as_slice())
    }
}

impl Part for SizedBytes {
    fn shown(&self) -> Node {
        bytes(&self.0)
    }
}

impl Part for AuxiliaryBuffer {
    fn shown(&self) -> Node {
        bytes(self.as_slice())
    }
}

impl Part for Words {
    fn shown(&self) -> Node {
        list(&self.0)
    }
}

impl Part for Version {
    fn shown(&self) -> Node {
        Node::Text(self.to_string())
    }
}

impl Part for CharString {
    fn shown(&self) -> Node {
        string8(&self.text)
    }
}

impl Part for WcharString {
    fn shown(&self) -> Node {
        Node::Text(self.to_string_lossy())
    }
}

impl Part for String8 {
    fn shown(&self) -> Node {
        string8(&self.0)
    }
}

impl Part for ContextHandle {
    fn shown(&self) -> Node {
        self.uuid.to_node()
    }
}

impl Part for FlatUid {
    fn shown(&self) -> Node {
        self.guid().to_node()
    }
}

/// A value with the property's name: entry ids as what they mean.
fn property(tag: PropTag, value: &PropertyValue) -> (Cow<'static, str>, Node) {
    let name = tag.to_string();
    let shown = match value.untyped() {
        PropertyValue::Binary(bytes) if name.contains("EntryId") => entry_id(bytes),
        _ => value.to_node(),
    };
    (name.into(), shown)
}

fn entry_id(bytes: &[u8]) -> Node {
    match EntryId::from_bytes(bytes) {
        Ok(EntryId::Permanent(id)) => string8(&id.distinguished_name),
        Ok(EntryId::Ephemeral(id)) => id.mid.shown(),
        Err(_) => Node::Bytes(bytes.to_vec()),
    }
}

impl Part for TaggedValue {
    fn shown(&self) -> Node {
        Node::Fields(vec![property(self.tag, &self.value)])
    }
}

impl Part for PropertyList {
    fn shown(&self) -> Node {
        Node::Fields(self.0.iter().map(|one| property(one.tag, &one.value)).collect())
    }
}

impl Part for nspi::PropertyValue {
    fn shown(&self) -> Node {
        self.to_tagged().shown()
    }
}

impl Part for nspi::PropertyRow {
    fn shown(&self) -> Node {
        self.to_row().shown()
    }
}

impl Part for nspi::Restriction {
    fn shown(&self) -> Node {
        // What lacks a part is no restriction.
        self.to_restriction().map_or_else(|| Node::Text(format!("{self:?}")), |words| words.to_node())
    }
}

impl Part for Filter {
    fn shown(&self) -> Node {
        self.restriction.to_node()
    }
}

impl Part for ColumnsAndRows {
    fn shown(&self) -> Node {
        let row = |row: &PropertyRow| {
            let fields = self.columns.iter().enumerate().take(row.len()).map(|(place, column)| {
                match (row.value(place), row) {
                    (Some(value), _) => property(*column, value),
                    (None, PropertyRow::Flagged(values)) => {
                        let shown = values.get(place).map_or(Node::Nothing, Inspect::to_node);
                        (column.to_string().into(), shown)
                    }
                    (None, PropertyRow::Standard(_)) => (column.to_string().into(), Node::Nothing),
                }
            });
            Node::Fields(fields.collect())
        };
        Node::List(self.rows.iter().map(row).collect())
    }
}

impl Part for PropertyName {
    fn shown(&self) -> Node {
        Node::Fields(vec![("guid".into(), self.guid.to_node()), ("id".into(), self.id.to_node())])
    }
}

impl Part for EntryIds {
    fn shown(&self) -> Node {
        Node::List(self.ids.iter().map(|id| entry_id(id)).collect())
    }
}

impl Inspect for CompareMIdsResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("ErrorCode".into(), self.error_code.to_node()),
            ("Result".into(), self.result.to_node()),
            ("AuxiliaryBuffer".into(), self.aux.shown()),
        ])
    }
}

impl Inspect for nspi::DeleteEntriesRequest {
    fn to_node(&self) -> Node {
        Node::Fields(vec![("hRpc".into(), self.handle.shown()), ("rest".into(), bytes(&self.rest))])
    }
}

impl Inspect for GetFQDNFromServerDNRequest {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("ulFlags".into(), self.flags.to_node()),
            ("szMailboxServerDN".into(), self.mailbox_server_dn.shown()),
        ])
    }
}

impl<T: Inspect> Inspect for Answer<T> {
    fn to_node(&self) -> Node {
        match self {
            Self::Complete(body) => body.to_node(),
            Self::Bare(Bare { error_code, aux }) => failed("ErrorCode", *error_code, aux),
            Self::Failure(Failure { status_code, aux }) => failed("StatusCode", *status_code, aux),
        }
    }
}

fn failed(name: &'static str, code: ErrorCode, aux: &AuxiliaryBuffer) -> Node {
    Node::Fields(vec![(name.into(), code.to_node()), ("AuxiliaryBuffer".into(), aux.shown())])
}

/// Shows a structure by the names that the specification gives its fields.
macro_rules! show_fields {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $structure:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident: $type:ty = $spelled:literal),* $(,)?
    }) => {
        impl $crate::inspect::Inspect for $name {
            fn to_node(&self) -> $crate::inspect::Node {
                $crate::inspect::Node::Fields(vec![
                    $(($spelled.into(), $crate::inspect::part::Part::shown(&self.$field)),)*
                ])
            }
        }
    };
}

/// As `rpc::ndr_params`, of what is shown too.
macro_rules! shown_params {
    ($($tokens:tt)*) => {
        ::rpc::ndr_params! { $($tokens)* }
        $crate::inspect::part::show_fields! { $($tokens)* }
    };
}

/// As `rpc::ndr_struct`, of what is shown too.
macro_rules! shown_struct {
    ($($tokens:tt)*) => {
        ::rpc::ndr_struct! { $($tokens)* }
        $crate::inspect::part::show_fields! { $($tokens)* }
    };
}

pub(crate) use {show_fields, shown_params, shown_struct};

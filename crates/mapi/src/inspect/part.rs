//! How calls are shown: what they ask and answer outside of ROPs, by remote call or by HTTP.

use std::borrow::Cow;
use std::fmt::Debug;

use rpc::ndr::{
    CharString, ConformantVarying, ContextHandle, Counted, Ptr, SizedArray, SizedPtr, WcharString,
};
use wire::{Decode as _, Guid, Utf16};

use super::{Show, Shown, string8};
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
    fn shown(&self) -> Shown;
}

macro_rules! as_shown {
    ($($type:ty)*) => {
        $(impl Part for $type {
            fn shown(&self) -> Shown {
                self.show()
            }
        })*
    };
}

as_shown!(u8 u16 u32 i32 ErrorCode PropTag Guid Utf16 Stat nspi::PropertyName);

/// A number by its name.
fn named(number: u32, name: &impl Debug) -> Shown {
    Shown::Named(u64::from(number), Cow::Owned(format!("{name:?}")))
}

macro_rules! by_name {
    ($($type:ty)*) => {
        $(impl Part for $type {
            fn shown(&self) -> Shown {
                named(self.0, self)
            }
        })*
    };
}

by_name!(MId DisplayType RpcFlags);

fn bytes(bytes: &[u8]) -> Shown {
    if bytes.is_empty() { Shown::Nothing } else { Shown::Bytes(bytes.to_vec()) }
}

fn list<T: Part>(items: &[T]) -> Shown {
    Shown::List(items.iter().map(Part::shown).collect())
}

impl<T: Part> Part for Vec<T> {
    fn shown(&self) -> Shown {
        list(self)
    }
}

impl<T: Part> Part for Ptr<T> {
    fn shown(&self) -> Shown {
        self.get().map_or(Shown::Nothing, Part::shown)
    }
}

impl<T: Part> Part for Box<T> {
    fn shown(&self) -> Shown {
        (**self).shown()
    }
}

impl<T: Part> Part for Counted<T> {
    fn shown(&self) -> Shown {
        list(&self.0)
    }
}

impl<T: Part> Part for SizedArray<T> {
    fn shown(&self) -> Shown {
        list(&self.0)
    }
}

impl<T: Part> Part for SizedPtr<T> {
    fn shown(&self) -> Shown {
        list(self.as_slice())
    }
}

impl<T: Part> Part for nspi::TagArray<T> {
    fn shown(&self) -> Shown {
        list(&self.values)
    }
}

impl<T: Part> Part for Maybe<T> {
    fn shown(&self) -> Shown {
        self.get().map_or(Shown::Nothing, Part::shown)
    }
}

impl<T: Part> Part for Names<T> {
    fn shown(&self) -> Shown {
        list(&self.names)
    }
}

impl Part for ConformantVarying<u8> {
    fn shown(&self) -> Shown {
        bytes(&self.items)
    }
}

impl Part for InBytes {
    fn shown(&self) -> Shown {
        bytes(&self.0)
    }
}

impl Part for ShortInBytes {
    fn shown(&self) -> Shown {
        bytes(&self.0)
    }
}

impl Part for OutBytes {
    fn shown(&self) -> Shown {
        bytes(self.as_slice())
    }
}

impl Part for SizedBytes {
    fn shown(&self) -> Shown {
        bytes(&self.0)
    }
}

impl Part for AuxiliaryBuffer {
    fn shown(&self) -> Shown {
        bytes(self.as_slice())
    }
}

impl Part for Words {
    fn shown(&self) -> Shown {
        list(&self.0)
    }
}

impl Part for Version {
    fn shown(&self) -> Shown {
        Shown::Text(self.to_string())
    }
}

impl Part for CharString {
    fn shown(&self) -> Shown {
        string8(&self.text)
    }
}

impl Part for WcharString {
    fn shown(&self) -> Shown {
        Shown::Text(self.to_string_lossy())
    }
}

impl Part for String8 {
    fn shown(&self) -> Shown {
        string8(&self.0)
    }
}

impl Part for ContextHandle {
    fn shown(&self) -> Shown {
        self.uuid.show()
    }
}

impl Part for FlatUid {
    fn shown(&self) -> Shown {
        self.guid().show()
    }
}

/// A value with the property's name: entry ids as what they mean.
fn property(tag: PropTag, value: &PropertyValue) -> (Cow<'static, str>, Shown) {
    let name = tag.to_string();
    let shown = match value.untyped() {
        PropertyValue::Binary(bytes) if name.contains("EntryId") => entry_id(bytes),
        _ => value.show(),
    };
    (name.into(), shown)
}

fn entry_id(bytes: &[u8]) -> Shown {
    match EntryId::from_bytes(bytes) {
        Ok(EntryId::Permanent(id)) => string8(&id.distinguished_name),
        Ok(EntryId::Ephemeral(id)) => id.mid.shown(),
        Err(_) => Shown::Bytes(bytes.to_vec()),
    }
}

impl Part for TaggedValue {
    fn shown(&self) -> Shown {
        Shown::Fields(vec![property(self.tag, &self.value)])
    }
}

impl Part for PropertyList {
    fn shown(&self) -> Shown {
        Shown::Fields(self.0.iter().map(|one| property(one.tag, &one.value)).collect())
    }
}

impl Part for nspi::PropertyValue {
    fn shown(&self) -> Shown {
        self.to_tagged().shown()
    }
}

impl Part for nspi::PropertyRow {
    fn shown(&self) -> Shown {
        self.to_row().shown()
    }
}

impl Part for nspi::Restriction {
    fn shown(&self) -> Shown {
        // What lacks a part is no restriction.
        self.to_restriction().map_or_else(|| Shown::Text(format!("{self:?}")), |words| words.show())
    }
}

impl Part for Filter {
    fn shown(&self) -> Shown {
        self.restriction.show()
    }
}

impl Part for ColumnsAndRows {
    fn shown(&self) -> Shown {
        let row = |row: &PropertyRow| {
            let fields = self.columns.iter().enumerate().take(row.len()).map(|(place, column)| {
                match (row.value(place), row) {
                    (Some(value), _) => property(*column, value),
                    (None, PropertyRow::Flagged(values)) => {
                        let shown = values.get(place).map_or(Shown::Nothing, Show::show);
                        (column.to_string().into(), shown)
                    }
                    (None, PropertyRow::Standard(_)) => (column.to_string().into(), Shown::Nothing),
                }
            });
            Shown::Fields(fields.collect())
        };
        Shown::List(self.rows.iter().map(row).collect())
    }
}

impl Part for PropertyName {
    fn shown(&self) -> Shown {
        Shown::Fields(vec![("guid".into(), self.guid.show()), ("id".into(), self.id.show())])
    }
}

impl Part for EntryIds {
    fn shown(&self) -> Shown {
        Shown::List(self.ids.iter().map(|id| entry_id(id)).collect())
    }
}

impl Show for CompareMIdsResponse {
    fn show(&self) -> Shown {
        Shown::Fields(vec![
            ("ErrorCode".into(), self.error_code.show()),
            ("Result".into(), self.result.show()),
            ("AuxiliaryBuffer".into(), self.aux.shown()),
        ])
    }
}

impl Show for nspi::DeleteEntriesRequest {
    fn show(&self) -> Shown {
        Shown::Fields(vec![("hRpc".into(), self.handle.shown()), ("rest".into(), bytes(&self.rest))])
    }
}

impl Show for GetFQDNFromServerDNRequest {
    fn show(&self) -> Shown {
        Shown::Fields(vec![
            ("ulFlags".into(), self.flags.show()),
            ("szMailboxServerDN".into(), self.mailbox_server_dn.shown()),
        ])
    }
}

impl<T: Show> Show for Answer<T> {
    fn show(&self) -> Shown {
        match self {
            Self::Complete(body) => body.show(),
            Self::Bare(Bare { error_code, aux }) => failed("ErrorCode", *error_code, aux),
            Self::Failure(Failure { status_code, aux }) => failed("StatusCode", *status_code, aux),
        }
    }
}

fn failed(name: &'static str, code: ErrorCode, aux: &AuxiliaryBuffer) -> Shown {
    Shown::Fields(vec![(name.into(), code.show()), ("AuxiliaryBuffer".into(), aux.shown())])
}

/// Shows a structure by the names that the specification gives its fields.
macro_rules! show_fields {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $structure:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident: $type:ty = $spelled:literal),* $(,)?
    }) => {
        impl $crate::inspect::Show for $name {
            fn show(&self) -> $crate::inspect::Shown {
                $crate::inspect::Shown::Fields(vec![
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

//! Implements inspection for NDR types, and the macros that implement it for structures of such types.

use std::borrow::Cow;
use std::fmt::Debug;

use rpc::ndr::{
    CharString, ConformantVarying, ContextHandle, Counted, Ptr, SizedArray, SizedPtr, WcharString,
};
use wire::{Guid, Utf16};

use super::{Inspect, Node, string8};
use crate::ErrorCode;

/// A field of an RPC call or of a body of MAPI over HTTP that can be inspected. Its properties have the names of the
/// address book, while [`Inspect`] uses those of mailboxes.
pub(crate) trait InspectField {
    /// Returns the tree of the field's named values.
    fn field_node(&self) -> Node;
}

/// Implements [`InspectField`] for types that implement [`Inspect`].
macro_rules! inspect_field_as_value {
    ($($type:ty)*) => {
        $(impl $crate::inspect::field::InspectField for $type {
            fn field_node(&self) -> $crate::inspect::Node {
                $crate::inspect::Inspect::to_node(self)
            }
        })*
    };
}

inspect_field_as_value!(u8 u16 u32 i32 ErrorCode Guid Utf16);

/// Returns a number and its name.
pub(crate) fn named(number: u32, name: &impl Debug) -> Node {
    Node::Named(u64::from(number), Cow::Owned(format!("{name:?}")))
}

/// Implements [`InspectField`] for newtypes of numbers, as the number and its name.
macro_rules! inspect_field_by_name {
    ($($type:ty)*) => {
        $(impl $crate::inspect::field::InspectField for $type {
            fn field_node(&self) -> $crate::inspect::Node {
                $crate::inspect::field::named(self.0, self)
            }
        })*
    };
}

/// Returns bytes, or [`Node::Nothing`] if they are empty.
pub(crate) fn bytes(bytes: &[u8]) -> Node {
    if bytes.is_empty() { Node::Nothing } else { Node::Bytes(bytes.to_vec()) }
}

/// Returns a list of the items.
pub(crate) fn list<T: InspectField>(items: &[T]) -> Node {
    Node::List(items.iter().map(InspectField::field_node).collect())
}

impl<T: InspectField> InspectField for Vec<T> {
    fn field_node(&self) -> Node {
        list(self)
    }
}

impl<T: InspectField> InspectField for Ptr<T> {
    fn field_node(&self) -> Node {
        self.get().map_or(Node::Nothing, InspectField::field_node)
    }
}

impl<T: InspectField> InspectField for Box<T> {
    fn field_node(&self) -> Node {
        (**self).field_node()
    }
}

impl<T: InspectField> InspectField for Counted<T> {
    fn field_node(&self) -> Node {
        list(&self.0)
    }
}

impl<T: InspectField> InspectField for SizedArray<T> {
    fn field_node(&self) -> Node {
        list(&self.0)
    }
}

impl<T: InspectField> InspectField for SizedPtr<T> {
    fn field_node(&self) -> Node {
        list(self.as_slice())
    }
}

impl InspectField for ConformantVarying<u8> {
    fn field_node(&self) -> Node {
        bytes(&self.items)
    }
}

impl InspectField for CharString {
    fn field_node(&self) -> Node {
        string8(&self.text)
    }
}

impl InspectField for WcharString {
    fn field_node(&self) -> Node {
        Node::Text(self.to_string_lossy())
    }
}

impl InspectField for ContextHandle {
    fn field_node(&self) -> Node {
        self.uuid.to_node()
    }
}

/// Implements [`Inspect`] for a structure of NDR fields, with the names of the specification.
macro_rules! inspect_fields {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $structure:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident: $type:ty = $spelled:literal),* $(,)?
    }) => {
        impl $crate::inspect::Inspect for $name {
            fn to_node(&self) -> $crate::inspect::Node {
                $crate::inspect::Node::Fields(vec![
                    $(($spelled.into(), $crate::inspect::field::InspectField::field_node(&self.$field)),)*
                ])
            }
        }
    };
}

/// Declares the parameters of a call as `rpc::ndr_params` does, and implements [`Inspect`].
macro_rules! inspect_params {
    ($($tokens:tt)*) => {
        ::rpc::ndr_params! { $($tokens)* }
        $crate::inspect::field::inspect_fields! { $($tokens)* }
    };
}

/// Declares a structure as `rpc::ndr_struct` does, and implements [`Inspect`].
macro_rules! inspect_struct {
    ($($tokens:tt)*) => {
        ::rpc::ndr_struct! { $($tokens)* }
        $crate::inspect::field::inspect_fields! { $($tokens)* }
    };
}

pub(crate) use {
    inspect_field_as_value, inspect_field_by_name, inspect_fields, inspect_params, inspect_struct,
};

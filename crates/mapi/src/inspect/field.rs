//! Implements inspection for NDR types, with macros for structures that are made of them.

use std::borrow::Cow;
use std::fmt::Debug;

use rpc::ndr::{
    CharString, ConformantVarying, ContextHandle, Counted, Ptr, SizedArray, SizedPtr, WcharString,
};
use wire::{Guid, Utf16};

use super::{Inspect, Node, string8};
use crate::ErrorCode;

/// A field of a call that can be inspected. Properties have the names of the address book here, not those of a
/// mailbox, as [`Inspect`] has them.
pub(crate) trait InspectPart {
    /// The tree of its named values.
    fn part_node(&self) -> Node;
}

/// Inspects fields as they are inspected anywhere.
macro_rules! inspect_part_as_whole {
    ($($type:ty)*) => {
        $(impl $crate::inspect::part::InspectPart for $type {
            fn part_node(&self) -> $crate::inspect::Node {
                $crate::inspect::Inspect::to_node(self)
            }
        })*
    };
}

inspect_part_as_whole!(u8 u16 u32 i32 ErrorCode Guid Utf16);

/// A number by its name.
pub(crate) fn named(number: u32, name: &impl Debug) -> Node {
    Node::Named(u64::from(number), Cow::Owned(format!("{name:?}")))
}

/// Inspects fields that are numbers by their names.
macro_rules! inspect_part_by_name {
    ($($type:ty)*) => {
        $(impl $crate::inspect::part::InspectPart for $type {
            fn part_node(&self) -> $crate::inspect::Node {
                $crate::inspect::part::named(self.0, self)
            }
        })*
    };
}

/// Bytes, or nothing if they are empty.
pub(crate) fn bytes(bytes: &[u8]) -> Node {
    if bytes.is_empty() { Node::Nothing } else { Node::Bytes(bytes.to_vec()) }
}

/// A list of the parts.
pub(crate) fn list<T: InspectPart>(items: &[T]) -> Node {
    Node::List(items.iter().map(InspectPart::part_node).collect())
}

impl<T: InspectPart> InspectPart for Vec<T> {
    fn part_node(&self) -> Node {
        list(self)
    }
}

impl<T: InspectPart> InspectPart for Ptr<T> {
    fn part_node(&self) -> Node {
        self.get().map_or(Node::Nothing, InspectPart::part_node)
    }
}

impl<T: InspectPart> InspectPart for Box<T> {
    fn part_node(&self) -> Node {
        (**self).part_node()
    }
}

impl<T: InspectPart> InspectPart for Counted<T> {
    fn part_node(&self) -> Node {
        list(&self.0)
    }
}

impl<T: InspectPart> InspectPart for SizedArray<T> {
    fn part_node(&self) -> Node {
        list(&self.0)
    }
}

impl<T: InspectPart> InspectPart for SizedPtr<T> {
    fn part_node(&self) -> Node {
        list(self.as_slice())
    }
}

impl InspectPart for ConformantVarying<u8> {
    fn part_node(&self) -> Node {
        bytes(&self.items)
    }
}

impl InspectPart for CharString {
    fn part_node(&self) -> Node {
        string8(&self.text)
    }
}

impl InspectPart for WcharString {
    fn part_node(&self) -> Node {
        Node::Text(self.to_string_lossy())
    }
}

impl InspectPart for ContextHandle {
    fn part_node(&self) -> Node {
        self.uuid.to_node()
    }
}

/// Implements [`Inspect`] by the names that the specification gives its fields.
macro_rules! inspect_fields {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $structure:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident: $type:ty = $spelled:literal),* $(,)?
    }) => {
        impl $crate::inspect::Inspect for $name {
            fn to_node(&self) -> $crate::inspect::Node {
                $crate::inspect::Node::Fields(vec![
                    $(($spelled.into(), $crate::inspect::part::InspectPart::part_node(&self.$field)),)*
                ])
            }
        }
    };
}

/// As `rpc::ndr_params`, with [`Inspect`].
macro_rules! inspect_params {
    ($($tokens:tt)*) => {
        ::rpc::ndr_params! { $($tokens)* }
        $crate::inspect::part::inspect_fields! { $($tokens)* }
    };
}

/// As `rpc::ndr_struct`, with [`Inspect`].
macro_rules! inspect_struct {
    ($($tokens:tt)*) => {
        ::rpc::ndr_struct! { $($tokens)* }
        $crate::inspect::part::inspect_fields! { $($tokens)* }
    };
}

pub(crate) use {
    inspect_fields, inspect_params, inspect_part_as_whole, inspect_part_by_name, inspect_struct,
};

//! Converts structures to trees of named values ([`Node`]), for text and JSON output.

pub(crate) mod display;
pub(crate) mod field;

use std::borrow::Cow;

use wire::{FileTime, Guid, Utf16};

use crate::property::value::Restriction;

/// A node of the tree: a value, a list, or fields with the names of the specification.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// No value.
    Nothing,
    /// A truth value.
    Boolean(bool),
    /// An unsigned number.
    Number(u64),
    /// A signed number.
    Signed(i64),
    /// A floating-point number.
    Float(f64),
    /// A number with a name, such as an error code or a set of flags.
    Named(u64, Cow<'static, str>),
    /// A text, without quotation marks.
    Text(String),
    /// A text that is not ASCII, in a code page; see [`string8`].
    String8 {
        /// The bytes of the text, without a terminator.
        bytes: Vec<u8>,
        /// The code page of the text; `None` for that of the session.
        code_page: Option<u16>,
    },
    /// A restriction, which is formatted once the names of its properties are known.
    Condition(Box<Restriction>),
    /// Bytes that are not text.
    Bytes(Vec<u8>),
    /// A list of values.
    List(Vec<Self>),
    /// Named values, in order.
    Fields(Vec<(Cow<'static, str>, Self)>),
}

impl Node {
    /// The node with `code_page` for its texts whose code page is not known.
    #[must_use]
    pub(crate) fn in_code_page(self, code_page: u16) -> Self {
        match self {
            Self::String8 { bytes, code_page: None } => Self::String8 { bytes, code_page: Some(code_page) },
            Self::List(items) => {
                Self::List(items.into_iter().map(|item| item.in_code_page(code_page)).collect())
            }
            Self::Fields(fields) => Self::Fields(
                fields.into_iter().map(|(name, value)| (name, value.in_code_page(code_page))).collect(),
            ),
            other => other,
        }
    }
}

/// Returns a text in the code page of the session: as [`Node::Text`] if it is ASCII, otherwise as [`Node::String8`].
pub fn string8(bytes: &[u8]) -> Node {
    string8_of(bytes, None)
}

/// Returns a text in little-endian UTF-16, or its bytes if it has an unpaired surrogate, which no text can represent.
pub fn string16(bytes: &[u8]) -> Node {
    wire::utf16le_to_string(bytes, "text").map_or_else(|_| Node::Bytes(bytes.to_vec()), Node::Text)
}

/// Returns a text in a code page, or in that of the session: as [`Node::Text`] if it is ASCII, otherwise as
/// [`Node::String8`].
pub fn string8_of(bytes: &[u8], code_page: Option<u16>) -> Node {
    match std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()) {
        Some(text) => Node::Text(text.to_owned()),
        None => Node::String8 { bytes: bytes.to_vec(), code_page },
    }
}

/// A structure that can be converted to a tree of named values.
pub trait Inspect {
    /// Returns the tree of the structure's named values.
    fn to_node(&self) -> Node;
}

impl<T: Inspect> Inspect for [T] {
    fn to_node(&self) -> Node {
        Node::List(self.iter().map(Inspect::to_node).collect())
    }
}

/// A byte array is inspected as bytes, other arrays as lists.
impl<T: Inspect + 'static, const N: usize> Inspect for [T; N] {
    fn to_node(&self) -> Node {
        let any: &dyn std::any::Any = self;
        any.downcast_ref::<[u8; N]>()
            .map_or_else(|| self.as_slice().to_node(), |bytes| Node::Bytes(bytes.to_vec()))
    }
}

impl<T: Inspect> Inspect for Vec<T> {
    fn to_node(&self) -> Node {
        self.as_slice().to_node()
    }
}

impl<T: Inspect> Inspect for Option<T> {
    fn to_node(&self) -> Node {
        self.as_ref().map_or(Node::Nothing, Inspect::to_node)
    }
}

impl<T: Inspect + ?Sized> Inspect for Box<T> {
    fn to_node(&self) -> Node {
        (**self).to_node()
    }
}

macro_rules! numbers {
    ($($unsigned:ty)*; $($signed:ty)*) => {
        $(impl Inspect for $unsigned {
            fn to_node(&self) -> Node {
                Node::Number(u64::from(*self))
            }
        })*
        $(impl Inspect for $signed {
            fn to_node(&self) -> Node {
                Node::Signed(i64::from(*self))
            }
        })*
    };
}

numbers!(u8 u16 u32 u64; i8 i16 i32 i64);

impl Inspect for Guid {
    fn to_node(&self) -> Node {
        Node::Text(self.to_string())
    }
}

impl Inspect for Utf16 {
    fn to_node(&self) -> Node {
        string16(self.as_le_bytes())
    }
}

impl Inspect for FileTime {
    fn to_node(&self) -> Node {
        Node::Text(self.to_string())
    }
}

/// Implements [`Inspect`] for newtypes of unsigned numbers, as the number and its name.
macro_rules! inspect_named {
    ($($name:ty),* $(,)?) => {
        $(impl $crate::inspect::Inspect for $name {
            fn to_node(&self) -> $crate::inspect::Node {
                $crate::inspect::Node::Named(u64::from(self.0), format!("{self:?}").into())
            }
        })*
    };
}

pub(crate) use inspect_named;

inspect_named!(crate::ErrorCode);

//! What a structure says to people and to programs that print it: a small tree of named values.

pub(crate) mod part;

use std::borrow::Cow;

use wire::{FileTime, Guid, Utf16};

use crate::property::Restriction;

/// A value as it is shown: text, numbers, lists, and fields by their specification's names.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// There is nothing.
    Nothing,
    /// Yes or no.
    Boolean(bool),
    /// A number.
    Number(u64),
    /// A number that may be negative.
    Signed(i64),
    /// A floating-point number.
    Float(f64),
    /// A number that has a name, such as an error code or a set of flags.
    Named(u64, Cow<'static, str>),
    /// A text.
    Text(String),
    /// A text that is not ASCII, in a code page: this one, or that of the conversation. See [`string8`].
    String8 {
        /// The text's bytes, without a terminator.
        bytes: Vec<u8>,
        /// Its code page; none for that of the conversation.
        code_page: Option<u16>,
    },
    /// A condition, to be put in words where it is known what its properties are called.
    Condition(Box<Restriction>),
    /// Bytes that are not text.
    Bytes(Vec<u8>),
    /// Several values.
    List(Vec<Self>),
    /// Values by name, in order.
    Fields(Vec<(Cow<'static, str>, Self)>),
}

/// How a text in the code page of the conversation is shown: as it is where it is ASCII.
pub fn string8(bytes: &[u8]) -> Shown {
    string8_of(bytes, None)
}

/// How a text in UTF-16, little-endian, is shown.
pub fn string16(bytes: &[u8]) -> Shown {
    Shown::Text(wire::utf16le_to_string_lossy(bytes))
}

/// How a text in a code page is shown.
pub fn string8_of(bytes: &[u8], code_page: Option<u16>) -> Shown {
    match std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()) {
        Some(text) => Shown::Text(text.to_owned()),
        None => Shown::String8 { bytes: bytes.to_vec(), code_page },
    }
}

/// Whatever can be shown.
pub trait Show {
    /// The value as it is shown.
    fn show(&self) -> Shown;
}

impl<T: Show> Show for [T] {
    fn show(&self) -> Shown {
        Shown::List(self.iter().map(Show::show).collect())
    }
}

/// A single number of bytes is rather a row of bytes than a list of numbers.
impl<T: Show + 'static, const N: usize> Show for [T; N] {
    fn show(&self) -> Shown {
        let any: &dyn std::any::Any = self;
        any.downcast_ref::<[u8; N]>()
            .map_or_else(|| self.as_slice().show(), |bytes| Shown::Bytes(bytes.to_vec()))
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> Shown {
        self.as_slice().show()
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> Shown {
        self.as_ref().map_or(Shown::Nothing, Show::show)
    }
}

impl<T: Show + ?Sized> Show for Box<T> {
    fn show(&self) -> Shown {
        (**self).show()
    }
}

macro_rules! numbers {
    ($($unsigned:ty)*; $($signed:ty)*) => {
        $(impl Show for $unsigned {
            fn show(&self) -> Shown {
                Shown::Number(u64::from(*self))
            }
        })*
        $(impl Show for $signed {
            fn show(&self) -> Shown {
                Shown::Signed(i64::from(*self))
            }
        })*
    };
}

numbers!(u8 u16 u32 u64; i8 i16 i32 i64);

impl Show for Guid {
    fn show(&self) -> Shown {
        Shown::Text(self.to_string())
    }
}

impl Show for Utf16 {
    fn show(&self) -> Shown {
        Shown::Text(self.to_string_lossy())
    }
}

impl Show for FileTime {
    fn show(&self) -> Shown {
        Shown::Text(self.to_string())
    }
}

/// Shows a newtype of an unsigned number by its name.
macro_rules! inspect_named {
    ($($name:ty),* $(,)?) => {
        $(impl $crate::inspect::Show for $name {
            fn show(&self) -> $crate::inspect::Shown {
                $crate::inspect::Shown::Named(u64::from(self.0), format!("{self:?}").into())
            }
        })*
    };
}

pub(crate) use inspect_named;

inspect_named!(crate::ErrorCode, crate::property::PropType, crate::property::PropTag);

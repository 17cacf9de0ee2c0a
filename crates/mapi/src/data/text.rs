//! Strings of 8-bit or 16-bit characters, and typed strings ([MS-OXCDATA] 2.11.7).

use std::fmt;

use wire::{Decode, Encode, Reader, Result, Utf16, Writer};

use crate::zero_terminated::{read_string8, read_unicode, write_string8, write_unicode};

/// A string whose character width another field determines.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Text {
    /// Bytes in the code page of the session, without a terminator.
    String8(Vec<u8>),
    /// UTF-16.
    Unicode(Utf16),
}

impl Text {
    /// Reads a text and its terminator.
    ///
    /// # Errors
    /// Fails if there is no terminator.
    pub fn read(r: &mut Reader<'_>, unicode: bool, field: &'static str) -> Result<Self> {
        if unicode {
            read_unicode(r, field).map(Self::Unicode)
        } else {
            read_string8(r, field).map(|text| Self::String8(text.to_vec()))
        }
    }

    /// Writes the text with its terminator; `unicode` is the character width that the structure requires.
    ///
    /// # Errors
    /// Fails if the text has the other character width, or contains a terminator.
    pub fn write(&self, w: &mut Writer, unicode: bool, field: &'static str) -> Result<()> {
        match (self, unicode) {
            (Self::String8(text), false) => write_string8(w, text, field),
            (Self::Unicode(text), true) => write_unicode(w, text, field),
            _ => Err(w.invalid(
                field,
                u64::from(unicode),
                "a text of the character width that the flags require",
            )),
        }
    }

    /// Whether the text is UTF-16.
    pub const fn is_unicode(&self) -> bool {
        matches!(self, Self::Unicode(_))
    }

    /// The text for display; 8-bit strings are decoded as UTF-8.
    pub fn to_string_lossy(&self) -> String {
        match self {
            Self::String8(text) => String::from_utf8_lossy(text).into_owned(),
            Self::Unicode(text) => text.to_string_lossy(),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Unicode(Utf16::new(text))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

/// A string that is preceded by a byte with its type ([MS-OXCDATA] 2.11.7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum TypedString {
    /// No string.
    #[default]
    None,
    /// The empty string.
    Empty,
    /// Bytes in the code page of the session.
    String8(Vec<u8>),
    /// UTF-16 whose upper bytes are all zero; only the lower bytes are sent.
    ReducedUnicode(Vec<u8>),
    /// UTF-16.
    Unicode(Utf16),
}

impl TypedString {
    /// Encodes `text` as servers do: as reduced Unicode if possible.
    pub fn new(text: &str) -> Self {
        let units = Utf16::new(text);
        if units.is_empty() {
            return Self::Empty;
        }
        let reduced = units.units().map(u8::try_from).collect::<Result<Vec<_>, _>>();
        reduced.map_or(Self::Unicode(units), Self::ReducedUnicode)
    }

    /// The text for display; `None` if there is no string.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Empty => Some(String::new()),
            Self::String8(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Self::ReducedUnicode(text) => Some(text.iter().copied().map(char::from).collect()),
            Self::Unicode(text) => Some(text.to_string_lossy()),
        }
    }
}

impl<'a> Decode<'a> for TypedString {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        Ok(match r.u8("StringType")? {
            0x00 => Self::None,
            0x01 => Self::Empty,
            0x02 => Self::String8(read_string8(r, "String")?.to_vec()),
            0x03 => Self::ReducedUnicode(read_string8(r, "String")?.to_vec()),
            0x04 => Self::Unicode(read_unicode(r, "String")?),
            other => return Err(r.invalid("StringType", u64::from(other), "0 to 4")),
        })
    }
}

impl Encode for TypedString {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::None => drop(w.u8(0x00)),
            Self::Empty => drop(w.u8(0x01)),
            Self::String8(text) => write_string8(w.u8(0x02), text, "String")?,
            Self::ReducedUnicode(text) => write_string8(w.u8(0x03), text, "String")?,
            Self::Unicode(text) => write_unicode(w.u8(0x04), text, "String")?,
        }
        Ok(())
    }
}

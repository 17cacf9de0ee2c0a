//! Values as text (`Display`).

use std::fmt;

use super::row::FlaggedValue;
use super::tag::PropType;
use super::value::{PropertyValue, TaggedValue};

/// How many characters of a text are shown.
const TEXT: usize = 120;
/// How many bytes of a row of bytes are shown.
const BYTES: usize = 32;
/// How many of several values are shown.
const SEVERAL: usize = 8;

/// The first [`BYTES`] of `bytes` in hexadecimal, with their number.
fn bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().take(BYTES).try_for_each(|byte| write!(f, "{byte:02x}"))?;
    if bytes.len() > BYTES {
        f.write_str("…")?;
    }
    write!(f, " ({} {})", bytes.len(), if bytes.len() == 1 { "byte" } else { "bytes" })
}

/// `text` in quotation marks, its first [`TEXT`] characters, with its number of characters when that is more.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    match text.char_indices().nth(TEXT) {
        None => write!(f, "{text:?}"),
        Some((end, _)) => {
            write!(f, "{:?}… ({} characters)", text.get(..end).unwrap_or(text), text.chars().count())
        }
    }
}

/// `text` in quotation marks where it can be read without its code page; its bytes otherwise.
fn string8(f: &mut fmt::Formatter<'_>, text: &[u8]) -> fmt::Result {
    match std::str::from_utf8(text) {
        Ok(text) => quoted(f, text),
        Err(_) => bytes(f, text),
    }
}

/// `items` in brackets, the first [`SEVERAL`], with their number when there are more.
pub(super) fn several<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    mut show: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("[")?;
    for (place, item) in items.iter().take(SEVERAL).enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        show(f, item)?;
    }
    if items.len() > SEVERAL {
        write!(f, ", … {} in all", items.len())?;
    }
    f.write_str("]")
}

/// An amount in ten-thousandths.
fn currency(f: &mut fmt::Formatter<'_>, amount: i64) -> fmt::Result {
    let sign = if amount < 0 { "-" } else { "" };
    let parts = amount.unsigned_abs();
    write!(f, "{sign}{}.{:04}", parts / 10_000, parts % 10_000)
}

impl fmt::Display for PropertyValue {
    /// Texts in quotation marks and shortened, times as ISO 8601, bytes in hexadecimal with their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None(PropType::PtypNull) => f.write_str("null"),
            Self::None(PropType::PtypObject) => f.write_str("an object"),
            Self::None(_) => f.write_str("no value"),
            Self::Integer16(value) => value.fmt(f),
            Self::Integer32(value) => value.fmt(f),
            Self::Integer64(value) => value.fmt(f),
            Self::Floating32(value) => value.fmt(f),
            Self::Floating64(value) => value.fmt(f),
            Self::Currency(value) => currency(f, *value),
            Self::FloatingTime(value) => write!(f, "day {value}"),
            Self::Boolean(value) => value.fmt(f),
            Self::OddBoolean(odd) => write!(f, "true ({odd:#04x})"),
            Self::Error(code) => code.fmt(f),
            Self::String8(text) => string8(f, text),
            Self::Unicode(text) => quoted(f, &text.to_string_lossy()),
            Self::Time(value) => value.fmt(f),
            Self::Guid(value) => value.fmt(f),
            Self::Binary(value) => bytes(f, value),
            Self::Object(value) => {
                f.write_str("object ")?;
                bytes(f, value)
            }
            Self::ServerId(id) => id.fmt(f),
            Self::Restriction(inner) => inner.fmt(f),
            Self::RuleAction(inner) => inner.fmt(f),
            Self::MultipleInteger16(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleInteger32(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleInteger64(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleFloating32(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleFloating64(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleCurrency(values) => several(f, values, |f, value| currency(f, *value)),
            Self::MultipleFloatingTime(values) => several(f, values, |f, value| write!(f, "day {value}")),
            Self::MultipleString8(texts) => several(f, texts, |f, text| string8(f, text)),
            Self::MultipleUnicode(texts) => several(f, texts, |f, text| quoted(f, &text.to_string_lossy())),
            Self::MultipleTime(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleGuid(values) => several(f, values, |f, value| value.fmt(f)),
            Self::MultipleBinary(values) => several(f, values, |f, value| bytes(f, value)),
            Self::Sparse { values, absent } => write!(f, "{values}, of which {} absent", absent.len()),
            Self::Typed(typed) => typed.value.fmt(f),
        }
    }
}

impl fmt::Display for TaggedValue {
    /// `PidTagDisplayName_W = "x"`, with names as a mailbox has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.tag.in_store(), self.value)
    }
}

impl fmt::Display for FlaggedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Absent(_) => f.write_str("absent"),
            Self::Error(_, code) => write!(f, "error {code}"),
        }
    }
}

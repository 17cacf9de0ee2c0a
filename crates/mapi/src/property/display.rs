//! Display of property values as text.

use std::fmt;

use super::row::FlaggedValue;
use super::tag::PropType;
use super::value::{PropertyValue, TaggedValue};

/// The maximum number of characters of a text that are displayed.
const MAX_TEXT: usize = 120;
/// The maximum number of bytes of a binary value that are displayed.
const MAX_BYTES: usize = 32;
/// The maximum number of items of a list that are displayed.
const MAX_ITEMS: usize = 8;

/// Writes the first [`MAX_BYTES`] of `bytes` in hexadecimal, and the number of bytes.
fn bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().take(MAX_BYTES).try_for_each(|byte| write!(f, "{byte:02x}"))?;
    if bytes.len() > MAX_BYTES {
        f.write_str("…")?;
    }
    write!(f, " ({} {})", bytes.len(), if bytes.len() == 1 { "byte" } else { "bytes" })
}

/// Writes the first [`MAX_TEXT`] characters of `text` in quotation marks, and the number of characters if there are
/// more.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    match text.char_indices().nth(MAX_TEXT) {
        None => write!(f, "{text:?}"),
        Some((end, _)) => {
            write!(f, "{:?}… ({} characters)", text.get(..end).unwrap_or(text), text.chars().count())
        }
    }
}

/// Writes `text` in quotation marks if it is valid UTF-8, which includes ASCII; otherwise its bytes.
fn string8(f: &mut fmt::Formatter<'_>, text: &[u8]) -> fmt::Result {
    match std::str::from_utf8(text) {
        Ok(text) => quoted(f, text),
        Err(_) => bytes(f, text),
    }
}

/// Writes the first [`MAX_ITEMS`] of `items` in brackets, and the number of items if there are more.
pub(super) fn several<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    mut write_item: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("[")?;
    for (index, item) in items.iter().take(MAX_ITEMS).enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write_item(f, item)?;
    }
    if items.len() > MAX_ITEMS {
        write!(f, ", … {} in all", items.len())?;
    }
    f.write_str("]")
}

/// Writes an amount in units of 1/10,000 with four decimals (`PtypCurrency`, [MS-OXCDATA] 2.11.1).
fn currency(f: &mut fmt::Formatter<'_>, amount: i64) -> fmt::Result {
    let sign = if amount < 0 { "-" } else { "" };
    let units = amount.unsigned_abs();
    write!(f, "{sign}{}.{:04}", units / 10_000, units % 10_000)
}

impl fmt::Display for PropertyValue {
    /// Texts are quoted and shortened, times have the format of ISO 8601, and binary values are shown in hexadecimal
    /// with their length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(PropType::PtypNull) => f.write_str("null"),
            Self::Absent(PropType::PtypObject) => f.write_str("an object"),
            Self::Absent(_) => f.write_str("no value"),
            Self::Integer16(value) => value.fmt(f),
            Self::Integer32(value) => value.fmt(f),
            Self::Integer64(value) => value.fmt(f),
            Self::Floating32(value) => value.fmt(f),
            Self::Floating64(value) => value.fmt(f),
            Self::Currency(value) => currency(f, *value),
            Self::FloatingTime(value) => write!(f, "day {value}"),
            Self::Boolean(value) => value.fmt(f),
            Self::RawBoolean(odd) => write!(f, "true ({odd:#04x})"),
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
            Self::PartlyAbsent { values, absent } => write!(f, "{values}, of which {} absent", absent.len()),
            Self::Typed(typed) => typed.value.fmt(f),
        }
    }
}

impl fmt::Display for TaggedValue {
    /// For example `PidTagDisplayName_W = "x"`, with the name of the property in a mailbox.
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

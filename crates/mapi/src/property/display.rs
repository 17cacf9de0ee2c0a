//! Display of property values as text.

use std::fmt;

use super::inspect::meaning_within;
use super::row::FlaggedValue;
use super::tag::PropType;
use super::value::{PropertyValue, TaggedValue};
use crate::inspect::display::{bytes, quoted, several, string8};

/// Writes an amount in units of 1/10,000 with four decimals (`PtypCurrency`, [MS-OXCDATA] 2.11.1).
fn currency(f: &mut fmt::Formatter<'_>, amount: i64) -> fmt::Result {
    let sign = if amount < 0 { "-" } else { "" };
    let units = amount.unsigned_abs();
    write!(f, "{sign}{}.{:04}", units / 10_000, units % 10_000)
}

impl fmt::Display for PropertyValue {
    /// Texts are quoted, times have the format of ISO 8601, and binary values are shown in hexadecimal with their
    /// length. Long texts, binary values and lists are shortened, and followed by their length; `{:#}` displays all
    /// of them.
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
            Self::PartlyAbsent { values, absent } => {
                values.fmt(f)?;
                write!(f, ", of which {} absent", absent.len())
            }
            Self::Typed(typed) => typed.value.fmt(f),
        }
    }
}

impl fmt::Display for TaggedValue {
    /// For example `PidTagDisplayName_W = "x"`, with the name of the property in a mailbox.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.tag.in_store())?;
        match self.tag.store_name().and_then(|name| meaning_within(name, &self.value)) {
            Some(known) => known.fmt(f),
            None => self.value.fmt(f),
        }
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

//! The type of a property value, and conversions to text, number and bytes.

use wire::{Reader, Result, Utf16, Writer};

use super::layout::Layout;
use super::tag::PropType;
use super::value::{PropertyValue, TypedValue};

impl PropertyValue {
    /// The type of the tags of this value.
    pub fn prop_type(&self) -> PropType {
        match self {
            Self::Absent(prop_type) => *prop_type,
            Self::Integer16(_) => PropType::PtypInteger16,
            Self::Integer32(_) => PropType::PtypInteger32,
            Self::Integer64(_) => PropType::PtypInteger64,
            Self::Floating32(_) => PropType::PtypFloating32,
            Self::Floating64(_) => PropType::PtypFloating64,
            Self::Currency(_) => PropType::PtypCurrency,
            Self::FloatingTime(_) => PropType::PtypFloatingTime,
            Self::Boolean(_) | Self::RawBoolean(_) => PropType::PtypBoolean,
            Self::Error(_) => PropType::PtypErrorCode,
            Self::String8(_) => PropType::PtypString8,
            Self::Unicode(_) => PropType::PtypString,
            Self::Time(_) => PropType::PtypTime,
            Self::Guid(_) => PropType::PtypGuid,
            Self::Binary(_) => PropType::PtypBinary,
            Self::Object(_) => PropType::PtypObject,
            Self::ServerId(_) => PropType::PtypServerId,
            Self::Restriction(_) => PropType::PtypRestriction,
            Self::RuleAction(_) => PropType::PtypRuleAction,
            Self::MultipleInteger16(_) => PropType::PtypMultipleInteger16,
            Self::MultipleInteger32(_) => PropType::PtypMultipleInteger32,
            Self::MultipleInteger64(_) => PropType::PtypMultipleInteger64,
            Self::MultipleFloating32(_) => PropType::PtypMultipleFloating32,
            Self::MultipleFloating64(_) => PropType::PtypMultipleFloating64,
            Self::MultipleCurrency(_) => PropType::PtypMultipleCurrency,
            Self::MultipleFloatingTime(_) => PropType::PtypMultipleFloatingTime,
            Self::MultipleString8(_) => PropType::PtypMultipleString8,
            Self::MultipleUnicode(_) => PropType::PtypMultipleString,
            Self::MultipleTime(_) => PropType::PtypMultipleTime,
            Self::MultipleGuid(_) => PropType::PtypMultipleGuid,
            Self::MultipleBinary(_) => PropType::PtypMultipleBinary,
            Self::PartlyAbsent { values, .. } => values.prop_type(),
            Self::Typed(_) => PropType::PtypUnspecified,
        }
    }

    /// The value without the type that was transmitted with it.
    pub fn untyped(&self) -> &Self {
        match self {
            Self::Typed(typed) => &typed.value,
            _ => self,
        }
    }

    /// The text of a string value, for display; 8-bit strings are decoded as UTF-8.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::String8(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Self::Unicode(text) => Some(text.to_string_lossy()),
            Self::Typed(typed) => typed.value.to_text(),
            _ => None,
        }
    }

    /// The number in an integer, a Boolean or an error code.
    pub fn to_integer(&self) -> Option<i64> {
        match self {
            Self::Integer16(value) => Some(i64::from(*value)),
            Self::Integer32(value) => Some(i64::from(*value)),
            Self::Integer64(value) | Self::Currency(value) => Some(*value),
            Self::Boolean(value) => Some(i64::from(*value)),
            Self::RawBoolean(value) => Some(i64::from(*value)),
            Self::Error(code) => Some(i64::from(code.0)),
            Self::Typed(typed) => typed.value.to_integer(),
            _ => None,
        }
    }

    /// The bytes of a binary value or an object.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Binary(bytes) | Self::Object(bytes) => Some(bytes),
            Self::Typed(typed) => typed.value.as_bytes(),
            _ => None,
        }
    }
}

impl PropertyValue {
    /// Returns a copy that owns its bytes, so that it does not keep alive the buffer from which it was read.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Unicode(text) => Self::Unicode(text.detached()),
            Self::MultipleUnicode(texts) => {
                Self::MultipleUnicode(texts.iter().map(Utf16::detached).collect())
            }
            Self::PartlyAbsent { values, absent } => {
                Self::PartlyAbsent { values: Box::new(values.detached()), absent: absent.clone() }
            }
            Self::Typed(typed) => {
                let TypedValue { prop_type, value } = &**typed;
                Self::Typed(Box::new(TypedValue { prop_type: *prop_type, value: value.detached() }))
            }
            // These contain nested values.
            Self::Restriction(_) | Self::RuleAction(_) => {
                self.read_again().unwrap_or_else(|_| Self::Absent(self.prop_type()))
            }
            other => other.clone(),
        }
    }

    fn read_again(&self) -> Result<Self> {
        let mut w = Writer::new();
        self.write(&mut w, Layout::Rop)?;
        Self::read(&mut Reader::new(w.as_slice()), self.prop_type(), Layout::Rop)
    }
}

impl From<&str> for PropertyValue {
    fn from(text: &str) -> Self {
        Self::Unicode(Utf16::new(text))
    }
}

//! Property values ([MS-OXCDATA] 2.11.1).

use wire::{FileTime, Guid, Reader, Result, Utf16, Writer};

use super::{Layout, PropTag, PropType, Restriction};
use crate::ErrorCode;
use crate::data::{RuleAction, ServerId};

/// A property's value ([MS-OXCDATA] 2.11.1).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PropertyValue {
    /// No value, where its place allows that: `PtypNull` anywhere; `PtypObject` in address books; texts, bytes
    /// and multiple values that an address book says it has not got.
    None(PropType),
    /// `PtypInteger16`.
    Integer16(i16),
    /// `PtypInteger32`.
    Integer32(i32),
    /// `PtypInteger64`.
    Integer64(i64),
    /// `PtypFloating32`.
    Floating32(f32),
    /// `PtypFloating64`.
    Floating64(f64),
    /// `PtypCurrency`, in ten-thousandths.
    Currency(i64),
    /// `PtypFloatingTime`, in days since 30 December 1899.
    FloatingTime(f64),
    /// `PtypBoolean`.
    Boolean(bool),
    /// `PtypBoolean` whose byte is neither 0 nor 1.
    OddBoolean(u8),
    /// `PtypErrorCode`: why there is no value.
    Error(ErrorCode),
    /// `PtypString8`: bytes in the code page of the conversation, without a terminator.
    String8(Vec<u8>),
    /// `PtypString`.
    Unicode(Utf16),
    /// `PtypTime`.
    Time(FileTime),
    /// `PtypGuid`.
    Guid(Guid),
    /// `PtypBinary`.
    Binary(Vec<u8>),
    /// `PtypObject`, as the bytes that stand for it.
    Object(Vec<u8>),
    /// `PtypServerId`.
    ServerId(ServerId),
    /// `PtypRestriction`.
    Restriction(Box<Restriction>),
    /// `PtypRuleAction`.
    RuleAction(Box<RuleAction>),
    /// `PtypMultipleInteger16`.
    MultipleInteger16(Vec<i16>),
    /// `PtypMultipleInteger32`.
    MultipleInteger32(Vec<i32>),
    /// `PtypMultipleInteger64`.
    MultipleInteger64(Vec<i64>),
    /// `PtypMultipleFloating32`.
    MultipleFloating32(Vec<f32>),
    /// `PtypMultipleFloating64`.
    MultipleFloating64(Vec<f64>),
    /// `PtypMultipleCurrency`.
    MultipleCurrency(Vec<i64>),
    /// `PtypMultipleFloatingTime`.
    MultipleFloatingTime(Vec<f64>),
    /// `PtypMultipleString8`.
    MultipleString8(Vec<Vec<u8>>),
    /// `PtypMultipleString`.
    MultipleUnicode(Vec<Utf16>),
    /// `PtypMultipleTime`.
    MultipleTime(Vec<FileTime>),
    /// `PtypMultipleGuid`.
    MultipleGuid(Vec<Guid>),
    /// `PtypMultipleBinary`.
    MultipleBinary(Vec<Vec<u8>>),
    /// Several texts or rows of bytes of which an address book says that some are absent.
    Sparse {
        /// The values, empty where they are absent.
        values: Box<PropertyValue>,
        /// The places of the absent ones, in rising order.
        absent: Vec<u32>,
    },
    /// A value together with its type, where a column's type is `PtypUnspecified` (`TypedPropertyValue`,
    /// [MS-OXCDATA] 2.11.3).
    Typed(Box<TypedValue>),
}

impl PropertyValue {
    /// The type that a tag for this value has.
    pub fn prop_type(&self) -> PropType {
        match self {
            Self::None(prop_type) => *prop_type,
            Self::Integer16(_) => PropType::PtypInteger16,
            Self::Integer32(_) => PropType::PtypInteger32,
            Self::Integer64(_) => PropType::PtypInteger64,
            Self::Floating32(_) => PropType::PtypFloating32,
            Self::Floating64(_) => PropType::PtypFloating64,
            Self::Currency(_) => PropType::PtypCurrency,
            Self::FloatingTime(_) => PropType::PtypFloatingTime,
            Self::Boolean(_) | Self::OddBoolean(_) => PropType::PtypBoolean,
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
            Self::Sparse { values, .. } => values.prop_type(),
            Self::Typed(_) => PropType::PtypUnspecified,
        }
    }

    /// The value itself, without the type that it was sent with.
    pub fn untyped(&self) -> &Self {
        match self {
            Self::Typed(typed) => &typed.value,
            _ => self,
        }
    }

    /// The text of a value that is one, for people to read.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::String8(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Self::Unicode(text) => Some(text.to_string_lossy()),
            Self::Typed(typed) => typed.value.to_text(),
            _ => None,
        }
    }

    /// The number of a value that is a whole one, a Boolean or an error code.
    pub fn to_integer(&self) -> Option<i64> {
        match self {
            Self::Integer16(value) => Some(i64::from(*value)),
            Self::Integer32(value) => Some(i64::from(*value)),
            Self::Integer64(value) | Self::Currency(value) => Some(*value),
            Self::Boolean(value) => Some(i64::from(*value)),
            Self::OddBoolean(value) => Some(i64::from(*value)),
            Self::Error(code) => Some(i64::from(code.0)),
            Self::Typed(typed) => typed.value.to_integer(),
            _ => None,
        }
    }

    /// The bytes of a value that is bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Binary(bytes) | Self::Object(bytes) => Some(bytes),
            Self::Typed(typed) => typed.value.as_bytes(),
            _ => None,
        }
    }
}

impl PropertyValue {
    /// The value with bytes of its own: what it was read from need not be kept for it.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Unicode(text) => Self::Unicode(text.detached()),
            Self::MultipleUnicode(texts) => {
                Self::MultipleUnicode(texts.iter().map(Utf16::detached).collect())
            }
            Self::Sparse { values, absent } => {
                Self::Sparse { values: Box::new(values.detached()), absent: absent.clone() }
            }
            Self::Typed(typed) => {
                let TypedValue { prop_type, value } = &**typed;
                Self::Typed(Box::new(TypedValue { prop_type: *prop_type, value: value.detached() }))
            }
            // These hold values as well, deep within.
            Self::Restriction(_) | Self::RuleAction(_) => {
                self.read_again().unwrap_or_else(|_| Self::None(self.prop_type()))
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

/// A value with the type that it was sent with (`TypedPropertyValue`, [MS-OXCDATA] 2.11.3).
#[derive(Debug, Clone, PartialEq)]
pub struct TypedValue {
    /// The type. It has [`PropType::MULTIVALUE_INSTANCE`] where the value is one of several.
    pub prop_type: PropType,
    /// The value, itself not [`PropertyValue::Typed`].
    pub value: PropertyValue,
}

impl TypedValue {
    /// `value` with its type.
    pub fn new(value: PropertyValue) -> Self {
        Self { prop_type: value.prop_type(), value }
    }
}

/// A property's tag with its value (`TaggedPropertyValue`, [MS-OXCDATA] 2.11.4).
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedValue {
    /// Which property; its type says what the value is.
    pub tag: PropTag,
    /// The value.
    pub value: PropertyValue,
}

impl TaggedValue {
    /// The property of `tag` with `value`, whose type the tag takes on.
    pub fn new(tag: PropTag, value: PropertyValue) -> Self {
        Self { tag: tag.with_type(value.prop_type()), value }
    }

    /// What stands for a value that a restriction lacks, which only address books allow.
    pub const fn absent() -> Self {
        Self { tag: PropTag(0), value: PropertyValue::None(PropType::PtypUnspecified) }
    }

    /// Whether this is [`TaggedValue::absent`].
    pub fn is_absent(&self) -> bool {
        self.tag.0 == 0 && self.value == PropertyValue::None(PropType::PtypUnspecified)
    }
}

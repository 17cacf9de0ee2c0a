use wire::{FileTime, Guid, Utf16};

use super::{PropTag, PropType};
use crate::ErrorCode;

/// A property's value ([MS-OXCDATA] 2.11.1).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PropertyValue {
    /// `PtypUnspecified`, `PtypNull` and `PtypObject` in places that hold no value for them.
    None(PropType),
    /// `PtypInteger16`.
    Integer16(i16),
    /// `PtypInteger32`.
    Integer32(i32),
    /// `PtypInteger64`.
    Integer64(i64),
    /// `PtypBoolean`.
    Boolean(bool),
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
    /// `PtypMultipleInteger16`.
    MultipleInteger16(Vec<i16>),
    /// `PtypMultipleInteger32`.
    MultipleInteger32(Vec<i32>),
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
    /// A value of another type, as the bytes that it had.
    Unknown(PropType, Vec<u8>),
}

impl PropertyValue {
    /// The type that a tag for this value has.
    pub const fn prop_type(&self) -> PropType {
        match self {
            Self::None(prop_type) | Self::Unknown(prop_type, _) => *prop_type,
            Self::Integer16(_) => PropType::PtypInteger16,
            Self::Integer32(_) => PropType::PtypInteger32,
            Self::Integer64(_) => PropType::PtypInteger64,
            Self::Boolean(_) => PropType::PtypBoolean,
            Self::Error(_) => PropType::PtypErrorCode,
            Self::String8(_) => PropType::PtypString8,
            Self::Unicode(_) => PropType::PtypString,
            Self::Time(_) => PropType::PtypTime,
            Self::Guid(_) => PropType::PtypGuid,
            Self::Binary(_) => PropType::PtypBinary,
            Self::MultipleInteger16(_) => PropType::PtypMultipleInteger16,
            Self::MultipleInteger32(_) => PropType::PtypMultipleInteger32,
            Self::MultipleString8(_) => PropType::PtypMultipleString8,
            Self::MultipleUnicode(_) => PropType::PtypMultipleString,
            Self::MultipleTime(_) => PropType::PtypMultipleTime,
            Self::MultipleGuid(_) => PropType::PtypMultipleGuid,
            Self::MultipleBinary(_) => PropType::PtypMultipleBinary,
        }
    }

    /// The text of a value that is one, for people to read.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::String8(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Self::Unicode(text) => Some(text.to_string_lossy()),
            _ => None,
        }
    }
}

impl From<&str> for PropertyValue {
    fn from(text: &str) -> Self {
        Self::Unicode(Utf16::new(text))
    }
}

/// A property's tag with its value ([MS-OXCDATA] 2.11.4).
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedValue {
    /// Which property; its type says what the value is.
    pub tag: PropTag,
    /// The value.
    pub value: PropertyValue,
}

impl TaggedValue {
    /// The property of `tag` with `value`, whose type the tag takes on.
    pub const fn new(tag: PropTag, value: PropertyValue) -> Self {
        Self { tag: tag.with_type(value.prop_type()), value }
    }
}

/// Properties of one object, in the order of a table's columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PropertyRow(pub Vec<TaggedValue>);

impl PropertyRow {
    /// The value of the property that `tag` names, whatever its type.
    pub fn get(&self, tag: PropTag) -> Option<&PropertyValue> {
        self.0.iter().find(|property| property.tag.is_same_property(tag)).map(|property| &property.value)
    }
}

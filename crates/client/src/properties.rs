//! The properties of an object or of a row of a table, with typed access.

use mapi::data::{FolderId, MessageId};
use mapi::property::{PropTag, PropertyList, PropertyRow, PropertyValue, TaggedValue};
use wire::FileTime;

/// Properties with their values. A property is found by its id, whatever the type of its tag: a server may return a
/// text in another encoding than was requested.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Properties(PropertyList);

impl Properties {
    /// The values of `row`. A property that the object lacks has none.
    pub(crate) fn of_row(columns: &[PropTag], row: &PropertyRow) -> Self {
        let values = row.iter(columns).filter_map(|(tag, value)| value.map(|value| (tag, value)));
        let values = values.filter(|(_, value)| !matches!(value, PropertyValue::Error(_)));
        Self(PropertyList(values.map(|(tag, value)| TaggedValue::new(tag, value.detached())).collect()))
    }

    pub(crate) fn push(&mut self, tag: PropTag, value: PropertyValue) {
        self.0.0.push(TaggedValue::new(tag, value));
    }

    /// The properties with their values.
    pub(crate) fn into_values(self) -> Vec<TaggedValue> {
        self.0.0
    }

    /// The value of a property; `None` if the object lacks it.
    pub fn get(&self, tag: PropTag) -> Option<&PropertyValue> {
        self.iter().find(|(known, _)| known.is_same_property(tag)).map(|(_, value)| value.untyped())
    }

    /// All properties, in the order of the columns.
    pub fn iter(&self) -> impl Iterator<Item = (PropTag, &PropertyValue)> {
        self.0.0.iter().map(|property| (property.tag, &property.value))
    }

    /// The text of a string.
    pub fn text(&self, tag: PropTag) -> Option<String> {
        self.get(tag)?.to_text()
    }

    /// An integer of any size.
    pub fn integer(&self, tag: PropTag) -> Option<i64> {
        self.get(tag)?.to_integer()
    }

    /// A Boolean.
    pub fn boolean(&self, tag: PropTag) -> Option<bool> {
        match self.get(tag)? {
            PropertyValue::Boolean(value) => Some(*value),
            PropertyValue::RawBoolean(value) => Some(*value != 0),
            _ => None,
        }
    }

    /// A point in time.
    pub fn time(&self, tag: PropTag) -> Option<FileTime> {
        match self.get(tag)? {
            PropertyValue::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// The bytes of a binary value.
    pub fn bytes(&self, tag: PropTag) -> Option<&[u8]> {
        self.get(tag)?.as_bytes()
    }

    /// The id of the folder (`PidTagFolderId`).
    pub fn folder_id(&self) -> Option<FolderId> {
        self.integer(PropTag::PidTagFolderId).map(|id| FolderId(id.cast_unsigned()))
    }

    /// The id of the message (`PidTagMid`).
    pub fn message_id(&self) -> Option<MessageId> {
        self.integer(PropTag::PidTagMid).map(|id| MessageId(id.cast_unsigned()))
    }
}

impl From<PropertyList> for Properties {
    fn from(list: PropertyList) -> Self {
        Self(list)
    }
}

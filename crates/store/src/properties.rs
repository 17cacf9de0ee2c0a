//! The properties of one object, and how the database keeps them.

use std::collections::BTreeMap;

use mapi::property::{Layout, PropTag, PropType, PropertyValue, TaggedValue};
use wire::{Reader, Utf16, Writer};

use crate::error::Result;

/// Values of more bytes (as [`is_large`] estimates: texts, binary values and their lists, and lists of integers) are
/// kept in rows of `large_value`, so that reading the rows of a contents table does not read them.
pub(crate) const INLINE_MAX: usize = 2048;

/// The properties of one object, by id. An id has at most one value, whatever its type ([MS-OXCPRPT] 3.2.5.4).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Properties(BTreeMap<u16, PropertyValue>);

impl Properties {
    /// No properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of the property that has the id of `tag`, whatever its type.
    pub fn get(&self, tag: PropTag) -> Option<&PropertyValue> {
        self.0.get(&tag.id())
    }

    /// The text of the property, if it is one.
    pub fn text(&self, tag: PropTag) -> Option<String> {
        self.get(tag).and_then(PropertyValue::to_text)
    }

    /// The number of the property, if it is an integer or a Boolean.
    pub fn integer(&self, tag: PropTag) -> Option<i64> {
        self.get(tag).and_then(PropertyValue::to_integer)
    }

    /// Sets the property that has the id of `tag`. The type is that of `value`.
    pub fn set(&mut self, tag: PropTag, value: PropertyValue) {
        self.0.insert(tag.id(), value);
    }

    /// Removes the property that has the id of `tag`, and returns its value.
    pub fn remove(&mut self, tag: PropTag) -> Option<PropertyValue> {
        self.0.remove(&tag.id())
    }

    /// The tags and values, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (PropTag, &PropertyValue)> {
        self.0.iter().map(|(id, value)| (PropTag::new(*id, value.prop_type()), value))
    }

    /// The number of properties.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no properties.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new();
        for (tag, value) in self.iter() {
            w.u32(tag.0);
            value.write(&mut w, layout(tag.prop_type()))?;
        }
        Ok(w.into_vec())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let mut properties = Self::default();
        while !r.is_empty() {
            let tag = PropTag(r.u32("PropertyTag")?);
            let value = PropertyValue::read(&mut r, tag.prop_type(), layout(tag.prop_type()))?;
            properties.set(tag, value.detached());
        }
        Ok(properties)
    }
}

impl FromIterator<TaggedValue> for Properties {
    fn from_iter<T: IntoIterator<Item = TaggedValue>>(values: T) -> Self {
        Self(values.into_iter().map(|property| (property.tag.id(), property.value)).collect())
    }
}

impl<const N: usize> From<[(PropTag, PropertyValue); N]> for Properties {
    fn from(values: [(PropTag, PropertyValue); N]) -> Self {
        Self(values.into_iter().map(|(tag, value)| (tag.id(), value)).collect())
    }
}

/// Counts have 32 bits, except in rule actions, where [`Layout::Wide`] means the format of extended rules
/// ([MS-OXORULE] 2.2.5).
const fn layout(prop_type: PropType) -> Layout {
    match prop_type {
        PropType::PtypRuleAction => Layout::Rop,
        _ => Layout::Wide,
    }
}

/// The bytes by which a large value is kept: its own where it has bytes or is a text, so that parts of it can be read
/// without the rest, else its encoding.
pub(crate) fn to_bytes(value: &PropertyValue) -> Result<Vec<u8>> {
    Ok(match value {
        PropertyValue::Binary(bytes) | PropertyValue::Object(bytes) | PropertyValue::String8(bytes) => {
            bytes.clone()
        }
        PropertyValue::Unicode(text) => text.as_le_bytes().to_vec(),
        other => {
            let mut w = Writer::new();
            other.write(&mut w, layout(other.prop_type()))?;
            w.into_vec()
        }
    })
}

/// The value of type `prop_type` that [`to_bytes`] encoded as `bytes`.
pub(crate) fn from_bytes(prop_type: PropType, bytes: Vec<u8>) -> Result<PropertyValue> {
    Ok(match prop_type {
        PropType::PtypBinary => PropertyValue::Binary(bytes),
        PropType::PtypObject => PropertyValue::Object(bytes),
        PropType::PtypString8 => PropertyValue::String8(bytes),
        PropType::PtypString => {
            let even = bytes.len() & !1;
            let text = bytes.get(..even).unwrap_or_default();
            PropertyValue::Unicode(Utf16::from_le(text.to_vec().into()).unwrap_or_default())
        }
        other => PropertyValue::read(&mut Reader::new(&bytes), other, layout(other))?.detached(),
    })
}

/// Whether the value is kept in a row of `large_value`. Values of other types than these are always kept with their
/// object.
pub(crate) fn is_large(value: &PropertyValue) -> bool {
    let size = match value {
        PropertyValue::Binary(bytes) | PropertyValue::Object(bytes) | PropertyValue::String8(bytes) => {
            bytes.len()
        }
        PropertyValue::Unicode(text) => text.as_le_bytes().len(),
        PropertyValue::MultipleBinary(values) | PropertyValue::MultipleString8(values) => {
            values.iter().map(|value| value.len().saturating_add(4)).sum()
        }
        PropertyValue::MultipleUnicode(values) => {
            values.iter().map(|value| value.as_le_bytes().len().saturating_add(2)).sum()
        }
        PropertyValue::MultipleInteger64(values) => values.len().saturating_mul(8),
        PropertyValue::MultipleInteger32(values) => values.len().saturating_mul(4),
        _ => 0,
    };
    size > INLINE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_survive_encoding() {
        let properties = Properties::from([
            (PropTag(0x0037_001F), PropertyValue::from("Räksmörgås")),
            (PropTag(0x0E07_0003), PropertyValue::Integer32(5)),
            (PropTag(0x1009_0102), PropertyValue::Binary(vec![7; 70_000])),
            (PropTag(0x8001_101F), PropertyValue::MultipleUnicode(vec![Utf16::new("a"), Utf16::new("")])),
        ]);
        assert_eq!(Properties::decode(&properties.encode().unwrap()).unwrap(), properties);
    }

    #[test]
    fn a_property_has_one_value_whatever_its_type() {
        let mut properties = Properties::from([(PropTag(0x0037_001F), PropertyValue::from("text"))]);
        properties.set(PropTag(0x0037_001E), PropertyValue::String8(b"bytes".to_vec()));
        assert_eq!(properties.len(), 1);
        let tags: Vec<_> = properties.iter().map(|(tag, _)| tag).collect();
        assert_eq!(tags, [PropTag(0x0037_001E)]);
    }

    #[test]
    fn large_values_survive_encoding() {
        let values = [
            PropertyValue::Binary(vec![1, 2, 3]),
            PropertyValue::from("text"),
            PropertyValue::String8(b"text".to_vec()),
            PropertyValue::MultipleInteger64(vec![1, -1]),
            PropertyValue::MultipleBinary(vec![vec![1], Vec::new()]),
        ];
        for value in values {
            let bytes = to_bytes(&value).unwrap();
            assert_eq!(from_bytes(value.prop_type(), bytes).unwrap(), value);
        }
    }
}

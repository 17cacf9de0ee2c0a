//! Property values and stream bytes of earlier operations, and estimates of their memory.

use std::collections::BTreeMap;

use mapi::data::PropertyName;
use mapi::property::{PropTag, PropertyValue};

/// The tracked properties of an object: those that were read or written in this session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Properties {
    values: BTreeMap<u16, (PropTag, PropertyValue)>,
    /// Whether values are missing because the session's limit of content was reached.
    pub truncated: bool,
}

/// The bytes of a stream that were read or written so far, from its start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    bytes: Vec<u8>,
    /// Whether bytes are missing: they were not read or written in this session, or its limit of content was reached.
    pub truncated: bool,
}

impl Properties {
    /// The value of the property `id`, whatever its type.
    pub fn get(&self, id: u16) -> Option<&PropertyValue> {
        self.values.get(&id).map(|(_, value)| value)
    }

    /// All tracked properties, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (PropTag, &PropertyValue)> {
        self.values.values().map(|(tag, value)| (*tag, value))
    }

    /// The number of tracked properties.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no property is tracked.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Stores a value, and returns the one that it replaces.
    pub(super) fn set(&mut self, tag: PropTag, value: PropertyValue) -> Option<PropertyValue> {
        self.values.insert(tag.id(), (tag, value)).map(|(_, old)| old)
    }

    pub(super) fn remove(&mut self, id: u16) -> Option<PropertyValue> {
        self.values.remove(&id).map(|(_, old)| old)
    }
}

impl Content {
    /// The bytes from the start of the stream up to the first missing one.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// By how many bytes storing `part` at `position` would lengthen the content.
    pub(super) fn growth(&self, position: u64, part: &[u8]) -> usize {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        if position > self.bytes.len() {
            return 0;
        }
        position.saturating_add(part.len()).saturating_sub(self.bytes.len())
    }

    /// Stores bytes at `position`. They overwrite the bytes that were there.
    pub(super) fn add(&mut self, position: u64, part: &[u8]) {
        let known = usize::try_from(position).ok().filter(|position| *position <= self.bytes.len());
        let Some(position) = known else {
            self.truncated = true;
            return;
        };
        let overlap = self.bytes.len().saturating_sub(position).min(part.len());
        let end = position.saturating_add(overlap);
        if let (Some(place), Some(new)) = (self.bytes.get_mut(position..end), part.get(..overlap)) {
            place.copy_from_slice(new);
        }
        self.bytes.extend_from_slice(part.get(overlap..).unwrap_or_default());
    }

    /// Truncates the content to `length`, and returns the number of bytes removed.
    pub(super) fn cut(&mut self, length: u64) -> usize {
        let before = self.bytes.len();
        self.bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        before.saturating_sub(self.bytes.len())
    }
}

/// An estimate of the memory of a value, in bytes.
pub(super) fn size_of_value(value: &PropertyValue) -> usize {
    const LEAST: usize = 32;
    let own = match value {
        PropertyValue::String8(bytes) | PropertyValue::Binary(bytes) | PropertyValue::Object(bytes) => {
            bytes.len()
        }
        PropertyValue::Unicode(text) => text.as_le_bytes().len(),
        PropertyValue::MultipleBinary(values) | PropertyValue::MultipleString8(values) => {
            values.iter().map(|value| value.len().saturating_add(LEAST)).sum()
        }
        PropertyValue::MultipleUnicode(values) => {
            values.iter().map(|value| value.as_le_bytes().len().saturating_add(LEAST)).sum()
        }
        _ => 0,
    };
    own.saturating_add(LEAST)
}

/// An estimate of the memory of a name, in bytes.
pub(super) fn size_of_name(name: &PropertyName) -> usize {
    const LEAST: usize = 64;
    match name {
        PropertyName::Name { name, .. } => LEAST.saturating_add(name.as_le_bytes().len()),
        PropertyName::RawName { name, .. } => LEAST.saturating_add(name.len()),
        _ => LEAST,
    }
}

/// The memory of columns, in bytes.
pub(super) fn size_of_columns(columns: &[PropTag]) -> usize {
    std::mem::size_of_val(columns)
}

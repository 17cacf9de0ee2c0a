//! What is kept of what passed: property values and stream bytes, and how much memory that takes.

use std::collections::BTreeMap;

use mapi::data::PropertyName;
use mapi::property::{PropTag, PropertyValue};

/// What is known of an object's properties: those that were written through this session, and those that were
/// read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Properties {
    values: BTreeMap<u16, (PropTag, PropertyValue)>,
    /// Values were left out, since the session holds as much as it may.
    pub truncated: bool,
}

/// The bytes of a stream that passed so far, from its start on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    bytes: Vec<u8>,
    /// Bytes are missing: they did not pass, or the session holds as much as it may.
    pub truncated: bool,
}

impl Properties {
    /// The value of the property `id`, whatever its type.
    pub fn get(&self, id: u16) -> Option<&PropertyValue> {
        self.values.get(&id).map(|(_, value)| value)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (PropTag, &PropertyValue)> {
        self.values.values().map(|(tag, value)| (*tag, value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Puts a value in, and returns the one that it replaces.
    pub(super) fn set(&mut self, tag: PropTag, value: PropertyValue) -> Option<PropertyValue> {
        self.values.insert(tag.id(), (tag, value)).map(|(_, old)| old)
    }

    pub(super) fn remove(&mut self, id: u16) -> Option<PropertyValue> {
        self.values.remove(&id).map(|(_, old)| old)
    }
}

impl Content {
    /// The bytes from the start of the stream, up to where the first one is missing.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// By how many bytes a part at `position` makes it longer.
    pub(super) fn growth(&self, position: u64, part: &[u8]) -> usize {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        if position > self.bytes.len() {
            return 0;
        }
        position.saturating_add(part.len()).saturating_sub(self.bytes.len())
    }

    /// Adds bytes that passed for `position`; they replace what was there.
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

    /// Cuts it off at `length`, and returns how many bytes it lost.
    pub(super) fn cut(&mut self, length: u64) -> usize {
        let before = self.bytes.len();
        self.bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        before.saturating_sub(self.bytes.len())
    }
}

/// About how many bytes a value takes.
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

/// About how many bytes a name takes.
pub(super) fn size_of_name(name: &PropertyName) -> usize {
    const LEAST: usize = 64;
    match name {
        PropertyName::Name { name, .. } => LEAST.saturating_add(name.as_le_bytes().len()),
        PropertyName::OddName { name, .. } => LEAST.saturating_add(name.len()),
        _ => LEAST,
    }
}

/// How many bytes columns take.
pub(super) fn size_of_columns(columns: &[PropTag]) -> usize {
    std::mem::size_of_val(columns)
}

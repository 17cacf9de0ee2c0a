//! Lists of tagged properties and of property tags.

use wire::{Decode, Encode, Reader, Result, Writer};

use super::layout::Layout;
use super::tag::PropTag;
use super::value::{PropertyValue, TaggedValue};

/// The properties of one object with their tags. With a preceding 32-bit count this is
/// `AddressBookPropertyValueList` ([MS-OXCMAPIHTTP] 2.2.1.3).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PropertyList(pub Vec<TaggedValue>);

impl PropertyList {
    /// The value of the property with the id of `tag`, of any type.
    pub fn get(&self, tag: PropTag) -> Option<&PropertyValue> {
        self.0.iter().find(|property| property.tag.is_same_property(tag)).map(|property| &property.value)
    }

    /// Reads `count` properties.
    ///
    /// # Errors
    /// Fails if the list is truncated or a property is malformed.
    pub fn read(r: &mut Reader<'_>, count: usize, layout: Layout) -> Result<Self> {
        // A tag has four bytes, so that a count that is too large fails before memory is allocated for it.
        let count =
            r.elements(u32::try_from(count).unwrap_or(u32::MAX), 4, u32::MAX, "PropertyValueCount")?;
        let mut list = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            list.push(TaggedValue::read(r, layout)?);
        }
        Ok(Self(list))
    }

    /// Writes the properties without their count.
    ///
    /// # Errors
    /// Fails if a value is too long for its length field.
    pub fn write(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        self.0.iter().try_for_each(|property| property.write(w, layout))
    }

    /// Reads a 16-bit count and that many properties.
    ///
    /// # Errors
    /// Fails if the list is truncated or a property is malformed.
    pub fn read_counted16(r: &mut Reader<'_>, layout: Layout) -> Result<Self> {
        let count = r.u16("PropertyValueCount")?;
        Self::read(r, usize::from(count), layout)
    }

    /// Writes a 16-bit count and the properties.
    ///
    /// # Errors
    /// Fails if there are too many properties for the count, or if a value is too long for its length field.
    pub fn write_counted16(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        w.len16(self.0.len(), "PropertyValueCount")?;
        self.write(w, layout)
    }

    /// Reads a 32-bit count and that many properties.
    ///
    /// # Errors
    /// Fails if the list is truncated or a property is malformed.
    pub fn read_counted32(r: &mut Reader<'_>, layout: Layout) -> Result<Self> {
        let count = r.u32("PropertyValueCount")?;
        Self::read(r, usize::try_from(count).unwrap_or(usize::MAX), layout)
    }

    /// Writes a 32-bit count and the properties.
    ///
    /// # Errors
    /// Fails if there are too many properties for the count, or if a value is too long for its length field.
    pub fn write_counted32(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        w.len32(self.0.len(), "PropertyValueCount")?;
        self.write(w, layout)
    }
}

/// Reads `count` property tags.
///
/// # Errors
/// Fails if the list is truncated.
pub fn read_tags(r: &mut Reader<'_>, count: usize, field: &'static str) -> Result<Vec<PropTag>> {
    let count = r.elements(u32::try_from(count).unwrap_or(u32::MAX), 4, u32::MAX, field)?;
    let mut tags = Vec::with_capacity(count);
    for _ in 0..count {
        tags.push(PropTag(r.u32(field)?));
    }
    Ok(tags)
}

/// Writes `tags` without their count.
pub fn write_tags(w: &mut Writer, tags: &[PropTag]) {
    for tag in tags {
        w.u32(tag.0);
    }
}

/// `PropertyTagArray`: a 16-bit count and that many tags ([MS-OXCDATA] 2.10).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyTagArray(pub Vec<PropTag>);

impl<'a> Decode<'a> for PropertyTagArray {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let count = r.u16("PropertyTagCount")?;
        read_tags(r, usize::from(count), "PropertyTags").map(Self)
    }
}

impl Encode for PropertyTagArray {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len16(self.0.len(), "PropertyTagCount")?;
        write_tags(w, &self.0);
        Ok(())
    }
}

/// `LargePropertyTagArray`: a 32-bit count and that many tags ([MS-OXCMAPIHTTP] 2.2.1.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LargePropertyTagArray(pub Vec<PropTag>);

impl<'a> Decode<'a> for LargePropertyTagArray {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let count = r.u32("PropertyTagCount")?;
        read_tags(r, usize::try_from(count).unwrap_or(usize::MAX), "PropertyTags").map(Self)
    }
}

impl Encode for LargePropertyTagArray {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.len32(self.0.len(), "PropertyTagCount")?;
        write_tags(w, &self.0);
        Ok(())
    }
}

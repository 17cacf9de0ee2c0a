//! Restrictions ([MS-OXCDATA] 2.12): their parts, reading and writing.

use wire::{Reader, Result, Writer};

use super::codec::read_presence;
use super::layout::Layout;
use super::layout::Place;
use super::operators::{BitmapOperator, FuzzyLevel, RelationalOperator, RestrictionType};
use super::tag::PropTag;
use super::value::{Restriction, TaggedValue};
use crate::primitive::require;

const NAME: &str = "Restriction";

impl Restriction {
    /// The kind.
    pub const fn restriction_type(&self) -> RestrictionType {
        match self {
            Self::And(_) => RestrictionType::AndRestriction,
            Self::Or(_) => RestrictionType::OrRestriction,
            Self::Not(_) => RestrictionType::NotRestriction,
            Self::Content { .. } => RestrictionType::ContentRestriction,
            Self::Property { .. } => RestrictionType::PropertyRestriction,
            Self::CompareProperties { .. } => RestrictionType::ComparePropertiesRestriction,
            Self::BitMask { .. } => RestrictionType::BitMaskRestriction,
            Self::Size { .. } => RestrictionType::SizeRestriction,
            Self::Exist { .. } => RestrictionType::ExistRestriction,
            Self::SubObject { .. } => RestrictionType::SubObjectRestriction,
            Self::Comment { .. } => RestrictionType::CommentRestriction,
            Self::Count { .. } => RestrictionType::CountRestriction,
        }
    }

    /// The conditions directly within this one.
    pub fn children(&self) -> &[Self] {
        match self {
            Self::And(all) | Self::Or(all) => all,
            Self::Not(inner)
            | Self::SubObject { restriction: inner, .. }
            | Self::Count { restriction: inner, .. }
            | Self::Comment { restriction: Some(inner), .. } => std::slice::from_ref(inner),
            _ => &[],
        }
    }

    /// Reads a restriction.
    ///
    /// # Errors
    /// When the bytes are not one, or it is nested more than 64 deep.
    pub fn read(r: &mut Reader<'_>, layout: Layout) -> Result<Self> {
        Self::read_at(r, Place::new(layout))
    }

    /// Reads a restriction from the whole of `bytes`.
    ///
    /// # Errors
    /// As [`Restriction::read`], and for trailing bytes.
    pub fn from_bytes(bytes: &[u8], layout: Layout) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let restriction = Self::read(&mut r, layout)?;
        r.finish()?;
        Ok(restriction)
    }

    /// Writes the restriction.
    ///
    /// # Errors
    /// When it is nested more than 64 deep, or a part of it does not fit.
    pub fn write(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        self.write_at(w, Place::new(layout))
    }

    /// The restriction's bytes alone.
    ///
    /// # Errors
    /// As [`Restriction::write`].
    pub fn to_bytes(&self, layout: Layout) -> Result<Vec<u8>> {
        let mut w = Writer::new();
        self.write(&mut w, layout)?;
        Ok(w.into_vec())
    }

    pub(crate) fn read_at(r: &mut Reader<'_>, place: Place) -> Result<Self> {
        read(r, place).map_err(|error| error.within(NAME))
    }

    pub(crate) fn write_at(&self, w: &mut Writer, place: Place) -> Result<()> {
        write(self, w, place).map_err(|error| error.within(NAME))
    }
}

fn read(r: &mut Reader<'_>, place: Place) -> Result<Restriction> {
    let place = place.deeper(r.offset(), "RestrictType")?;
    Ok(match RestrictionType(r.u8("RestrictType")?) {
        RestrictionType::AndRestriction => Restriction::And(read_list(r, place)?),
        RestrictionType::OrRestriction => Restriction::Or(read_list(r, place)?),
        RestrictionType::NotRestriction => Restriction::Not(Box::new(read(r, place)?)),
        RestrictionType::ContentRestriction => {
            let fuzzy_level = FuzzyLevel(r.u32("FuzzyLevel")?);
            let (tag, value) = read_compared(r, place)?;
            Restriction::Content { fuzzy_level, tag, value }
        }
        RestrictionType::PropertyRestriction => {
            let relop = read_relop(r)?;
            let (tag, value) = read_compared(r, place)?;
            Restriction::Property { relop, tag, value }
        }
        RestrictionType::ComparePropertiesRestriction => Restriction::CompareProperties {
            relop: read_relop(r)?,
            tag1: PropTag(r.u32("PropTag1")?),
            tag2: PropTag(r.u32("PropTag2")?),
        },
        RestrictionType::BitMaskRestriction => Restriction::BitMask {
            operator: BitmapOperator(u32::from(r.u8("BitmapRelOp")?)),
            tag: PropTag(r.u32("PropTag")?),
            mask: r.u32("Mask")?,
        },
        RestrictionType::SizeRestriction => {
            Restriction::Size { relop: read_relop(r)?, tag: PropTag(r.u32("PropTag")?), size: r.u32("Size")? }
        }
        RestrictionType::ExistRestriction => Restriction::Exist { tag: PropTag(r.u32("PropTag")?) },
        RestrictionType::SubObjectRestriction => Restriction::SubObject {
            object: PropTag(r.u32("Subobject")?),
            restriction: Box::new(read(r, place)?),
        },
        RestrictionType::CommentRestriction => read_comment(r, place)?,
        RestrictionType::CountRestriction => {
            Restriction::Count { count: r.u32("Count")?, restriction: Box::new(read(r, place)?) }
        }
        RestrictionType(other) => {
            return Err(r.invalid("RestrictType", u64::from(other), "a kind of restriction"));
        }
    })
}

fn read_relop(r: &mut Reader<'_>) -> Result<RelationalOperator> {
    r.u8("RelOp").map(|relop| RelationalOperator(u32::from(relop)))
}

fn read_list(r: &mut Reader<'_>, place: Place) -> Result<Vec<Restriction>> {
    let count = place.layout.read_count(r, "RestrictCount")?;
    let count = r.count(count, 1, u32::MAX, "RestrictCount")?;
    // Counts within counts could claim the same bytes again and again: room is made as items come.
    let mut list = Vec::with_capacity(count.min(4));
    for _ in 0..count {
        list.push(read(r, place)?);
    }
    Ok(list)
}

/// A tag and the value that is compared to it.
fn read_compared(r: &mut Reader<'_>, place: Place) -> Result<(PropTag, TaggedValue)> {
    let tag = PropTag(r.u32("PropTag")?);
    let there = place.layout != Layout::AddressBook || read_presence(r)?;
    Ok((tag, if there { TaggedValue::read_at(r, place)? } else { TaggedValue::absent() }))
}

fn read_comment(r: &mut Reader<'_>, place: Place) -> Result<Restriction> {
    let count = r.u8("TaggedValuesCount")?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(TaggedValue::read_at(r, place)?);
    }
    let restriction = match r.u8("RestrictionPresent")? {
        0 => None,
        1 => Some(Box::new(read(r, place)?)),
        other => return Err(r.invalid("RestrictionPresent", u64::from(other), "0 or 1")),
    };
    Ok(Restriction::Comment { values, restriction })
}

fn write(restriction: &Restriction, w: &mut Writer, place: Place) -> Result<()> {
    let place = place.deeper(w.len(), "RestrictType")?;
    w.u8(restriction.restriction_type().0);
    match restriction {
        Restriction::And(list) | Restriction::Or(list) => {
            place.layout.write_count(w, list.len(), "RestrictCount")?;
            list.iter().try_for_each(|one| write(one, w, place))?;
        }
        Restriction::Not(inner) => write(inner, w, place)?,
        Restriction::Content { fuzzy_level, tag, value } => {
            w.u32(fuzzy_level.0).u32(tag.0);
            write_compared(w, value, place)?;
        }
        Restriction::Property { relop, tag, value } => {
            write_byte(w, relop.0, "RelOp")?;
            w.u32(tag.0);
            write_compared(w, value, place)?;
        }
        Restriction::CompareProperties { relop, tag1, tag2 } => {
            write_byte(w, relop.0, "RelOp")?;
            w.u32(tag1.0).u32(tag2.0);
        }
        Restriction::BitMask { operator, tag, mask } => {
            write_byte(w, operator.0, "BitmapRelOp")?;
            w.u32(tag.0).u32(*mask);
        }
        Restriction::Size { relop, tag, size } => {
            write_byte(w, relop.0, "RelOp")?;
            w.u32(tag.0).u32(*size);
        }
        Restriction::Exist { tag } => drop(w.u32(tag.0)),
        Restriction::SubObject { object, restriction } => {
            w.u32(object.0);
            write(restriction, w, place)?;
        }
        Restriction::Comment { values, restriction } => {
            write_byte(w, u32::try_from(values.len()).unwrap_or(u32::MAX), "TaggedValuesCount")?;
            values.iter().try_for_each(|value| value.write_at(w, place))?;
            w.u8(u8::from(restriction.is_some()));
            restriction.iter().try_for_each(|inner| write(inner, w, place))?;
        }
        Restriction::Count { count, restriction } => {
            w.u32(*count);
            write(restriction, w, place)?;
        }
    }
    Ok(())
}

fn write_byte(w: &mut Writer, value: u32, field: &'static str) -> Result<()> {
    let byte = u8::try_from(value).map_err(|_| w.invalid(field, u64::from(value), "what one byte holds"))?;
    w.u8(byte);
    Ok(())
}

fn write_compared(w: &mut Writer, value: &TaggedValue, place: Place) -> Result<()> {
    if value.is_absent() {
        let right = place.layout == Layout::AddressBook;
        require(right, w, "TaggedValue", 0u8, "a value, which only address books may lack")?;
        w.u8(0x00);
        return Ok(());
    }
    if place.layout == Layout::AddressBook {
        w.u8(0xFF);
    }
    value.write_at(w, place)
}

//! Reading and writing of restrictions ([MS-OXCDATA] 2.12).

use wire::{Reader, Result, Writer};

use super::codec::read_has_value;
use super::layout::Layout;
use super::layout::Nesting;
use super::operators::{BitmapOperator, FuzzyLevel, RelationalOperator, RestrictionType};
use super::tag::PropTag;
use super::value::{Restriction, TaggedValue};

const NAME: &str = "Restriction";

/// The units of the budget for a restriction: it has memory of its own for the one within it.
const UNITS: usize = 4;

impl Restriction {
    /// The type of this restriction.
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

    /// The restrictions directly within this one.
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
    /// Fails if the bytes are not a restriction, or if restrictions are nested more than 64 levels deep.
    pub fn read(r: &mut Reader<'_>, layout: Layout) -> Result<Self> {
        Self::read_at(r, Nesting::new(layout))
    }

    /// Reads a restriction that spans all of `bytes`.
    ///
    /// # Errors
    /// Fails as [`Restriction::read`] does, and for trailing bytes.
    pub fn from_bytes(bytes: &[u8], layout: Layout) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let restriction = Self::read(&mut r, layout)?;
        r.finish()?;
        Ok(restriction)
    }

    /// Writes the restriction.
    ///
    /// # Errors
    /// Fails if restrictions are nested more than 64 levels deep, or if a count or value does not fit its field.
    pub fn write(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        self.write_at(w, Nesting::new(layout))
    }

    /// The encoded restriction.
    ///
    /// # Errors
    /// Fails as [`Restriction::write`] does.
    pub fn to_bytes(&self, layout: Layout) -> Result<Vec<u8>> {
        let mut w = Writer::new();
        self.write(&mut w, layout)?;
        Ok(w.into_vec())
    }

    pub(crate) fn read_at(r: &mut Reader<'_>, nesting: Nesting) -> Result<Self> {
        read(r, nesting).map_err(|error| error.within(NAME))
    }

    pub(crate) fn write_at(&self, w: &mut Writer, nesting: Nesting) -> Result<()> {
        write(self, w, nesting).map_err(|error| error.within(NAME))
    }
}

fn read(r: &mut Reader<'_>, nesting: Nesting) -> Result<Restriction> {
    let nesting = nesting.deeper(r.offset(), "RestrictType")?;
    r.spend(UNITS, "RestrictType")?;
    Ok(match RestrictionType(r.u8("RestrictType")?) {
        RestrictionType::AndRestriction => Restriction::And(read_list(r, nesting)?),
        RestrictionType::OrRestriction => Restriction::Or(read_list(r, nesting)?),
        RestrictionType::NotRestriction => Restriction::Not(Box::new(read(r, nesting)?)),
        RestrictionType::ContentRestriction => {
            let fuzzy_level = FuzzyLevel(r.u32("FuzzyLevel")?);
            let (tag, value) = read_compared(r, nesting)?;
            Restriction::Content { fuzzy_level, tag, value }
        }
        RestrictionType::PropertyRestriction => {
            let relop = read_relop(r)?;
            let (tag, value) = read_compared(r, nesting)?;
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
            restriction: Box::new(read(r, nesting)?),
        },
        RestrictionType::CommentRestriction => read_comment(r, nesting)?,
        RestrictionType::CountRestriction => {
            Restriction::Count { count: r.u32("Count")?, restriction: Box::new(read(r, nesting)?) }
        }
        RestrictionType(other) => {
            return Err(r.invalid(
                "RestrictType",
                u64::from(other),
                "a restriction type of [MS-OXCDATA] 2.12",
            ));
        }
    })
}

fn read_relop(r: &mut Reader<'_>) -> Result<RelationalOperator> {
    r.u8("RelOp").map(|relop| RelationalOperator(u32::from(relop)))
}

fn read_list(r: &mut Reader<'_>, nesting: Nesting) -> Result<Vec<Restriction>> {
    let count = nesting.layout.read_count(r, "RestrictCount")?;
    let count = r.count(count, 1, u32::MAX, "RestrictCount")?;
    // Nested counts could each claim the same remaining bytes, so that memory is allocated as items are read.
    let mut list = Vec::with_capacity(count.min(4));
    for _ in 0..count {
        list.push(read(r, nesting)?);
    }
    Ok(list)
}

/// Reads a tag and the value that the property is compared to.
fn read_compared(r: &mut Reader<'_>, nesting: Nesting) -> Result<(PropTag, TaggedValue)> {
    let tag = PropTag(r.u32("PropTag")?);
    let is_present = nesting.layout != Layout::AddressBook || read_has_value(r)?;
    Ok((tag, if is_present { TaggedValue::read_at(r, nesting)? } else { TaggedValue::absent() }))
}

fn read_comment(r: &mut Reader<'_>, nesting: Nesting) -> Result<Restriction> {
    let count = r.u8("TaggedValuesCount")?;
    r.spend(count.into(), "TaggedValuesCount")?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(TaggedValue::read_at(r, nesting)?);
    }
    let restriction = match r.u8("RestrictionPresent")? {
        0 => None,
        1 => Some(Box::new(read(r, nesting)?)),
        other => return Err(r.invalid("RestrictionPresent", u64::from(other), "0 or 1")),
    };
    Ok(Restriction::Comment { values, restriction })
}

fn write(restriction: &Restriction, w: &mut Writer, nesting: Nesting) -> Result<()> {
    let nesting = nesting.deeper(w.len(), "RestrictType")?;
    w.u8(restriction.restriction_type().0);
    match restriction {
        Restriction::And(list) | Restriction::Or(list) => {
            nesting.layout.write_count(w, list.len(), "RestrictCount")?;
            list.iter().try_for_each(|one| write(one, w, nesting))?;
        }
        Restriction::Not(inner) => write(inner, w, nesting)?,
        Restriction::Content { fuzzy_level, tag, value } => {
            w.u32(fuzzy_level.0).u32(tag.0);
            write_compared(w, value, nesting)?;
        }
        Restriction::Property { relop, tag, value } => {
            write_byte(w, relop.0, "RelOp")?;
            w.u32(tag.0);
            write_compared(w, value, nesting)?;
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
            write(restriction, w, nesting)?;
        }
        Restriction::Comment { values, restriction } => {
            write_byte(w, u32::try_from(values.len()).unwrap_or(u32::MAX), "TaggedValuesCount")?;
            values.iter().try_for_each(|value| value.write_at(w, nesting))?;
            w.u8(u8::from(restriction.is_some()));
            restriction.iter().try_for_each(|inner| write(inner, w, nesting))?;
        }
        Restriction::Count { count, restriction } => {
            w.u32(*count);
            write(restriction, w, nesting)?;
        }
    }
    Ok(())
}

fn write_byte(w: &mut Writer, value: u32, field: &'static str) -> Result<()> {
    let byte = u8::try_from(value).map_err(|_| w.invalid(field, u64::from(value), "at most 255"))?;
    w.u8(byte);
    Ok(())
}

fn write_compared(w: &mut Writer, value: &TaggedValue, nesting: Nesting) -> Result<()> {
    if value.is_absent() {
        let may_be_absent = nesting.layout == Layout::AddressBook;
        w.require(may_be_absent, "TaggedValue", 0u8, "a value, which only address books may omit")?;
        w.u8(0x00);
        return Ok(());
    }
    if nesting.layout == Layout::AddressBook {
        w.u8(0xFF);
    }
    value.write_at(w, nesting)
}

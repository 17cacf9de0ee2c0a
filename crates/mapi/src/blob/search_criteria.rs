//! Properties and restrictions in definitions of search folders ([MS-OXOSRCH] 2.2.1.2.8): fields that have 8 bits in
//! ROPs have 32 bits, and texts are preceded by their size in bytes.

use wire::{Error, Reader, Result, Utf16, Writer, utf16_length};

use crate::property::{
    BitmapOperator, FuzzyLevel, Layout, Nesting, PropTag, PropType, PropertyValue, RelationalOperator,
    Restriction, RestrictionType, TaggedValue,
};

/// The expectation in errors about property types that have no form in these definitions.
const EXPECTED_TYPE: &str = "a type of a single value with a known form";

/// Reads a property of an addressee, or the operand of a restriction ([MS-OXOSRCH] 2.2.1.2.8.1.1.1).
///
/// # Errors
/// Fails if the property is multivalued, a text does not end with its only zero, or a Boolean is neither 0 nor 1.
pub(super) fn read_property(r: &mut Reader<'_>) -> Result<TaggedValue> {
    let tag = PropTag(r.u32("PropertyType")?);
    let value = match tag.prop_type() {
        PropType::PtypString => {
            let text = sized_bytes(r)?.strip_suffix(&[0, 0]);
            let text = text.filter(|text| text.len() % 2 == 0 && utf16_length(text).is_none());
            let units = text.ok_or_else(|| not_a_text(r))?.as_chunks().0;
            PropertyValue::Unicode(Utf16::from_units(units.iter().map(|unit| u16::from_le_bytes(*unit))))
        }
        PropType::PtypString8 => {
            let text = sized_bytes(r)?.strip_suffix(&[0]).filter(|text| !text.contains(&0));
            PropertyValue::String8(text.ok_or_else(|| not_a_text(r))?.to_vec())
        }
        // A Boolean has two bytes, as in memory.
        PropType::PtypBoolean => match r.u16("Value")? {
            0 => PropertyValue::Boolean(false),
            1 => PropertyValue::Boolean(true),
            other => return Err(r.invalid("Value", other.into(), "0 or 1")),
        },
        // These have the same form as in a ROP buffer, including the 16-bit size of binary values.
        PropType::PtypInteger16
        | PropType::PtypInteger32
        | PropType::PtypInteger64
        | PropType::PtypFloating32
        | PropType::PtypFloating64
        | PropType::PtypCurrency
        | PropType::PtypFloatingTime
        | PropType::PtypErrorCode
        | PropType::PtypTime
        | PropType::PtypGuid
        | PropType::PtypBinary => PropertyValue::read(r, tag.prop_type(), Layout::Rop)?,
        PropType(other) => return Err(r.invalid("PropertyType", other.into(), EXPECTED_TYPE)),
    };
    Ok(TaggedValue { tag, value })
}

/// Reads bytes that are preceded by their 16-bit size.
fn sized_bytes<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let count = r.u16("ValueLength")?;
    r.bytes(usize::from(count), "Value")
}

#[cold]
fn not_a_text(r: &Reader<'_>) -> Error {
    r.invalid("Value", 0, "a text with one zero, at its end")
}

/// Writes a property in the form that [`read_property`] reads.
///
/// # Errors
/// Fails if the type of the value differs from that of its tag, or a length does not fit its field.
pub(super) fn write_property(w: &mut Writer, property: &TaggedValue) -> Result<()> {
    let TaggedValue { tag, value } = property;
    let found = tag.prop_type();
    w.require(value.prop_type() == found, "PropertyType", found.0, "the value's type")?;
    match value {
        PropertyValue::Unicode(text) => {
            let bytes = text.as_le_bytes();
            w.u32(tag.0).len16(bytes.len().saturating_add(2), "ValueLength")?.bytes(bytes).u16(0);
        }
        PropertyValue::String8(text) => {
            w.u32(tag.0).len16(text.len().saturating_add(1), "ValueLength")?.bytes(text).u8(0);
        }
        PropertyValue::Boolean(value) => {
            w.u32(tag.0).u16(u16::from(*value));
        }
        other => other.write(w.u32(tag.0), Layout::Rop)?,
    }
    Ok(())
}

/// Reads properties whose count was read before.
pub(super) fn read_properties(r: &mut Reader<'_>, count: u32) -> Result<Vec<TaggedValue>> {
    let count = r.count(count, 6, u32::MAX, "PropertyCount")?;
    let mut properties = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        properties.push(read_property(r)?);
    }
    Ok(properties)
}

/// Reads a restriction ([MS-OXOSRCH] 2.2.1.2.8.2).
///
/// # Errors
/// Fails if the bytes are not a restriction, it is nested more than 64 deep, or it is a `CountRestriction`, for which
/// the specification defines no form here.
pub(super) fn read_restriction(r: &mut Reader<'_>) -> Result<Restriction> {
    read_at(r, Nesting::new(Layout::Wide)).map_err(|error: Error| error.within("Restriction"))
}

fn read_at(r: &mut Reader<'_>, nesting: Nesting) -> Result<Restriction> {
    let nesting = nesting.deeper(r.offset(), "RestrictionType")?;
    let kind = r.u32("RestrictionType")?;
    let known = u8::try_from(kind).map(RestrictionType);
    Ok(match known.unwrap_or(RestrictionType(u8::MAX)) {
        RestrictionType::AndRestriction => Restriction::And(read_list(r, nesting)?),
        RestrictionType::OrRestriction => Restriction::Or(read_list(r, nesting)?),
        RestrictionType::NotRestriction => Restriction::Not(Box::new(read_at(r, nesting)?)),
        RestrictionType::ContentRestriction => Restriction::Content {
            fuzzy_level: FuzzyLevel(r.u32("ulFuzzyLevel")?),
            tag: PropTag(r.u32("PropertyTag")?),
            value: read_property(r)?,
        },
        RestrictionType::PropertyRestriction => Restriction::Property {
            relop: RelationalOperator(r.u32("RelOp")?),
            tag: PropTag(r.u32("PropertyTag")?),
            value: read_property(r)?,
        },
        RestrictionType::ComparePropertiesRestriction => Restriction::CompareProperties {
            relop: RelationalOperator(r.u32("RelOp")?),
            tag1: PropTag(r.u32("PropertyTag")?),
            tag2: PropTag(r.u32("PropertyTag")?),
        },
        RestrictionType::BitMaskRestriction => Restriction::BitMask {
            operator: BitmapOperator(r.u32("BitmapRelOp")?),
            tag: PropTag(r.u32("PropertyTag")?),
            mask: r.u32("Mask")?,
        },
        RestrictionType::SizeRestriction => Restriction::Size {
            relop: RelationalOperator(r.u32("RelOp")?),
            tag: PropTag(r.u32("PropertyTag")?),
            size: r.u32("Size")?,
        },
        RestrictionType::ExistRestriction => Restriction::Exist { tag: PropTag(r.u32("PropertyTag")?) },
        RestrictionType::SubObjectRestriction => Restriction::SubObject {
            object: PropTag(r.u32("Subobject")?),
            restriction: Box::new(read_at(r, nesting)?),
        },
        RestrictionType::CommentRestriction => {
            let count = r.u32("AnnotationCount")?;
            let restriction = Some(Box::new(read_at(r, nesting)?));
            Restriction::Comment { values: read_properties(r, count)?, restriction }
        }
        _ => {
            return Err(r.invalid("RestrictionType", kind.into(), "a kind of restriction with a known form"));
        }
    })
}

fn read_list(r: &mut Reader<'_>, nesting: Nesting) -> Result<Vec<Restriction>> {
    let count = r.u32("Count")?;
    let count = r.count(count, 8, u32::MAX, "Count")?;
    // Nested counts could each claim the same bytes, so that memory is allocated as items are read.
    let mut list = Vec::with_capacity(count.min(4));
    for _ in 0..count {
        list.push(read_at(r, nesting)?);
    }
    Ok(list)
}

/// Writes a restriction in the form that [`read_restriction`] reads.
///
/// # Errors
/// Fails if the restriction is nested more than 64 deep, or a part of it has no form in these definitions.
pub(super) fn write_restriction(w: &mut Writer, restriction: &Restriction) -> Result<()> {
    write_at(w, restriction, Nesting::new(Layout::Wide)).map_err(|error: Error| error.within("Restriction"))
}

fn write_at(w: &mut Writer, restriction: &Restriction, nesting: Nesting) -> Result<()> {
    let nesting = nesting.deeper(w.len(), "RestrictionType")?;
    w.u32(restriction.restriction_type().0.into());
    match restriction {
        Restriction::And(list) | Restriction::Or(list) => {
            w.len32(list.len(), "Count")?;
            list.iter().try_for_each(|one| write_at(w, one, nesting))?;
        }
        Restriction::Not(inner) => write_at(w, inner, nesting)?,
        Restriction::Content { fuzzy_level, tag, value } => {
            write_property(w.u32(fuzzy_level.0).u32(tag.0), value)?;
        }
        Restriction::Property { relop, tag, value } => write_property(w.u32(relop.0).u32(tag.0), value)?,
        Restriction::CompareProperties { relop, tag1, tag2 } => {
            w.u32(relop.0).u32(tag1.0).u32(tag2.0);
        }
        Restriction::BitMask { operator, tag, mask } => {
            w.u32(operator.0).u32(tag.0).u32(*mask);
        }
        Restriction::Size { relop, tag, size } => {
            w.u32(relop.0).u32(tag.0).u32(*size);
        }
        Restriction::Exist { tag } => {
            w.u32(tag.0);
        }
        Restriction::SubObject { object, restriction } => write_at(w.u32(object.0), restriction, nesting)?,
        Restriction::Comment { values, restriction: Some(inner) } => {
            write_at(w.len32(values.len(), "AnnotationCount")?, inner, nesting)?;
            values.iter().try_for_each(|value| write_property(w, value))?;
        }
        Restriction::Comment { .. } | Restriction::Count { .. } => {
            let kind = restriction.restriction_type().0;
            return Err(w.invalid(
                "RestrictionType",
                kind.into(),
                "a restriction with a form in these definitions",
            ));
        }
    }
    Ok(())
}

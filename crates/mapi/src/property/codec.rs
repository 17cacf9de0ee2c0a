//! Reading and writing of property values in each of the layouts ([MS-OXCDATA] 2.11).

use wire::{Decode, Encode, FileTime, Guid, Reader, Result, Writer};

use super::layout::{Layout, Nesting};
use super::tag::{PropTag, PropType};
use super::value::{PropertyValue, Restriction, RuleAction, TaggedValue, TypedValue};
use crate::ErrorCode;
use crate::data::server_id::ServerId;
use crate::zero_terminated::{read_string8, read_unicode, write_string8, write_unicode};

/// The largest initial capacity of a list whose items have no fixed size. A value of one byte takes a `Vec` or `Utf16`
/// in memory, so the count alone does not size the list.
const INITIAL_CAPACITY: usize = 16;

/// Whether a `HasValue` byte precedes values of `prop_type` in address books ([MS-OXCMAPIHTTP] 2.2.1.1).
const fn has_value_byte(prop_type: PropType) -> bool {
    matches!(prop_type, PropType::PtypString | PropType::PtypString8 | PropType::PtypBinary)
        || prop_type.is_multiple()
}

/// Reads the `HasValue` byte, which indicates whether a value follows ([MS-OXCMAPIHTTP] 2.2.1.1).
pub(crate) fn read_has_value(r: &mut Reader<'_>) -> Result<bool> {
    match r.u8("HasValue")? {
        0x00 => Ok(false),
        0xFF => Ok(true),
        other => Err(r.invalid("HasValue", u64::from(other), "0x00 or 0xff")),
    }
}

/// Reads a 32-bit count and that many values of `size` bytes each.
fn read_many<T>(
    r: &mut Reader<'_>,
    size: usize,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = r.u32("ValueCount")?;
    let count = r.elements(count, size, u32::MAX, "ValueCount")?;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(read(r)?);
    }
    Ok(values)
}

/// Reads a 32-bit count and that many values of variable size. Returns them with the indexes of the absent ones, in
/// whose place the list has default values.
fn read_varied<T: Default>(
    r: &mut Reader<'_>,
    layout: Layout,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T>,
) -> Result<(Vec<T>, Vec<u32>)> {
    let count = r.u32("ValueCount")?;
    let length = r.elements(count, 1, u32::MAX, "ValueCount")?;
    let mut values = Vec::with_capacity(length.min(INITIAL_CAPACITY));
    let mut absent = Vec::new();
    for index in 0..count {
        if layout.marks_absent_values() && !read_has_value(r)? {
            absent.push(index);
            values.push(T::default());
        } else {
            values.push(read(r)?);
        }
    }
    Ok((values, absent))
}

/// Returns the list `value`, as [`PropertyValue::PartlyAbsent`] if some of its values are `absent`.
fn with_absent(value: PropertyValue, absent: Vec<u32>) -> PropertyValue {
    if absent.is_empty() { value } else { PropertyValue::PartlyAbsent { values: Box::new(value), absent } }
}

pub(crate) fn read_bytes(r: &mut Reader<'_>, layout: Layout) -> Result<Vec<u8>> {
    let count = layout.read_count(r, "Count")?;
    r.bytes(usize::try_from(count).unwrap_or(usize::MAX), "Value").map(<[u8]>::to_vec)
}

pub(crate) fn write_bytes(w: &mut Writer, bytes: &[u8], layout: Layout) -> Result<()> {
    layout.write_count(w, bytes.len(), "Count")?;
    w.bytes(bytes);
    Ok(())
}

/// Reads a value of the type of a column or tag.
pub(crate) fn read_value(r: &mut Reader<'_>, prop_type: PropType, nesting: Nesting) -> Result<PropertyValue> {
    use PropertyValue as V;
    let prop_type = prop_type.of_value();
    let layout = nesting.layout;
    if layout.marks_absent_values() && has_value_byte(prop_type) && !read_has_value(r)? {
        return Ok(V::Absent(prop_type));
    }
    Ok(match prop_type {
        PropType::PtypUnspecified => V::Typed(Box::new(read_typed(r, nesting)?)),
        PropType::PtypNull => V::Absent(prop_type),
        PropType::PtypObject if layout.marks_absent_values() => V::Absent(prop_type),
        PropType::PtypInteger16 => V::Integer16(r.i16("Value")?),
        PropType::PtypInteger32 => V::Integer32(r.i32("Value")?),
        PropType::PtypInteger64 => V::Integer64(r.i64("Value")?),
        PropType::PtypFloating32 => V::Floating32(r.f32("Value")?),
        PropType::PtypFloating64 => V::Floating64(r.f64("Value")?),
        PropType::PtypCurrency => V::Currency(r.i64("Value")?),
        PropType::PtypFloatingTime => V::FloatingTime(r.f64("Value")?),
        PropType::PtypBoolean => match r.u8("Value")? {
            0 => V::Boolean(false),
            1 => V::Boolean(true),
            odd => V::RawBoolean(odd),
        },
        PropType::PtypErrorCode => V::Error(ErrorCode(r.u32("Value")?)),
        PropType::PtypString8 => V::String8(read_string8(r, "Value")?.to_vec()),
        PropType::PtypString => V::Unicode(read_unicode(r, "Value")?),
        PropType::PtypTime => V::Time(FileTime(r.u64("Value")?)),
        PropType::PtypGuid => V::Guid(Guid::decode(r)?),
        PropType::PtypBinary => V::Binary(read_bytes(r, layout)?),
        PropType::PtypObject => V::Object(read_bytes(r, layout)?),
        PropType::PtypServerId => V::ServerId(ServerId::decode(r)?),
        PropType::PtypRestriction => {
            V::Restriction(Box::new(Restriction::read_at(r, nesting.deeper(r.offset(), "Restriction")?)?))
        }
        PropType::PtypRuleAction => {
            V::RuleAction(Box::new(RuleAction::read_at(r, nesting.deeper(r.offset(), "RuleAction")?)?))
        }
        PropType::PtypMultipleInteger16 => V::MultipleInteger16(read_many(r, 2, |r| r.i16("Value"))?),
        PropType::PtypMultipleInteger32 => V::MultipleInteger32(read_many(r, 4, |r| r.i32("Value"))?),
        PropType::PtypMultipleInteger64 => V::MultipleInteger64(read_many(r, 8, |r| r.i64("Value"))?),
        PropType::PtypMultipleFloating32 => V::MultipleFloating32(read_many(r, 4, |r| r.f32("Value"))?),
        PropType::PtypMultipleFloating64 => V::MultipleFloating64(read_many(r, 8, |r| r.f64("Value"))?),
        PropType::PtypMultipleCurrency => V::MultipleCurrency(read_many(r, 8, |r| r.i64("Value"))?),
        PropType::PtypMultipleFloatingTime => V::MultipleFloatingTime(read_many(r, 8, |r| r.f64("Value"))?),
        PropType::PtypMultipleTime => V::MultipleTime(read_many(r, 8, |r| r.u64("Value").map(FileTime))?),
        PropType::PtypMultipleGuid => {
            V::MultipleGuid(read_many(r, 16, |r| r.array("Value").map(Guid::from_le))?)
        }
        PropType::PtypMultipleString8 => {
            let (texts, absent) = read_varied(r, layout, |r| read_string8(r, "Value").map(<[u8]>::to_vec))?;
            with_absent(V::MultipleString8(texts), absent)
        }
        PropType::PtypMultipleString => {
            let (texts, absent) = read_varied(r, layout, |r| read_unicode(r, "Value"))?;
            with_absent(V::MultipleUnicode(texts), absent)
        }
        PropType::PtypMultipleBinary => {
            let (values, absent) = read_varied(r, layout, |r| read_bytes(r, layout))?;
            with_absent(V::MultipleBinary(values), absent)
        }
        PropType(other) => {
            return Err(r.invalid("PropertyType", u64::from(other), "a property type that has values"));
        }
    })
}

fn read_typed(r: &mut Reader<'_>, nesting: Nesting) -> Result<TypedValue> {
    let prop_type = PropType(r.u16("PropertyType")?);
    read_of_type(r, prop_type, nesting)
}

/// Reads the value after its type `prop_type`.
pub(crate) fn read_of_type(r: &mut Reader<'_>, prop_type: PropType, nesting: Nesting) -> Result<TypedValue> {
    if prop_type.of_value() == PropType::PtypUnspecified {
        return Err(r.invalid("PropertyType", u64::from(prop_type.0), "a type other than PtypUnspecified"));
    }
    Ok(TypedValue { prop_type, value: read_value(r, prop_type, nesting)? })
}

/// Whether `value` may be sent for a column or tag of the type `prop_type`.
pub(crate) fn fits(value: &PropertyValue, prop_type: PropType) -> bool {
    let value_type = value.prop_type();
    value_type == prop_type.of_value()
        && match value {
            PropertyValue::Typed(typed) => typed.is_valid(),
            PropertyValue::Absent(_) => value_type != PropType::PtypUnspecified,
            _ => true,
        }
}

fn write_many<T: Copy>(w: &mut Writer, values: &[T], write: fn(&mut Writer, T) -> &mut Writer) -> Result<()> {
    w.len32(values.len(), "ValueCount")?;
    for value in values {
        write(w, *value);
    }
    Ok(())
}

fn write_varied<T>(
    w: &mut Writer,
    values: &[T],
    absent: &[u32],
    layout: Layout,
    mut write: impl FnMut(&mut Writer, &T) -> Result<()>,
) -> Result<()> {
    let expected = "ascending indexes of absent values, in an address book";
    let ascending = absent.is_sorted_by(|one, next| one < next);
    let within =
        absent.last().is_none_or(|last| usize::try_from(*last).is_ok_and(|last| last < values.len()));
    w.require(
        ascending && within && (absent.is_empty() || layout.marks_absent_values()),
        "HasValue",
        0u8,
        expected,
    )?;
    w.len32(values.len(), "ValueCount")?;
    let mut absent = absent.iter().map(|index| usize::try_from(*index).unwrap_or(usize::MAX)).peekable();
    for (index, value) in values.iter().enumerate() {
        if absent.next_if_eq(&index).is_some() {
            w.u8(0x00);
            continue;
        }
        if layout.marks_absent_values() {
            w.u8(0xFF);
        }
        write(w, value)?;
    }
    Ok(())
}

/// Writes a list of texts or binary values, of which those at the indexes `absent` are absent.
fn write_partly_absent(w: &mut Writer, value: &PropertyValue, absent: &[u32], layout: Layout) -> Result<()> {
    use PropertyValue as V;
    match value {
        V::MultipleString8(texts) => {
            write_varied(w, texts, absent, layout, |w, text| write_string8(w, text, "Value"))
        }
        V::MultipleUnicode(texts) => {
            write_varied(w, texts, absent, layout, |w, text| write_unicode(w, text, "Value"))
        }
        V::MultipleBinary(values) => {
            write_varied(w, values, absent, layout, |w, bytes| write_bytes(w, bytes, layout))
        }
        other => {
            let found = u64::from(other.prop_type().0);
            Err(w.invalid("HasValue", found, "a list of texts or binary values if some are absent"))
        }
    }
}

/// Writes a value without its type.
pub(crate) fn write_value(value: &PropertyValue, w: &mut Writer, nesting: Nesting) -> Result<()> {
    use PropertyValue as V;
    let layout = nesting.layout;
    if let V::Absent(prop_type) = value {
        return match *prop_type {
            PropType::PtypNull => Ok(()),
            PropType::PtypObject if layout.marks_absent_values() => Ok(()),
            other if layout.marks_absent_values() && has_value_byte(other) => {
                w.u8(0x00);
                Ok(())
            }
            PropType(other) => Err(w.invalid("Value", u64::from(other), "a value of this type")),
        };
    }
    if layout.marks_absent_values() && has_value_byte(value.prop_type()) {
        w.u8(0xFF);
    }
    match value {
        V::Absent(_) => {}
        V::Integer16(value) => drop(w.i16(*value)),
        V::Integer32(value) => drop(w.i32(*value)),
        V::Integer64(value) | V::Currency(value) => drop(w.i64(*value)),
        V::Floating32(value) => drop(w.f32(*value)),
        V::Floating64(value) | V::FloatingTime(value) => drop(w.f64(*value)),
        V::Boolean(value) => drop(w.u8(u8::from(*value))),
        V::RawBoolean(odd) => drop(w.u8(*odd)),
        V::Error(code) => drop(w.u32(code.0)),
        V::String8(text) => write_string8(w, text, "Value")?,
        V::Unicode(text) => write_unicode(w, text, "Value")?,
        V::Time(time) => drop(w.u64(time.0)),
        V::Guid(guid) => guid.encode(w)?,
        V::Binary(bytes) => write_bytes(w, bytes, layout)?,
        V::Object(bytes) => {
            w.require(
                !layout.marks_absent_values(),
                "Value",
                0x0Du8,
                "an object without bytes in an address book",
            )?;
            write_bytes(w, bytes, layout)?;
        }
        V::ServerId(id) => id.encode(w)?,
        V::Restriction(inner) => inner.write_at(w, nesting.deeper(w.len(), "Restriction")?)?,
        V::RuleAction(inner) => inner.write_at(w, nesting.deeper(w.len(), "RuleAction")?)?,
        V::MultipleInteger16(values) => write_many(w, values, Writer::i16)?,
        V::MultipleInteger32(values) => write_many(w, values, Writer::i32)?,
        V::MultipleInteger64(values) | V::MultipleCurrency(values) => {
            write_many(w, values, Writer::i64)?;
        }
        V::MultipleFloating32(values) => write_many(w, values, Writer::f32)?,
        V::MultipleFloating64(values) | V::MultipleFloatingTime(values) => {
            write_many(w, values, Writer::f64)?;
        }
        V::MultipleTime(values) => write_many(w, values, |w, value| w.u64(value.0))?,
        V::MultipleGuid(values) => write_many(w, values, |w, value| w.bytes(&value.to_le()))?,
        V::MultipleString8(_) | V::MultipleUnicode(_) | V::MultipleBinary(_) => {
            write_partly_absent(w, value, &[], layout)?;
        }
        V::PartlyAbsent { values, absent } => write_partly_absent(w, values, absent, layout)?,
        V::Typed(typed) => typed.write_at(w, nesting)?,
    }
    Ok(())
}

impl PropertyValue {
    /// Reads a value of the type of its column or tag. With [`PropType::PtypUnspecified`] the type precedes the value
    /// ([`PropertyValue::Typed`]).
    ///
    /// # Errors
    /// Fails if the bytes are truncated or not a value of the type.
    pub fn read(r: &mut Reader<'_>, prop_type: PropType, layout: Layout) -> Result<Self> {
        read_value(r, prop_type, Nesting::new(layout))
    }

    /// Writes the value without its type.
    ///
    /// # Errors
    /// Fails if the value is too long for its length field, or if `layout` has no encoding for it.
    pub fn write(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        write_value(self, w, Nesting::new(layout))
    }
}

impl TypedValue {
    /// Reads a type and a value of this type (`TypedPropertyValue`, [MS-OXCDATA] 2.11.3).
    ///
    /// # Errors
    /// Fails if the bytes are truncated or not a value of the type.
    pub fn read(r: &mut Reader<'_>, layout: Layout) -> Result<Self> {
        read_typed(r, Nesting::new(layout)).map_err(|error| error.within("TypedPropertyValue"))
    }

    /// Writes the type and the value.
    ///
    /// # Errors
    /// Fails if the value is of another type, or too long for its length field.
    pub fn write(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        self.write_at(w, Nesting::new(layout))
    }

    fn write_at(&self, w: &mut Writer, nesting: Nesting) -> Result<()> {
        w.require(self.is_valid(), "PropertyType", self.prop_type.0, "the value's type")?;
        w.u16(self.prop_type.0);
        write_value(&self.value, w, nesting)
    }

    /// Whether the value is of its type, which another type does not precede.
    fn is_valid(&self) -> bool {
        self.prop_type.of_value() != PropType::PtypUnspecified && fits(&self.value, self.prop_type)
    }
}

impl TaggedValue {
    /// Reads a tag and a value of its type (`TaggedPropertyValue`, [MS-OXCDATA] 2.11.4).
    ///
    /// # Errors
    /// Fails if the bytes are truncated or not a value of the tag's type.
    pub fn read(r: &mut Reader<'_>, layout: Layout) -> Result<Self> {
        Self::read_at(r, Nesting::new(layout))
    }

    /// Writes the tag and the value.
    ///
    /// # Errors
    /// Fails if the value is not of the tag's type, or too long for its length field.
    pub fn write(&self, w: &mut Writer, layout: Layout) -> Result<()> {
        self.write_at(w, Nesting::new(layout))
    }

    pub(crate) fn read_at(r: &mut Reader<'_>, nesting: Nesting) -> Result<Self> {
        const NAME: &str = "TaggedPropertyValue";
        let tag = PropTag(r.u32("PropertyTag").map_err(|error| error.within(NAME))?);
        let value = read_value(r, tag.prop_type(), nesting).map_err(|error| error.within(NAME))?;
        Ok(Self { tag, value })
    }

    pub(crate) fn write_at(&self, w: &mut Writer, nesting: Nesting) -> Result<()> {
        w.require(fits(&self.value, self.tag.prop_type()), "PropertyTag", self.tag.0, "the value's type")
            .map_err(|error| error.within("TaggedPropertyValue"))?;
        w.u32(self.tag.0);
        write_value(&self.value, w, nesting)
    }
}

//! Property values in FastTransfer streams ([MS-OXCFXICS] 2.2.4.1).

use std::borrow::Cow;

use wire::{Decode, Encode, Error, ErrorKind, FileTime, Guid, Reader, Result, Writer};

use crate::ErrorCode;
use crate::property::names::NamedProperty;
use crate::property::{PropTag, PropType};

/// The bit in a property type that indicates that the other bits are a code page ([MS-OXCFXICS] 2.2.4.1.1.1).
pub(super) const CODE_PAGE: u16 = 0x8000;

/// The code page of little-endian UTF-16.
const CP_UTF16LE: u16 = 1200;

/// The first id of named properties, whose names are in the stream.
const FIRST_NAMED: u16 = 0x8000;

/// The encoding of a property's value in the stream ([MS-OXCFXICS] 2.2.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A value of this size, in bytes.
    Fixed(usize),
    /// A 32-bit length, followed by as many bytes.
    Variable,
    /// A 32-bit count, followed by as many values of this size.
    MultipleFixed(usize),
    /// A 32-bit count, followed by as many values, each with its 32-bit length.
    MultipleVariable,
}

impl Layout {
    /// Returns the layout of the property's type; `None` if the type is not valid in a stream.
    pub(super) const fn of(tag: PropTag) -> Option<Self> {
        let prop_type = tag.prop_type();
        // The type of MetaTagIdsetGiven is that of an integer, but the value is that of a binary property
        // ([MS-OXCFXICS] 3.2.5.2.1).
        if tag.0 == PropTag::MetaTagIdsetGiven.0 || prop_type.0 & CODE_PAGE != 0 {
            return Some(Self::Variable);
        }
        let single = Self::of_single(PropType(prop_type.0 & !0x1000));
        match single {
            Some(Self::Fixed(size)) if prop_type.is_multiple() => Some(Self::MultipleFixed(size)),
            Some(Self::Variable) if prop_type.is_multiple() => Some(Self::MultipleVariable),
            _ => single,
        }
    }

    const fn of_single(prop_type: PropType) -> Option<Self> {
        Some(match prop_type {
            PropType::PtypInteger16 | PropType::PtypBoolean => Self::Fixed(2),
            PropType::PtypInteger32 | PropType::PtypFloating32 | PropType::PtypErrorCode => Self::Fixed(4),
            PropType::PtypFloating64
            | PropType::PtypCurrency
            | PropType::PtypFloatingTime
            | PropType::PtypInteger64
            | PropType::PtypTime => Self::Fixed(8),
            PropType::PtypGuid => Self::Fixed(16),
            PropType::PtypString
            | PropType::PtypString8
            | PropType::PtypBinary
            | PropType::PtypObject
            | PropType::PtypServerId => Self::Variable,
            _ => return None,
        })
    }
}

/// Identifies a property, by its tag and, if it is a named property, by its name (`propInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropInfo<'a> {
    /// The tag. The type may be a code page with the bit 0x8000 set. Ids from 0x8000 on are valid only in the sender's
    /// mailbox; such properties are identified by their names.
    pub tag: PropTag,
    /// The name of the property, if its id is 0x8000 or above.
    pub name: Option<PropName<'a>>,
}

/// The name of a named property in a stream (`namedPropInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropName<'a> {
    /// The GUID of the property set.
    pub set: Guid,
    /// The name in the property set.
    pub key: PropNameKey<'a>,
}

/// The name of a named property in its property set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropNameKey<'a> {
    /// A number (LID).
    Lid(u32),
    /// A text: little-endian UTF-16 without the terminator.
    Text(Cow<'a, [u8]>),
}

impl PropName<'_> {
    /// The property of [MS-OXPROPS] with this name.
    pub fn known(&self) -> Option<&'static NamedProperty> {
        match &self.key {
            PropNameKey::Lid(lid) => NamedProperty::by_lid(&self.set, *lid),
            PropNameKey::Text(text) => {
                NamedProperty::by_text(&self.set, &wire::utf16le_to_string_lossy(text))
            }
        }
    }

    fn into_owned(self) -> PropName<'static> {
        let key = match self.key {
            PropNameKey::Lid(lid) => PropNameKey::Lid(lid),
            PropNameKey::Text(text) => PropNameKey::Text(Cow::Owned(text.into_owned())),
        };
        PropName { set: self.set, key }
    }
}

impl<'a> PropInfo<'a> {
    /// Identifies a property that is not named.
    pub const fn new(tag: PropTag) -> Self {
        Self { tag, name: None }
    }

    /// Copies borrowed bytes, so that the result owns them.
    pub fn into_owned(self) -> PropInfo<'static> {
        PropInfo { tag: self.tag, name: self.name.map(PropName::into_owned) }
    }

    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self> {
        let tag = PropTag(r.u32("propDef")?);
        let name = if tag.id() >= FIRST_NAMED { Some(read_name(r)?) } else { None };
        Ok(Self { tag, name })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.tag.0);
        match &self.name {
            None if self.tag.id() < FIRST_NAMED => Ok(()),
            Some(name) if self.tag.id() >= FIRST_NAMED => write_name(name, w),
            _ => Err(w.invalid("namedPropInfo", u64::from(self.tag.0), "a name from id 0x8000 on only")),
        }
    }
}

fn read_name<'a>(r: &mut Reader<'a>) -> Result<PropName<'a>> {
    let set = Guid::decode(r)?;
    let key = match r.u8("Kind")? {
        0 => PropNameKey::Lid(r.u32("dispid")?),
        1 => {
            let units = r.clone().rest().as_chunks::<2>().0;
            let length = units.iter().position(|unit| *unit == [0, 0]).unwrap_or(units.len());
            let text = r.bytes(length.saturating_mul(2), "name")?;
            r.u16("name")?;
            PropNameKey::Text(Cow::Borrowed(text))
        }
        other => return Err(r.invalid("Kind", u64::from(other), "0 or 1")),
    };
    Ok(PropName { set, key })
}

fn write_name(name: &PropName<'_>, w: &mut Writer) -> Result<()> {
    name.set.encode(w)?;
    match &name.key {
        PropNameKey::Lid(lid) => w.u8(0).u32(*lid),
        PropNameKey::Text(text) => {
            let (units, rest) = text.as_chunks::<2>();
            if !rest.is_empty() || units.contains(&[0, 0]) {
                return Err(Error::new(
                    ErrorKind::Text { expected: "UTF-16 without zeros" },
                    "name",
                    w.len(),
                ));
            }
            w.u8(1).bytes(text).u16(0)
        }
    };
    Ok(())
}

/// The value of a property in a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `PtypInteger16`.
    Integer16(i16),
    /// `PtypInteger32`.
    Integer32(i32),
    /// `PtypFloating32`.
    Floating32(f32),
    /// `PtypFloating64` and `PtypFloatingTime`.
    Floating64(f64),
    /// `PtypInteger64` and `PtypCurrency`.
    Integer64(i64),
    /// `PtypErrorCode`.
    Error(ErrorCode),
    /// `PtypBoolean`: 16 bits; zero is false.
    Boolean(u16),
    /// `PtypTime`.
    Time(FileTime),
    /// `PtypGuid`.
    Guid(Guid),
    /// A value with a length: texts of all kinds with their terminators, `PtypBinary`, `PtypObject` and `PtypServerId`.
    Bytes(Cow<'a, [u8]>),
    /// The values of a multivalued property.
    Multiple(Multiple<'a>),
}

/// The values of a property that has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiple<'a> {
    /// The number of values.
    pub count: u32,
    /// The encoded values. Each value of variable size is preceded by its 32-bit length.
    pub items: Cow<'a, [u8]>,
}

/// A property and its value (`propValue`).
#[derive(Debug, Clone, PartialEq)]
pub struct Property<'a> {
    /// The tag and name of the property.
    pub info: PropInfo<'a>,
    /// The value; its variant matches the type of the tag.
    pub value: Value<'a>,
}

impl<'a> Property<'a> {
    /// Creates a property that is not named.
    pub const fn new(tag: PropTag, value: Value<'a>) -> Self {
        Self { info: PropInfo::new(tag), value }
    }

    /// Copies borrowed bytes, so that the result owns them.
    pub fn into_owned(self) -> Property<'static> {
        let value = match self.value {
            Value::Integer16(x) => Value::Integer16(x),
            Value::Integer32(x) => Value::Integer32(x),
            Value::Floating32(x) => Value::Floating32(x),
            Value::Floating64(x) => Value::Floating64(x),
            Value::Integer64(x) => Value::Integer64(x),
            Value::Error(x) => Value::Error(x),
            Value::Boolean(x) => Value::Boolean(x),
            Value::Time(x) => Value::Time(x),
            Value::Guid(x) => Value::Guid(x),
            Value::Bytes(x) => Value::Bytes(Cow::Owned(x.into_owned())),
            Value::Multiple(Multiple { count, items }) => {
                Value::Multiple(Multiple { count, items: Cow::Owned(items.into_owned()) })
            }
        };
        Property { info: self.info.into_owned(), value }
    }

    /// The text of a string property, without its terminator, for display. Code pages other than UTF-16 are decoded as
    /// UTF-8.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::Bytes(bytes) => text_of(self.info.tag.prop_type(), bytes),
            _ => None,
        }
    }

    /// The values of a multivalued property, or the value of another one. The iterator ends early if `items` are
    /// malformed.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let single = PropTag::new(self.info.tag.id(), PropType(self.info.tag.prop_type().0 & !0x1000));
        let (mut reader, one) = match &self.value {
            Value::Multiple(multiple) => (Reader::new(&multiple.items), None),
            value => (Reader::new(&[]), Some(value.clone())),
        };
        let items =
            std::iter::from_fn(
                move || {
                    if reader.is_empty() { None } else { read_value(single, &mut reader).ok() }
                },
            );
        one.into_iter().chain(items)
    }

    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self> {
        let info = PropInfo::read(r)?;
        let value = read_value(info.tag, r)?;
        Ok(Self { info, value })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<()> {
        self.info.write(w)?;
        write_value(self.info.tag, &self.value, w)
    }
}

/// Decodes `bytes` as a text; returns `None` if `prop_type` is not a string type.
pub(super) fn text_of(prop_type: PropType, bytes: &[u8]) -> Option<String> {
    if prop_type == PropType::PtypString || prop_type.0 == CODE_PAGE | CP_UTF16LE {
        return Some(wire::utf16le_to_string_lossy(bytes).trim_end_matches('\0').to_owned());
    }
    if prop_type == PropType::PtypString8 || prop_type.0 & CODE_PAGE != 0 {
        return Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned());
    }
    None
}

pub(super) fn unknown_type(tag: PropTag, offset: usize) -> Error {
    Error::invalid("propType", offset, u64::from(tag.0), "a marker, or a property of a type with a size")
}

fn read_value<'a>(tag: PropTag, r: &mut Reader<'a>) -> Result<Value<'a>> {
    match Layout::of(tag).ok_or_else(|| unknown_type(tag, r.offset()))? {
        Layout::Fixed(_) => read_fixed(tag.prop_type(), r),
        Layout::Variable => {
            let length = r.u32("length")?;
            let length = r.count(length, 1, u32::MAX, "length")?;
            Ok(Value::Bytes(Cow::Borrowed(r.bytes(length, "varSizeValue")?)))
        }
        Layout::MultipleFixed(size) => {
            let count = r.u32("length")?;
            let length = r.count(count, size, u32::MAX, "length")?.saturating_mul(size);
            let items = Cow::Borrowed(r.bytes(length, "fixedSizeValue")?);
            Ok(Value::Multiple(Multiple { count, items }))
        }
        Layout::MultipleVariable => {
            let count = r.u32("length")?;
            r.count(count, 4, u32::MAX, "length")?;
            let mut ahead = r.clone();
            for _ in 0..count {
                let length = ahead.u32("length")?;
                let length = ahead.count(length, 1, u32::MAX, "length")?;
                ahead.bytes(length, "varSizeValue")?;
            }
            let items = r.bytes(ahead.offset().saturating_sub(r.offset()), "varSizeValue")?;
            Ok(Value::Multiple(Multiple { count, items: Cow::Borrowed(items) }))
        }
    }
}

fn read_fixed<'a>(prop_type: PropType, r: &mut Reader<'a>) -> Result<Value<'a>> {
    let field = "fixedSizeValue";
    Ok(match prop_type {
        PropType::PtypInteger16 => Value::Integer16(r.i16(field)?),
        PropType::PtypInteger32 => Value::Integer32(r.i32(field)?),
        PropType::PtypFloating32 => Value::Floating32(r.f32(field)?),
        PropType::PtypFloating64 | PropType::PtypFloatingTime => Value::Floating64(r.f64(field)?),
        PropType::PtypInteger64 | PropType::PtypCurrency => Value::Integer64(r.i64(field)?),
        PropType::PtypErrorCode => Value::Error(ErrorCode(r.u32(field)?)),
        PropType::PtypBoolean => Value::Boolean(r.u16(field)?),
        PropType::PtypTime => Value::Time(FileTime(r.u64(field)?)),
        PropType::PtypGuid => Value::Guid(Guid::decode(r)?),
        other => return Err(r.invalid("propType", u64::from(other.0), "a type of a fixed size")),
    })
}

fn write_value(tag: PropTag, value: &Value<'_>, w: &mut Writer) -> Result<()> {
    let layout = Layout::of(tag).ok_or_else(|| unknown_type(tag, w.len()))?;
    let start = w.len();
    match value {
        Value::Integer16(x) => w.i16(*x),
        Value::Integer32(x) => w.i32(*x),
        Value::Floating32(x) => w.f32(*x),
        Value::Floating64(x) => w.f64(*x),
        Value::Integer64(x) => w.i64(*x),
        Value::Error(x) => w.u32(x.0),
        Value::Boolean(x) => w.u16(*x),
        Value::Time(x) => w.u64(x.0),
        Value::Guid(x) => w.bytes(&x.to_le()),
        Value::Bytes(bytes) => w.len32(bytes.len(), "length")?.bytes(bytes),
        Value::Multiple(multiple) => w.u32(multiple.count).bytes(&multiple.items),
    };
    let fits = match (layout, value) {
        (Layout::Variable, Value::Bytes(_)) => true,
        (Layout::Fixed(_), Value::Bytes(_) | Value::Multiple(_)) => false,
        (Layout::Fixed(size), _) => w.len().saturating_sub(start) == size,
        (Layout::MultipleFixed(_) | Layout::MultipleVariable, Value::Multiple(_)) => {
            let mut r = Reader::new(w.as_slice().get(start..).unwrap_or_default());
            read_value(tag, &mut r).is_ok() && r.is_empty()
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(w.invalid("propValue", u64::from(tag.0), "a value of the tag's type")) }
}

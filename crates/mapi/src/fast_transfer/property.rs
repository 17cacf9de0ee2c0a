//! Property values in `FastTransfer` streams ([MS-OXCFXICS] 2.2.4.1).

use std::borrow::Cow;

use wire::{Decode, Encode, Error, ErrorKind, FileTime, Guid, Reader, Result, Writer};

use crate::ErrorCode;
use crate::property::names::NamedProperty;
use crate::property::{PropTag, PropType};

/// The bit in a property's type that says that the rest is a code page ([MS-OXCFXICS] 2.2.4.1.1.1).
pub(super) const CODE_PAGE: u16 = 0x8000;

/// The code page of UTF-16, little endian.
const CP_UTF16LE: u16 = 1200;

/// From this id on a property is named, and its name is in the stream.
const FIRST_NAMED: u16 = 0x8000;

/// How a property's value lies in the stream ([MS-OXCFXICS] 2.2.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// So many bytes.
    Fixed(usize),
    /// A length of four bytes, then so many bytes.
    Variable,
    /// A count of four bytes, then as many values of a fixed size.
    MultipleFixed(usize),
    /// A count of four bytes, then as many lengths with their bytes.
    MultipleVariable,
}

impl Layout {
    /// None for types that a stream cannot carry.
    pub(super) const fn of(tag: PropTag) -> Option<Self> {
        let prop_type = tag.prop_type();
        // It says that it is an integer, but has the length and the bytes of an IDSET
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

/// Which property, with its name where it is a named one (`propInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropInfo<'a> {
    /// Id and type. The type may be a code page with the bit 0x8000 set. An id from 0x8000 on means nothing
    /// outside of the sender's mailbox; the name counts.
    pub tag: PropTag,
    /// The name of a property whose id is 0x8000 or above.
    pub name: Option<PropName<'a>>,
}

/// A named property's name as a stream has it (`namedPropInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropName<'a> {
    /// The set.
    pub set: Guid,
    /// The name in the set.
    pub key: PropNameKey<'a>,
}

/// What a named property is called within its set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropNameKey<'a> {
    /// A number.
    Lid(u32),
    /// A text: little-endian UTF-16 without the terminator.
    Text(Cow<'a, [u8]>),
}

impl PropName<'_> {
    /// What [MS-OXPROPS] calls it.
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
    /// A property that is not named.
    pub const fn new(tag: PropTag) -> Self {
        Self { tag, name: None }
    }

    /// The same with bytes of its own.
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

/// A property's value.
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
    /// `PtypBoolean`: zero is false. It takes two bytes.
    Boolean(u16),
    /// `PtypTime`.
    Time(FileTime),
    /// `PtypGuid`.
    Guid(Guid),
    /// What has a length: texts of every kind with their terminators, `PtypBinary`, `PtypObject`,
    /// `PtypServerId`.
    Bytes(Cow<'a, [u8]>),
    /// Several values.
    Multiple(Multiple<'a>),
}

/// The values of a property that has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiple<'a> {
    /// How many there are.
    pub count: u32,
    /// The values one after the other, as they lie in the stream: those of variable size with a length of
    /// four bytes before each.
    pub items: Cow<'a, [u8]>,
}

/// A property with its value (`propValue`).
#[derive(Debug, Clone, PartialEq)]
pub struct Property<'a> {
    /// Which property.
    pub info: PropInfo<'a>,
    /// The value, of the form that the tag's type asks for.
    pub value: Value<'a>,
}

impl<'a> Property<'a> {
    /// A property of fewer than 0x8000.
    pub const fn new(tag: PropTag, value: Value<'a>) -> Self {
        Self { info: PropInfo::new(tag), value }
    }

    /// The same with bytes of its own.
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

    /// The text of a string property, without its terminator, for display. Code pages other
    /// than UTF-16 are read as UTF-8.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::Bytes(bytes) => text_of(self.info.tag.prop_type(), bytes),
            _ => None,
        }
    }

    /// The values of a property that has several; the one value of another. Ends early where the items do not
    /// lie as the type asks for.
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

/// The text that `bytes` of the type `prop_type` are, if that is one.
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

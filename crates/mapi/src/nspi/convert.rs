//! Conversions between NDR types and the property types that the protocols share.

use rpc::ndr::{CharString, Ptr, SizedPtr, WcharString};
use wire::{Error, FileTime, Result};

use super::restriction::{
    BitMaskRestriction, ComparePropsRestriction, ContentRestriction, ExistRestriction, PropertyRestriction,
    Restriction, RestrictionUnion, SizeRestriction, SubRestriction,
};
use super::value::{PropertyRow, PropertyValue, Value};
use crate::data::FlatUid;
use crate::property::{self, PropType, TaggedValue};

/// Converts the values of `pointers`; null pointers become default values.
fn targets<T, U: Default>(pointers: &SizedPtr<Ptr<T>>, convert: impl Fn(&T) -> U) -> Vec<U> {
    pointers.as_slice().iter().map(|pointer| pointer.get().map(&convert).unwrap_or_default()).collect()
}

/// Creates pointers to `values`.
fn pointers<T, U>(values: Vec<U>, convert: impl Fn(U) -> T) -> SizedPtr<Ptr<T>> {
    SizedPtr::new(values.into_iter().map(|value| Ptr::new(convert(value))).collect())
}

fn char_string(text: Vec<u8>) -> CharString {
    CharString { text, ..CharString::default() }
}

fn wchar_string(text: wire::Utf16) -> WcharString {
    WcharString { text, ..WcharString::default() }
}

impl Value {
    /// The value without its pointers. Null pointers become empty values.
    pub fn to_value(&self) -> property::PropertyValue {
        use property::PropertyValue as P;
        match self {
            Self::Integer16(value) => P::Integer16(*value),
            Self::Integer32(value) => P::Integer32(*value),
            Self::Boolean(value) => P::Boolean(*value != 0),
            Self::String8(text) => P::String8(text.get().map(|text| text.text.clone()).unwrap_or_default()),
            Self::Unicode(text) => P::Unicode(text.get().map(|text| text.text.clone()).unwrap_or_default()),
            Self::Binary(bytes) => P::Binary(bytes.as_slice().to_vec()),
            Self::Guid(guid) => P::Guid(guid.get().map(|guid| guid.guid()).unwrap_or_default()),
            Self::Time(time) => P::Time(*time),
            Self::Error(code) => P::Error(*code),
            Self::MultipleInteger16(values) => P::MultipleInteger16(values.as_slice().to_vec()),
            Self::MultipleInteger32(values) => P::MultipleInteger32(values.as_slice().to_vec()),
            Self::MultipleString8(texts) => P::MultipleString8(targets(texts, |text| text.text.clone())),
            Self::MultipleUnicode(texts) => P::MultipleUnicode(targets(texts, |text| text.text.clone())),
            Self::MultipleBinary(values) => {
                P::MultipleBinary(values.as_slice().iter().map(|bytes| bytes.as_slice().to_vec()).collect())
            }
            Self::MultipleGuid(guids) => P::MultipleGuid(targets(guids, |guid| guid.guid())),
            Self::MultipleTime(times) => P::MultipleTime(times.as_slice().to_vec()),
            Self::Null(_) | Self::Object(_) | Self::Unspecified(_) => P::Absent(self.prop_type()),
        }
    }
}

impl TryFrom<property::PropertyValue> for Value {
    type Error = Error;

    /// # Errors
    /// Fails for values of types that NSPI does not have ([MS-OXNSPI] 2.2.1.1).
    fn try_from(value: property::PropertyValue) -> Result<Self> {
        use property::PropertyValue as P;
        Ok(match value {
            P::Absent(PropType::PtypNull) => Self::Null(0),
            P::Absent(PropType::PtypObject) => Self::Object(0),
            P::Absent(PropType::PtypUnspecified) => Self::Unspecified(0),
            P::Integer16(value) => Self::Integer16(value),
            P::Integer32(value) => Self::Integer32(value),
            P::Boolean(value) => Self::Boolean(u16::from(value)),
            P::Error(code) => Self::Error(code),
            P::String8(text) => Self::String8(Ptr::new(char_string(text))),
            P::Unicode(text) => Self::Unicode(Ptr::new(wchar_string(text))),
            P::Time(time) => Self::Time(time),
            P::Guid(guid) => Self::Guid(Ptr::new(FlatUid::from(guid))),
            P::Binary(bytes) => Self::Binary(SizedPtr::new(bytes)),
            P::MultipleInteger16(values) => Self::MultipleInteger16(SizedPtr::new(values)),
            P::MultipleInteger32(values) => Self::MultipleInteger32(SizedPtr::new(values)),
            P::MultipleString8(texts) => Self::MultipleString8(pointers(texts, char_string)),
            P::MultipleUnicode(texts) => Self::MultipleUnicode(pointers(texts, wchar_string)),
            P::MultipleTime(times) => Self::MultipleTime(SizedPtr::<FileTime>::new(times)),
            P::MultipleGuid(guids) => Self::MultipleGuid(pointers(guids, FlatUid::from)),
            P::MultipleBinary(values) => {
                Self::MultipleBinary(SizedPtr::new(values.into_iter().map(SizedPtr::new).collect()))
            }
            P::RawBoolean(odd) => Self::Boolean(u16::from(odd)),
            other => {
                let found = u64::from(other.prop_type().0);
                return Err(Error::invalid("Value", 0, found, "a type of NSPI").within("PropertyValue_r"));
            }
        })
    }
}

impl PropertyValue {
    /// The property and its value, without pointers.
    pub fn to_tagged(&self) -> TaggedValue {
        TaggedValue { tag: self.tag, value: self.value.to_value() }
    }
}

impl TryFrom<TaggedValue> for PropertyValue {
    type Error = Error;

    /// # Errors
    /// Fails for values of types that NSPI does not have.
    fn try_from(property: TaggedValue) -> Result<Self> {
        Ok(Self { tag: property.tag, reserved: 0, value: property.value.try_into()? })
    }
}

impl PropertyRow {
    /// The row without its pointers.
    pub fn to_row(&self) -> property::PropertyList {
        property::PropertyList(self.properties.as_slice().iter().map(PropertyValue::to_tagged).collect())
    }
}

impl TryFrom<property::PropertyList> for PropertyRow {
    type Error = Error;

    /// # Errors
    /// Fails for values of types that NSPI does not have.
    fn try_from(row: property::PropertyList) -> Result<Self> {
        Ok(Self::new(row.0.into_iter().map(PropertyValue::try_from).collect::<Result<_>>()?))
    }
}

impl Restriction {
    /// The restriction without its pointers; `None` if a part is missing (a null pointer).
    pub fn to_restriction(&self) -> Option<property::Restriction> {
        use property::Restriction as R;
        let all = |list: &SizedPtr<Self>| {
            list.as_slice().iter().map(Self::to_restriction).collect::<Option<Vec<_>>>()
        };
        let one = |inner: &Ptr<Box<Self>>| inner.get()?.to_restriction().map(Box::new);
        Some(match &self.res {
            RestrictionUnion::And(list) => R::And(all(list)?),
            RestrictionUnion::Or(list) => R::Or(all(list)?),
            RestrictionUnion::Not(inner) => R::Not(one(inner)?),
            RestrictionUnion::Content(content) => R::Content {
                fuzzy_level: content.fuzzy_level,
                tag: content.tag,
                value: content.value.get()?.to_tagged(),
            },
            RestrictionUnion::Property(compare) => R::Property {
                relop: compare.relop,
                tag: compare.tag,
                value: compare.value.get()?.to_tagged(),
            },
            RestrictionUnion::CompareProps(compare) => {
                R::CompareProperties { relop: compare.relop, tag1: compare.tag1, tag2: compare.tag2 }
            }
            RestrictionUnion::BitMask(bits) => {
                R::BitMask { operator: bits.operator, tag: bits.tag, mask: bits.mask }
            }
            RestrictionUnion::Size(size) => R::Size { relop: size.relop, tag: size.tag, size: size.size },
            RestrictionUnion::Exist(exist) => R::Exist { tag: exist.tag },
            RestrictionUnion::SubRestriction(sub) => {
                R::SubObject { object: sub.object, restriction: one(&sub.restriction)? }
            }
        })
    }
}

/// Creates a pointer to a property value.
fn boxed(value: TaggedValue) -> Result<Ptr<Box<PropertyValue>>> {
    Ok(Ptr::new(Box::new(value.try_into()?)))
}

/// Converts a list of restrictions.
fn list(restrictions: Vec<property::Restriction>) -> Result<SizedPtr<Restriction>> {
    restrictions.into_iter().map(Restriction::try_from).collect::<Result<_>>().map(SizedPtr::new)
}

impl TryFrom<property::Restriction> for Restriction {
    type Error = Error;

    /// # Errors
    /// Fails for types of values and for restrictions that NSPI does not have (comments and counts).
    fn try_from(restriction: property::Restriction) -> Result<Self> {
        use property::Restriction as R;
        Ok(Self::new(match restriction {
            R::And(all) => RestrictionUnion::And(list(all)?),
            R::Or(any) => RestrictionUnion::Or(list(any)?),
            R::Not(inner) => RestrictionUnion::Not(Ptr::new(Box::new((*inner).try_into()?))),
            R::Content { fuzzy_level, tag, value } => {
                RestrictionUnion::Content(ContentRestriction { fuzzy_level, tag, value: boxed(value)? })
            }
            R::Property { relop, tag, value } => {
                RestrictionUnion::Property(PropertyRestriction { relop, tag, value: boxed(value)? })
            }
            R::CompareProperties { relop, tag1, tag2 } => {
                RestrictionUnion::CompareProps(ComparePropsRestriction { relop, tag1, tag2 })
            }
            R::BitMask { operator, tag, mask } => {
                RestrictionUnion::BitMask(BitMaskRestriction { operator, tag, mask })
            }
            R::Size { relop, tag, size } => RestrictionUnion::Size(SizeRestriction { relop, tag, size }),
            R::Exist { tag } => RestrictionUnion::Exist(ExistRestriction { reserved1: 0, tag, reserved2: 0 }),
            R::SubObject { object, restriction } => RestrictionUnion::SubRestriction(SubRestriction {
                object,
                restriction: Ptr::new(Box::new((*restriction).try_into()?)),
            }),
            other @ (R::Comment { .. } | R::Count { .. }) => {
                let found = u64::from(other.restriction_type().0);
                return Err(Error::invalid("rt", 0, found, "a restriction of NSPI").within("Restriction_r"));
            }
        }))
    }
}

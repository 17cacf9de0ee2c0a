//! Conversion of values to the types that clients request ([MS-OXCPRPT] 3.2.5.1, [MS-OXCDATA] 2.11.1.5).

use mapi::ErrorCode;
use mapi::property::{PropTag, PropType, PropertyValue, TypedValue};
use wire::Utf16;

use crate::codepage::CodePage;

/// The value of a property, as a client that requested `tag` receives it: in the type of `tag`, or an error.
pub(crate) fn requested(tag: PropTag, value: Option<PropertyValue>, code_page: CodePage) -> PropertyValue {
    let Some(value) = value else { return PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND) };
    if matches!(value, PropertyValue::Error(_)) {
        return value;
    }
    match tag.prop_type().of_value() {
        PropType::PtypUnspecified => PropertyValue::Typed(Box::new(TypedValue::new(value))),
        wanted => {
            to_type(value, wanted, code_page).unwrap_or(PropertyValue::Error(ErrorCode::MAPI_E_NOT_FOUND))
        }
    }
}

/// `value` in the type `wanted`, if it has it or is a text.
pub(crate) fn to_type(value: PropertyValue, wanted: PropType, code_page: CodePage) -> Option<PropertyValue> {
    match (value, wanted) {
        (value, wanted) if value.prop_type() == wanted => Some(value),
        (PropertyValue::Unicode(text), PropType::PtypString8) => {
            Some(PropertyValue::String8(code_page.encode(&text.to_string_lossy())))
        }
        (PropertyValue::String8(text), PropType::PtypString) => {
            Some(PropertyValue::from(code_page.decode(&text).as_str()))
        }
        (PropertyValue::MultipleUnicode(texts), PropType::PtypMultipleString8) => {
            let texts = texts.iter().map(|text| code_page.encode(&text.to_string_lossy()));
            Some(PropertyValue::MultipleString8(texts.collect()))
        }
        (PropertyValue::MultipleString8(texts), PropType::PtypMultipleString) => {
            let texts = texts.iter().map(|text| Utf16::new(&code_page.decode(text)));
            Some(PropertyValue::MultipleUnicode(texts.collect()))
        }
        _ => None,
    }
}

/// `value` as it is stored: texts as UTF-16, and with its own memory.
pub(crate) fn stored(value: &PropertyValue, code_page: CodePage) -> PropertyValue {
    let unicode = match value.prop_type() {
        PropType::PtypString8 => PropType::PtypString,
        PropType::PtypMultipleString8 => PropType::PtypMultipleString,
        own => own,
    };
    to_type(value.detached(), unicode, code_page).unwrap_or_else(|| value.detached())
}

/// The single values of `value`, which is one itself unless its type is multivalued.
pub(crate) fn single_values(value: PropertyValue) -> Vec<PropertyValue> {
    use PropertyValue as V;
    match value {
        V::MultipleInteger16(values) => values.into_iter().map(V::Integer16).collect(),
        V::MultipleInteger32(values) => values.into_iter().map(V::Integer32).collect(),
        V::MultipleInteger64(values) => values.into_iter().map(V::Integer64).collect(),
        V::MultipleFloating32(values) => values.into_iter().map(V::Floating32).collect(),
        V::MultipleFloating64(values) => values.into_iter().map(V::Floating64).collect(),
        V::MultipleCurrency(values) => values.into_iter().map(V::Currency).collect(),
        V::MultipleFloatingTime(values) => values.into_iter().map(V::FloatingTime).collect(),
        V::MultipleString8(values) => values.into_iter().map(V::String8).collect(),
        V::MultipleUnicode(values) => values.into_iter().map(V::Unicode).collect(),
        V::MultipleTime(values) => values.into_iter().map(V::Time).collect(),
        V::MultipleGuid(values) => values.into_iter().map(V::Guid).collect(),
        V::MultipleBinary(values) => values.into_iter().map(V::Binary).collect(),
        single => vec![single],
    }
}

/// The number of bytes of a value in memory, about.
pub(crate) fn size(value: &PropertyValue) -> usize {
    match value {
        PropertyValue::String8(bytes) | PropertyValue::Binary(bytes) | PropertyValue::Object(bytes) => {
            bytes.len()
        }
        PropertyValue::Unicode(text) => text.as_le_bytes().len(),
        PropertyValue::MultipleBinary(values) | PropertyValue::MultipleString8(values) => {
            values.iter().map(|value| value.len().saturating_add(24)).sum()
        }
        PropertyValue::MultipleUnicode(texts) => {
            texts.iter().map(|text| text.as_le_bytes().len().saturating_add(24)).sum()
        }
        _ => 16,
    }
}

/// The tag in `known` of the property `tag`, which the client may have requested in another type; or else `tag`.
pub(crate) fn canonical(tag: PropTag, known: &[PropTag]) -> PropTag {
    known.iter().copied().find(|known| known.is_same_property(tag)).unwrap_or(tag)
}

//! Restrictions with 8-bit texts, for clients that do not use Unicode.

use mapi::property::{PropTag, PropType, Restriction, TaggedValue};

use super::convert::to_type;
use crate::codepage::CodePage;

/// Converts the texts of `restriction`, and the types of the properties with which they are compared, to 8-bit strings
/// in `code_page`.
pub(crate) fn to_eight_bit(restriction: &mut Restriction, code_page: CodePage) {
    match restriction {
        Restriction::And(all) | Restriction::Or(all) => {
            for one in all {
                to_eight_bit(one, code_page);
            }
        }
        Restriction::Not(inner)
        | Restriction::SubObject { restriction: inner, .. }
        | Restriction::Count { restriction: inner, .. } => to_eight_bit(inner, code_page),
        Restriction::Content { tag, value, .. } | Restriction::Property { tag, value, .. } => {
            *tag = eight_bit(*tag);
            convert(value, code_page);
        }
        Restriction::CompareProperties { tag1, tag2, .. } => {
            (*tag1, *tag2) = (eight_bit(*tag1), eight_bit(*tag2));
        }
        Restriction::Size { tag, .. } | Restriction::Exist { tag } => *tag = eight_bit(*tag),
        Restriction::Comment { values, restriction } => {
            for value in values {
                convert(value, code_page);
            }
            if let Some(inner) = restriction {
                to_eight_bit(inner, code_page);
            }
        }
        Restriction::BitMask { .. } => {}
    }
}

fn eight_bit(tag: PropTag) -> PropTag {
    match tag.prop_type() {
        PropType::PtypString => tag.with_type(PropType::PtypString8),
        PropType::PtypMultipleString => tag.with_type(PropType::PtypMultipleString8),
        _ => tag,
    }
}

fn convert(property: &mut TaggedValue, code_page: CodePage) {
    let tag = eight_bit(property.tag);
    if let Some(value) = to_type(property.value.clone(), tag.prop_type(), code_page) {
        *property = TaggedValue::new(tag, value);
    }
}

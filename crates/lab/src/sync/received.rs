//! Properties of a stream that a client uploads, as they are stored.

use mapi::data::PropertyName;
use mapi::fast_transfer::{Multiple, PropInfo, PropName, PropNameKey, Property, Value};
use mapi::property::{PropTag, PropType, PropertyValue};
use store::{Change, MailboxId};
use wire::Utf16;

use crate::codepage::CodePage;

/// The bit of a type whose other bits are a code page ([MS-OXCFXICS] 2.2.4.1.1.1).
const CODE_PAGE: u16 = 0x8000;
/// The code page of UTF-16.
const UTF16: u16 = 1200;

/// The tag of a property in the mailbox. A named property gets an id if it has none. `None` for an invalid name.
fn tag(change: &Change<'_>, mailbox: MailboxId, info: &PropInfo<'_>) -> store::Result<Option<PropTag>> {
    let Some(PropName { set, key }) = &info.name else { return Ok(Some(info.tag)) };
    let name = match key {
        PropNameKey::Lid(lid) => PropertyName::Lid { guid: *set, lid: *lid },
        PropNameKey::Text(text) => match Utf16::from_le(text.to_vec().into()) {
            Some(name) => PropertyName::Name { guid: *set, name },
            None => return Ok(None),
        },
    };
    let id = change.assign_named_property(mailbox, &name)?;
    Ok(Some(PropTag::new(id, info.tag.prop_type())))
}

/// A property as it is stored: with its id in the mailbox, and texts as UTF-16. `None` if it has no value that is
/// stored.
pub(crate) fn stored(
    change: &Change<'_>,
    mailbox: MailboxId,
    code_page: CodePage,
    property: &Property<'_>,
) -> store::Result<Option<(PropTag, PropertyValue)>> {
    let Some(value) = value(property, code_page) else { return Ok(None) };
    let tag = tag(change, mailbox, &property.info)?;
    Ok(tag.map(|tag| (tag.with_type(value.prop_type()), value)))
}

fn text(bytes: &[u8], prop_type: PropType, code_page: CodePage) -> Option<PropertyValue> {
    let is_utf16 = prop_type == PropType::PtypString || prop_type.0 == CODE_PAGE | UTF16;
    if is_utf16 {
        let bytes = bytes.strip_suffix(&[0, 0]).unwrap_or(bytes);
        return Utf16::from_le(bytes.to_vec().into()).map(PropertyValue::Unicode);
    }
    let code_page = match prop_type {
        PropType::PtypString8 => code_page,
        PropType(other) => CodePage::new(u32::from(other & !CODE_PAGE))?,
    };
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    Some(PropertyValue::from(code_page.decode(bytes).as_str()))
}

fn value(property: &Property<'_>, code_page: CodePage) -> Option<PropertyValue> {
    use PropertyValue as V;
    let prop_type = property.info.tag.prop_type();
    Some(match &property.value {
        Value::Integer16(x) => V::Integer16(*x),
        Value::Integer32(x) => V::Integer32(*x),
        Value::Floating32(x) => V::Floating32(*x),
        Value::Floating64(x) if prop_type == PropType::PtypFloatingTime => V::FloatingTime(*x),
        Value::Floating64(x) => V::Floating64(*x),
        Value::Integer64(x) if prop_type == PropType::PtypCurrency => V::Currency(*x),
        Value::Integer64(x) => V::Integer64(*x),
        Value::Boolean(x) => V::Boolean(*x != 0),
        Value::Time(x) => V::Time(*x),
        Value::Guid(x) => V::Guid(*x),
        Value::Error(_) => return None,
        Value::Bytes(bytes) => match prop_type {
            PropType::PtypBinary => V::Binary(bytes.to_vec()),
            PropType::PtypObject => V::Object(bytes.to_vec()),
            PropType::PtypServerId => return None,
            other => return text(bytes, other, code_page),
        },
        Value::Multiple(multiple) => return several(property, multiple, code_page),
    })
}

/// The values of a property that has several.
fn several(property: &Property<'_>, multiple: &Multiple<'_>, code_page: CodePage) -> Option<PropertyValue> {
    use PropertyValue as V;
    let single = PropType(property.info.tag.prop_type().0 & !PropType::MULTIVALUE);
    let bytes = || {
        property.values().map(|value| match value {
            Value::Bytes(bytes) => Some(bytes.into_owned()),
            _ => None,
        })
    };
    macro_rules! list {
        ($($from:ident => $to:ident),*) => {
            match property.values().next() {
                $(Some(Value::$from(_)) => V::$to(property.values().map(|value| match value {
                    Value::$from(x) => Some(x),
                    _ => None,
                }).collect::<Option<_>>()?),)*
                _ => return None,
            }
        };
    }
    let value = match single {
        PropType::PtypBinary => V::MultipleBinary(bytes().collect::<Option<_>>()?),
        PropType::PtypString | PropType::PtypString8 => {
            let texts = bytes().map(|bytes| match text(&bytes?, single, code_page)? {
                V::Unicode(text) => Some(text),
                _ => None,
            });
            V::MultipleUnicode(texts.collect::<Option<_>>()?)
        }
        PropType::PtypCurrency => list!(Integer64 => MultipleCurrency),
        PropType::PtypFloatingTime => list!(Floating64 => MultipleFloatingTime),
        _ => list!(
            Integer16 => MultipleInteger16, Integer32 => MultipleInteger32, Integer64 => MultipleInteger64,
            Floating32 => MultipleFloating32, Floating64 => MultipleFloating64, Time => MultipleTime,
            Guid => MultipleGuid
        ),
    };
    (multiple.count > 0).then_some(value)
}

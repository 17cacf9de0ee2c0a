//! Markers and properties as a stream has them ([MS-OXCFXICS] 2.2.4.1).

use std::borrow::Cow;
use std::collections::HashSet;

use mapi::data::PropertyName;
use mapi::fast_transfer::{Marker, Multiple, PropInfo, PropName, PropNameKey, Property, Token, Value};
use mapi::property::{PropTag, PropType, PropertyValue};
use store::{MailboxId, View};
use wire::Writer;

use crate::codepage::CodePage;

/// How texts are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding {
    /// Whether texts are sent as UTF-16, as they are stored.
    pub(crate) is_unicode: bool,
    /// The code page of texts otherwise.
    pub(crate) code_page: CodePage,
}

/// The properties and sub-objects that a client selects ([MS-OXCFXICS] 3.2.5.10).
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Whether only the listed ones are sent, and not all others.
    only: bool,
    ids: HashSet<u16>,
}

impl Filter {
    /// Only those in `tags`.
    pub(crate) fn only(tags: &[PropTag]) -> Self {
        Self { only: true, ids: tags.iter().map(|tag| tag.id()).collect() }
    }

    /// All except those in `tags`.
    pub(crate) fn all_except(tags: &[PropTag]) -> Self {
        Self { only: false, ids: tags.iter().map(|tag| tag.id()).collect() }
    }

    pub(crate) fn admits(&self, tag: PropTag) -> bool {
        self.ids.contains(&tag.id()) == self.only
    }
}

/// The bytes of a marker.
pub(crate) fn marker(marker: Marker) -> Vec<u8> {
    marker.0.to_le_bytes().to_vec()
}

/// A property whose tag is not that of a named one, with a value of its type.
pub(crate) fn plain(tag: PropTag, value: Value<'static>) -> store::Result<Vec<u8>> {
    let mut w = Writer::new();
    Token::Property(Property::new(tag, value)).write(&mut w)?;
    Ok(w.into_vec())
}

/// A binary property.
pub(crate) fn binary(tag: PropTag, value: Vec<u8>) -> store::Result<Vec<u8>> {
    plain(tag, Value::Bytes(Cow::Owned(value)))
}

/// A property of an object in `mailbox`. `None` for a value that streams cannot have, and for a named property
/// without a name.
pub(crate) fn property(
    view: &View<'_>,
    mailbox: MailboxId,
    encoding: Encoding,
    (tag, value): (PropTag, &PropertyValue),
) -> store::Result<Option<Vec<u8>>> {
    let Some((prop_type, value)) = value_of(encoding, value) else { return Ok(None) };
    let Some(info) = info(view, mailbox, tag.with_type(prop_type))? else { return Ok(None) };
    let mut w = Writer::new();
    Token::Property(Property { info, value }).write(&mut w)?;
    Ok(Some(w.into_vec()))
}

/// The tag, the name and the length of a value of `length` bytes, which follow.
pub(crate) fn large_header(
    view: &View<'_>,
    mailbox: MailboxId,
    tag: PropTag,
    length: u64,
) -> store::Result<Option<Vec<u8>>> {
    let (Some(info), Ok(length)) = (info(view, mailbox, tag)?, u32::try_from(length)) else {
        return Ok(None);
    };
    let mut w = Writer::new();
    Token::Large { info, length }.write(&mut w)?;
    Ok(Some(w.into_vec()))
}

fn info(view: &View<'_>, mailbox: MailboxId, tag: PropTag) -> store::Result<Option<PropInfo<'static>>> {
    if !tag.is_named() {
        return Ok(Some(PropInfo::new(tag)));
    }
    let (set, key) = match view.property_name(mailbox, tag.id())? {
        Some(PropertyName::Lid { guid, lid }) => (guid, PropNameKey::Lid(lid)),
        Some(PropertyName::Name { guid, name }) => {
            (guid, PropNameKey::Text(Cow::Owned(name.as_le_bytes().to_vec())))
        }
        _ => return Ok(None),
    };
    Ok(Some(PropInfo { tag, name: Some(PropName { set, key }) }))
}

/// A value and its type in a stream.
fn value_of(encoding: Encoding, value: &PropertyValue) -> Option<(PropType, Value<'static>)> {
    use PropertyValue as V;
    let own = value.prop_type();
    let bytes = |bytes: &[u8]| Value::Bytes(Cow::Owned(bytes.to_vec()));
    let texts = |text: &wire::Utf16| {
        if encoding.is_unicode {
            [text.as_le_bytes(), &[0, 0]].concat()
        } else {
            [encoding.code_page.encode(&text.to_string_lossy()), vec![0]].concat()
        }
    };
    let value = match value {
        V::Unicode(text) if encoding.is_unicode => Value::Bytes(Cow::Owned(texts(text))),
        V::Unicode(text) => return Some((PropType::PtypString8, Value::Bytes(Cow::Owned(texts(text))))),
        V::MultipleUnicode(list) => {
            let single = if encoding.is_unicode { PropType::PtypString } else { PropType::PtypString8 };
            let list: Vec<Vec<u8>> = list.iter().map(texts).collect();
            return Some((PropType(single.0 | PropType::MULTIVALUE), variable(&list)?));
        }
        V::String8(text) => Value::Bytes(Cow::Owned([text.as_slice(), &[0]].concat())),
        V::MultipleString8(list) => {
            let list: Vec<Vec<u8>> = list.iter().map(|text| [text.as_slice(), &[0]].concat()).collect();
            variable(&list)?
        }
        V::Binary(value) | V::Object(value) => bytes(value),
        V::MultipleBinary(list) => variable(list)?,
        V::Integer16(x) => Value::Integer16(*x),
        V::Integer32(x) => Value::Integer32(*x),
        V::Integer64(x) | V::Currency(x) => Value::Integer64(*x),
        V::Floating32(x) => Value::Floating32(*x),
        V::Floating64(x) | V::FloatingTime(x) => Value::Floating64(*x),
        V::Boolean(x) => Value::Boolean(u16::from(*x)),
        V::Time(x) => Value::Time(*x),
        V::Guid(x) => Value::Guid(*x),
        V::MultipleInteger16(list) => fixed(list, |x| x.to_le_bytes())?,
        V::MultipleInteger32(list) => fixed(list, |x| x.to_le_bytes())?,
        V::MultipleInteger64(list) | V::MultipleCurrency(list) => fixed(list, |x| x.to_le_bytes())?,
        V::MultipleFloating32(list) => fixed(list, |x| x.to_le_bytes())?,
        V::MultipleFloating64(list) | V::MultipleFloatingTime(list) => fixed(list, |x| x.to_le_bytes())?,
        V::MultipleTime(list) => fixed(list, |x| x.0.to_le_bytes())?,
        V::MultipleGuid(list) => fixed(list, |x| x.to_le())?,
        _ => return None,
    };
    Some((own, value))
}

/// Values of variable size: each has its length.
fn variable(list: &[Vec<u8>]) -> Option<Value<'static>> {
    let mut items = Writer::new();
    for value in list {
        items.len32(value.len(), "length").ok()?.bytes(value);
    }
    let count = u32::try_from(list.len()).ok()?;
    Some(Value::Multiple(Multiple { count, items: Cow::Owned(items.into_vec()) }))
}

/// Values of a fixed size.
fn fixed<T, const N: usize>(list: &[T], encode: impl Fn(&T) -> [u8; N]) -> Option<Value<'static>> {
    let items = list.iter().flat_map(encode).collect();
    Some(Value::Multiple(Multiple { count: u32::try_from(list.len()).ok()?, items: Cow::Owned(items) }))
}

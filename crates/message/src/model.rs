//! A message with its recipients and attachments ([MS-OXCMSG] 1.3), as properties.

use mapi::data::PropertyName;
use mapi::property::{PropTag, PropertyList, PropertyValue};
use wire::FileTime;

use crate::codepage;

/// A message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// The properties, without named ones.
    pub properties: PropertyList,
    /// The named properties. Their ids depend on the mailbox, and are not part of the model.
    pub named: Vec<NamedValue>,
    /// The properties of each recipient.
    pub recipients: Vec<PropertyList>,
    /// The attachments.
    pub attachments: Vec<Attachment>,
}

/// A named property.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedValue {
    /// The name.
    pub name: PropertyName,
    /// The value.
    pub value: PropertyValue,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attachment {
    /// The properties, without that of the content.
    pub properties: PropertyList,
    /// The content.
    pub content: Content,
}

/// The content of an attachment, as `PidTagAttachMethod` states it ([MS-OXCMSG] 2.2.2.9).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Content {
    /// None (`afNone`).
    #[default]
    None,
    /// Bytes (`afByValue`).
    Bytes(Vec<u8>),
    /// A message (`afEmbeddedMessage`).
    Message(Box<Message>),
    /// The storage of an OLE object (`afStorage`).
    Ole(Vec<u8>),
    /// A link to a file (`afByReference`, `afByReferenceOnly`, `afByWebReference`): its path or URL.
    Link(String),
}

/// Access to the properties of an object, with the code page of its 8-bit texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Properties<'a> {
    list: &'a PropertyList,
    page: u32,
}

impl<'a> Properties<'a> {
    pub(crate) const fn new(list: &'a PropertyList, page: u32) -> Self {
        Self { list, page }
    }

    pub(crate) fn get(&self, tag: PropTag) -> Option<&'a PropertyValue> {
        self.list.get(tag).map(PropertyValue::untyped)
    }

    /// The text of a property, and whether all of its characters are known. `None` if it is absent or empty.
    pub(crate) fn decoded(&self, tag: PropTag) -> Option<(String, bool)> {
        text(self.get(tag)?, self.page).filter(|(text, _)| !text.is_empty())
    }

    pub(crate) fn text(&self, tag: PropTag) -> Option<String> {
        self.decoded(tag).map(|(text, _)| text)
    }

    pub(crate) fn integer(&self, tag: PropTag) -> Option<i64> {
        match self.get(tag)? {
            PropertyValue::Error(_) => None,
            value => value.to_integer(),
        }
    }

    pub(crate) fn flag(&self, tag: PropTag) -> bool {
        self.integer(tag).is_some_and(|value| value != 0)
    }

    pub(crate) fn time(&self, tag: PropTag) -> Option<FileTime> {
        match self.get(tag)? {
            PropertyValue::Time(time) => Some(*time),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, tag: PropTag) -> Option<&'a [u8]> {
        self.get(tag)?.as_bytes()
    }
}

/// The text of a value, whose 8-bit characters are in the code page `page`.
pub(crate) fn text(value: &PropertyValue, page: u32) -> Option<(String, bool)> {
    match value {
        PropertyValue::String8(bytes) => {
            let (text, good) = codepage::decode(bytes, page);
            Some((text.into_owned(), good))
        }
        value => value.to_text().map(|text| (text, true)),
    }
}

impl Message {
    /// The code page of the 8-bit texts (`PidTagMessageCodepage`, [MS-OXCMSG] 2.2.1.4).
    pub(crate) fn page(&self) -> u32 {
        let page = self.properties.get(PropTag::PidTagMessageCodepage).and_then(PropertyValue::to_integer);
        page.and_then(|page| u32::try_from(page).ok()).filter(|page| *page > 0).unwrap_or(codepage::WESTERN)
    }

    pub(crate) fn access(&self) -> Properties<'_> {
        Properties::new(&self.properties, self.page())
    }
}

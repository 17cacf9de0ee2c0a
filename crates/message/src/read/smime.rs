//! S/MIME messages ([MS-OXOSMIME] 2.1): their content becomes an attachment, byte by byte.

use mapi::data::PropertyName;
use mapi::property::names::set;
use mapi::property::{PropTag, PropertyList};
use wire::Utf16;

use super::context::Context;
use super::entity::Entity;
use super::fields::Properties;
use crate::model::{Attachment, Content, Message, NamedValue};
use crate::smime::{ENVELOPED, SIGNED, is_of_mime};

/// If `entity` is the entity of an S/MIME message, adds its content to `message`, and returns its message class.
pub(super) fn add(
    context: &mut Context<'_>,
    message: &mut Message,
    entity: &Entity<'_>,
) -> Option<&'static str> {
    let (class, media_type, content) = match entity.media_type.as_str() {
        "multipart/signed" => (SIGNED, "multipart/signed", signed(entity)),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            (ENVELOPED, "application/pkcs7-mime", entity.content(context).into_owned())
        }
        _ => return None,
    };
    if let Some(field) = entity.header.get("Content-Type") {
        // Has the kind of the content, which the media type does not state.
        let name = PropertyName::Name { guid: set::PS_INTERNET_HEADERS, name: Utf16::new("content-type") };
        message.named.push(NamedValue { name, value: field.tokens().replace('\0', " ").as_str().into() });
    }
    message
        .attachments
        .push(Attachment { properties: properties(media_type), content: Content::Bytes(content) });
    Some(class)
}

fn properties(media_type: &str) -> PropertyList {
    let mut properties = Properties::default();
    properties.integer(PropTag::PidTagAttachMethod, 1);
    properties.integer(PropTag::PidTagRenderingPosition, -1);
    properties.text(PropTag::PidTagAttachLongFilename, "smime.p7m");
    properties.text(PropTag::PidTagDisplayName, "smime.p7m");
    properties.text(PropTag::PidTagAttachExtension, ".p7m");
    properties.text(PropTag::PidTagAttachMimeTag, media_type);
    properties.into_list()
}

/// The entity with its fields of MIME, which are part of the message's header, and the body as it is.
fn signed(entity: &Entity<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let fields = entity.header.fields.iter().filter(|field| is_of_mime(field.name));
    for field in fields.filter(|field| !field.name.eq_ignore_ascii_case("mime-version")) {
        for line in field.bytes.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                bytes.extend_from_slice(line);
                bytes.extend_from_slice(b"\r\n");
            }
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(entity.body);
    bytes
}

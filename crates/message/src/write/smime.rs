//! S/MIME messages ([MS-OXOSMIME] 2.1): their content is an attachment, and is written as it is.

use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::MimePart;
use mapi::data::PropertyName;
use mapi::property::PropTag;
use mapi::property::names::set;
use memchr::memmem;

use super::context::Context;
use crate::limits::{Error, Loss};
use crate::model::{self, Content, Message};
use crate::smime::{ENVELOPED, SIGNED, is_of_mime};

/// The values of the parameter `smime-type` (RFC 8551 3.2.2).
const SMIME_TYPES: [&str; 5] =
    ["authEnveloped-data", "certs-only", "compressed-data", "enveloped-data", "signed-data"];

/// The content of a message with S/MIME as a MIME entity; `None` if the message has none.
pub(super) fn entity(context: &mut Context<'_>, message: &Message) -> Result<Option<Vec<u8>>, Error> {
    let class = message.access().text(PropTag::PidTagMessageClass).unwrap_or_default();
    let is_signed = class.eq_ignore_ascii_case(SIGNED);
    if !is_signed && !class.eq_ignore_ascii_case(ENVELOPED) {
        return Ok(None);
    }
    let content = match message.attachments.as_slice() {
        [attachment] => match &attachment.content {
            Content::Bytes(bytes) => Some(bytes),
            _ => None,
        },
        _ => None,
    };
    let Some(content) = content.filter(|content| !is_signed || is_entity(content)) else {
        context.lose(Loss::Smime);
        return Ok(None);
    };
    context.part()?;
    context.fits(content.len())?;
    if is_signed {
        return Ok(Some(content.clone()));
    }
    let content_type = ContentType::new("application/pkcs7-mime").attribute("name", "smime.p7m");
    let content_type = match smime_type(message) {
        Some(smime_type) => content_type.attribute("smime-type", smime_type),
        None => content_type,
    };
    let mut bytes = Vec::new();
    MimePart::new(content_type, content.as_slice()).attachment("smime.p7m").write_part(&mut bytes);
    Ok(Some(bytes))
}

/// Whether `content` is a MIME entity whose header has only fields of MIME, so that it adds none to the message.
fn is_entity(content: &[u8]) -> bool {
    let Some(end) = memmem::find(content, b"\r\n\r\n") else { return false };
    let header = content.get(..end).unwrap_or_default();
    if header.starts_with(b" ") || header.starts_with(b"\t") || header.contains(&0) {
        return false;
    }
    let Ok(header) = std::str::from_utf8(header) else { return false };
    let mut is_multipart = false;
    // A line end is CR or LF here: readers differ in which of them they accept.
    for line in header.split(['\r', '\n']).filter(|line| !line.starts_with([' ', '\t']) && !line.is_empty()) {
        match line.split_once(':') {
            Some((name, value)) if is_of_mime(name) => {
                let value = value.trim_start().to_ascii_lowercase();
                is_multipart |=
                    name.eq_ignore_ascii_case("content-type") && value.starts_with("multipart/signed");
            }
            _ => return false,
        }
    }
    let has_bare_ends = header.replace("\r\n", "").contains(['\r', '\n']);
    is_multipart && !has_bare_ends
}

/// The parameter `smime-type` of the content type with which the message was received.
fn smime_type(message: &Message) -> Option<&'static str> {
    let received = message.named.iter().find(|property| {
        matches!(&property.name, PropertyName::Name { guid, name }
            if *guid == set::PS_INTERNET_HEADERS && name.to_string_lossy().eq_ignore_ascii_case("content-type"))
    })?;
    let (value, _) = model::text(&received.value, message.page())?;
    let (_, value) = value.split_once("smime-type")?;
    let value = value.trim_start_matches([' ', '=', '"']).to_ascii_lowercase();
    SMIME_TYPES.into_iter().find(|known| value.starts_with(&known.to_ascii_lowercase()))
}

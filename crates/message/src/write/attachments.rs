//! Attachments as MIME entities ([MS-OXCMAIL] 2.1.3.4).

use mail_builder::headers::HeaderType;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;
use mapi::property::PropTag;

use super::context::Context;
use super::fields::clean;
use crate::limits::Loss;
use crate::model::{Attachment, Properties};

/// The maximum length of the name of an attachment, in bytes.
const MAX_NAME: usize = 1024;
/// The maximum length of a media type, a charset, an id or a location.
const MAX_TOKEN: usize = 800;
/// What an attachment has of an unknown type.
const BYTES: &str = "application/octet-stream";

/// Whether the HTML body shows the attachment: it has an id or location by which HTML refers to it.
pub(super) fn is_inline(attachment: &Attachment, page: u32) -> bool {
    let properties = Properties::new(&attachment.properties, page);
    let has = |tag| properties.text(tag).is_some_and(|text| is_token(&text));
    has(PropTag::PidTagAttachContentId) || has(PropTag::PidTagAttachContentLocation)
}

/// What the header of an attachment states.
pub(super) struct Head {
    pub(super) name: String,
    media_type: String,
    charset: Option<String>,
    is_inline: bool,
    id: Option<String>,
    location: Option<String>,
}

impl Head {
    pub(super) fn of(attachment: &Attachment, page: u32, is_inline: bool) -> Self {
        let properties = Properties::new(&attachment.properties, page);
        let names =
            [PropTag::PidTagAttachLongFilename, PropTag::PidTagAttachFilename, PropTag::PidTagDisplayName];
        let name = names.into_iter().find_map(|tag| properties.text(tag)).unwrap_or_default();
        let mut name = clean(&name).into_owned();
        name.truncate(name.floor_char_boundary(MAX_NAME));
        let token = |tag| properties.text(tag).filter(|text| is_token(text));
        Self {
            name,
            media_type: properties.text(PropTag::PidTagAttachMimeTag).unwrap_or_else(|| BYTES.into()),
            charset: token(PropTag::PidTagTextAttachmentCharset).filter(|charset| is_media_token(charset)),
            is_inline,
            id: token(PropTag::PidTagAttachContentId),
            location: token(PropTag::PidTagAttachContentLocation),
        }
    }

    fn fields(&self) -> Vec<(&'static str, HeaderType<'_>)> {
        let mut disposition = ContentType::new(if self.is_inline { "inline" } else { "attachment" });
        if !self.name.is_empty() {
            disposition = disposition.attribute("filename", self.name.as_str());
        }
        let mut fields = vec![("Content-Disposition", disposition.into())];
        if let Some(id) = &self.id {
            fields.push(("Content-ID", Raw::new(format!("<{id}>")).into()));
        }
        if let Some(location) = &self.location {
            fields.push(("Content-Location", Raw::new(location.as_str()).into()));
        }
        fields
    }

    fn part(&self, media_type: String, content: &[u8]) -> MimePart<'_> {
        // The type is written as it is, since mail-builder changes line ends in contents whose type is a text.
        let mut part = MimePart::raw(content.to_vec()).header("Content-Type", Raw::new(media_type));
        for (name, value) in self.fields() {
            part = part.header(name, value);
        }
        part
    }

    /// The entity with `content` in base64.
    pub(super) fn with_bytes(self, context: &mut Context<'_>, content: &[u8]) -> Vec<u8> {
        let mut media_type = self.media_type.clone();
        if !is_media_type(&media_type) {
            media_type = BYTES.into();
            context.lose(Loss::MediaType(self.media_type.clone()));
        }
        if let Some(charset) = &self.charset {
            media_type = format!("{media_type}; charset={charset}");
        }
        let mut bytes = Vec::new();
        self.part(media_type, content).write_part(&mut bytes);
        bytes
    }

    /// The entity with `message`, a message in RFC 5322.
    pub(super) fn with_message(self, message: &[u8]) -> Vec<u8> {
        let encoding = if message.is_ascii() { "7bit" } else { "8bit" };
        let mut bytes = Vec::new();
        let part = self.part("message/rfc822".into(), message);
        part.transfer_encoding(encoding).write_part(&mut bytes);
        bytes
    }
}

/// Whether `text` is one word without brackets, as ids and locations are.
fn is_token(text: &str) -> bool {
    text.len() <= MAX_TOKEN
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
}

/// Whether `text` is a token of a media type (RFC 2045 5.1).
fn is_media_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte))
}

/// Whether `text` is the media type of bytes; messages and multipart entities are not bytes (RFC 2046 5).
fn is_media_type(text: &str) -> bool {
    let Some((main, sub)) = text.split_once('/') else { return false };
    let is_bytes = !main.eq_ignore_ascii_case("multipart") && !main.eq_ignore_ascii_case("message");
    text.len() <= MAX_TOKEN && is_media_token(main) && is_media_token(sub) && is_bytes
}

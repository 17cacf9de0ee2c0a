//! Attachments from MIME entities ([MS-OXCMAIL] 2.2.3.4).

use mapi::property::PropTag;

use super::context::Context;
use super::entity::Entity;
use super::fields::Properties;
use crate::model::{Attachment, Content, Message};

/// Values of `PidTagAttachMethod` ([MS-OXCMSG] 2.2.2.9).
const BY_VALUE: i32 = 1;
const EMBEDDED_MESSAGE: i32 = 5;
/// `attRenderedInBody` of `PidTagAttachFlags` ([MS-OXCMSG] 2.2.2.18).
const RENDERED_IN_BODY: i32 = 4;

/// The attachment of `entity`; `is_inline` if it is part of the HTML body.
pub(super) fn file(context: &mut Context<'_>, entity: &Entity<'_>, is_inline: bool) -> Attachment {
    let mut properties = properties(entity, is_inline, BY_VALUE);
    properties.text(PropTag::PidTagAttachMimeTag, &entity.media_type);
    if entity.media_type.starts_with("text/")
        && let Some(charset) = entity.parameter("charset")
    {
        properties.text(PropTag::PidTagTextAttachmentCharset, charset);
    }
    let content = Content::Bytes(entity.content(context).into_owned());
    Attachment { properties: properties.into_list(), content }
}

/// The attachment of `entity` with the message in it; `subject` is that of the message.
pub(super) fn message(entity: &Entity<'_>, message: Message, subject: Option<&str>) -> Attachment {
    let mut properties = properties(entity, false, EMBEDDED_MESSAGE);
    if entity.file_name().is_none() {
        properties.text(PropTag::PidTagDisplayName, subject.unwrap_or_default());
    }
    Attachment { properties: properties.into_list(), content: Content::Message(Box::new(message)) }
}

fn properties(entity: &Entity<'_>, is_inline: bool, method: i32) -> Properties {
    let mut properties = Properties::default();
    properties.integer(PropTag::PidTagAttachMethod, method);
    properties.integer(PropTag::PidTagRenderingPosition, -1);
    if let Some(name) = entity.file_name() {
        properties.text(PropTag::PidTagAttachLongFilename, name);
        properties.text(PropTag::PidTagDisplayName, name);
        if let Some((_, extension)) = name.rsplit_once('.') {
            properties.text(PropTag::PidTagAttachExtension, &format!(".{extension}"));
        }
    }
    let ids = [
        ("Content-ID", PropTag::PidTagAttachContentId),
        ("Content-Location", PropTag::PidTagAttachContentLocation),
    ];
    let mut has_id = false;
    for (name, tag) in ids {
        if let Some(field) = entity.header.get(name) {
            let id = field.tokens();
            properties.text(tag, id.trim_start_matches('<').trim_end_matches('>'));
            has_id = true;
        }
    }
    if is_inline && has_id {
        properties.integer(PropTag::PidTagAttachFlags, RENDERED_IN_BODY);
        properties.flag(PropTag::PidTagAttachmentHidden);
    }
    properties
}

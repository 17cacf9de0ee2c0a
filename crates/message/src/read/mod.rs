//! Messages as properties, from RFC 5322 and MIME ([MS-OXCMAIL] 2.2).

mod attachments;
mod context;
mod entity;
mod fields;
mod header;
mod parties;
mod smime;

#[cfg(test)]
mod tests;

use mapi::property::{PropTag, PropertyValue};

use self::context::{Context, Depth};
use self::entity::Entity;
use self::fields::Properties;
use crate::codepage;
use crate::limits::{Error, Limits, Loss};
use crate::model::{Attachment, Message};

/// The result of [`from_rfc5322`].
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The message.
    pub message: Message,
    /// What was not kept.
    pub losses: Vec<Loss>,
}

/// Converts a message in RFC 5322 to properties.
///
/// Any bytes are a message: what is not a header field is ignored or body, and a body that does not have the structure
/// that its header states is a text or a file.
///
/// # Errors
/// Fails if the message exceeds one of `limits`.
pub fn from_rfc5322(bytes: &[u8], limits: &Limits) -> Result<Converted, Error> {
    if bytes.len() > limits.bytes {
        return Err(Error::Bytes(limits.bytes));
    }
    let mut context = Context { limits, losses: Vec::new(), parts: 0, recipients: 0 };
    let outside = Depth { messages: 0, multiparts: 0 };
    let message = context.message(bytes, outside)?;
    Ok(Converted { message, losses: context.losses })
}

/// What an entity is part of, which determines what it may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The message, or a multipart entity of independent parts: the first text is the body.
    Mixed,
    /// Forms of the same text.
    Alternative,
    /// An object to which an HTML body refers.
    Related,
}

/// The body and the attachments found so far.
#[derive(Debug, Default)]
struct Found {
    text: Option<String>,
    html: Option<String>,
    attachments: Vec<Attachment>,
}

impl Context<'_> {
    fn message(&mut self, bytes: &[u8], around: Depth) -> Result<Message, Error> {
        let depth = around.message(self.limits)?;
        let entity = Entity::new(bytes, "text/plain", self.limits)?;
        let mut properties = Properties::default();
        fields::add(&mut properties, &entity.header);
        parties::add_senders(&mut properties, &entity.header);
        let mut message =
            Message { recipients: parties::recipients(self, &entity.header)?, ..Message::default() };
        fields::add_named(&mut message, &entity.header);
        let class = if let Some(class) = smime::add(self, &mut message, &entity) {
            self.part()?;
            class
        } else {
            let mut found = Found::default();
            self.entity(&entity, Place::Mixed, depth, &mut found)?;
            body(&mut properties, &found);
            message.attachments = found.attachments;
            "IPM.Note"
        };
        properties.text(PropTag::PidTagMessageClass, class);
        message.properties = properties.into_list();
        Ok(message)
    }

    fn entity(
        &mut self,
        entity: &Entity<'_>,
        place: Place,
        depth: Depth,
        found: &mut Found,
    ) -> Result<(), Error> {
        if entity.media_type.starts_with("multipart/") {
            // One more than allowed, so that they are refused, and not left out.
            let most = self.limits.parts.saturating_sub(self.parts).saturating_add(1);
            if let Some(parts) = entity.parts(most) {
                return self.parts(entity, &parts, place, depth, found);
            }
            return self.leaf(entity, place, found);
        }
        if matches!(entity.media_type.as_str(), "message/rfc822" | "message/global") {
            self.part()?;
            let content = entity.content(self);
            let message = self.message(&content, depth)?;
            let subject = message.access().text(PropTag::PidTagSubject);
            found.attachments.push(attachments::message(entity, message, subject.as_deref()));
            return Ok(());
        }
        self.leaf(entity, place, found)
    }

    fn parts(
        &mut self,
        entity: &Entity<'_>,
        parts: &[&[u8]],
        place: Place,
        depth: Depth,
        found: &mut Found,
    ) -> Result<(), Error> {
        let depth = depth.multipart(self.limits)?;
        let (first, others) = match entity.media_type.as_str() {
            "multipart/alternative" => (Place::Alternative, Place::Alternative),
            "multipart/related" => (place, Place::Related),
            _ => (Place::Mixed, Place::Mixed),
        };
        let default = if entity.media_type == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        for (index, part) in parts.iter().enumerate() {
            let part = Entity::new(part, default, self.limits)?;
            self.entity(&part, if index == 0 { first } else { others }, depth, found)?;
        }
        Ok(())
    }

    /// An entity without parts: the body, or a file.
    fn leaf(&mut self, entity: &Entity<'_>, place: Place, found: &mut Found) -> Result<(), Error> {
        self.part()?;
        let may_be_body = place != Place::Related && !entity.is_attachment() && entity.file_name().is_none();
        let is_alternative = place == Place::Alternative;
        let is_html = entity.media_type == "text/html";
        // A multipart entity that has no parts is shown as a text.
        let is_text = entity.media_type == "text/plain" || entity.media_type.starts_with("multipart/");
        let has_other = found.text.is_some() || found.html.is_some();
        let slot = if is_html { &mut found.html } else { &mut found.text };
        if may_be_body && (is_html || is_text) && slot.is_none() && (is_alternative || !has_other) {
            *slot = Some(entity.text(self));
        } else {
            let is_inline = place == Place::Related;
            found.attachments.push(attachments::file(self, entity, is_inline));
        }
        Ok(())
    }
}

/// Adds the texts of the body ([MS-OXCMAIL] 2.2.3.3), and which of them is the best (`PidTagNativeBody`).
fn body(properties: &mut Properties, found: &Found) {
    const NATIVE_TEXT: i32 = 1;
    const NATIVE_HTML: i32 = 3;
    if let Some(text) = &found.text {
        properties.text(PropTag::PidTagBody, text);
    }
    if let Some(html) = &found.html {
        properties.add(PropTag::PidTagHtml, PropertyValue::Binary(html.clone().into_bytes()));
        let utf8 = i32::try_from(codepage::UTF8).unwrap_or_default();
        properties.integer(PropTag::PidTagInternetCodepage, utf8);
    }
    let native = if found.html.is_some() { NATIVE_HTML } else { NATIVE_TEXT };
    properties.integer(PropTag::PidTagNativeBody, native);
}

//! Messages in RFC 5322 and MIME, from properties ([MS-OXCMAIL] 2.1).

mod attachments;
mod body;
mod context;
mod fields;
mod headers;
mod multipart;
mod parties;
mod smime;
mod transport;

#[cfg(test)]
mod tests;

use self::context::Context;
pub use self::context::Resolve;
use crate::limits::{Error, Limits, Loss};
use crate::model::{Attachment, Content, Message};

/// The result of [`to_rfc5322`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rfc5322 {
    /// The message, with CRLF at the ends of lines. It has only ASCII characters, except in the signed content of
    /// S/MIME messages, which is written as it is.
    pub bytes: Vec<u8>,
    /// What was not kept.
    pub losses: Vec<Loss>,
}

/// Converts `message` to RFC 5322. `resolve` returns the SMTP address for a distinguished name of the address book
/// (an address of type `EX`); without one the address is written in IMCEA form under the domain `invalid`.
///
/// Recipients in blind copy are written to `Bcc`, as in drafts: a caller that sends the message removes them first.
///
/// # Errors
/// Fails if the message exceeds one of `limits`.
pub fn to_rfc5322(message: &Message, limits: &Limits, resolve: &Resolve<'_>) -> Result<Rfc5322, Error> {
    let mut context = Context { limits, resolve, losses: Vec::new(), parts: 0, recipients: 0 };
    let bytes = context.message(message, 1)?;
    Ok(Rfc5322 { bytes, losses: context.losses })
}

impl Context<'_> {
    /// The message; `depth` is the number of messages around it, itself included.
    fn message(&mut self, message: &Message, depth: usize) -> Result<Vec<u8>, Error> {
        if depth > self.limits.depth {
            return Err(Error::Depth(self.limits.depth));
        }
        self.recipients = self.recipients.saturating_add(message.recipients.len());
        if self.recipients > self.limits.recipients {
            return Err(Error::Recipients(self.limits.recipients));
        }
        let mut bytes = headers::write(self, message);
        let entity = match smime::entity(self, message)? {
            Some(entity) => entity,
            None => self.entity(message, depth)?,
        };
        bytes.extend(entity);
        self.fits(bytes.len())?;
        Ok(bytes)
    }

    /// Body and attachments as one MIME entity ([MS-OXCMAIL] 2.1.3.3, 2.1.3.4).
    fn entity(&mut self, message: &Message, depth: usize) -> Result<Vec<u8>, Error> {
        let body = body::Body::of(self, message);
        let has_html = body.html.is_some();
        let mut entity = body.entity(self)?;
        let mut inline = Vec::new();
        let mut others = Vec::new();
        for attachment in &message.attachments {
            let is_inline = has_html && attachments::is_inline(attachment, message.page());
            if let Some(part) = self.attachment(attachment, message.page(), is_inline, depth)? {
                if is_inline { inline.push(part) } else { others.push(part) }
            }
        }
        for (subtype, parts) in [("related", inline), ("mixed", others)] {
            if !parts.is_empty() {
                let parts: Vec<_> = std::iter::once(entity).chain(parts).collect();
                self.fits(parts.iter().map(Vec::len).fold(0, usize::saturating_add))?;
                entity = multipart::write(subtype, &parts);
            }
        }
        Ok(entity)
    }

    /// The attachment as a MIME entity; `None` if it has no content.
    fn attachment(
        &mut self,
        attachment: &Attachment,
        page: u32,
        is_inline: bool,
        depth: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.part()?;
        let head = attachments::Head::of(attachment, page, is_inline);
        let bytes = match &attachment.content {
            Content::Message(message) => {
                let message = self.message(message, depth.saturating_add(1))?;
                return Ok(Some(head.with_message(&message)));
            }
            Content::Bytes(bytes) => bytes,
            Content::Ole(bytes) => {
                self.lose(Loss::Ole(head.name.clone()));
                bytes
            }
            Content::Link(path) => {
                self.lose(Loss::Link(path.clone()));
                return Ok(None);
            }
            Content::None => {
                self.lose(Loss::NoContent(head.name));
                return Ok(None);
            }
        };
        self.fits(bytes.len())?;
        Ok(Some(head.with_bytes(self, bytes)))
    }
}

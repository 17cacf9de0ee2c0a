//! The body of a message ([MS-OXCMAIL] 2.1.3.3).

use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;
use mapi::property::{PropTag, PropertyValue};

use super::context::Context;
use super::multipart;
use crate::codepage;
use crate::limits::{Error, Loss};
use crate::model::Message;
use crate::rtf::{RtfContent, deencapsulate};

/// The texts of the body.
#[derive(Debug, Default)]
pub(super) struct Body {
    text: Option<String>,
    pub(super) html: Option<String>,
}

impl Body {
    /// The texts that the properties contain. RTF is used if there is no HTML, unless there is a text and the RTF was
    /// not made from HTML.
    pub(super) fn of(context: &mut Context<'_>, message: &Message) -> Self {
        let mut body = Self { text: text(context, message), html: html(context, message) };
        if body.html.is_none()
            && let Some(packed) = message.access().bytes(PropTag::PidTagRtfCompressed)
        {
            body.rtf(context, packed);
        }
        body
    }

    fn rtf(&mut self, context: &mut Context<'_>, packed: &[u8]) {
        let rtf = match mapi::rtf::decompress(packed, context.limits.bytes) {
            Ok(rtf) => rtf,
            Err(error) => return context.lose(Loss::CompressedRtf(error)),
        };
        let found = match deencapsulate(&rtf, &context.limits.rtf) {
            Ok(found) => found,
            Err(error) => return context.lose(Loss::Rtf(error)),
        };
        if found.replaced {
            context.lose(Loss::Characters("the RTF body"));
        }
        match found.content {
            RtfContent::Html => self.html = Some(found.text),
            RtfContent::Text => drop(self.text.get_or_insert(found.text)),
            RtfContent::Native => {
                context.lose(Loss::Formatting);
                self.text.get_or_insert(found.text);
            }
        }
    }

    /// The body as a MIME entity; an empty text if there are no texts.
    pub(super) fn entity(self, context: &mut Context<'_>) -> Result<Vec<u8>, Error> {
        context.part()?;
        let texts = [("text/plain", self.text), ("text/html", self.html)];
        let mut parts = Vec::new();
        for (media_type, text) in texts {
            if let Some(text) = text {
                context.fits(text.len())?;
                parts.push(part(media_type, &text));
            }
        }
        match parts.len() {
            0 => Ok(part("text/plain", "")),
            1 => Ok(parts.concat()),
            _ => Ok(multipart::write("alternative", &parts)),
        }
    }
}

fn text(context: &mut Context<'_>, message: &Message) -> Option<String> {
    let (text, good) = message.access().decoded(PropTag::PidTagBody)?;
    if !good {
        context.lose(Loss::Characters("the text body"));
    }
    Some(text)
}

/// The HTML body, of bytes in the code page `PidTagInternetCodepage`, or a text.
fn html(context: &mut Context<'_>, message: &Message) -> Option<String> {
    let properties = message.access();
    let (html, good) = match properties.get(PropTag::PidTagHtml) {
        Some(PropertyValue::Binary(bytes)) => {
            let page = properties.integer(PropTag::PidTagInternetCodepage);
            let page = page.and_then(|page| u32::try_from(page).ok()).unwrap_or(codepage::UTF8);
            let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
            let (html, good) = codepage::decode(bytes, page);
            (html.into_owned(), good)
        }
        _ => properties.decoded(PropTag::PidTagBodyHtml)?,
    };
    if !good {
        context.lose(Loss::Characters("the HTML body"));
    }
    (!html.is_empty()).then_some(html)
}

/// A text as a MIME entity, with CRLF at the ends of lines.
fn part(media_type: &str, text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let text = lines(text);
    let part = if text.contains('\0') {
        // mail-builder would write the text as 7bit, which may not have zero bytes (RFC 2045 2.7). What has no parsed
        // type is written in base64.
        let content_type = Raw::new(format!("{media_type}; charset=\"utf-8\""));
        MimePart::raw(text.into_bytes()).header("Content-Type", content_type)
    } else {
        MimePart::new(ContentType::new(media_type.to_owned()).attribute("charset", "utf-8"), text)
    };
    part.write_part(&mut bytes);
    bytes
}

/// `text` with CRLF at the ends of lines. CR alone is a line end too.
fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_cr = false;
    for c in text.chars() {
        match c {
            '\n' if after_cr => {}
            '\r' | '\n' => out.push_str("\r\n"),
            _ => out.push(c),
        }
        after_cr = c == '\r';
    }
    out
}

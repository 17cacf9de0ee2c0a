//! MIME entities: header, type and content (RFC 2045, RFC 2046).

use std::borrow::Cow;

use encoding_rs::Encoding;
use mail_parser::ContentType;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use super::context::Context;
use super::header::{self, Header};
use crate::limits::{Error, Limits, Loss};

/// A MIME entity.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    pub(super) header: Header<'a>,
    pub(super) body: &'a [u8],
    /// The media type in lower case, such as `text/plain`.
    pub(super) media_type: String,
    content_type: Option<ContentType<'static>>,
    disposition: Option<ContentType<'static>>,
}

impl<'a> Entity<'a> {
    /// Divides `bytes`; `default` is the media type of an entity that states none.
    pub(super) fn new(bytes: &'a [u8], default: &str, limits: &Limits) -> Result<Self, Error> {
        let (header, body) = header::split(bytes, limits)?;
        let content_type = header.get("Content-Type").and_then(header::Field::parameters);
        let media_type = content_type.as_ref().and_then(|value| {
            let subtype = value.c_subtype.as_deref().filter(|subtype| !subtype.is_empty())?;
            Some(format!("{}/{subtype}", value.c_type).to_ascii_lowercase())
        });
        let disposition = header.get("Content-Disposition").and_then(header::Field::parameters);
        let media_type = media_type.unwrap_or_else(|| default.to_owned());
        Ok(Self { header, body, media_type, content_type, disposition })
    }

    /// A parameter of the content type.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.content_type.as_ref()?.attribute(name)
    }

    pub(super) fn is_attachment(&self) -> bool {
        let is = |value: &ContentType<'_>| value.c_type.eq_ignore_ascii_case("attachment");
        self.disposition.as_ref().is_some_and(is)
    }

    /// The name of the file.
    pub(super) fn file_name(&self) -> Option<&str> {
        let filename = self.disposition.as_ref().and_then(|value| value.attribute("filename"));
        filename.or_else(|| self.parameter("name")).filter(|name| !name.is_empty())
    }

    /// The parts of a multipart entity, each with its header; `None` if it has no boundary or no parts.
    pub(super) fn parts(&self, most: usize) -> Option<Vec<&'a [u8]>> {
        let boundary = self.parameter("boundary").filter(|boundary| !boundary.is_empty())?;
        let parts = parts(self.body, boundary.as_bytes(), most);
        (!parts.is_empty()).then_some(parts)
    }

    /// The body without its transfer encoding (RFC 2045 6). A body that does not have the encoding that is stated is
    /// returned as it is.
    pub(super) fn content(&self, context: &mut Context<'_>) -> Cow<'a, [u8]> {
        let encoding = self.header.get("Content-Transfer-Encoding").map(header::Field::tokens);
        let encoding = encoding.unwrap_or_default().to_ascii_lowercase();
        let decoded = match encoding.as_str() {
            "" | "7bit" | "8bit" | "binary" => return self.body.into(),
            "base64" => base64_decode(self.body),
            "quoted-printable" => quoted_printable_decode(self.body),
            _ => None,
        };
        decoded.map_or_else(
            || {
                context.lose(Loss::Encoding(encoding));
                self.body.into()
            },
            Cow::Owned,
        )
    }

    /// The text of a text entity. Texts of an unknown charset are UTF-8 if they are valid in it, otherwise 1252.
    pub(super) fn text(&self, context: &mut Context<'_>) -> String {
        let content = self.content(context);
        let label = self.parameter("charset").unwrap_or_default();
        let known = Encoding::for_label_no_replacement(label.trim().as_bytes());
        if known.is_none() && !label.is_empty() {
            context.lose(Loss::Charset(label.to_owned()));
        }
        let assumed = if std::str::from_utf8(&content).is_ok() {
            encoding_rs::UTF_8
        } else {
            encoding_rs::WINDOWS_1252
        };
        let (text, invalid) = known.unwrap_or(assumed).decode_with_bom_removal(&content);
        if invalid {
            context.lose(Loss::Characters("a text"));
        }
        text.into_owned()
    }
}

/// The bytes between the delimiters of `boundary` in `body`, at most `most` (RFC 2046 5.1.1).
fn parts<'a>(body: &'a [u8], boundary: &[u8], most: usize) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut begin = None;
    let mut at = 0;
    while at < body.len() && parts.len() < most {
        let rest = body.get(at..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end.saturating_add(1));
        let line = rest.get(..length).unwrap_or_default();
        let next = at.saturating_add(length);
        if let Some(is_last) = delimiter(line, boundary) {
            if let Some(begin) = begin {
                parts.push(without_line_end(body.get(begin..at).unwrap_or_default()));
            }
            begin = Some(next);
            if is_last {
                return parts;
            }
        }
        at = next;
    }
    // The last delimiter is missing.
    if let Some(begin) = begin
        && parts.len() < most
    {
        parts.push(body.get(begin..).unwrap_or_default());
    }
    parts
}

/// Whether `line` is a delimiter, and whether it is the last one.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let after = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (after, is_last) = after.strip_prefix(b"--").map_or((after, false), |after| (after, true));
    after.iter().all(u8::is_ascii_whitespace).then_some(is_last)
}

/// `bytes` without the line end that belongs to the delimiter.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r\n").or_else(|| bytes.strip_suffix(b"\n")).unwrap_or(bytes)
}

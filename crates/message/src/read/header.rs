//! Header fields, and the forms of their values (RFC 5322 2.2, RFC 2045).

use std::borrow::Cow;

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, ContentType, DateTime, HeaderValue};

use crate::limits::{Error, Limits};

/// A header field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    /// The value, with its line ends.
    value: &'a [u8],
    /// The whole field.
    pub(super) bytes: &'a [u8],
}

/// The header of an entity.
#[derive(Debug, Default)]
pub(super) struct Header<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) fields: Vec<Field<'a>>,
}

/// Divides an entity into its header and its body. Lines that are not fields are ignored.
pub(super) fn split<'a>(entity: &'a [u8], limits: &Limits) -> Result<(Header<'a>, &'a [u8]), Error> {
    let mut header = Header::default();
    let mut end = 0;
    let mut start = 0;
    loop {
        let rest = entity.get(end..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at.saturating_add(1));
        let line = rest.get(..length).unwrap_or_default();
        let is_continued = matches!(line.first(), Some(b' ' | b'\t'));
        let is_last = line.is_empty() || line == b"\n" || line == b"\r\n";
        if !is_continued || is_last {
            header.fields.extend(field(entity.get(start..end).unwrap_or_default()));
            start = end;
        }
        if is_last {
            header.bytes = entity.get(..end).unwrap_or_default();
            return Ok((header, rest.get(length..).unwrap_or_default()));
        }
        end = end.saturating_add(length);
        if end > limits.header {
            return Err(Error::Header(limits.header));
        }
    }
}

fn field(bytes: &[u8]) -> Option<Field<'_>> {
    let colon = memchr::memchr(b':', bytes)?;
    let name = std::str::from_utf8(bytes.get(..colon)?).ok()?.trim_end_matches([' ', '\t']);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then_some(Field { name, value: bytes.get(colon.saturating_add(1)..)?, bytes })
}

impl<'a> Field<'a> {
    /// The value with a line end, which the parsers need.
    fn ended(&self) -> Cow<'a, [u8]> {
        if self.value.ends_with(b"\n") { self.value.into() } else { [self.value, b"\n"].concat().into() }
    }

    /// The text, with encoded words decoded (RFC 2047).
    pub(super) fn text(&self) -> String {
        match MessageStream::new(&self.ended()).parse_unstructured() {
            HeaderValue::Text(text) => text.into_owned(),
            HeaderValue::TextList(texts) => texts.concat(),
            _ => String::new(),
        }
    }

    /// The value without line ends, and not decoded.
    pub(super) fn tokens(&self) -> String {
        String::from_utf8_lossy(self.value).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The addresses, those in groups included.
    pub(super) fn addresses(&self) -> Vec<Addr<'static>> {
        match MessageStream::new(&self.ended()).parse_address() {
            HeaderValue::Address(address) => {
                address.iter().map(|address| address.clone().into_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The time; `None` if it is not valid.
    pub(super) fn date(&self) -> Option<DateTime> {
        match MessageStream::new(&self.ended()).parse_date() {
            HeaderValue::DateTime(date) => Some(date).filter(DateTime::is_valid),
            _ => None,
        }
    }

    /// The type or disposition and its parameters.
    pub(super) fn parameters(&self) -> Option<ContentType<'static>> {
        match MessageStream::new(&self.ended()).parse_content_type().into_owned() {
            HeaderValue::ContentType(value) => Some(value),
            _ => None,
        }
    }
}

impl<'a> Header<'a> {
    /// The first field with this name.
    pub(super) fn get(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// All fields with this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name))
    }
}

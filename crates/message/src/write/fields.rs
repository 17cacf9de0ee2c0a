//! Header fields that are being written.

use std::borrow::Cow;
use std::collections::BTreeSet;

use mail_builder::headers::Header;
use mail_builder::headers::text::Text;

/// The maximum length of a line without its end (RFC 5322 2.1.1).
pub(super) const MAX_LINE: usize = 998;
/// The maximum length of the name of a field, so that a value fits on its first line.
const MAX_NAME: usize = 200;

/// Header fields, and which there are.
#[derive(Debug, Default)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    /// The names in lower case.
    names: BTreeSet<String>,
}

impl Fields {
    /// Adds a field with a value that mail-builder encodes and folds. `name` is a name of a field.
    pub(super) fn add(&mut self, name: &str, value: &impl Header) {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        value.write_header(&mut self.bytes, name.len().saturating_add(2));
        self.names.insert(name.to_ascii_lowercase());
    }

    /// Adds a field with a text, in which control characters become spaces.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.add(name, &Text::new(clean(text)));
    }

    /// Adds a field with tokens that are separated by spaces; returns false, and adds nothing, if they have characters
    /// other than visible ASCII, or are too long for a line.
    pub(super) fn tokens(&mut self, name: &str, text: &str) -> bool {
        let tokens: Vec<_> = text.split_whitespace().collect();
        let is_token =
            |token: &&str| token.len() < MAX_LINE && token.bytes().all(|byte| byte.is_ascii_graphic());
        if tokens.is_empty() || !tokens.iter().all(is_token) {
            return false;
        }
        let value = format!("{name}: {}\r\n", tokens.join("\r\n "));
        self.bytes.extend_from_slice(value.as_bytes());
        self.names.insert(name.to_ascii_lowercase());
        true
    }

    /// Adds lines that were checked to be fields.
    pub(super) fn lines(&mut self, lines: &[u8]) {
        self.bytes.extend_from_slice(lines);
    }

    /// Whether there is a field with this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains(&name.to_ascii_lowercase())
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// `text` without control characters and spaces at its ends; control characters within it become spaces.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(|c: char| c.is_control() || c == ' ');
    if text.contains(char::is_control) { text.replace(char::is_control, " ").into() } else { text.into() }
}

/// Whether `name` is the name of a header field (RFC 5322 3.6.8).
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

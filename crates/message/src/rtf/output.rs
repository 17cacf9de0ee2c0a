//! The text of the result: bytes in code pages and UTF-16 code units are converted to characters.

use super::body::{RtfError, RtfLimits};
use crate::codepage;

/// The result so far.
#[derive(Debug, Default)]
pub(super) struct Output {
    text: String,
    /// Bytes that are not yet decoded, since a character may have several, and their code page.
    bytes: Vec<u8>,
    page: u32,
    /// A high surrogate whose low surrogate has not been read.
    surrogate: Option<u16>,
    replaced: bool,
}

impl Output {
    /// Adds bytes of text in the code page `page`.
    pub(super) fn bytes(&mut self, bytes: &[u8], page: u32, limits: &RtfLimits) -> Result<(), RtfError> {
        self.end_unit();
        if page != self.page {
            self.end_bytes();
            self.page = page;
        }
        self.bytes.extend_from_slice(bytes);
        self.check(limits)
    }

    /// Adds a UTF-16 code unit.
    pub(super) fn unit(&mut self, unit: u16, limits: &RtfLimits) -> Result<(), RtfError> {
        self.end_bytes();
        let pair = self.surrogate.take().into_iter().chain([unit]);
        for character in char::decode_utf16(pair) {
            match character {
                Ok(character) => self.text.push(character),
                Err(error)
                    if (0xD800..0xDC00).contains(&error.unpaired_surrogate()) && self.surrogate.is_none() =>
                {
                    self.surrogate = Some(error.unpaired_surrogate());
                }
                Err(_) => self.replacement(),
            }
        }
        self.check(limits)
    }

    /// Adds text.
    pub(super) fn text(&mut self, text: &str, limits: &RtfLimits) -> Result<(), RtfError> {
        self.flush();
        self.text.push_str(text);
        self.check(limits)
    }

    /// The result, and whether characters were replaced.
    pub(super) fn finish(mut self) -> (String, bool) {
        self.flush();
        (self.text, self.replaced)
    }

    fn check(&self, limits: &RtfLimits) -> Result<(), RtfError> {
        if self.text.len().saturating_add(self.bytes.len()) > limits.output {
            return Err(RtfError::Output(limits.output));
        }
        Ok(())
    }

    fn replacement(&mut self) {
        self.text.push(char::REPLACEMENT_CHARACTER);
        self.replaced = true;
    }

    fn end_unit(&mut self) {
        if self.surrogate.take().is_some() {
            self.replacement();
        }
    }

    fn end_bytes(&mut self) {
        if !self.bytes.is_empty() {
            let (text, good) = codepage::decode(&self.bytes, self.page);
            self.text.push_str(&text);
            self.replaced |= !good;
            self.bytes.clear();
        }
    }

    fn flush(&mut self) {
        self.end_unit();
        self.end_bytes();
    }
}

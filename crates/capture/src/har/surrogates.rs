//! Replaces escapes of unpaired surrogates in JSON, which are valid there (RFC 8259 8.2), but not in Rust's texts.
//!
//! Programs in Python, such as mitmproxy, write a byte that is not text as the surrogate U+DC00 plus the byte (PEP
//! 383).

use std::io::{self, Read};

use super::utf8::STEP;

/// Precedes a character that represents a byte, as whose number it is to be taken. The code point is a noncharacter,
/// which no text contains.
pub(super) const BYTE_MARK: char = '\u{fdd0}';

/// The longest part that is examined at once: the escapes of two surrogates.
const PAIR: usize = 12;

/// A JSON text in which each escape of an unpaired surrogate is replaced by that of U+FFFD, or, if it represents a
/// byte, by [`BYTE_MARK`] and the character with the number of the byte.
pub(super) struct Surrogates<R> {
    inner: R,
    input: Vec<u8>,
    start: usize,
    ended: bool,
    /// What is returned next, and how much of it was returned.
    ready: Vec<u8>,
    returned: usize,
}

impl<R: Read> Surrogates<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, input: Vec::new(), start: 0, ended: false, ready: Vec::new(), returned: 0 }
    }

    /// Reads until a pair of escapes is buffered, or to the end.
    fn fill(&mut self) -> io::Result<()> {
        while !self.ended && self.input.len().saturating_sub(self.start) < PAIR {
            self.input.drain(..self.start);
            self.start = 0;
            let had = self.input.len();
            self.input.resize(had.saturating_add(STEP), 0);
            let read = self.inner.read(self.input.get_mut(had..).unwrap_or_default());
            self.input.truncate(had.saturating_add(*read.as_ref().unwrap_or(&0)));
            match read {
                Ok(count) => self.ended = count == 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Surrogates<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.returned == self.ready.len() {
            self.fill()?;
            let rest = self.input.get(self.start..).unwrap_or_default();
            self.ready.clear();
            self.returned = 0;
            let taken = match rest.iter().position(|byte| *byte == b'\\') {
                Some(0) => escape(rest, &mut self.ready),
                end => {
                    let plain = end.unwrap_or(rest.len());
                    self.ready.extend_from_slice(rest.get(..plain).unwrap_or_default());
                    plain
                }
            };
            self.start = self.start.saturating_add(taken);
        }
        let ready = self.ready.get(self.returned..).unwrap_or_default();
        let count = ready.len().min(out.len());
        if let (Some(out), Some(ready)) = (out.get_mut(..count), ready.get(..count)) {
            out.copy_from_slice(ready);
        }
        self.returned = self.returned.saturating_add(count);
        Ok(count)
    }
}

/// Appends the escape at the start of `rest` to `out`, or what replaces it. Returns its length.
fn escape(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let length = match unit(rest) {
        None => 2,
        Some(0xd800..0xdc00)
            if rest.get(6..).and_then(unit).is_some_and(|low| (0xdc00..0xe000).contains(&low)) =>
        {
            PAIR
        }
        Some(byte @ 0xdc80..=0xdcff) => {
            out.extend_from_slice(format!("\\ufdd0\\u{:04x}", byte & 0xff).as_bytes());
            return 6;
        }
        Some(0xd800..0xe000) => {
            out.extend_from_slice(b"\\ufffd");
            return 6;
        }
        Some(_) => 6,
    };
    let whole = rest.get(..length).unwrap_or(rest);
    out.extend_from_slice(whole);
    whole.len()
}

/// The code unit of the escape at the start of `rest`; `None` if there is no escape with a number.
fn unit(rest: &[u8]) -> Option<u16> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

/// The text with U+FFFD in the place of each byte that is not text.
pub(super) fn readable(text: &str) -> String {
    let mut chars = text.chars();
    std::iter::from_fn(|| match chars.next()? {
        BYTE_MARK => chars.next().map(|_| char::REPLACEMENT_CHARACTER),
        other => Some(other),
    })
    .collect()
}

/// The bytes of a text with [`BYTE_MARK`]s; `None` if it has none.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.contains(BYTE_MARK) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == BYTE_MARK {
            out.extend(chars.next().and_then(|c| u8::try_from(u32::from(c)).ok()));
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Some(out)
}

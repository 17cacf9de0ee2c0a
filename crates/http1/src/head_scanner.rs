//! Finds the end of a head in bytes that arrive in pieces.

use crate::error::{Error, Part};
use crate::limits::Limits;

/// How far a head has been scanned, so that no byte is examined twice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadScanner {
    /// Whether a byte of the head has been received, or the empty line before it was skipped.
    pub(crate) has_begun: bool,
    /// The number of bytes scanned.
    scanned: usize,
    /// Where the current line begins.
    line: usize,
    /// The number of lines before it.
    lines: usize,
}

/// Whether a connection begins with a record of TLS: a handshake or an alert (RFC 8446 5.1), or one of SSL 3.
fn is_tls(buffer: &[u8]) -> bool {
    matches!(buffer, [0x15 | 0x16, 3, ..])
}

impl HeadScanner {
    pub(crate) const START: Self = Self { has_begun: false, scanned: 0, line: 0, lines: 0 };

    /// Scans the bytes that have arrived. Returns the length of the head once its empty line has been
    /// received.
    pub(crate) fn scan(&mut self, buffer: &[u8], limits: &Limits) -> Result<Option<usize>, Error> {
        if self.scanned < 2 && is_tls(buffer) {
            return Err(Error::Tls);
        }
        while let Some(at) = buffer.get(self.scanned..).and_then(|new| memchr::memchr(b'\n', new)) {
            let at = self.scanned + at;
            self.check_length(at, limits)?;
            self.scanned = at + 1;
            if at == 0 || buffer.get(at - 1) != Some(&b'\r') {
                return Err(Error::BareLineEnd);
            }
            match (self.line, at - self.line) {
                (0, 1) => return Err(Error::Malformed(Part::EmptyStartLine)),
                (_, 1) => return Ok(Some(self.scanned)),
                (0, _) => {}
                (line, _) if buffer.get(line).is_some_and(|first| matches!(first, b' ' | b'\t')) => {
                    return Err(Error::Folded);
                }
                _ => {}
            }
            self.line = self.scanned;
            self.lines += 1;
            if self.lines > limits.max_fields() + 1 {
                return Err(Error::TooManyFields);
            }
        }
        self.scanned = buffer.len();
        self.check_length(self.scanned, limits)?;
        Ok(None)
    }

    fn check_length(&self, length: usize, limits: &Limits) -> Result<(), Error> {
        match length {
            length if self.line == 0 && length >= limits.line => Err(Error::LineTooLong),
            length if length >= limits.head => Err(Error::HeadTooLong),
            _ => Ok(()),
        }
    }
}

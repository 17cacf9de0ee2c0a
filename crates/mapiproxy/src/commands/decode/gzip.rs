//! Reads files that are compressed by gzip.

use std::io::{self, BufRead, Read};

use flate2::read::MultiGzDecoder;

/// The first bytes of gzip data (RFC 1952 2.3.1).
pub(super) const MAGIC: &[u8] = &[0x1f, 0x8b];

/// Decompresses gzip data. Truncated data is read up to its end, and data after the gzip data is ignored;
/// both are reported by [`GzipReader::error`].
pub(super) struct GzipReader<R> {
    decoder: MultiGzDecoder<R>,
    has_begun: bool,
    error: Option<GzipError>,
}

/// An error in gzip data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum GzipError {
    #[error("gzip data is truncated")]
    Truncated,
    #[error("data after the gzip data is ignored")]
    Trailing,
}

impl<R: BufRead> GzipReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { decoder: MultiGzDecoder::new(inner), has_begun: false, error: None }
    }

    /// The error at which the data ended, if it did.
    pub(super) const fn error(&self) -> Option<GzipError> {
        self.error
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        let read = self.decoder.read(out);
        self.error = match read.as_ref().map_err(io::Error::kind) {
            Err(io::ErrorKind::UnexpectedEof) => Some(GzipError::Truncated),
            // The data after a member does not begin another one.
            Err(io::ErrorKind::InvalidInput) if self.has_begun => Some(GzipError::Trailing),
            _ => None,
        };
        self.has_begun |= read.is_ok();
        if self.error.is_some() { Ok(0) } else { read }
    }
}

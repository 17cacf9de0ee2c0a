//! Reads files that are compressed by gzip.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The first bytes of gzip data (RFC 1952 2.3.1).
pub(super) const MAGIC: &[u8] = &[0x1f, 0x8b];

/// Decompresses gzip data, which may have several members (RFC 1952 2.2). Truncated or damaged data is read up to that
/// place, and data after the gzip data is ignored; all three are reported by [`GzipReader::error`].
pub(super) struct GzipReader<R> {
    member: Option<GzDecoder<R>>,
    error: Option<GzipError>,
}

/// An error in gzip data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum GzipError {
    #[error("gzip data is truncated")]
    Truncated,
    #[error("gzip data is damaged: what was read may be wrong at its end, and the rest is lost")]
    Damaged,
    #[error("data after the gzip data is ignored")]
    Trailing,
}

impl<R: BufRead> GzipReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { member: Some(GzDecoder::new(inner)), error: None }
    }

    /// The error at which the data ended, if it did.
    pub(super) const fn error(&self) -> Option<GzipError> {
        self.error
    }

    /// Begins the next member, if one follows.
    fn next_member(&mut self) -> io::Result<()> {
        let Some(ended) = self.member.take() else { return Ok(()) };
        let mut inner = ended.into_inner();
        match inner.fill_buf()?.first() {
            None => {}
            first if first == MAGIC.first() => self.member = Some(GzDecoder::new(inner)),
            Some(_) => self.error = Some(GzipError::Trailing),
        }
        Ok(())
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(out) {
                Ok(0) => self.next_member()?,
                Ok(count) => return Ok(count),
                Err(error) => {
                    self.error = Some(match error.kind() {
                        io::ErrorKind::UnexpectedEof => GzipError::Truncated,
                        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => GzipError::Damaged,
                        _ => return Err(error),
                    });
                    self.member = None;
                }
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn member(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(file: &[u8]) -> (Vec<u8>, Option<GzipError>) {
        let mut reader = GzipReader::new(file);
        let mut text = Vec::new();
        reader.read_to_end(&mut text).unwrap();
        (text, reader.error())
    }

    #[test]
    fn the_end_of_gzip_data_is_reported_as_what_it_is() {
        let both = [member(b"one "), member(b"two")].concat();
        let all = b"one two".to_vec();
        assert_eq!(read(&both), (all.clone(), None));
        assert_eq!(read(&[&both[..], b"junk"].concat()), (all.clone(), Some(GzipError::Trailing)));
        assert_eq!(read(&both[..both.len() - 3]), (all.clone(), Some(GzipError::Truncated)));
        let mut damaged = both.clone();
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        assert_eq!(read(&damaged), (all, Some(GzipError::Damaged)));
        let mut damaged = both;
        damaged[10] = 0xff;
        assert_eq!(read(&damaged).1, Some(GzipError::Damaged));
    }
}

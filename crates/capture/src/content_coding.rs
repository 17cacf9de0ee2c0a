//! Removes the content coding of bodies (RFC 9110 8.4).

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::call::HttpMessage;

/// The maximum size of a body without its coding, in bytes.
const MAX_DECODED: u64 = 64 << 20;

/// The maximum number of codings of a body.
const MAX_CODINGS: usize = 4;

/// Why the coding of a body could not be removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodingError {
    #[error(
        "the body has the content coding `{0}`, which is not supported; remove Accept-Encoding from the client's \
         requests, or record in a program that writes decoded bodies"
    )]
    Unsupported(String),
    #[error("the body is not valid in its content coding `{0}`")]
    Invalid(&'static str),
    #[error("the body has more than {MAX_DECODED} bytes without its content coding")]
    TooLong,
}

/// The first coding of a message that is not supported, as an error for a body that cannot be decoded.
pub(crate) fn unsupported(message: &HttpMessage) -> Option<CodingError> {
    let known = ["gzip", "x-gzip", "deflate", "identity", ""];
    let mut codings = message.all("content-encoding").flat_map(|field| field.split(',')).map(str::trim);
    let other = codings.find(|coding| !known.iter().any(|known| coding.eq_ignore_ascii_case(known)))?;
    Some(CodingError::Unsupported(other.escape_debug().to_string()))
}

/// The body of a message without its content codings. Programs that write HAR and SAZ often remove the coding but keep
/// the field: a body that does not begin like data of the coding is returned as it is, and so is one whose coding is
/// [`unsupported`].
pub(crate) fn without_coding(message: &HttpMessage) -> Result<Cow<'_, [u8]>, CodingError> {
    let mut body = Cow::Borrowed(&message.body[..]);
    let codings = message.all("content-encoding").flat_map(|field| field.split(','));
    let codings: Vec<&str> = codings.take(MAX_CODINGS.saturating_add(1)).collect();
    if body.is_empty() {
        return Ok(body);
    }
    if codings.len() > MAX_CODINGS {
        return Err(CodingError::Unsupported(format!("more than {MAX_CODINGS} codings")));
    }
    // They are listed in the order in which they were applied.
    for coding in codings.iter().rev().map(|coding| coding.trim()) {
        let is = |name: &str| coding.eq_ignore_ascii_case(name);
        if is("gzip") || is("x-gzip") {
            // RFC 1952 2.3.1.
            if body.starts_with(&[0x1f, 0x8b]) {
                body = read(MultiGzDecoder::new(&body[..]), "gzip")?.into();
            }
        } else if is("deflate") {
            if is_zlib(&body) {
                body = read(ZlibDecoder::new(&body[..]), "deflate")?.into();
            } else if let Ok(decoded) = read(DeflateDecoder::new(&body[..]), "deflate")
                && !decoded.is_empty()
            {
                // Some servers omit the zlib format around the data.
                body = decoded.into();
            }
        } else if !coding.is_empty() && !is("identity") {
            break;
        }
    }
    Ok(body)
}

/// Whether `body` begins with the header of the zlib format, for deflate (RFC 1950 2.2).
fn is_zlib(body: &[u8]) -> bool {
    let &[method, flags, ..] = body else { return false };
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

fn read(decoder: impl Read, coding: &'static str) -> Result<Vec<u8>, CodingError> {
    let mut out = Vec::new();
    decoder
        .take(MAX_DECODED.saturating_add(1))
        .read_to_end(&mut out)
        .map_err(|_| CodingError::Invalid(coding))?;
    if u64::try_from(out.len()).is_ok_and(|length| length <= MAX_DECODED) {
        Ok(out)
    } else {
        Err(CodingError::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn decoded(coding: &str, body: Vec<u8>) -> Result<Vec<u8>, CodingError> {
        let fields = vec![("Content-Encoding".to_owned(), coding.to_owned())];
        let message = HttpMessage { fields, body: body.into(), ..HttpMessage::default() };
        without_coding(&message).map(Cow::into_owned)
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_and_deflate_are_removed_from_bodies_that_have_them() {
        let plain = b"PROCESSING\r\nDONE\r\n\r\n\0\0\0\0".to_vec();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(&plain).unwrap();
        let bodies = [
            ("gzip", gzip(&plain)),
            ("X-GZIP", gzip(&plain)),
            ("gzip, gzip", gzip(&gzip(&plain))),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", deflate.finish().unwrap()),
            ("identity", plain.clone()),
            ("gzip", plain.clone()),
            ("deflate", plain.clone()),
        ];
        for (coding, body) in bodies {
            assert_eq!(decoded(coding, body).as_deref(), Ok(&plain[..]), "{coding}");
        }
    }

    #[test]
    fn a_body_whose_coding_cannot_be_removed_is_an_error() {
        // The program that recorded it may have decoded it.
        assert_eq!(decoded("br", b"x".to_vec()), Ok(b"x".to_vec()));
        let fields = vec![("content-encoding".to_owned(), "gzip, Br".to_owned())];
        let message = HttpMessage { fields, ..HttpMessage::default() };
        assert_eq!(unsupported(&message), Some(CodingError::Unsupported("Br".to_owned())));
        let cut = gzip(b"abcdefgh");
        assert_eq!(decoded("gzip", cut[..cut.len() - 9].to_vec()), Err(CodingError::Invalid("gzip")));
        assert_eq!(decoded("br", Vec::new()), Ok(Vec::new()));
    }

    #[test]
    fn the_size_of_a_decoded_body_is_limited() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        io::copy(&mut io::repeat(0).take(MAX_DECODED + 1), &mut encoder).unwrap();
        assert_eq!(decoded("gzip", encoder.finish().unwrap()), Err(CodingError::TooLong));
    }
}

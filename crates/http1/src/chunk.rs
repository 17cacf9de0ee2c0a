//! Lines of the chunked coding: chunk sizes, extensions and trailer fields (RFC 9112 7.1).

use crate::error::Error;
use crate::fields::syntax::{is_name, is_value};

/// A line exceeds its limit or contains a control character.
pub(crate) struct BadLine;

/// The length of the line at the beginning of `buffer`, including its line end; `None` if it is incomplete. The first
/// `scanned` bytes were examined before.
pub(crate) fn line_length(buffer: &[u8], scanned: usize, limit: usize) -> Result<Option<usize>, BadLine> {
    for (at, byte) in buffer.iter().enumerate().skip(scanned) {
        if at >= limit {
            return Err(BadLine);
        }
        let after_return = at.checked_sub(1).and_then(|before| buffer.get(before)) == Some(&b'\r');
        match byte {
            b'\n' if after_return => return Ok(Some(at + 1)),
            _ if after_return => return Err(BadLine),
            b'\r' | b'\t' => {}
            0..=31 | 127 => return Err(BadLine),
            _ => {}
        }
    }
    Ok(None)
}

/// The chunk size in the line of a chunk, and the number of bytes of its extensions. `padded` permits spaces
/// after the size.
pub(crate) fn parse_chunk_line(line: &[u8], padded: bool) -> Result<(u64, usize), Error> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 || digits > 16 {
        return Err(Error::ChunkSize);
    }
    let mut size = 0_u64;
    for digit in line.iter().take(digits) {
        let digit = char::from(*digit).to_digit(16).ok_or(Error::ChunkSize)?;
        size = (size << 4) | u64::from(digit);
    }
    let rest = line.get(digits..).unwrap_or_default();
    match rest {
        [] => Ok((size, 0)),
        [b';', ..] => Ok((size, rest.len())),
        _ if padded && rest.iter().all(|byte| *byte == b' ') => Ok((size, 0)),
        _ => Err(Error::ChunkSize),
    }
}

/// Checks the name and the value of a trailer field.
pub(crate) fn check_trailer(line: &[u8]) -> Result<(), Error> {
    let (name, value) = line
        .iter()
        .position(|byte| *byte == b':')
        .and_then(|at| Some((line.get(..at)?, line.get(at + 1..)?)))
        .ok_or(Error::Trailers)?;
    let name = std::str::from_utf8(name).map_err(|_| Error::Trailers)?;
    if is_name(name) && is_value(value.trim_ascii()) { Ok(()) } else { Err(Error::Trailers) }
}

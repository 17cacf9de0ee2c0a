//! UTF-16 texts.

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::reader::{Endian, Reader};

/// A UTF-16 text without a terminator, stored as little-endian bytes. It shares the buffer from which it was read if
/// possible. Unpaired surrogates are preserved.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Utf16(Bytes);

impl Utf16 {
    /// Encodes `text`.
    pub fn new(text: &str) -> Self {
        Self::from_units(text.encode_utf16())
    }

    /// Creates the text of these code units.
    pub fn from_units(units: impl IntoIterator<Item = u16>) -> Self {
        Self(units.into_iter().flat_map(u16::to_le_bytes).collect())
    }

    /// Creates the text whose little-endian code units are `bytes`; returns `None` for an odd number of bytes.
    pub fn from_le(bytes: Bytes) -> Option<Self> {
        bytes.len().is_multiple_of(2).then_some(Self(bytes))
    }

    /// Returns a copy that owns its bytes, so that it does not keep alive the buffer from which it was read.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// Reads a text up to a zero code unit, which is consumed.
    ///
    /// # Errors
    /// Fails if there is no zero code unit.
    pub fn read_terminated(r: &mut Reader<'_>, field: &'static str) -> Result<Self> {
        let text = Self::read_until_zero(r, usize::MAX, field)?;
        r.u16(field)?;
        Ok(text)
    }

    /// Reads a text of at most `most` code units, up to a zero code unit, which is not consumed, or to the end.
    ///
    /// # Errors
    /// Never: at most the remaining bytes are read.
    pub fn read_until_zero(r: &mut Reader<'_>, most: usize, field: &'static str) -> Result<Self> {
        let (all, _) = r.peek().as_chunks::<2>();
        let within = all.get(..most).unwrap_or(all);
        let length = zero_unit(within).unwrap_or(within.len()).saturating_mul(2);
        if r.endian() == Endian::Little {
            return r.shared(length, field).map(Self);
        }
        let (units, _) = r.bytes(length, field)?.as_chunks::<2>();
        Ok(Self::from_units(units.iter().map(|unit| u16::from_be_bytes(*unit))))
    }

    /// The code units.
    pub fn units(&self) -> impl DoubleEndedIterator<Item = u16> + ExactSizeIterator + Clone {
        self.as_pairs().iter().map(|pair| u16::from_le_bytes(*pair))
    }

    /// The code units, each as two bytes in little-endian order.
    pub fn as_pairs(&self) -> &[[u8; 2]] {
        self.0.as_chunks().0
    }

    /// The bytes of the code units in little-endian order.
    pub fn as_le_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number of code units.
    pub fn len(&self) -> usize {
        self.as_pairs().len()
    }

    /// Whether the text is empty.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The index of the first zero code unit.
    pub fn zero(&self) -> Option<usize> {
        zero_unit(self.as_pairs())
    }

    /// Decodes the text; invalid code units become U+FFFD.
    pub fn to_string_lossy(&self) -> String {
        char::decode_utf16(self.units()).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }
}

/// Texts are ordered by their code units.
impl Ord for Utf16 {
    fn cmp(&self, other: &Self) -> Ordering {
        self.units().cmp(other.units())
    }
}

impl PartialOrd for Utf16 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The index of the first zero code unit. Tables consist mainly of texts, so that eight units are compared at a time.
fn zero_unit(units: &[[u8; 2]]) -> Option<usize> {
    /// The lowest bit of each unit.
    const ONES: u128 = u128::MAX / 0xFFFF;
    let (blocks, _) = units.as_flattened().as_chunks::<16>();
    for (index, block) in blocks.iter().enumerate() {
        // Compiles to vector instructions, which `position` does not.
        let (pairs, _) = block.as_chunks::<2>();
        if pairs.iter().fold(false, |found, unit| found | (u16::from_le_bytes(*unit) == 0)) {
            let block = u128::from_le_bytes(*block);
            // The lowest mark is that of the first zero unit. A borrow can set wrong marks above it only.
            let marks = block.wrapping_sub(ONES) & !block & (ONES << 15);
            let within = usize::try_from(marks.trailing_zeros() / u16::BITS).unwrap_or(0);
            return Some(index.saturating_mul(8).saturating_add(within));
        }
    }
    let done = blocks.len().saturating_mul(8);
    let rest = units.get(done..).unwrap_or_default();
    rest.iter().position(|unit| *unit == [0, 0]).map(|place| place.saturating_add(done))
}

/// The number of bytes before the first zero code unit; `None` if there is no such unit.
pub fn utf16_length(bytes: &[u8]) -> Option<usize> {
    zero_unit(bytes.as_chunks().0).map(|units| units.saturating_mul(2))
}

impl From<&str> for Utf16 {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Utf16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl fmt::Debug for Utf16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string_lossy())
    }
}

/// Encodes `text` as little-endian UTF-16, without a terminator.
pub fn utf16le_bytes(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Decodes little-endian UTF-16.
///
/// # Errors
/// Fails for an odd number of bytes, and for unpaired surrogates.
pub fn utf16le_to_string(bytes: &[u8], field: &'static str) -> Result<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::new(ErrorKind::Text { expected: "an even number of bytes" }, field, 0));
    }
    char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)))
        .collect::<Result<String, _>>()
        .map_err(|_| Error::new(ErrorKind::Text { expected: "paired surrogates" }, field, 0))
}

/// Decodes little-endian UTF-16 for display: unpaired surrogates become U+FFFD, and an odd byte at the end is ignored.
pub fn utf16le_to_string_lossy(bytes: &[u8]) -> String {
    let units = bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_encoding_and_decoding() {
        assert_eq!(utf16le_to_string(&utf16le_bytes("Grüße 🦀"), "x").unwrap(), "Grüße 🦀");
        assert!(utf16le_to_string(&[0x41], "x").is_err());
        assert!(utf16le_to_string(&[0x00, 0xd8], "x").is_err());
        assert_eq!(utf16le_to_string_lossy(&[0x41, 0, 0x00, 0xd8, 0x42, 0, 0x43]), "A\u{fffd}B");
        assert_eq!(Utf16::new("aß🦀").units().collect::<Vec<_>>(), [0x61, 0xdf, 0xd83e, 0xdd80]);
        assert_eq!(Utf16::from_units([0xd800]).to_string(), "\u{fffd}");
    }

    #[test]
    fn a_text_ends_at_its_first_zero_unit() {
        // Two zero bytes of adjacent units are not a zero unit.
        let units = [0x0100_u16, 0x0001, 0x8000, 0x8001, 0xff00, 0x00ff, 0x0100, 0x0001, 0x7fff].repeat(3);
        for length in 0..units.len() {
            let buffer: Bytes =
                units[..length].iter().chain(&[0, 0x41, 0]).flat_map(|unit| unit.to_le_bytes()).collect();
            let mut r = Reader::sharing(&buffer);
            let text = Utf16::read_terminated(&mut r, "x").unwrap();
            assert_eq!((text.len(), r.remaining()), (length, 4));
            assert!(text.units().eq(units[..length].iter().copied()));
            assert!(length == 0 || text.as_le_bytes().as_ptr() == buffer.as_ptr());
            let swapped: Vec<u8> =
                buffer.as_chunks::<2>().0.iter().flat_map(|[low, high]| [*high, *low]).collect();
            let big = Utf16::read_terminated(&mut Reader::with_endian(&swapped, Endian::Big), "x");
            assert_eq!(big, Ok(text));
            assert!(Utf16::read_terminated(&mut Reader::new(&buffer[..2 * length]), "x").is_err());
        }
    }

    #[test]
    fn texts_are_ordered_by_their_units() {
        assert!(Utf16::from_units([0x0100]) > Utf16::from_units([0x00ff]));
        assert!(Utf16::new("a") < Utf16::new("ab"));
    }
}

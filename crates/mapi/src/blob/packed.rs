//! Length-prefixed strings and blocks, which several structures contain.

use wire::{Decode, Encode, Reader, Result, Writer};

/// A text preceded by its length in characters of `WIDTH` bytes. The length is one byte, or 255 followed by two bytes
/// ([MS-OXOSRCH] 2.2.1.2.8 `TextSearchLength`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackedText<const WIDTH: usize> {
    /// Whether the length has two bytes, as it must beyond 254 characters.
    pub is_extended: bool,
    /// The characters, without a terminator.
    pub bytes: Vec<u8>,
}

/// A length-prefixed text in the client's code page.
pub type PackedText8 = PackedText<1>;

/// A length-prefixed text in little-endian UTF-16.
pub type PackedText16 = PackedText<2>;

/// The byte that indicates that a two-byte length follows.
const EXTENDED: u8 = 255;

impl<'a, const WIDTH: usize> Decode<'a> for PackedText<WIDTH> {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let short = r.u8("Length")?;
        let is_extended = short == EXTENDED;
        let length = if is_extended { r.u16("ExtendedLength")? } else { short.into() };
        let bytes = r.bytes(usize::from(length).saturating_mul(WIDTH), "Characters")?.to_vec();
        Ok(Self { is_extended, bytes })
    }
}

impl<const WIDTH: usize> Encode for PackedText<WIDTH> {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        let length = self.bytes.len().checked_div(WIDTH).unwrap_or_default();
        if self.is_extended || length >= usize::from(EXTENDED) {
            w.u8(EXTENDED).len16(length, "ExtendedLength")?;
        } else {
            w.len8(length, "Length")?;
        }
        w.bytes(&self.bytes);
        Ok(())
    }
}

/// Reads bytes that are preceded by their 32-bit length.
pub(super) fn block(r: &mut Reader<'_>, field: &'static str) -> Result<Vec<u8>> {
    let length = r.u32(field)?;
    r.bytes(usize::try_from(length).unwrap_or(usize::MAX), field).map(<[u8]>::to_vec)
}

/// Reads a UTF-16 text that is preceded by its 16-bit length in characters.
pub(super) fn wide(r: &mut Reader<'_>, field: &'static str) -> Result<Vec<u8>> {
    let length = usize::from(r.u16(field)?);
    r.bytes(length.saturating_mul(2), field).map(<[u8]>::to_vec)
}

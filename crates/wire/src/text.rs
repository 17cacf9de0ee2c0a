use std::fmt;

use crate::{Error, ErrorKind, Result};

/// A UTF-16 text as its code units, without a terminator. Unpaired surrogates survive.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Utf16(pub Vec<u16>);

impl Utf16 {
    /// The code units of `text`.
    pub fn new(text: &str) -> Self {
        Self(text.encode_utf16().collect())
    }

    /// The text, with U+FFFD for what is not valid.
    pub fn to_string_lossy(&self) -> String {
        String::from_utf16_lossy(&self.0)
    }
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

/// `text` as little-endian UTF-16, without a terminator.
pub fn utf16le_bytes(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The text whose little-endian UTF-16 form is `bytes`.
///
/// # Errors
/// For an odd number of bytes, and for unpaired surrogates.
pub fn utf16le_to_string(bytes: &[u8], field: &'static str) -> Result<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::new(ErrorKind::Text { expected: "an even number of bytes" }, field, 0));
    }
    char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)))
        .collect::<Result<String, _>>()
        .map_err(|_| Error::new(ErrorKind::Text { expected: "paired surrogates" }, field, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive() {
        assert_eq!(utf16le_to_string(&utf16le_bytes("Grüße 🦀"), "x").unwrap(), "Grüße 🦀");
        assert!(utf16le_to_string(&[0x41], "x").is_err());
        assert!(utf16le_to_string(&[0x00, 0xd8], "x").is_err());
        assert_eq!(Utf16(vec![0xd800]).to_string(), "\u{fffd}");
    }
}

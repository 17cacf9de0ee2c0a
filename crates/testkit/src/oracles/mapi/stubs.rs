//! Properties of the stubs of every interface.

use std::fmt::Debug;

use wire::{Decode, Encode, Endian, Result};

/// Decodes a stub. Returns it with the bytes after its last parameter.
type DecodeStub<T> = fn(u16, &[u8], Endian) -> Result<(T, &[u8])>;

/// The decoder and the encoder of the stubs of one interface and direction.
pub(super) struct Codec<T> {
    pub(super) decode: DecodeStub<T>,
    pub(super) encode: fn(&T) -> Result<Vec<u8>>,
}

impl<T: PartialEq + Debug> Codec<T> {
    /// Decodes a stub. It can be encoded, is decoded as the same, and is then encoded to the same bytes. A
    /// little-endian stub is encoded to the bytes from which it was decoded, except for padding, which becomes
    /// zeros.
    pub(super) fn check(&self, opnum: u16, stub: &[u8], endian: Endian) -> Option<T> {
        let (value, rest) = (self.decode)(opnum, stub, endian).ok()?;
        let written = (self.encode)(&value).expect("what was read can be written");
        let (again, none) =
            (self.decode)(opnum, &written, Endian::Little).expect("what was written can be read");
        assert_eq!(none, b"", "nothing is left over of what was written");
        assert_eq!(again, value, "it reads as the same");
        assert_eq!((self.encode)(&again).as_deref(), Ok(&*written), "it is written alike");
        if endian == Endian::Little {
            let (read, _) = stub.split_at(stub.len() - rest.len());
            assert_eq!(read.len(), written.len(), "the encoding has the length of the decoded bytes");
            let kept = |(decoded, encoded): (&u8, &u8)| decoded == encoded || *encoded == 0;
            assert!(read.iter().zip(&written).all(kept), "it encodes to the decoded bytes: {written:02x?}");
        }
        Some(value)
    }
}

/// Asserts that a value decoded from all the bytes is encoded to the same bytes.
pub(super) fn same_bytes<'a, T: Decode<'a> + Encode>(bytes: &'a [u8]) -> Option<T> {
    let value = T::from_bytes(bytes).ok()?;
    assert_eq!(value.to_bytes().as_deref(), Ok(bytes), "it encodes to the decoded bytes");
    Some(value)
}

/// The byte order that a choice selects.
pub(super) const fn endian(big: bool) -> Endian {
    if big { Endian::Big } else { Endian::Little }
}

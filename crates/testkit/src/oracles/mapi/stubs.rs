//! Properties of the stubs of every interface.

use std::fmt::Debug;

use wire::{Decode, Encode, Endian, Result};

/// Reads a stub; the bytes behind its last parameter come with it.
type DecodeStub<T> = fn(u16, &[u8], Endian) -> Result<(T, &[u8])>;

/// How the stubs of one interface and direction are read and written.
pub(super) struct Codec<T> {
    pub(super) decode: DecodeStub<T>,
    pub(super) encode: fn(&T) -> Result<Vec<u8>>,
}

impl<T: PartialEq + Debug> Codec<T> {
    /// Reads a stub. What is read can be written, reads as the same, and is written as the same bytes from
    /// then on. A little-endian stub leaves as it came, but for padding, which becomes zeros.
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
            assert_eq!(read.len(), written.len(), "it leaves as long as it came");
            let kept = |(came, leaves): (&u8, &u8)| came == leaves || *leaves == 0;
            assert!(read.iter().zip(&written).all(kept), "it leaves as it came: {written:02x?}");
        }
        Some(value)
    }
}

/// What is read of all the bytes is written as the same bytes.
pub(super) fn same_bytes<'a, T: Decode<'a> + Encode>(bytes: &'a [u8]) -> Option<T> {
    let value = T::from_bytes(bytes).ok()?;
    assert_eq!(value.to_bytes().as_deref(), Ok(bytes), "it leaves as it came");
    Some(value)
}

/// The byte order that a choice stands for.
pub(super) const fn endian(big: bool) -> Endian {
    if big { Endian::Big } else { Endian::Little }
}

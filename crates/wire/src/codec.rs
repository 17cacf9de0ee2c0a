//! The traits of encoding and decoding.

use bytes::Bytes;

use crate::error::Result;
use crate::reader::Reader;
use crate::writer::Writer;

/// A structure that can be encoded.
pub trait Encode {
    /// Appends the structure to `w`.
    ///
    /// # Errors
    /// Fails if a value does not fit its field, such as a list that is too long for a 16-bit count.
    fn encode(&self, w: &mut Writer) -> Result<()>;

    /// Encodes the structure to a new buffer.
    ///
    /// # Errors
    /// Fails if a value does not fit its field.
    fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new();
        self.encode(&mut w)?;
        Ok(w.into_vec())
    }
}

/// A structure that can be decoded from its bytes alone.
pub trait Decode<'a>: Sized {
    /// Decodes a structure at the position of `r`, and advances `r` to its end.
    ///
    /// # Errors
    /// Fails if the bytes are not such a structure.
    fn decode(r: &mut Reader<'a>) -> Result<Self>;

    /// Decodes `bytes`, which must contain exactly one structure.
    ///
    /// # Errors
    /// Fails if the bytes are not such a structure, or bytes follow it.
    fn from_bytes(bytes: &'a [u8]) -> Result<Self> {
        Self::from_all(Reader::new(bytes))
    }

    /// Decodes `bytes`, which must contain exactly one structure. The result may share their memory.
    ///
    /// # Errors
    /// Fails like [`Decode::from_bytes`].
    fn from_shared(bytes: &'a Bytes) -> Result<Self> {
        Self::from_all(Reader::sharing(bytes))
    }

    /// Decodes the remaining bytes of `r`, which must contain exactly one structure.
    ///
    /// # Errors
    /// Fails like [`Decode::from_bytes`].
    fn from_all(mut r: Reader<'a>) -> Result<Self> {
        let value = Self::decode(&mut r)?;
        r.finish()?;
        Ok(value)
    }
}

/// A structure whose layout depends on information that its bytes do not contain.
pub trait DecodeWith<'a, C>: Sized {
    /// Decodes a structure at the position of `r`, whose layout depends on `context`.
    ///
    /// # Errors
    /// Fails if the bytes are not such a structure.
    fn decode_with(r: &mut Reader<'a>, context: C) -> Result<Self>;
}

//! The traits of encoding and decoding.

use bytes::Bytes;

use crate::error::Result;
use crate::reader::Reader;
use crate::writer::Writer;

/// A structure that can be written.
pub trait Encode {
    /// Appends the structure to `w`.
    ///
    /// # Errors
    /// When a value does not fit its field, for example a list that is too long for a 16-bit count.
    fn encode(&self, w: &mut Writer) -> Result<()>;

    /// The structure's bytes alone.
    ///
    /// # Errors
    /// As [`Encode::encode`].
    fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new();
        self.encode(&mut w)?;
        Ok(w.into_vec())
    }
}

/// A structure that can be read without knowing anything but its bytes.
pub trait Decode<'a>: Sized {
    /// Reads the structure from where `r` stands, and leaves `r` behind it.
    ///
    /// # Errors
    /// When the bytes are not such a structure.
    fn decode(r: &mut Reader<'a>) -> Result<Self>;

    /// Reads the structure from the whole of `bytes`; bytes left over are an error.
    ///
    /// # Errors
    /// As [`Decode::decode`], and for trailing bytes.
    fn from_bytes(bytes: &'a [u8]) -> Result<Self> {
        Self::from_all(Reader::new(bytes))
    }

    /// Reads the structure from the whole of `bytes`, parts of which it may share.
    ///
    /// # Errors
    /// As [`Decode::from_bytes`].
    fn from_shared(bytes: &'a Bytes) -> Result<Self> {
        Self::from_all(Reader::sharing(bytes))
    }

    /// Reads the structure from all that `r` has left.
    ///
    /// # Errors
    /// As [`Decode::from_bytes`].
    fn from_all(mut r: Reader<'a>) -> Result<Self> {
        let value = Self::decode(&mut r)?;
        r.finish()?;
        Ok(value)
    }
}

/// A structure whose layout depends on something that is not in its bytes.
pub trait DecodeWith<'a, C>: Sized {
    /// Reads the structure from where `r` stands, given `context`.
    ///
    /// # Errors
    /// When the bytes are not such a structure.
    fn decode_with(r: &mut Reader<'a>, context: C) -> Result<Self>;
}

//! Bytes to scalars and back.
//!
//! Everything that reads a protocol does so through [`Reader`], everything that writes one through
//! [`Writer`]. Both know where they are, so that an [`Error`] can say which field failed, at which offset and
//! what was expected there.
//!
//! Architectural invariant: nothing here panics on any input, reads past its slice, or allocates by a length
//! that a peer claimed before that many bytes were seen to be there.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod enums;
mod error;
mod guid;
mod reader;
mod text;
mod time;
mod writer;

/// Bytes that several may hold without a copy for each.
pub use bytes::Bytes;

pub use crate::error::{Error, ErrorKind, Result};
pub use crate::guid::Guid;
pub use crate::reader::{Endian, Reader};
pub use crate::text::{Utf16, utf16_length, utf16le_bytes, utf16le_to_string, utf16le_to_string_lossy};
pub use crate::time::FileTime;
pub use crate::writer::{Mark, Writer};

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

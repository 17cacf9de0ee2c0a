//! Binary encoding and decoding: the base of every protocol structure in the workspace.
//!
//! Everything that reads a protocol does so through [`Reader`], everything that writes one through
//! [`Writer`]. Both track their position, so that an [`Error`] names the field that failed, its offset, and
//! what was expected there. Structures implement [`Encode`] and [`Decode`]; one whose layout depends on
//! something outside of its bytes implements [`DecodeWith`].
//!
//! | items | what they are |
//! |---|---|
//! | [`Reader`], [`Endian`] | a cursor over bytes, in either byte order |
//! | [`Writer`], [`Mark`] | a growing little-endian buffer, and lengths that are filled in later |
//! | [`Encode`], [`Decode`], [`DecodeWith`] | what structures implement |
//! | [`Error`], [`ErrorKind`], [`Result`] | what fails, in which field and where |
//! | [`wire_enum!`], [`wire_flags!`] | enumerations and bit fields that keep unknown values |
//! | [`Guid`], [`FileTime`], [`Utf16`] | types that all protocols share (\[MS-DTYP\]) |
//!
//! ```
//! use wire::{Decode, Encode, Reader, Result, Writer};
//!
//! /// A port and the name of what listens on it.
//! #[derive(Debug, PartialEq)]
//! struct Service<'a> {
//!     port: u16,
//!     name: &'a [u8],
//! }
//!
//! impl Encode for Service<'_> {
//!     fn encode(&self, w: &mut Writer) -> Result<()> {
//!         w.u16(self.port).len8(self.name.len(), "NameLength")?.bytes(self.name);
//!         Ok(())
//!     }
//! }
//!
//! impl<'a> Decode<'a> for Service<'a> {
//!     fn decode(r: &mut Reader<'a>) -> Result<Self> {
//!         let port = r.u16("Port")?;
//!         let length = r.u8("NameLength")?;
//!         Ok(Self { port, name: r.bytes(length.into(), "Name")? })
//!     }
//! }
//!
//! let bytes = Service { port: 593, name: b"epmap" }.to_bytes()?;
//! assert_eq!(Service::from_bytes(&bytes)?.name, b"epmap");
//!
//! let error = Service::from_bytes(&bytes[..4]).unwrap_err();
//! assert_eq!(error.to_string(), "Name at offset 3: needs 5 bytes, 1 left");
//! # Ok::<(), wire::Error>(())
//! ```
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

mod codec;
mod enums;
mod error;
mod guid;
mod reader;
mod text;
mod time;
mod writer;

/// Bytes that several may hold without a copy for each.
pub use bytes::Bytes;

pub use crate::codec::{Decode, DecodeWith, Encode};
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::guid::Guid;
pub use crate::reader::{Endian, Reader};
pub use crate::text::{Utf16, utf16_length, utf16le_bytes, utf16le_to_string, utf16le_to_string_lossy};
pub use crate::time::FileTime;
pub use crate::writer::{Mark, Writer};

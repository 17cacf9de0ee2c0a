//! Binary encoding and decoding: the base of every protocol structure in the workspace.
//!
//! All decoding uses [`Reader`], and all encoding uses [`Writer`]. Both track their position, so that an [`Error`]
//! contains the field, its offset and the expected value. Structures implement [`Encode`] and [`Decode`]; those whose
//! layout depends on information that their bytes do not contain implement [`DecodeWith`].
//!
//! | items | purpose |
//! |---|---|
//! | [`Reader`], [`Endian`] | a cursor over bytes, in either byte order |
//! | [`Writer`], [`Mark`] | a growing little-endian buffer, and lengths that are filled in later |
//! | [`Encode`], [`Decode`], [`DecodeWith`] | the traits of structures |
//! | [`Error`], [`ErrorKind`], [`Result`] | errors, with field and offset |
//! | [`wire_enum!`], [`wire_flags!`] | enumerations and bit fields that keep unknown values |
//! | [`Budget`] | a limit on what is decoded of a message |
//! | [`Guid`], [`FileTime`], [`Utf16`] | types that the protocols share (\[MS-DTYP\]) |
//!
//! ```
//! use wire::{Decode, Encode, Reader, Result, Writer};
//!
//! /// A port and the name of its service.
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
//! Architectural invariant: no function panics on any input, reads beyond its slice, or allocates memory by a declared
//! length before that many bytes are available.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod budget;
mod codec;
mod enums;
mod error;
mod guid;
mod reader;
mod text;
mod time;
mod writer;

/// A byte buffer that can be shared without copying.
pub use bytes::Bytes;

pub use crate::budget::Budget;
pub use crate::codec::{Decode, DecodeWith, Encode};
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::guid::Guid;
pub use crate::reader::{Endian, Reader};
pub use crate::text::{Utf16, utf16_length, utf16le_bytes, utf16le_to_string, utf16le_to_string_lossy};
pub use crate::time::{FileTime, Now};
pub use crate::writer::{Mark, Writer};

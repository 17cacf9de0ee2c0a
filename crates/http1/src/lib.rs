//! HTTP/1.1 heads and bodies (RFC 9112): decoding and encoding, lossless, without I/O.
//!
//! [`RequestDecoder`] and [`ResponseDecoder`] accept bytes in pieces of any size, and return [`Event`]s: a head, the
//! pieces of its body, the end of the message.
//!
//! ```
//! use http1::{Event, Head, Limits, RequestDecoder};
//!
//! let mut decoder = RequestDecoder::new(Limits::default());
//! decoder.receive(b"GET /owa HTTP/1.1\r\nhOST: a\r\n\r\n");
//! let Ok(Some(Event::Head { mut head, .. })) = decoder.poll() else { panic!("no head") };
//! assert_eq!((head.method(), head.target()), ("GET", "/owa"));
//! head.fields.set("Host", "exch.lab.test");
//! let mut out = Vec::new();
//! head.write(&mut out);
//! assert_eq!(out, b"GET /owa HTTP/1.1\r\nhOST: exch.lab.test\r\n\r\n");
//! ```
//!
//! A head keeps its received bytes: the spelling of names, the order of fields, white space. Adding,
//! replacing or removing a field changes no other. A body is framed by `Content-Length`, by the chunked coding or, in
//! responses only, by the end of the connection.
//!
//! The decoders prevent request smuggling: a message that two implementations could interpret differently is
//! refused, and nothing after it is read. The rules are the same for clients and servers, except that a server may
//! pad a chunk size with spaces; [`Error`] lists what is refused.
//!
//! Architectural invariants:
//! - No I/O and no clock.
//! - Memory is allocated for received bytes only, at most four times their size. For a declared length at most 256 KiB
//!   is preallocated.
//! - Only header fields that frame a message or concern its connection are interpreted.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod body;
mod chunk;
mod decoder;
mod encode;
mod error;
mod fields;
mod framing;
mod head;
mod head_scanner;
mod limits;
mod parse;
mod piece;
mod request_head;
mod response_head;
mod target;
mod version;

pub use crate::decoder::{Decoder, Event, RequestDecoder, ResponseDecoder};
pub use crate::encode::{LAST_CHUNK, write_chunk};
pub use crate::error::{Error, Part};
pub use crate::fields::edit::{FieldAction, ReadyField};
pub use crate::fields::syntax::tokens;
pub use crate::fields::{Field, Fields};
pub use crate::framing::Framing;
pub use crate::head::Head;
pub use crate::limits::Limits;
pub use crate::piece::Piece;
pub use crate::request_head::RequestHead;
pub use crate::response_head::ResponseHead;
pub use crate::version::Version;

//! HTTP/1.1 framing, lossless, without I/O.
//!
//! A head keeps the bytes that it came as: names in their spelling, fields in their order, space as it was.
//! Removing, replacing or adding a field touches no other. Bodies are framed by `Content-Length`, by the
//! chunked coding, or, for answers alone, by the connection's end.
//!
//! Strict where messages have been smuggled: what two readers could take for two different messages is refused,
//! and nothing behind it is read. There is no leniency towards a peer; see [`Error`] for what is refused.
//!
//! Architectural invariants: no I/O and no clock; memory is taken by what has come, not by what a peer says
//! is to come; no header is interpreted but those that frame a message or concern its connection.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod body;
mod decoder;
mod encode;
mod error;
mod fields;
mod framing;
mod head;
mod limits;
mod version;

pub use crate::body::Piece;
pub use crate::decoder::{Decoder, Event, RequestDecoder, ResponseDecoder};
pub use crate::encode::{LAST_CHUNK, chunk};
pub use crate::error::Error;
pub use crate::fields::{Fate, Field, Fields, ReadyField, tokens};
pub use crate::framing::Framing;
pub use crate::head::{Head, RequestHead, ResponseHead};
pub use crate::limits::Limits;
pub use crate::version::Version;

//! Recordings of MAPI: read, understood, written, compared.
//!
//! A recording is a file of packets ([`source`]), of which TCP makes streams ([`stream`]).
//!
//! Architectural invariants: no socket, no clock, no thread. Files are whatever can be read or written. Nothing
//! is held of a recording but what is under way in it, and that has a bound.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod source;
pub mod stream;

mod time;

pub use crate::source::Problem;
pub use crate::time::Timestamp;

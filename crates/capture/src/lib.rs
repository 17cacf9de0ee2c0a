//! Recordings of MAPI: reads, analyzes, writes and replays them.
//!
//! A recording is a file of packets ([`source`]), of which TCP makes streams ([`stream`]),
//! in which a [`Watcher`] finds calls. [`Analyzer`]
//! makes [`Operation`]s of them, which are shown as trees or as JSON ([`show`]).
//!
//! Architectural invariants: no socket, no clock, no thread. Files are whatever can be read or written. Of a
//! recording only what is in progress is held, and that is bounded.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod archive;
pub mod call;
pub mod conversation;
pub mod decrypt;
pub mod filter;
pub mod har;
pub mod raw_pairs;
pub mod record;
pub mod replay;
pub mod show;
pub mod source;
pub mod stream;

mod analyze;
mod format;
mod sanitize;
mod time;

pub use crate::analyze::{Analyzer, Operation, Rop};
pub use crate::call::{Call, Envelope};
pub use crate::conversation::{Found, Watcher};
pub use crate::format::INTERFACE_PREFIX;
pub use crate::source::Problem;
pub use crate::time::Timestamp;

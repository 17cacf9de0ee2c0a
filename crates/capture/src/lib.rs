//! Recordings of MAPI: reading, analysis, display, writing and replay.
//!
//! ```text
//! file ──source──▶ packets ──stream──▶ TCP streams ──CallReader──▶ calls ──Analyzer──▶ operations ──▶ show, filter
//!                                        │  ▲                        ▲                                 replay
//!                                        ▼  │ decrypt                │
//!                                        TLS, NTLM, Kerberos     har, archive
//! ```
//!
//! [`source`] reads packets from pcap and pcapng files; [`stream`] reassembles TCP. A [`CallReader`] detects
//! the protocol of each connection and returns [`RecordedItem`]s: calls, and problems with what cannot be
//! read. [`har`] and [`archive`] return the same items from other formats. An [`Analyzer`] makes
//! [`Operation`]s of calls, which [`show`] prints as trees or as JSON. [`record`] writes recordings,
//! [`replay`] sends a recording's requests again.
//!
//! # Architectural invariants
//!
//! - No socket, no clock, no thread. A file is any reader or writer.
//! - Only the part of a recording that is in progress is held in memory, and that is bounded.
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
mod content_coding;
mod format;
mod sanitize;
mod time;

pub use crate::analyze::{Analyzer, Operation, Rop};
pub use crate::call::{Call, Envelope};
pub use crate::conversation::{CallReader, RecordedItem};
pub use crate::format::INTERFACE_PREFIX;
pub use crate::source::Problem;
pub use crate::time::Timestamp;

//! DCE/RPC connection-oriented (C706 chapter 12, [MS-RPCE]), lossless, without I/O.
//!
//! Bytes go in, events come out, and bytes to be sent come out: [`server::ServerAssociation`] is our end
//! towards clients, [`client::ClientAssociation`] our end towards servers. Both cut and join fragments, match
//! answers to calls, negotiate contexts and security, and refuse what is out of order.
//!
//! Architectural invariant: nothing here opens a socket, reads a clock, draws a random number or knows a
//! security package. What seals and signs is a [`security::Protection`] that is handed in.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod association;
pub mod epm;
pub mod framer;
pub mod mgmt;
pub mod ndr;
pub mod pdu;
pub mod rts;
pub mod security;
pub mod verification;

pub use crate::association::{client, server};
pub use crate::pdu::{AuthLevel, AuthType, FaultStatus, SyntaxId};

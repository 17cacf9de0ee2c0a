//! Associations (C706 9.3, [MS-RPCE] 3.3): the protocol's state machine, for either end of a connection.
//!
//! [`server`] is the end towards a client, [`client`] the end towards a server; `core` is what both share.

mod core;

pub mod client;
pub mod server;

pub use self::core::peer_error::PeerError;

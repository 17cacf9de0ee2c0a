//! SPNEGO, both ends (RFC 4178, [MS-SPNG]), around other mechanisms.
//!
//! The acceptor skips mechanisms of the client's list that it does not have. The list is then protected by
//! `mechListMIC`, so that a change in transit is detected.

mod acceptor;
mod initiator;
mod list_code;
pub(crate) mod mechanism;
pub(crate) mod tokens;
mod within;

pub use self::tokens::{NegHints, NegState, NegTokenInit, NegTokenResp, Oid};

#[cfg(test)]
mod tests;

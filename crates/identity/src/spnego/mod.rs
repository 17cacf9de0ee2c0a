//! SPNEGO, both ends (RFC 4178, [MS-SPNG]), around other mechanisms.
//!
//! What a client's list has and we do not is passed over, and the list is then protected by `mechListMIC`, so that a
//! change on the way is detected.

mod acceptor;
pub(crate) mod der;
mod initiator;
mod list_code;
pub(crate) mod mechanism;
pub(crate) mod tokens;
mod within;

pub use self::tokens::{NegHints, NegState, NegTokenInit, NegTokenResp, Oid};

#[cfg(test)]
mod tests;

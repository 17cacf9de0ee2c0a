//! NTLM, both ends ([MS-NLMP]), connection-oriented.

mod acceptor;
mod av;
pub(crate) mod config;
mod crypto;
pub(crate) mod flags;
mod initiator;
pub(crate) mod mechanism;
pub(crate) mod messages;
pub mod passive;
mod response;
pub(crate) mod security;

pub use self::av::{AvFlags, AvId, AvPair, AvPairs, ClientChallenge};
pub use self::flags::{NegotiateFlags, Version};
pub use self::messages::{Authenticate, Challenge, Field, MAX_TOKEN, Negotiate};
pub use self::security::{NtlmSecurity, SIGNATURE_SIZE};

#[cfg(test)]
pub(crate) mod tests;

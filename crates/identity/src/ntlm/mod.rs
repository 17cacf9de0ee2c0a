//! NTLM, both ends ([MS-NLMP]), connection-oriented.

use wire::{Error, ErrorKind};

use crate::error::Refusal;

mod acceptor;
mod av;
mod crypto;
mod initiator;
mod messages;
pub mod passive;
mod security;

pub(crate) use self::acceptor::after;
pub use self::acceptor::{Acceptor, AcceptorConfig, BindingPolicy, Policy, ServerNames};
pub use self::av::{AvFlags, AvId, AvPair, AvPairs, ClientChallenge};
pub use self::initiator::{Credentials, Initiator, InitiatorConfig, Protection};
pub use self::messages::{Authenticate, Challenge, Field, Negotiate, NegotiateFlags, Version};
pub use self::security::{MessageSecurity, SIGNATURE_SIZE};

/// The largest token that is taken, in bytes. Windows stays below 3,000.
pub const MAX_TOKEN: usize = 16_384;

pub(crate) fn check_size(token: &[u8]) -> Result<(), Refusal> {
    if token.len() <= MAX_TOKEN {
        return Ok(());
    }
    let length = u64::try_from(token.len()).unwrap_or(u64::MAX);
    let limit = u64::try_from(MAX_TOKEN).unwrap_or(u64::MAX);
    Err(Error::new(ErrorKind::TooLong { length, limit }, "token", 0).into())
}

/// The version that we say to be where versions are exchanged: the protocol's revision is all that counts in
/// it ([MS-NLMP] 2.2.2.10).
const fn version(flags: NegotiateFlags) -> Version {
    if flags.contains(NegotiateFlags::NTLMSSP_NEGOTIATE_VERSION) {
        Version([10, 0, 0x7c, 0x4f, 0, 0, 0, 15])
    } else {
        Version([0; 8])
    }
}

/// The message integrity code of a handshake ([MS-NLMP] 3.1.5.1.2), whatever stands in its place in
/// `authenticate`.
fn mic(exported: &[u8; 16], negotiate: &[u8], challenge: &[u8], authenticate: &[u8]) -> [u8; 16] {
    let (head, tail) = authenticate.split_at_checked(Authenticate::MIC_OFFSET).unwrap_or((authenticate, &[]));
    let tail = tail.get(16..).unwrap_or_default();
    *crypto::hmac_md5(exported, &[negotiate, challenge, head, &[0; 16], tail])
}

#[cfg(test)]
pub(crate) mod tests;

//! Sign-ins that pass through us: a client proves itself to the server, not to us.
//!
//! We cannot tell whether a password, a token or a response is right. The server can, and says so by what it does
//! with one and the same request, which changes nothing:
//!
//! 1. without credentials it is refused ([`Guarded`]),
//! 2. with them, or on the connection that a handshake signed in, it is carried out ([`Taken`]),
//! 3. without them it is refused again, on a fresh connection ([`Accepted`]).
//!
//! Nothing less makes a context here, in this order and of the same request: each step is made of the one before
//! it. What the client is called is read from its credentials, where the server read it too; credentials
//! without a user name make no context.
//!
//! Two clients are one identity only where the server cannot but take them for one: the same name by the same
//! scheme, the same ticket, a token for the same account of the same issuer.

mod bearer;
mod proof;
mod scheme;
mod sign_in;
mod ticket;
mod transcript;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wire::{Decode as _, FileTime};
use zeroize::Zeroizing;

pub use self::proof::{Answer, GUARDED_FOR, Guarded, Probe};
pub use self::scheme::Scheme;
pub use self::sign_in::{
    Accepted, Again, Checked, Control, Elsewhere, Outcome, Sent, SignIn, Taken, Unproven,
};
use crate::authority::Authority;
use crate::context::{Key, Principal, Registry};
use crate::error::Refusal;
use crate::spnego::{NegTokenInit, NegTokenResp};

/// The longest name that is taken from credentials, in bytes.
const LONGEST_NAME: usize = 512;

/// The longest token of a handshake, in bytes: Kerberos's tickets can be long.
const LONGEST_TOKEN: usize = 48 * 1024;

/// More legs than any handshake has.
const MOST_LEGS: u8 = 8;

/// Where sign-ins lead that pass through us.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the server is called in the identities that it vouches for.
    pub authority: Authority,
    /// How long a context lasts at most. `None`: as long as somebody holds it. That is the connection on
    /// which it was made, and each session and each piece of work that began under it, which may outlive the
    /// connection.
    pub lifetime: Option<Duration>,
    /// Where contexts are counted.
    pub registry: Arc<Registry>,
}

/// A name, by what it is told from others, who gave it, and until when it holds.
struct Named {
    principal: Principal,
    key: Key,
    by: String,
    expires: Option<FileTime>,
}

/// What a Bearer token calls its owner, where it says; not proven.
pub(crate) fn owner_of_token(token: &[u8]) -> Option<String> {
    bearer::name(token).ok().map(|named| named.principal.to_string())
}

/// The mechanism's token within SPNEGO's.
pub(crate) fn inner(token: &[u8]) -> Option<Vec<u8>> {
    if token.starts_with(b"NTLMSSP\0") {
        return Some(token.to_vec());
    }
    match NegTokenInit::from_bytes(token) {
        Ok(init) => init.mech_token,
        Err(_) => NegTokenResp::from_bytes(token).ok()?.response_token,
    }
}

/// The name in Basic credentials, as it is sent.
fn basic(credentials: &[u8]) -> Result<Named, Refusal> {
    let text = Zeroizing::new(STANDARD.decode(credentials).map_err(|_| Refusal::Unnamed("no base64"))?);
    let name = text.split(|byte| *byte == b':').next().filter(|name| name.len() < text.len());
    let name = name.ok_or(Refusal::Unnamed("no colon behind the name"))?;
    // What other bytes than UTF-8 mean, the server alone knows.
    let name = std::str::from_utf8(name).map_err(|_| Refusal::Unnamed("a name that is not UTF-8"))?;
    let (domain, user) = name.split_once('\\').unwrap_or(("", name));
    named(user, domain, "Basic")
}

/// Whether a name can be shown.
fn fits(name: &str) -> bool {
    name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

fn named(user: &str, domain: &str, by: &str) -> Result<Named, Refusal> {
    if user.is_empty() {
        return Err(Refusal::Anonymous);
    }
    if !fits(user) || !fits(domain) {
        return Err(Refusal::Unnamed("a name that is too long or has controls in it"));
    }
    let principal = Principal::new(user, domain);
    Ok(Named { key: Key::name(&principal), principal, by: by.to_owned(), expires: None })
}

#[cfg(test)]
mod tests;

//! The name in Basic credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::named::{Named, named};
use crate::error::Refusal;

/// The name in Basic credentials, as it is sent.
pub(super) fn basic(credentials: &[u8]) -> Result<Named, Refusal> {
    let text = Zeroizing::new(STANDARD.decode(credentials).map_err(|_| Refusal::Unnamed("no base64"))?);
    let name = text.split(|byte| *byte == b':').next().filter(|name| name.len() < text.len());
    let name = name.ok_or(Refusal::Unnamed("no colon behind the name"))?;
    // What other bytes than UTF-8 mean, the server alone knows.
    let name = std::str::from_utf8(name).map_err(|_| Refusal::Unnamed("a name that is not UTF-8"))?;
    let (domain, user) = name.split_once('\\').unwrap_or(("", name));
    named(user, domain, "Basic")
}

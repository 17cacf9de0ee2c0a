//! The names that credentials give, and which of them are taken.

use wire::FileTime;

use crate::error::Refusal;
use crate::principal::{Key, Principal};

/// The longest name that is taken from credentials, in bytes.
const LONGEST_NAME: usize = 512;

/// A name, the key it is compared by, the scheme or issuer that gave it, and until when it holds.
pub struct Named {
    pub(crate) principal: Principal,
    pub(crate) key: Key,
    pub(crate) by: String,
    pub(crate) expires: Option<FileTime>,
}

/// Whether a name can be shown.
pub(crate) fn fits(name: &str) -> bool {
    name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

pub(crate) fn named(user: &str, domain: &str, by: &str) -> Result<Named, Refusal> {
    if user.is_empty() {
        return Err(Refusal::Anonymous);
    }
    if !fits(user) || !fits(domain) {
        return Err(Refusal::Unnamed("a name that is too long or has controls in it"));
    }
    let principal = Principal::new(user, domain);
    Ok(Named { key: Key::name(&principal), principal, by: by.to_owned(), expires: None })
}

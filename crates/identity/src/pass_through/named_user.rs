//! The user that credentials name, and which names are accepted.

use wire::FileTime;

use crate::error::AuthError;
use crate::principal::{Key, Principal};

/// The longest name that is accepted in credentials, in bytes.
const LONGEST_NAME: usize = 512;

/// The user that credentials name.
///
/// The name is not verified: only the steps of [`super`] make a context from it. A mechanism outside this crate can
/// make one with [`NamedUser::new`].
pub struct NamedUser {
    pub(crate) principal: Principal,
    /// The normalized identity key.
    pub(crate) key: Key,
    /// The scheme or the issuer of the name.
    pub(crate) source: String,
    /// When the credentials expire, by the wall clock; `None` if they do not contain it.
    pub(crate) expires: Option<FileTime>,
}

impl NamedUser {
    /// The user `user` of `domain`, named by the scheme `source`.
    ///
    /// # Errors
    /// If `user` is empty, or a name has more than 512 bytes or contains control characters.
    pub fn new(user: &str, domain: &str, source: &str) -> Result<Self, AuthError> {
        if user.is_empty() {
            return Err(AuthError::NoUserName("no user name"));
        }
        if !is_valid_name(user) || !is_valid_name(domain) {
            return Err(AuthError::NoUserName("name too long, or with control characters"));
        }
        let principal = Principal::new(user, domain);
        Ok(Self { key: Key::sent(&principal), principal, source: source.to_owned(), expires: None })
    }
}

/// Whether a name is short enough and has no control characters. What else could mislead is escaped where it is shown.
pub(crate) fn is_valid_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

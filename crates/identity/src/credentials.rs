//! The credentials of an initiator.

use crate::accounts::NtHash;
use crate::secret::Password;

/// The secret of an account.
#[derive(Debug, Clone)]
pub enum Secret {
    /// Its password.
    Password(Password),
    /// The NT hash of its password, which is all that NTLM needs.
    NtHash(NtHash),
}

impl Secret {
    /// The NT hash.
    pub(crate) fn nt_hash(&self) -> NtHash {
        match self {
            Self::Password(password) => NtHash::from_password(password.expose()),
            Self::NtHash(hash) => hash.clone(),
        }
    }

    /// The password, if known.
    pub(crate) const fn password(&self) -> Option<&Password> {
        match self {
            Self::Password(password) => Some(password),
            Self::NtHash(_) => None,
        }
    }
}

/// The credentials with which the proxy authenticates to a server.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Anonymous authentication.
    Anonymous,
    /// An account.
    Account {
        /// The account's name.
        user: String,
        /// The domain's name; empty if the server determines it.
        domain: String,
        /// Its password or password hash.
        secret: Secret,
    },
}

impl Credentials {
    /// An account and its password.
    pub fn password(user: &str, domain: &str, password: &Password) -> Self {
        Self::Account {
            user: user.to_owned(),
            domain: domain.to_owned(),
            secret: Secret::Password(password.clone()),
        }
    }

    /// An account and the NT hash of its password.
    pub fn nt_hash(user: &str, domain: &str, nt_hash: NtHash) -> Self {
        Self::Account { user: user.to_owned(), domain: domain.to_owned(), secret: Secret::NtHash(nt_hash) }
    }
}

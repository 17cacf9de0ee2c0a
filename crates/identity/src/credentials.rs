//! Credentials: what a client signs in with.

use crate::accounts::NtHash;
use crate::secret::Password;

/// What proves that an account is its own.
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

    /// The password, where that is known.
    pub(crate) const fn password(&self) -> Option<&Password> {
        match self {
            Self::Password(password) => Some(password),
            Self::NtHash(_) => None,
        }
    }
}

/// What we sign in with.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Anonymously.
    Anonymous,
    /// As an account.
    Account {
        /// The account's name.
        user: String,
        /// The domain's name; empty where the server is to find it.
        domain: String,
        /// Its password, or what stands for it.
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

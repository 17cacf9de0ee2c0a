//! Credentials: what a client signs in with.

use crate::accounts::NtHash;
use crate::secret::Password;

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
        /// The password's hash.
        nt_hash: NtHash,
    },
}

impl Credentials {
    /// An account and its password.
    pub fn password(user: &str, domain: &str, password: &Password) -> Self {
        let nt_hash = NtHash::from_password(password.expose());
        Self::Account { user: user.to_owned(), domain: domain.to_owned(), nt_hash }
    }
}

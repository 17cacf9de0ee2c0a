//! The account that a command signs in with at a server.

use std::path::PathBuf;

use identity::{Mechanism, Password};
use net::Account;
use rpc::AuthLevel;

use crate::config::ProtectionLevel;
use crate::files;

/// What is signed in with.
#[derive(Debug, clap::Args)]
pub(crate) struct SignIn {
    /// The account to sign in with; without it, calls are unauthenticated.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The account's domain.
    #[arg(long, default_value = "")]
    pub(crate) domain: String,
    /// A file whose first line is the account's password, readable only by its owner. If not given, the password is
    /// asked for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The protection level of remote calls.
    #[arg(long, value_enum, default_value = "privacy")]
    level: ProtectionLevel,
}

impl SignIn {
    /// The password of the account `user`, which is the one that was named.
    ///
    /// # Errors
    /// As [`files::password_of`].
    pub(crate) fn password_of(&self, user: &str) -> Result<Password, Box<dyn std::error::Error>> {
        files::password_of(user, self.password_file.as_deref())
    }

    /// The account for remote calls, signing in by `mechanism`; none for unauthenticated calls.
    ///
    /// # Errors
    /// As [`files::password_of`].
    pub(crate) fn account(
        &self,
        mechanism: Mechanism,
    ) -> Result<Option<Account>, Box<dyn std::error::Error>> {
        let level = AuthLevel::from(self.level);
        let Some(user) = self.user.as_ref().filter(|_| level != AuthLevel::NONE) else { return Ok(None) };
        let password = self.password_of(user)?;
        Ok(Some(client::account(user, &self.domain, &password, mechanism, level)))
    }
}

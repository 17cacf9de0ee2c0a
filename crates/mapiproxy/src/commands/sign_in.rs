//! Command line arguments for the account with which a command authenticates at a server.

use std::path::PathBuf;

use identity::{Mechanism, Password};
use net::ServiceCredentials;
use rpc::AuthLevel;

use crate::config::ProtectionLevel;
use crate::files;

/// What to check if the server does not authenticate the account.
pub(crate) const CHECK_ACCOUNT: &str = "check --user, --domain, the password, --auth and --level";

/// The account, and the protection of RPC calls.
#[derive(Debug, clap::Args)]
pub(crate) struct AccountArguments {
    /// The account's user name. Without it RPC calls are unauthenticated.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The account's domain, by its NetBIOS name, for example LAB.
    #[arg(long, default_value = "")]
    pub(crate) domain: String,
    /// A file whose first line is the account's password, readable only by its owner [default: prompt].
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The protection level of RPC calls.
    #[arg(long, value_enum, default_value = "privacy")]
    level: ProtectionLevel,
}

impl AccountArguments {
    /// The password of the account, whose user name is `user`.
    ///
    /// # Errors
    /// As [`files::password_of`].
    pub(crate) fn password_of(&self, user: &str) -> Result<Password, Box<dyn std::error::Error>> {
        files::password_of(user, self.password_file.as_deref())
    }

    /// The account for RPC calls with `mechanism`, or `None` if calls are unauthenticated.
    ///
    /// # Errors
    /// As [`files::password_of`].
    pub(crate) fn account(
        &self,
        mechanism: Mechanism,
    ) -> Result<Option<ServiceCredentials>, Box<dyn std::error::Error>> {
        let level = AuthLevel::from(self.level);
        let Some(user) = self.user.as_ref().filter(|_| level != AuthLevel::NONE) else { return Ok(None) };
        let password = self.password_of(user)?;
        Ok(Some(client::account(user, &self.domain, &password, mechanism, level)))
    }
}

//! An account, and directories of accounts.

use std::fmt;

use super::nt_hash::NtHash;
use crate::account_status::AccountStatus;

/// An account as its directory knows it.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's name, as the directory spells it.
    pub user: String,
    /// The domain's name, as the directory spells it; empty for an account without a domain.
    pub domain: String,
    /// The domain's DNS name, if it differs from `domain`: the suffix of the account's user principal
    /// name. Empty if unknown.
    pub dns_domain: String,
    /// The password's hash.
    pub nt_hash: NtHash,
    /// Whether the account may not sign in.
    pub disabled: bool,
    /// The status that the security contexts of the account share.
    pub status: AccountStatus,
}

impl Account {
    /// The account `user` of `domain`, which may sign in.
    pub fn new(user: impl Into<String>, domain: impl Into<String>, nt_hash: NtHash) -> Self {
        let (user, domain) = (user.into(), domain.into());
        Self {
            user,
            domain,
            dns_domain: String::new(),
            nt_hash,
            disabled: false,
            status: AccountStatus::new(),
        }
    }
}

impl fmt::Display for Account {
    /// The account's own name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.domain.is_empty() {
            write!(f, "{}\\", self.domain)?;
        }
        f.write_str(&self.user)
    }
}

/// A directory of accounts.
pub trait Accounts: Send + Sync {
    /// The account that `user` of `domain` denotes, both as the client sent them, by any scheme.
    ///
    /// A scheme with one name for both (Basic) passes the name as `user`, with an empty `domain`. NTLM clients do the
    /// same for a user principal name. Case does not matter. With an empty domain `user` is, in this order:
    ///
    /// 1. `DOMAIN\user`, as if domain and user had been sent separately;
    /// 2. the whole name of an account without a domain, such as `dora@lab.test`;
    /// 3. the user principal name `user@domain`, split at the last `@`;
    /// 4. the user of an account, if only one domain has it.
    ///
    /// A domain has to equal the account's domain or its DNS name; a prefix of either does not match.
    fn find(&self, domain: &str, user: &str) -> Option<Account>;
}

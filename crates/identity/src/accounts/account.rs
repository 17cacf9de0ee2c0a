//! An account, and directories of accounts.

use std::fmt;

use super::nt_hash::NtHash;
use crate::account_status::AccountStatus;

/// An account as its directory knows it.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's name, as the directory spells it.
    pub user: String,
    /// The domain's name, as the directory spells it; empty where there is none.
    pub domain: String,
    /// The domain's DNS name, where it has one beside `domain`: the suffix of the account's user principal
    /// name. Empty where it is not known.
    pub dns_domain: String,
    /// The password's hash.
    pub nt_hash: NtHash,
    /// Whether the account may not sign in.
    pub disabled: bool,
    /// On which the security contexts of the account rest.
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
    /// The one account that `user` of `domain` means, both as the client sent them, by whichever scheme.
    ///
    /// A scheme with one name for both (Basic) has it in `user`, with an empty `domain`; so does NTLM where a
    /// user principal name was typed. Case does not matter. With an empty domain `user` is, in this order:
    ///
    /// 1. `DOMAIN\user`, as if both had been sent apart;
    /// 2. the whole name of an account without a domain, such as `dora@lab.test`;
    /// 3. the user principal name `user@domain`, split at the last `@`;
    /// 4. the user of an account, if only one domain has it.
    ///
    /// A domain has to be the account's, or its DNS name: never only the beginning of one.
    fn find(&self, domain: &str, user: &str) -> Option<Account>;
}

//! Accounts whose NT hashes we know, and the file that they are kept in.
//!
//! ```toml
//! [[account]]
//! user = "alice"
//! domain = "LAB"
//! dns_domain = "lab.test"
//! nt_hash = "0123456789abcdef0123456789abcdef"
//! disabled = false
//! ```

mod file;
mod names;

use std::fmt::{self, Write as _};
use std::str::FromStr;

use md4::{Digest as _, Md4};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use self::file::AccountFile;
pub use self::names::DomainNames;
use crate::standing::Standing;

/// The MD4 of a password's UTF-16 form (`NTOWFv1`, [MS-NLMP] 3.3.1). It signs in as well as the password
/// does.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NtHash([u8; 16]);

impl NtHash {
    /// The hash of `password`.
    pub fn from_password(password: &str) -> Self {
        let mut utf16 = Zeroizing::new(Vec::with_capacity(password.len().saturating_mul(2)));
        utf16.extend(password.encode_utf16().flat_map(u16::to_le_bytes));
        Self(Md4::digest(&*utf16).into())
    }

    /// The hash whose bytes are `bytes`.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes.
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }

    fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(32));
        for byte in self.0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl FromStr for NtHash {
    type Err = AccountError;

    /// Reads 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, AccountError> {
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(AccountError::Hash);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let start = index.saturating_mul(2);
            let digits = text.get(start..start.saturating_add(2)).ok_or(AccountError::Hash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| AccountError::Hash)?;
        }
        Ok(Self(bytes))
    }
}

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
    pub standing: Standing,
}

impl Account {
    /// The account `user` of `domain`, which may sign in.
    pub fn new(user: impl Into<String>, domain: impl Into<String>, nt_hash: NtHash) -> Self {
        let (user, domain) = (user.into(), domain.into());
        Self { user, domain, dns_domain: String::new(), nt_hash, disabled: false, standing: Standing::new() }
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

/// Why an account file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Not the TOML that an account file is.
    #[error(
        "not an account file: {0}; an account is a line [[account]], and below it user and nt_hash, as the command account add writes them"
    )]
    Syntax(String),
    /// Not an NT hash.
    #[error("nt_hash is not 32 hexadecimal digits")]
    Hash,
    /// A name that no account can have.
    #[error("not a user or domain name: {0:?}")]
    Name(String),
    /// A name that means two accounts.
    #[error("the name {name} means two accounts, {first} and {second}: remove or rename one of them")]
    Ambiguous {
        /// The name, in upper case.
        name: String,
        /// The first account.
        first: Placed,
        /// The second account.
        second: Placed,
    },
    /// An account of a file that is not as it must be.
    #[error("line {line}: {source}")]
    Entry {
        /// In which line its name stands, from one.
        line: usize,
        /// What is wrong.
        source: Box<AccountError>,
    },
    /// Others than its owner can get at the file.
    #[error("mode {mode:03o} lets others than its owner at it: run chmod 600 on it")]
    Mode {
        /// The permission bits found.
        mode: u32,
    },
    /// The file belongs to somebody else.
    #[error("it belongs to user id {owner}, but this runs as user id {process}")]
    Owner {
        /// The user id that owns the file.
        owner: u32,
        /// The user id that this runs as.
        process: u32,
    },
}

/// An account, and where its name stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// The account's own name.
    pub account: String,
    /// The line of its file, from one; zero where it was not read from one.
    pub line: usize,
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.account),
            line => write!(f, "{} (line {line})", self.account),
        }
    }
}

/// Succeeds for a file that only its owner can read, and whose owner we are.
///
/// `mode` is the file's Unix mode, `owner` its owner's user id, `process` the user id that the process runs
/// as. A file of the superuser's is taken too.
///
/// # Errors
/// When group or others have any right, or when the file is somebody else's.
pub fn check_permissions(mode: u32, owner: u32, process: u32) -> Result<(), AccountError> {
    if owner != process && owner != 0 {
        return Err(AccountError::Owner { owner, process });
    }
    if mode & 0o077 != 0 {
        return Err(AccountError::Mode { mode: mode & 0o777 });
    }
    Ok(())
}

/// Upper case as Windows makes it of names: character by character, so that a name keeps its length.
pub(crate) fn fold_case(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;

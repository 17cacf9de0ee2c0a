//! Accounts whose NT hashes we know, and the file that they are kept in.
//!
//! ```toml
//! [[account]]
//! user = "alice"
//! domain = "LAB"
//! nt_hash = "0123456789abcdef0123456789abcdef"
//! disabled = false
//! ```

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use md4::{Digest as _, Md4};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

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
    /// The password's hash.
    pub nt_hash: NtHash,
    /// Whether the account may not sign in.
    pub disabled: bool,
}

/// A directory of accounts.
pub trait Accounts: Send + Sync {
    /// The account `user` of `domain`, both as the client spelled them. An empty domain means any domain in
    /// which there is such an account, if that is one alone.
    fn find(&self, domain: &str, user: &str) -> Option<Account>;
}

/// Why an account file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Not the TOML that an account file is.
    #[error("not an account file: {0}")]
    Syntax(String),
    /// Not an NT hash.
    #[error("nt_hash is not 32 hexadecimal digits")]
    Hash,
    /// A name that no account can have.
    #[error("not a user or domain name: {0:?}")]
    Name(String),
    /// One account stands there twice.
    #[error("account {0} appears twice")]
    Twice(String),
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

/// The accounts of one file.
#[derive(Debug, Clone, Default)]
pub struct AccountFile {
    accounts: Vec<Account>,
    /// Where in `accounts` those of a name are, by the name in upper case: to look a name up takes as long
    /// whether there is such an account or not.
    by_user: HashMap<String, Vec<usize>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRepr {
    #[serde(default, rename = "account")]
    accounts: Vec<AccountRepr>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountRepr {
    user: String,
    #[serde(default)]
    domain: String,
    nt_hash: Zeroizing<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    disabled: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl AccountFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is not such a file, with unknown keys, bad hashes or an account that is there twice.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        // The parser's own message would quote the line, hash and all.
        let repr: FileRepr = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| {
                text.get(..span.start).map_or(0, |head| head.matches('\n').count()).saturating_add(1)
            });
            AccountError::Syntax(match line {
                Some(line) => format!("line {line}: {}", error.message()),
                None => error.message().to_owned(),
            })
        })?;
        let mut file = Self::default();
        for account in repr.accounts {
            let account = Account {
                user: account.user,
                domain: account.domain,
                nt_hash: account.nt_hash.parse()?,
                disabled: account.disabled,
            };
            if file.position(&account.domain, &account.user).is_some() {
                return Err(AccountError::Twice(format!("{}\\{}", account.domain, account.user)));
            }
            file.set(account)?;
        }
        Ok(file)
    }

    /// The file's text.
    ///
    /// # Errors
    /// When it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<Zeroizing<String>, AccountError> {
        let accounts = self
            .accounts
            .iter()
            .map(|account| AccountRepr {
                user: account.user.clone(),
                domain: account.domain.clone(),
                nt_hash: account.nt_hash.to_hex(),
                disabled: account.disabled,
            })
            .collect();
        toml::to_string(&FileRepr { accounts })
            .map(Zeroizing::new)
            .map_err(|error| AccountError::Syntax(error.to_string()))
    }

    /// Adds `account`, or puts it in the place of the one with its name, which is given back.
    ///
    /// # Errors
    /// When its user or domain is no such name.
    pub fn set(&mut self, account: Account) -> Result<Option<Account>, AccountError> {
        let bad =
            |text: &str| text.len() > 256 || text.contains(['\\', '/']) || text.contains(char::is_control);
        if account.user.is_empty() || bad(&account.user) {
            return Err(AccountError::Name(account.user));
        }
        if bad(&account.domain) {
            return Err(AccountError::Name(account.domain));
        }
        let place =
            self.position(&account.domain, &account.user).and_then(|index| self.accounts.get_mut(index));
        Ok(if let Some(place) = place {
            Some(std::mem::replace(place, account))
        } else {
            self.by_user.entry(fold_case(&account.user)).or_default().push(self.accounts.len());
            self.accounts.push(account);
            None
        })
    }

    /// Takes the account of this very name out.
    pub fn remove(&mut self, domain: &str, user: &str) -> Option<Account> {
        let removed = self.accounts.remove(self.position(domain, user)?);
        self.by_user.clear();
        for (index, account) in self.accounts.iter().enumerate() {
            self.by_user.entry(fold_case(&account.user)).or_default().push(index);
        }
        Some(removed)
    }

    /// The accounts, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter()
    }

    fn named(&self, user: &str) -> impl Iterator<Item = (usize, &Account)> {
        let places = self.by_user.get(&fold_case(user)).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|index| Some((*index, self.accounts.get(*index)?)))
    }

    fn position(&self, domain: &str, user: &str) -> Option<usize> {
        let domain = fold_case(domain);
        self.named(user).find(|(_, account)| fold_case(&account.domain) == domain).map(|(index, _)| index)
    }
}

impl Accounts for AccountFile {
    fn find(&self, domain: &str, user: &str) -> Option<Account> {
        let domain = fold_case(domain);
        let mut found = self
            .named(user)
            .map(|(_, account)| account)
            .filter(|account| domain.is_empty() || fold_case(&account.domain) == domain);
        match (found.next(), found.next()) {
            (Some(one), None) => Some(one.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[[account]]
user = "alice"
domain = "LAB"
nt_hash = "A4F49C406510BDCAB6824EE7C30FD852"

[[account]]
user = "Bob"
domain = "LAB"
nt_hash = "31d6cfe0d16ae931b73c59d7e0c089c0"
disabled = true
"#;

    #[test]
    fn hashes_as_the_specification_does() {
        // [MS-NLMP] 4.2.2.1.2.
        assert_eq!(NtHash::from_password("Password").to_hex().as_str(), "a4f49c406510bdcab6824ee7c30fd852");
    }

    #[test]
    fn reads_finds_and_writes() {
        let file = AccountFile::parse(FILE).unwrap();
        let alice = file.find("lab", "ALICE").unwrap();
        assert_eq!((alice.user.as_str(), alice.domain.as_str(), alice.disabled), ("alice", "LAB", false));
        assert_eq!(alice.nt_hash.expose(), NtHash::from_password("Password").expose());
        assert!(file.find("LAB", "bob").unwrap().disabled);
        assert!(file.find("", "bob").is_some());
        assert!(file.find("OTHER", "bob").is_none());
        let again = AccountFile::parse(&file.to_toml().unwrap()).unwrap();
        assert_eq!(again.to_toml().unwrap(), file.to_toml().unwrap());
        assert_eq!(again.iter().count(), 2);
    }

    #[test]
    fn adds_replaces_and_removes() {
        let mut file = AccountFile::parse(FILE).unwrap();
        let account = |user: &str, domain: &str| Account {
            user: user.into(),
            domain: domain.into(),
            nt_hash: NtHash::from_password("x"),
            disabled: false,
        };
        assert!(file.set(account("ALICE", "lab")).unwrap().is_some());
        assert!(file.set(account("bob", "OTHER")).unwrap().is_none());
        assert!(file.find("", "bob").is_none(), "two of that name: an empty domain is ambiguous");
        assert!(file.remove("LAB", "bob").is_some());
        assert!(file.remove("LAB", "bob").is_none());
        assert_eq!(file.iter().count(), 2);
        for (user, domain) in [("", "LAB"), ("a\\b", "LAB"), ("a", "L/B"), ("a\n", "LAB")] {
            assert!(matches!(file.set(account(user, domain)), Err(AccountError::Name(_))));
        }
    }

    #[test]
    fn refuses_what_is_not_an_account_file_without_quoting_hashes() {
        let unknown = FILE.replace("disabled", "disbled");
        let error = AccountFile::parse(&unknown).unwrap_err().to_string();
        assert!(error.contains("disbled"), "{error}");
        for bad in [
            FILE.replace("31d6cfe0", "zzzzzzzz"),
            FILE.replace("31d6cfe0", "31d6cf"),
            FILE.replace("nt_hash = \"31d6", "nt_hash = \"\"\"31d6"),
        ] {
            let error = AccountFile::parse(&bad).unwrap_err().to_string();
            assert!(!error.contains("b73c59d7"), "{error}");
        }
        let twice = FILE.replace("Bob", "Alice");
        assert_eq!(AccountFile::parse(&twice).unwrap_err(), AccountError::Twice("LAB\\Alice".into()));
    }

    #[test]
    fn is_for_its_owner_alone() {
        assert_eq!(check_permissions(0o100_600, 1000, 1000), Ok(()));
        assert_eq!(check_permissions(0o100_400, 0, 1000), Ok(()));
        assert_eq!(check_permissions(0o100_640, 1000, 1000), Err(AccountError::Mode { mode: 0o640 }));
        assert_eq!(check_permissions(0o100_604, 1000, 1000), Err(AccountError::Mode { mode: 0o604 }));
        assert!(check_permissions(0o100_600, 1001, 1000).is_err());
        let text = check_permissions(0o644, 1, 1).unwrap_err().to_string();
        assert!(text.contains("644") && text.contains("chmod 600"), "{text}");
    }

    #[test]
    fn case_folds_one_character_to_one() {
        assert_eq!(fold_case("jürgen straße иван"), "JÜRGEN STRAßE ИВАН");
    }

    #[test]
    fn secrets_are_not_printed() {
        let text = format!("{:?}", AccountFile::parse(FILE).unwrap());
        assert!(text.contains("[redacted]"), "{text}");
        assert!(!text.to_lowercase().contains("a4f4"), "{text}");
    }
}

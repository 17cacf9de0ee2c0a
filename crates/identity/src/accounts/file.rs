//! The accounts file.

use serde::{Deserialize, Serialize};
use toml::Spanned;
use zeroize::Zeroizing;

use super::account::{Account, Accounts};
use super::case::fold_case;
use super::error::{AccountAtLine, AccountError};
use super::names::{Conflict, DomainNames, Names};

/// The accounts of one file.
#[derive(Debug, Clone, Default)]
pub struct AccountFile {
    accounts: Vec<Account>,
    /// The line of each account's name; zero for an account that was not read from a file.
    lines: Vec<usize>,
    /// The indices in `accounts` by name. A look-up takes the same time whether the account exists or not.
    names: Names,
}

/// How many invalid accounts of a file are reported.
const MOST_ERRORS: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRepr {
    #[serde(default, rename = "account")]
    accounts: Vec<AccountRepr<Spanned<String>>>,
}

#[derive(Serialize)]
struct WrittenRepr {
    #[serde(rename = "account")]
    accounts: Vec<AccountRepr<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountRepr<T> {
    user: T,
    #[serde(default)]
    domain: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    dns_domain: String,
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
    /// If the text is not a valid accounts file: unknown keys, invalid hashes, or a name that denotes two accounts.
    /// Errors of up to eight accounts are reported together; the error states that there may be more.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let lines = Lines::of(text);
        // The parser's own message would quote the line with the hash.
        let repr: FileRepr = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| lines.number_at(span.start));
            AccountError::Syntax(match line {
                Some(line) => format!("line {line}: {}", error.message()),
                None => error.message().to_owned(),
            })
        })?;
        let mut file = Self::default();
        let mut errors = Vec::new();
        for repr in repr.accounts {
            let line = lines.number_at(repr.user.span().start);
            let wrong = |source| match source {
                source @ AccountError::Ambiguous { .. } => source,
                source => AccountError::Entry { line, source: Box::new(source) },
            };
            let added = repr.nt_hash.parse().and_then(|hash| {
                let account = Account {
                    domain: repr.domain,
                    dns_domain: repr.dns_domain,
                    disabled: repr.disabled,
                    ..Account::new(repr.user.into_inner(), "", hash)
                };
                file.add(account, line)
            });
            errors.extend(added.err().map(wrong));
            if errors.len() == MOST_ERRORS {
                break;
            }
        }
        match errors.len() {
            0 => Ok(file),
            1 => Err(errors.remove(0)),
            count => Err(AccountError::Several { errors, more: count == MOST_ERRORS }),
        }
    }

    /// The same accounts on a server of the domain `own`, whose two names are equivalent.
    ///
    /// # Errors
    /// If a name then denotes two accounts.
    pub fn in_domain(self, own: DomainNames) -> Result<Self, AccountError> {
        let names = self.indexed(Names::of_domain(own))?;
        Ok(Self { names, ..self })
    }

    /// The file's text.
    ///
    /// # Errors
    /// If the accounts cannot be written as TOML.
    pub fn to_toml(&self) -> Result<Zeroizing<String>, AccountError> {
        let accounts = self
            .accounts
            .iter()
            .map(|account| AccountRepr {
                user: account.user.clone(),
                domain: account.domain.clone(),
                dns_domain: account.dns_domain.clone(),
                nt_hash: account.nt_hash.to_hex(),
                disabled: account.disabled,
            })
            .collect();
        toml::to_string(&WrittenRepr { accounts })
            .map(Zeroizing::new)
            .map_err(|error| AccountError::Syntax(error.to_string()))
    }

    /// Adds `account`, or replaces the account of the same name, which is returned.
    ///
    /// # Errors
    /// If its user or domain is invalid, or a spelling of its name denotes another account too. Then the accounts are
    /// unchanged.
    pub fn set(&mut self, account: Account) -> Result<Option<Account>, AccountError> {
        let Some(index) = self.position(&account.domain, &account.user) else {
            return self.add(account, 0).map(|()| None);
        };
        check_names(&account)?;
        let Some(place) = self.accounts.get_mut(index) else { return Ok(None) };
        let old = std::mem::replace(place, account);
        match self.indexed(self.names.emptied()) {
            Ok(names) => {
                self.names = names;
                Ok(Some(old))
            }
            Err(error) => {
                if let Some(place) = self.accounts.get_mut(index) {
                    *place = old;
                }
                Err(error)
            }
        }
    }

    /// The account of this user and domain, ignoring case and its other names.
    pub fn get(&self, domain: &str, user: &str) -> Option<&Account> {
        self.accounts.get(self.position(domain, user)?)
    }

    /// Removes the account of exactly this name, and returns it.
    pub fn remove(&mut self, domain: &str, user: &str) -> Option<Account> {
        let index = self.position(domain, user)?;
        let removed = self.accounts.remove(index);
        self.lines.remove(index);
        // With fewer accounts no name denotes more of them than before.
        self.names = self.indexed(self.names.emptied()).ok()?;
        Some(removed)
    }

    /// The accounts, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter()
    }

    /// Replaces `old`, the accounts of the same file as it was read before. An unchanged account keeps its status.
    /// The status of accounts that were removed, disabled or given another password is revoked; their number is
    /// returned.
    pub fn replace(&mut self, old: &Self) -> usize {
        let mut revoked = 0_usize;
        for before in old.accounts.iter().filter(|account| !account.disabled) {
            let now =
                self.position(&before.domain, &before.user).and_then(|index| self.accounts.get_mut(index));
            match now {
                Some(now) if !now.disabled && now.nt_hash.expose() == before.nt_hash.expose() => {
                    now.status = before.status.clone();
                }
                _ => {
                    before.status.revoke();
                    revoked = revoked.saturating_add(1);
                }
            }
        }
        revoked
    }

    /// Bare user names that several domains have: their users cannot sign in without the domain.
    pub fn shared_names(&self) -> Vec<&str> {
        self.names.shared().filter_map(|index| Some(self.accounts.get(index)?.user.as_str())).collect()
    }

    fn add(&mut self, account: Account, line: usize) -> Result<(), AccountError> {
        check_names(&account)?;
        let index = self.accounts.len();
        self.names.add(index, &account).map_err(|conflict| self.ambiguous(conflict, (&account, line)))?;
        self.accounts.push(account);
        self.lines.push(line);
        Ok(())
    }

    /// All accounts, added to `names`.
    fn indexed(&self, mut names: Names) -> Result<Names, AccountError> {
        for (index, (account, line)) in self.accounts.iter().zip(&self.lines).enumerate() {
            names.add(index, account).map_err(|conflict| self.ambiguous(conflict, (account, *line)))?;
        }
        Ok(names)
    }

    /// The conflict of `account` as an error, with the line of the file.
    fn ambiguous(
        &self,
        Conflict { name, place }: Conflict,
        (account, line): (&Account, usize),
    ) -> AccountError {
        let placed = |account: &Account, line| AccountAtLine { account: account.to_string(), line };
        let other = self.accounts.get(place).zip(self.lines.get(place));
        let [first, second] = [
            other.map_or_else(AccountAtLine::default, |(other, line)| placed(other, *line)),
            placed(account, line),
        ];
        AccountError::Ambiguous { name, first, second }
    }

    /// The index of the account with this user and domain, ignoring its other names.
    fn position(&self, domain: &str, user: &str) -> Option<usize> {
        let index = self.names.own_name(domain, user)?;
        let account = self.accounts.get(index)?;
        let same =
            fold_case(&account.user) == fold_case(user) && fold_case(&account.domain) == fold_case(domain);
        same.then_some(index)
    }
}

/// Where the lines of a text end, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The number of the line with the byte at `at`, from one.
    fn number_at(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at).saturating_add(1)
    }
}

/// Checks that the names are valid for an account.
fn check_names(account: &Account) -> Result<(), AccountError> {
    let bad = |text: &str| text.len() > 256 || text.contains(['\\', '/']) || text.contains(char::is_control);
    if account.user.is_empty() || bad(&account.user) {
        return Err(AccountError::Name(account.user.clone()));
    }
    match [&account.domain, &account.dns_domain].into_iter().find(|name| bad(name) || name.contains('@')) {
        Some(name) => Err(AccountError::Name(name.clone())),
        None => Ok(()),
    }
}

impl Accounts for AccountFile {
    fn find(&self, domain: &str, user: &str) -> Option<Account> {
        self.names.find(domain, user).and_then(|index| self.accounts.get(index)).cloned()
    }
}

/// Checks that only its owner can access a file, and that it belongs to the user of the process.
///
/// `mode` is the file's Unix mode, `owner` its owner's user id, `process` the user id that the process runs
/// as. A file that belongs to the superuser is accepted too.
///
/// # Errors
/// If group or others have any right, or if the file belongs to another user.
pub fn check_permissions(mode: u32, owner: u32, process: u32) -> Result<(), AccountError> {
    if owner != process && owner != 0 {
        return Err(AccountError::Owner { owner, process });
    }
    if mode & 0o077 != 0 {
        return Err(AccountError::Mode { mode: mode & 0o777 });
    }
    Ok(())
}

//! Errors of accounts and of the accounts file.

use std::fmt;

use thiserror::Error;

/// Why an account or an accounts file is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The file is not TOML with accounts.
    #[error(
        "invalid accounts file: {0}; an account is a line [[account]] followed by user and nt_hash, as `mapiproxy account add` writes them"
    )]
    Syntax(String),
    /// The value of `nt_hash` is not an NT hash.
    #[error("nt_hash is not 32 hexadecimal digits")]
    Hash,
    /// The name is not valid for an account.
    #[error(
        "invalid user or domain name {0:?}: expected at most 256 bytes, without backslash, slash and control characters, and without @ in a domain"
    )]
    Name(String),
    /// The name denotes two accounts.
    #[error("the name {name} denotes two accounts, {first} and {second}: remove or rename one of them")]
    Ambiguous {
        /// The name, in upper case.
        name: String,
        /// The first account.
        first: AccountAtLine,
        /// The second account.
        second: AccountAtLine,
    },
    /// An account of the file is invalid.
    #[error("line {line}: {source}")]
    Entry {
        /// The line of its name, counted from 1.
        line: usize,
        /// The error.
        source: Box<AccountError>,
    },
    /// Several accounts of the file are invalid.
    #[error(
        "{}{}",
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        if *more { "; there may be more errors after these" } else { "" }
    )]
    Several {
        /// The errors, in the order of the accounts.
        errors: Vec<AccountError>,
        /// Whether the accounts after these were not read.
        more: bool,
    },
    /// Users other than the owner have access to the file.
    #[error("the file is accessible to other users (mode {mode:03o}): run chmod 600 on it")]
    Mode {
        /// The permission bits found.
        mode: u32,
    },
    /// The file belongs to a user other than that of the process and root.
    #[error(
        "the file belongs to user id {owner}, neither to this process's user, {process}, nor to root: run chown {process} on it"
    )]
    Owner {
        /// The user id that owns the file.
        owner: u32,
        /// The user id of this process.
        process: u32,
    },
}

/// An account and the line of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountAtLine {
    /// The account's own name.
    pub account: String,
    /// The line of its file, counted from 1; zero if it was not read from a file.
    pub line: usize,
}

impl fmt::Display for AccountAtLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.account),
            line => write!(f, "{} (line {line})", self.account),
        }
    }
}

//! Why accounts or their file are not taken.

use std::fmt;

use thiserror::Error;

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

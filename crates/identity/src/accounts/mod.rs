//! Accounts with their NT hashes, and the file that contains them.
//!
//! ```toml
//! [[account]]
//! user = "alice"
//! domain = "LAB"
//! dns_domain = "lab.test"
//! nt_hash = "0123456789abcdef0123456789abcdef"
//! disabled = false
//! ```

mod account;
mod case;
mod error;
mod file;
mod names;
mod nt_hash;

pub use self::account::{Account, Accounts};
pub(crate) use self::case::fold_case;
pub use self::error::{AccountAtLine, AccountError};
pub use self::file::{AccountFile, check_permissions};
pub use self::names::DomainNames;
pub use self::nt_hash::NtHash;

#[cfg(test)]
mod tests;

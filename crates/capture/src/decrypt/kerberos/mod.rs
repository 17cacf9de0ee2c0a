//! Remote calls that Kerberos seals, decrypted with a keytab (RFC 4120, RFC 4121, RFC 4757, [MS-KILE]).
//!
//! A [`Keytab`] holds the long-term keys of services; a [`Context`] follows one security context, from the
//! ticket in its first token to the keys that its messages are sealed with.

mod context;
mod crypto;
mod der;
mod keytab;
mod messages;
mod rc4;
mod token;
mod usage;

pub use self::context::{Context, ContextError, Part};
pub use self::keytab::{Keytab, KeytabError};

#[cfg(test)]
mod tests;

//! Decrypts RPC calls that Kerberos protects, with a keytab (RFC 4120, RFC 4121, RFC 4757, [MS-KILE]).
//!
//! A [`Keytab`] has the long-term keys of services. A [`Context`] observes one security context, from the ticket in
//! its first token to the keys of its messages.

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

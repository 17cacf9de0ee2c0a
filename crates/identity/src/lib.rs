//! Who calls, and how we act for them.
//!
//! A [`SecurityContext`] is proof of who is calling. Only a handshake that finished here makes one: an
//! [`Acceptor`] for those who call us, an [`Initiator`] for whom we call. Both are plain state machines,
//! tokens in and tokens out. A finished handshake also yields the [`MessageSecurity`] that signs and seals
//! what follows. Where clients prove themselves to the server and we pass it on, the server's word makes one
//! ([`passthrough`]).
//!
//! What takes time is done by a [`Pool`], under the context of its requester.
//!
//! Architectural invariants: there is no I/O here, no clock, no thread and no environment; time and
//! randomness are parameters. No constructor makes a context for a person, and none that code made with an
//! [`Authority`] of its own equals a real one. Secrets are wiped when dropped and
//! print as `[redacted]`.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

pub mod accounts;
mod auth_config;
mod authority;
mod basic;
mod bearer;
mod channel_bindings;
mod claimed;
mod context;
mod credentials;
mod error;
mod handshake;
pub mod http_auth;
mod mechanism;
mod message_security;
pub mod ntlm;
mod package;
pub mod passthrough;
mod per_identity;
mod pool;
mod principal;
mod random;
mod registry;
mod secret;
pub mod spnego;
mod standing;
#[cfg(test)]
mod toy;

pub use crate::accounts::{Account, Accounts, NtHash};
pub use crate::auth_config::{
    AcceptorConfig, BindingPolicy, InitiatorConfig, NtlmVersion, Policy, Protection, ServerNames,
};
pub use crate::authority::Authority;
pub use crate::channel_bindings::ChannelBindings;
pub use crate::claimed::ClaimedName;
pub use crate::context::{ActingLevel, Identity, Proof, SecurityContext, Unusable};
pub use crate::credentials::{Credentials, Secret};
pub use crate::error::{MessageError, Refusal};
pub use crate::handshake::{Acceptor, Initiator, Step};
pub use crate::mechanism::Mechanism;
pub use crate::message_security::{Message, MessageSecurity, Unprotected};
pub use crate::package::{Carrier, Channel, Package, Scope};
pub use crate::per_identity::PerIdentity;
pub use crate::pool::{Job, JobFailed, Pool, PoolCounts, Rejected, Waiting};
pub use crate::principal::Principal;
pub use crate::random::{OsRandom, Random, RandomError};
pub use crate::registry::Registry;
pub use crate::secret::{Password, SessionKey};
pub use crate::standing::Standing;

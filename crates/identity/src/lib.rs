//! Authentication and credentials: who calls, and how we act for them.
//!
//! # Overview
//!
//! A [`Mechanism`] is one way to authenticate: SPNEGO, NTLM, Basic, Bearer. It makes the two ends of a handshake, an
//! [`Acceptor`] for clients that call us and an [`Initiator`] for servers that we call. Both are state machines without
//! I/O: a token in, a [`Step`] out.
//!
//! ```text
//!  client                         net                            identity
//!    │ Authorization, bind         │                                │
//!    ├────────────────────────────▶│ Mechanism::acceptor(config)    │
//!    │                             ├───────────────────────────────▶│ Acceptor
//!    │                             │ Acceptor::step(token, now)     │
//!    │                             ├───────────────────────────────▶│
//!    │◀────────────────────────────┤ Step::Continue(token)          │
//!    │         … more legs …       │                                │
//!    │                             │ Step::Done { token, context,   │
//!    │◀────────────────────────────┤              security }        │
//!    │ requests, calls             │                                │
//!    ├────────────────────────────▶│ MessageSecurity::unprotect     │
//! ```
//!
//! A finished handshake yields a [`SecurityContext`], which goes with everything that is done for the caller, and a
//! [`MessageSecurity`], which signs and seals what follows in DCE/RPC. In HTTP, [`http_auth`] reads and writes the
//! headers that carry tokens. Where clients authenticate at the server itself and we only pass that through,
//! [`passthrough`] makes the context, from what the server answers.
//!
//! Work that takes time is done by a [`Pool`], under the context of its requester. What is kept for callers is kept in a
//! [`PerIdentity`].
//!
//! # Order of calls
//!
//! 1. At start: a [`ContextCounters`], an [`Authority`] for each directory or server, [`Accounts`], an [`AcceptorConfig`] and
//!    an [`InitiatorConfig`].
//! 2. For each handshake: [`Mechanism::acceptor`] or [`Mechanism::initiator`] on a [`Channel`], then `step` with each
//!    token of the peer (an initiator's first is empty) until [`Step::Done`] or a [`AuthError`].
//! 3. For each request or call: [`SecurityContext::check`].
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use identity::accounts::AccountFile;
//! use identity::{
//!     Account, AcceptorConfig, ActingLevel, Authority, Channel, Credentials, InitiatorConfig, Mechanism,
//!     NtHash, NtlmVersion, OsRandom, Password, Policy, Protection, ContextCounters, ServerNames, Step,
//! };
//! use wire::FileTime;
//!
//! let contexts = ContextCounters::new();
//! let mut accounts = AccountFile::default();
//! accounts.set(Account::new("alice", "LAB", NtHash::from_password("wonderland")))?;
//! let acceptor = Arc::new(AcceptorConfig {
//!     accounts: Arc::new(accounts),
//!     policy: Policy::default(),
//!     names: ServerNames { nb_computer: "PROXY".into(), nb_domain: "LAB".into(), ..ServerNames::default() },
//!     authority: Authority::new("accounts"),
//!     contexts: Arc::clone(&contexts),
//! });
//! let initiator = InitiatorConfig {
//!     credentials: Credentials::password("alice", "LAB", &Password::new("wonderland")),
//!     workstation: String::new(),
//!     target_name: "exchangeMDB/proxy.lab.test".into(),
//!     protection: Protection::Seal,
//!     level: ActingLevel::Impersonate,
//!     version: NtlmVersion::V2,
//!     allow_legacy: false,
//!     authority: Authority::new("proxy.lab.test"),
//!     contexts,
//! };
//! let mut server = Mechanism::NTLM.acceptor(&acceptor, Channel::RPC)?;
//! let mut client = Mechanism::NTLM.initiator(&initiator, Channel::RPC)?;
//! let (now, mut token) = (FileTime(0x01d9_0000_0000_0000), Vec::new());
//! let context = loop {
//!     token = match client.step(&token, now, &mut OsRandom)? {
//!         Step::Continue(token) | Step::Done { token: Some(token), .. } => token,
//!         Step::Done { token: None, .. } => unreachable!("NTLM's client has the last word"),
//!     };
//!     match server.step(&token, now, &mut OsRandom)? {
//!         Step::Continue(next) => token = next,
//!         Step::Done { context, .. } => break context,
//!     }
//! };
//! assert_eq!(context.principal().to_string(), "LAB\\alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Glossary
//!
//! | term | meaning |
//! |---|---|
//! | mechanism | one way to authenticate, with its number in DCE/RPC and its scheme in HTTP |
//! | package | the implementation of a mechanism ([`Package`]) |
//! | acceptor, initiator | the server's and the client's end of a handshake |
//! | channel | what carries a handshake, and the TLS that it is bound to ([`Channel`]) |
//! | security context | the proof of who is calling ([`SecurityContext`]) |
//! | authority | the directory or server that vouches for a principal ([`Authority`]) |
//! | identity | the key that contexts of one principal, authority and level share ([`Identity`]) |
//! | status | whether an account is still as it was when its user signed in ([`AccountStatus`]) |
//! | pass-through | a client authenticates at the server, through us ([`passthrough`]) |
//!
//! # Architectural invariants
//!
//! There is no I/O here, no clock, no thread and no environment; time and randomness are parameters. No constructor
//! makes a context for a person, and none that code made with an [`Authority`] of its own equals a real one. Secrets are
//! wiped when dropped and print as `[redacted]`.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod account_status;
pub mod accounts;
mod auth_config;
mod authority;
mod basic;
mod bearer;
mod channel_bindings;
mod claimed;
mod context;
mod context_counters;
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
mod secret;
pub mod spnego;
#[cfg(test)]
mod toy;

pub use crate::account_status::AccountStatus;
pub use crate::accounts::{Account, Accounts, NtHash};
pub use crate::auth_config::{
    AcceptorConfig, BindingPolicy, InitiatorConfig, NtlmVersion, Policy, Protection, ServerNames,
};
pub use crate::authority::Authority;
pub use crate::channel_bindings::ChannelBindings;
pub use crate::claimed::ClaimedName;
pub use crate::context::{ActingLevel, ContextError, Identity, Proof, SecurityContext};
pub use crate::context_counters::ContextCounters;
pub use crate::credentials::{Credentials, Secret};
pub use crate::error::{AuthError, MessageError};
pub use crate::handshake::{Acceptor, Initiator, Step};
pub use crate::mechanism::Mechanism;
pub use crate::message_security::{Message, MessageSecurity, Unprotected};
pub use crate::package::{Carrier, Channel, Package, Scope};
pub use crate::per_identity::PerIdentity;
pub use crate::pool::{Job, JobError, PendingJob, Pool, PoolCounts, SubmitError};
pub use crate::principal::Principal;
pub use crate::random::{OsRandom, Random, RandomError};
pub use crate::secret::{Password, SessionKey};

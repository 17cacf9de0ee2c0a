//! Authentication and credentials.
//!
//! # Overview
//!
//! A [`Mechanism`] is a way to authenticate: SPNEGO, NTLM, Basic, Bearer. Unless it only passes through (Bearer), it
//! creates the two ends of a handshake: an [`Acceptor`] for clients of the proxy, and an [`Initiator`] with which the
//! proxy authenticates to servers. Both are state machines without I/O: a token in, a [`Step`] out.
//!
//! ```text
//!  client                         net                            identity
//!    │ Authorization, bind         │                                │
//!    ├────────────────────────────▶│ Mechanism::acceptor(config)    │
//!    │                             ├───────────────────────────────▶│ Acceptor
//!    │                             │ Acceptor::step(token, now)     │
//!    │                             ├───────────────────────────────▶│
//!    │◀────────────────────────────┤ Step::Continue(token)          │
//!    │       … further legs …      │                                │
//!    │                             │ Step::Done { token, context,   │
//!    │◀────────────────────────────┤              security }        │
//!    │ requests, calls             │                                │
//!    ├────────────────────────────▶│ MessageSecurity::unprotect     │
//! ```
//!
//! A completed handshake returns two values. The [`SecurityContext`] identifies the caller and is an argument of all
//! code that works for that caller. The [`MessageSecurity`] signs and encrypts the messages that follow in DCE/RPC.
//! In HTTP, [`http_auth`] reads and writes the headers that carry tokens. In pass-through authentication, clients
//! authenticate to the server, and [`pass_through`] creates the context from the server's responses.
//!
//! A job must not run, and a value must not be read, without a security context. Two containers ensure that:
//!
//! - A [`Pool`] executes [`Job`]s, which take time. A job owns the context of its requester, under which it is
//!   executed, and is not executed if the context expired or was revoked meanwhile. [`Pool::submit`] returns a
//!   [`PendingJob`], the future of the job's result.
//! - A [`PerIdentity`] is a bounded map with one value for each identity. Every access needs a context, so that no
//!   caller can see the value of another.
//!
//! # Order of calls
//!
//! 1. At start: [`ContextCounters`], which count contexts and revocations, an [`Authority`] for each
//!    directory or server, [`Accounts`], an [`AcceptorConfig`] and an [`InitiatorConfig`].
//! 2. For each handshake: [`Mechanism::acceptor`] or [`Mechanism::initiator`] on a [`Channel`], then `step` with each
//!    token of the peer (an initiator's first token is empty) until [`Step::Done`] or an [`AuthError`].
//! 3. For each request or call: [`SecurityContext::check`].
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use identity::accounts::AccountFile;
//! use identity::{
//!     AcceptorConfig, Account, ActingLevel, Authority, Channel, ContextCounters, Credentials,
//!     InitiatorConfig, Mechanism, NtHash, OsRandom, Password, Protection, Settings, Step,
//! };
//! use wire::{FileTime, Now};
//!
//! let contexts = ContextCounters::new();
//! let mut accounts = AccountFile::default();
//! accounts.set(Account::new("alice", "LAB", NtHash::from_password("wonderland")))?;
//! let (accounts, authority) = (Arc::new(accounts), Authority::new("accounts"));
//! let acceptor = Arc::new(AcceptorConfig::new(accounts, authority, Arc::clone(&contexts)));
//! let initiator = InitiatorConfig {
//!     credentials: Credentials::password("alice", "LAB", &Password::new("wonderland")),
//!     target_name: "exchangeMDB/proxy.lab.test".into(),
//!     protection: Protection::Seal,
//!     level: ActingLevel::Impersonate,
//!     authority: Authority::new("proxy.lab.test"),
//!     contexts,
//!     settings: Settings::default(),
//! };
//! let mut server = Mechanism::NTLM.acceptor(&acceptor, Channel::RPC)?;
//! let mut client = Mechanism::NTLM.initiator(&initiator, Channel::RPC)?;
//! let (now, mut token) = (Now::at(FileTime(0x01d9_0000_0000_0000)), Vec::new());
//! let context = loop {
//!     token = match client.step(&token, now, &mut OsRandom)? {
//!         Step::Continue(token) | Step::Done { token: Some(token), .. } => token,
//!         Step::Done { token: None, .. } => unreachable!("NTLM's client sends the last token"),
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
//! The workspace's terms are in the glossary of ARCHITECTURE.md. Those of this crate:
//!
//! | term | meaning |
//! |---|---|
//! | mechanism | a way to authenticate, with its number in DCE/RPC and its scheme in HTTP ([`Mechanism`]) |
//! | package | the implementation of a mechanism ([`Package`]) |
//! | acceptor, initiator | the server's and the client's end of a handshake |
//! | channel | the protocol that carries a handshake, and the channel bindings of its TLS connection ([`Channel`]) |
//! | identity | principal, authority and impersonation level, by which contexts are compared ([`Identity`]) |
//! | account status | whether an account is unchanged since its user authenticated ([`AccountStatus`]) |
//! | probe | the request by which pass-through authentication tests the server ([`pass_through::Probe`]) |
//!
//! # Architectural invariants
//!
//! - No I/O, no clock, no thread and no environment. Time and random numbers are arguments.
//! - No public constructor creates the context of a user. Only a completed handshake or pass-through authentication
//!   does.
//! - Code that creates another [`Authority`] cannot create contexts whose identities equal those of the first one.
//! - Secrets are zeroized when dropped and are printed as `[redacted]`.
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
mod carrier;
mod channel_bindings;
mod claimed;
mod context;
mod context_counters;
mod counting_name;
mod credentials;
pub mod der;
mod error;
mod fair_shares;
mod fingerprint;
mod handshake;
pub mod http_auth;
mod mechanism;
mod message_security;
pub mod ntlm;
mod package;
pub mod pass_through;
mod per_identity;
mod pool;
mod principal;
mod random;
mod secret;
mod settings;
mod shown_name;
pub mod spnego;
mod target_name;
#[cfg(test)]
mod test_mechanism;

pub use crate::account_status::AccountStatus;
pub use crate::accounts::{Account, Accounts, NtHash};
pub use crate::auth_config::{AcceptorConfig, BindingPolicy, InitiatorConfig, Policy, Protection};
pub use crate::authority::Authority;
pub use crate::carrier::Carrier;
pub use crate::channel_bindings::ChannelBindings;
pub use crate::claimed::{ClaimedName, Spelling};
pub use crate::context::{ActingLevel, ContextError, Identity, Proof, SecurityContext, UserKey};
pub use crate::context_counters::ContextCounters;
pub use crate::credentials::{Credentials, Secret};
pub use crate::error::{AuthError, MessageError};
pub use crate::fair_shares::{FairShares, is_fair_share};
pub use crate::handshake::{Acceptor, Initiator, Step};
pub use crate::mechanism::Mechanism;
pub use crate::message_security::{Message, MessageSecurity, Unprotected};
pub use crate::ntlm::config::{NtlmAcceptorConfig, NtlmInitiatorConfig, NtlmVersion, ServerNames};
pub use crate::package::{Channel, Package, Scope};
pub use crate::per_identity::PerIdentity;
pub use crate::pool::{Job, JobError, PendingJob, Pool, PoolCounts, SubmitError};
pub use crate::principal::Principal;
pub use crate::random::{OsRandom, Random, RandomError};
pub use crate::secret::{Password, SessionKey};
pub use crate::settings::Settings;

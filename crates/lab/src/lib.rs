//! A small Exchange server for tests: referral, address book and mailbox store, generated from a seed.
//!
//! A [`Lab`] is a [`net::Service`]: it serves RFR, NSPI, EMSMDB and `AsyncEMSMDB` over a directory of people that is
//! generated from a seed, and over their mailboxes in a `store`. [`serve()`] runs it with listeners and an endpoint
//! mapper, and by MAPI over HTTP and Autodiscover if [`LabServer::http`] is set. docs/lab.md lists the ROPs that it
//! executes.
//!
//! Architectural invariants: the directory is the same for the same configuration, and never changes; a new mailbox is
//! the same whenever it is first opened; a context handle is valid only for the identity and the association group that
//! opened it, and a Session Context only for the identity; cookies of Session Contexts are random; an operation
//! that had no effect never returns success.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions
    )
)]

mod backend;
mod codepage;
mod config;
mod delivery;
mod directory;
mod emsmdb;
mod export;
mod handles;
mod http;
mod mailbox;
mod notify;
mod nspi;
mod public;
mod quota;
mod random;
mod receipt;
mod refusal;
mod rfr;
mod rops;
mod rules;
mod search;
mod serve;
mod service;
mod session;
mod sync;
#[cfg(test)]
mod tests;
mod values;

pub use crate::backend::{LabError, check_store};
pub use crate::config::{LabConfig, Quota, ServerName};
pub use crate::http::{CertificateError, HttpLimits, HttpServer, ServerCertificate};
pub use crate::serve::{LabServer, Listening, serve, start};
pub use crate::service::Lab;

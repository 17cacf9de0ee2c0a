//! The small Exchange: referral, address book and mailbox store over a seed.
//!
//! A [`Lab`] is a [`net::Service`]: it answers RFR, NSPI, EMSMDB and `AsyncEMSMDB` over a directory of people
//! who are made up from a seed, and remembers nothing but open context handles. [`serve()`] puts it behind
//! listeners, with an endpoint mapper.
//!
//! Architectural invariants: the same configuration makes the same lab, whatever the time and the machine; the
//! directory never changes; a context handle is of use only to the identity and the association group that
//! opened it.
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

mod codepage;
mod config;
mod directory;
mod emsmdb;
mod handles;
mod nspi;
mod random;
mod rfr;
mod serve;
mod service;
#[cfg(test)]
mod tests;

pub use crate::config::{LabConfig, ServerName};
pub use crate::serve::{LabServer, Listening, serve, start};
pub use crate::service::Lab;

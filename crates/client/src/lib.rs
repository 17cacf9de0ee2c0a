//! A MAPI client library: authenticate, look people up, connect to the store.
//!
//! A [`Client`] has the address of a server and an account. It calls the referral service
//! ([`Client::rfr_new_dsa`]), opens the address book ([`Client::address_book`]) and connects to mailboxes
//! ([`Client::mailbox`]). Each interface has its own connection, which is made when it is first needed.
//!
//! Architectural invariants: a client uses one account only; it stores nothing, and repeats no call by
//! itself.
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

mod address_book;
mod client;
mod config;
mod connection;
mod error;
mod mailbox;
mod person;
mod referral;

pub use crate::address_book::{AddressBook, Container, Page, Resolution};
pub use crate::client::Client;
pub use crate::config::{ClientConfig, account};
pub use crate::error::{Error, Failure, Side};
pub use crate::mailbox::{Dialect, Mailbox};
pub use crate::person::{PERSON_COLUMNS, Person};

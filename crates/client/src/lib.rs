//! A MAPI client library: sign in, look people up, connect to the store.
//!
//! A [`Client`] knows where a server is and as whom to sign in. It asks the referral service
//! ([`Client::rfr_new_dsa`]), opens the address book ([`Client::address_book`]) and connects to mailboxes
//! ([`Client::mailbox`]). Each interface has a connection of its own, made when it is first needed.
//!
//! Architectural invariants: a client acts as the one account that it was given; it keeps nothing beyond its
//! own life, and repeats no call by itself.
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

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
mod config;
mod connection;
mod error;
mod mailbox;
mod person;
mod referral;

use std::net::SocketAddr;
use std::sync::Arc;

use mapi::Interface;
use net::Endpoints;

pub use crate::address_book::{AddressBook, Container, Page, Resolution};
pub use crate::config::{ClientConfig, account};
pub use crate::error::{Error, Failure, Side};
pub use crate::mailbox::{Dialect, Mailbox};
pub use crate::person::{PERSON_COLUMNS, Person};

/// A client of one server, as one account.
#[derive(Debug)]
pub struct Client {
    pub(crate) endpoints: Endpoints,
    pub(crate) account: Option<Arc<net::Account>>,
    pub(crate) timeout: std::time::Duration,
    pub(crate) referral: Option<connection::Connection>,
}

impl Client {
    /// A client for `config`. It signs in once it is asked for something.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            endpoints: Endpoints::new(config.location),
            account: config.account.map(Arc::new),
            timeout: config.timeout,
            referral: None,
        }
    }

    /// A client for `config` whose server was found to serve the referral, the address book and the store.
    ///
    /// # Errors
    /// When the server can't be reached or does not serve one of these.
    pub async fn connect(config: ClientConfig) -> Result<Self, Error> {
        let client = Self::new(config);
        for interface in [Interface::Rfr, Interface::Nspi, Interface::Emsmdb] {
            client.find(interface).await?;
        }
        Ok(client)
    }

    /// The addresses at which the server serves `interface`: from its endpoint mapper, where the
    /// configuration says so.
    ///
    /// # Errors
    /// When the server can't be reached or does not serve it.
    pub async fn find(&self, interface: Interface) -> Result<Vec<SocketAddr>, Error> {
        let found = self.endpoints.find(interface).await;
        found.map_err(|why| Error { operation: "endpoint", failure: Failure::Unreachable(why.to_string()) })
    }
}

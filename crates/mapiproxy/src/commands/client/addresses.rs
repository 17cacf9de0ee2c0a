//! The internet mail addresses of people whose distinguished names messages state.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use client::{AddressBook, Client, Error, Failure as Cause};
use mapi::property::{PropTag, PropertyValue};
use message::{Limits, Message, Rfc5322, to_rfc5322};

use crate::failure::Failure;

/// The most addresses that are kept. Further messages begin anew.
const MAX_KNOWN: usize = 10_000;

/// The most names that are looked up at once.
const MAX_NAMES: usize = 100;

/// Why a message cannot be converted.
#[derive(Debug)]
pub(super) enum Unreadable {
    Client(Error),
    Message(message::Error),
}

impl From<Error> for Unreadable {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<message::Error> for Unreadable {
    fn from(error: message::Error) -> Self {
        Self::Message(error)
    }
}

/// The error itself, which determines the exit status.
impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::Client(error) => error.into(),
            Unreadable::Message(error) => error.into(),
        }
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Message(error) => error.fmt(f),
        }
    }
}

impl Unreadable {
    /// Whether other messages may be readable.
    pub(super) const fn concerns_one_message(&self) -> bool {
        match self {
            Self::Client(error) => {
                matches!(error.failure, Cause::TooLong | Cause::Returned(_) | Cause::NotFound)
            }
            Self::Message(_) => true,
        }
    }
}

/// Addresses from the server's address book, each looked up once.
pub(super) struct Addresses {
    book: AddressBook,
    known: BTreeMap<String, Option<String>>,
}

impl Addresses {
    /// Opens the address book.
    pub(super) async fn open(client: &Client) -> Result<Self, Error> {
        Ok(Self { book: client.address_book().await?, known: BTreeMap::new() })
    }

    /// Closes the address book.
    pub(super) async fn close(self) -> Result<(), Error> {
        self.book.unbind().await
    }

    /// Converts a message to RFC 5322.
    pub(super) async fn convert(
        &mut self,
        message: &Message,
        limits: &Limits,
    ) -> Result<Rfc5322, Unreadable> {
        if self.known.len() > MAX_KNOWN {
            self.known.clear();
        }
        let unknown = RefCell::new(BTreeSet::new());
        let converted = to_rfc5322(message, limits, &|dn| {
            let known = self.known.get(dn);
            if known.is_none() {
                unknown.borrow_mut().insert(dn.to_owned());
            }
            known.cloned().flatten()
        })?;
        let unknown = unknown.into_inner();
        if unknown.is_empty() {
            return Ok(converted);
        }
        self.look_up(&unknown).await?;
        Ok(to_rfc5322(message, limits, &|dn| self.known.get(dn).cloned().flatten())?)
    }

    async fn look_up(&mut self, names: &BTreeSet<String>) -> Result<(), Error> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for names in names.chunks(MAX_NAMES) {
            let ids = self.book.dn_to_mid(names).await?;
            for (name, id) in names.iter().zip(ids) {
                let address = match id {
                    Some(id) => {
                        let values = self.book.get_props(id, &[PropTag::PidTagSmtpAddress]).await?;
                        values.get(PropTag::PidTagSmtpAddress).and_then(PropertyValue::to_text)
                    }
                    None => None,
                };
                self.known.insert((*name).to_owned(), address);
            }
        }
        Ok(())
    }
}

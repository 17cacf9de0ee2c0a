//! A MAPI client library: authenticate, look people up, and work with mailboxes, over RPC or MAPI over HTTP.
//!
//! A [`ClientConfig`] has the address of a server, the protocol and an account; [`discover()`] finds the server of a
//! user. A [`Client`] opens the address book ([`Client::address_book`]) and mailboxes ([`Client::mailbox`]), and calls
//! the referral service ([`Client::rfr_new_dsa`], over RPC only). Each session has its own connection, which is made
//! when it is first needed.
//!
//! ```no_run
//! use client::{Client, ClientConfig, HttpServer, WellKnown, http_account};
//! use identity::{Mechanism, Password};
//! use mapi::property::PropTag;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = HttpServer::new("mail.example.com", 443, None)?;
//! let account = http_account("alice", "EXAMPLE", &Password::new("secret"), Mechanism::NTLM)?;
//! let client = Client::new(ClientConfig::http(server).with_account(account));
//! let mailbox = client.mailbox("/o=Example/ou=Users/cn=Recipients/cn=alice").await?;
//! let inbox = mailbox.folder(WellKnown::Inbox).await?;
//! let mut messages = inbox.messages().sort(PropTag::PidTagMessageDeliveryTime, true).open().await?;
//! while let Some(message) = messages.next().await? {
//!     println!("{}", message.text(PropTag::PidTagSubject).unwrap_or_default());
//! }
//! mailbox.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`Mailbox`] | a logon: folders by id, path or [`WellKnown`], notifications |
//! | [`Folder`] | messages and subfolders, permissions, rules |
//! | [`Table`] | rows, fetched in pages; made by a [`TableQuery`] |
//! | [`Message`], [`Attachment`] | properties, recipients, embedded messages; [`Message::whole`] reads all of it |
//! | [`PropertyReader`], [`PropertyWriter`] | values in pieces, as `AsyncRead` and `AsyncWrite` |
//! | [`Error`] | the operation that failed, its object, the reason and the side |
//!
//! Architectural invariants: a client uses one account only; it stores nothing, and repeats no call by itself. An
//! object of the server is released when its value is dropped, with the next request. Everything above `store::road`
//! and `address_book` is independent of the protocol that carries it.
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
mod attachment;
mod client;
mod config;
mod connection;
mod discover;
mod embedded;
mod error;
mod folder;
mod http;
mod mailbox;
mod message;
mod permission;
mod person;
mod properties;
mod recipient;
mod referral;
mod rule;
mod store;
mod stream;
mod table;
mod values;
mod whole;

pub use crate::address_book::{AddressBook, Container, Page, Resolution};
pub use crate::attachment::{Attachment, AttachmentInfo};
pub use crate::client::Client;
pub use crate::config::{ClientConfig, HttpServer, Server, account, http_account};
pub use crate::discover::{Discovered, discover};
pub use crate::error::{Error, Failure, Side};
pub use crate::folder::{Folder, FolderInfo, MESSAGE_COLUMNS};
pub use crate::mailbox::{Mailbox, Notification, Subscription, WellKnown};
pub use crate::message::Message;
pub use crate::permission::Permission;
pub use crate::person::{PERSON_COLUMNS, Person};
pub use crate::properties::Properties;
pub use crate::recipient::{Recipient, RecipientKind};
pub use crate::rule::Rule;
pub use crate::store::road::Dialect;
pub use crate::stream::{PropertyReader, PropertyWriter};
pub use crate::table::{Table, TableQuery};

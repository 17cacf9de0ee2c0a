//! A mailbox store in one SQLite file.
//!
//! A [`Store`] keeps mailboxes with their folders, messages, attachments, named properties, permissions and change
//! numbers, as [MS-OXCSTOR], [MS-OXCFOLD] and [MS-OXCMSG] describe them. It knows no sessions, handles or protocols:
//! the lab implements these on top.
//!
//! All access is by transaction:
//!
//! - [`Store::read`] passes a [`View`] of one consistent state of all mailboxes;
//! - [`Store::write`] passes a [`Change`], a `View` that can also change mailboxes. If the closure returns an error, or
//!   panics, nothing is changed. When `write` returns `Ok`, the change is on disk.
//!
//! | items | what they are |
//! |---|---|
//! | [`Store`], [`View`], [`Change`] | the file, and transactions on it |
//! | [`Mailbox`], [`NewMailbox`] | a mailbox or the public folder store |
//! | [`Folder`], [`NewFolder`] | a folder and its counters |
//! | [`Message`], [`Content`], [`Attachment`] | a message's row, and what it contains |
//! | [`Properties`] | the properties of one object, by id |
//! | [`Imported`], [`Relation`] | versions of objects that clients made in their copies of a mailbox |
//! | [`Permission`], [`ReceiveFolder`], [`Rule`], [`Search`] | who may do what in a folder, where new messages are delivered and what is done with them, and what a search folder shows |
//! | [`Event`] | what a change did, for notifications |
//! | [`Error`] | what can fail |
//!
//! # Architectural invariants
//!
//! - No clock and no random numbers: the time of a change and new GUIDs are arguments.
//! - A change is atomic, and durable once it is reported: the database runs with a write-ahead log and
//!   `synchronous = FULL`.
//! - Ids and change numbers of a mailbox come from one counter and are never used twice, also not after the object they
//!   were given to was deleted ([MS-OXCFXICS] 3.1.5.3).
//! - The store enforces no permissions: it does not know who is calling. It keeps them for the code that does.
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

mod change_key;
mod content;
mod database;
mod error;
mod event;
mod folder;
mod id;
mod import;
mod local_id;
mod mailbox;
mod member;
mod message;
mod named;
mod permission;
mod properties;
mod receive_folder;
mod report;
mod rule;
mod schema;
mod search;
mod verify;

pub use self::content::{
    Attachment, AttachmentEdit, Content, ContentEdit, ContentId, Recipient, ValueSource,
};
pub use self::database::{Change, Store, View};
pub use self::error::{Error, Result};
pub use self::event::{Event, EventKind, EventObject};
pub use self::folder::{Folder, FolderKind, NewFolder};
pub use self::id::{MailboxId, OWN_REPLICA, ObjectId};
pub use self::import::{Imported, Relation};
pub use self::mailbox::{Mailbox, MailboxKind, NewMailbox};
pub use self::member::{Member, Permission};
pub use self::message::{Message, MessageFilter, MessageVersion, NewMessage};
pub use self::properties::Properties;
pub use self::receive_folder::ReceiveFolder;
pub use self::rule::Rule;
pub use self::search::Search;
pub use self::verify::Finding;

//! Server objects, as tracked in a session.

use std::collections::BTreeMap;
use std::sync::Arc;

use mapi::data::{FolderId, MessageId, PropertyName};
use mapi::property::{PropTag, PropertyValue};

use super::content::{Content, Properties, size_of_columns, size_of_name, size_of_value};
use super::fast_transfer::{FastTransfer, FastTransferKind};

/// A server object handle with its logon ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectHandle {
    /// The `LogonId` of the ROPs that act on the object.
    pub logon_id: u8,
    /// The value in the server object handle table.
    pub handle: u32,
}

/// A server object, with the state that is known from the ROPs that opened it and acted on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The kind of object, with its state.
    pub kind: ObjectKind,
    /// The object on which it was opened, if known.
    pub parent: Option<ObjectHandle>,
}

/// The kind of a server object.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ObjectKind {
    /// A logon to a mailbox or to the public folders.
    Logon(Box<Logon>),
    /// A folder.
    Folder {
        /// The folder's id.
        id: FolderId,
    },
    /// A message, an existing or a new one, or an embedded message.
    Message(Box<Message>),
    /// An attachment of a message.
    Attachment(Box<Attachment>),
    /// A property's value as a stream.
    Stream(Box<Stream>),
    /// A table.
    Table(Box<Table>),
    /// A FastTransfer context: the source or destination of a stream.
    FastTransfer(Box<FastTransfer>),
    /// A subscription to notifications (`RopRegisterNotification`).
    Subscription,
}

/// A logon to a mailbox or to the public folders.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logon {
    /// Whether it is a private mailbox.
    pub private: bool,
    /// The distinguished name in the request (`Essdn`), without its terminator; empty for public folders.
    pub mailbox: Vec<u8>,
    /// The names of named properties, by their id in this logon.
    pub named: BTreeMap<u16, PropertyName>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// The folder of the message; `None` for an embedded message.
    pub folder: Option<FolderId>,
    /// The message's id; `None` before it is saved.
    pub id: Option<MessageId>,
    /// Whether the message is folder associated information (FAI), which users do not see.
    pub associated: bool,
    /// Whether the message is embedded in an attachment.
    pub embedded: bool,
    /// The columns of its recipients, from the ROPs that opened the message or changed its recipients; `None` if they
    /// are not known.
    pub recipient_columns: Option<Arc<[PropTag]>>,
    /// The tracked properties.
    pub properties: Properties,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attachment {
    /// `PidTagAttachNumber`.
    pub number: Option<u32>,
    /// The tracked properties.
    pub properties: Properties,
}

/// A property's value as a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The property.
    pub tag: PropTag,
    /// The position at which the next byte is read or written, from the ROPs so far.
    pub position: u64,
    /// The bytes that were read or written.
    pub content: Content,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The kind of its rows.
    pub kind: TableKind,
    /// The columns; `None` before they are set.
    pub columns: Option<Arc<[PropTag]>>,
}

/// The kind of a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// Folders.
    Hierarchy,
    /// Messages of a folder.
    Contents {
        /// Whether they are folder associated information.
        associated: bool,
    },
    /// A message's attachments.
    Attachments,
    /// A folder's permissions.
    Permissions,
    /// A folder's rules.
    Rules,
}

impl ObjectKind {
    /// The name of the kind, for display.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Logon(logon) if logon.private => "mailbox",
            Self::Logon(_) => "public folders",
            Self::Folder { .. } => "folder",
            Self::Message(message) if message.embedded => "embedded message",
            Self::Message(message) if message.associated => "associated message",
            Self::Message(_) => "message",
            Self::Attachment(_) => "attachment",
            Self::Stream(_) => "stream",
            Self::Table(table) => match table.kind {
                TableKind::Hierarchy => "hierarchy table",
                TableKind::Contents { associated: false } => "contents table",
                TableKind::Contents { associated: true } => "associated contents table",
                TableKind::Attachments => "attachment table",
                TableKind::Permissions => "permissions table",
                TableKind::Rules => "rules table",
            },
            Self::FastTransfer(transfer) => match transfer.kind {
                FastTransferKind::Download => "FastTransfer download",
                FastTransferKind::Upload => "FastTransfer upload",
                FastTransferKind::SynchronizationState => "synchronization state",
                FastTransferKind::SynchronizationDownload { contents: true } => "contents synchronization",
                FastTransferKind::SynchronizationDownload { contents: false } => "hierarchy synchronization",
                FastTransferKind::SynchronizationUpload { contents: true } => "contents upload",
                FastTransferKind::SynchronizationUpload { contents: false } => "hierarchy upload",
            },
            Self::Subscription => "subscription",
        }
    }

    /// The logon, if the object is one.
    pub fn logon(&self) -> Option<&Logon> {
        match self {
            Self::Logon(logon) => Some(logon),
            _ => None,
        }
    }

    pub(super) fn logon_mut(&mut self) -> Option<&mut Logon> {
        match self {
            Self::Logon(logon) => Some(logon),
            _ => None,
        }
    }

    /// The tracked properties of a message or an attachment.
    pub const fn properties(&self) -> Option<&Properties> {
        match self {
            Self::Message(message) => Some(&message.properties),
            Self::Attachment(attachment) => Some(&attachment.properties),
            _ => None,
        }
    }

    pub(super) const fn properties_mut(&mut self) -> Option<&mut Properties> {
        match self {
            Self::Message(message) => Some(&mut message.properties),
            Self::Attachment(attachment) => Some(&mut attachment.properties),
            _ => None,
        }
    }

    /// An estimate of the memory of the object's content, in bytes.
    pub(super) fn content_bytes(&self) -> usize {
        let columns = match self {
            ObjectKind::Table(table) => table.columns.as_deref(),
            ObjectKind::Message(message) => message.recipient_columns.as_deref(),
            _ => None,
        };
        let columns = columns.map_or(0, size_of_columns);
        columns.saturating_add(match self {
            ObjectKind::Stream(stream) => stream.content.bytes().len(),
            ObjectKind::FastTransfer(transfer) => transfer.content_bytes(),
            ObjectKind::Logon(logon) => logon.named.values().map(size_of_name).sum(),
            _ => {
                self.properties().map_or(0, |known| known.iter().map(|(_, value)| size_of_value(value)).sum())
            }
        })
    }
}

impl Message {
    /// The message class (`PidTagMessageClass`), such as `IPM.Note`, if known.
    pub fn class(&self) -> Option<String> {
        self.properties.get(0x001A).and_then(PropertyValue::to_text)
    }
}

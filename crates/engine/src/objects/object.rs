//! Server objects that are known in a session, by handle.

use std::collections::BTreeMap;
use std::sync::Arc;

use mapi::data::{FolderId, MessageId, PropertyName};
use mapi::property::{PropTag, PropertyValue};

use super::content::{Content, Properties, size_of_columns, size_of_name, size_of_value};
use super::fast_transfer::{FastTransfer, FastTransferKind};

/// A server object handle: the logon that it belongs to, and its number there ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectHandle {
    /// `LogonId` of the ROPs that act on it.
    pub logon_id: u8,
    /// What stands in the server object handle table.
    pub handle: u32,
}

/// A server object, as far as the ROPs that made it and acted on it tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// The object that it was opened from, where that is known.
    pub parent: Option<ObjectHandle>,
}

/// What a server object is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ObjectKind {
    /// A mailbox, or the public folders.
    Logon(Box<Logon>),
    /// A folder.
    Folder {
        /// Which one.
        id: FolderId,
    },
    /// A message, open or being written; embedded ones too.
    Message(Box<Message>),
    /// An attachment of a message.
    Attachment(Box<Attachment>),
    /// A property's value as a stream.
    Stream(Box<Stream>),
    /// A table.
    Table(Box<Table>),
    /// Where a `FastTransfer` stream comes from or goes to.
    FastTransfer(Box<FastTransfer>),
    /// What tells of changes: the handle that a `RopNotify` names.
    Subscription,
}

/// A mailbox or the public folders.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logon {
    /// Whether it is a private mailbox.
    pub private: bool,
    /// The DN that was asked for (`Essdn`), without its terminator; empty for public folders.
    pub mailbox: Vec<u8>,
    /// The names of named properties, by the id that they have on this logon.
    pub named: BTreeMap<u16, PropertyName>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// The folder that it is in; none for an embedded message.
    pub folder: Option<FolderId>,
    /// Its id; none before it was saved.
    pub id: Option<MessageId>,
    /// Whether it is folder associated information, which people don't see.
    pub associated: bool,
    /// Whether it is inside an attachment.
    pub embedded: bool,
    /// The columns of its recipients, where it was opened.
    pub recipient_columns: Arc<[PropTag]>,
    /// What is known of its properties.
    pub properties: Properties,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attachment {
    /// `PidTagAttachNumber`.
    pub number: Option<u32>,
    /// What is known of its properties.
    pub properties: Properties,
}

/// A property's value as a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The property.
    pub tag: PropTag,
    /// Where the next byte is read or written, as far as that is known.
    pub position: u64,
    /// The bytes that passed.
    pub content: Content,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What its rows are.
    pub kind: TableKind,
    /// Its columns; none before they were set.
    pub columns: Option<Arc<[PropTag]>>,
}

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// Folders.
    Hierarchy,
    /// Messages; associated ones, or those that people see.
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
    /// What it is called.
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

    /// The mailbox or the public folders, if it is that.
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

    /// What is known of its properties, for objects that have some.
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

    /// About how many bytes of content it holds.
    pub(super) fn content_bytes(&self) -> usize {
        let columns = match self {
            ObjectKind::Table(table) => table.columns.as_deref(),
            ObjectKind::Message(message) => Some(&*message.recipient_columns),
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
    /// Its class (`PidTagMessageClass`), such as `IPM.Note`, where it is known.
    pub fn class(&self) -> Option<String> {
        self.properties.get(0x001A).and_then(PropertyValue::to_text)
    }
}

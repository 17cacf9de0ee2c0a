//! Notifications of a server about folders, messages and tables ([MS-OXCNOTIF] 2.2.1.4.1).

mod read;
mod write;

use wire::{Reader, Result};

use crate::data::{FolderId, MessageId, Text};
use crate::inspect::{Inspect, Node};
use crate::property::{Layout, PropTag, PropertyRow};

wire::wire_enum! {
    /// The type of a notification: the lower twelve bits of its flags, of which one is set ([MS-OXCNOTIF] 2.2.1.4.1.2).
    pub struct NotificationType(u16) {
        /// A message was delivered to the receive folder.
        NewMail = 0x0002,
        /// A folder or message was created.
        ObjectCreated = 0x0004,
        /// A folder or message was deleted.
        ObjectDeleted = 0x0008,
        /// A folder or message was changed.
        ObjectModified = 0x0010,
        /// A folder or message was moved.
        ObjectMoved = 0x0020,
        /// A folder or message was copied.
        ObjectCopied = 0x0040,
        /// A search completed.
        SearchCompleted = 0x0080,
        /// A table changed.
        TableModified = 0x0100,
        /// Reserved.
        Extended = 0x0400,
    }
}

wire::wire_flags! {
    /// The type of a notification, and the optional fields that are present ([MS-OXCNOTIF] 2.2.1.4.1.2).
    pub struct NotificationFlags(u16) {
        /// The number of messages in the folder is present.
        TOTAL_MESSAGE_COUNT = 0x1000,
        /// The number of unread messages in the folder is present.
        UNREAD_MESSAGE_COUNT = 0x2000,
        /// The notification is about a message in a search folder.
        SEARCH_FOLDER = 0x4000,
        /// The notification is about a message.
        MESSAGE = 0x8000,
    }
}

impl NotificationFlags {
    /// Creates the flags of a notification of this type.
    pub const fn new(notification_type: NotificationType) -> Self {
        Self(notification_type.0)
    }

    /// The type of the notification.
    pub const fn notification_type(self) -> NotificationType {
        NotificationType(self.0 & 0x0FFF)
    }

    /// Whether the notification is about a message, and not a folder.
    pub const fn is_message(self) -> bool {
        self.contains(Self::MESSAGE)
    }

    /// Whether the parent folder is present, if an object was created, deleted, moved or copied: for folders, and for
    /// messages in search folders.
    const fn has_parent(self) -> bool {
        self.is_message() == self.contains(Self::SEARCH_FOLDER)
    }
}

wire::wire_enum! {
    /// The change of a table ([MS-OXCNOTIF] 2.2.1.4.1.2).
    pub struct TableEventType(u16) {
        /// The table changed in more than single rows: the client reads it again.
        TableChanged = 0x0001,
        /// A row was added.
        TableRowAdded = 0x0003,
        /// A row was deleted.
        TableRowDeleted = 0x0004,
        /// A row was modified.
        TableRowModified = 0x0005,
        /// The restriction of the table changed.
        TableRestrictionChanged = 0x0007,
    }
}

/// A notification ([MS-OXCNOTIF] 2.2.1.4.1.2).
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationData {
    /// The type of the notification, and the optional fields that are present. [`NotificationData::write`] fails if
    /// they do not match.
    pub flags: NotificationFlags,
    /// The object of the notification, and the change.
    pub event: Event,
    /// The number of messages in the folder.
    pub total_message_count: Option<u32>,
    /// The number of unread messages in the folder.
    pub unread_message_count: Option<u32>,
    /// The message that was delivered.
    pub new_mail: Option<NewMail>,
}

/// The object of a notification, and the change.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A change of a folder or a message.
    Object(ObjectEvent),
    /// A change of a table.
    Table(TableEvent),
    /// Reserved; without fields.
    Extended,
}

/// A change of a folder or a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectEvent {
    /// The folder, or the folder of the message.
    pub folder_id: FolderId,
    /// The message; `None` for a change of a folder.
    pub message_id: Option<MessageId>,
    /// The parent of the folder, or the search folder that contains the message. Some servers omit the latter.
    pub parent_folder_id: Option<FolderId>,
    /// The object before it was moved, or the original of a copy.
    pub old: Option<OldObject>,
    /// The properties that were set. `None` if the server does not list them (`TagCount` is 0xFFFF), or the object was
    /// neither created nor modified.
    pub tags: Option<Vec<PropTag>>,
}

/// An object before it was moved or copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldObject {
    /// The event of a message.
    Message {
        /// The folder of the message.
        folder_id: FolderId,
        /// The identifier of the message.
        message_id: MessageId,
    },
    /// The event of a folder.
    Folder {
        /// The identifier of the folder.
        folder_id: FolderId,
        /// The parent of the folder.
        parent_folder_id: FolderId,
    },
}

/// A change of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableEvent {
    /// The kind of change.
    pub event_type: TableEventType,
    /// The row that was added, modified or deleted.
    pub row: Option<TableRow>,
    /// The row after which an added or modified row is; all zero for the first position.
    pub insert_after: Option<TableRow>,
    /// The values of an added or modified row: see [`TableEvent::read_row`].
    pub row_data: Vec<u8>,
}

/// Identifies a row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableRow {
    /// The folder of the row, or the folder of its message.
    pub folder_id: FolderId,
    /// The message of the row, in tables of messages.
    pub message: Option<MessageRow>,
}

/// Identifies the row of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageRow {
    /// The id of the message.
    pub message_id: MessageId,
    /// The instance, if a message has several rows.
    pub instance: u32,
}

/// A message that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// The `PidTagMessageFlags` of the message.
    pub message_flags: u32,
    /// The message class.
    pub message_class: Text,
}

impl TableEvent {
    /// Decodes the row that was added or modified, by the columns of the table.
    ///
    /// # Errors
    /// Fails if the bytes are not a row of these columns.
    pub fn read_row(&self, columns: &[PropTag]) -> Result<PropertyRow> {
        let mut r = Reader::new(&self.row_data);
        let row = PropertyRow::read(&mut r, columns, Layout::Rop)?;
        r.finish()?;
        Ok(row)
    }

    fn row_data_node(&self, columns: Option<&[PropTag]>) -> Node {
        let by_name = columns.and_then(|columns| Some(self.read_row(columns).ok()?.node_with(columns)));
        by_name.unwrap_or_else(|| Node::Bytes(self.row_data.clone()))
    }
}

impl NotificationData {
    /// The type of the notification.
    pub const fn notification_type(&self) -> NotificationType {
        self.flags.notification_type()
    }

    /// The notification as a node, in which the values of a row have the names of `columns`, those of the table. A row
    /// that does not match the columns is kept as bytes.
    pub fn node_with(&self, columns: Option<&[PropTag]>) -> Node {
        let flags = format!("{:?} {:?}", self.notification_type(), NotificationFlags(self.flags.0 & 0xF000));
        let mut fields =
            vec![("NotificationFlags".into(), Node::Named(u64::from(self.flags.0), flags.into()))];
        let mut add = |name: &'static str, value: Node| {
            if value != Node::Nothing {
                fields.push((name.into(), value));
            }
        };
        match &self.event {
            Event::Extended => {}
            Event::Table(table) => {
                let event = table.event_type;
                add("TableEventType", Node::Named(u64::from(event.0), event.to_string().into()));
                add_row(table.row, ["TableRowFolderID", "TableRowMessageID", "TableRowInstance"], &mut add);
                let after =
                    ["InsertAfterTableRowFolderID", "InsertAfterTableRowID", "InsertAfterTableRowInstance"];
                add_row(table.insert_after, after, &mut add);
                if table.insert_after.is_some() {
                    add("TableRowData", table.row_data_node(columns));
                }
            }
            Event::Object(object) => add_object(object, &mut add),
        }
        add("TotalMessageCount", self.total_message_count.to_node());
        add("UnreadMessageCount", self.unread_message_count.to_node());
        if let Some(mail) = &self.new_mail {
            add("MessageFlags", mail.message_flags.to_node());
            add("MessageClass", mail.message_class.to_node());
        }
        Node::Fields(fields)
    }
}

impl Inspect for NotificationData {
    fn to_node(&self) -> Node {
        self.node_with(None)
    }
}

fn add_row(row: Option<TableRow>, names: [&'static str; 3], add: &mut impl FnMut(&'static str, Node)) {
    let Some(row) = row else { return };
    let [folder, message, instance] = names;
    add(folder, row.folder_id.to_node());
    if let Some(found) = row.message {
        add(message, found.message_id.to_node());
        add(instance, found.instance.to_node());
    }
}

fn add_object(object: &ObjectEvent, add: &mut impl FnMut(&'static str, Node)) {
    add("FolderId", object.folder_id.to_node());
    add("MessageId", object.message_id.to_node());
    add("ParentFolderId", object.parent_folder_id.to_node());
    match object.old {
        None => {}
        Some(OldObject::Message { folder_id, message_id }) => {
            add("OldFolderId", folder_id.to_node());
            add("OldMessageId", message_id.to_node());
        }
        Some(OldObject::Folder { folder_id, parent_folder_id }) => {
            add("OldFolderId", folder_id.to_node());
            add("OldParentFolderId", parent_folder_id.to_node());
        }
    }
    add("Tags", object.tags.to_node());
}

#[cfg(test)]
mod tests;

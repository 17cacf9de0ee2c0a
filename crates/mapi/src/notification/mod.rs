//! Notifications ([MS-OXCNOTIF] 2.2.1.4.1): what a server reports of folders, messages and tables.

mod read;
mod write;

use wire::{Reader, Result};

use crate::data::{FolderId, MessageId, Text};
use crate::inspect::{Inspect, Node};
use crate::property::{Layout, PropTag, PropertyRow};

wire::wire_enum! {
    /// What happened ([MS-OXCNOTIF] 2.2.1.4.1.2): the lower twelve bits of the flags, of which one is set.
    pub struct NotificationType(u16) {
        /// A message came.
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
        /// A search is complete.
        SearchCompleted = 0x0080,
        /// A table changed.
        TableModified = 0x0100,
        /// Reserved.
        Extended = 0x0400,
    }
}

wire::wire_flags! {
    /// What happened, and which optional fields follow ([MS-OXCNOTIF] 2.2.1.4.1.2).
    pub struct NotificationFlags(u16) {
        /// The number of messages in the folder is present.
        TOTAL_MESSAGE_COUNT = 0x1000,
        /// The number of unread messages in the folder is present.
        UNREAD_MESSAGE_COUNT = 0x2000,
        /// It is about a message in a search folder.
        SEARCH_FOLDER = 0x4000,
        /// It is about a message.
        MESSAGE = 0x8000,
    }
}

impl NotificationFlags {
    /// The flags of something that happened.
    pub const fn new(notification_type: NotificationType) -> Self {
        Self(notification_type.0)
    }

    /// What happened.
    pub const fn notification_type(self) -> NotificationType {
        NotificationType(self.0 & 0x0FFF)
    }

    /// Whether it is about a message, and not a folder.
    pub const fn is_message(self) -> bool {
        self.contains(Self::MESSAGE)
    }

    /// Whether the parent folder is present where something was created, deleted, moved or copied: of folders, and
    /// of messages in search folders.
    const fn has_parent(self) -> bool {
        self.is_message() == self.contains(Self::SEARCH_FOLDER)
    }
}

wire::wire_enum! {
    /// What happened to a table ([MS-OXCNOTIF] 2.2.1.4.1.2).
    pub struct TableEventType(u16) {
        /// More than single rows: the client has to read the table again.
        TableChanged = 0x0001,
        /// A row is new.
        TableRowAdded = 0x0003,
        /// A row is gone.
        TableRowDeleted = 0x0004,
        /// A row changed.
        TableRowModified = 0x0005,
        /// The table has another restriction.
        TableRestrictionChanged = 0x0007,
    }
}

/// A notification ([MS-OXCNOTIF] 2.2.1.4.1.2).
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationData {
    /// What happened, and which of the fields there are. Writing takes the fields that these say.
    pub flags: NotificationFlags,
    /// What it happened to.
    pub event: Event,
    /// How many messages there are in the folder.
    pub total_message_count: Option<u32>,
    /// How many unread messages there are in the folder.
    pub unread_message_count: Option<u32>,
    /// The message that came.
    pub new_mail: Option<NewMail>,
}

/// What something happened to.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A folder or a message.
    Object(ObjectEvent),
    /// A table.
    Table(TableEvent),
    /// Reserved; it has no fields.
    Extended,
}

/// Something happened to a folder or a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectEvent {
    /// The folder, or the one that the message is in.
    pub folder_id: FolderId,
    /// The message.
    pub message_id: Option<MessageId>,
    /// The folder that the folder is in; the search folder that the message is in. Some servers leave out the
    /// latter.
    pub parent_folder_id: Option<FolderId>,
    /// Where it was before it was moved, or what it is a copy of.
    pub old: Option<OldObject>,
    /// The properties that were set. `None` where the server does not list them (`TagCount` is 0xFFFF), and where it
    /// is not about something new or changed.
    pub tags: Option<Vec<PropTag>>,
}

/// What something was before it was moved or copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldObject {
    /// A message.
    Message {
        /// The folder that it was in.
        folder_id: FolderId,
        /// The id that it had.
        message_id: MessageId,
    },
    /// A folder.
    Folder {
        /// The id that it had.
        folder_id: FolderId,
        /// The folder that it was in.
        parent_folder_id: FolderId,
    },
}

/// Something happened to a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableEvent {
    /// What.
    pub event_type: TableEventType,
    /// The row, where it happened to one.
    pub row: Option<TableRow>,
    /// The row behind which a new or changed one is now; all zero for the first place.
    pub insert_after: Option<TableRow>,
    /// What a new or changed row has in the table's columns: see [`TableEvent::read_row`].
    pub row_data: Vec<u8>,
}

/// A row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableRow {
    /// The folder that it stands for, or the one that its message is in.
    pub folder_id: FolderId,
    /// The message that it stands for.
    pub message: Option<MessageRow>,
}

/// A message's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageRow {
    /// The message.
    pub message_id: MessageId,
    /// Which of the rows that stand for that message.
    pub instance: u32,
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// Its flags, as `PidTagMessageFlags` has them.
    pub message_flags: u32,
    /// Its class.
    pub message_class: Text,
}

impl TableEvent {
    /// The row that was added or changed, as the table's columns make it.
    ///
    /// # Errors
    /// When the bytes are not a row of these columns.
    pub fn read_row(&self, columns: &[PropTag]) -> Result<PropertyRow> {
        let mut r = Reader::new(&self.row_data);
        let row = PropertyRow::read(&mut r, columns, Layout::Rop)?;
        r.finish()?;
        Ok(row)
    }

    fn show_row_data(&self, columns: Option<&[PropTag]>) -> Node {
        let by_name = columns.and_then(|columns| Some(self.read_row(columns).ok()?.node_with(columns)));
        by_name.unwrap_or_else(|| Node::Bytes(self.row_data.clone()))
    }
}

impl NotificationData {
    /// What happened.
    pub const fn notification_type(&self) -> NotificationType {
        self.flags.notification_type()
    }

    /// The notification as a tree, where the table that it is about has `columns`: a row's values by their names. Bytes
    /// that are not a row of these columns stay bytes.
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
                show_row(table.row, ["TableRowFolderID", "TableRowMessageID", "TableRowInstance"], &mut add);
                let after =
                    ["InsertAfterTableRowFolderID", "InsertAfterTableRowID", "InsertAfterTableRowInstance"];
                show_row(table.insert_after, after, &mut add);
                if table.insert_after.is_some() {
                    add("TableRowData", table.show_row_data(columns));
                }
            }
            Event::Object(object) => show_object(object, &mut add),
        }
        add("TotalMessageCount", self.total_message_count.to_node());
        add("UnreadMessageCount", self.unread_message_count.to_node());
        if let Some(mail) = &self.new_mail {
            add("MessageFlags", mail.message_flags.to_node());
            add("MessageClass", Node::Text(mail.message_class.to_string_lossy()));
        }
        Node::Fields(fields)
    }
}

impl Inspect for NotificationData {
    fn to_node(&self) -> Node {
        self.node_with(None)
    }
}

fn show_row(row: Option<TableRow>, names: [&'static str; 3], add: &mut impl FnMut(&'static str, Node)) {
    let Some(row) = row else { return };
    let [folder, message, instance] = names;
    add(folder, row.folder_id.to_node());
    if let Some(found) = row.message {
        add(message, found.message_id.to_node());
        add(instance, found.instance.to_node());
    }
}

fn show_object(object: &ObjectEvent, add: &mut impl FnMut(&'static str, Node)) {
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

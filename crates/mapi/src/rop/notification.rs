//! Subscriptions ([MS-OXCROPS] 2.2.14.1, [MS-OXCNOTIF]).

use wire::{Reader, Result, Writer};

use super::field::{Bool, OutputHandleIndex};
use super::format::Rop;
use crate::data::{FolderId, MessageId};
use crate::field::{Field, FieldBy, flags_field, newtype_field, structure, write_optional};
use crate::inspect::{Inspect, Node};

flags_field! {
    /// The events of a subscription ([MS-OXCNOTIF] 2.2.1.2.1).
    pub struct NotificationTypes(u16) {
        /// The server has an error that it does not get over.
        CRITICAL_ERROR = 0x0001,
        /// A message came.
        NEW_MAIL = 0x0002,
        /// Something was created.
        OBJECT_CREATED = 0x0004,
        /// Something was deleted.
        OBJECT_DELETED = 0x0008,
        /// Something was changed.
        OBJECT_MODIFIED = 0x0010,
        /// Something was moved.
        OBJECT_MOVED = 0x0020,
        /// Something was copied.
        OBJECT_COPIED = 0x0040,
        /// A search is complete.
        SEARCH_COMPLETE = 0x0080,
        /// A table's rows changed.
        TABLE_MODIFIED = 0x0100,
        /// Something of the server's own.
        EXTENDED = 0x0400,
    }
}

/// Whether a subscription is to a whole mailbox, and not to what is named behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WantWholeStore(pub u8);

impl WantWholeStore {
    /// Whether it is.
    pub const fn is_true(self) -> bool {
        self.0 != 0
    }
}

newtype_field!(WantWholeStore(u8));

impl Inspect for WantWholeStore {
    fn to_node(&self) -> Node {
        Node::Boolean(self.is_true())
    }
}

/// What is there only where a subscription is not to a whole mailbox.
impl FieldBy<Rop, WantWholeStore> for Option<NotificationScope> {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &WantWholeStore) -> Result<Self> {
        (!by.is_true()).then(|| NotificationScope::read(r, field)).transpose()
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &WantWholeStore) -> Result<()> {
        write_optional(self.as_ref(), w, field, !by.is_true())
    }
}

/// What is there only where [`NotificationTypes::EXTENDED`] is asked for.
impl FieldBy<Rop, NotificationTypes> for Option<u8> {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &NotificationTypes) -> Result<Self> {
        let extended = Bool(u8::from(by.contains(NotificationTypes::EXTENDED)));
        Self::read_by(r, field, &extended)
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &NotificationTypes) -> Result<()> {
        write_optional::<Rop, u8>(self.as_ref(), w, field, by.contains(NotificationTypes::EXTENDED))
    }
}

structure! {
    /// Subscribes to what happens ([MS-OXCROPS] 2.2.14.1.1).
    pub struct RopRegisterNotificationRequest: Rop as "RopRegisterNotification" {
        /// Where the subscription's handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The events.
        pub notification_types: NotificationTypes = "NotificationTypes",
        /// Zero.
        pub reserved: Option<u8> = "Reserved" by notification_types,
        /// Whether of the whole mailbox.
        pub want_whole_store: WantWholeStore = "WantWholeStore",
        /// Of which folder or message otherwise.
        pub scope: Option<NotificationScope> = "" by want_whole_store,
    }
}

structure! {
    /// The folder or message that a subscription is to ([MS-OXCROPS] 2.2.14.1.1).
    pub struct NotificationScope: Rop as "RopRegisterNotification" {
        /// The folder.
        pub folder_id: FolderId = "FolderId",
        /// The message in it; zero for the folder itself.
        pub message_id: MessageId = "MessageId",
    }
}

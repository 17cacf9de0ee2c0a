//! `RopRegisterNotification`: subscriptions to notifications ([MS-OXCROPS] 2.2.14.1, [MS-OXCNOTIF]).

use wire::{Reader, Result, Writer};

use super::field::{Bool, OutputHandleIndex};
use super::format::Rop;
use crate::data::{FolderId, MessageId};
use crate::field::{Field, FieldBy, flags_field, newtype_field, structure, write_optional};
use crate::inspect::{Inspect, Node};

flags_field! {
    /// The events of a subscription ([MS-OXCNOTIF] 2.2.1.2.1).
    pub struct NotificationTypes(u16) {
        /// A critical error occurred on the server.
        CRITICAL_ERROR = 0x0001,
        /// A message was delivered.
        NEW_MAIL = 0x0002,
        /// A folder or message was created.
        OBJECT_CREATED = 0x0004,
        /// A folder or message was deleted.
        OBJECT_DELETED = 0x0008,
        /// A folder or message was modified.
        OBJECT_MODIFIED = 0x0010,
        /// A folder or message was moved.
        OBJECT_MOVED = 0x0020,
        /// A folder or message was copied.
        OBJECT_COPIED = 0x0040,
        /// A search completed.
        SEARCH_COMPLETE = 0x0080,
        /// The rows of a table changed.
        TABLE_MODIFIED = 0x0100,
        /// An event that the server defines.
        EXTENDED = 0x0400,
    }
}

/// Whether a subscription is to the whole mailbox. If not, a folder or message follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WantWholeStore(pub u8);

impl WantWholeStore {
    /// Whether the subscription is to the whole mailbox.
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

/// A field that is present exactly if a subscription is not to the whole mailbox.
impl FieldBy<Rop, WantWholeStore> for Option<NotificationScope> {
    fn read_by(r: &mut Reader<'_>, field: &'static str, by: &WantWholeStore) -> Result<Self> {
        (!by.is_true()).then(|| NotificationScope::read(r, field)).transpose()
    }

    fn write_by(&self, w: &mut Writer, field: &'static str, by: &WantWholeStore) -> Result<()> {
        write_optional(self.as_ref(), w, field, !by.is_true())
    }
}

/// A field that is present exactly if [`NotificationTypes::EXTENDED`] is requested.
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
    /// `RopRegisterNotification`: subscribes to notifications ([MS-OXCROPS] 2.2.14.1.1).
    pub struct RopRegisterNotificationRequest: Rop as "RopRegisterNotification" {
        /// The index in the handle table at which the subscription's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The events to subscribe to.
        pub notification_types: NotificationTypes = "NotificationTypes",
        /// Reserved; zero.
        pub reserved: Option<u8> = "Reserved" by notification_types,
        /// Whether the subscription is to the whole mailbox.
        pub want_whole_store: WantWholeStore = "WantWholeStore",
        /// The folder or message of the subscription, if it is not to the whole mailbox.
        pub scope: Option<NotificationScope> = "" by want_whole_store,
    }
}

structure! {
    /// The folder or message of a subscription ([MS-OXCROPS] 2.2.14.1.1).
    pub struct NotificationScope: Rop as "RopRegisterNotification" {
        /// The folder, or the folder of the message.
        pub folder_id: FolderId = "FolderId",
        /// The message in it; zero for the folder itself.
        pub message_id: MessageId = "MessageId",
    }
}

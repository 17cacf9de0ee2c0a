//! What a session is notified of: its subscriptions and the tables that it reads ([MS-OXCNOTIF] 2.2.1.2.1).

use std::sync::Arc;

use mapi::notification::{
    Event as Change, NewMail, NotificationData, NotificationFlags, NotificationType, ObjectEvent, OldObject,
};
use mapi::rop::notification::NotificationTypes;
use store::{Event, EventKind, EventObject, ObjectId};

use crate::notify::visible::Visible;
use crate::session::logon::Logon;

/// What an object of a session is notified of.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// The logon in notifications.
    pub(crate) logon_id: u8,
    pub(crate) logon: Arc<Logon>,
    pub(crate) interest: Interest,
}

/// The changes of which an object is notified.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Interest {
    /// A subscription: the events of these types within the scope.
    Objects { types: NotificationTypes, scope: Scope },
    /// A table of the subfolders of a folder; with `depth` those at all levels.
    Hierarchy { folder: ObjectId, depth: bool },
    /// A table of the messages of a folder.
    Contents { folder: ObjectId },
    /// A table of the messages that a search folder shows.
    Search,
}

/// The scope of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The whole mailbox.
    Mailbox,
    /// A folder: itself, its messages, and the creation, deletion, moving and copying of its subfolders.
    Folder(ObjectId),
    /// A message.
    Message { folder: ObjectId, id: ObjectId },
}

/// What an event means for an object that is notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A subscription has a notification.
    Object,
    /// The rows of a table have changed. The row of this object has other values.
    Rows(Option<ObjectId>),
}

/// What notifications contain about an event beyond the event itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Details {
    /// The messages of the folder, and those of them that were not read.
    pub(crate) counts: Option<(u32, u32)>,
    pub(crate) new_mail: Option<NewMail>,
}

impl Watch {
    /// What `event`, which the user may see, means for the object.
    pub(crate) fn notice(&self, event: &Event, visible: &Visible<'_>) -> store::Result<Option<Notice>> {
        Ok(match self.interest {
            Interest::Objects { types, scope } => {
                let wanted = types.contains(types_of(&event.kind)) && scope.covers(event);
                wanted.then_some(Notice::Object)
            }
            Interest::Hierarchy { folder, depth } => match (event.object, &event.kind) {
                (EventObject::Folder { id, parent }, kind) => {
                    let before = match kind {
                        EventKind::Moved { from: EventObject::Folder { parent, .. } } => *parent,
                        _ => None,
                    };
                    let is_within = depth || parent == Some(folder) || before == Some(folder);
                    is_within.then_some(Notice::Rows(Some(id)))
                }
                (EventObject::Message { .. }, _) => None,
            },
            Interest::Contents { folder } => match (event.object, &event.kind) {
                (EventObject::Message { id, folder: of }, EventKind::Modified) if of == folder => {
                    Some(Notice::Rows(Some(id)))
                }
                (EventObject::Folder { id, .. }, EventKind::ContentsModified) if id == folder => {
                    visible.reads(folder)?.then_some(Notice::Rows(None))
                }
                _ => None,
            },
            // Any change may add and remove rows.
            Interest::Search => match (event.object, &event.kind) {
                (EventObject::Message { id, .. }, EventKind::Modified) => Some(Notice::Rows(Some(id))),
                (EventObject::Folder { id, .. }, EventKind::ContentsModified) => {
                    visible.reads(id)?.then_some(Notice::Rows(None))
                }
                (EventObject::Folder { .. }, _) => Some(Notice::Rows(None)),
                (EventObject::Message { .. }, _) => None,
            },
        })
    }
}

impl Scope {
    fn covers(self, event: &Event) -> bool {
        let before = match event.kind {
            EventKind::Moved { from } => Some(from),
            _ => None,
        };
        let is_of_parent = !is_of_object_alone(&event.kind);
        let is_within = |object| match (self, object) {
            (Self::Mailbox, _) => true,
            (Self::Folder(wanted), EventObject::Message { folder, .. }) => folder == wanted,
            (Self::Folder(wanted), EventObject::Folder { id, parent }) => {
                id == wanted || (is_of_parent && parent == Some(wanted))
            }
            (Self::Message { id: wanted, .. }, EventObject::Message { id, .. }) => id == wanted,
            (Self::Message { .. }, EventObject::Folder { .. }) => false,
        };
        is_within(event.object) || before.is_some_and(is_within)
    }
}

/// Whether an event of a folder does not concern its parent.
const fn is_of_object_alone(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Modified | EventKind::ContentsModified | EventKind::SearchCompleted)
}

const fn types_of(kind: &EventKind) -> NotificationTypes {
    match kind {
        EventKind::Created => NotificationTypes::OBJECT_CREATED,
        EventKind::Modified | EventKind::ContentsModified => NotificationTypes::OBJECT_MODIFIED,
        EventKind::Deleted { .. } => NotificationTypes::OBJECT_DELETED,
        EventKind::Moved { .. } => NotificationTypes::OBJECT_MOVED,
        EventKind::Copied { .. } => NotificationTypes::OBJECT_COPIED,
        EventKind::SearchCompleted => NotificationTypes::SEARCH_COMPLETE,
        EventKind::Delivered => NotificationTypes::NEW_MAIL,
    }
}

/// The notification of an event ([MS-OXCNOTIF] 2.2.1.4.1.2). It lists no properties: `TagCount` is 0.
pub(crate) fn notification(event: &Event, details: &Details) -> NotificationData {
    let (notification_type, has_tags) = match event.kind {
        EventKind::Created => (NotificationType::ObjectCreated, true),
        EventKind::Modified | EventKind::ContentsModified => (NotificationType::ObjectModified, true),
        EventKind::Deleted { .. } => (NotificationType::ObjectDeleted, false),
        EventKind::Moved { .. } => (NotificationType::ObjectMoved, false),
        EventKind::Copied { .. } => (NotificationType::ObjectCopied, false),
        EventKind::SearchCompleted => (NotificationType::SearchCompleted, false),
        EventKind::Delivered => (NotificationType::NewMail, false),
    };
    let mut flags = NotificationFlags::new(notification_type);
    let has_parent = !is_of_object_alone(&event.kind);
    let mut change = ObjectEvent { tags: has_tags.then(Vec::new), ..ObjectEvent::default() };
    match event.object {
        EventObject::Message { id, folder } => {
            flags = flags | NotificationFlags::MESSAGE;
            (change.folder_id, change.message_id) = (folder.folder_id(), Some(id.message_id()));
        }
        EventObject::Folder { id, parent } => {
            change.folder_id = id.folder_id();
            change.parent_folder_id = has_parent.then(|| parent.unwrap_or(id).folder_id());
        }
    }
    if let EventKind::Moved { from } | EventKind::Copied { from } = event.kind {
        change.old = Some(match from {
            EventObject::Message { id, folder } => {
                OldObject::Message { folder_id: folder.folder_id(), message_id: id.message_id() }
            }
            EventObject::Folder { id, parent } => OldObject::Folder {
                folder_id: id.folder_id(),
                parent_folder_id: parent.unwrap_or(id).folder_id(),
            },
        });
    }
    if details.counts.is_some() {
        let counts = NotificationFlags::TOTAL_MESSAGE_COUNT | NotificationFlags::UNREAD_MESSAGE_COUNT;
        flags = flags | counts;
    }
    NotificationData {
        flags,
        event: Change::Object(change),
        total_message_count: details.counts.map(|(total, _)| total),
        unread_message_count: details.counts.map(|(_, unread)| unread),
        new_mail: details.new_mail.clone(),
    }
}

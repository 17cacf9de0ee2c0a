//! Tests of notifications ([MS-OXCNOTIF]).

mod limits;
mod objects;
mod permissions;
mod tables;
mod waits;

use mapi::ErrorCode;
use mapi::data::{FolderId, MessageId};
use mapi::notification::{Event, NotificationData, NotificationType, ObjectEvent};
use mapi::rop::notification::{
    NotificationScope, NotificationTypes, RopRegisterNotificationRequest, WantWholeStore,
};
use mapi::rop::{OutputHandleIndex, RequestBody, RopResponse};

use super::mail::{LOGON, Mail};

/// All events of folders and messages.
const ALL: NotificationTypes = NotificationTypes(0x01fe);

/// Subscribes to events; the handle is stored at `output`. Without a scope, to those of the whole mailbox.
fn subscribe(
    mail: &mut Mail,
    types: NotificationTypes,
    scope: Option<(FolderId, MessageId)>,
    output: u8,
) -> Result<u32, ErrorCode> {
    let request = RopRegisterNotificationRequest {
        output_handle_index: OutputHandleIndex(output),
        notification_types: types,
        reserved: None,
        want_whole_store: WantWholeStore(u8::from(scope.is_none())),
        scope: scope.map(|(folder_id, message_id)| NotificationScope { folder_id, message_id }),
    };
    mail.rop(LOGON, RequestBody::RopRegisterNotification(request))?;
    Ok(mail.handles[usize::from(output)])
}

/// The notifications since the last call, with the handles of their subscriptions.
fn notified(mail: &mut Mail) -> Vec<(u32, NotificationData)> {
    let notify = |response: RopResponse| match response {
        RopResponse::Notify(notify) => (notify.notification_handle, notify.notification_data),
        other => panic!("{other:?}"),
    };
    mail.poll().into_iter().map(notify).collect()
}

/// The events of folders and messages since the last call, and their types.
fn events(mail: &mut Mail) -> Vec<(NotificationType, ObjectEvent)> {
    let event = |(_, data): (u32, NotificationData)| match data.event {
        Event::Object(ref event) => (data.notification_type(), event.clone()),
        ref other => panic!("{other:?}"),
    };
    notified(mail).into_iter().map(event).collect()
}

/// The same, with the objects only.
fn objects(mail: &mut Mail) -> Vec<(NotificationType, FolderId, Option<MessageId>)> {
    let object = |(kind, event): (NotificationType, ObjectEvent)| (kind, event.folder_id, event.message_id);
    events(mail).into_iter().map(object).collect()
}

//! Subscriptions to notifications ([MS-OXCNOTIF] 3.1.5.1).

use mapi::ErrorCode;
use mapi::rop::notification::RopRegisterNotificationRequest;
use mapi::rop::{Empty, ResponseBody};
use store::ObjectId;

use super::context::Context;
use super::folder::visible;
use super::outcome::{Outcome, Success};
use crate::notify::subscription::{Interest, Scope};
use crate::refusal::Refusal;
use crate::session::Object;
use crate::session::logon::{OWNER, READ_ANY};

/// `RopRegisterNotification` ([MS-OXCNOTIF] 2.2.1.2.1). A folder or message that the user may not see does not exist.
pub(super) fn register(context: &Context<'_>, request: &RopRegisterNotificationRequest) -> Outcome {
    let (logon, backend) = (context.logon()?, context.backend());
    let types = request.notification_types;
    let scope = match &request.scope {
        None => Scope::Mailbox,
        Some(scope) => {
            let (folder, id) = (ObjectId::from(scope.folder_id), ObjectId::from(scope.message_id));
            backend.read(|view| {
                visible(view, &logon, folder, false)?;
                if scope.message_id.0 == 0 {
                    return Ok(Scope::Folder(folder));
                }
                logon.require(view, folder, READ_ANY | OWNER)?;
                let message = view.message(logon.mailbox.id, id)?;
                if message.folder != folder || message.deleted {
                    return Err(Refusal(ErrorCode::MAPI_E_NOT_FOUND));
                }
                Ok(Scope::Message { folder, id })
            })?
        }
    };
    let object = Object::Subscription(Interest::Objects { types, scope });
    Ok(Success::opened(ResponseBody::RopRegisterNotification(Empty), &logon, object))
}

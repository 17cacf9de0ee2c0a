//! ROPs of clients that send and receive mail for the server ([MS-OXOMSG] 3.3.5.5 to 3.3.5.8).

use mapi::ErrorCode;
use mapi::rop::transport::RopTransportNewMailRequest;
use mapi::rop::{Empty, ResponseBody};
use store::ObjectId;

use super::context::Context;
use super::outcome::{Outcome, done};
use crate::refusal::Refusal;

/// `ecNotInQueue`: the message is not in the queue of the spooler ([MS-OXOMSG] 3.3.5.6).
const NOT_IN_QUEUE: ErrorCode = ErrorCode(0x8004_0601);

/// `RopSetSpooler`: the client sends messages that the server cannot send.
pub(super) fn set(context: &mut Context<'_>) -> Outcome {
    let logon = context.on_private_logon()?;
    if !logon.is_owner() {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    context.session.is_spooler = true;
    done(ResponseBody::RopSetSpooler(Empty))
}

/// `RopSpoolerLockMessage`. No message is in the queue of the spooler, since `RopSubmitMessage` accepts none for it.
pub(super) fn lock_message(context: &Context<'_>) -> Outcome {
    context.on_private_logon()?;
    Err(if context.session.is_spooler { NOT_IN_QUEUE } else { ErrorCode::MAPI_E_NO_SUPPORT }.into())
}

/// `RopTransportNewMail`: the client has received a message. It is notified as one that was delivered.
pub(super) fn new_mail(context: &Context<'_>, request: &RopTransportNewMailRequest) -> Outcome {
    let (logon, backend) = (context.on_private_logon()?, context.backend());
    if !logon.is_owner() {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let (mailbox, folder) = (logon.mailbox.id, ObjectId::from(request.folder_id));
    let id = ObjectId::from(request.message_id);
    backend.write(backend.now(), |change| {
        let message = change.message(mailbox, id)?;
        if message.folder != folder || message.deleted {
            return Err(Refusal(ErrorCode::MAPI_E_NOT_FOUND));
        }
        change.delivered(mailbox, folder, id);
        Ok(())
    })?;
    done(ResponseBody::RopTransportNewMail(Empty))
}

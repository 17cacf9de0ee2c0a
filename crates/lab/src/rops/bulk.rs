//! ROPs on several messages of a folder: deletion, moving and copying, read state ([MS-OXCFOLD] 3.2.5.6 to 3.2.5.11,
//! [MS-OXCMSG] 3.2.5.10).

use mapi::ErrorCode;
use mapi::data::MessageId;
use mapi::rop::folder::{
    DeleteMessagesRequest, MoveCompletion, PartialCompletion, RopMoveCopyMessagesRequest,
};
use mapi::rop::message::{ReadFlags, RopSetReadFlagsRequest, RopSetReadFlagsResponse};
use mapi::rop::{Bool, ResponseBody};
use store::{Change, MailboxId, ObjectId};

use super::context::Context;
use super::outcome::{Outcome, done};
use crate::refusal::Refusal;
use crate::session::logon::{CREATE, DELETE_ANY, OWNER, READ_ANY};
use crate::session::{Object, Opened};

/// Flags of `RopSetReadFlags` that have no effect beyond the read state: the lab sends no receipts.
const READ_FLAGS: u8 = 0x05;

/// Calls `act` with each message that is in `folder`. Returns whether some are not, or no longer.
fn for_each(
    change: &Change<'_>,
    (mailbox, folder): (MailboxId, ObjectId),
    ids: &[MessageId],
    mut act: impl FnMut(ObjectId) -> store::Result<()>,
) -> Result<Bool, Refusal> {
    let mut partial = Bool::FALSE;
    for id in ids.iter().copied().map(ObjectId::from) {
        let found = match change.message(mailbox, id) {
            Ok(message) => message.folder == folder && !message.deleted,
            Err(store::Error::NotFound(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if found {
            act(id)?;
        } else {
            partial = Bool::TRUE;
        }
    }
    Ok(partial)
}

/// `RopDeleteMessages` and `RopHardDeleteMessages` ([MS-OXCFOLD] 3.2.5.9, 3.2.5.10).
pub(super) fn delete(
    context: &Context<'_>,
    request: &DeleteMessagesRequest,
    soft: bool,
    body: fn(PartialCompletion) -> ResponseBody,
) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let mailbox = logon.mailbox.id;
    let partial_completion = backend.write(backend.now(), |change| {
        logon.require(change, folder, DELETE_ANY | OWNER)?;
        for_each(change, (mailbox, folder), &request.message_ids.0, |id| {
            change.delete_message(mailbox, id, soft)
        })
    })?;
    done(body(PartialCompletion { partial_completion }))
}

/// `RopMoveCopyMessages`, within one mailbox ([MS-OXCFOLD] 3.2.5.6).
pub(super) fn move_or_copy(context: &Context<'_>, request: &RopMoveCopyMessagesRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let mailbox = logon.mailbox.id;
    let destination = context.handles.get(usize::from(request.dest_handle_index.0));
    let destination = destination.and_then(|handle| context.session.objects.get(*handle));
    let target = match destination.ok_or(ErrorCode::EC_DST_NULL_OBJECT)? {
        Opened { logon, object: Object::Folder(target) } if logon.mailbox.id == mailbox => *target,
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    let copy = request.want_copy.is_true();
    let partial_completion = backend.write(backend.now(), |change| {
        logon.require(change, folder, READ_ANY | OWNER)?;
        logon.require(change, target, CREATE)?;
        if !copy {
            logon.require(change, folder, DELETE_ANY | OWNER)?;
        }
        for_each(change, (mailbox, folder), &request.message_ids.0, |id| {
            if copy {
                change.copy_message(mailbox, id, mailbox, target).map(drop)
            } else {
                change.move_message(mailbox, id, mailbox, target).map(drop)
            }
        })
    })?;
    done(ResponseBody::RopMoveCopyMessages(MoveCompletion { dest_handle_index: None, partial_completion }))
}

/// `RopSetReadFlags` ([MS-OXCMSG] 3.2.5.10). There are no receipts.
pub(super) fn set_read_flags(context: &Context<'_>, request: &RopSetReadFlagsRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let mailbox = logon.mailbox.id;
    let read = is_read(request.read_flags)?;
    let partial_completion = backend.write(backend.now(), |change| {
        logon.require(change, folder, READ_ANY | OWNER)?;
        for_each(change, (mailbox, folder), &request.message_ids.0, |id| {
            change.set_read(mailbox, id, read).map(drop)
        })
    })?;
    done(ResponseBody::RopSetReadFlags(RopSetReadFlagsResponse { partial_completion }))
}

/// Whether a message with these flags is marked as read, or as unread.
pub(super) fn is_read(flags: ReadFlags) -> Result<bool, Refusal> {
    if flags.0 & !READ_FLAGS != 0 {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    Ok(!flags.contains(ReadFlags::RF_CLEAR_READ_FLAG))
}

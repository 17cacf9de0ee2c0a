//! ROPs on several messages of a folder: deletion, moving and copying, read state ([MS-OXCFOLD] 3.2.5.6, 3.2.5.11,
//! 3.2.5.12, [MS-OXCMSG] 3.2.5.10).

use std::collections::BTreeMap;

use mapi::ErrorCode;
use mapi::data::MessageId;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::folder::{
    DeleteMessagesRequest, MoveCompletion, PartialCompletion, RopMoveCopyMessagesRequest,
};
use mapi::rop::message::{
    MessageStatusFlags, RopGetMessageStatusRequest, RopSetMessageStatusRequest, RopSetMessageStatusResponse,
    RopSetReadFlagsRequest, RopSetReadFlagsResponse,
};
use mapi::rop::{Bool, ResponseBody};
use store::{Change, FolderKind, MailboxId, ObjectId, ValueSource, View};

use super::context::Context;
use super::outcome::{Outcome, done};
use super::tree::CopyBudget;
use crate::quota;
use crate::receipt::{self, ReadRequest};
use crate::refusal::Refusal;
use crate::search::for_each_hit;
use crate::session::logon::{CREATE, DELETE_ANY, DELETE_OWN, EDIT_ANY, Logon, OWNER, READ_ANY};

/// Calls `act` with each message that is in `folder`. Returns whether some are not, or no longer.
fn for_each(
    change: &Change<'_>,
    (mailbox, folder): (MailboxId, ObjectId),
    ids: &[MessageId],
    mut act: impl FnMut(ObjectId) -> Result<(), Refusal>,
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

/// Calls `act` with each message that the search folder `folder` shows and that the user may copy or move from its own
/// folder. Returns whether some of `ids` are left out.
fn for_each_found(
    change: &Change<'_>,
    logon: &Logon,
    folder: ObjectId,
    (ids, copy): (&[MessageId], bool),
    mut act: impl FnMut(ObjectId) -> Result<(), Refusal>,
) -> Result<Bool, Refusal> {
    let mut found = BTreeMap::new();
    for_each_hit(change, logon, folder, |message, _| {
        found.insert(message.id, message.folder);
        Ok(())
    })?;
    let rights = if copy { READ_ANY | OWNER } else { DELETE_ANY | OWNER };
    let mut partial = Bool::FALSE;
    for id in ids.iter().copied().map(ObjectId::from) {
        match found.remove(&id) {
            Some(place) if logon.rights(change, place)? & rights != 0 => act(id)?,
            _ => partial = Bool::TRUE,
        }
    }
    Ok(partial)
}

/// `RopDeleteMessages` and `RopHardDeleteMessages` ([MS-OXCFOLD] 3.2.5.11, 3.2.5.12), with the non-read receipts that
/// the client requests.
pub(super) fn delete(
    context: &Context<'_>,
    request: &DeleteMessagesRequest,
    soft: bool,
    body: fn(PartialCompletion) -> ResponseBody,
) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let mailbox = logon.mailbox.id;
    let partial_completion = backend.write(backend.now(), |change| {
        logon.require(change, folder, DELETE_OWN | DELETE_ANY | OWNER)?;
        // The lab does not know who created a message, so that a user with this right can delete none.
        if logon.rights(change, folder)? & (DELETE_ANY | OWNER) == 0 {
            return Ok(Bool(u8::from(!request.message_ids.0.is_empty())));
        }
        for_each(change, (mailbox, folder), &request.message_ids.0, |id| {
            if request.notify_non_read.is_true() {
                receipt::deleted(&backend, change, &logon, id)?;
            }
            Ok(change.delete_message(mailbox, id, soft)?)
        })
    })?;
    done(body(PartialCompletion { partial_completion }))
}

/// `RopMoveCopyMessages`, within one mailbox ([MS-OXCFOLD] 3.2.5.6).
pub(super) fn move_or_copy(context: &Context<'_>, request: &RopMoveCopyMessagesRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let mailbox = logon.mailbox.id;
    let target = context.destination_folder(&logon)?;
    let copy = request.want_copy.is_true();
    let mut budget = CopyBudget::default();
    let partial_completion = quota::write(&backend, &logon.mailbox, backend.now(), |change| {
        logon.require(change, folder, READ_ANY | OWNER)?;
        logon.require(change, target, CREATE)?;
        if !copy {
            logon.require(change, folder, DELETE_ANY | OWNER)?;
        }
        let moved = |id| {
            if copy {
                budget.take_message(change.message(mailbox, id)?.size)?;
                change.copy_message(mailbox, id, mailbox, target)?;
            } else {
                change.move_message(mailbox, id, mailbox, target)?;
            }
            Ok(())
        };
        if change.folder(mailbox, folder)?.kind == FolderKind::Search {
            for_each_found(change, &logon, folder, (&request.message_ids.0, copy), moved)
        } else {
            for_each(change, (mailbox, folder), &request.message_ids.0, moved)
        }
    })?;
    done(ResponseBody::RopMoveCopyMessages(MoveCompletion { dest_handle_index: None, partial_completion }))
}

/// `RopSetReadFlags` ([MS-OXCMSG] 3.2.5.10).
pub(super) fn set_read_flags(context: &Context<'_>, request: &RopSetReadFlagsRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let mailbox = logon.mailbox.id;
    let read = ReadRequest::new(request.read_flags)?;
    let partial_completion = backend.write(backend.now(), |change| {
        logon.require(change, folder, READ_ANY | OWNER)?;
        for_each(change, (mailbox, folder), &request.message_ids.0, |id| {
            receipt::set_read(&backend, change, &logon, id, read).map(drop)
        })
    })?;
    done(ResponseBody::RopSetReadFlags(RopSetReadFlagsResponse { partial_completion }))
}

/// `RopSetMessageStatus` ([MS-OXCMSG] 3.2.5.8).
pub(super) fn set_status(context: &Context<'_>, request: &RopSetMessageStatusRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    let (mailbox, id) = (logon.mailbox.id, ObjectId::from(request.message_id));
    let (flags, mask) = (request.message_status_flags.0, request.message_status_mask.0);
    let before = backend.write(backend.now(), |change| {
        logon.require(change, folder, EDIT_ANY | OWNER)?;
        let before = status(change, (mailbox, folder), id)?;
        let status = (before & !mask) | (flags & mask);
        change.set_flags(mailbox, id, PropTag::PidTagMessageStatus, status)?;
        Ok::<_, Refusal>(before)
    })?;
    let message_status_flags = MessageStatusFlags(before);
    done(ResponseBody::RopSetMessageStatus(RopSetMessageStatusResponse { message_status_flags }))
}

/// `RopGetMessageStatus` ([MS-OXCMSG] 3.2.5.9). The response is that of `RopSetMessageStatus`.
pub(super) fn get_status(context: &Context<'_>, request: &RopGetMessageStatusRequest) -> Outcome {
    let (logon, folder) = context.folder()?;
    let found = context.backend().read(|view| {
        logon.require(view, folder, READ_ANY | OWNER)?;
        status(view, (logon.mailbox.id, folder), ObjectId::from(request.message_id))
    })?;
    let message_status_flags = MessageStatusFlags(found);
    done(ResponseBody::RopSetMessageStatus(RopSetMessageStatusResponse { message_status_flags }))
}

/// `PidTagMessageStatus` of a message in `folder`.
fn status(view: &View<'_>, (mailbox, folder): (MailboxId, ObjectId), id: ObjectId) -> Result<u32, Refusal> {
    let message = view.message(mailbox, id)?;
    if message.folder != folder || message.deleted {
        return Err(ErrorCode::MAPI_E_NOT_FOUND.into());
    }
    let value = view.value(message.content, ValueSource::Message, PropTag::PidTagMessageStatus)?;
    Ok(match value {
        Some(PropertyValue::Integer32(status)) => status.cast_unsigned(),
        _ => 0,
    })
}

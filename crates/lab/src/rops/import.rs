//! Messages that clients upload ([MS-OXCFXICS] 3.2.5.9.4.2, 3.2.5.9.4.4).

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::data::{Gid, MessageId};
use mapi::property::{PropTag, PropertyList, PropertyValue};
use mapi::rop::sync::{
    ImportFlag, RopSynchronizationImportMessageChangeRequest, RopSynchronizationImportMessageChangeResponse,
    RopSynchronizationImportMessageMoveRequest, RopSynchronizationImportMessageMoveResponse,
};
use mapi::rop::{ResponseBody, RopId};
use store::{Change, ContentEdit, Imported, Mailbox, Message, NewMessage, OWN_REPLICA, ObjectId, Relation};
use wire::{Decode as _, FileTime};

use super::context::Context;
use super::outcome::{Outcome, Success};
use crate::refusal::Refusal;
use crate::session::logon::{CREATE, DELETE_ANY, EDIT_ANY, Logon, OWNER, READ_ANY};
use crate::session::message::{Import, OpenMessage, Place};
use crate::session::{Object, Opened};
use crate::sync::collector::Collector;

/// `SyncObjectDeleted`: the object was deleted from the server ([MS-OXCFXICS] 3.3.4.3.3).
pub(super) const OBJECT_DELETED: ErrorCode = ErrorCode(0x8004_0800);
/// `SyncIgnore`: the server has this version or a newer one.
pub(super) const IGNORED: ErrorCode = ErrorCode(0x8004_0801);
/// `SyncConflict`: the server has another version.
const CONFLICT: ErrorCode = ErrorCode(0x8004_0802);
/// `NewerClientChange`: the client's version of a message that it moved is newer ([MS-OXCFXICS] 2.2.3.2.4.4.2).
const NEWER_CLIENT_CHANGE: ErrorCode = ErrorCode(0x0004_0821);
/// The class of messages that are uploaded without one.
const DEFAULT_CLASS: &str = "IPM.Note";
/// The properties that identify an uploaded version, in their order ([MS-OXCFXICS] 2.2.3.2.4.2.1).
const VERSION: [PropTag; 4] = [
    PropTag::PidTagSourceKey,
    PropTag::PidTagLastModificationTime,
    PropTag::PidTagChangeKey,
    PropTag::PidTagPredecessorChangeList,
];

/// The collector on which the ROP acts, and the handle of the collector.
pub(super) fn collector<'a>(
    context: &'a mut Context<'_>,
    is_contents: bool,
) -> Result<(u32, Arc<Logon>, &'a mut Collector), Refusal> {
    let handle = context.handle()?;
    match context.session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)? {
        Opened { logon, object: Object::Collector(collector) } if collector.is_contents == is_contents => {
            Ok((handle, Arc::clone(logon), collector))
        }
        _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    }
}

/// The id that a source key denotes.
///
/// # Errors
/// `ecInvalidParam` for ids of other replicas, which no object in a mailbox of the lab has.
pub(super) fn own_id(mailbox: &Mailbox, source_key: &[u8]) -> Result<ObjectId, ErrorCode> {
    let gid = Gid::from_bytes(source_key).ok().filter(|gid| gid.replica == mailbox.replica);
    let gid = gid.ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)?;
    Ok(ObjectId::new(OWN_REPLICA, gid.global_counter))
}

/// A version that a client made.
pub(super) fn imported(key: &[u8], predecessors: &[u8], modified: FileTime) -> Result<Imported, ErrorCode> {
    Imported::new(key, predecessors, modified).map_err(|_| ErrorCode::MAPI_E_INVALID_PARAMETER)
}

/// The values of a list, if it has exactly the properties `tags`, in this order.
pub(super) fn exactly<const N: usize>(
    list: &PropertyList,
    tags: [PropTag; N],
) -> Result<[&PropertyValue; N], ErrorCode> {
    let is_same =
        list.0.len() == N && list.0.iter().zip(tags).all(|(found, tag)| found.tag.is_same_property(tag));
    let values: Vec<&PropertyValue> = list.0.iter().map(|found| &found.value).collect();
    let values = <[&PropertyValue; N]>::try_from(values).ok().filter(|_| is_same);
    values.ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)
}

/// The bytes of a binary value.
pub(super) fn bytes(value: &PropertyValue) -> Result<&[u8], ErrorCode> {
    match value {
        PropertyValue::Binary(bytes) => Ok(bytes),
        _ => Err(ErrorCode::MAPI_E_INVALID_PARAMETER),
    }
}

pub(super) fn time(value: &PropertyValue) -> Result<FileTime, ErrorCode> {
    match value {
        PropertyValue::Time(time) => Ok(*time),
        _ => Err(ErrorCode::MAPI_E_INVALID_PARAMETER),
    }
}

/// `RopSynchronizationImportMessageChange`: opens the message, without what it contained ([MS-OXCFXICS] 3.2.5.9.4.2).
/// It is stored with `RopSaveChangesMessage`.
pub(super) fn message_change(
    context: &mut Context<'_>,
    request: &RopSynchronizationImportMessageChangeRequest,
) -> Outcome {
    let backend = context.backend();
    let (collector, logon, &mut Collector { folder, .. }) = self::collector(context, true)?;
    let flags = request.import_flag;
    if flags.0 & !(ImportFlag::ASSOCIATED | ImportFlag::FAIL_ON_CONFLICT).0 != 0 {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let [source_key, modified, key, predecessors] = exactly(&request.property_values, VERSION)?;
    let id = own_id(&logon.mailbox, bytes(source_key)?)?;
    let version = imported(bytes(key)?, bytes(predecessors)?, time(modified)?)?;
    let associated = flags.contains(ImportFlag::ASSOCIATED);
    let import = Import { collector, id, version, fails: flags.contains(ImportFlag::FAIL_ON_CONFLICT) };
    let place = Place::Folder { folder, associated };
    let mut message = backend.read(|view| match view.message(logon.mailbox.id, id) {
        Ok(stored) => {
            editable(view, &logon, &stored, place)?;
            accepted(&import, &stored)?;
            let message = OpenMessage::load(view, place, stored.content, ContentEdit::default())?;
            Ok(OpenMessage { stored: Some(stored), ..message })
        }
        Err(store::Error::NotFound(_)) if view.is_local_id(logon.mailbox.id, &logon.user, id)? => {
            logon.require(view, folder, CREATE)?;
            Ok(OpenMessage::new(place, ContentEdit::default()))
        }
        Err(store::Error::NotFound(_)) => Err(Refusal(OBJECT_DELETED)),
        Err(error) => Err(error.into()),
    })?;
    message.clear();
    // Each message has a class, also one that is uploaded without it ([MS-OXCMSG] 2.2.1.3).
    message.set(PropTag::PidTagMessageClass, PropertyValue::from(DEFAULT_CLASS));
    message.import = Some(import);
    let response = RopSynchronizationImportMessageChangeResponse { message_id: MessageId(0) };
    let body = ResponseBody::RopSynchronizationImportMessageChange(response);
    Ok(Success::opened(body, &logon, Object::Message(Box::new(message))))
}

/// Succeeds if the user may replace the content of a message, which is at `place`. A message that is in another
/// folder was deleted from this one.
fn editable(view: &store::View<'_>, logon: &Logon, stored: &Message, place: Place) -> Result<(), Refusal> {
    if stored.deleted || place != (Place::Folder { folder: stored.folder, associated: stored.associated }) {
        return Err(OBJECT_DELETED.into());
    }
    let rights = logon.rights(view, stored.folder)?;
    if rights & (EDIT_ANY | OWNER) == 0 {
        // A user who may not read the folder does not learn which messages exist.
        let code = if rights & READ_ANY != 0 { ErrorCode::MAPI_E_NO_ACCESS } else { OBJECT_DELETED };
        return Err(code.into());
    }
    Ok(())
}

/// How the version is related to the stored one, if it can replace it.
fn accepted(import: &Import, stored: &Message) -> Result<Relation, Refusal> {
    match import.version.relation(&stored.predecessors)? {
        Relation::Included => Err(IGNORED.into()),
        Relation::Conflict if import.fails => Err(CONFLICT.into()),
        relation => Ok(relation),
    }
}

/// Stores an uploaded message. Of versions that are in conflict, the one that was modified last is kept ([MS-OXCFXICS]
/// 3.1.5.6.2.2). Returns the message, and whether the client has this version.
pub(super) fn save(
    change: &Change<'_>,
    logon: &Logon,
    import: &Import,
    edit: &ContentEdit,
    place: (ObjectId, bool),
) -> Result<(Message, bool), Refusal> {
    let (mailbox, id, (folder, associated)) = (logon.mailbox.id, import.id, place);
    let stored = match change.message(mailbox, id) {
        Ok(stored) => stored,
        Err(store::Error::NotFound(_)) => {
            logon.require(change, folder, CREATE)?;
            if !change.assign_local_id(mailbox, &logon.user, id)? {
                return Err(OBJECT_DELETED.into());
            }
            let read = edit.set.integer(PropTag::PidTagMessageFlags).unwrap_or_default() & 1 != 0;
            let new = NewMessage { id: Some(id), associated, read, content: edit.clone() };
            change.create_message(mailbox, folder, &new)?;
            change.import_message_version(mailbox, id, &[], &import.version)?;
            return Ok((change.message(mailbox, id)?, true));
        }
        Err(error) => return Err(error.into()),
    };
    editable(change, logon, &stored, Place::Folder { folder, associated })?;
    let relation = accepted(import, &stored)?;
    if relation == Relation::Conflict && stored.modified >= import.version.modified {
        change.supersede_message(mailbox, id, &import.version)?;
    } else {
        change.change_message(mailbox, id, edit, None)?;
        change.import_message_version(mailbox, id, &stored.predecessors, &import.version)?;
    }
    Ok((change.message(mailbox, id)?, relation == Relation::Newer))
}

/// `RopSynchronizationImportMessageMove` ([MS-OXCFXICS] 3.2.5.9.4.4).
pub(super) fn message_move(
    context: &mut Context<'_>,
    request: &RopSynchronizationImportMessageMoveRequest,
) -> Outcome {
    let backend = context.backend();
    let (_, logon, &mut Collector { folder, .. }) = collector(context, true)?;
    let mailbox = logon.mailbox.id;
    let id = |bytes: &[u8]| own_id(&logon.mailbox, bytes);
    let (source, from) = (id(&request.source_folder_id.0)?, id(&request.source_message_id.0)?);
    let to = id(&request.destination_message_id.0)?;
    let client = imported(&request.change_number.0, &request.predecessor_change_list.0, FileTime(0))?;
    let (moved, is_known, code) = backend.write(backend.now(), |change| {
        logon.require(change, source, READ_ANY | OWNER)?;
        logon.require(change, source, DELETE_ANY | OWNER)?;
        logon.require(change, folder, CREATE)?;
        let stored = match change.message(mailbox, from) {
            Ok(stored) if stored.folder == source && !stored.deleted => stored,
            Ok(_) | Err(store::Error::NotFound(_)) => return Err(Refusal(OBJECT_DELETED)),
            Err(error) => return Err(error.into()),
        };
        if !change.assign_local_id(mailbox, &logon.user, to)? {
            return Err(OBJECT_DELETED.into());
        }
        change.move_message_as(mailbox, from, (mailbox, folder), to)?;
        let own = Imported {
            key: stored.change_key.clone(),
            predecessors: stored.predecessors.clone(),
            modified: stored.modified,
        };
        let relation = client.relation(&stored.predecessors)?;
        let (version, is_known, code) = match relation {
            Relation::Included if own.relation(&client.predecessors)? == Relation::Included => {
                (Imported { modified: stored.modified, ..client.clone() }, true, ErrorCode::SUCCESS)
            }
            Relation::Newer => (own, true, NEWER_CLIENT_CHANGE),
            // The client has to download the server's version.
            Relation::Included | Relation::Conflict => (own, false, ErrorCode::SUCCESS),
        };
        change.import_message_version(mailbox, to, &stored.predecessors, &version)?;
        change.renew_read_state(mailbox, to)?;
        Ok((change.message(mailbox, to)?, is_known, code))
    })?;
    let (_, _, collector) = collector(context, true)?;
    if is_known {
        collector.has(moved.id, moved.change, moved.associated);
    }
    // Only a response without a warning has fields ([MS-OXCROPS] 2.2.13.6.2, 2.2.13.6.3).
    let body = if code == ErrorCode::SUCCESS {
        let response = RopSynchronizationImportMessageMoveResponse { message_id: MessageId(0) };
        ResponseBody::RopSynchronizationImportMessageMove(response)
    } else {
        ResponseBody::Failed(RopId::RopSynchronizationImportMessageMove)
    };
    Ok(Success { code, ..Success::new(body) })
}

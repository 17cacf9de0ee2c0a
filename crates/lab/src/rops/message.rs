//! Messages ([MS-OXCMSG] 3.2.5).

use mapi::ErrorCode;
use mapi::data::{MessageId, PropertyProblem, TypedString};
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::message::{
    MessageOpenModeFlags, ReadStatusChange, RopCreateMessageRequest, RopCreateMessageResponse,
    RopOpenMessageRequest, RopOpenMessageResponse, RopSaveChangesMessageRequest,
    RopSaveChangesMessageResponse, RopSetMessageReadFlagRequest, RopSetMessageReadFlagResponse, SaveFlags,
};
use mapi::rop::transport::MessageFlags;
use mapi::rop::{Bool, InputHandleIndex, ResponseBody};
use store::{Change, ContentEdit, Message, NewMessage, ObjectId, View};
use wire::Encode as _;

use super::context::Context;
use super::outcome::{Found, Outcome, Permitted, Success, done};
use super::recipient::{opened_recipients, sync_display};
use crate::codepage::CodePage;
use crate::directory::Entry;
use crate::directory::properties::person_id;
use crate::quota;
use crate::receipt::{self, ReadRequest};
use crate::refusal::Refusal;
use crate::session::logon::{CREATE, EDIT_ANY, Logon, OWNER, READ_ANY};
use crate::session::message::{OpenMessage, Place};
use crate::session::{Object, Opened};
use crate::values::convert::size;
use crate::values::message::{COMPUTED, of_content, of_message, split_subject};

/// The size of a response to an open without its texts, columns and rows ([MS-OXCROPS] 2.2.6.1.2, 2.2.6.16.2).
const OPENED_SIZE: usize = 1 + 1 + 4 + 1 /* Reserved */ + 8 /* MessageId */ + 1 + 2 + 2 + 1;

/// `RopCreateMessage` ([MS-OXCMSG] 3.2.5.2).
pub(super) fn create(context: &Context<'_>, request: &RopCreateMessageRequest) -> Outcome {
    let logon = match context.opened()? {
        Opened { logon, object: Object::Logon | Object::Folder(_) } => logon.clone(),
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    let folder = ObjectId::from(request.folder_id);
    context.backend().read(|view| {
        super::folder::visible(view, &logon, folder, false)?;
        logon.require(view, folder, CREATE)
    })?;
    let (backend, key) = (context.backend(), context.backend().search_key());
    let user = backend.directory.entry(context.session.user).ok_or(ErrorCode::EC_UNKNOWN_USER)?;
    let place = Place::Folder { folder, associated: request.associated_flag.is_true() };
    let mut message = OpenMessage::new(place, ContentEdit::default());
    let flags = MessageFlags::MF_READ | MessageFlags::MF_UNSENT | MessageFlags::MF_EVER_READ;
    for (tag, value) in [
        (PropTag::PidTagMessageClass, PropertyValue::from("IPM.Note")),
        (PropTag::PidTagImportance, PropertyValue::Integer32(1)),
        (PropTag::PidTagSensitivity, PropertyValue::Integer32(0)),
        (PropTag::PidTagMessageFlags, PropertyValue::Integer32(flags.0.cast_signed())),
        (PropTag::PidTagHasAttachments, PropertyValue::Boolean(false)),
        (PropTag::PidTagTrustSender, PropertyValue::Integer32(1)),
        (PropTag::PidTagSearchKey, PropertyValue::Binary(key.to_le().to_vec())),
        (PropTag::PidTagCreatorName, PropertyValue::from(user.display_name.as_str())),
        (PropTag::PidTagCreatorEntryId, PropertyValue::Binary(person_id(&user.dn))),
    ] {
        message.set(tag, value);
    }
    set_modifier(&mut message, user);
    let response = RopCreateMessageResponse { has_message_id: Bool::FALSE, message_id: None };
    let body = ResponseBody::RopCreateMessage(response);
    Ok(Success::opened(body, &logon, Object::Message(Box::new(message))))
}

/// Notes who has changed a message last.
fn set_modifier(message: &mut OpenMessage, user: &Entry) {
    message.set(PropTag::PidTagLastModifierName, PropertyValue::from(user.display_name.as_str()));
    message.set(PropTag::PidTagLastModifierEntryId, PropertyValue::Binary(person_id(&user.dn)));
}

/// `RopOpenMessage` ([MS-OXCMSG] 3.2.5.1).
pub(super) fn open(context: &Context<'_>, request: &RopOpenMessageRequest) -> Outcome {
    let logon = match context.opened()? {
        Opened { logon, object: Object::Logon | Object::Folder(_) } => logon.clone(),
        _ => return Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    };
    let (folder, id) = (ObjectId::from(request.folder_id), ObjectId::from(request.message_id));
    let flags = request.open_mode_flags;
    let best = MessageOpenModeFlags::READ_WRITE | MessageOpenModeFlags::CREATE;
    let deleted = flags.contains(MessageOpenModeFlags::OPEN_SOFT_DELETED);
    let message = context.backend().read(|view| {
        let stored = view.message(logon.mailbox.id, id)?;
        let rights = logon.rights(view, stored.folder)?;
        if stored.folder != folder || rights == 0 || (stored.deleted && !deleted) {
            return Err(Refusal(ErrorCode::MAPI_E_NOT_FOUND));
        }
        logon.require(view, folder, READ_ANY | OWNER)?;
        let may_write = rights & (EDIT_ANY | OWNER) != 0 && !stored.deleted;
        let is_writable = flags.contains(MessageOpenModeFlags::READ_WRITE) && may_write;
        if flags.contains(MessageOpenModeFlags::READ_WRITE) && !flags.contains(best) && !may_write {
            return Err(Refusal(ErrorCode::MAPI_E_NO_ACCESS));
        }
        let place = Place::Folder { folder, associated: stored.associated };
        let message = OpenMessage::load(view, place, stored.content, ContentEdit::default())?;
        Ok(OpenMessage { stored: Some(stored), is_writable, ..message })
    })?;
    let body =
        ResponseBody::RopOpenMessage(Box::new(opened(&message, context.room, context.session.code_page)));
    Ok(Success::opened(body, &logon, Object::Message(Box::new(message))))
}

/// What a client receives about a message that it opens ([MS-OXCMSG] 2.2.3.1.2): with as many recipients as a response
/// of `room` bytes can have.
pub(super) fn opened(message: &OpenMessage, room: usize, code_page: CodePage) -> RopOpenMessageResponse {
    let text =
        |tag| message.properties.values.text(tag).map_or(TypedString::None, |text| TypedString::new(&text));
    let named = |tag: PropTag| tag.id() >= 0x8000;
    let has_named = message.properties.tags().any(named);
    let subject_prefix = text(PropTag::PidTagSubjectPrefix);
    let normalized_subject = text(PropTag::PidTagNormalizedSubject);
    let others =
        encoded(&subject_prefix).saturating_add(encoded(&normalized_subject)).saturating_add(OPENED_SIZE);
    RopOpenMessageResponse {
        has_named_properties: Bool(u8::from(has_named)),
        subject_prefix,
        normalized_subject,
        recipients: opened_recipients(message, room.saturating_sub(others), code_page),
    }
}

/// The size of an encoded text.
fn encoded(text: &TypedString) -> usize {
    text.to_bytes().map_or(usize::MAX, |bytes| bytes.len())
}

/// `RopReloadCachedInformation` ([MS-OXCMSG] 3.2.5.7).
pub(super) fn reload(context: &mut Context<'_>) -> Outcome {
    let (room, code_page) = (context.room, context.session.code_page);
    let (_, _, message) = context.message()?;
    done(ResponseBody::RopReloadCachedInformation(Box::new(opened(message, room, code_page))))
}

/// `RopSaveChangesMessage` ([MS-OXCMSG] 3.2.5.3). A message that another client has changed since it was opened is
/// saved only with `ForceSave`.
pub(super) fn save(context: &mut Context<'_>, request: &RopSaveChangesMessageRequest) -> Outcome {
    let backend = context.backend();
    let user = backend.directory.entry(context.session.user).ok_or(ErrorCode::EC_UNKNOWN_USER)?;
    let (_, logon, message) = context.message()?;
    if !message.is_writable {
        // As Exchange 2013 does ([MS-OXCMSG] 3.2.5.3).
        return Err(ErrorCode::MAPI_E_CALL_FAILED.into());
    }
    sync_display(message);
    set_modifier(message, user);
    let has_attachments = !message.attachment_numbers().is_empty();
    message.set(PropTag::PidTagHasAttachments, PropertyValue::Boolean(has_attachments));
    let force = request.save_flags.contains(SaveFlags::FORCE_SAVE);
    let message_id = match message.place {
        Place::Folder { folder, associated } => {
            let import = message.import.clone();
            let place = (folder, associated);
            let (saved, is_known) =
                quota::write(&backend, &logon.mailbox, backend.now(), |change| match &import {
                    Some(import) => {
                        let (stored, is_known) =
                            super::import::save(change, &logon, import, &message.edit, place)?;
                        Ok((loaded(change, message, stored)?, is_known))
                    }
                    None => Ok::<_, Refusal>((save_in_folder(change, &logon, message, place, force)?, false)),
                })?;
            *message = saved;
            let stored = message.stored.as_ref().map(|stored| (stored.id, stored.change));
            if let (true, Some(import), Some((id, change))) = (is_known, import, stored)
                && let Some(Opened { object: Object::Collector(collector), .. }) =
                    context.session.objects.get_mut(import.collector)
            {
                collector.has(id, change, associated);
            }
            stored.map(|(id, _)| id.message_id()).unwrap_or_default()
        }
        Place::Attachment(handle) => {
            let edit = message.edit.clone();
            context.session.objects.check_room(message_size(&edit))?;
            match context.session.objects.get_mut(handle).ok_or(ErrorCode::EC_NULL_OBJECT)? {
                Opened { object: Object::Attachment(attachment), .. } if attachment.is_writable => {
                    attachment.edit.embedded = Some(Box::new(edit));
                }
                _ => return Err(ErrorCode::MAPI_E_NO_ACCESS.into()),
            }
            MessageId::default()
        }
    };
    if !request.save_flags.contains(SaveFlags::KEEP_OPEN_READ_WRITE) && !force {
        context.message()?.2.is_writable = false;
    }
    done(ResponseBody::RopSaveChangesMessage(RopSaveChangesMessageResponse {
        input_handle_index: InputHandleIndex(request.input_handle_index.0),
        message_id,
    }))
}

fn message_size(edit: &ContentEdit) -> usize {
    edit.set.iter().fold(0, |sum, (_, value)| sum.saturating_add(size(value)))
}

/// Saves a message, and returns it as it is in the store then.
pub(super) fn save_in_folder(
    change: &Change<'_>,
    logon: &Logon,
    message: &OpenMessage,
    (folder, associated): (ObjectId, bool),
    force: bool,
) -> Result<OpenMessage, Refusal> {
    let (mailbox, edit) = (logon.mailbox.id, &message.edit);
    let stored = match &message.stored {
        None => {
            logon.require(change, folder, CREATE)?;
            let read = edit.set.integer(PropTag::PidTagMessageFlags).unwrap_or_default() & 1 != 0;
            let new = NewMessage { id: None, associated, read, content: edit.clone() };
            change.create_message(mailbox, folder, &new)?
        }
        Some(stored) => {
            logon.require(change, folder, EDIT_ANY | OWNER | CREATE)?;
            let saved = change.change_message(mailbox, stored.id, edit, (!force).then_some(stored.change));
            saved.map_err(|error| match error {
                store::Error::NotFound(_) => Refusal(ErrorCode::MAPI_E_OBJECT_DELETED),
                other => other.into(),
            })?
        }
    };
    Ok(loaded(change, message, stored)?)
}

/// A message that was saved, as it is in the store.
fn loaded(view: &View<'_>, message: &OpenMessage, stored: Message) -> store::Result<OpenMessage> {
    let loaded = OpenMessage::load(view, message.place, stored.content, ContentEdit::default())?;
    let next_attachment = loaded.next_attachment.max(message.next_attachment);
    let recipient_columns = message.recipient_columns.clone();
    Ok(OpenMessage { stored: Some(stored), next_attachment, recipient_columns, ..loaded })
}

/// `RopSetMessageReadFlag` ([MS-OXCMSG] 3.2.5.11).
pub(super) fn set_read(context: &mut Context<'_>, request: &RopSetMessageReadFlagRequest) -> Outcome {
    let backend = context.backend();
    let read = ReadRequest::new(request.read_flags)?;
    let (_, logon, message) = context.message()?;
    let stored = message.stored.as_mut().ok_or(ErrorCode::MAPI_E_NO_SUPPORT)?;
    let before = stored.read;
    let (now, flags) = backend.write(backend.now(), |change| {
        logon.require(change, stored.folder, READ_ANY | OWNER)?;
        receipt::set_read(&backend, change, &logon, stored.id, read)
    })?;
    stored.read = now.read;
    if let Some(flags) = flags {
        let flags = PropertyValue::Integer32(flags.0.cast_signed());
        message.properties.values.set(PropTag::PidTagMessageFlags, flags);
    }
    // Only clients of public folders receive the change ([MS-OXCROPS] 2.2.6.11.2).
    let change = request.client_data.filter(|_| before != now.read);
    let change =
        change.map(|client_data| ReadStatusChange { logon_id: context.request.logon_id, client_data });
    let read_status_changed = Bool(u8::from(change.is_some()));
    let response = RopSetMessageReadFlagResponse { read_status_changed, change };
    done(ResponseBody::RopSetMessageReadFlag(response))
}

/// The properties `tags` of a message, or all.
pub(super) fn properties(
    view: &View<'_>,
    logon: &Logon,
    message: &OpenMessage,
    tags: Option<&[PropTag]>,
) -> store::Result<Found> {
    let all: Vec<PropTag> = if let Some(tags) = tags {
        tags.to_vec()
    } else {
        let computed = COMPUTED.into_iter().filter(|_| message.stored.is_some());
        message.properties.tags().chain(computed).chain([PropTag::PidTagSubject]).collect()
    };
    let one = |tag: PropTag| {
        let found = match &message.stored {
            Some(stored) => of_message(&logon.mailbox, stored, &message.properties.values, tag),
            None => of_content(&message.properties.values, tag),
        };
        match found {
            Some(value) => Ok(Some(value)),
            None => message.properties.value_for_response(view, message.source(), tag),
        }
    };
    all.into_iter().map(|tag| Ok((tag, one(tag)?))).collect()
}

/// Sets and deletes properties of a message. Those that the server computes are refused.
pub(super) fn change(
    context: &mut Context<'_>,
    set: &[TaggedValue],
    deleted: &[PropTag],
) -> Result<Vec<PropertyProblem>, Refusal> {
    context.writable_message()?;
    let more = set.iter().map(|value| size(&value.value)).fold(0, usize::saturating_add);
    context.session.objects.check_room(more)?;
    let message = context.writable_message()?;
    let permitted = Permitted::new(set, deleted, &COMPUTED);
    for TaggedValue { tag, value } in permitted.set {
        if tag.is_same_property(PropTag::PidTagSubject) {
            let subject = value.to_text().ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)?;
            let (prefix, normalized) = split_subject(&subject);
            message.set(PropTag::PidTagSubjectPrefix, PropertyValue::from(prefix));
            message.set(PropTag::PidTagNormalizedSubject, PropertyValue::from(normalized));
        } else {
            message.set(*tag, value.clone());
        }
    }
    for tag in permitted.deleted {
        if tag.is_same_property(PropTag::PidTagSubject) {
            message.remove(PropTag::PidTagSubjectPrefix);
            message.remove(PropTag::PidTagNormalizedSubject);
        } else {
            message.remove(tag);
        }
    }
    Ok(permitted.problems)
}

//! Attachments and embedded messages ([MS-OXCMSG] 3.2.5.12 to 3.2.5.18).

use mapi::ErrorCode;
use mapi::data::{MessageId, PropertyProblem};
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::attachment::{
    OpenAttachmentFlags, RopCreateAttachmentResponse, RopDeleteAttachmentRequest,
    RopGetValidAttachmentsResponse, RopOpenAttachmentRequest, RopOpenEmbeddedMessageRequest,
    RopOpenEmbeddedMessageResponse, RopSaveChangesAttachmentRequest,
};
use mapi::rop::message::{MessageOpenModeFlags, RopOpenMessageResponse, SaveFlags};
use mapi::rop::{Empty, ResponseBody};
use store::{AttachmentEdit, ContentEdit, View};

use super::context::Context;
use super::message::opened;
use super::outcome::{Found, Outcome, Permitted, Success, done};
use crate::refusal::Refusal;
use crate::session::message::{OpenAttachment, OpenMessage, Place};
use crate::session::properties::OpenProperties;
use crate::session::table::{Notified, Source, Table, TableKind};
use crate::session::{Object, Opened};
use crate::values::convert::size;

/// How many messages can be embedded in one another; the store permits more.
const DEPTH_MAX: usize = 32;
/// The most attachments of a message.
pub(super) const ATTACHMENTS_MAX: usize = 1000;
/// The size of a response to `RopGetValidAttachments` without the numbers ([MS-OXCROPS] 2.2.6.18.2).
const VALID_SIZE: usize = 1 + 1 + 4 + 4;
/// `afEmbeddedMessage`: the attachment is a message ([MS-OXCMSG] 2.2.2.9).
const EMBEDDED: i32 = 5;
/// `MAPI_ATTACH` ([MS-OXCPRPT] 2.2.1.7).
const ATTACHMENT: i32 = 7;
/// Properties that the server computes.
pub(super) const COMPUTED: [PropTag; 4] = [
    PropTag::PidTagAttachNumber,
    PropTag::PidTagAttachSize,
    PropTag::PidTagObjectType,
    PropTag::PidTagRecordKey,
];

/// `RopCreateAttachment` ([MS-OXCMSG] 3.2.5.13).
pub(super) fn create(context: &mut Context<'_>) -> Outcome {
    let (handle, logon, now) = (context.handle()?, context.logon()?, context.backend().now());
    let message = context.writable_message()?;
    if message.attachment_numbers().len() >= ATTACHMENTS_MAX {
        return Err(ErrorCode::MAPI_E_TOO_BIG.into());
    }
    let number = message.next_attachment;
    message.next_attachment = number.saturating_add(1);
    let mut attachment = OpenAttachment {
        message: handle,
        number,
        content: None,
        properties: OpenProperties::default(),
        embedded: None,
        edit: AttachmentEdit::default(),
        is_writable: true,
    };
    for (tag, value) in [
        (PropTag::PidTagRenderingPosition, PropertyValue::Integer32(-1)),
        (PropTag::PidTagCreationTime, PropertyValue::Time(now)),
        (PropTag::PidTagLastModificationTime, PropertyValue::Time(now)),
    ] {
        attachment.set(tag, value);
    }
    let body = ResponseBody::RopCreateAttachment(RopCreateAttachmentResponse { attachment_id: number });
    Ok(Success::opened(body, &logon, Object::Attachment(Box::new(attachment))))
}

/// `RopOpenAttachment` ([MS-OXCMSG] 3.2.5.12).
pub(super) fn open(context: &mut Context<'_>, request: &RopOpenAttachmentRequest) -> Outcome {
    let (handle, logon, message) = context.message()?;
    let attachment = message.attachment(handle, request.attachment_id).ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
    let is_writable = match request.open_attachment_flags {
        OpenAttachmentFlags::READ_ONLY => false,
        OpenAttachmentFlags::READ_WRITE if !message.is_writable => {
            return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
        }
        OpenAttachmentFlags::READ_WRITE | OpenAttachmentFlags::BEST_ACCESS => message.is_writable,
        _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    };
    context.session.objects.check_room(attachment.size())?;
    let object = Object::Attachment(Box::new(OpenAttachment { is_writable, ..attachment }));
    Ok(Success::opened(ResponseBody::RopOpenAttachment(Empty), &logon, object))
}

/// `RopGetValidAttachments`: the attachments that are saved in the message ([MS-OXCMSG] 2.2.3.18).
pub(super) fn valid(context: &mut Context<'_>) -> Outcome {
    let room = context.room;
    let attachment_ids: Vec<u32> = context.message()?.2.attachments.keys().copied().collect();
    if attachment_ids.len().saturating_mul(4).saturating_add(VALID_SIZE) > room {
        return Err(ErrorCode::EC_BUFFER_TOO_SMALL.into());
    }
    let response = RopGetValidAttachmentsResponse { attachment_ids, is_short: false };
    done(ResponseBody::RopGetValidAttachments(response))
}

/// `RopDeleteAttachment` ([MS-OXCMSG] 3.2.5.14).
pub(super) fn delete(context: &mut Context<'_>, request: &RopDeleteAttachmentRequest) -> Outcome {
    if !context.writable_message()?.remove_attachment(request.attachment_id) {
        return Err(ErrorCode::MAPI_E_NOT_FOUND.into());
    }
    done(ResponseBody::RopDeleteAttachment(Empty))
}

/// `RopSaveChangesAttachment`: the attachment is in the store once the message is saved ([MS-OXCMSG] 3.2.5.15).
pub(super) fn save(context: &mut Context<'_>, request: &RopSaveChangesAttachmentRequest) -> Outcome {
    let (handle, _, attachment) = context.attachment()?;
    if !attachment.is_writable {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let (message, number, edit) = (attachment.message, attachment.number, attachment.edit.clone());
    context.session.objects.check_room(attachment_size(context, handle))?;
    match context.session.objects.get_mut(message).ok_or(ErrorCode::EC_NULL_OBJECT)? {
        Opened { object: Object::Message(message), .. } if message.is_writable => {
            message.edit.attachments.insert(number, edit);
        }
        _ => return Err(ErrorCode::MAPI_E_NO_ACCESS.into()),
    }
    let keep = SaveFlags::KEEP_OPEN_READ_WRITE | SaveFlags::FORCE_SAVE;
    if !request.save_flags.intersects(keep) {
        context.attachment()?.2.is_writable = false;
    }
    done(ResponseBody::RopSaveChangesAttachment(Empty))
}

fn attachment_size(context: &Context<'_>, handle: u32) -> usize {
    match context.session.objects.get(handle).map(|opened| &opened.object) {
        Some(Object::Attachment(attachment)) => attachment.size(),
        _ => 0,
    }
}

/// `RopGetAttachmentTable` ([MS-OXCMSG] 3.2.5.17).
pub(super) fn table(context: &mut Context<'_>) -> Outcome {
    let (handle, logon, message) = context.message()?;
    let attachments = message.attachment_numbers();
    let attachments = attachments.iter().filter_map(|number| message.attachment(handle, *number));
    let rows = attachments.map(|attachment| {
        let mut row = attachment.properties.values.clone();
        for tag in COMPUTED {
            if let Some(value) = computed(&attachment, tag) {
                row.set(tag, value);
            }
        }
        row
    });
    let table = Table::new(Source::Fixed(rows.collect(), TableKind::Other), Notified::Never);
    let object = Object::Table(Box::new(table));
    Ok(Success::opened(ResponseBody::RopGetAttachmentTable(Empty), &logon, object))
}

/// A property that the server computes.
fn computed(attachment: &OpenAttachment, tag: PropTag) -> Option<PropertyValue> {
    let number = |count: u64| PropertyValue::Integer32(i32::try_from(count).unwrap_or(i32::MAX));
    if tag.is_same_property(PropTag::PidTagAttachNumber) {
        Some(number(attachment.number.into()))
    } else if tag.is_same_property(PropTag::PidTagObjectType) {
        Some(PropertyValue::Integer32(ATTACHMENT))
    } else if tag.is_same_property(PropTag::PidTagRecordKey) {
        Some(PropertyValue::Binary(attachment.number.to_le_bytes().to_vec()))
    } else if tag.is_same_property(PropTag::PidTagAttachSize) {
        let small =
            attachment.properties.values.iter().map(|(_, value)| size(value)).fold(0, usize::saturating_add);
        let large = attachment.properties.large.values().copied().fold(0, u64::saturating_add);
        Some(number(large.saturating_add(u64::try_from(small).unwrap_or(u64::MAX))))
    } else {
        None
    }
}

/// The properties `tags` of an attachment, or all.
pub(super) fn properties(
    view: &View<'_>,
    attachment: &OpenAttachment,
    tags: Option<&[PropTag]>,
) -> store::Result<Found> {
    let all: Vec<PropTag> = if let Some(tags) = tags {
        tags.to_vec()
    } else {
        let own = attachment.properties.tags();
        own.filter(|tag| !COMPUTED.contains(tag)).chain(COMPUTED).collect()
    };
    let one = |tag| match computed(attachment, tag) {
        Some(value) => Ok(Some(value)),
        None => attachment.properties.value_for_response(view, attachment.source(), tag),
    };
    all.into_iter().map(|tag| Ok((tag, one(tag)?))).collect()
}

/// Sets and deletes properties of an attachment.
pub(super) fn change(
    context: &mut Context<'_>,
    set: &[TaggedValue],
    deleted: &[PropTag],
) -> Result<Vec<PropertyProblem>, Refusal> {
    let more = set.iter().map(|value| size(&value.value)).fold(0, usize::saturating_add);
    context.session.objects.check_room(more)?;
    let (_, _, attachment) = context.attachment()?;
    if !attachment.is_writable {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let permitted = Permitted::new(set, deleted, &COMPUTED);
    for TaggedValue { tag, value } in permitted.set {
        attachment.set(*tag, value.clone());
    }
    for tag in permitted.deleted {
        attachment.remove(tag);
    }
    Ok(permitted.problems)
}

/// `RopOpenEmbeddedMessage` ([MS-OXCMSG] 3.2.5.16).
pub(super) fn open_embedded(context: &mut Context<'_>, request: &RopOpenEmbeddedMessageRequest) -> Outcome {
    let (backend, room, code_page) = (context.backend(), context.room, context.session.code_page);
    if depth(context)? >= DEPTH_MAX {
        return Err(ErrorCode::MAPI_E_TOO_COMPLEX.into());
    }
    let (handle, logon, attachment) = context.attachment()?;
    let flags = request.open_mode_flags;
    let writes = flags.intersects(MessageOpenModeFlags::READ_WRITE | MessageOpenModeFlags::CREATE);
    if writes && !attachment.is_writable {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let pending = attachment.edit.embedded.as_deref().cloned();
    let place = Place::Attachment(handle);
    let mut message = match (attachment.embedded, pending) {
        (Some(content), pending) => {
            backend.read(|view| OpenMessage::load(view, place, content, pending.unwrap_or_default()))?
        }
        (None, Some(pending)) => OpenMessage::new(place, pending),
        (None, None) if flags.contains(MessageOpenModeFlags::CREATE) => {
            attachment.set(PropTag::PidTagAttachMethod, PropertyValue::Integer32(EMBEDDED));
            let mut message = OpenMessage::new(place, ContentEdit::default());
            message.set(PropTag::PidTagMessageClass, PropertyValue::from("IPM.Note"));
            message
        }
        (None, None) => return Err(ErrorCode::MAPI_E_NOT_FOUND.into()),
    };
    // Exchange 2010 and later open embedded messages for writing whatever the flags ([MS-OXCMSG] 2.2.3.16.1).
    message.is_writable = attachment.is_writable;
    context.session.objects.check_room(message.size())?;
    let RopOpenMessageResponse { has_named_properties, subject_prefix, normalized_subject, recipients } =
        opened(&message, room, code_page);
    let response = RopOpenEmbeddedMessageResponse {
        reserved: 0,
        message_id: MessageId::default(),
        has_named_properties,
        subject_prefix,
        normalized_subject,
        recipients,
    };
    let body = ResponseBody::RopOpenEmbeddedMessage(Box::new(response));
    Ok(Success::opened(body, &logon, Object::Message(Box::new(message))))
}

/// How many messages the attachment on which a ROP acts is embedded in.
fn depth(context: &Context<'_>) -> Result<usize, Refusal> {
    let (mut handle, mut depth) = (context.handle()?, 0_usize);
    while let Some(Opened { object, .. }) = context.session.objects.get(handle) {
        handle = match object {
            Object::Attachment(attachment) => attachment.message,
            Object::Message(message) => match message.place {
                Place::Attachment(attachment) => attachment,
                Place::Folder { .. } => break,
            },
            _ => break,
        };
        depth = depth.saturating_add(1);
        if depth > DEPTH_MAX.saturating_mul(2) {
            break;
        }
    }
    Ok(depth / 2)
}

//! Copying properties and nested objects from one object to another ([MS-OXCPRPT] 3.2.5.7, 3.2.5.8).

use mapi::ErrorCode;
use mapi::data::{PropertyProblem, PropertyProblemArray};
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::ResponseBody;
use mapi::rop::property::{CopyFlags, RopCopyPropertiesRequest, RopCopyPropertiesResponse, RopCopyToRequest};
use store::{AttachmentEdit, Recipient, View};

use super::attachment::{ATTACHMENTS_MAX, COMPUTED as OF_ATTACHMENTS};
use super::context::Context;
use super::outcome::{Outcome, done, problem};
use super::property::PROPERTIES_MAX;
use super::selection::Selection;
use crate::export::exported_attachment;
use crate::refusal::Refusal;
use crate::session::message::{OpenAttachment, OpenMessage, Place};
use crate::session::properties::OpenProperties;
use crate::session::{Object, Objects, Opened};
use crate::values::convert::size;
use crate::values::message::COMPUTED as OF_MESSAGES;

/// `MessageCycle`: a message would contain itself ([MS-OXCPRPT] 3.2.5.8).
const MESSAGE_CYCLE: ErrorCode = ErrorCode(0x0000_0504);

/// `RopCopyProperties` ([MS-OXCPRPT] 3.2.5.7).
pub(super) fn properties(context: &mut Context<'_>, request: &RopCopyPropertiesRequest) -> Outcome {
    let problems = copy(context, &Selection::Only(&request.property_tags.0), request.copy_flags)?;
    let response = RopCopyPropertiesResponse::Copied(PropertyProblemArray(problems));
    done(ResponseBody::RopCopyProperties(response))
}

/// `RopCopyTo` ([MS-OXCPRPT] 3.2.5.8).
pub(super) fn all(context: &mut Context<'_>, request: &RopCopyToRequest) -> Outcome {
    let nested = request.want_sub_objects.is_true();
    let problems =
        copy(context, &Selection::AllExcept(&request.excluded_tags.0, nested), request.copy_flags)?;
    done(ResponseBody::RopCopyTo(RopCopyPropertiesResponse::Copied(PropertyProblemArray(problems))))
}

/// Copies between two objects of one kind in one mailbox. What is moved stays at the source as well, as the
/// specification permits.
fn copy(
    context: &mut Context<'_>,
    selection: &Selection<'_>,
    flags: CopyFlags,
) -> Result<Vec<PropertyProblem>, Refusal> {
    let (Selection::Only(tags) | Selection::AllExcept(tags, _)) = selection;
    if flags.0 & !(CopyFlags::MOVE | CopyFlags::NO_OVERWRITE).0 != 0 || tags.len() > PROPERTIES_MAX {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let overwrites = !flags.contains(CopyFlags::NO_OVERWRITE);
    let from = context.handle()?;
    let (source, destination) = (context.opened()?, context.destination()?);
    let to = context.handles.get(usize::from(context.request.destination_index().unwrap_or_default()));
    let to = to.copied().ok_or(ErrorCode::EC_DST_NULL_OBJECT)?;
    if source.logon.mailbox.id != destination.logon.mailbox.id {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    match (&source.object, &destination.object) {
        (Object::Folder(from), Object::Folder(to)) if !flags.contains(CopyFlags::MOVE) => {
            super::copy_folder::copy(context, (*from, *to), selection, overwrites)
        }
        (Object::Message(source), Object::Message(destination)) => {
            check_cycle(&context.session.objects, from, to)?;
            let copied = copied_message(context, (from, source), destination, selection, overwrites)?;
            apply_to_message(&mut context.session.objects, to, copied)
        }
        (Object::Attachment(source), Object::Attachment(destination)) if from != to => {
            let has = |tag| !overwrites && destination.properties.tags().any(|own| own.is_same_property(tag));
            let chosen = chosen(&source.properties, selection, &OF_ATTACHMENTS, &has);
            let whole = matches!(selection, Selection::AllExcept(_, true));
            let whole = whole && destination.embedded.is_none() && destination.edit.embedded.is_none();
            let copy = context.backend().read(|view| {
                let bytes = attachment_bytes(view, source)?;
                context.session.objects.check_room(bytes)?;
                Ok::<_, Refusal>(exported_attachment(view, source)?)
            })?;
            apply_to_attachment(&mut context.session.objects, to, (copy, chosen, whole))
        }
        _ => Err(ErrorCode::MAPI_E_NO_SUPPORT.into()),
    }
}

/// Succeeds if the message `to` is not `from`, nor in one of its attachments.
fn check_cycle(objects: &Objects, from: u32, to: u32) -> Result<(), Refusal> {
    let mut at = to;
    loop {
        if at == from {
            return Err(MESSAGE_CYCLE.into());
        }
        let Some(Opened { object: Object::Message(message), .. }) = objects.get(at) else { return Ok(()) };
        let Place::Attachment(attachment) = message.place else { return Ok(()) };
        // Handles are not used again, so that a message is above those that were opened later.
        match objects.get(attachment) {
            Some(Opened { object: Object::Attachment(attachment), .. }) => at = attachment.message,
            _ => return Ok(()),
        }
    }
}

/// The tags to copy, and the problems with others.
struct Chosen {
    tags: Vec<PropTag>,
    problems: Vec<PropertyProblem>,
}

/// Chooses the properties of `source` to copy: not those in `computed`, nor those for which `is_kept` is true.
fn chosen(
    source: &OpenProperties,
    selection: &Selection<'_>,
    computed: &[PropTag],
    is_kept: &dyn Fn(PropTag) -> bool,
) -> Chosen {
    let is_computed = |tag: PropTag| computed.iter().any(|known| known.is_same_property(tag));
    let has_subject = matches!(selection, Selection::Only(_)) && selection.has(PropTag::PidTagSubject);
    let is_part = |tag: PropTag| {
        let parts = [PropTag::PidTagSubjectPrefix, PropTag::PidTagNormalizedSubject];
        has_subject && parts.iter().any(|part| part.is_same_property(tag))
    };
    let tags = source
        .tags()
        .filter(|tag| (selection.has(*tag) || is_part(*tag)) && !is_computed(*tag) && !is_kept(*tag));
    let tags: Vec<PropTag> = tags.collect();
    let mut problems = Vec::new();
    if let Selection::Only(wanted) = selection {
        for (index, tag) in wanted.iter().enumerate() {
            let is_nested = NESTED.iter().any(|nested| nested.is_same_property(*tag));
            let is_subject = tag.is_same_property(PropTag::PidTagSubject);
            if is_computed(*tag) {
                problems.push(problem(index, *tag, ErrorCode::MAPI_E_COMPUTED));
            } else if !is_nested && !is_subject && !source.tags().any(|own| own.is_same_property(*tag)) {
                problems.push(problem(index, *tag, ErrorCode::MAPI_E_NOT_FOUND));
            }
        }
    }
    Chosen { tags, problems }
}

/// The tags that stand for nested objects of messages.
const NESTED: [PropTag; 2] = [PropTag::PidTagMessageRecipients, PropTag::PidTagMessageAttachments];

/// What is copied to a message.
struct CopiedMessage {
    values: Vec<(PropTag, PropertyValue)>,
    recipients: Option<Vec<Recipient>>,
    attachments: Vec<AttachmentEdit>,
    problems: Vec<PropertyProblem>,
}

/// Reads what is copied to the message `destination`, if the session may hold so much.
fn copied_message(
    context: &Context<'_>,
    (handle, source): (u32, &OpenMessage),
    destination: &OpenMessage,
    selection: &Selection<'_>,
    overwrites: bool,
) -> Result<CopiedMessage, Refusal> {
    if !destination.is_writable {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let has = |tag| !overwrites && destination.properties.tags().any(|own| own.is_same_property(tag));
    let Chosen { tags, problems } = chosen(&source.properties, selection, &OF_MESSAGES, &has);
    let mut bytes = properties_bytes(&source.properties, &tags);
    let has_recipients = selection.has_nested(PropTag::PidTagMessageRecipients)
        && (overwrites || destination.recipients.is_empty());
    let recipients = has_recipients.then(|| source.recipients.clone());
    for recipient in recipients.iter().flatten() {
        bytes = recipient.properties.iter().fold(bytes, |sum, (_, value)| sum.saturating_add(size(value)));
    }
    let has_attachments = selection.has_nested(PropTag::PidTagMessageAttachments);
    let numbers = if has_attachments { source.attachment_numbers() } else { Vec::new() };
    if numbers.len().saturating_add(destination.attachment_numbers().len()) > ATTACHMENTS_MAX {
        return Err(ErrorCode::MAPI_E_TOO_BIG.into());
    }
    context.backend().read(|view| {
        let opened: Vec<_> = numbers.iter().filter_map(|number| source.attachment(handle, *number)).collect();
        for attachment in &opened {
            bytes = bytes.saturating_add(attachment_bytes(view, attachment)?);
        }
        context.session.objects.check_room(bytes)?;
        let mut values = Vec::with_capacity(tags.len());
        for tag in tags {
            if let Some(value) = source.properties.value(view, source.source(), tag)? {
                values.push((tag, value));
            }
        }
        let attachments = opened.iter().map(|attachment| exported_attachment(view, attachment));
        let attachments = attachments.collect::<store::Result<_>>()?;
        Ok(CopiedMessage { values, recipients, attachments, problems })
    })
}

/// The bytes of the properties `tags`, about.
fn properties_bytes(properties: &OpenProperties, tags: &[PropTag]) -> usize {
    let small = tags.iter().filter_map(|tag| properties.values.get(*tag)).map(size);
    let large = tags.iter().filter_map(|tag| properties.large.get(tag));
    let large = large.map(|size| usize::try_from(*size).unwrap_or(usize::MAX));
    small.chain(large).fold(0, usize::saturating_add)
}

/// The bytes of an attachment with the message in it, about.
fn attachment_bytes(view: &View<'_>, attachment: &OpenAttachment) -> store::Result<usize> {
    let tags: Vec<PropTag> = attachment.properties.tags().collect();
    let embedded = match attachment.embedded {
        Some(content) => usize::try_from(view.content_size(content)?).unwrap_or(usize::MAX),
        None => 0,
    };
    let own = properties_bytes(&attachment.properties, &tags);
    Ok(own.saturating_add(embedded).saturating_add(attachment.size()))
}

fn apply_to_message(
    objects: &mut Objects,
    handle: u32,
    copied: CopiedMessage,
) -> Result<Vec<PropertyProblem>, Refusal> {
    let Some(Opened { object: Object::Message(message), .. }) = objects.get_mut(handle) else {
        return Err(ErrorCode::EC_DST_NULL_OBJECT.into());
    };
    for (tag, value) in copied.values {
        message.set(tag, value);
    }
    if let Some(recipients) = copied.recipients {
        message.set_recipients(recipients);
    }
    for attachment in copied.attachments {
        let number = message.next_attachment;
        message.next_attachment = number.saturating_add(1);
        message.edit.attachments.insert(number, attachment);
    }
    Ok(copied.problems)
}

/// Sets what is chosen of an attachment, and the message in it if `whole`.
fn apply_to_attachment(
    objects: &mut Objects,
    handle: u32,
    (copy, chosen, whole): (AttachmentEdit, Chosen, bool),
) -> Result<Vec<PropertyProblem>, Refusal> {
    let Some(Opened { object: Object::Attachment(attachment), .. }) = objects.get_mut(handle) else {
        return Err(ErrorCode::EC_DST_NULL_OBJECT.into());
    };
    if !attachment.is_writable {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    for tag in chosen.tags {
        if let Some(value) = copy.set.get(tag) {
            attachment.set(tag, value.clone());
        }
    }
    if whole {
        attachment.edit.embedded = copy.embedded;
    }
    Ok(chosen.problems)
}

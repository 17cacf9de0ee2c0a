//! Contents of messages as changes that make equal ones, for copies.

use store::{AttachmentEdit, ContentEdit, ContentId, ValueSource, View};

use crate::session::message::OpenAttachment;

/// All of a content, as a change that makes an equal one.
pub(crate) fn exported(view: &View<'_>, id: ContentId) -> store::Result<ContentEdit> {
    let content = view.content(id)?;
    let mut edit =
        ContentEdit { set: content.properties, recipients: Some(content.recipients), ..Default::default() };
    for tag in content.large.keys() {
        if let Some(value) = view.value(id, ValueSource::Message, *tag)? {
            edit.set.set(*tag, value);
        }
    }
    for attachment in content.attachments {
        let mut copy = AttachmentEdit { set: attachment.properties, ..AttachmentEdit::default() };
        for tag in attachment.large.keys() {
            if let Some(value) = view.value(id, ValueSource::Attachment(attachment.number), *tag)? {
                copy.set.set(*tag, value);
            }
        }
        copy.embedded = attachment.embedded.map(|id| exported(view, id).map(Box::new)).transpose()?;
        edit.attachments.insert(attachment.number, copy);
    }
    Ok(edit)
}

/// All of an open attachment, with what the client has changed, as a change that makes an equal one.
pub(crate) fn exported_attachment(
    view: &View<'_>,
    attachment: &OpenAttachment,
) -> store::Result<AttachmentEdit> {
    let mut copy = AttachmentEdit::default();
    for tag in attachment.properties.tags() {
        if let Some(value) = attachment.properties.value(view, attachment.source(), tag)? {
            copy.set.set(tag, value);
        }
    }
    let mut embedded = attachment.embedded.map(|id| exported(view, id)).transpose()?;
    if let Some(edit) = &attachment.edit.embedded {
        apply(embedded.get_or_insert_default(), edit);
    }
    copy.embedded = embedded.map(Box::new);
    Ok(copy)
}

/// Applies `edit` to a content that is not in the store.
fn apply(content: &mut ContentEdit, edit: &ContentEdit) {
    for tag in &edit.removed {
        content.set.remove(*tag);
    }
    for (tag, value) in edit.set.iter() {
        content.set.set(tag, value.clone());
    }
    if let Some(recipients) = &edit.recipients {
        content.recipients = Some(recipients.clone());
    }
    for number in &edit.removed_attachments {
        content.attachments.remove(number);
    }
    for (number, edit) in &edit.attachments {
        let attachment = content.attachments.entry(*number).or_default();
        for tag in &edit.removed {
            attachment.set.remove(*tag);
        }
        for (tag, value) in edit.set.iter() {
            attachment.set.set(tag, value.clone());
        }
        if let Some(edit) = &edit.embedded {
            apply(attachment.embedded.get_or_insert_default(), edit);
        }
    }
}

//! Delivery of messages to the mailboxes of their recipients, and reports on unknown ones ([MS-OXOMSG] 3.3.5.1).

use std::collections::BTreeSet;

use mapi::ErrorCode;
use mapi::nspi::MId;
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::recipient::RecipientType;
use mapi::rop::transport::MessageFlags;
use store::{AttachmentEdit, Change, ContentEdit, Mailbox, Message, NewMessage, Properties, Recipient};

use crate::backend::Backend;
use crate::directory::{Entry, Kind};
use crate::mailbox::{INBOX, special};
use crate::quota;
use crate::refusal::Refusal;
use crate::session::message::edit_size;

/// The lowest id of a named property.
const FIRST_NAMED: u16 = 0x8000;
/// Flags of a message that only the sender's copy has.
const SENDER_FLAGS: MessageFlags = MessageFlags(0x32d);
/// The requests for receipts, and the flags of the receipts that are pending then ([MS-OXOMSG] 2.2.1.29, 2.2.1.30).
const RECEIPTS: [(PropTag, MessageFlags); 2] = [
    (PropTag::PidTagReadReceiptRequested, MessageFlags(0x300)),
    (PropTag::PidTagNonReceiptNotificationRequested, MessageFlags::MF_NOTIFY_UNREAD),
];

/// The people to whom a message is delivered, and the recipients that are unknown.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) people: BTreeSet<MId>,
    pub(crate) unknown: Vec<Recipient>,
}

/// Finds the recipients in the directory: people, and the members of distribution lists. The lab sends nothing to other
/// servers.
pub(crate) fn resolve(backend: &Backend, recipients: &[Recipient]) -> Resolved {
    let mut resolved = Resolved::default();
    for recipient in recipients {
        match find(backend, recipient).map(|entry| &entry.kind).zip(find(backend, recipient)) {
            Some((Kind::Person(_), entry)) => drop(resolved.people.insert(entry.mid)),
            Some((Kind::List { members, .. }, _)) => resolved.people.extend(members),
            _ => resolved.unknown.push(recipient.clone()),
        }
    }
    let entries = resolved.people.iter().filter_map(|mid| backend.directory.entry(*mid));
    let elsewhere = entries.filter(|entry| backend.config.elsewhere.contains_key(&entry.alias));
    let elsewhere: Vec<&Entry> = elsewhere.collect();
    for entry in elsewhere {
        resolved.people.remove(&entry.mid);
        let row = u32::try_from(resolved.unknown.len()).unwrap_or(u32::MAX);
        let properties = recipient_of(&sender(entry));
        resolved.unknown.push(Recipient { row, properties });
    }
    resolved
}

fn find<'a>(backend: &'a Backend, recipient: &Recipient) -> Option<&'a Entry> {
    let address = recipient.properties.text(PropTag::PidTagEmailAddress)?;
    match recipient.properties.text(PropTag::PidTagAddressType)?.as_str() {
        "EX" => backend.directory.by_dn(&address),
        "SMTP" => backend.directory.by_smtp(&address),
        _ => None,
    }
}

/// The properties that name the sender of a message.
pub(crate) fn sender(entry: &Entry) -> Properties {
    let text = |text: &str| PropertyValue::from(text);
    Properties::from([
        (PropTag::PidTagSenderName, text(&entry.display_name)),
        (PropTag::PidTagSenderAddressType, text("EX")),
        (PropTag::PidTagSenderEmailAddress, text(&entry.dn)),
        (PropTag::PidTagSentRepresentingName, text(&entry.display_name)),
        (PropTag::PidTagSentRepresentingAddressType, text("EX")),
        (PropTag::PidTagSentRepresentingEmailAddress, text(&entry.dn)),
    ])
}

/// Delivers `content` of the mailbox `from` to the mailbox `to` of `entry`, without the rules of its folder
/// and without notification.
pub(crate) fn deliver(
    change: &Change<'_>,
    content: &ContentEdit,
    from: &Mailbox,
    (to, entry): (&Mailbox, &Entry),
) -> Result<Message, Refusal> {
    let mut content = mapped(change, content, from, to)?;
    let flags = content.set.integer(PropTag::PidTagMessageFlags).unwrap_or_default();
    let own = if from.id == to.id { MessageFlags::MF_FROM_ME } else { MessageFlags::NONE };
    let flags = i32::try_from(flags).unwrap_or_default() & !SENDER_FLAGS.0.cast_signed();
    let requested = RECEIPTS.iter().filter(|(tag, _)| content.set.integer(*tag).unwrap_or_default() != 0);
    let own = requested.fold(own, |flags, (_, pending)| flags | *pending);
    let flags = flags | own.0.cast_signed();
    content.set.set(PropTag::PidTagMessageFlags, PropertyValue::Integer32(flags));
    content.set.set(PropTag::PidTagMessageDeliveryTime, PropertyValue::Time(change.now()));
    content.set.set(PropTag::PidTagReceivedByName, PropertyValue::from(entry.display_name.as_str()));
    for tag in [PropTag::PidTagDisplayBcc, PropTag::PidTagDeleteAfterSubmit, PropTag::PidTagSentMailSvrEID] {
        content.set.remove(tag);
    }
    let class = content.set.text(PropTag::PidTagMessageClass).unwrap_or_default();
    let folder = change.receive_folder(to.id, &class)?.map_or(special(INBOX), |found| found.folder);
    let message = change.create_message(to.id, folder, &NewMessage { content, ..NewMessage::default() })?;
    Ok(message)
}

/// `content` with the ids that the mailbox `to` has for the names of properties, and without the recipients that
/// others must not see.
fn mapped(
    change: &Change<'_>,
    content: &ContentEdit,
    from: &Mailbox,
    to: &Mailbox,
) -> store::Result<ContentEdit> {
    let kind = |recipient: &Recipient| {
        let kind = recipient.properties.integer(PropTag::PidTagRecipientType).unwrap_or_default();
        RecipientType(u8::try_from(kind).unwrap_or_default()).kind()
    };
    let recipients = content.recipients.iter().flatten();
    let visible = recipients.filter(|recipient| kind(recipient) != RecipientType::BCC).cloned();
    let mut copy = ContentEdit {
        set: renumbered(change, &content.set, from, to)?,
        recipients: Some(visible.collect()),
        ..ContentEdit::default()
    };
    for (number, attachment) in &content.attachments {
        let set = renumbered(change, &attachment.set, from, to)?;
        let embedded =
            attachment.embedded.as_ref().map(|inner| mapped(change, inner, from, to).map(Box::new));
        let attachment = AttachmentEdit { set, embedded: embedded.transpose()?, ..AttachmentEdit::default() };
        copy.attachments.insert(*number, attachment);
    }
    Ok(copy)
}

fn renumbered(
    change: &Change<'_>,
    properties: &Properties,
    from: &Mailbox,
    to: &Mailbox,
) -> store::Result<Properties> {
    let mut copy = Properties::new();
    for (tag, value) in properties.iter() {
        let id = if tag.id() < FIRST_NAMED || from.id == to.id {
            tag.id()
        } else {
            // A property without a name means nothing in another mailbox.
            let Some(name) = change.property_name(from.id, tag.id())? else { continue };
            change.assign_named_property(to.id, &name)?
        };
        copy.set(PropTag::new(id, tag.prop_type()), value.clone());
    }
    Ok(copy)
}

/// The properties of a recipient that is the sender of `content`.
pub(crate) fn recipient_of(content: &Properties) -> Properties {
    let text = |tag| PropertyValue::from(content.text(tag).unwrap_or_default().as_str());
    Properties::from([
        (PropTag::PidTagRecipientType, PropertyValue::Integer32(i32::from(RecipientType::PRIMARY.0))),
        (PropTag::PidTagDisplayName, text(PropTag::PidTagSenderName)),
        (PropTag::PidTagAddressType, text(PropTag::PidTagSenderAddressType)),
        (PropTag::PidTagEmailAddress, text(PropTag::PidTagSenderEmailAddress)),
    ])
}

/// Why a message was not delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reason {
    /// The recipients are unknown, or on other servers.
    Unknown,
    /// The recipients do not accept the message.
    Refused,
    /// The mailboxes of the recipients are full.
    Full,
}

/// Reports to the sender that a message was not delivered to `failed` ([MS-OXOMSG] 2.2.2, 3.3.5.1), unless the sender's
/// own mailbox is full.
pub(crate) fn report(
    backend: &Backend,
    change: &Change<'_>,
    sender: &Mailbox,
    subject: &str,
    (failed, reason): (Vec<Recipient>, Reason),
) -> Result<(), Refusal> {
    let names: Vec<String> =
        failed.iter().filter_map(|one| one.properties.text(PropTag::PidTagEmailAddress)).collect();
    let why = match reason {
        Reason::Unknown => "which are unknown or on other servers",
        Reason::Refused => "which do not accept it",
        Reason::Full => "whose mailboxes are full",
    };
    let text = format!("The message was not delivered to these recipients, {why}:\r\n{}", names.join("\r\n"));
    let set = Properties::from([
        (PropTag::PidTagMessageClass, PropertyValue::from("REPORT.IPM.Note.NDR")),
        (PropTag::PidTagSubjectPrefix, PropertyValue::from("")),
        (PropTag::PidTagNormalizedSubject, PropertyValue::from(format!("Undeliverable: {subject}").as_str())),
        (PropTag::PidTagOriginalSubject, PropertyValue::from(subject)),
        (PropTag::PidTagBody, PropertyValue::from(text.as_str())),
        (PropTag::PidTagReportText, PropertyValue::from(text.as_str())),
        (PropTag::PidTagSenderName, PropertyValue::from("Mail Delivery System")),
        (PropTag::PidTagMessageDeliveryTime, PropertyValue::Time(change.now())),
    ]);
    let content = ContentEdit { set, recipients: Some(failed), ..ContentEdit::default() };
    if !quota::has_room(backend, change, sender, edit_size(&content))? {
        tracing::info!(sender = sender.owner, "lab: no non-delivery report: the sender's mailbox is full");
        return Ok(());
    }
    let class = "REPORT.IPM.Note.NDR";
    let folder = change.receive_folder(sender.id, class)?.map_or(special(INBOX), |found| found.folder);
    let message =
        change.create_message(sender.id, folder, &NewMessage { content, ..NewMessage::default() })?;
    change.delivered(sender.id, folder, message.id);
    Ok(())
}

/// `MAPI_E_NO_RECIPIENTS` ([MS-OXCDATA] 2.4).
pub(crate) const NO_RECIPIENTS: ErrorCode = ErrorCode(0x8004_0607);

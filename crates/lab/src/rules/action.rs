//! The actions of rules ([MS-OXORULE] 2.2.5, 3.2.5.1).

use mapi::data::ServerId;
use mapi::data::{ActionBlock, ActionData, ActionType, RecipientBlock};
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::recipient::RecipientType;
use store::{AttachmentEdit, ContentEdit, FolderKind, Message, ObjectId, Properties, Recipient, Rule};

use super::notice::{Failure, GENERIC, Incoming, notice};
use super::{Fate, MOVES_MAX, Mailer, Outgoing};
use crate::codepage::CodePage;
use crate::delivery::{Reason, recipient_of, report, resolve, sender};
use crate::export::exported;
use crate::mailbox::mailbox_within;
use crate::values::convert::stored;
use crate::values::message::{COMPUTED, of_content};

/// Values of `PidTagRuleError` ([MS-OXORULE] 2.2.7.2): parsing, moving or copying, the reply template.
const PARSING: i32 = 4;
const MOVING: i32 = 6;
const TEMPLATE: i32 = 10;
/// Flavors of `OP_FORWARD` ([MS-OXORULE] 2.2.5.1.1): the sender stays, or the message is an attachment.
const PRESERVE_SENDER: u32 = 0x1;
const AS_ATTACHMENT: u32 = 0x4;
/// Flags of `PidTagAutoResponseSuppress`: rules do not reply to the message, or not while their owner is out of office
/// ([MS-OXOMSG] 2.2.1.77).
const SUPPRESS_REPLY: i64 = 0x20;
const SUPPRESS_OUT_OF_OFFICE: i64 = 0x10;
/// `afEmbeddedMessage` ([MS-OXCMSG] 2.2.2.9).
const EMBEDDED: i32 = 5;

impl Mailer<'_> {
    /// Executes an action.
    pub(super) fn act(
        &mut self,
        rule: &Rule,
        action: &ActionBlock,
        incoming: &mut Incoming<'_>,
        is_moved: &mut bool,
    ) -> Result<Fate, Failure> {
        let (change, mailbox) = (self.change, incoming.mailbox.id);
        match (action.action_type, &action.data) {
            (ActionType::OP_MOVE, ActionData::MoveCopy { .. }) => {
                let target = self.target(incoming, action)?;
                let moved = if *is_moved {
                    self.grow(incoming.mailbox, change.message(mailbox, incoming.message)?.size)?;
                    change.copy_message(mailbox, incoming.message, mailbox, target)
                } else {
                    change.move_message(mailbox, incoming.message, mailbox, target)
                };
                let moved = moved.map_err(|_| Failure::Rule(MOVING))?;
                let moves = incoming.moves.saturating_add(1);
                let there = Incoming { folder: target, message: moved.id, moves, ..*incoming };
                // The rules of the other folder are applied before further ones of this folder.
                let there = if moves < MOVES_MAX { self.apply(there)? } else { Some(there) };
                if *is_moved {
                    return Ok(Fate::Stays);
                }
                *is_moved = true;
                let Some(there) = there else { return Ok(Fate::Deleted) };
                *incoming = there;
                Ok(Fate::Stays)
            }
            (ActionType::OP_COPY, ActionData::MoveCopy { .. }) => {
                let target = self.target(incoming, action)?;
                self.grow(incoming.mailbox, change.message(mailbox, incoming.message)?.size)?;
                let copied = change.copy_message(mailbox, incoming.message, mailbox, target);
                copied.map_err(|_| Failure::Rule(MOVING))?;
                Ok(Fate::Stays)
            }
            (ActionType::OP_DELETE, _) => {
                change.delete_message(mailbox, incoming.message, true)?;
                Ok(Fate::Deleted)
            }
            (ActionType::OP_MARK_AS_READ, _) => {
                change.set_read(mailbox, incoming.message, true)?;
                Ok(Fate::Stays)
            }
            (ActionType::OP_TAG, ActionData::Tag(TaggedValue { tag, value })) => {
                let tag = *tag;
                if COMPUTED.iter().any(|known| known.is_same_property(tag)) {
                    return Err(Failure::Rule(GENERIC));
                }
                let mut edit = ContentEdit::default();
                edit.set.set(tag, value.detached());
                let changed = change.change_message(mailbox, incoming.message, &edit, None);
                changed.map_err(|_| Failure::Rule(GENERIC))?;
                Ok(Fate::Stays)
            }
            (ActionType::OP_FORWARD | ActionType::OP_DELEGATE, ActionData::Recipients(to)) => {
                self.forward(incoming, action, to)?;
                Ok(Fate::Stays)
            }
            (ActionType::OP_REPLY, ActionData::Reply { message_id, .. }) => {
                self.reply(incoming, ObjectId::from(*message_id), SUPPRESS_REPLY)?;
                Ok(Fate::Stays)
            }
            (ActionType::OP_OOF_REPLY, ActionData::Reply { message_id, .. }) => {
                self.reply(incoming, ObjectId::from(*message_id), SUPPRESS_OUT_OF_OFFICE)?;
                Ok(Fate::Stays)
            }
            (ActionType::OP_BOUNCE, _) => {
                self.bounce(incoming)?;
                change.delete_message(mailbox, incoming.message, true)?;
                Ok(Fate::Deleted)
            }
            (ActionType::OP_DEFER_ACTION, ActionData::Defer(_)) => {
                self.spend(0)?;
                notice(change, incoming, rule, action, None)?;
                Ok(Fate::Stays)
            }
            _ => Err(Failure::Rule(PARSING)),
        }
    }

    /// The folder to which a message is moved or copied: one of the same mailbox.
    fn target(&self, incoming: &Incoming<'_>, action: &ActionBlock) -> Result<ObjectId, Failure> {
        let ActionData::MoveCopy { folder_in_this_store: Some(1), folder_eid, .. } = &action.data else {
            return Err(Failure::Rule(MOVING));
        };
        let ServerId::Ours { folder_id, .. } = ServerId::parse(folder_eid) else {
            return Err(Failure::Rule(MOVING));
        };
        let target = ObjectId::from(folder_id);
        // A store error within the change would lose what was delivered.
        match self.change.folder(incoming.mailbox.id, target) {
            Ok(folder) if !folder.deleted && folder.kind != FolderKind::Search => Ok(target),
            Ok(_) | Err(store::Error::NotFound(_)) => Err(Failure::Rule(MOVING)),
            Err(error) => Err(error.into()),
        }
    }

    fn message(&self, incoming: &Incoming<'_>) -> Result<(Message, ContentEdit), Failure> {
        let message = self.change.message(incoming.mailbox.id, incoming.message)?;
        let content = exported(self.change, message.content)?;
        Ok((message, content))
    }

    /// Sends a message to others, as it is or as from the owner of the mailbox.
    fn forward(
        &mut self,
        incoming: &Incoming<'_>,
        action: &ActionBlock,
        to: &[RecipientBlock],
    ) -> Result<(), Failure> {
        let recipients = recipients(to);
        let (message, mut content) = self.message(incoming)?;
        if action.action_type == ActionType::OP_DELEGATE {
            let owner = sender(incoming.owner);
            let name = |tag| owner.get(tag).cloned().unwrap_or_else(|| PropertyValue::from(""));
            for (tag, from) in [
                (PropTag::PidTagReceivedRepresentingName, PropTag::PidTagSenderName),
                (PropTag::PidTagReceivedRepresentingAddressType, PropTag::PidTagSenderAddressType),
                (PropTag::PidTagReceivedRepresentingEmailAddress, PropTag::PidTagSenderEmailAddress),
            ] {
                content.set.set(tag, name(from));
            }
            content.set.set(PropTag::PidTagDelegatedByRule, PropertyValue::Boolean(true));
        } else {
            let subject = of_content(&content.set, PropTag::PidTagSubject);
            let subject = subject.and_then(|subject| subject.to_text()).unwrap_or_default();
            if action.flavor & AS_ATTACHMENT != 0 {
                let method = (PropTag::PidTagAttachMethod, PropertyValue::Integer32(EMBEDDED));
                let attachment = AttachmentEdit {
                    set: Properties::from([method]),
                    embedded: Some(Box::new(std::mem::take(&mut content))),
                    ..AttachmentEdit::default()
                };
                content.attachments.insert(0, attachment);
                content.set.set(PropTag::PidTagMessageClass, PropertyValue::from("IPM.Note"));
                content.set.set(PropTag::PidTagHasAttachments, PropertyValue::Boolean(true));
            }
            if action.flavor & PRESERVE_SENDER == 0 || action.flavor & AS_ATTACHMENT != 0 {
                set_all(&mut content.set, &sender(incoming.owner));
                content.set.set(PropTag::PidTagSubjectPrefix, PropertyValue::from("FW: "));
                content.set.set(PropTag::PidTagNormalizedSubject, PropertyValue::from(subject.as_str()));
            }
            content.recipients = Some(recipients.clone());
            content.set.set(PropTag::PidTagAutoForwarded, PropertyValue::Boolean(true));
        }
        self.send_from(incoming, content, recipients, message.size)
    }

    /// Sends the message `template` of the mailbox to the sender of a message that no rule has sent, unless the message
    /// has the flag `suppresses`.
    fn reply(&mut self, incoming: &Incoming<'_>, template: ObjectId, suppresses: i64) -> Result<(), Failure> {
        let (_, original) = self.message(incoming)?;
        let suppressed = original.set.integer(PropTag::PidTagAutoResponseSuppress).unwrap_or_default();
        let Some(to) = sender_of(&original.set) else { return Ok(()) };
        if suppressed & suppresses != 0 || incoming.hops > 0 {
            return Ok(());
        }
        let template = match self.change.message(incoming.mailbox.id, template) {
            Ok(message) if !message.deleted => message,
            Ok(_) | Err(store::Error::NotFound(_)) => return Err(Failure::Rule(TEMPLATE)),
            Err(error) => return Err(error.into()),
        };
        let mut content = exported(self.change, template.content)?;
        set_all(&mut content.set, &sender(incoming.owner));
        if content.set.text(PropTag::PidTagNormalizedSubject).is_none_or(|subject| subject.is_empty()) {
            let subject = original.set.text(PropTag::PidTagNormalizedSubject).unwrap_or_default();
            content.set.set(PropTag::PidTagSubjectPrefix, PropertyValue::from("RE: "));
            content.set.set(PropTag::PidTagNormalizedSubject, PropertyValue::from(subject.as_str()));
        }
        content.set.set(PropTag::PidTagMessageClass, PropertyValue::from("IPM.Note"));
        content.recipients = Some(vec![to.clone()]);
        self.send_from(incoming, content, vec![to], template.size)
    }

    fn send_from(
        &mut self,
        incoming: &Incoming<'_>,
        content: ContentEdit,
        recipients: Vec<Recipient>,
        bytes: u64,
    ) -> Result<(), Failure> {
        let bytes = bytes.saturating_mul(u64::try_from(recipients.len()).unwrap_or(u64::MAX));
        let (from, hops) = (incoming.mailbox.clone(), incoming.hops.saturating_add(1));
        self.send(Outgoing { content, from, recipients, hops }, bytes)
    }

    /// Reports to the sender that the owner of the mailbox does not accept the message.
    fn bounce(&mut self, incoming: &Incoming<'_>) -> Result<(), Failure> {
        self.spend(0)?;
        let (_, content) = self.message(incoming)?;
        let Some(to) = sender_of(&content.set) else { return Ok(()) };
        let resolved = resolve(self.backend, &[to]);
        let subject = of_content(&content.set, PropTag::PidTagSubject);
        let subject = subject.and_then(|subject| subject.to_text()).unwrap_or_default();
        let owner = Recipient { row: 0, properties: recipient_of(&sender(incoming.owner)) };
        for entry in resolved.people.into_iter().filter_map(|mid| self.backend.directory.entry(mid)) {
            let mailbox = mailbox_within(self.change, entry)?;
            let refused = (vec![owner.clone()], Reason::Refused);
            report(self.backend, self.change, &mailbox, &subject, refused)?;
        }
        Ok(())
    }
}

fn set_all(properties: &mut Properties, others: &Properties) {
    for (tag, value) in others.iter() {
        properties.set(tag, value.clone());
    }
}

/// The recipients of an action.
fn recipients(blocks: &[RecipientBlock]) -> Vec<Recipient> {
    let properties = |block: &RecipientBlock| {
        let values = block
            .properties
            .iter()
            .map(|TaggedValue { tag, value }| TaggedValue::new(*tag, stored(value, CodePage::UTF8)));
        let mut properties: Properties = values.collect();
        let kind = PropertyValue::Integer32(i32::from(RecipientType::PRIMARY.0));
        properties.set(PropTag::PidTagRecipientType, kind);
        properties
    };
    (0..).zip(blocks).map(|(row, block)| Recipient { row, properties: properties(block) }).collect()
}

/// The sender of a message as a recipient.
fn sender_of(content: &Properties) -> Option<Recipient> {
    content.text(PropTag::PidTagSenderEmailAddress)?;
    Some(Recipient { row: 0, properties: recipient_of(content) })
}

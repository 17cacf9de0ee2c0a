//! What a message contains, as a stream has it ([MS-OXCFXICS] 2.2.4.3.15).

use std::borrow::Cow;
use std::collections::BTreeMap;

use mapi::fast_transfer::{Marker, Value};
use mapi::property::{PropTag, PropType, PropertyValue};
use store::{Attachment, Content, ContentId, MailboxId, Properties, Recipient, ValueSource, View};
use wire::FileTime;

use super::element::{Encoding, Filter, large_header, marker, plain, property};
use super::step::{ContentStep, LargeValue, Step};
use crate::values::flags::flags;
use crate::values::message::of_content;

/// Reads objects of a mailbox for a stream.
pub(crate) struct Reading<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) mailbox: MailboxId,
    pub(crate) encoding: Encoding,
    pub(crate) filter: &'a Filter,
}

/// The parts of a message. Those in the store belong to `content`.
pub(crate) struct MessageParts<'a> {
    pub(crate) content: Option<ContentId>,
    pub(crate) properties: &'a Properties,
    pub(crate) large: &'a BTreeMap<PropTag, u64>,
    pub(crate) recipients: &'a [Recipient],
    pub(crate) attachments: Vec<&'a Attachment>,
    /// `PidTagMessageFlags`.
    pub(crate) flags: i32,
    /// `PidTagCreationTime`, if it is sent.
    pub(crate) created: Option<FileTime>,
}

impl Reading<'_> {
    /// The steps of a message in the store.
    pub(crate) fn content(&self, step: ContentStep) -> store::Result<Vec<Step>> {
        let Content { id, properties, large, recipients, attachments } = self.view.content(step.content)?;
        let flags = flags(&properties, step.read, step.associated);
        let message = MessageParts {
            content: Some(id),
            properties: &properties,
            large: &large,
            recipients: &recipients,
            attachments: attachments.iter().collect(),
            flags,
            created: step.created,
        };
        self.message(&message, &|tag| !step.is_filtered || self.filter.admits(tag))
    }

    /// The steps of a message's properties, recipients and attachments.
    pub(crate) fn message(
        &self,
        message: &MessageParts<'_>,
        admits: &dyn Fn(PropTag) -> bool,
    ) -> store::Result<Vec<Step>> {
        let mut steps = Vec::new();
        let flags = PropertyValue::Integer32(message.flags);
        let subject = of_content(message.properties, PropTag::PidTagSubject);
        let computed = [
            (PropTag::PidTagMessageFlags, Some(flags)),
            (PropTag::PidTagSubject, subject),
            (PropTag::PidTagCreationTime, message.created.map(PropertyValue::Time)),
        ];
        for (tag, value) in computed.into_iter().filter(|(tag, _)| admits(*tag)) {
            steps.extend(value.map(|value| self.step(tag, &value)).transpose()?.flatten());
        }
        let stored = message.properties.iter().filter(|(tag, _)| {
            !tag.is_same_property(PropTag::PidTagMessageFlags)
                && !tag.is_same_property(PropTag::PidTagSubject)
        });
        for (tag, value) in stored.filter(|(tag, _)| admits(*tag)) {
            steps.extend(self.step(tag, value)?);
        }
        if let Some(content) = message.content {
            self.large(&mut steps, (content, ValueSource::Message), message.large, admits)?;
        }
        if admits(PropTag::PidTagMessageRecipients) {
            steps.push(replaced(PropTag::PidTagMessageRecipients)?);
            for recipient in message.recipients {
                self.recipient(&mut steps, recipient)?;
            }
        }
        if admits(PropTag::PidTagMessageAttachments) {
            steps.push(replaced(PropTag::PidTagMessageAttachments)?);
            let content = message.content.iter();
            for (content, attachment) in
                content.flat_map(|id| message.attachments.iter().map(|one| (*id, *one)))
            {
                self.attachment(&mut steps, content, attachment)?;
            }
        }
        Ok(steps)
    }

    fn recipient(&self, steps: &mut Vec<Step>, recipient: &Recipient) -> store::Result<()> {
        steps.push(Step::Bytes(marker(Marker::StartRecip)));
        steps.push(Step::Bytes(plain(PropTag::PidTagRowid, Value::Integer32(recipient.row.cast_signed()))?));
        self.properties(steps, &recipient.properties, PropTag::PidTagRowid)?;
        steps.push(Step::Bytes(marker(Marker::EndToRecip)));
        Ok(())
    }

    /// An attachment with what it contains.
    fn attachment(
        &self,
        steps: &mut Vec<Step>,
        content: ContentId,
        attachment: &Attachment,
    ) -> store::Result<()> {
        steps.push(Step::Bytes(marker(Marker::NewAttach)));
        let number = Value::Integer32(attachment.number.cast_signed());
        steps.push(Step::Bytes(plain(PropTag::PidTagAttachNumber, number)?));
        self.attachment_content(steps, content, attachment, &|_| true)?;
        steps.push(Step::Bytes(marker(Marker::EndAttach)));
        Ok(())
    }

    /// The properties of an attachment that `admits` selects, and the message embedded in it.
    pub(crate) fn attachment_content(
        &self,
        steps: &mut Vec<Step>,
        content: ContentId,
        attachment: &Attachment,
        admits: &dyn Fn(PropTag) -> bool,
    ) -> store::Result<()> {
        let number = PropTag::PidTagAttachNumber;
        for (tag, value) in attachment.properties.iter() {
            if admits(tag) && !tag.is_same_property(number) {
                steps.extend(self.step(tag, value)?);
            }
        }
        let source = ValueSource::Attachment(attachment.number);
        self.large(steps, (content, source), &attachment.large, admits)?;
        embedded(steps, attachment.embedded, admits);
        Ok(())
    }

    fn properties(
        &self,
        steps: &mut Vec<Step>,
        properties: &Properties,
        except: PropTag,
    ) -> store::Result<()> {
        for (tag, value) in properties.iter().filter(|(tag, _)| !tag.is_same_property(except)) {
            steps.extend(self.step(tag, value)?);
        }
        Ok(())
    }

    /// A property with its value; `None` if it cannot be in a stream.
    pub(crate) fn step(&self, tag: PropTag, value: &PropertyValue) -> store::Result<Option<Step>> {
        Ok(property(self.view, self.mailbox, self.encoding, (tag, value))?.map(Step::Bytes))
    }

    /// The large values of an object. Those that are sent as they are stored are read in parts.
    pub(crate) fn large(
        &self,
        steps: &mut Vec<Step>,
        (content, source): (ContentId, ValueSource),
        large: &BTreeMap<PropTag, u64>,
        admits: &dyn Fn(PropTag) -> bool,
    ) -> store::Result<()> {
        for (tag, length) in large.iter().filter(|(tag, _)| admits(**tag)) {
            let (tag, length) = (*tag, *length);
            let end: &[u8] = match tag.prop_type() {
                PropType::PtypBinary | PropType::PtypObject => &[],
                PropType::PtypString8 => &[0],
                PropType::PtypString if self.encoding.is_unicode => &[0, 0],
                _ => {
                    let value = self.view.value(content, source, tag)?;
                    steps.extend(value.map(|value| self.step(tag, &value)).transpose()?.flatten());
                    continue;
                }
            };
            let announced = length.saturating_add(u64::try_from(end.len()).unwrap_or_default());
            let Some(header) = large_header(self.view, self.mailbox, tag, announced)? else { continue };
            steps.push(Step::Bytes(header));
            steps.push(Step::Large(Box::new(LargeValue { content, source, tag, length, sent: 0 })));
            steps.push(Step::Bytes(end.to_vec()));
        }
        Ok(())
    }
}

/// The message that is embedded in an attachment, if there is one.
pub(crate) fn embedded(steps: &mut Vec<Step>, embedded: Option<ContentId>, admits: &dyn Fn(PropTag) -> bool) {
    if let Some(content) = embedded.filter(|_| admits(PropTag::PidTagAttachDataObject)) {
        steps.push(Step::Bytes(marker(Marker::StartEmbed)));
        let embedded =
            ContentStep { content, read: true, associated: false, created: None, is_filtered: false };
        steps.push(Step::Content(embedded));
        steps.push(Step::Bytes(marker(Marker::EndEmbed)));
    }
}

/// The instruction to delete the recipients or attachments that the client has, which are replaced by those that
/// follow ([MS-OXCFXICS] 2.2.4.1.5.1).
pub(crate) fn replaced(children: PropTag) -> store::Result<Step> {
    let value = Value::Integer32(children.0.cast_signed());
    Ok(Step::Bytes(plain(PropTag::MetaTagFXDelProp, value)?))
}

/// A property that has the size of the message that follows, or another one without a meaning of its own: its id is
/// zero ([MS-OXCFXICS] 2.2.4.3.17, 2.2.4.3.18).
pub(crate) fn unnamed(prop_type: PropType, value: Value<'static>) -> store::Result<Vec<u8>> {
    plain(PropTag::new(0, prop_type), value)
}

/// The same with bytes.
pub(crate) fn unnamed_bytes(value: Vec<u8>) -> store::Result<Vec<u8>> {
    unnamed(PropType::PtypBinary, Value::Bytes(Cow::Owned(value)))
}

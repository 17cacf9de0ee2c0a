//! Messages in folders on which restrictions are evaluated.

use std::cell::OnceCell;

use mapi::property::{PropTag, PropertyValue};
use store::{Mailbox, Message, Properties, View};

use super::message::of_message;
use super::restriction::Matched;

/// A message on which a restriction is evaluated. What is nested in it is read when it is needed.
pub(crate) struct MatchedMessage<'a> {
    view: &'a View<'a>,
    mailbox: &'a Mailbox,
    message: &'a Message,
    properties: &'a Properties,
    nested: OnceCell<(Vec<Properties>, Vec<Properties>)>,
}

impl<'a> MatchedMessage<'a> {
    pub(crate) const fn new(
        view: &'a View<'a>,
        mailbox: &'a Mailbox,
        message: &'a Message,
        properties: &'a Properties,
    ) -> Self {
        Self { view, mailbox, message, properties, nested: OnceCell::new() }
    }
}

impl Matched for MatchedMessage<'_> {
    fn value(&self, tag: PropTag) -> Option<PropertyValue> {
        of_message(self.mailbox, self.message, self.properties, tag)
    }

    fn nested(&self, tag: PropTag) -> Vec<Properties> {
        let (recipients, attachments) = self.nested.get_or_init(|| {
            let Ok(content) = self.view.content(self.message.content) else { return Default::default() };
            let recipients = content.recipients.into_iter().map(|recipient| recipient.properties);
            let attachments = content.attachments.into_iter().map(|attachment| attachment.properties);
            (recipients.collect(), attachments.collect())
        });
        let is_recipients = tag.is_same_property(PropTag::PidTagMessageRecipients);
        if is_recipients { recipients.clone() } else { attachments.clone() }
    }
}

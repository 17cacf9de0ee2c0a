//! Delivery of messages with the rules of the folders that they are delivered to ([MS-OXORULE] 3.2.5.1).
//!
//! What rules send is delivered in the same change as the message itself: a queue, with a limit on how often a message
//! is passed on and on what one message may cause. So rules of people who forward to one another end.

mod action;
mod notice;

use std::collections::{BTreeMap, VecDeque};

use mapi::data::ActionType;
use mapi::property::{PropTag, PropertyValue};
use store::{Change, ContentEdit, Mailbox, MailboxId, Message, Recipient, Rule, View};

use crate::backend::Backend;
use crate::codepage::CodePage;
use crate::delivery::{Reason, Resolved, deliver, recipient_of, report, resolve, sender};
use crate::directory::Entry;
use crate::mailbox::mailbox_within;
use crate::quota;
use crate::refusal::Refusal;
use crate::rules::notice::{Failure, GENERIC, Incoming, notice};
use crate::session::message::edit_size;
use crate::values::matched::MatchedMessage;
use crate::values::message::of_content;
use crate::values::restriction::Filter;

/// `ST_ENABLED`, `ST_ERROR`, `ST_ONLY_WHEN_OOF`, `ST_KEEP_OOF_HIST`, `ST_EXIT_LEVEL` ([MS-OXORULE] 2.2.1.3.1.3).
const ENABLED: i64 = 0x01;
const ERROR: i64 = 0x02;
const ONLY_WHEN_OUT: i64 = 0x04;
const KEEP_HISTORY: i64 = 0x08;
const EXIT_LEVEL: i64 = 0x10;
/// The value of `PidTagRuleError` if the mailbox is full ([MS-OXORULE] 2.2.7.2).
const QUOTA: i32 = 12;
/// How often what rules send is passed on by other rules, and how often a message moves from rules to rules.
const HOPS_MAX: u32 = 3;
const MOVES_MAX: u32 = 4;
/// The most messages that rules create and send because of one message, and the most bytes of them.
const CREATED_MAX: usize = 50;
const BYTES_MAX: u64 = 64 << 20;

/// A message that rules send.
struct Outgoing {
    content: ContentEdit,
    from: Mailbox,
    recipients: Vec<Recipient>,
    hops: u32,
}

/// Delivers a message, and what rules send because of it.
pub(crate) struct Mailer<'a> {
    backend: &'a Backend,
    change: &'a Change<'a>,
    queue: VecDeque<Outgoing>,
    created: usize,
    bytes: u64,
    /// The recipients whose mailboxes are full, by the sender and the subject.
    full: BTreeMap<(MailboxId, String), (Mailbox, Vec<Recipient>)>,
}

/// Whether the owner of a mailbox is out of office (`PidTagOutOfOfficeState`).
fn is_out_of_office(view: &View<'_>, mailbox: &Mailbox) -> store::Result<bool> {
    let state = view.mailbox_properties(mailbox.id)?.integer(PropTag::PidTagOutOfOfficeState);
    Ok(state.unwrap_or_default() != 0)
}

/// What has become of a message.
enum Fate {
    Stays,
    Deleted,
}

impl<'a> Mailer<'a> {
    pub(crate) const fn new(backend: &'a Backend, change: &'a Change<'a>) -> Self {
        Self { backend, change, queue: VecDeque::new(), created: 0, bytes: 0, full: BTreeMap::new() }
    }

    /// Delivers `content` of the mailbox `from` to the mailbox `to` of `owner`, and applies the rules of the folder. If
    /// the mailbox is full, [`Self::finish`] reports that to the sender.
    pub(crate) fn deliver(
        &mut self,
        content: &ContentEdit,
        from: &Mailbox,
        (to, owner): (&Mailbox, &Entry),
        hops: u32,
    ) -> Result<(), Refusal> {
        if !quota::has_room(self.backend, self.change, to, edit_size(content))? {
            self.refuse(content, from, owner);
            return Ok(());
        }
        let deliver = || deliver(self.change, content, from, (to, owner));
        let message = quota::delivering(self.backend, self.change, to, deliver)?;
        let (folder, message) = (message.folder, message.id);
        let incoming = Incoming { mailbox: to, owner, folder, message, hops, moves: 0 };
        if let Some(delivered) = self.apply(incoming)? {
            self.change.delivered(to.id, delivered.folder, delivered.message);
        }
        Ok(())
    }

    /// Notes that the mailbox of `owner` is full. Nothing is reported about reports.
    fn refuse(&mut self, content: &ContentEdit, from: &Mailbox, owner: &Entry) {
        let class = content.set.text(PropTag::PidTagMessageClass).unwrap_or_default();
        if class.starts_with("REPORT.") {
            return;
        }
        let subject = of_content(&content.set, PropTag::PidTagSubject);
        let subject = subject.and_then(|subject| subject.to_text()).unwrap_or_default();
        let key = (from.id, subject);
        let (_, failed) = self.full.entry(key).or_insert_with(|| (from.clone(), Vec::new()));
        let row = u32::try_from(failed.len()).unwrap_or(u32::MAX);
        failed.push(Recipient { row, properties: recipient_of(&sender(owner)) });
    }

    /// Delivers what rules have sent, and reports what was not delivered.
    pub(crate) fn finish(mut self) -> Result<(), Refusal> {
        while let Some(outgoing) = self.queue.pop_front() {
            let Resolved { people, unknown } = resolve(self.backend, &outgoing.recipients);
            for entry in people.into_iter().filter_map(|mid| self.backend.directory.entry(mid)) {
                let to = mailbox_within(self.change, entry)?;
                self.deliver(&outgoing.content, &outgoing.from, (&to, entry), outgoing.hops)?;
            }
            if !unknown.is_empty() {
                let subject = outgoing.content.set.text(PropTag::PidTagNormalizedSubject).unwrap_or_default();
                let unknown = (unknown, Reason::Unknown);
                report(self.backend, self.change, &outgoing.from, &subject, unknown)?;
            }
        }
        for ((_, subject), (from, failed)) in self.full {
            report(self.backend, self.change, &from, &subject, (failed, Reason::Full))?;
        }
        Ok(())
    }

    /// Applies the rules of a folder to a message in it. Returns where the message is then, unless it was deleted.
    fn apply<'i>(&mut self, incoming: Incoming<'i>) -> Result<Option<Incoming<'i>>, Refusal> {
        let mut rules = self.change.rules(incoming.mailbox.id, incoming.folder)?;
        rules.sort_by_key(|rule| rule.properties.integer(PropTag::PidTagRuleSequence).unwrap_or_default());
        let is_out = is_out_of_office(self.change, incoming.mailbox)?;
        let mut has_exited = false;
        let mut current = incoming;
        for rule in &rules {
            let state = rule.properties.integer(PropTag::PidTagRuleState).unwrap_or_default();
            let only_when_out = state & ONLY_WHEN_OUT != 0;
            let applies = if only_when_out { is_out } else { state & ENABLED != 0 && !has_exited };
            if !applies {
                continue;
            }
            let message = self.change.message(current.mailbox.id, current.message)?;
            let replied = if state & KEEP_HISTORY == 0 { None } else { self.replies_to(rule, &message)? };
            if let Some(sender) = &replied
                && self.change.has_replied(incoming.mailbox.id, incoming.folder, rule.id, sender)?
            {
                continue;
            }
            if !self.is_matched(rule, &current, &message)? {
                continue;
            }
            if let Some(sender) = &replied {
                self.change.add_replied(incoming.mailbox.id, incoming.folder, rule.id, sender)?;
            }
            if matches!(self.execute(rule, &mut current)?, Fate::Deleted) {
                return Ok(None);
            }
            has_exited |= state & EXIT_LEVEL != 0;
        }
        Ok(Some(current))
    }

    /// The sender of a message, if the rule is one that replies while its owner is out of office.
    fn replies_to(&self, rule: &Rule, message: &Message) -> Result<Option<String>, Refusal> {
        let Some(PropertyValue::RuleAction(actions)) = rule.properties.get(PropTag::PidTagRuleActions) else {
            return Ok(None);
        };
        if !actions.0.iter().any(|action| action.action_type == ActionType::OP_OOF_REPLY) {
            return Ok(None);
        }
        let sender = self.change.small_properties(message.content)?.text(PropTag::PidTagSenderEmailAddress);
        Ok(sender.map(|sender| sender.to_lowercase()))
    }

    /// Whether the condition of a rule is true for a message.
    fn is_matched(&self, rule: &Rule, incoming: &Incoming<'_>, message: &Message) -> Result<bool, Refusal> {
        let condition = match rule.properties.get(PropTag::PidTagRuleCondition) {
            Some(PropertyValue::Restriction(condition)) => Some(&**condition),
            _ => None,
        };
        let code_page = CodePage::new(rule.code_page).unwrap_or(CodePage::UTF8);
        let properties = self.change.content(message.content)?.properties;
        let object = MatchedMessage::new(self.change, incoming.mailbox, message, &properties);
        Ok(Filter::new(condition, code_page).admits(&object)?)
    }

    /// Executes the actions of a rule. The first one that fails has a message in the folder of deferred actions, and a
    /// flag in the rule: while it is set, there is no further message ([MS-OXORULE] 3.2.5.1.3).
    fn execute(&mut self, rule: &Rule, incoming: &mut Incoming<'_>) -> Result<Fate, Refusal> {
        let Some(PropertyValue::RuleAction(actions)) = rule.properties.get(PropTag::PidTagRuleActions) else {
            return Ok(Fate::Stays);
        };
        let folder = incoming.folder;
        let mut is_moved = false;
        let mut failure = None;
        for (number, action) in (0..).zip(&actions.0) {
            match self.act(rule, action, incoming, &mut is_moved) {
                Ok(Fate::Stays) => {}
                Ok(Fate::Deleted) => return Ok(Fate::Deleted),
                Err(Failure::Store(refusal)) => return Err(refusal),
                Err(Failure::Rule(error)) => failure = failure.or(Some((action, error, number))),
            }
        }
        let state = rule.properties.integer(PropTag::PidTagRuleState).unwrap_or_default();
        if let Some((action, error, number)) = failure
            && state & ERROR == 0
        {
            notice(self.change, incoming, rule, action, Some((error, number)))?;
            let mut rules = self.change.rules(incoming.mailbox.id, folder)?;
            for rule in rules.iter_mut().filter(|other| other.id == rule.id) {
                let state = i32::try_from(state | ERROR).unwrap_or(i32::MAX);
                rule.properties.set(PropTag::PidTagRuleState, PropertyValue::Integer32(state));
            }
            self.change.set_rules(incoming.mailbox.id, folder, &rules)?;
        }
        Ok(Fate::Stays)
    }

    /// Takes a message of `bytes` bytes from what rules may create because of one message.
    fn spend(&mut self, bytes: u64) -> Result<(), Failure> {
        self.created = self.created.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.created > CREATED_MAX || self.bytes > BYTES_MAX {
            return Err(Failure::Rule(GENERIC));
        }
        Ok(())
    }

    /// Takes a message of `bytes` bytes that a rule creates in a mailbox, if the mailbox is not full.
    fn grow(&mut self, mailbox: &Mailbox, bytes: u64) -> Result<(), Failure> {
        let more = usize::try_from(bytes).unwrap_or(usize::MAX);
        if !quota::has_room(self.backend, self.change, mailbox, more)? {
            return Err(Failure::Rule(QUOTA));
        }
        self.spend(bytes)
    }

    /// Puts a message into the queue.
    fn send(&mut self, outgoing: Outgoing, bytes: u64) -> Result<(), Failure> {
        if outgoing.hops > HOPS_MAX {
            let owner = &outgoing.from.owner;
            tracing::info!(%owner, "lab: a rule sends nothing: other rules have passed the message on too often");
            return Err(Failure::Rule(GENERIC));
        }
        self.spend(bytes)?;
        self.queue.push_back(outgoing);
        Ok(())
    }
}

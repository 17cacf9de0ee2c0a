//! Messages in the folder of deferred actions, and what makes them necessary ([MS-OXORULE] 2.2.6, 2.2.7).

use mapi::data::{ActionBlock, RuleAction};
use mapi::property::{Layout, PropTag, PropertyValue};
use store::{Change, ContentEdit, Mailbox, NewMessage, ObjectId, Properties, Rule};
use wire::Writer;

use crate::directory::Entry;
use crate::mailbox::{DEFERRED_ACTION, special};
use crate::refusal::Refusal;
use crate::values::entry_id::folder_entry_id;
use crate::values::message::of_message;

/// The value of `PidTagRuleError` if executing a rule failed ([MS-OXORULE] 2.2.7.2).
pub(super) const GENERIC: i32 = 11;

/// A message to which rules are applied.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) mailbox: &'a Mailbox,
    /// The owner of the mailbox.
    pub(super) owner: &'a Entry,
    pub(super) folder: ObjectId,
    pub(super) message: ObjectId,
    /// How often rules have passed it on.
    pub(super) hops: u32,
    pub(super) moves: u32,
}

/// Why an action is not executed.
pub(super) enum Failure {
    /// The store failed: nothing is delivered.
    Store(Refusal),
    /// The rule is in error, with this `PidTagRuleError`.
    Rule(i32),
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Store(refusal)
    }
}

/// Creates a message in the folder of deferred actions: an action that the client has to execute, or the error and the
/// number of an action that failed ([MS-OXORULE] 2.2.6, 2.2.7, 3.2.5.1.2, 3.2.5.1.3).
pub(super) fn notice(
    change: &Change<'_>,
    incoming: &Incoming<'_>,
    rule: &Rule,
    action: &ActionBlock,
    error: Option<(i32, i32)>,
) -> Result<(), Refusal> {
    let mailbox = incoming.mailbox;
    let message = change.message(mailbox.id, incoming.message)?;
    let id = of_message(mailbox, &message, &Properties::new(), PropTag::PidTagEntryId);
    let provider = rule.properties.text(PropTag::PidTagRuleProvider).unwrap_or_default();
    let mut set = Properties::from([
        (PropTag::PidTagDamOriginalEntryId, id.unwrap_or_else(|| PropertyValue::Binary(Vec::new()))),
        (PropTag::PidTagRuleFolderEntryId, PropertyValue::Binary(folder_entry_id(mailbox, incoming.folder))),
        (PropTag::PidTagRuleProvider, PropertyValue::from(provider.as_str())),
    ]);
    if let Some((error, number)) = error {
        set.set(
            PropTag::PidTagMessageClass,
            PropertyValue::from("IPC.Microsoft Exchange 4.0.Deferred Error"),
        );
        set.set(PropTag::PidTagRuleError, PropertyValue::Integer32(error));
        set.set(PropTag::PidTagRuleActionType, PropertyValue::Integer32(i32::from(action.action_type.0)));
        set.set(PropTag::PidTagRuleActionNumber, PropertyValue::Integer32(number));
        set.set(PropTag::PidTagRuleId, PropertyValue::Integer64(i64::from(rule.id)));
    } else {
        let mut actions = Writer::new();
        let encoded = RuleAction(vec![action.clone()]).write(&mut actions, Layout::Rop);
        encoded.map_err(|_| mapi::ErrorCode::MAPI_E_CALL_FAILED)?;
        set.set(
            PropTag::PidTagMessageClass,
            PropertyValue::from("IPC.Microsoft Exchange 4.0.Deferred Action"),
        );
        set.set(PropTag::PidTagDamBackPatched, PropertyValue::Boolean(false));
        set.set(PropTag::PidTagClientActions, PropertyValue::Binary(actions.into_vec()));
        set.set(PropTag::PidTagRuleIds, PropertyValue::Binary(u64::from(rule.id).to_le_bytes().to_vec()));
        let mut edit = ContentEdit::default();
        edit.set.set(PropTag::PidTagHasDeferredActionMessages, PropertyValue::Boolean(true));
        change.change_message(mailbox.id, incoming.message, &edit, None)?;
    }
    let content = ContentEdit { set, ..ContentEdit::default() };
    change.create_message(
        mailbox.id,
        special(DEFERRED_ACTION),
        &NewMessage { content, ..NewMessage::default() },
    )?;
    Ok(())
}

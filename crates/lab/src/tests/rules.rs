//! Tests of rules.

use mapi::ErrorCode;
use mapi::data::{
    ActionBlock, ActionData, ActionType, FolderId, MessageId, RecipientBlock, RuleAction, ServerId,
};
use mapi::property::{FuzzyLevel, PropTag, PropType, PropertyList, PropertyValue, Restriction, TaggedValue};
use mapi::rop::rule::{
    ModifyRulesFlags, RopGetRulesTableRequest, RopModifyRulesRequest, RopUpdateDeferredActionMessagesRequest,
    RuleData, RuleDataFlags, RulesTableFlags,
};
use mapi::rop::transport::{RopSubmitMessageRequest, SubmitFlags};
use mapi::rop::{Bytes16, List16, OutputHandleIndex, RequestBody};
use wire::{Encode as _, Writer};

use super::Caller;
use super::folders::{create, permit};
use super::mail::{LOGON, Mail, text};
use super::messages::{INBOX, modify, recipient};
use super::submission::{mail, subjects};

const SUBJECT: PropTag = PropTag::PidTagSubject;
const OUTBOX: usize = 5;
pub(super) const DEFERRED: usize = 1;

pub(super) fn inbox(mail: &mut Mail) -> Vec<String> {
    let inbox = mail.special(INBOX);
    subjects(mail, inbox)
}

/// Sends a message to a person.
pub(super) fn send(mail: &mut Mail, subject: &str, to: &str) {
    let outbox = mail.special(OUTBOX);
    super::messages::create(mail, outbox, 2).unwrap();
    mail.set(2, vec![text(SUBJECT, subject)]).unwrap();
    modify(mail, 2, vec![recipient(0, &format!("{to}@lab.test"))]).unwrap();
    let request = RopSubmitMessageRequest { submit_flags: SubmitFlags::NONE };
    mail.rop(2, RequestBody::RopSubmitMessage(request)).unwrap();
}

pub(super) fn change(
    mail: &mut Mail,
    folder: u8,
    modify_rules_flags: u8,
    changes: Vec<(RuleDataFlags, Vec<TaggedValue>)>,
) -> Result<(), ErrorCode> {
    let rules = changes
        .into_iter()
        .map(|(rule_data_flags, values)| RuleData { rule_data_flags, property_values: PropertyList(values) });
    let request = RopModifyRulesRequest {
        modify_rules_flags: ModifyRulesFlags(modify_rules_flags),
        rules_data: List16(rules.collect()),
    };
    mail.rop(folder, RequestBody::RopModifyRules(request)).map(drop)
}

/// The properties of a rule for messages whose subject begins with `prefix`.
pub(super) fn rule(sequence: i32, state: i32, prefix: &str, actions: Vec<ActionBlock>) -> Vec<TaggedValue> {
    let condition = Restriction::Content {
        fuzzy_level: FuzzyLevel::FL_PREFIX | FuzzyLevel::FL_IGNORECASE,
        tag: SUBJECT,
        value: text(SUBJECT, prefix),
    };
    vec![
        TaggedValue::new(PropTag::PidTagRuleSequence, PropertyValue::Integer32(sequence)),
        TaggedValue::new(PropTag::PidTagRuleState, PropertyValue::Integer32(state)),
        TaggedValue::new(PropTag::PidTagRuleCondition, PropertyValue::Restriction(Box::new(condition))),
        TaggedValue::new(
            PropTag::PidTagRuleActions,
            PropertyValue::RuleAction(Box::new(RuleAction(actions))),
        ),
        text(PropTag::PidTagRuleProvider, "test"),
    ]
}

fn add(mail: &mut Mail, folder: u8, prefix: &str, actions: Vec<ActionBlock>) {
    change(mail, folder, 0, vec![(RuleDataFlags::ROW_ADD, rule(10, 1, prefix, actions))]).unwrap();
}

pub(super) fn to_folder(action_type: ActionType, folder_id: FolderId) -> ActionBlock {
    let mut folder = Writer::new();
    ServerId::Ours { folder_id, message_id: MessageId(0), instance: 0 }.encode(&mut folder).unwrap();
    // Without the size that precedes it.
    let folder_eid = folder.into_vec().split_off(2);
    ActionBlock::new(
        action_type,
        ActionData::MoveCopy { folder_in_this_store: Some(1), store_eid: Vec::new(), folder_eid },
    )
}

fn to_person(action_type: ActionType, flavor: u32, name: &str) -> ActionBlock {
    let properties = vec![
        text(PropTag::PidTagAddressType, "SMTP"),
        text(PropTag::PidTagEmailAddress, &format!("{name}@lab.test")),
        text(PropTag::PidTagDisplayName, name),
    ];
    let block = RecipientBlock { reserved: 1, properties };
    ActionBlock { flavor, ..ActionBlock::new(action_type, ActionData::Recipients(vec![block])) }
}

/// A reply with a template, which is created in the inbox.
pub(super) fn template(mail: &mut Mail, action_type: ActionType) -> ActionBlock {
    let inbox = mail.special(INBOX);
    let request = mapi::rop::message::RopCreateMessageRequest {
        output_handle_index: OutputHandleIndex(5),
        code_page_id: 0x0fff,
        folder_id: inbox,
        associated_flag: mapi::rop::Bool::TRUE,
    };
    mail.rop(LOGON, RequestBody::RopCreateMessage(request)).unwrap();
    mail.set(5, vec![text(PropTag::PidTagBody, "Not now")]).unwrap();
    let message_id = super::messages::save(mail, 5, super::messages::KEEP).unwrap();
    let template_guid = wire::Guid::default();
    ActionBlock::new(action_type, ActionData::Reply { folder_id: inbox, message_id, template_guid })
}

pub(super) fn plain(action_type: ActionType) -> ActionBlock {
    ActionBlock::new(action_type, ActionData::None)
}

#[test]
fn rules_move_copy_mark_tag_and_delete_messages() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let tea = create(&mut bob, 1, "Tea", 3).unwrap();
    let copies = create(&mut bob, 1, "Copies", 4).unwrap();
    let importance = TaggedValue::new(PropTag::PidTagImportance, PropertyValue::Integer32(2));
    add(
        &mut bob,
        1,
        "tea",
        vec![to_folder(ActionType::OP_COPY, copies), to_folder(ActionType::OP_MOVE, tea)],
    );
    add(&mut bob, 1, "read", vec![plain(ActionType::OP_MARK_AS_READ)]);
    add(&mut bob, 1, "read", vec![ActionBlock::new(ActionType::OP_TAG, ActionData::Tag(importance))]);
    add(&mut bob, 1, "spam", vec![plain(ActionType::OP_DELETE)]);
    assert_eq!(bob.get(1, PropTag::PidTagHasRules), Ok(PropertyValue::Boolean(true)));
    for subject in ["Tea at five", "Read me", "Spam", "other"] {
        send(&mut alice, subject, "bob");
    }
    assert_eq!(subjects(&mut bob, tea), ["Tea at five"]);
    assert_eq!(subjects(&mut bob, copies), ["Tea at five"]);
    assert_eq!(inbox(&mut bob), ["Read me", "other"]);
    let columns = [PropTag::PidTagRead, PropTag::PidTagImportance];
    bob.open_table(10, true, 11).unwrap();
    bob.set_columns(11, &columns).unwrap();
    let rows = bob.rows(11, &columns, 2).unwrap();
    let values =
        rows.iter().map(|row| (row.value(0).cloned(), row.value(1).and_then(PropertyValue::to_integer)));
    let (yes, no) = (Some(PropertyValue::Boolean(true)), Some(PropertyValue::Boolean(false)));
    assert_eq!(values.collect::<Vec<_>>(), [(yes, Some(2)), (no, Some(1))]);
}

#[test]
fn rules_are_in_order_until_one_ends_them() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let first = create(&mut bob, 1, "First", 3).unwrap();
    let second = create(&mut bob, 1, "Second", 4).unwrap();
    let rules = vec![
        (RuleDataFlags::ROW_ADD, rule(2, 1, "a", vec![to_folder(ActionType::OP_COPY, second)])),
        (RuleDataFlags::ROW_ADD, rule(1, 0x11, "ab", vec![to_folder(ActionType::OP_COPY, first)])),
        (RuleDataFlags::ROW_ADD, rule(0, 0, "a", vec![plain(ActionType::OP_DELETE)])),
        (RuleDataFlags::ROW_ADD, rule(0, 5, "a", vec![plain(ActionType::OP_DELETE)])),
    ];
    change(&mut bob, 1, 0, rules).unwrap();
    send(&mut alice, "abc", "bob");
    send(&mut alice, "a", "bob");
    assert_eq!(subjects(&mut bob, first), ["abc"], "ST_EXIT_LEVEL");
    assert_eq!(subjects(&mut bob, second), ["a"]);
    assert_eq!(inbox(&mut bob), ["abc", "a"], "neither a disabled rule nor one for absence deletes them");
    // A message that moves has the rules of the other folder.
    change(
        &mut bob,
        1,
        1,
        vec![(RuleDataFlags::ROW_ADD, rule(1, 1, "x", vec![to_folder(ActionType::OP_MOVE, first)]))],
    )
    .unwrap();
    add(&mut bob, 3, "x", vec![to_folder(ActionType::OP_MOVE, second)]);
    add(&mut bob, 4, "x", vec![to_folder(ActionType::OP_MOVE, first)]);
    send(&mut alice, "x", "bob");
    let mut all = subjects(&mut bob, first);
    all.extend(subjects(&mut bob, second));
    all.sort();
    assert_eq!(all, ["a", "abc", "x"], "once, although the rules are a loop");
}

#[test]
fn rules_that_forward_in_a_loop_end() {
    let caller = Caller::new();
    let (mut alice, mut bob, mut carol) =
        (mail(&caller, "alice"), mail(&caller, "bob"), mail(&caller, "carol"));
    add(&mut bob, 1, "", vec![to_person(ActionType::OP_FORWARD, 0, "carol")]);
    add(&mut carol, 1, "", vec![to_person(ActionType::OP_FORWARD, 0, "bob")]);
    send(&mut alice, "Loop", "bob");
    assert_eq!(inbox(&mut bob), ["Loop", "FW: FW: Loop"]);
    assert_eq!(inbox(&mut carol), ["FW: Loop", "FW: FW: FW: Loop"]);
    let deferred = carol.special(DEFERRED);
    carol.open_folder(deferred, 10).unwrap();
    carol.open_table(10, true, 11).unwrap();
    let class = carol.texts(11, PropTag::PidTagMessageClass);
    assert_eq!(class, ["IPC.Microsoft Exchange 4.0.Deferred Error"], "the last forward");
    // Many recipients, of which each forwards to all, are limited by number.
    let everyone = ["alice", "bob", "carol"].map(|name| to_person(ActionType::OP_FORWARD, 0, name)).to_vec();
    for person in [&mut alice, &mut bob, &mut carol] {
        change(person, 1, 1, vec![(RuleDataFlags::ROW_ADD, rule(1, 1, "", everyone.clone()))]).unwrap();
    }
    send(&mut alice, "Storm", "bob");
    let total = inbox(&mut alice).len() + inbox(&mut bob).len() + inbox(&mut carol).len();
    assert!(total <= 4 + 1 + 3 + 9 + 27, "{total}");
}

#[test]
fn rules_forward_reply_delegate_and_reject() {
    let caller = Caller::new();
    let (mut alice, mut bob, mut carol) =
        (mail(&caller, "alice"), mail(&caller, "bob"), mail(&caller, "carol"));
    add(&mut bob, 1, "keep", vec![to_person(ActionType::OP_FORWARD, 3, "carol")]);
    add(&mut bob, 1, "file", vec![to_person(ActionType::OP_FORWARD, 4, "carol")]);
    add(&mut bob, 1, "meeting", vec![to_person(ActionType::OP_DELEGATE, 0, "carol")]);
    add(&mut bob, 1, "reject", vec![ActionBlock::new(ActionType::OP_BOUNCE, ActionData::Bounce(0x26))]);
    for subject in ["Keep", "File", "Meeting", "Reject"] {
        send(&mut alice, subject, "bob");
    }
    assert_eq!(inbox(&mut carol), ["Keep", "FW: File", "Meeting"]);
    carol.open_table(10, true, 11).unwrap();
    let columns =
        [PropTag::PidTagSenderName, PropTag::PidTagHasAttachments, PropTag::PidTagReceivedRepresentingName];
    carol.set_columns(11, &columns).unwrap();
    let rows = carol.rows(11, &columns, 3).unwrap();
    let name =
        |row: usize, column| rows[row].value(column).and_then(PropertyValue::to_text).unwrap_or_default();
    assert!(name(0, 0).starts_with("Alice "), "the sender is preserved");
    assert!(name(1, 0).starts_with("Bob "), "{}", name(1, 0));
    assert_eq!(rows[1].value(1), Some(&PropertyValue::Boolean(true)));
    assert!(name(2, 0).starts_with("Alice ") && name(2, 2).starts_with("Bob "), "for bob");
    assert_eq!(inbox(&mut bob), ["Keep", "File", "Meeting"], "without what is rejected");
    assert_eq!(inbox(&mut alice), ["Undeliverable: Reject"]);

    // A reply, which no rule replies to.
    let reply = ActionType::OP_REPLY;
    let (of_alice, of_bob) = (template(&mut alice, reply), template(&mut bob, reply));
    change(&mut alice, 1, 1, vec![(RuleDataFlags::ROW_ADD, rule(1, 1, "", vec![of_alice]))]).unwrap();
    change(&mut bob, 1, 1, vec![(RuleDataFlags::ROW_ADD, rule(1, 1, "hello", vec![of_bob]))]).unwrap();
    send(&mut alice, "Hello", "bob");
    assert_eq!(inbox(&mut alice), ["Undeliverable: Reject", "RE: Hello"]);
    assert_eq!(inbox(&mut bob), ["Keep", "File", "Meeting", "Hello"]);
}

#[test]
fn an_action_that_the_server_cannot_execute_is_deferred_or_reported() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let gone = to_folder(ActionType::OP_MOVE, FolderId(0x7777_0001));
    add(&mut bob, 1, "a", vec![gone, plain(ActionType::OP_MARK_AS_READ)]);
    add(
        &mut bob,
        1,
        "b",
        vec![ActionBlock::new(ActionType::OP_DEFER_ACTION, ActionData::Defer(vec![1, 2, 3]))],
    );
    send(&mut alice, "a", "bob");
    send(&mut alice, "b", "bob");
    assert_eq!(inbox(&mut bob), ["a", "b"]);
    bob.open_folder(bob.special(DEFERRED), 10).unwrap();
    bob.open_table(10, true, 11).unwrap();
    let columns = [
        PropTag::PidTagMessageClass,
        PropTag::PidTagRuleError,
        PropTag::PidTagClientActions,
        PropTag::PidTagDamOriginalEntryId,
        PropTag::PidTagDamBackPatched,
    ];
    bob.set_columns(11, &columns).unwrap();
    let rows = bob.rows(11, &columns, 9).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].value(0), Some(&PropertyValue::from("IPC.Microsoft Exchange 4.0.Deferred Error")));
    assert_eq!(rows[0].value(1), Some(&PropertyValue::Integer32(6)));
    assert_eq!(rows[1].value(0), Some(&PropertyValue::from("IPC.Microsoft Exchange 4.0.Deferred Action")));
    assert!(rows[1].value(2).and_then(PropertyValue::as_bytes).unwrap().ends_with(&[1, 2, 3]));
    let id = rows[1].value(3).and_then(PropertyValue::as_bytes).unwrap().to_vec();
    let request = RopUpdateDeferredActionMessagesRequest {
        server_entry_id: Bytes16(id.into()),
        client_entry_id: Bytes16(vec![9].into()),
    };
    bob.rop(LOGON, RequestBody::RopUpdateDeferredActionMessages(request)).unwrap();
    bob.open_table(10, true, 11).unwrap();
    bob.set_columns(11, &columns).unwrap();
    let rows = bob.rows(11, &columns, 9).unwrap();
    assert_eq!(rows[1].value(3), Some(&PropertyValue::Binary(vec![9])));
    assert_eq!(rows[1].value(4), Some(&PropertyValue::Boolean(true)));
    assert_ne!(rows[0].value(3), Some(&PropertyValue::Binary(vec![9])), "of another message");
}

#[test]
fn only_the_owner_of_a_mailbox_has_rules_and_they_are_limited() {
    let caller = Caller::new();
    let mut alice = mail(&caller, "alice");
    let delete = || vec![plain(ActionType::OP_DELETE)];
    add(&mut alice, 1, "one", delete());
    add(&mut alice, 1, "two", delete());
    let table = |mail: &mut Mail, flags| {
        let request = RopGetRulesTableRequest {
            output_handle_index: OutputHandleIndex(3),
            table_flags: RulesTableFlags(flags),
        };
        mail.rop(1, RequestBody::RopGetRulesTable(request)).map(drop)
    };
    let ids = |mail: &mut Mail| {
        table(mail, 0x40).unwrap();
        let columns = [PropTag::PidTagRuleId, PropTag::PidTagRuleState];
        mail.set_columns(3, &columns).unwrap();
        let rows = mail.rows(3, &columns, 999).unwrap();
        let cell = |value: Option<&PropertyValue>| value.and_then(PropertyValue::to_integer).unwrap();
        rows.iter().map(|row| (cell(row.value(0)), cell(row.value(1)))).collect::<Vec<_>>()
    };
    assert_eq!(ids(&mut alice), [(1, 1), (2, 1)]);
    let id = |id| TaggedValue::new(PropTag::PidTagRuleId, PropertyValue::Integer64(id));
    let state = TaggedValue::new(PropTag::PidTagRuleState, PropertyValue::Integer32(0x53));
    change(&mut alice, 1, 0, vec![(RuleDataFlags::ROW_MODIFY, vec![id(2), state])]).unwrap();
    change(&mut alice, 1, 0, vec![(RuleDataFlags::ROW_REMOVE, vec![id(1)])]).unwrap();
    assert_eq!(ids(&mut alice), [(2, 0x11)], "without the flags of the server");
    let unknown = change(&mut alice, 1, 0, vec![(RuleDataFlags::ROW_REMOVE, vec![id(1)])]);
    assert_eq!(unknown, Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(change(&mut alice, 1, 2, vec![]), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    let twice = RuleDataFlags(3);
    assert_eq!(change(&mut alice, 1, 0, vec![(twice, vec![])]), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    assert_eq!(table(&mut alice, 1), Err(ErrorCode::MAPI_E_NO_SUPPORT));
    let many = (0..101).map(|_| (RuleDataFlags::ROW_ADD, rule(1, 1, "x", delete()))).collect();
    assert_eq!(change(&mut alice, 1, 0, many), Err(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY));
    let parts = Restriction::Or((0..2000).map(|_| Restriction::Exist { tag: SUBJECT }).collect());
    let tag = PropTag::PidTagRuleCondition.with_type(PropType::PtypRestriction);
    let complex = vec![TaggedValue::new(tag, PropertyValue::Restriction(Box::new(parts)))];
    let refused = change(&mut alice, 1, 0, vec![(RuleDataFlags::ROW_ADD, complex)]);
    assert_eq!(refused, Err(ErrorCode::MAPI_E_TOO_COMPLEX));
    assert_eq!(ids(&mut alice), [(2, 0x11)], "none of these has an effect");

    // A rule acts for the owner: someone who owns the folder could send mail as alice, or have hers sent on.
    permit(&mut alice, 1, "bob", 0x5fb);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(bob.special(INBOX), 1).unwrap();
    let forward = rule(1, 1, "", vec![to_person(ActionType::OP_FORWARD, 0, "bob")]);
    let refused = change(&mut bob, 1, 0, vec![(RuleDataFlags::ROW_ADD, forward)]);
    assert_eq!(refused, Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(table(&mut bob, 0x40), Err(ErrorCode::MAPI_E_NO_ACCESS));
}

//! Tests of rules for the time when the owner is out of office.

use mapi::ErrorCode;
use mapi::data::ActionType;
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::rule::RuleDataFlags;

use super::Caller;
use super::folders::{create, permit};
use super::mail::{LOGON, Mail, text};
use super::messages::INBOX;
use super::rules::{change, inbox, rule, send, template, to_folder};
use super::submission::{mail, subjects};

const OUT: PropTag = PropTag::PidTagOutOfOfficeState;
/// `ST_ENABLED`, `ST_ONLY_WHEN_OOF`, `ST_KEEP_OOF_HIST`, `ST_EXIT_LEVEL`.
const ENABLED: i32 = 0x1;
const ONLY_WHEN_OUT: i32 = 0x4;
const KEEP_HISTORY: i32 = 0x8;
const EXIT_LEVEL: i32 = 0x10;

fn set_out(mail: &mut Mail, is_out: bool) -> Result<Vec<ErrorCode>, ErrorCode> {
    mail.set(LOGON, vec![TaggedValue::new(OUT, PropertyValue::Boolean(is_out))])
}

fn add(mail: &mut Mail, values: Vec<TaggedValue>) {
    change(mail, 1, 0, vec![(RuleDataFlags::ROW_ADD, values)]).unwrap();
}

#[test]
fn each_sender_receives_one_reply_while_the_owner_is_out_of_office() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let mut carol = mail(&caller, "carol");
    let reply = template(&mut bob, ActionType::OP_OOF_REPLY);
    let state = ENABLED | ONLY_WHEN_OUT | KEEP_HISTORY;
    add(&mut bob, rule(1, state, "tea", vec![reply]));
    send(&mut alice, "Tea at one", "bob");
    assert_eq!(inbox(&mut alice), Vec::<String>::new(), "bob is in the office");
    assert_eq!(bob.get(LOGON, OUT), Ok(PropertyValue::Boolean(false)));

    assert_eq!(set_out(&mut bob, true), Ok(vec![]));
    assert_eq!(bob.get(LOGON, OUT), Ok(PropertyValue::Boolean(true)));
    send(&mut alice, "Coffee", "bob");
    assert_eq!(inbox(&mut alice), Vec::<String>::new(), "the condition is false");
    for subject in ["Tea at two", "Tea at three"] {
        send(&mut alice, subject, "bob");
    }
    send(&mut carol, "Tea at four", "bob");
    assert_eq!(inbox(&mut alice), ["RE: Tea at two"]);
    assert_eq!(inbox(&mut carol), ["RE: Tea at four"]);
    assert_eq!(set_out(&mut bob, true), Ok(vec![]), "which changes nothing");
    send(&mut alice, "Tea at five", "bob");
    assert_eq!(inbox(&mut alice).len(), 1);
    // The next time, everyone receives a reply again.
    for is_out in [false, true] {
        set_out(&mut bob, is_out).unwrap();
    }
    send(&mut alice, "Tea at six", "bob");
    assert_eq!(inbox(&mut alice), ["RE: Tea at two", "RE: Tea at six"]);
}

#[test]
fn a_rule_without_history_replies_each_time_unless_the_message_suppresses_it() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let reply = template(&mut bob, ActionType::OP_OOF_REPLY);
    add(&mut bob, rule(1, ONLY_WHEN_OUT, "", vec![reply]));
    set_out(&mut bob, true).unwrap();
    for subject in ["One", "Two"] {
        send(&mut alice, subject, "bob");
    }
    for (suppressed, expected) in [(0x20, 3), (0x10, 3)] {
        super::submission::draft(&mut alice, "Quiet", vec![super::messages::recipient(0, "bob@lab.test")]);
        let suppress = PropertyValue::Integer32(suppressed);
        alice.set(2, vec![TaggedValue::new(PropTag::PidTagAutoResponseSuppress, suppress)]).unwrap();
        super::submission::submit(&mut alice).unwrap();
        assert_eq!(inbox(&mut alice).len(), expected, "{suppressed:#x}");
    }
}

#[test]
fn only_rules_for_the_absence_follow_a_rule_that_ends_the_others() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let mut folders = Vec::new();
    for (number, state) in [
        (2, ENABLED | EXIT_LEVEL),
        (3, ENABLED),
        (4, ENABLED | ONLY_WHEN_OUT),
        (6, ONLY_WHEN_OUT | EXIT_LEVEL),
    ] {
        let folder = create(&mut bob, 1, &number.to_string(), number).unwrap();
        folders.push(folder);
        let copy = to_folder(ActionType::OP_COPY, folder);
        add(&mut bob, rule(i32::from(number), state, "", vec![copy]));
    }
    let counts =
        |bob: &mut Mail| folders.iter().map(|folder| subjects(bob, *folder).len()).collect::<Vec<usize>>();
    send(&mut alice, "In", "bob");
    assert_eq!(counts(&mut bob), [1, 0, 0, 0]);
    set_out(&mut bob, true).unwrap();
    send(&mut alice, "Out", "bob");
    assert_eq!(counts(&mut bob), [2, 0, 1, 1]);
}

#[test]
fn only_the_owner_sets_whether_the_owner_is_out_of_office() {
    let caller = Caller::new();
    let mut alice = mail(&caller, "alice");
    permit(&mut alice, 1, "bob", 0x5fb);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(bob.special(INBOX), 1).unwrap();
    assert_eq!(set_out(&mut bob, true), Err(ErrorCode::MAPI_E_NO_ACCESS));
    assert_eq!(bob.get(LOGON, OUT), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(alice.get(LOGON, OUT), Ok(PropertyValue::Boolean(false)));
    let name = text(PropTag::PidTagMailboxOwnerName, "Bob");
    assert_eq!(alice.set(LOGON, vec![name]), Ok(vec![ErrorCode::MAPI_E_COMPUTED]));
}

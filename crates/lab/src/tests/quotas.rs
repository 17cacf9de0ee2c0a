//! Tests of the quotas of mailboxes.

use std::sync::Arc;

use mapi::ErrorCode;
use mapi::property::{PropTag, PropType, PropertyValue};
use mapi::rop::property::{Bool16, RopGetPropertiesAllRequest};
use mapi::rop::rule::RuleDataFlags;
use mapi::rop::{RequestBody, ResponseBody};

use super::folders::{create as create_folder, permit};
use super::mail::{LOGON, Mail, text};
use super::messages::{INBOX, KEEP, create, delete, recipient, save, transfer};
use super::rules::{DEFERRED, change, rule, to_folder};
use super::submission::{draft, mail, subjects, submit};
use super::{Caller, authenticated};
use crate::{Lab, LabConfig, Quota};
use mapi::data::ActionType;

const QUOTA_EXCEEDED: ErrorCode = ErrorCode(0x4d9);
const SHUTOFF_QUOTA_EXCEEDED: ErrorCode = ErrorCode(0x4dd);
const WARNING: PropTag = PropTag::new(0x3ff5, PropType::PtypInteger32);

/// A lab in which `user` has a quota.
fn lab(user: &str, quota: Quota) -> Caller {
    let quotas = [(user.to_owned(), quota)].into();
    let lab = Arc::new(Lab::new(LabConfig { quotas, ..LabConfig::two_servers() }).unwrap());
    Caller { lab, context: authenticated("svcproxy"), group: Arc::default() }
}

/// Saves a message of about `kilobytes` in the inbox, with the handle at 2.
fn message(mail: &mut Mail, kilobytes: usize) -> Result<mapi::data::MessageId, ErrorCode> {
    let inbox = mail.special(INBOX);
    create(mail, inbox, 2).unwrap();
    mail.set(2, vec![text(PropTag::PidTagSubject, "Saved")]).unwrap();
    fill(mail, kilobytes);
    save(mail, 2, KEEP)
}

fn fill(mail: &mut Mail, kilobytes: usize) {
    mail.set(2, vec![text(PropTag::PidTagBody, &"x".repeat(kilobytes * 512))]).unwrap();
}

fn inbox(mail: &mut Mail) -> Vec<String> {
    let inbox = mail.special(INBOX);
    subjects(mail, inbox)
}

#[test]
fn a_full_mailbox_saves_nothing_that_makes_it_larger() {
    let caller = lab("alice", Quota { receive: Some(20), ..Quota::default() });
    let mut alice = mail(&caller, "alice");
    let id = message(&mut alice, 8).unwrap();
    assert_eq!(message(&mut alice, 14), Err(SHUTOFF_QUOTA_EXCEEDED));
    assert_eq!(inbox(&mut alice).len(), 1);
    alice.open_folder(alice.special(7), 9).unwrap();
    assert_eq!(transfer(&mut alice, &[id], 1, 9), Ok(false), "there is room for one copy");
    assert_eq!(transfer(&mut alice, &[id], 1, 9), Err(SHUTOFF_QUOTA_EXCEEDED));
    assert_eq!(transfer(&mut alice, &[id], 0, 9), Ok(false), "which makes it no larger");
    // Other users fill it up no further than its owner.
    permit(&mut alice, 1, "bob", 0x401 | 0x2);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(bob.special(INBOX), 1).unwrap();
    assert_eq!(message(&mut bob, 8), Err(SHUTOFF_QUOTA_EXCEEDED));
    let mut own = mail(&caller, "bob");
    assert!(message(&mut own, 30).is_ok(), "of another mailbox");
    alice.open_folder(alice.special(7), 1).unwrap();
    alice.open_table(1, true, 11).unwrap();
    alice.set_columns(11, &[PropTag::PidTagMid]).unwrap();
    let rows = alice.rows(11, &[PropTag::PidTagMid], 9).unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.value(0).unwrap().to_integer().unwrap()).collect();
    let ids: Vec<_> = ids.into_iter().map(|id| mapi::data::MessageId(id.cast_unsigned())).collect();
    assert!(!delete(&mut alice, &ids));
    assert!(message(&mut alice, 14).is_ok(), "there is room again");
}

#[test]
fn the_owner_of_a_large_mailbox_cannot_send() {
    let caller = lab("*", Quota { send: Some(10), ..Quota::default() });
    let mut alice = mail(&caller, "alice");
    draft(&mut alice, "Tea", vec![recipient(0, "bob@lab.test")]);
    assert_eq!(submit(&mut alice), Ok(()));
    message(&mut alice, 10).expect("it can still be saved");
    draft(&mut alice, "Coffee", vec![recipient(0, "bob@lab.test")]);
    assert_eq!(submit(&mut alice), Err(QUOTA_EXCEEDED));
    let mut bob = mail(&caller, "bob");
    assert_eq!(inbox(&mut bob), ["Tea"]);
}

#[test]
fn the_sender_receives_a_report_about_recipients_whose_mailboxes_are_full() {
    let caller = lab("bob", Quota { receive: Some(6), ..Quota::default() });
    let (mut alice, mut bob, mut carol) =
        (mail(&caller, "alice"), mail(&caller, "bob"), mail(&caller, "carol"));
    draft(&mut alice, "Large", vec![recipient(0, "bob@lab.test"), recipient(1, "carol@lab.test")]);
    fill(&mut alice, 8);
    assert_eq!(submit(&mut alice), Ok(()));
    assert_eq!((inbox(&mut bob), inbox(&mut carol)), (vec![], vec!["Large".to_owned()]));
    assert_eq!(inbox(&mut alice), ["Undeliverable: Large"]);
    alice.open_table(1, true, 11).unwrap();
    let text = alice.texts(11, PropTag::PidTagBody).remove(0);
    assert!(text.contains("whose mailboxes are full") && text.contains("cn=bob"), "{text}");
    draft(&mut alice, "Small", vec![recipient(0, "bob@lab.test")]);
    assert_eq!(submit(&mut alice), Ok(()));
    assert_eq!(inbox(&mut bob), ["Small"]);
}

/// [MS-OXORULE] 2.2.7.2.
#[test]
fn a_rule_that_copies_a_message_fails_if_the_mailbox_would_be_full() {
    let caller = lab("bob", Quota { receive: Some(20), ..Quota::default() });
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let copies = create_folder(&mut bob, 1, "Copies", 3).unwrap();
    let copy = rule(1, 1, "", vec![to_folder(ActionType::OP_COPY, copies)]);
    change(&mut bob, 1, 0, vec![(RuleDataFlags::ROW_ADD, copy)]).unwrap();
    for (subject, kilobytes) in [("Small", 2), ("Large", 9)] {
        draft(&mut alice, subject, vec![recipient(0, "bob@lab.test")]);
        fill(&mut alice, kilobytes);
        assert_eq!(submit(&mut alice), Ok(()));
    }
    assert_eq!(inbox(&mut bob), ["Small", "Large"]);
    assert_eq!(subjects(&mut bob, copies), ["Small"]);
    bob.open_folder(bob.special(DEFERRED), 10).unwrap();
    bob.open_table(10, true, 11).unwrap();
    let columns = [PropTag::PidTagMessageClass, PropTag::PidTagRuleError];
    bob.set_columns(11, &columns).unwrap();
    let rows = bob.rows(11, &columns, 9).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].value(0), Some(&PropertyValue::from("IPC.Microsoft Exchange 4.0.Deferred Error")));
    assert_eq!(rows[0].value(1), Some(&PropertyValue::Integer32(12)));
}

#[test]
fn the_owner_is_warned_when_the_mailbox_reaches_the_limit_and_not_again_above_it() {
    let caller = lab("bob", Quota { warning: Some(10), ..Quota::default() });
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let send = |alice: &mut Mail| {
        draft(alice, "Large", vec![recipient(0, "bob@lab.test")]);
        fill(alice, 6);
        submit(alice).unwrap();
    };
    let warnings = |bob: &mut Mail| inbox(bob).iter().filter(|subject| *subject != "Large").count();
    for expected in [0, 1, 1] {
        send(&mut alice);
        assert_eq!(warnings(&mut bob), expected);
    }
    let mut carol = mail(&lab("carol", Quota { warning: Some(10), ..Quota::default() }), "carol");
    message(&mut carol, 12).unwrap();
    carol.open_table(1, true, 11).unwrap();
    let classes = carol.texts(11, PropTag::PidTagMessageClass);
    assert!(classes.contains(&"IPM.Note.StorageQuotaWarning.Warning".to_owned()), "{classes:?}");
}

#[test]
fn the_owner_reads_the_size_and_the_quota_of_the_mailbox() {
    let quota = Quota { warning: Some(70), send: Some(80), receive: None };
    let caller = lab("alice", quota);
    let mut alice = mail(&caller, "alice");
    message(&mut alice, 8).unwrap();
    let PropertyValue::Integer32(size) = alice.get(2, PropTag::PidTagMessageSize).unwrap() else { panic!() };
    let of_logon = |mail: &mut Mail, tag| mail.get(LOGON, tag);
    let extended = PropTag::PidTagMessageSizeExtended;
    assert_eq!(of_logon(&mut alice, extended), Ok(PropertyValue::Integer64(size.into())));
    assert_eq!(of_logon(&mut alice, PropTag::PidTagMessageSize), Ok(PropertyValue::Integer32(size)));
    assert_eq!(of_logon(&mut alice, WARNING), Ok(PropertyValue::Integer32(70)));
    assert_eq!(of_logon(&mut alice, PropTag::PidTagProhibitSendQuota), Ok(PropertyValue::Integer32(80)));
    let receive = of_logon(&mut alice, PropTag::PidTagProhibitReceiveQuota);
    assert_eq!(receive, Err(ErrorCode::MAPI_E_NOT_FOUND));
    let request = RopGetPropertiesAllRequest { property_size_limit: 0, want_unicode: Bool16(1) };
    match alice.rop(LOGON, RequestBody::RopGetPropertiesAll(request)).unwrap() {
        ResponseBody::RopGetPropertiesAll(all) => {
            let tags: Vec<PropTag> = all.property_values.0.iter().map(|value| value.tag).collect();
            assert!(tags.contains(&extended), "{tags:?}");
            assert!(!tags.iter().any(|tag| tag.is_same_property(PropTag::PidTagProhibitReceiveQuota)));
        }
        other => panic!("{other:?}"),
    }
    permit(&mut alice, 1, "bob", 0x401);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    for tag in [extended, WARNING, PropTag::PidTagProhibitSendQuota] {
        assert_eq!(of_logon(&mut bob, tag), Err(ErrorCode::MAPI_E_NOT_FOUND), "{tag:?}");
    }
}

//! Tests of sending messages.

use mapi::ErrorCode;
use mapi::data::{FolderId, MessageId, PropertyName, ServerId};
use mapi::property::names::set::PS_PUBLIC_STRINGS;
use mapi::property::{PropTag, PropType, PropertyValue, TaggedValue};
use mapi::rop::message::MessageOpenModeFlags;
use mapi::rop::named_property::{PropertyIdFlags, RopGetPropertyIdsFromNamesRequest};
use mapi::rop::recipient::{ModifyRecipientRow, RecipientType};
use mapi::rop::transport::{
    LockState, MessageFlags, RopSpoolerLockMessageRequest, RopSubmitMessageRequest, SubmitFlags,
};
use mapi::rop::{Empty, List16, RequestBody, ResponseBody};
use wire::Utf16;

use super::Caller;
use super::mail::{LOGON, Mail, text};
use super::messages::{INBOX, KEEP, create, modify, open, recipient, save};

const OUTBOX: usize = 5;
const SENT: usize = 6;
const SUBJECT: PropTag = PropTag::PidTagSubject;

/// A session of a user with the inbox open.
pub(super) fn mail(caller: &Caller, user: &str) -> Mail {
    let mut mail = Mail::open(caller, user, user).unwrap();
    mail.open_folder(mail.special(INBOX), 1).unwrap();
    mail
}

/// The subjects of the messages in a folder.
pub(super) fn subjects(mail: &mut Mail, folder: FolderId) -> Vec<String> {
    mail.open_folder(folder, 10).unwrap();
    mail.open_table(10, true, 11).unwrap();
    mail.texts(11, SUBJECT)
}

pub(super) fn draft(mail: &mut Mail, subject: &str, recipients: Vec<ModifyRecipientRow>) {
    let outbox = mail.special(OUTBOX);
    create(mail, outbox, 2).unwrap();
    mail.set(2, vec![text(SUBJECT, subject)]).unwrap();
    modify(mail, 2, recipients).unwrap();
}

pub(super) fn submit(mail: &mut Mail) -> Result<(), ErrorCode> {
    let request = RopSubmitMessageRequest { submit_flags: SubmitFlags::NONE };
    mail.rop(2, RequestBody::RopSubmitMessage(request)).map(drop)
}

#[test]
fn a_sent_message_is_in_the_inboxes_of_its_recipients() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let hidden = ModifyRecipientRow { recipient_type: RecipientType::BCC, ..recipient(1, "carol@lab.test") };
    draft(&mut alice, "RE: Tea", vec![recipient(0, "BOB@lab.test"), hidden]);
    let sent_items = alice.special(SENT);
    let folder = ServerId::Ours { folder_id: sent_items, message_id: MessageId(0), instance: 0 };
    let sent_mail = TaggedValue::new(PropTag::PidTagSentMailSvrEID, PropertyValue::ServerId(folder));
    alice.set(2, vec![sent_mail]).unwrap();
    assert_eq!(submit(&mut alice), Ok(()));
    assert_eq!(submit(&mut alice), Err(ErrorCode::MAPI_E_NO_ACCESS), "it was sent");
    assert_eq!(subjects(&mut alice, sent_items), ["RE: Tea"]);
    let outbox = alice.special(OUTBOX);
    assert_eq!(subjects(&mut alice, outbox), Vec::<String>::new());

    let inbox = bob.special(INBOX);
    assert_eq!(subjects(&mut bob, inbox), ["RE: Tea"]);
    bob.open_table(10, true, 11).unwrap();
    bob.set_columns(11, &[PropTag::PidTagMid]).unwrap();
    let rows = bob.rows(11, &[PropTag::PidTagMid], 1).unwrap();
    let Some(PropertyValue::Integer64(id)) = rows[0].value(0) else { panic!("no id") };
    let opened = open(&mut bob, MessageId(id.cast_unsigned()), MessageOpenModeFlags::NONE, 3).unwrap();
    assert_eq!(opened.recipients.recipient_count, 1, "bob does not see carol");
    assert_eq!(bob.get(3, PropTag::PidTagDisplayBcc), Err(ErrorCode::MAPI_E_NOT_FOUND));
    let PropertyValue::Unicode(name) = bob.get(3, PropTag::PidTagSenderName).unwrap() else {
        panic!("no name")
    };
    assert!(name.to_string_lossy().starts_with("Alice "));
    assert_eq!(bob.get(3, PropTag::PidTagRead), Ok(PropertyValue::Boolean(false)));
    let mut carol = mail(&caller, "carol");
    let inbox = carol.special(INBOX);
    assert_eq!(subjects(&mut carol, inbox), ["RE: Tea"]);
}

#[test]
fn the_sender_receives_a_report_on_unknown_recipients() {
    let caller = Caller::new();
    let mut alice = mail(&caller, "alice");
    draft(&mut alice, "Hello", vec![recipient(0, "missing@lab.test"), recipient(1, "alice@lab.test")]);
    alice
        .set(2, vec![TaggedValue::new(PropTag::PidTagDeleteAfterSubmit, PropertyValue::Boolean(true))])
        .unwrap();
    assert_eq!(submit(&mut alice), Ok(()));
    let (inbox, outbox) = (alice.special(INBOX), alice.special(OUTBOX));
    assert_eq!(subjects(&mut alice, inbox), ["Hello", "Undeliverable: Hello"]);
    assert_eq!(subjects(&mut alice, outbox), Vec::<String>::new());
}

#[test]
fn a_message_without_recipients_is_not_sent() {
    let caller = Caller::new();
    let mut alice = mail(&caller, "alice");
    draft(&mut alice, "Hello", vec![]);
    assert_eq!(submit(&mut alice), Err(ErrorCode(0x8004_0607)));
    let spooler = RopSubmitMessageRequest { submit_flags: SubmitFlags::NEEDS_SPOOLER };
    let refused = alice.rop(2, RequestBody::RopSubmitMessage(spooler));
    assert_eq!(refused, Err(ErrorCode::MAPI_E_NO_SUPPORT));
    modify(&mut alice, 2, vec![recipient(0, "alice@lab.test")]).unwrap();
    let sent = alice.rop(2, RequestBody::RopTransportSend(Empty)).unwrap();
    assert!(matches!(sent, ResponseBody::RopTransportSend(_)));
}

#[test]
fn named_properties_keep_their_names_in_other_mailboxes() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let id = |mail: &mut Mail, name: &str| {
        let name = PropertyName::Name { guid: PS_PUBLIC_STRINGS, name: Utf16::new(name) };
        let (flags, property_names) = (PropertyIdFlags::CREATE, List16(vec![name]));
        let request = RopGetPropertyIdsFromNamesRequest { flags, property_names };
        match mail.rop(LOGON, RequestBody::RopGetPropertyIdsFromNames(request)).unwrap() {
            ResponseBody::RopGetPropertyIdsFromNames(found) => found.property_ids.0[0],
            other => panic!("{other:?}"),
        }
    };
    // "Colour" has another id in bob's mailbox, where alice's id names something else.
    id(&mut bob, "Shape");
    let colour = PropTag::new(id(&mut alice, "Colour"), PropType::PtypString);
    draft(&mut alice, "Named", vec![recipient(0, "bob@lab.test")]);
    alice.set(2, vec![text(colour, "blue")]).unwrap();
    save(&mut alice, 2, KEEP).unwrap();
    assert_eq!(submit(&mut alice), Ok(()));
    let here = PropTag::new(id(&mut bob, "Colour"), PropType::PtypString);
    assert_ne!(here, colour);
    bob.open_table(1, true, 11).unwrap();
    assert_eq!(bob.texts(11, here), ["blue"]);
}

#[test]
fn a_copy_is_marked_as_sent_by_its_owner_only_for_the_sender() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    draft(&mut alice, "Tea", vec![recipient(0, "bob@lab.test"), recipient(1, "alice@lab.test")]);
    assert_eq!(submit(&mut alice), Ok(()));
    for (mail, expected) in [(&mut alice, MessageFlags::MF_FROM_ME), (&mut bob, MessageFlags::NONE)] {
        mail.open_table(1, true, 11).unwrap();
        mail.set_columns(11, &[PropTag::PidTagMessageFlags]).unwrap();
        let rows = mail.rows(11, &[PropTag::PidTagMessageFlags], 2).unwrap();
        assert_eq!(rows.len(), 1);
        let flags = rows[0].value(0).unwrap().to_integer();
        assert_eq!(flags, Some(i64::from(expected.0)), "mfFromMe, and neither mfRead nor mfUnsent");
    }
}

#[test]
fn the_queue_of_the_spooler_is_empty() {
    let mut mail = mail(&Caller::new(), "alice");
    draft(&mut mail, "Tea", vec![recipient(0, "bob@lab.test")]);
    let message_id = save(&mut mail, 2, KEEP).unwrap();
    let lock = || {
        let request = RopSpoolerLockMessageRequest { message_id, lock_state: LockState::LST_LOCK };
        RequestBody::RopSpoolerLockMessage(request)
    };
    assert_eq!(mail.rop(LOGON, lock()), Err(ErrorCode::MAPI_E_NO_SUPPORT), "the client is not the spooler");
    assert!(mail.rop(LOGON, RequestBody::RopSetSpooler(Empty)).is_ok());
    assert_eq!(mail.rop(LOGON, lock()), Err(ErrorCode(0x8004_0601)), "NotInQueue");
    let submit_flags = SubmitFlags::NEEDS_SPOOLER;
    let submit = RequestBody::RopSubmitMessage(RopSubmitMessageRequest { submit_flags });
    assert_eq!(mail.rop(2, submit), Err(ErrorCode::MAPI_E_NO_SUPPORT));
}

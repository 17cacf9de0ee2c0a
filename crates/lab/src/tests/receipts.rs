//! Tests of read receipts and non-read receipts.

use mapi::ErrorCode;
use mapi::data::MessageId;
use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::folder::DeleteMessagesRequest;
use mapi::rop::message::{
    MessageOpenModeFlags, ReadFlags, RopSetMessageReadFlagRequest, RopSetReadFlagsRequest,
};
use mapi::rop::transport::MessageFlags;
use mapi::rop::{Bool, InputHandleIndex, List16, RequestBody};

use super::Caller;
use super::folders::permit;
use super::mail::{Mail, text};
use super::messages::{INBOX, KEEP, open, recipient, save};
use super::submission::{draft, mail, subjects, submit};

const BOTH: i32 = 0x300;

/// Sends a message from alice to bob, with the properties `set`, and returns its id in bob's inbox.
fn send(alice: &mut Mail, bob: &mut Mail, subject: &str, set: Vec<TaggedValue>) -> MessageId {
    draft(alice, subject, vec![recipient(0, "bob@lab.test")]);
    alice.set(2, set).unwrap();
    save(alice, 2, KEEP).unwrap();
    submit(alice).unwrap();
    bob.open_table(1, true, 11).unwrap();
    let columns = [PropTag::PidTagMid, PropTag::PidTagSubject];
    bob.set_columns(11, &columns).unwrap();
    let rows = bob.rows(11, &columns, 100).unwrap();
    let row = rows.iter().find(|row| row.value(1).unwrap().to_text().unwrap() == subject).unwrap();
    MessageId(row.value(0).unwrap().to_integer().unwrap().cast_unsigned())
}

/// A request for a read receipt.
fn requested() -> Vec<TaggedValue> {
    vec![TaggedValue::new(PropTag::PidTagReadReceiptRequested, PropertyValue::Boolean(true))]
}

fn set_read(mail: &mut Mail, id: MessageId, flags: ReadFlags) -> Result<(), ErrorCode> {
    let message_ids = List16(vec![id]);
    let request = RopSetReadFlagsRequest { want_asynchronous: Bool::FALSE, read_flags: flags, message_ids };
    mail.rop(1, RequestBody::RopSetReadFlags(request)).map(drop)
}

fn flags(mail: &mut Mail, id: MessageId) -> i32 {
    open(mail, id, MessageOpenModeFlags::NONE, 3).unwrap();
    match mail.get(3, PropTag::PidTagMessageFlags).unwrap() {
        PropertyValue::Integer32(flags) => flags,
        other => panic!("{other:?}"),
    }
}

fn inbox(mail: &mut Mail) -> Vec<String> {
    let inbox = mail.special(INBOX);
    subjects(mail, inbox)
}

fn delete(mail: &mut Mail, id: MessageId, notify: bool) {
    let request = DeleteMessagesRequest {
        want_asynchronous: Bool::FALSE,
        notify_non_read: Bool(u8::from(notify)),
        message_ids: List16(vec![id]),
    };
    mail.rop(1, RequestBody::RopDeleteMessages(request)).unwrap();
}

#[test]
fn the_sender_who_requested_it_receives_one_read_receipt() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let id = send(&mut alice, &mut bob, "Plain", vec![]);
    assert_eq!(flags(&mut bob, id) & BOTH, 0);
    set_read(&mut bob, id, ReadFlags::NONE).unwrap();
    assert_eq!(inbox(&mut alice), Vec::<String>::new(), "no receipt was requested");

    let id = send(&mut alice, &mut bob, "Tea", requested());
    assert_eq!(flags(&mut bob, id) & BOTH, BOTH);
    let key = bob.get(3, PropTag::PidTagChangeKey).unwrap();
    set_read(&mut bob, id, ReadFlags::NONE).unwrap();
    assert_eq!(inbox(&mut alice), ["Read: Tea"]);
    assert_eq!(flags(&mut bob, id) & (BOTH | 1), 1);
    assert_eq!(bob.get(3, PropTag::PidTagChangeKey).unwrap(), key, "it is no new version");
    for read_flags in [ReadFlags::RF_CLEAR_READ_FLAG, ReadFlags::NONE, ReadFlags::RF_GENERATE_RECEIPT_ONLY] {
        set_read(&mut bob, id, read_flags).unwrap();
    }
    assert_eq!(inbox(&mut alice).len(), 1);

    let bob = caller.lab.config().user_dn("bob");
    for (tag, expected) in [
        (PropTag::PidTagMessageClass, "REPORT.IPM.Note.IPNRN"),
        (PropTag::PidTagOriginalSubject, "Tea"),
        (PropTag::PidTagSenderEmailAddress, &bob),
    ] {
        alice.open_table(1, true, 11).unwrap();
        assert_eq!(alice.texts(11, tag), [expected]);
    }
}

#[test]
fn a_message_that_is_open_is_marked_with_its_receipt() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let id = send(&mut alice, &mut bob, "Tea", requested());
    open(&mut bob, id, MessageOpenModeFlags::NONE, 3).unwrap();
    let request = RopSetMessageReadFlagRequest {
        input_handle_index: InputHandleIndex(3),
        read_flags: ReadFlags::NONE,
        client_data: None,
    };
    bob.rop(1, RequestBody::RopSetMessageReadFlag(request)).unwrap();
    assert_eq!(inbox(&mut alice), ["Read: Tea"]);
    let flags = bob.get(3, PropTag::PidTagMessageFlags).unwrap().to_integer().unwrap();
    assert_eq!(flags & i64::from(BOTH | 1), 1, "in the open message, too");
}

#[test]
fn a_receipt_is_sent_or_cancelled_as_the_client_requests() {
    let (sent, none) = (vec!["Read: Tea".to_owned()], vec![]);
    for (read_flags, pending, read, receipts) in [
        (ReadFlags::RF_SUPPRESS_RECEIPT, 0, true, &none),
        (ReadFlags::RF_RESERVED, 0, true, &sent),
        (ReadFlags::RF_GENERATE_RECEIPT_ONLY, 0, false, &sent),
        (ReadFlags::RF_CLEAR_NOTIFY_READ, 0x200, false, &none),
        (ReadFlags::RF_CLEAR_NOTIFY_UNREAD, 0x100, false, &none),
        (ReadFlags::RF_CLEAR_READ_FLAG | ReadFlags::RF_SUPPRESS_RECEIPT, BOTH, false, &none),
    ] {
        let caller = Caller::new();
        let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
        let id = send(&mut alice, &mut bob, "Tea", requested());
        set_read(&mut bob, id, read_flags).unwrap();
        assert_eq!(&inbox(&mut alice), receipts, "{read_flags:?}");
        let now = flags(&mut bob, id);
        assert_eq!((now & BOTH, now & 1 != 0), (pending, read), "{read_flags:?}");
    }
    let mut bob = mail(&Caller::new(), "bob");
    let both = ReadFlags::RF_CLEAR_READ_FLAG | ReadFlags::RF_GENERATE_RECEIPT_ONLY;
    assert_eq!(set_read(&mut bob, MessageId(1), both), Err(ErrorCode::MAPI_E_INVALID_PARAMETER));
    assert_eq!(set_read(&mut bob, MessageId(1), ReadFlags(0x80)), Err(ErrorCode::MAPI_E_NO_SUPPORT));
}

#[test]
fn a_message_that_is_deleted_unread_has_a_non_read_receipt_if_the_client_requests_it() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let only_unread = PropTag::PidTagNonReceiptNotificationRequested;
    let id =
        send(&mut alice, &mut bob, "One", vec![TaggedValue::new(only_unread, PropertyValue::Boolean(true))]);
    assert_eq!(flags(&mut bob, id) & BOTH, i32::try_from(MessageFlags::MF_NOTIFY_UNREAD.0).unwrap());
    delete(&mut bob, id, true);
    assert_eq!(inbox(&mut alice), ["Not read: One"]);
    alice.open_table(1, true, 11).unwrap();
    assert_eq!(alice.texts(11, PropTag::PidTagMessageClass), ["REPORT.IPM.Note.IPNNRN"]);
    let id = send(&mut alice, &mut bob, "Two", requested());
    delete(&mut bob, id, false);
    let id = send(&mut alice, &mut bob, "Three", requested());
    set_read(&mut bob, id, ReadFlags::RF_SUPPRESS_RECEIPT).unwrap();
    delete(&mut bob, id, true);
    assert_eq!(inbox(&mut alice), ["Not read: One"]);
}

#[test]
fn only_the_owner_of_a_mailbox_sends_its_receipts() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let id = send(&mut alice, &mut bob, "Tea", requested());
    permit(&mut bob, 1, "carol", 0x401 | 0x40);
    let mut carol = Mail::open(&caller, "carol", "bob").unwrap();
    carol.open_folder(carol.special(INBOX), 1).unwrap();
    set_read(&mut carol, id, ReadFlags::NONE).unwrap();
    assert_eq!(flags(&mut bob, id) & (BOTH | 1), BOTH | 1);
    set_read(&mut carol, id, ReadFlags::RF_CLEAR_READ_FLAG).unwrap();
    delete(&mut carol, id, true);
    assert_eq!(inbox(&mut alice), Vec::<String>::new());
}

#[test]
fn a_receipt_goes_to_the_address_that_the_sender_named_or_else_to_the_sender() {
    let caller = Caller::new();
    let (mut alice, mut bob) = (mail(&caller, "alice"), mail(&caller, "bob"));
    let mut carol = mail(&caller, "carol");
    let named = |address| {
        let mut set = requested();
        set.push(text(PropTag::PidTagReadReceiptAddressType, "SMTP"));
        set.push(text(PropTag::PidTagReadReceiptEmailAddress, address));
        set
    };
    let id = send(&mut alice, &mut bob, "Tea", named("carol@lab.test"));
    set_read(&mut bob, id, ReadFlags::NONE).unwrap();
    assert_eq!((inbox(&mut carol).len(), inbox(&mut alice).len()), (1, 0));
    let id = send(&mut alice, &mut bob, "Coffee", named("unknown@elsewhere.test"));
    set_read(&mut bob, id, ReadFlags::NONE).unwrap();
    assert_eq!(inbox(&mut alice), ["Read: Coffee"]);
}

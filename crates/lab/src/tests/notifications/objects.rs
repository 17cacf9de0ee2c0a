//! Events of folders and messages.

use mapi::ErrorCode;
use mapi::data::{FolderId, MessageId, Text};
use mapi::notification::{
    Event, NewMail, NotificationData, NotificationFlags, NotificationType, ObjectEvent, OldObject,
};
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::folder::DeleteFolderFlags;
use mapi::rop::message::MessageOpenModeFlags;
use mapi::rop::notification::NotificationTypes;
use mapi::rop::transport::{MessageFlags, RopSubmitMessageRequest, RopTransportNewMailRequest, SubmitFlags};
use mapi::rop::{AsciiZ, Empty, RequestBody};
use wire::Utf16;

use super::{ALL, events, notified, objects, subscribe};
use crate::tests::Caller;
use crate::tests::folders;
use crate::tests::mail::{Mail, text};
use crate::tests::messages::{
    INBOX, KEEP, alice, create, delete, mark_read, message, modify, open, recipient, save, transfer,
};

const DELETED_ITEMS: usize = 7;
const NO_MESSAGE: MessageId = MessageId(0);

#[test]
fn each_change_of_a_message_is_notified_once() {
    let mut mail = alice();
    let (inbox, deleted) = (mail.special(INBOX), mail.special(DELETED_ITEMS));
    mail.open_folder(deleted, 9).unwrap();
    let handle = subscribe(&mut mail, ALL, None, 8).unwrap();
    assert_eq!(notified(&mut mail), []);

    let one = message(&mut mail, "one", 2);
    let [created, modified] = notified(&mut mail).try_into().unwrap();
    let tags = Some(Vec::new());
    let event =
        ObjectEvent { folder_id: inbox, message_id: Some(one), tags: tags.clone(), ..ObjectEvent::default() };
    let data = NotificationData {
        flags: NotificationFlags(0x8004),
        event: Event::Object(event),
        total_message_count: None,
        unread_message_count: None,
        new_mail: None,
    };
    assert_eq!(created, (handle, data.clone()));
    let event = ObjectEvent { folder_id: inbox, tags, ..ObjectEvent::default() };
    let inbox_modified = |total, unread| {
        let data = NotificationData {
            flags: NotificationFlags(0x3010),
            event: Event::Object(event.clone()),
            total_message_count: Some(total),
            unread_message_count: Some(unread),
            ..data.clone()
        };
        (handle, data)
    };
    assert_eq!(modified, inbox_modified(1, 1));

    mark_read(&mut mail, &[one]);
    let [message_modified, modified] = notified(&mut mail).try_into().unwrap();
    assert_eq!(message_modified.1.notification_type(), NotificationType::ObjectModified);
    assert_eq!(modified, inbox_modified(1, 0));

    transfer(&mut mail, &[one], 1, 9).unwrap();
    transfer(&mut mail, &[one], 0, 9).unwrap();
    let found = events(&mut mail);
    let kinds: Vec<NotificationType> = found.iter().map(|(kind, _)| *kind).collect();
    let modified = NotificationType::ObjectModified;
    let (copied, moved) = (NotificationType::ObjectCopied, NotificationType::ObjectMoved);
    assert_eq!(kinds, [copied, modified, moved, modified, modified], "and each folder was changed");
    for (_, event) in [&found[0], &found[2]] {
        assert_eq!(event.folder_id, deleted);
        assert_ne!(event.message_id, Some(one), "a message has another id in another folder");
        assert_eq!(event.old, Some(OldObject::Message { folder_id: inbox, message_id: one }));
    }
    let two = message(&mut mail, "two", 2);
    events(&mut mail);
    delete(&mut mail, &[two]);
    let gone = (NotificationType::ObjectDeleted, inbox, Some(two));
    assert_eq!(objects(&mut mail), [gone, (modified, inbox, None)]);
}

#[test]
fn folders_are_notified_with_their_parents() {
    let mut mail = alice();
    let inbox = mail.special(INBOX);
    subscribe(&mut mail, ALL, Some((inbox, NO_MESSAGE)), 8).unwrap();
    let zoo = folders::create(&mut mail, 1, "Zoo", 3).unwrap();
    let below = folders::create(&mut mail, 3, "Below", 4).unwrap();
    let created = |folder_id, parent| {
        let event = ObjectEvent {
            folder_id,
            parent_folder_id: Some(parent),
            tags: Some(Vec::new()),
            ..ObjectEvent::default()
        };
        (NotificationType::ObjectCreated, event)
    };
    let modified = (NotificationType::ObjectModified, inbox, None);
    let found = events(&mut mail);
    assert_eq!(found[0], created(zoo, inbox));
    assert_eq!(found.len(), 2, "and the inbox was modified, but nothing of folders below others: {below:?}");
    mail.set(3, vec![text(PropTag::PidTagDisplayName, "Ark")]).unwrap();
    assert_eq!(
        objects(&mut mail),
        [modified],
        "a subscription is to a folder, not to what its subfolders are"
    );
    let flags = DeleteFolderFlags::DEL_FOLDERS | DeleteFolderFlags::DELETE_HARD_DELETE;
    assert_eq!(folders::delete(&mut mail, 1, zoo, flags), Ok(true));
    let [deleted, _] = events(&mut mail).try_into().unwrap();
    let event = ObjectEvent { folder_id: zoo, parent_folder_id: Some(inbox), ..ObjectEvent::default() };
    assert_eq!(deleted, (NotificationType::ObjectDeleted, event));
}

#[test]
fn a_subscription_is_notified_of_its_types_within_its_scope_only() {
    let mut mail = alice();
    let (inbox, other) = (mail.special(INBOX), mail.special(DELETED_ITEMS));
    let one = message(&mut mail, "one", 2);
    let scopes = [(inbox, NO_MESSAGE), (other, NO_MESSAGE), (inbox, one)];
    let mut handles = Vec::new();
    for (scope, output) in scopes.into_iter().zip(10..) {
        handles.push(subscribe(&mut mail, ALL, Some(scope), output).unwrap());
    }
    handles.push(subscribe(&mut mail, NotificationTypes::OBJECT_CREATED, None, 13).unwrap());
    message(&mut mail, "two", 3);
    let of = |mail: &mut Mail| notified(mail).into_iter().map(|(handle, _)| handle).collect::<Vec<_>>();
    let mut found = of(&mut mail);
    found.sort_unstable();
    assert_eq!(found, [handles[0], handles[0], handles[3]]);
    mark_read(&mut mail, &[one]);
    let mut found = of(&mut mail);
    found.sort_unstable();
    assert_eq!(found, [handles[0], handles[0], handles[2]]);

    for index in [10, 13] {
        mail.release(index);
    }
    message(&mut mail, "three", 3);
    assert!(of(&mut mail).is_empty(), "subscriptions end when they are released");
}

#[test]
fn nothing_is_subscribed_to_that_does_not_exist() {
    let mut mail = alice();
    let (inbox, other) = (mail.special(INBOX), mail.special(DELETED_ITEMS));
    let one = message(&mut mail, "one", 2);
    for scope in [(FolderId(0x7777_0001), NO_MESSAGE), (inbox, MessageId(0x7777_0001)), (other, one)] {
        let refused = subscribe(&mut mail, ALL, Some(scope), 8);
        assert_eq!(refused, Err(ErrorCode::MAPI_E_NOT_FOUND), "{scope:?}");
    }
}

#[test]
fn a_recipient_is_notified_of_new_mail_and_of_nothing_that_the_sender_does() {
    let caller = Caller::new();
    let mut bob = Mail::open(&caller, "bob", "bob").unwrap();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    let types = NotificationTypes::NEW_MAIL | NotificationTypes::OBJECT_CREATED;
    subscribe(&mut bob, types, None, 8).unwrap();
    subscribe(&mut alice, NotificationTypes::NEW_MAIL, None, 8).unwrap();
    let outbox = alice.special(5);
    create(&mut alice, outbox, 2).unwrap();
    alice.set(2, vec![text(PropTag::PidTagSubject, "Tea")]).unwrap();
    modify(&mut alice, 2, vec![recipient(0, "bob@lab.test"), recipient(1, "unknown@lab.test")]).unwrap();
    let submit = RopSubmitMessageRequest { submit_flags: SubmitFlags::NONE };
    alice.rop(2, RequestBody::RopSubmitMessage(submit)).unwrap();

    let [created, delivered] = notified(&mut bob).try_into().unwrap();
    let Event::Object(event) = &created.1.event else { panic!("{created:?}") };
    assert_eq!((created.1.flags.0, event.folder_id), (0x8004, bob.special(INBOX)));
    assert_eq!(delivered.1.flags.0, 0x8002);
    let Event::Object(mail) = &delivered.1.event else { panic!("{delivered:?}") };
    assert_eq!((mail.folder_id, mail.message_id), (event.folder_id, event.message_id));
    let class = |name: &str| Text::Unicode(Utf16::new(name));
    let note = NewMail { message_flags: 0, message_class: class("IPM.Note") };
    assert_eq!(delivered.1.new_mail, Some(note));
    open(&mut bob, mail.message_id.unwrap(), MessageOpenModeFlags::NONE, 3).unwrap();
    assert_eq!(bob.get(3, PropTag::PidTagSubject), Ok(PropertyValue::from("Tea")));

    let [report] = notified(&mut alice).try_into().unwrap();
    let message_class = class("REPORT.IPM.Note.NDR");
    assert_eq!(report.1.new_mail, Some(NewMail { message_flags: 0, message_class }));
}

#[test]
fn sessions_of_one_mailbox_are_notified_of_one_another() {
    let caller = Caller::new();
    let mut one = Mail::open(&caller, "alice", "alice").unwrap();
    let mut other = Mail::open(&caller, "alice", "alice").unwrap();
    let mut third = Mail::open(&caller, "bob", "bob").unwrap();
    for mail in [&mut one, &mut other, &mut third] {
        subscribe(mail, NotificationTypes::OBJECT_CREATED, None, 8).unwrap();
    }
    let inbox = one.special(INBOX);
    create(&mut one, inbox, 2).unwrap();
    assert_eq!(objects(&mut other), [], "a message exists once it is saved");
    let id = save(&mut one, 2, KEEP).unwrap();
    let created = (NotificationType::ObjectCreated, inbox, Some(id));
    assert_eq!(objects(&mut one), [created]);
    assert_eq!(objects(&mut other), [created]);
    assert_eq!(objects(&mut third), [], "it has another mailbox");
}

#[test]
fn a_change_that_fails_is_not_notified() {
    let mut mail = alice();
    subscribe(&mut mail, ALL, None, 8).unwrap();
    folders::create(&mut mail, 1, "Zoo", 3).unwrap();
    objects(&mut mail);
    assert_eq!(folders::create(&mut mail, 1, "zoo", 4).err(), Some(ErrorCode::MAPI_E_COLLISION));
    assert_eq!(objects(&mut mail), []);
}

#[test]
fn objects_of_a_released_logon_are_notified_of_nothing() {
    let mut mail = alice();
    subscribe(&mut mail, ALL, None, 8).unwrap();
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    message(&mut other, "one", 2);
    mail.release(0);
    assert_eq!(notified(&mut mail), [], "not even of what happened before");
    message(&mut other, "two", 2);
    assert_eq!(notified(&mut mail), []);
    assert_eq!(mail.rop(8, RequestBody::RopGetPropertiesList(Empty)).err(), Some(ErrorCode::EC_NULL_OBJECT));
}

#[test]
fn a_message_that_the_client_has_received_is_notified_as_new_mail() {
    let caller = Caller::new();
    let mut mail = Mail::open(&caller, "alice", "alice").unwrap();
    let inbox = mail.special(INBOX);
    mail.open_folder(inbox, 1).unwrap();
    let message_id = message(&mut mail, "Tea", 2);
    subscribe(&mut mail, NotificationTypes::NEW_MAIL, None, 8).unwrap();
    let request = |folder_id| {
        RequestBody::RopTransportNewMail(RopTransportNewMailRequest {
            message_id,
            folder_id,
            message_class: AsciiZ(b"IPM.Note".to_vec()),
            message_flags: MessageFlags::MF_READ,
        })
    };
    let elsewhere = mail.special(DELETED_ITEMS);
    assert_eq!(mail.rop(0, request(elsewhere)), Err(ErrorCode::MAPI_E_NOT_FOUND));
    assert_eq!(notified(&mut mail), []);
    assert!(mail.rop(0, request(inbox)).is_ok());
    let notices = notified(&mut mail);
    assert!(matches!(notices.as_slice(), [(_, data)] if data.new_mail.is_some()), "{notices:?}");
}

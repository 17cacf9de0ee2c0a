//! What a client that does not fetch its notifications costs, and what becomes of them.

use mapi::data::MessageId;
use mapi::emsmdb::RpcFlags;
use mapi::notification::NotificationType;
use mapi::property::{PropTag, PropertyRow};
use mapi::rop::RopResponse;
use mapi::rop::notification::NotificationTypes;
use mapi::rop::response_only::RopPendingResponse;
use wire::Reader;

use super::{ALL, notified, objects, subscribe};
use crate::tests::mail::{Mail, responses};
use crate::tests::messages::{INBOX, alice, delete, mark_read, message, transfer};

/// How many notifications of a session wait at most.
const QUEUE_MAX: usize = 1000;

#[test]
fn notifications_that_do_not_fit_follow_in_the_next_response() {
    let mut mail = alice();
    subscribe(&mut mail, NotificationTypes::OBJECT_CREATED, None, 8).unwrap();
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    let ids: Vec<_> = ["one", "two", "three"].map(|subject| message(&mut other, subject, 2)).to_vec();
    // RPC_HEADER_EXT, RopSize, 16 handles, and two notifications of 26 bytes each with RopPending.
    let empty = 8 + 2 + 16 * 4;
    let mut found = Vec::new();
    for (room, notifications) in
        [(empty + 2, 0), (empty + 3, 0), (empty + 54, 1), (empty + 55, 2), (0x8007, 0)]
    {
        let rops = mail.send(&[], RpcFlags::NONE, room).unwrap();
        let mut list = responses(&mut Reader::new(&rops[0]));
        if found.len() + list.len() < 3 && room >= empty + 3 {
            let pending = RopResponse::Pending(RopPendingResponse { session_index: 1 });
            assert_eq!(list.pop(), Some(pending), "{room}");
        }
        assert_eq!(list.len(), notifications, "{room}");
        found.extend(list);
    }
    let of = |response: &RopResponse| match response {
        RopResponse::Notify(notify) => match &notify.notification_data.event {
            mapi::notification::Event::Object(event) => event.message_id.unwrap(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(found.iter().map(of).collect::<Vec<_>>(), ids, "in their order");
}

#[test]
fn notifications_do_not_follow_a_response_that_has_the_rest_of_the_buffer() {
    let mut mail = alice();
    subscribe(&mut mail, ALL, None, 8).unwrap();
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    message(&mut other, "one", 2);
    // RopGetTransportFolder, twice, with room for one response.
    let rops = [0x6d, 0, 0, 0x6d, 0, 0];
    let room = 8 + 2 + 16 * 4 + 24;
    let response = mail.send(&rops, RpcFlags::NONE, room).unwrap();
    let mut reader = Reader::new(&response[0]);
    match responses(&mut reader).as_slice() {
        [RopResponse::BufferTooSmall(small)] => assert_eq!(small.request_buffers, rops, "and nothing else"),
        other => panic!("{other:?}"),
    }
    assert_eq!(notified(&mut mail).len(), 2);
}

#[test]
fn changes_of_one_object_are_one_notification_while_it_waits() {
    let mut mail = alice();
    subscribe(&mut mail, NotificationTypes::OBJECT_MODIFIED, None, 8).unwrap();
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    for subject in ["one", "two", "three"] {
        let id = message(&mut other, subject, 2);
        mark_read(&mut other, &[id]);
    }
    let found = notified(&mut mail);
    assert_eq!(found.len(), 4, "three messages and their folder: {found:?}");
    let inbox = &found[0].1;
    assert_eq!((inbox.total_message_count, inbox.unread_message_count), (Some(3), Some(0)), "as it is now");
}

#[test]
fn a_client_that_does_not_fetch_its_notifications_loses_the_latest() {
    let mut mail = alice();
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    let id = message(&mut other, "one", 2);
    subscribe(&mut mail, NotificationTypes::OBJECT_COPIED, None, 8).unwrap();
    let mut copies = 0;
    while copies <= QUEUE_MAX {
        transfer(&mut other, &[id; 300], 1, 1).unwrap();
        copies += 300;
    }
    let mut found = 0;
    loop {
        let mut list = mail.poll();
        let is_last = !matches!(list.last(), Some(RopResponse::Pending(_)));
        if !is_last {
            list.pop();
        }
        found += list.len();
        if is_last {
            break;
        }
    }
    assert_eq!(found, QUEUE_MAX);
    transfer(&mut other, &[id], 1, 1).unwrap();
    assert_eq!(objects(&mut mail)[0].0, NotificationType::ObjectCopied, "those since are notified");
}

#[test]
fn a_large_change_is_notified_in_part() {
    let mut mail = alice();
    let id = message(&mut mail, "one", 2);
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    let types = NotificationTypes::OBJECT_COPIED;
    let handles = [8, 9].map(|output| subscribe(&mut other, types, None, output).unwrap());
    transfer(&mut mail, &vec![id; QUEUE_MAX + 200], 1, 1).unwrap();
    delete(&mut mail, &[id]);
    let first = other.poll();
    assert!(matches!(first.last(), Some(RopResponse::Pending(_))));
    let of = |handle: u32| {
        let is_of = |response: &&RopResponse| matches!(response, RopResponse::Notify(notify) if notify.notification_handle == handle);
        first.iter().filter(is_of).count()
    };
    assert!(of(handles[0]) > 100 && of(handles[0]).abs_diff(of(handles[1])) <= 1, "both have a part");
}

#[test]
fn the_events_of_a_change_beyond_the_limit_are_dropped() {
    let mut mail = alice();
    let id = message(&mut mail, "one", 2);
    transfer(&mut mail, &vec![id; QUEUE_MAX], 1, 1).unwrap();
    mail.open_table(1, true, 3).unwrap();
    mail.set_columns(3, &[PropTag::PidTagMid]).unwrap();
    let mut ids = Vec::new();
    loop {
        let rows = mail.rows(3, &[PropTag::PidTagMid], 1000).unwrap();
        if rows.is_empty() {
            break;
        }
        let id = |row: &PropertyRow| row.value(0).unwrap().to_integer().unwrap().cast_unsigned();
        ids.extend(rows.iter().map(|row| MessageId(id(row))));
    }
    assert_eq!(ids.len(), QUEUE_MAX + 1);
    let inbox = mail.special(INBOX);
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    let types = NotificationTypes::OBJECT_DELETED;
    for (id, output) in [(ids[QUEUE_MAX - 1], 8), (ids[QUEUE_MAX], 9)] {
        subscribe(&mut other, types, Some((inbox, id)), output).unwrap();
    }
    assert!(!delete(&mut mail, &ids));
    let gone = (NotificationType::ObjectDeleted, inbox, Some(ids[QUEUE_MAX - 1]));
    assert_eq!(objects(&mut other), [gone]);
}

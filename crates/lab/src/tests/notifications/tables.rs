//! Events of tables ([MS-OXCNOTIF] 3.1.4.3).

use mapi::data::{FolderId, MessageId, Order, SortOrder, SortOrderSet};
use mapi::notification::{Event, NotificationFlags, TableEvent, TableEventType, TableRow};
use mapi::property::PropTag;
use mapi::rop::folder::TableFlags;
use mapi::rop::table::{AsynchronousFlags, RopSortTableRequest};
use mapi::rop::{Empty, RequestBody};

use super::notified;
use super::waits::has_pending;
use crate::tests::Caller;
use crate::tests::folders::{create, permit};
use crate::tests::mail::{LOGON, Mail, text};
use crate::tests::messages::{INBOX, KEEP, alice, delete, mark_read, message, open, save, transfer};

const SUBJECT: PropTag = PropTag::PidTagSubject;
const NAME: PropTag = PropTag::PidTagDisplayName;
const ADDED: TableEventType = TableEventType::TableRowAdded;
const MODIFIED: TableEventType = TableEventType::TableRowModified;
const DELETED: TableEventType = TableEventType::TableRowDeleted;
const CHANGED: TableEventType = TableEventType::TableChanged;
/// The place of the table of messages.
const TABLE: u8 = 12;

/// alice with her inbox at 1, and its table at [`TABLE`], sorted by subject.
fn reader() -> Mail {
    let mut mail = alice();
    mail.open_table(1, true, TABLE).unwrap();
    sort(&mut mail);
    mail
}

fn sort(mail: &mut Mail) {
    let order = SortOrder { tag: SUBJECT, order: Order::Ascending };
    let sort_orders = SortOrderSet { categorized_count: 0, expanded_count: 0, sort_orders: vec![order] };
    let sort_table_flags = AsynchronousFlags::NONE;
    let request = RopSortTableRequest { sort_table_flags, sort_orders };
    mail.rop(TABLE, RequestBody::RopSortTable(request)).unwrap();
}

/// The table events since the last call.
fn events(mail: &mut Mail) -> Vec<TableEvent> {
    let mut events = Vec::new();
    for (handle, data) in notified(mail) {
        assert!(mail.handles.contains(&handle));
        match data.event {
            Event::Table(event) => events.push(event),
            other => panic!("{other:?}"),
        }
    }
    events
}

/// The same: the kind of each event, its message, the one after which its row is, and its subject.
fn rows(mail: &mut Mail) -> Vec<(TableEventType, MessageId, Option<MessageId>, String)> {
    let row = |event: TableEvent| {
        let id = |row: TableRow| row.message.unwrap().message_id;
        let subject = match event.event_type {
            DELETED => String::new(),
            _ => event.read_row(&[SUBJECT]).unwrap().value(0).unwrap().to_text().unwrap(),
        };
        (event.event_type, id(event.row.unwrap()), event.insert_after.map(id), subject)
    };
    events(mail).into_iter().map(row).collect()
}

fn kinds(mail: &mut Mail) -> Vec<TableEventType> {
    events(mail).into_iter().map(|event| event.event_type).collect()
}

const FIRST: Option<MessageId> = Some(MessageId(0));

#[test]
fn rows_are_notified_with_their_places_once_the_table_was_read() {
    let mut mail = reader();
    let b = message(&mut mail, "b", 2);
    assert_eq!(rows(&mut mail), [], "the client has read no row");
    assert_eq!(mail.texts(TABLE, SUBJECT), ["b"]);
    let c = message(&mut mail, "c", 2);
    let a = message(&mut mail, "a", 3);
    let row = |kind, id, after, subject: &str| (kind, id, after, subject.to_owned());
    assert_eq!(rows(&mut mail), [row(ADDED, c, Some(b), "c"), row(ADDED, a, FIRST, "a")]);

    // a becomes the last one.
    mail.set(3, vec![text(SUBJECT, "z")]).unwrap();
    save(&mut mail, 3, KEEP).unwrap();
    assert_eq!(rows(&mut mail), [row(MODIFIED, a, Some(c), "z")]);
    mark_read(&mut mail, &[b]);
    assert_eq!(rows(&mut mail), [row(MODIFIED, b, FIRST, "b")]);
    delete(&mut mail, &[c]);
    assert_eq!(rows(&mut mail), [row(DELETED, c, None, "")]);
    mail.open_table(1, true, 14).unwrap();
    assert_eq!(mail.texts(14, SUBJECT), ["b", "z"], "what a client that applies the events has");
    assert_eq!(rows(&mut mail), []);
}

#[test]
fn several_changes_lead_to_the_rows_of_now() {
    let mut mail = reader();
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    let a = message(&mut other, "a", 2);
    assert_eq!(mail.texts(TABLE, SUBJECT), ["a"]);
    let b = message(&mut other, "b", 2);
    let c = message(&mut other, "c", 2);
    delete(&mut other, &[a, b]);
    let row = |kind, id, after, subject: &str| (kind, id, after, subject.to_owned());
    assert_eq!(rows(&mut mail), [row(DELETED, a, None, ""), row(ADDED, c, FIRST, "c")]);
}

#[test]
fn folders_are_notified_in_hierarchy_tables() {
    let mut mail = alice();
    let zoo = create(&mut mail, 1, "Zoo", 3).unwrap();
    mail.open_table(1, false, TABLE).unwrap();
    assert_eq!(mail.texts(TABLE, NAME), ["Zoo"]);
    let ark = create(&mut mail, 1, "Ark", 4).unwrap();
    create(&mut mail, 4, "Below", 5).unwrap();
    let found = notified(&mut mail);
    let of = |id: FolderId| TableRow { folder_id: id, message: None };
    let expected = |event_type, row, after| (event_type, Some(of(row)), Some(of(after)));
    let event = |data: &mapi::notification::NotificationData| match &data.event {
        Event::Table(event) => (event.event_type, event.row, event.insert_after),
        other => panic!("{other:?}"),
    };
    assert_eq!(event(&found[0].1), expected(ADDED, ark, zoo));
    assert_eq!(event(&found[1].1), expected(MODIFIED, ark, zoo), "it has a subfolder now");
    assert_eq!((found.len(), found[0].1.flags), (2, NotificationFlags(0x0100)));
    assert_eq!(found[0].0, mail.handles[usize::from(TABLE)]);

    mail.set(3, vec![text(NAME, "Menagerie")]).unwrap();
    let [renamed] = events(&mut mail).try_into().unwrap();
    assert_eq!(renamed.row, Some(of(zoo)));
    let name = renamed.read_row(&[NAME]).unwrap().value(0).unwrap().to_text();
    assert_eq!(name.as_deref(), Some("Menagerie"));
    let inbox = mail.special(INBOX);
    assert_eq!(crate::tests::messages::create(&mut mail, inbox, 6), Ok(()));
    save(&mut mail, 6, KEEP).unwrap();
    assert_eq!(kinds(&mut mail), [], "nothing of the folder itself");
}

#[test]
fn tables_of_all_levels_have_the_folders_below_others() {
    let mut mail = alice();
    create(&mut mail, 1, "Zoo", 3).unwrap();
    mail.open_table_with(1, false, TABLE, TableFlags::DEPTH).unwrap();
    assert_eq!(mail.texts(TABLE, NAME), ["Zoo"]);
    create(&mut mail, 3, "Below", 4).unwrap();
    assert_eq!(kinds(&mut mail), [MODIFIED, ADDED]);
}

#[test]
fn a_table_without_notifications_has_none_and_neither_has_one_that_was_reset() {
    let mut mail = reader();
    mail.open_table_with(1, true, 13, TableFlags::NO_NOTIFICATIONS).unwrap();
    for table in [TABLE, 13] {
        assert!(mail.texts(table, SUBJECT).is_empty());
    }
    message(&mut mail, "a", 2);
    let found = notified(&mut mail);
    assert_eq!((found.len(), found[0].0), (1, mail.handles[usize::from(TABLE)]));
    assert_eq!(found[0].1.flags, NotificationFlags(0x8100));

    mail.rop(TABLE, RequestBody::RopResetTable(Empty)).unwrap();
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    message(&mut other, "b", 2);
    assert!(!has_pending(&mail), "and no wait ends");
    assert_eq!(kinds(&mut mail), []);
    assert_eq!(mail.texts(TABLE, SUBJECT), ["a", "b"]);
    message(&mut mail, "c", 2);
    assert_eq!(kinds(&mut mail), [ADDED], "it was read again");
    sort(&mut mail);
    message(&mut mail, "d", 2);
    assert_eq!(kinds(&mut mail), [], "the order of the rows is unknown to the client");
    mail.release(TABLE);
    message(&mut mail, "e", 2);
    assert_eq!(kinds(&mut mail), []);
}

#[test]
fn each_rop_that_reads_a_table_lets_it_be_notified() {
    use mapi::property::{PropertyValue, RelationalOperator, Restriction};
    use mapi::rop::shared::Sized16;
    use mapi::rop::table::{Bookmark, FindRowFlags, RopFindRowRequest, RopSeekRowRequest};
    use mapi::rop::{Bool, Bytes16};

    let any = Restriction::Property {
        relop: RelationalOperator::RELOP_NE,
        tag: SUBJECT,
        value: mapi::property::TaggedValue::new(SUBJECT, PropertyValue::from("")),
    };
    let find = RopFindRowRequest {
        find_row_flags: FindRowFlags::NONE,
        restriction_data: Sized16::new(any),
        origin: Bookmark::BOOKMARK_BEGINNING,
        bookmark: Bytes16::default(),
    };
    let seek =
        RopSeekRowRequest { origin: Bookmark::BOOKMARK_END, row_count: 0, want_row_moved_count: Bool::FALSE };
    for body in
        [RequestBody::RopQueryPosition(Empty), RequestBody::RopSeekRow(seek), RequestBody::RopFindRow(find)]
    {
        let mut mail = reader();
        message(&mut mail, "a", 2);
        mail.set_columns(TABLE, &[SUBJECT]).unwrap();
        message(&mut mail, "b", 2);
        assert_eq!(kinds(&mut mail), [], "before {body:?}");
        mail.rop_with(TABLE, body.clone(), Some(&[SUBJECT])).unwrap();
        message(&mut mail, "c", 2);
        assert_eq!(kinds(&mut mail), [ADDED], "after {body:?}");
    }
}

#[test]
fn rows_outside_of_the_restriction_are_not_notified() {
    use mapi::property::{FuzzyLevel, PropertyValue, Restriction, TaggedValue};
    use mapi::rop::shared::Sized16;
    use mapi::rop::table::RopRestrictRequest;

    let mut mail = reader();
    let restriction = Restriction::Content {
        fuzzy_level: FuzzyLevel::FL_PREFIX,
        tag: SUBJECT,
        value: TaggedValue::new(SUBJECT, PropertyValue::from("a")),
    };
    let restriction_data = Sized16::new(restriction);
    let request = RopRestrictRequest { restrict_flags: AsynchronousFlags::NONE, restriction_data };
    mail.rop(TABLE, RequestBody::RopRestrict(request)).unwrap();
    let one = message(&mut mail, "a1", 2);
    assert_eq!(mail.texts(TABLE, SUBJECT), ["a1"]);
    message(&mut mail, "b1", 3);
    assert_eq!(kinds(&mut mail), []);
    mail.set(3, vec![text(SUBJECT, "a2")]).unwrap();
    save(&mut mail, 3, KEEP).unwrap();
    assert_eq!(kinds(&mut mail), [ADDED], "it has come into the table");
    mail.set(2, vec![text(SUBJECT, "b2")]).unwrap();
    save(&mut mail, 2, KEEP).unwrap();
    assert_eq!(rows(&mut mail), [(DELETED, one, None, String::new())], "and this one has left it");
}

#[test]
fn many_changes_are_one_event_after_which_the_client_reads_the_table_again() {
    let mut mail = reader();
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    let id = message(&mut other, "a", 2);
    mail.texts(TABLE, SUBJECT);
    transfer(&mut other, &[id; 32], 1, 1).unwrap();
    assert_eq!(kinds(&mut mail), [ADDED; 32]);
    transfer(&mut other, &[id; 33], 1, 1).unwrap();
    let [(_, changed)] = notified(&mut mail).try_into().unwrap();
    assert_eq!(changed.flags, NotificationFlags(0x8100));
    let event = TableEvent { event_type: CHANGED, ..TableEvent::default() };
    assert_eq!(changed.event, Event::Table(event));
    transfer(&mut other, &[id], 1, 1).unwrap();
    assert_eq!(kinds(&mut mail), [], "the client has not read the table");
    assert_eq!(mail.texts(TABLE, SUBJECT).len(), 66, "those after the first, which it has read");
    transfer(&mut other, &[id], 1, 1).unwrap();
    assert_eq!(kinds(&mut mail), [ADDED]);
}

#[test]
fn rows_that_do_not_fit_are_one_event() {
    use mapi::emsmdb::RpcFlags;
    use mapi::rop::RopResponse;
    use wire::Reader;

    let mut mail = reader();
    mail.texts(TABLE, SUBJECT);
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    let subject = "a".repeat(100);
    message(&mut other, &subject, 2);
    // RPC_HEADER_EXT, RopSize, 16 handles; RopPending; TableChanged, which has 10 bytes.
    for (room, expected) in [(8 + 2 + 64 + 3 + 9, true), (8 + 2 + 64 + 3 + 10, false)] {
        let rops = mail.send(&[], RpcFlags::NONE, room).unwrap();
        let list = crate::tests::mail::responses(&mut Reader::new(&rops[0]));
        assert_eq!(list.len(), 1);
        assert_eq!(matches!(list[0], RopResponse::Pending(_)), expected, "{list:?}");
    }
    assert_eq!(kinds(&mut mail), []);
}

#[test]
fn a_response_lists_a_limited_number_of_tables() {
    let mut mail = alice();
    let mut tables = 0;
    for index in 3..15 {
        mail.open_table(1, true, index).unwrap();
        mail.texts(index, SUBJECT);
        tables += 1;
    }
    let mut other = Mail::open(&mail.caller, "alice", "alice").unwrap();
    other.open_folder(other.special(INBOX), 1).unwrap();
    message(&mut other, "a", 2);
    let found = kinds(&mut mail);
    let added = found.iter().filter(|kind| **kind == ADDED).count();
    assert_eq!((added, found.len()), (8, tables), "the others are read again: {found:?}");
}

#[test]
fn the_tables_of_others_have_what_they_may_see() {
    let caller = Caller::new();
    let mut alice = Mail::open(&caller, "alice", "alice").unwrap();
    alice.open_folder(alice.special(INBOX), 1).unwrap();
    let shared = create(&mut alice, 1, "Shared", 9).unwrap();
    permit(&mut alice, 9, "bob", 0x401);
    permit(&mut alice, 1, "bob", 0x401);
    let mut bob = Mail::open(&caller, "bob", "alice").unwrap();
    bob.open_folder(bob.special(INBOX), 1).unwrap();
    bob.open_folder(shared, 2).unwrap();
    bob.open_table(1, false, 10).unwrap();
    assert_eq!(bob.texts(10, NAME), ["Shared"]);
    bob.open_table(2, true, TABLE).unwrap();
    assert!(bob.texts(TABLE, SUBJECT).is_empty());

    create(&mut alice, 1, "Secret", 3).unwrap();
    permit(&mut alice, 3, "bob", 0);
    kinds(&mut bob);
    alice.set(3, vec![text(NAME, "Hidden")]).unwrap();
    assert_eq!(kinds(&mut bob), [], "a folder that bob may not see");
    crate::tests::messages::create(&mut alice, shared, 4).unwrap();
    alice.set(4, vec![text(SUBJECT, "for bob")]).unwrap();
    save(&mut alice, 4, KEEP).unwrap();
    assert_eq!(kinds(&mut bob), [MODIFIED, ADDED], "the count of the folder, and the message");
    // Without the right to read, the table has no further rows.
    permit(&mut alice, 9, "bob", 0x400);
    crate::tests::messages::create(&mut alice, shared, 5).unwrap();
    save(&mut alice, 5, KEEP).unwrap();
    assert_eq!(kinds(&mut bob), [MODIFIED], "the folder has other values");
    bob.release(10);
    crate::tests::messages::create(&mut alice, shared, 5).unwrap();
    save(&mut alice, 5, KEEP).unwrap();
    assert!(!has_pending(&bob), "no wait ends for a message that bob may not read");
}

#[test]
fn a_message_that_is_open_is_independent_of_its_row() {
    let mut mail = reader();
    let one = message(&mut mail, "a", 2);
    mail.texts(TABLE, SUBJECT);
    open(&mut mail, one, mapi::rop::message::MessageOpenModeFlags::NONE, 5).unwrap();
    delete(&mut mail, &[one]);
    assert_eq!(kinds(&mut mail), [DELETED]);
    assert!(mail.rop(LOGON, RequestBody::RopGetReceiveFolderTable(Empty)).is_ok());
}

//! Responses in a batch that respond to no ROP of it: notifications of tables on which no ROP of the batch acts, and
//! the progress of long operations.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use engine::objects::{ObjectHandle, ObjectKind};
use engine::rops::{RopDecision, RopResponseView, RopView};
use engine::{Engine, Interests, Module, Operation, Refusal, Session, Stack};
use mapi::data::PropertyProblemArray;
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::notification::{Event, NotificationData, NotificationFlags, TableEvent, TableEventType, TableRow};
use mapi::property::{Layout, PropTag, PropertyRow, PropertyValue, Rows};
use mapi::rop::folder::{FolderTableRequest, FolderTableResponse, TableFlags};
use mapi::rop::property::{
    CopyFlags, RopCopyPropertiesResponse, RopCopyToRequest, RopProgressRequest, RopProgressResponse,
};
use mapi::rop::response_only::{RopBackoffResponse, RopBufferTooSmallResponse, RopNotifyResponse};
use mapi::rop::table::{
    AsynchronousFlags, Bookmark, QueryRowsFlags, RopQueryRowsRequest, RopQueryRowsResponse,
    RopSetColumnsRequest, TableStatus, TableStatusResponse,
};
use mapi::rop::{
    Bool, Bytes16, DestHandleIndex, List8, List16, OutputHandleIndex, RequestBody, ResponseBody, RopId,
    RopRequest, RopResponse,
};
use testkit::{Mailbox, batch, replies};
use wire::{Encode as _, Writer};

type Log = Arc<Mutex<Vec<String>>>;

/// Logs responses and notifications, and makes the engine encode all of them again. Inserts a ROP before each one of
/// the kind `before`.
#[derive(Default)]
struct Teller {
    log: Log,
    before: Option<RopId>,
}

impl Teller {
    fn engine(before: Option<RopId>) -> (Engine, Log) {
        let teller = Self { before, ..Self::default() };
        let log = Arc::clone(&teller.log);
        (Engine::new(Stack::new(vec![Box::new(teller)])), log)
    }
}

impl Module for Teller {
    fn name(&self) -> &'static str {
        "teller"
    }

    fn description(&self) -> &'static str {
        "says what it sees"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        if self.before == Some(rop.request().id()) {
            let RopRequest { logon_id, handle_index, .. } = *rop.request();
            rop.insert_before(RopRequest { logon_id, handle_index, body: query() }).unwrap();
        }
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        let mut said = format!("{} {}", rop.request.id(), rop.reply().body.id());
        if let ResponseBody::RopQueryRows(answer) = &rop.reply().body {
            write!(said, " {:?}", *answer.rows).unwrap();
        }
        self.log.lock().unwrap().push(said);
        rop.edit(|_| true);
    }

    fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let mut log = self.log.lock().unwrap();
        let answers = operation.rops().and_then(|rops| rops.responses());
        for other in answers.iter().flat_map(|answers| answers.others()) {
            let RopResponse::Notify(notify) = other else { panic!("{other:?}") };
            let Event::Table(event) = &notify.notification_data.event else { panic!("{notify:?}") };
            let of = ObjectHandle { logon_id: notify.logon_id, handle: notify.notification_handle };
            let Some(ObjectKind::Table(table)) = session.objects().get(of).map(|object| &object.kind) else {
                panic!("no table {of:?}")
            };
            let row = event.read_row(table.columns.as_deref().unwrap());
            log.push(format!("notified of {}: {:?}", of.handle, row.unwrap()));
        }
        log.extend(operation.undecoded().map(|(side, error)| format!("{side}: {error}")));
        Ok(())
    }
}

const LOGON: u32 = 5;
/// Two tables, by their handles and columns.
const TABLES: [(u32, &[PropTag]); 2] =
    [(6, &[PropTag::PidTagImportance]), (7, &[PropTag::PidTagSubject, PropTag::PidTagImportance])];

fn importance(value: i32) -> PropertyRow {
    PropertyRow::Standard(vec![PropertyValue::Integer32(value)])
}

fn mail(subject: &str, value: i32) -> PropertyRow {
    let subject = PropertyValue::from(subject);
    PropertyRow::Standard(vec![subject, PropertyValue::Integer32(value)])
}

fn query() -> RequestBody {
    RequestBody::RopQueryRows(RopQueryRowsRequest {
        query_rows_flags: QueryRowsFlags::NONE,
        forward_read: Bool::TRUE,
        row_count: 10,
    })
}

fn rows(columns: &[PropTag], rows: Vec<PropertyRow>) -> ResponseBody {
    let rows = Rows::new(columns.to_vec(), rows);
    ResponseBody::RopQueryRows(RopQueryRowsResponse { origin: Bookmark::BOOKMARK_CURRENT, rows })
}

/// A notification that `row` was added to a table.
fn notify((handle, columns): (u32, &[PropTag]), row: &PropertyRow) -> Vec<u8> {
    let mut row_data = Writer::new();
    row.write(&mut row_data, columns, Layout::Rop).unwrap();
    let event = TableEvent {
        event_type: TableEventType::TableRowAdded,
        row: Some(TableRow::default()),
        insert_after: Some(TableRow::default()),
        row_data: row_data.into_vec(),
    };
    let notification_data = NotificationData {
        flags: NotificationFlags(0x0100),
        event: Event::Table(event),
        total_message_count: None,
        unread_message_count: None,
        new_mail: None,
    };
    let notify = RopNotifyResponse { notification_handle: handle, logon_id: 0, notification_data };
    RopResponse::Notify(notify).to_bytes().unwrap()
}

/// Opens both tables and sets their columns.
fn with_tables<'a>(engine: &'a Engine, log: &Log) -> Mailbox<'a> {
    let mut mailbox = Mailbox::open(engine, "a");
    let (mut sent, mut response) = (Vec::new(), Vec::new());
    for (slot, (_, columns)) in (1..).zip(TABLES) {
        let open = RequestBody::RopGetHierarchyTable(FolderTableRequest {
            output_handle_index: OutputHandleIndex(slot),
            table_flags: TableFlags::NONE,
        });
        let set = RequestBody::RopSetColumns(RopSetColumnsRequest {
            set_columns_flags: AsynchronousFlags::NONE,
            property_tags: List16(columns.to_vec()),
        });
        sent.extend([(0, 0, open), (0, slot, set)]);
        let status = TableStatusResponse { table_status: TableStatus::TBLSTAT_COMPLETE };
        response.push((slot, ResponseBody::RopGetHierarchyTable(FolderTableResponse { row_count: 1 })));
        response.push((slot, ResponseBody::RopSetColumns(status)));
    }
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[LOGON, NO_OBJECT, NO_OBJECT]));
    mailbox.delivered(&mut flight, &[replies(response, &[LOGON, TABLES[0].0, TABLES[1].0])]);
    log.lock().unwrap().clear();
    mailbox
}

fn seen(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

#[test]
fn the_row_in_a_notification_is_decoded_with_the_columns_of_its_table() {
    let (engine, log) = Teller::engine(None);
    let mut mailbox = with_tables(&engine, &log);
    let sent = vec![(0, 0, query()), (0, 1, query())];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[TABLES[0].0, TABLES[1].0]));
    // Before, between and after the responses, each for the table whose response does not follow.
    let reply =
        |index: u8, row| replies(vec![(index, rows(TABLES[usize::from(index)].1, vec![row]))], &[]).rops;
    let response = [
        &notify(TABLES[1], &mail("first", 1))[..],
        &reply(0, importance(2)),
        &notify(TABLES[0], &importance(3)),
        &reply(1, mail("second", 4)),
        &notify(TABLES[0], &importance(5)),
        &notify(TABLES[1], &mail("third", 6)),
    ];
    let response = RopBuffer::new(response.concat(), vec![TABLES[0].0, TABLES[1].0]);
    let leaving = mailbox.delivered(&mut flight, std::slice::from_ref(&response));
    let expected = [
        format!("RopQueryRows RopQueryRows {:?}", [importance(2)]),
        format!("RopQueryRows RopQueryRows {:?}", [mail("second", 4)]),
        format!("notified of 7: {:?}", mail("first", 1)),
        format!("notified of 6: {:?}", importance(3)),
        format!("notified of 6: {:?}", importance(5)),
        format!("notified of 7: {:?}", mail("third", 6)),
    ];
    assert_eq!(seen(&log), expected);
    // Responses that belong to no ROP follow those that do.
    assert_eq!(leaving.rops.len(), response.rops.len());
    assert!(leaving.rops.starts_with(&[reply(0, importance(2)), reply(1, mail("second", 4))].concat()));
}

#[test]
fn progress_of_a_copy_replaces_its_response_also_if_a_module_reads_rops() {
    let copy = || {
        RequestBody::RopCopyTo(RopCopyToRequest {
            dest_handle_index: DestHandleIndex(2),
            want_asynchronous: Bool::TRUE,
            want_sub_objects: Bool::TRUE,
            copy_flags: CopyFlags::NONE,
            excluded_tags: List16(Vec::new()),
        })
    };
    let ask = || RequestBody::RopProgress(RopProgressRequest { want_cancel: Bool::FALSE });
    let progress = |done| {
        let progress = RopProgressResponse { logon_id: 0, completed_task_count: done, total_task_count: 9 };
        ResponseBody::RopProgress(progress)
    };
    let copied =
        || ResponseBody::RopCopyTo(RopCopyPropertiesResponse::Copied(PropertyProblemArray(Vec::new())));
    let found = |value| rows(TABLES[0].1, vec![importance(value)]);

    // The module inserts a ROP before the copy. The client queries rows after it, and they are decoded as rows.
    for before in [None, Some(RopId::RopCopyTo), Some(RopId::RopProgress)] {
        let (engine, log) = Teller::engine(before);
        let mut mailbox = with_tables(&engine, &log);
        let handles = [TABLES[0].0, TABLES[0].0, 8];
        for (asks, tells, shown) in [
            (copy(), progress(1), "RopCopyTo RopProgress"),
            (ask(), progress(5), "RopProgress RopProgress"),
            (ask(), copied(), "RopProgress RopCopyTo"),
        ] {
            let added = before == Some(asks.id());
            let sent = batch(vec![(0, 0, asks), (0, 1, query())], &handles);
            let (mut flight, forwarded) = mailbox.relayed(&sent);
            assert_eq!(forwarded.rops.len() > sent.rops.len(), added);
            let own = vec![(0, tells), (1, found(2))];
            let all = if added { [vec![(0, found(7))], own.clone()].concat() } else { own.clone() };
            let leaving = mailbox.delivered(&mut flight, &[replies(all, &handles)]);
            assert_eq!(leaving, replies(own, &handles));
            let row = |value| format!("RopQueryRows RopQueryRows {:?}", [importance(value)]);
            let mut expected = if added { vec![row(7)] } else { Vec::new() };
            expected.extend([shown.to_owned(), row(2)]);
            assert_eq!(seen(&log), expected, "{before:?}");
        }
    }
}

fn backoff() -> Vec<u8> {
    let backoff = RopBackoffResponse {
        logon_id: 0,
        duration: 1,
        backoff_rop_data: List8(Vec::new()),
        additional_data: Bytes16(Vec::new().into()),
    };
    RopResponse::Backoff(backoff).to_bytes().unwrap()
}

/// A module edits the response to the first of two ROPs, after which the server sends `rest`. Returns the response
/// that the client receives after that to the first ROP.
fn rest_after_an_edited_response(rest: &[&[u8]]) -> Vec<u8> {
    let (engine, log) = Teller::engine(None);
    let mut mailbox = with_tables(&engine, &log);
    let handles = [TABLES[0].0, TABLES[1].0];
    let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, query()), (0, 1, query())], &handles));
    let first = replies(vec![(0, rows(TABLES[0].1, vec![importance(1)]))], &[]).rops;
    let response = RopBuffer::new([&first[..], &rest.concat()].concat(), handles.to_vec());
    let leaving = mailbox.delivered(&mut flight, std::slice::from_ref(&response));
    assert!(seen(&log).contains(&format!("RopQueryRows RopQueryRows {:?}", [importance(1)])), "not edited");
    leaving.rops.strip_prefix(&first[..]).unwrap().to_vec()
}

#[test]
fn notifications_and_a_backoff_before_an_undecodable_part_are_kept_if_a_module_edited_the_response() {
    let notification = notify(TABLES[1], &mail("first", 1));
    let unknown = [0xee; 9];
    let second = replies(vec![(1, rows(TABLES[1].1, vec![mail("second", 2)]))], &[]).rops;
    for rest in [
        vec![&notification[..]],
        vec![&notification[..], &unknown],
        vec![&notification[..], &second[..5]],
        vec![&backoff()[..], &unknown],
        vec![&notification[..], &backoff(), &unknown],
        // After a backoff, neither a reply nor a second backoff is valid.
        vec![&backoff()[..], &second],
        vec![&backoff()[..], &backoff()],
    ] {
        assert_eq!(rest_after_an_edited_response(&rest), rest.concat());
    }
}

#[test]
fn a_notification_is_written_before_the_requests_in_rop_buffer_too_small() {
    let notification = notify(TABLES[1], &mail("first", 1));
    let requests = batch(vec![(0, 1, query())], &[]).rops.to_vec();
    let small = RopBufferTooSmallResponse { size_needed: 0x7fff, request_buffers: requests };
    let rest = [&notification[..], &RopResponse::BufferTooSmall(small).to_bytes().unwrap()];
    assert_eq!(rest_after_an_edited_response(&rest), rest.concat());
}

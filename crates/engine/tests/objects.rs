//! Tracked server objects: the object on which each ROP acts, as modules see it.

use std::sync::{Arc, Mutex};

use engine::rops::{RopDecision, RopResponseView, RopView};
use engine::{Engine, Interests, Module, Operation, Refusal, Session, Stack};
use mapi::data::{FolderId, PropertyName};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::property::PropTag;
use mapi::rop::OutputHandleIndex;
use mapi::rop::folder::{
    FolderTableRequest, FolderTableResponse, OpenModeFlags, RopOpenFolderRequest, RopOpenFolderResponse,
    TableFlags,
};
use mapi::rop::logon::{
    LogonFlags, LogonTime, OpenFlags, PrivateLogon, ResponseFlags, RopLogonRequest, RopLogonResponse,
};
use mapi::rop::named_property::{
    PropertyIdFlags, RopGetNamesFromPropertyIdsRequest, RopGetNamesFromPropertyIdsResponse,
    RopGetPropertyIdsFromNamesRequest, RopGetPropertyIdsFromNamesResponse,
};
use mapi::rop::response_only::{RopBackoffResponse, RopBufferTooSmallResponse};
use mapi::rop::stream::{
    RopCloneStreamRequest, RopOpenStreamRequest, RopOpenStreamResponse, RopWriteStreamRequest,
    RopWriteStreamResponse, StreamOpenModeFlags,
};
use mapi::rop::table::{AsynchronousFlags, RopSetColumnsRequest, TableStatus, TableStatusResponse};
use mapi::rop::{Bool, Bytes16, Empty, List8, List16, RequestBody, ResponseBody, RopId, RopResponse};
use testkit::{Mailbox, Step, batch, replies};
use wire::{Encode as _, Guid};

type Log = Arc<Mutex<Vec<String>>>;

/// Logs the result of `request` for each ROP, and of `reply` for each response.
struct Witness {
    log: Log,
    request: fn(&RopView<'_>) -> String,
    reply: fn(&RopResponseView<'_>) -> String,
}

impl Module for Witness {
    fn name(&self) -> &'static str {
        "witness"
    }

    fn description(&self) -> &'static str {
        "reports what it sees"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        self.log.lock().unwrap().push((self.request)(rop));
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        self.log.lock().unwrap().push((self.reply)(rop));
    }
}

fn witness(request: fn(&RopView<'_>) -> String, reply: fn(&RopResponseView<'_>) -> String) -> (Engine, Log) {
    let log = Log::default();
    let module = Witness { log: Arc::clone(&log), request, reply };
    (Engine::new(Stack::new(vec![Box::new(module)])), log)
}

fn logon(dn: &str) -> RequestBody {
    RequestBody::RopLogon(RopLogonRequest {
        logon_flags: LogonFlags::PRIVATE,
        open_flags: OpenFlags::NONE,
        store_state: 0,
        essdn: Bytes16([dn.as_bytes(), b"\0"].concat().into()),
    })
}

fn logged_on() -> ResponseBody {
    ResponseBody::RopLogon(RopLogonResponse::Private(Box::new(PrivateLogon {
        logon_flags: LogonFlags::PRIVATE,
        folder_ids: [1; 13],
        response_flags: ResponseFlags::RESERVED,
        mailbox_guid: Guid::default(),
        replica_id: 1,
        replica_guid: Guid::default(),
        logon_time: LogonTime {
            seconds: 0,
            minutes: 0,
            hour: 0,
            day_of_week: 0,
            day: 1,
            month: 1,
            year: 2010,
        },
        gwart_time: 0,
        store_state: 0,
    })))
}

fn name(lid: u32) -> PropertyName {
    PropertyName::Lid { guid: Guid::default(), lid }
}

fn ids_of(lids: &[u32]) -> RequestBody {
    RequestBody::RopGetPropertyIdsFromNames(RopGetPropertyIdsFromNamesRequest {
        flags: PropertyIdFlags::CREATE,
        property_names: List16(lids.iter().map(|lid| name(*lid)).collect()),
    })
}

fn are(ids: &[u16]) -> ResponseBody {
    ResponseBody::RopGetPropertyIdsFromNames(RopGetPropertyIdsFromNamesResponse {
        property_ids: List16(ids.to_vec()),
    })
}

fn names_for(ids: &[u16]) -> RequestBody {
    RequestBody::RopGetNamesFromPropertyIds(RopGetNamesFromPropertyIdsRequest {
        property_ids: List16(ids.to_vec()),
    })
}

fn are_called(lids: &[u32]) -> ResponseBody {
    ResponseBody::RopGetNamesFromPropertyIds(RopGetNamesFromPropertyIdsResponse {
        property_names: List16(lids.iter().map(|lid| name(*lid)).collect()),
    })
}

/// The logon of a ROP, and the names of its named properties.
fn logon_of(logon: Option<&engine::objects::Logon>) -> String {
    let Some(logon) = logon else { return "no logon".to_owned() };
    let names: Vec<String> = logon.named.iter().map(|(id, name)| format!(" {id:04x}={name}")).collect();
    let short = names.concat().replace("00000000-0000-0000-0000-000000000000", "");
    format!("{}{short}", String::from_utf8_lossy(&logon.mailbox))
}

fn at_request(view: &RopView<'_>) -> String {
    format!("> {}", logon_of(view.logon()))
}

fn at_response(view: &RopResponseView<'_>) -> String {
    format!("< {}", logon_of(view.logon()))
}

fn seen(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

const NONE: u32 = NO_OBJECT;

#[test]
fn two_logons_of_one_batch_are_not_mixed_up() {
    let (engine, log) = witness(at_request, at_response);
    let mut mailbox = Mailbox::open(&engine, "a");
    let sent = vec![(3, 0, logon("/a")), (9, 1, logon("/b")), (9, 1, ids_of(&[7])), (3, 0, ids_of(&[8]))];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[NONE, NONE]));
    assert_eq!(seen(&log), ["> no logon", "> no logon", "> /b", "> /a"]);
    let response = vec![(0, logged_on()), (1, logged_on()), (1, are(&[0x8001])), (0, are(&[0x8001]))];
    mailbox.delivered(&mut flight, &[replies(response, &[10, 11])]);
    assert_eq!(seen(&log), ["< /a", "< /b", "< /b 8001=:0x0007", "< /a 8001=:0x0008"]);

    // Later, each logon has separate names, from either of the two ROPs.
    let sent = vec![(9, 1, names_for(&[0x8002])), (3, 0, names_for(&[0x8002])), (4, 0, names_for(&[1]))];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[10, 11]));
    assert_eq!(seen(&log), ["> /b 8001=:0x0007", "> /a 8001=:0x0008", "> no logon"]);
    let response = vec![(1, are_called(&[1])), (0, are_called(&[2])), (0, are_called(&[3]))];
    mailbox.delivered(&mut flight, &[replies(response, &[10, 11])]);
    let expected = ["< /b 8001=:0x0007 8002=:0x0001", "< /a 8001=:0x0008 8002=:0x0002", "< no logon"];
    assert_eq!(seen(&log), expected);
}

#[test]
fn a_logon_replaces_the_one_with_the_same_id() {
    let (engine, log) = witness(at_request, at_response);
    let mut mailbox = Mailbox::open(&engine, "a");
    let (mut flight, _) = mailbox.relayed(&batch(vec![(1, 0, logon("/a"))], &[NONE]));
    mailbox.delivered(&mut flight, &[replies(vec![(0, logged_on())], &[10])]);
    seen(&log);
    // Also within the batch that opens it. The release of the old handle does not end the new logon.
    let release = RequestBody::RopRelease(Empty);
    let sent = vec![(1, 1, logon("/b")), (1, 1, ids_of(&[7])), (1, 0, release), (1, 1, ids_of(&[8]))];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[10, NONE]));
    assert_eq!(seen(&log), ["> /a", "> /b", "> /a", "> /b"]);
    let response = vec![(1, logged_on()), (1, are(&[0x8001])), (1, are(&[0x8002]))];
    mailbox.delivered(&mut flight, &[replies(response, &[10, 11])]);
    assert_eq!(seen(&log), ["< /b", "< /b 8001=:0x0007", "< /b 8001=:0x0007 8002=:0x0008"]);
}

#[test]
fn a_rop_belongs_to_the_logon_on_which_its_object_was_opened() {
    let (engine, log) = witness(at_request, at_response);
    let mut mailbox = Mailbox::open(&engine, "a");
    // Two logons of one id in one batch, and a folder on each.
    let open = |slot: u8| {
        RequestBody::RopOpenFolder(RopOpenFolderRequest {
            output_handle_index: OutputHandleIndex(slot),
            folder_id: FolderId(1),
            open_mode_flags: OpenModeFlags::default(),
        })
    };
    let opened = || {
        ResponseBody::RopOpenFolder(RopOpenFolderResponse {
            has_rules: Bool::FALSE,
            is_ghosted: Bool::FALSE,
            servers: None,
        })
    };
    let sent = vec![
        (0, 0, logon("/a")),
        (0, 0, open(2)),
        (0, 1, logon("/b")),
        (0, 0, ids_of(&[7])),
        (0, 2, ids_of(&[8])),
        (0, 1, ids_of(&[9])),
        (0, 1, open(3)),
        (0, 3, ids_of(&[10])),
    ];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[NONE; 4]));
    assert_eq!(seen(&log), ["> no logon", "> /a", "> /a", "> /a", "> /a", "> /b", "> /b", "> /b"]);
    // The server keeps the first logon too: responses for it are not attributed to the second one.
    let response = vec![
        (0, logged_on()),
        (2, opened()),
        (1, logged_on()),
        (0, are(&[0x8001])),
        (2, are(&[0x8002])),
        (1, are(&[0x8003])),
        (3, opened()),
        (3, are(&[0x8004])),
    ];
    mailbox.delivered(&mut flight, &[replies(response, &[10, 11, 12, 13])]);
    let b = "< /b 8003=:0x0009";
    let names = format!("{b} 8004=:0x000a");
    assert_eq!(seen(&log), ["< /a", "< /a", "< /b", "< no logon", "< no logon", b, b, &names]);
}

#[test]
fn a_logon_that_the_server_refuses_is_not_tracked() {
    let (engine, log) = witness(at_request, at_response);
    let mut mailbox = Mailbox::open(&engine, "a");
    let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, logon("/a"))], &[NONE]));
    mailbox.delivered(&mut flight, &[replies(vec![(0, logged_on())], &[10])]);
    seen(&log);
    // A ROP that acts on an object of the first logon belongs to that one, whether or not the second one succeeds.
    let sent = vec![(0, 1, logon("/b")), (0, 0, ids_of(&[7])), (0, 1, ids_of(&[8]))];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[10, NONE]));
    assert_eq!(seen(&log), ["> /a", "> /a", "> /b"]);
    let failed = ResponseBody::Failed;
    let response = vec![
        (1, failed(RopId::RopLogon)),
        (0, are(&[0x8001])),
        (1, failed(RopId::RopGetPropertyIdsFromNames)),
    ];
    mailbox.delivered(&mut flight, &[replies(response, &[10, NONE])]);
    assert_eq!(seen(&log), ["< /a", "< /a 8001=:0x0007", "< no logon"]);
    mailbox.relayed(&batch(vec![(0, 0, ids_of(&[9]))], &[10]));
    assert_eq!(seen(&log), ["> /a 8001=:0x0007"]);
}

fn kind_of(view: &RopView<'_>) -> String {
    view.object().map_or("none", |object| object.kind.name()).to_owned()
}

#[test]
fn a_rop_of_another_logon_does_not_act_on_an_object_that_the_batch_opens() {
    let (engine, log) = witness(kind_of, |_| String::new());
    let mut mailbox = Mailbox::open(&engine, "a");
    let sent = vec![(1, 0, logon("/a")), (1, 0, ids_of(&[7])), (2, 0, ids_of(&[7]))];
    mailbox.relayed(&batch(sent, &[NONE]));
    assert_eq!(seen(&log), ["none", "mailbox", "none"]);
}

#[test]
fn a_rop_that_opens_an_object_of_an_unknown_kind_replaces_the_one_in_its_slot() {
    let (engine, log) = witness(kind_of, |_| String::new());
    let mut mailbox = Mailbox::open(&engine, "a");
    let (mut flight, _) = mailbox.relayed(&batch(vec![(1, 0, logon("/a"))], &[NONE]));
    mailbox.delivered(&mut flight, &[replies(vec![(0, logged_on())], &[10])]);
    seen(&log);
    // The stream that is cloned is not known.
    let output_handle_index = OutputHandleIndex(0);
    let clone = RequestBody::RopCloneStream(RopCloneStreamRequest { output_handle_index });
    mailbox.relayed(&batch(vec![(1, 0, ids_of(&[7])), (1, 1, clone), (1, 0, ids_of(&[7]))], &[10, 77]));
    assert_eq!(seen(&log), ["mailbox", "none", "none"]);
}

#[test]
fn a_release_behind_the_rop_at_which_the_server_stopped_releases_nothing() {
    let small = RopBufferTooSmallResponse { size_needed: 0x7fff, request_buffers: Vec::new() };
    let backoff = RopBackoffResponse {
        logon_id: 0,
        duration: 1,
        backoff_rop_data: List8(Vec::new()),
        additional_data: Bytes16(Vec::new().into()),
    };
    let release = || RequestBody::RopRelease(Empty);
    for (stop, left) in [
        (Some(RopResponse::BufferTooSmall(small)), "> /a"),
        (Some(RopResponse::Backoff(backoff)), "> /a"),
        (None, "> no logon"),
    ] {
        let (engine, log) = witness(at_request, at_response);
        let mut mailbox = Mailbox::open(&engine, "a");
        let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, logon("/a"))], &[NONE]));
        mailbox.delivered(&mut flight, &[replies(vec![(0, logged_on())], &[10])]);
        let sent = vec![(0, 0, ids_of(&[7])), (0, 0, ids_of(&[8])), (0, 0, release())];
        let (mut flight, _) = mailbox.relayed(&batch(sent, &[10]));
        let answers =
            if stop.is_none() { vec![(0, are(&[7])), (0, are(&[8]))] } else { vec![(0, are(&[7]))] };
        let mut rops = replies(answers, &[10]).rops.to_vec();
        if let Some(stop) = &stop {
            rops.extend(stop.to_bytes().unwrap());
        }
        mailbox.delivered(&mut flight, &[RopBuffer::new(rops, vec![10])]);
        seen(&log);
        mailbox.relayed(&batch(vec![(0, 0, ids_of(&[9]))], &[10]));
        assert_eq!(seen(&log), [left], "{stop:?}");
    }
}

/// Removes responses, or logs whether the requests are still available.
struct Remover {
    log: Log,
    removes: bool,
}

impl Module for Remover {
    fn name(&self) -> &'static str {
        "remover"
    }

    fn description(&self) -> &'static str {
        "removes the response"
    }

    fn response_bytes(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        if self.removes && operation.rops().is_some() {
            operation.response = None;
        }
        Ok(())
    }

    fn response(&self, operation: &mut Operation, _session: &mut Session) -> Result<(), Refusal> {
        let sent = operation.rops().map(|rops| rops.batch().entries().len());
        self.log.lock().unwrap().push(format!("{sent:?}"));
        Ok(())
    }
}

#[test]
fn the_requests_of_a_batch_remain_available_if_a_module_removes_the_response() {
    for removes in [false, true] {
        let log = Log::default();
        let engine = Engine::new(Stack::new(vec![Box::new(Remover { log: Arc::clone(&log), removes })]));
        let mut mailbox = Mailbox::open(&engine, "a");
        seen(&log);
        let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, ids_of(&[7]))], &[1]));
        let next = mailbox.respond(&mut flight, &[replies(vec![(0, are(&[0x8001]))], &[1])]);
        assert_eq!(matches!(next, Step::Fault { .. }), removes);
        assert_eq!(seen(&log), ["Some(1)"]);
    }
}

/// Inserts a ROP before each one, or none.
struct Adder(bool);

impl Module for Adder {
    fn name(&self) -> &'static str {
        "adder"
    }

    fn description(&self) -> &'static str {
        "adds ROPs to those of the client"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        if self.0 {
            let added = rop.request().clone();
            rop.insert_before(added).unwrap();
        }
        RopDecision::Forward
    }
}

#[test]
fn a_response_that_cannot_be_decoded_is_forwarded_only_if_the_batch_was_not_edited() {
    for adds in [false, true] {
        let engine = Engine::new(Stack::new(vec![Box::new(Adder(adds))]));
        let mut mailbox = Mailbox::open(&engine, "a");
        // An invalid chain, and a chain without a valid ROP buffer.
        for chain in [&b"no chain"[..], &[0, 0, 4, 0, 1, 0, 1, 0, 0xff]] {
            let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, ids_of(&[7]))], &[1]));
            let next = mailbox.respond_bytes(&mut flight, chain.to_vec());
            assert_eq!(matches!(next, Step::Fault { .. }), adds, "{next:?}");
        }
    }
}

/// The number of objects of a session, and their bytes of content.
#[derive(Default)]
struct Gauge(Arc<Mutex<(usize, usize)>>);

impl Module for Gauge {
    fn name(&self) -> &'static str {
        "gauge"
    }

    fn description(&self) -> &'static str {
        "reports the memory of tracked objects"
    }

    fn interests(&self) -> Interests {
        Interests { content: true, ..Interests::default() }
    }

    fn response(&self, _operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        *self.0.lock().unwrap() = (session.objects().len(), session.objects().content_bytes());
        Ok(())
    }
}

fn gauge() -> (Engine, Arc<Mutex<(usize, usize)>>) {
    let gauge = Gauge::default();
    let held = Arc::clone(&gauge.0);
    (Engine::new(Stack::new(vec![Box::new(gauge)])), held)
}

#[test]
fn the_memory_of_tracked_objects_is_bounded() {
    let (engine, held) = gauge();
    let mut mailbox = Mailbox::open(&engine, "a");
    let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, logon("/a"))], &[NONE]));
    mailbox.delivered(&mut flight, &[replies(vec![(0, logged_on())], &[1])]);
    let limit = engine::objects::ObjectLimits::default().content;
    // Tables with very many columns, one after the other.
    let columns: Vec<PropTag> = (0..7000).map(PropTag).collect();
    for table in 0..2000 {
        let set = RequestBody::RopSetColumns(RopSetColumnsRequest {
            set_columns_flags: AsynchronousFlags::NONE,
            property_tags: List16(columns.clone()),
        });
        let open = RequestBody::RopGetHierarchyTable(FolderTableRequest {
            output_handle_index: OutputHandleIndex(1),
            table_flags: TableFlags::NONE,
        });
        let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, open), (0, 1, set)], &[1, NONE]));
        let opened = ResponseBody::RopGetHierarchyTable(FolderTableResponse { row_count: 0 });
        let set =
            ResponseBody::RopSetColumns(TableStatusResponse { table_status: TableStatus::TBLSTAT_COMPLETE });
        mailbox.delivered(&mut flight, &[replies(vec![(1, opened), (1, set)], &[1, 100 + table])]);
    }
    let (objects, held) = *held.lock().unwrap();
    assert_eq!(objects, 2001);
    assert!(held <= limit && held > limit - 28_000, "{held}");
}

#[test]
fn a_logon_that_is_replaced_ends_the_objects_that_were_opened_on_it() {
    let (engine, held) = gauge();
    let mut mailbox = Mailbox::open(&engine, "a");
    for (slot, handle) in [(0, 10), (1, 11)] {
        let sent = vec![(1, slot, logon("/a")), (1, slot, ids_of(&[7]))];
        let (mut flight, _) = mailbox.relayed(&batch(sent, &[NONE, NONE]));
        let response = vec![(slot, logged_on()), (slot, are(&[0x8001]))];
        mailbox.delivered(&mut flight, &[replies(response, &[handle; 2])]);
        assert_eq!(*held.lock().unwrap(), (1, 64));
    }
}

#[test]
fn cloned_streams_are_charged_like_streams() {
    let (engine, held) = gauge();
    let mut mailbox = Mailbox::open(&engine, "a");
    let open = RequestBody::RopOpenStream(RopOpenStreamRequest {
        output_handle_index: OutputHandleIndex(1),
        property_tag: PropTag(0x1009_0102),
        open_mode_flags: StreamOpenModeFlags::default(),
    });
    let write = RequestBody::RopWriteStream(RopWriteStreamRequest { data: Bytes16(vec![1; 1000].into()) });
    let output_handle_index = OutputHandleIndex(2);
    let clone = RequestBody::RopCloneStream(RopCloneStreamRequest { output_handle_index });
    let sent = vec![(0, 0, open), (0, 1, write), (0, 1, clone)];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[5, NONE, NONE]));
    let opened = ResponseBody::RopOpenStream(RopOpenStreamResponse { stream_size: 0 });
    let written = ResponseBody::RopWriteStream(RopWriteStreamResponse { written_size: 1000 });
    let cloned = ResponseBody::RopCloneStream(Empty);
    mailbox.delivered(&mut flight, &[replies(vec![(1, opened), (1, written), (2, cloned)], &[5, 6, 7])]);
    assert_eq!(*held.lock().unwrap(), (2, 2000));
    for (slot, left) in [(0, (1, 1000)), (1, (0, 0))] {
        let release = RequestBody::RopRelease(Empty);
        let (mut flight, _) = mailbox.relayed(&batch(vec![(0, slot, release)], &[6, 7]));
        mailbox.delivered(&mut flight, &[replies(Vec::new(), &[NONE, NONE])]);
        assert_eq!(*held.lock().unwrap(), left);
    }
}

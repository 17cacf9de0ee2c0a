//! Single ROPs through the engine: modules change, refuse and add them, and the client receives what it would
//! receive from a server that implements the changes itself.

use engine::rops::{RopDecision, RopResponseView, RopView};
use engine::{Engine, Interests, Module, Session, Stack};
use mapi::ErrorCode;
use mapi::data::FolderId;
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::property::PropTag;
use mapi::rop::folder::{RopOpenFolderRequest, RopOpenFolderResponse};
use mapi::rop::property::{CopyFlags, RopCopyPropertiesResponse, RopCopyToRequest};
use mapi::rop::response_only::RopBufferTooSmallResponse;
use mapi::rop::stream::{
    RopGetStreamSizeResponse, RopOpenStreamRequest, RopOpenStreamResponse, RopWriteStreamRequest,
    RopWriteStreamResponse, StreamOpenModeFlags,
};
use mapi::rop::{
    Bool, Bytes16, DestHandleIndex, Empty, List16, OutputHandleIndex, RequestBody, ResponseBody,
    ResponseContext, RopId, RopReply, RopRequest, RopRequests, RopResponse,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use testkit::{Mailbox, Sent};
use wire::{Encode as _, Reader, Writer};

const NULL_OBJECT: ErrorCode = ErrorCode(0x4b9);
const REFUSED: ErrorCode = ErrorCode::MAPI_E_NO_SUPPORT;

/// A server with folders and streams, whose responses depend on earlier ROPs.
#[derive(Debug, Default, Clone)]
struct Server {
    objects: BTreeMap<u32, Thing>,
    last: u32,
    carried_out: Vec<RopRequest>,
    /// How many bytes of ROPs were not executed.
    left: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Thing {
    Folder(u64),
    Stream { size: u32 },
}

impl Server {
    fn execute(&mut self, buffer: &RopBuffer, room: usize) -> RopBuffer {
        let requests = RopRequests::decode(&buffer.rops, &());
        assert_eq!(requests.error, None, "the upstream gets whole ROPs");
        let mut handles = buffer.handles.clone();
        let mut w = Writer::new();
        for (place, rop) in requests.rops.iter().enumerate() {
            let before = (self.clone(), handles.clone());
            let mut reply = Writer::new();
            if let Some(answer) = self.carry_out(rop, &mut handles) {
                RopResponse::Reply(answer).encode(&mut reply).unwrap();
            }
            if w.len() + reply.len() > room {
                (*self, handles) = before;
                self.left = buffer.rops.len();
                let mut rest = Writer::new();
                requests.rops[place..].iter().for_each(|rop| rop.encode(&mut rest).unwrap());
                let small =
                    RopBufferTooSmallResponse { size_needed: 0x7fff, request_buffers: rest.into_vec() };
                RopResponse::BufferTooSmall(small).encode(&mut w).unwrap();
                break;
            }
            w.bytes(reply.as_slice());
        }
        RopBuffer::new(w.into_vec(), handles)
    }

    fn carry_out(&mut self, rop: &RopRequest, handles: &mut [u32]) -> Option<RopReply> {
        self.carried_out.push(rop.clone());
        let handle = handles.get(usize::from(rop.handle_index)).copied().unwrap_or(NO_OBJECT);
        let object = self.objects.get(&handle).copied();
        let failed = |error| Some(RopReply::refused(rop, error));
        let body = match (&rop.body, object) {
            (RequestBody::RopRelease(_), _) => {
                self.objects.remove(&handle);
                return None;
            }
            (_, None) => return failed(NULL_OBJECT),
            (RequestBody::RopOpenFolder(sent), Some(Thing::Folder(_))) => {
                self.make(Thing::Folder(sent.folder_id.0), sent.output_handle_index, handles);
                let response =
                    RopOpenFolderResponse { has_rules: Bool::FALSE, is_ghosted: Bool::FALSE, servers: None };
                ResponseBody::RopOpenFolder(response)
            }
            (RequestBody::RopOpenStream(sent), Some(Thing::Folder(_))) => {
                self.make(Thing::Stream { size: 0 }, sent.output_handle_index, handles);
                ResponseBody::RopOpenStream(RopOpenStreamResponse { stream_size: 0 })
            }
            (RequestBody::RopWriteStream(sent), Some(Thing::Stream { size })) => {
                let written = u16::try_from(sent.data.0.len()).unwrap();
                self.objects.insert(handle, Thing::Stream { size: size + u32::from(written) });
                ResponseBody::RopWriteStream(RopWriteStreamResponse { written_size: written })
            }
            (RequestBody::RopGetStreamSize(_), Some(Thing::Stream { size })) => {
                ResponseBody::RopGetStreamSize(RopGetStreamSizeResponse { stream_size: size })
            }
            _ => return failed(ErrorCode::MAPI_E_NO_SUPPORT),
        };
        Some(RopReply { handle_index: rop.reply_handle_index(), return_value: ErrorCode::SUCCESS, body })
    }

    fn make(&mut self, thing: Thing, index: OutputHandleIndex, handles: &mut [u32]) {
        self.last += 1;
        self.objects.insert(self.last, thing);
        handles[usize::from(index.0)] = self.last;
    }
}

/// The actions of the module under test on the ROPs, in turn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Pass,
    Rewrite,
    Refuse,
    AddBefore,
    AddAfter,
    /// Opens a folder in a new slot before the ROP, and releases it after.
    Detour,
}

/// Each ROP that a module saw, and the object on which it acts.
type Log = Arc<Mutex<Vec<(RopId, Option<&'static str>)>>>;

struct BatchEditor {
    acts: Vec<Act>,
    turn: Mutex<usize>,
    log: Log,
}

impl Module for BatchEditor {
    fn name(&self) -> &'static str {
        "editing_engine"
    }

    fn description(&self) -> &'static str {
        "does as the test wants"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        let mut turn = self.turn.lock().unwrap();
        let act = self.acts.get(*turn).copied().unwrap_or(Act::Pass);
        *turn += 1;
        let object = rop.object().map(|object| object.kind.name());
        self.log.lock().unwrap().push((rop.request().id(), object));
        let size = || RopRequest { body: RequestBody::RopGetStreamSize(Empty), ..rop.request().clone() };
        match act {
            Act::Pass => {}
            Act::Rewrite => {
                rop.edit(|body| match body {
                    RequestBody::RopWriteStream(sent) => {
                        sent.data.0 = [&sent.data.0[..], b"!"].concat().into();
                        true
                    }
                    _ => false,
                });
            }
            Act::Refuse => return RopDecision::Refuse(REFUSED),
            Act::AddBefore => {
                let added = size();
                rop.insert_before(added).unwrap();
            }
            Act::AddAfter => {
                let added = size();
                rop.insert_after(added);
            }
            Act::Detour => {
                let Ok(slot) = rop.new_slot() else { return RopDecision::Forward };
                let RopRequest { logon_id, handle_index, .. } = *rop.request();
                let open = open_folder(slot, 77);
                rop.insert_before(RopRequest { logon_id, handle_index, body: open }).unwrap();
                let release = RequestBody::RopRelease(Empty);
                rop.insert_after(RopRequest { logon_id, handle_index: slot, body: release });
            }
        }
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        if rop.is_added {
            let expected = [RopId::RopGetStreamSize, RopId::RopOpenFolder];
            assert!(expected.contains(&rop.request.id()), "{:?}", rop.request);
        }
    }
}

fn open_folder(slot: u8, id: u64) -> RequestBody {
    RequestBody::RopOpenFolder(RopOpenFolderRequest {
        output_handle_index: OutputHandleIndex(slot),
        folder_id: FolderId(id),
        open_mode_flags: mapi::rop::folder::OpenModeFlags::NONE,
    })
}

fn body(kind: u8, slot: u8) -> RequestBody {
    match kind {
        0 | 1 => open_folder(slot, u64::from(slot) + 100),
        2 => RequestBody::RopOpenStream(RopOpenStreamRequest {
            output_handle_index: OutputHandleIndex(slot),
            property_tag: PropTag(0x1000_001F),
            open_mode_flags: StreamOpenModeFlags::default(),
        }),
        3 => RequestBody::RopWriteStream(RopWriteStreamRequest {
            data: Bytes16(vec![b'x'; usize::from(slot)].into()),
        }),
        4 => RequestBody::RopGetStreamSize(Empty),
        _ => RequestBody::RopRelease(Empty),
    }
}

/// One client with a session, and its server.
struct Scene<'a> {
    mailbox: Mailbox<'a>,
    server: Server,
}

impl<'a> Scene<'a> {
    fn new(engine: &'a Engine) -> Self {
        let mut server = Server { last: 1, ..Server::default() };
        server.objects.insert(1, Thing::Folder(1));
        Self { mailbox: Mailbox::open(engine, "a"), server }
    }

    /// Sends a batch, and returns what the client receives.
    fn execute(&mut self, buffer: &RopBuffer, room: u32) -> RopBuffer {
        let answer = match self.mailbox.send(std::slice::from_ref(buffer), room) {
            Sent::Replied(answer) => answer,
            Sent::Relayed(mut flight, forwarded, room) => {
                let overhead = 8 /* RPC_HEADER_EXT */ + 2 /* RopSize */ + 4 * forwarded.handles.len();
                let room = usize::try_from(room).unwrap().saturating_sub(overhead + 64);
                let answer = self.server.execute(&forwarded, room);
                self.mailbox.delivered(&mut flight, &[answer])
            }
        };
        // The server above returns unexecuted requests whatever the maximum size, and the refusals alone may exceed a
        // maximum that is smaller than any real one.
        let left = self.server.left + 6 * RopRequests::decode(&buffer.rops, &()).rops.len();
        let length = 8 + answer.to_bytes().unwrap().len();
        assert!(length <= usize::try_from(room).unwrap() + left, "{length} bytes, {left} left");
        answer
    }
}

/// The responses to `rops`.
fn replies(buffer: &RopBuffer, rops: &[RopRequest]) -> Vec<RopResponse> {
    let mut sent = rops.iter().filter(|rop| rop.id() != RopId::RopRelease).peekable();
    let mut r = Reader::new(&buffer.rops);
    let mut replies = Vec::new();
    while !r.is_empty() {
        let requested = sent.next().and_then(RopRequest::requested_properties);
        let next = sent.peek().map(|request| request.expected_reply());
        let context = ResponseContext { requested, next, columns: None };
        replies.push(RopResponse::decode(&mut r, context).unwrap());
    }
    replies
}

/// A batch of ROPs on a table of eight slots, the first of which is a folder.
fn batch() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    // The ROP, its slot, and the slot for the object that it opens or the number of bytes that it writes.
    proptest::collection::vec((0..6_u8, 0..6_u8, 1..8_u8), 1..12)
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => Just(Act::Pass),
        1 => Just(Act::Rewrite),
        2 => Just(Act::Refuse),
        1 => Just(Act::AddBefore),
        1 => Just(Act::AddAfter),
        1 => Just(Act::Detour),
    ];
    proptest::collection::vec(act, 0..12)
}

fn buffer(rops: &[(u8, u8, u8)]) -> (Vec<RopRequest>, RopBuffer) {
    let rops: Vec<RopRequest> = rops
        .iter()
        .map(|(kind, on, slot)| RopRequest { logon_id: 0, handle_index: *on, body: body(*kind, *slot) })
        .collect();
    let mut w = Writer::new();
    for rop in &rops {
        rop.encode(&mut w).unwrap();
    }
    let mut handles = vec![NO_OBJECT; 8];
    handles[0] = 1;
    (rops, RopBuffer::new(w.into_vec(), handles))
}

/// The expected responses for the client: each ROP executed by `server`, except for those that the module refuses and
/// those that depend on them.
fn expected(server: &mut Server, rops: &[RopRequest], acts: &[Act], handles: &mut [u32]) -> Vec<RopResponse> {
    let mut missing = [false; 256];
    let mut replies = Vec::new();
    for (place, rop) in rops.iter().enumerate() {
        let act = acts.get(place).copied().unwrap_or(Act::Pass);
        let gone = missing[usize::from(rop.handle_index)];
        let refused = match (act, gone) {
            (Act::Refuse, _) => Some(REFUSED),
            (_, true) => Some(NULL_OBJECT),
            (_, false) => None,
        };
        if let Some(slot) = rop.output_handle_index() {
            missing[usize::from(slot)] = refused.is_some();
        }
        if let Some(error) = refused {
            if rop.id() != RopId::RopRelease {
                replies.push(RopResponse::Reply(RopReply::refused(rop, error)));
            }
            continue;
        }
        let mut rop = rop.clone();
        if let (Act::Rewrite, RequestBody::RopWriteStream(sent)) = (act, &mut rop.body) {
            sent.data.0 = [&sent.data.0[..], b"!"].concat().into();
        }
        replies.extend(server.carry_out(&rop, handles).map(RopResponse::Reply));
    }
    replies
}

fn editing_engine(acts: &[Act]) -> (Engine, Log) {
    let log = Log::default();
    let module = BatchEditor { acts: acts.to_vec(), turn: Mutex::new(0), log: Arc::clone(&log) };
    (Engine::new(Stack::new(vec![Box::new(module)])), log)
}

/// The server's objects in the slots of a client's handle table.
fn things(server: &Server, handles: &[u32]) -> Vec<Option<Thing>> {
    handles.iter().map(|handle| server.objects.get(handle).copied()).collect()
}

#[test]
fn the_response_to_a_rop_added_before_the_clients_uses_none_of_the_clients_maximum_size() {
    let (_, buffer) = buffer(&[(4, 0, 1), (4, 0, 1)]);
    let sent = |acts: &[Act]| {
        let (engine, _) = editing_engine(acts);
        match Scene::new(&engine).mailbox.send(std::slice::from_ref(&buffer), 1000) {
            Sent::Relayed(_, _, room) => room,
            Sent::Replied(_) => panic!("not forwarded"),
        }
    };
    assert_eq!(sent(&[Act::Pass, Act::Pass]), 1000);
    assert_eq!(sent(&[Act::AddBefore, Act::Pass]), 1006);
    assert_eq!(sent(&[Act::Detour, Act::Pass]), 1006);
    // The response to one of the client's ROPs could leave no space for that to a ROP added after it.
    assert_eq!(sent(&[Act::AddAfter, Act::AddBefore]), 1000);
}

#[test]
fn no_rops_are_returned_to_the_client_if_only_added_rops_were_not_executed() {
    let (rops, buffer) = buffer(&[(4, 0, 1), (4, 0, 1)]);
    let mut without_room = 0;
    for room in 106..200 {
        let (engine, _) = editing_engine(&[Act::Pass, Act::AddAfter]);
        let mut scene = Scene::new(&engine);
        let answered = replies(&scene.execute(&buffer, room), &rops);
        match answered.last() {
            Some(RopResponse::BufferTooSmall(small)) => {
                assert!(!small.request_buffers.is_empty(), "room {room}: nothing of the client's is left");
            }
            _ => assert_eq!(answered.len(), 2, "room {room}"),
        }
        without_room += usize::from(answered.len() == 2 && scene.server.left > 0);
    }
    assert!(without_room > 0, "there was room in all cases");
}

proptest! {
    #[test]
    fn a_client_receives_the_responses_of_a_server_that_executed_the_edited_batch(
        rops in batch(), acts in acts(),
    ) {
        let (rops, buffer) = buffer(&rops);
        let (engine, _) = editing_engine(&acts);
        let mut scene = Scene::new(&engine);
        let mut model = scene.server.clone();
        let answer = scene.execute(&buffer, 0x8000);
        let mut handles = buffer.handles.clone();
        let expected = expected(&mut model, &rops, &acts, &mut handles);
        prop_assert_eq!(replies(&answer, &rops), expected);
        prop_assert_eq!(answer.handles.len(), buffer.handles.len());
        prop_assert_eq!(things(&scene.server, &answer.handles), things(&model, &handles));
    }

    #[test]
    fn a_truncated_response_returns_the_clients_own_unexecuted_rops(
        rops in batch(), acts in acts(), room in 120..260_u32,
    ) {
        let (rops, buffer) = buffer(&rops);
        let (engine, _) = editing_engine(&acts);
        let mut scene = Scene::new(&engine);
        let mut model = scene.server.clone();
        let mut answered = replies(&scene.execute(&buffer, room), &rops);
        let expected = expected(&mut model, &rops, &acts, &mut buffer.handles.clone());
        let Some(RopResponse::BufferTooSmall(small)) = answered.last().cloned() else {
            prop_assert_eq!(answered, expected);
            return Ok(());
        };
        answered.pop();
        prop_assert_eq!(&answered[..], &expected[..answered.len()]);
        // The last of the client's ROPs are returned, and those before them have responses.
        prop_assert!(buffer.rops.ends_with(&small.request_buffers));
        let left = RopRequests::decode(&small.request_buffers, &()).rops;
        let done = &rops[..rops.len() - left.len()];
        let silent = done.iter().filter(|rop| rop.id() == RopId::RopRelease).count();
        prop_assert_eq!(done.len() - silent, answered.len());
    }

    #[test]
    fn a_batch_that_modules_only_read_passes_byte_for_byte(rops in batch()) {
        let (_, buffer) = buffer(&rops);
        let (engine, _) = editing_engine(&[]);
        let plain = Engine::new(Stack::default());
        let (mut looked, mut straight) = (Scene::new(&engine), Scene::new(&plain));
        prop_assert_eq!(looked.execute(&buffer, 0x8000), straight.execute(&buffer, 0x8000));
        prop_assert_eq!(looked.server.carried_out, straight.server.carried_out);
    }
}

#[test]
fn a_module_sees_the_object_on_which_each_rop_acts_even_within_one_batch() {
    let (engine, log) = editing_engine(&[]);
    let mut scene = Scene::new(&engine);
    let (_, first) = buffer(&[(0, 0, 1), (2, 1, 2), (3, 2, 5), (5, 1, 1), (4, 1, 1)]);
    let answer = scene.execute(&first, 0x8000);
    let seen: Vec<_> = log.lock().unwrap().iter().map(|(_, object)| *object).collect();
    // The first folder was opened before the session was tracked.
    assert_eq!(seen, [None, Some("folder"), Some("stream"), Some("folder"), None]);
    log.lock().unwrap().clear();
    let (_, mut second) = buffer(&[(3, 2, 1), (4, 1, 1)]);
    second.handles.copy_from_slice(&answer.handles);
    scene.execute(&second, 0x8000);
    let seen: Vec<_> = log.lock().unwrap().iter().map(|(_, object)| *object).collect();
    assert_eq!(seen, [Some("stream"), None], "what was released is not known any more");
}

#[test]
fn a_batch_without_rops_to_forward_is_not_sent_to_the_upstream() {
    let (engine, _) = editing_engine(&[Act::Refuse, Act::Refuse]);
    let mut scene = Scene::new(&engine);
    let (rops, buffer) = buffer(&[(0, 0, 1), (4, 0, 1)]);
    let answer = scene.execute(&buffer, 0x8000);
    assert_eq!(scene.server.carried_out, []);
    let failed = |rop: &RopRequest| RopResponse::Reply(RopReply::refused(rop, REFUSED));
    assert_eq!(replies(&answer, &rops), rops.iter().map(failed).collect::<Vec<_>>());
    assert_eq!(answer.handles, buffer.handles);
}

#[test]
fn a_rop_whose_destination_was_not_opened_fails_with_a_null_destination() {
    let (engine, _) = editing_engine(&[Act::Refuse, Act::Pass, Act::Pass]);
    let mut scene = Scene::new(&engine);
    let copy = RequestBody::RopCopyTo(RopCopyToRequest {
        dest_handle_index: DestHandleIndex(3),
        want_asynchronous: Bool::FALSE,
        want_sub_objects: Bool::TRUE,
        copy_flags: CopyFlags::default(),
        excluded_tags: List16(Vec::new()),
    });
    let batch =
        testkit::batch(vec![(0, 0, open_folder(3, 9)), (0, 0, copy)], &[1, NO_OBJECT, NO_OBJECT, NO_OBJECT]);
    let answer = scene.execute(&batch, 0x8000);
    assert_eq!(scene.server.carried_out, []);
    let rops = RopRequests::decode(&batch.rops, &()).rops;
    let missing =
        ResponseBody::RopCopyTo(RopCopyPropertiesResponse::NullDestination { dest_handle_index: 3 });
    let copied = RopReply { handle_index: 0, return_value: ErrorCode::EC_DST_NULL_OBJECT, body: missing };
    assert_eq!(replies(&answer, &rops)[1], RopResponse::Reply(copied));
}

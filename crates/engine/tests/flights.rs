//! Operations from request to reply against a scripted upstream, and which user may use a session.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engine::{
    AheadRequest, AheadResponse, CALL_FAILED, Decision, Engine, FaultStatus, HandleBudget, HandleTable,
    Incoming, Interface, Module, Operation, Outcome, Refusal, RefusalKind, Response, RpcSessions,
    SecurityContext, Session, Stack, fault_status,
};
use mapi::mapihttp::ResponseCode;
use mapi::ndr::ContextHandle;
use mapi::{ErrorCode, nspi};
use testkit::{Counter, RpcClient, Step, TestFlight, bind_request, bind_response, caller};
use wire::{Endian, Guid};

fn incoming(context: &SecurityContext, opnum: u16, stub: impl Into<Bytes>) -> Incoming {
    testkit::incoming(context, (Interface::Nspi, opnum), stub)
}

/// `NspiQueryColumns` on the session `handle`, with bytes after its last parameter.
fn query_columns(handle: &[u8; 20]) -> Vec<u8> {
    [&handle[..], &[0, 0, 0, 0, 1, 0, 0, 0], b"trailing"].concat()
}

fn denied(why: &str) -> Step {
    Step::Fault { status: FaultStatus::ACCESS_DENIED, code: ResponseCode::NoPrivilege, why: why.to_owned() }
}

fn unbind(handle: &[u8; 20]) -> Vec<u8> {
    [&handle[..], &[0; 4]].concat()
}

#[test]
fn an_unchanged_stub_is_forwarded_byte_for_byte_except_for_the_handle() {
    let engine = Engine::new(Stack::default());
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 0xee);
    assert_ne!(ours[4..], [0xee; 16], "the client must not see the upstream's handle");

    let request = query_columns(&ours);
    let (mut flight, forwarded) = talk.relayed(incoming(&alice, 16, request.clone()));
    assert_eq!(forwarded[4..20], [0xee; 16], "the upstream must get its own handle");
    assert_eq!(forwarded[20..], request[20..]);
    let response: Vec<u8> = (0..64).collect();
    assert_eq!(talk.delivered(&mut flight, response.clone()), response);
}

#[test]
fn a_big_endian_request_reaches_the_upstream_little_endian() {
    let engine = Engine::new(Stack::default());
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 0xee);
    let little = Guid::from_le(ours[4..].try_into().unwrap());
    let mut big = vec![0; 4];
    big.extend(little.data1.to_be_bytes());
    big.extend(little.data2.to_be_bytes());
    big.extend(little.data3.to_be_bytes());
    big.extend(little.data4);
    big.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    let mut call = incoming(&alice, 16, big);
    call.endian = Endian::Big;
    let (_, forwarded) = talk.relayed(call);
    assert_eq!(forwarded[..], [&[0; 4][..], &[0xee; 16], &[0, 0, 0, 0, 1, 0, 0, 0]].concat());
}

#[test]
fn a_handle_is_valid_only_for_its_owner() {
    let engine = Engine::new(Stack::default());
    let group = Arc::default();
    let (alice, bob) = (caller("a"), caller("b"));
    let mut first = RpcClient::new(&engine, &group);
    let mut second = RpcClient::new(&engine, &group);
    let mut elsewhere = RpcClient::new(&engine, &Arc::default());
    let ours = first.bind(&alice, 0xee);

    let mismatch = FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH;
    let refused = |talk: &mut RpcClient<'_>, call| match talk.send(call) {
        Err(refusal) => fault_status(refusal.kind),
        Ok((_, next)) => panic!("let in: {next:?}"),
    };
    assert_eq!(refused(&mut second, incoming(&bob, 16, query_columns(&ours))), mismatch);
    assert_eq!(refused(&mut elsewhere, incoming(&alice, 16, query_columns(&ours))), mismatch);
    let theirs = [&[0; 4][..], &[0xee; 16]].concat().try_into().unwrap();
    assert_eq!(refused(&mut first, incoming(&alice, 16, query_columns(&theirs))), mismatch);
    let mut of_another_interface = incoming(&alice, 2, query_columns(&ours));
    of_another_interface.key = (Interface::Emsmdb, of_another_interface.key.call().unwrap().1).into();
    assert_eq!(refused(&mut first, of_another_interface), mismatch);
    // It is valid for the same caller on another connection of the same group.
    second.relayed(incoming(&alice, 16, query_columns(&ours)));
}

#[test]
fn a_response_with_the_handle_of_another_session_is_refused() {
    let engine = Engine::new(Stack::default());
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 0xee);
    let (mut flight, _) = talk.relayed(incoming(&alice, 1, unbind(&ours)));
    let other = [&[0; 4][..], &[0xdd; 16], &[1, 0, 0, 0]].concat();
    assert!(matches!(talk.respond(&mut flight, other), Step::Fault { status: CALL_FAILED, .. }));
}

#[test]
fn an_unknown_opnum_and_a_stub_too_short_for_its_handle_are_refused() {
    let engine = Engine::new(Stack::default());
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let status = |sent: Result<(TestFlight, Step), Refusal>| fault_status(sent.unwrap_err().kind);
    assert_eq!(status(talk.send(incoming(&alice, 21, vec![0; 64]))), FaultStatus::NCA_S_OP_RNG_ERROR);
    assert_eq!(status(talk.send(incoming(&alice, 3, vec![0; 19]))), FaultStatus::RPC_X_BAD_STUB_DATA);
    let (mut flight, _) = talk.relayed(incoming(&alice, 0, bind_request()));
    assert!(matches!(talk.respond(&mut flight, vec![0; 7]), Step::Fault { status: CALL_FAILED, .. }));
}

/// Records which hook of which module is called.
struct Scribe {
    name: &'static str,
    log: Arc<Mutex<Vec<String>>>,
}

impl Scribe {
    fn write(&self, hook: &str) {
        self.log.lock().unwrap().push(format!("{}.{hook}", self.name));
    }
}

impl Module for Scribe {
    fn name(&self) -> &'static str {
        self.name
    }
    fn description(&self) -> &'static str {
        "Writes down its hooks."
    }
    fn request_bytes(&self, _: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        self.write("request_bytes");
        Ok(())
    }
    fn request(&self, _: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        session.module_state::<Counter>().0 += 1;
        self.write("request");
        Ok(())
    }
    fn dispatch(&self, _: &mut Operation, _: &mut Session) -> Decision {
        self.write("dispatch");
        Decision::Forward
    }
    fn response_bytes(&self, _: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        self.write("response_bytes");
        Ok(())
    }
    fn response(&self, _: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        self.write("response");
        Ok(())
    }
    fn unbind(&self, session: &mut Session) {
        self.write(&format!("unbind after {}", session.module_state::<Counter>().0));
    }
    fn shutdown(&self) {
        self.write("shutdown");
    }
}

fn scribes() -> (Engine, Arc<Mutex<Vec<String>>>) {
    let log = Arc::<Mutex<Vec<String>>>::default();
    let scribe = |name| Box::new(Scribe { name, log: Arc::clone(&log) }) as Box<dyn Module>;
    (Engine::new(Stack::new(vec![scribe("outer"), scribe("inner")])), log)
}

#[test]
fn requests_pass_modules_from_first_to_last_and_responses_in_reverse() {
    let (engine, log) = scribes();
    assert_eq!(engine.stack().to_string(), "client > outer > inner > upstream");
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 0xee);
    let whole = [
        "outer.request_bytes",
        "inner.request_bytes",
        "outer.request",
        "inner.request",
        "outer.dispatch",
        "inner.dispatch",
        "inner.response_bytes",
        "outer.response_bytes",
        "inner.response",
        "outer.response",
    ];
    assert_eq!(std::mem::take(&mut *log.lock().unwrap()), whole);

    let (mut flight, _) = talk.relayed(incoming(&alice, 1, unbind(&ours)));
    log.lock().unwrap().clear();
    talk.delivered(&mut flight, [&[0; 20][..], &[1, 0, 0, 0]].concat());
    let log = log.lock().unwrap();
    assert_eq!(log[4..], ["inner.unbind after 4", "outer.unbind after 4"], "both count in one slot: {log:?}");
}

#[test]
fn a_session_ends_once_however_it_ends() {
    let (engine, log) = scribes();
    let unbinds = || log.lock().unwrap().iter().filter(|line| line.contains("unbind")).count();
    let alice = caller("a");

    // The client disconnects: the session ends with the last connection of its group, not with an earlier one.
    let group = Arc::default();
    let mut talk = RpcClient::new(&engine, &group);
    talk.bind(&alice, 1);
    engine.end(&mut RpcSessions::new(Arc::clone(&group)), false);
    assert_eq!(unbinds(), 0);
    engine.end(&mut talk.conversation, true);
    engine.end(&mut talk.conversation, true);
    assert_eq!(unbinds(), 2);
    assert!(group.is_empty());

    // The bind fails, or the connection to the upstream is lost: no session was opened.
    let mut talk = RpcClient::new(&engine, &group);
    let (mut flight, _) = talk.relayed(incoming(&alice, 0, bind_request()));
    talk.delivered(&mut flight, [&[0; 24][..], &[1, 0, 0, 0x80]].concat());
    assert_eq!(unbinds(), 4);
    let (mut flight, _) = talk.relayed(incoming(&alice, 0, bind_request()));
    let lost = Outcome::Lost("gone".to_owned());
    flight.resume(lost);
    assert_eq!(unbinds(), 6);

    // The client disconnects before the upstream responds.
    let (flight, _) = talk.relayed(incoming(&alice, 0, bind_request()));
    drop(flight);
    assert_eq!(unbinds(), 8);
    let (mut flight, _) = talk.relayed(incoming(&alice, 0, bind_request()));
    let next = flight.abort(Refusal::new(RefusalKind::AccessDenied, "revoked"));
    assert_eq!(next, denied("revoked"));
    assert_eq!(unbinds(), 10);
    drop(flight);
    assert_eq!(unbinds(), 10, "once a session");
    engine.shutdown();
    assert_eq!(log.lock().unwrap().last().unwrap(), "outer.shutdown");
}

fn store(context: &SecurityContext, opnum: u16, stub: impl Into<Bytes>) -> Incoming {
    Incoming { key: (Interface::Emsmdb, opnum).into(), ..incoming(context, opnum, stub) }
}

/// Connects to the store; the upstream's handle is `upstream`. Returns the client's handle.
fn connect(talk: &mut RpcClient<'_>, context: &SecurityContext, upstream: u8) -> [u8; 20] {
    let (mut flight, _) = talk.relayed(store(context, 10, vec![0; 8]));
    let reply = talk.delivered(&mut flight, [&[0; 4][..], &[upstream; 16], &[0; 64]].concat());
    reply[..20].try_into().unwrap()
}

#[test]
fn a_session_and_its_derived_handles_end_when_the_upstream_returns_a_null_handle() {
    let (engine, log) = scribes();
    let unbinds = || log.lock().unwrap().iter().filter(|line| line.contains("unbind")).count();
    let alice = caller("a");
    let group = Arc::default();
    let mut talk = RpcClient::new(&engine, &group);

    for closing in [11, 1] {
        log.lock().unwrap().clear();
        let ours = connect(&mut talk, &alice, 0xee);
        let (mut flight, _) = talk.relayed(store(&alice, 14, ours.to_vec()));
        talk.delivered(&mut flight, [&[0; 4][..], &[0xaa; 16], &[0; 4]].concat());
        assert_eq!((group.len(), unbinds()), (2, 0));
        let (mut flight, _) = talk.relayed(store(&alice, closing, [&ours[..], &[0; 64]].concat()));
        talk.delivered(&mut flight, vec![0; 64]);
        assert_eq!((group.len(), unbinds()), (0, 2), "operation {closing}");
    }
}

#[test]
fn no_hook_runs_for_a_session_that_ended_meanwhile() {
    let (engine, log) = scribes();
    let alice = caller("a");
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let ours = talk.bind(&alice, 0xee);
    let (mut slow, _) = talk.relayed(incoming(&alice, 16, query_columns(&ours)));
    let (mut closing, _) = talk.relayed(incoming(&alice, 1, unbind(&ours)));
    talk.delivered(&mut closing, [&[0; 20][..], &[1, 0, 0, 0]].concat());
    log.lock().unwrap().clear();
    let mismatch = FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH;
    assert!(matches!(talk.respond(&mut slow, vec![0; 8]), Step::Fault { status, .. } if status == mismatch));
    assert_eq!(*log.lock().unwrap(), [""; 0]);
}

#[test]
fn the_open_handles_of_a_group_are_limited() {
    let engine = Engine::new(Stack::default());
    let alice = caller("a");
    let group = Arc::default();
    let mut talk = RpcClient::new(&engine, &group);
    let mut opened = 0;
    let status = loop {
        match talk.send(incoming(&alice, 0, bind_request())) {
            Ok((mut flight, Step::Relay { .. })) => {
                let outcome =
                    Outcome::Response { stub: bind_response([1; 16]).into(), endian: Endian::Little };
                flight.resume(outcome);
                opened += 1;
                assert!(opened < 100_000, "without end");
            }
            Err(refusal) => break fault_status(refusal.kind),
            Ok((_, next)) => panic!("{next:?}"),
        }
    };
    assert_eq!(status, FaultStatus::RPC_S_SERVER_TOO_BUSY);
    assert_eq!(group.len(), opened);
}

/// A module with a fixed decision.
struct Decider(Box<dyn Fn(&mut Operation) -> Decision + Send + Sync>);

impl Module for Decider {
    fn name(&self) -> &'static str {
        "decider"
    }
    fn description(&self) -> &'static str {
        "Returns the decision of a function."
    }
    fn dispatch(&self, operation: &mut Operation, _: &mut Session) -> Decision {
        (self.0)(operation)
    }
}

fn deciding(decide: impl Fn(&mut Operation) -> Decision + Send + Sync + 'static) -> Engine {
    Engine::new(Stack::new(vec![Box::new(Decider(Box::new(decide)))]))
}

/// A module with a decision about `NspiQueryColumns` only.
fn decider(decide: impl Fn(&mut Operation) -> Decision + Send + Sync + 'static) -> Engine {
    deciding(move |operation| if operation.opnum() == 16 { decide(operation) } else { Decision::Forward })
}

fn columns(code: u32) -> Response {
    let response = nspi::QueryColumnsResponse { return_value: ErrorCode(code), ..Default::default() };
    Response::Nspi(nspi::Response::QueryColumns(response))
}

#[test]
fn a_module_can_respond_without_the_upstream() {
    let engine = decider(|_| Decision::Respond(Box::new(columns(7))));
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 1);
    let (flight, next) = talk.send(incoming(&alice, 16, query_columns(&ours))).unwrap();
    assert_eq!(next, Step::Reply { stub: Bytes::from_static(&[0, 0, 0, 0, 7, 0, 0, 0]) });
    assert_eq!(flight.operation.notes()[0].text, "responded itself");
}

#[test]
fn a_modules_response_to_another_operation_is_refused() {
    let engine = decider(|_| {
        let response = nspi::CompareMIdsResponse::default();
        Decision::Respond(Box::new(Response::Nspi(nspi::Response::CompareMIds(response))))
    });
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 1);
    let (_, next) = talk.send(incoming(&alice, 16, query_columns(&ours))).unwrap();
    assert!(matches!(next, Step::Fault { status: CALL_FAILED, .. }));
}

/// The response to an `NspiBind` that opens `handle`.
fn bound(handle: [u8; 16], code: u32) -> Decision {
    let handle = ContextHandle { attributes: 0, uuid: Guid::from_le(handle) };
    let response = nspi::BindResponse { handle, return_value: ErrorCode(code), ..Default::default() };
    Decision::Respond(Box::new(Response::Nspi(nspi::Response::Bind(response))))
}

#[test]
fn a_modules_response_cannot_open_a_handle() {
    let alice = caller("a");
    let group = Arc::default();
    let engine = deciding(|_| bound([7; 16], 0));
    let mut talk = RpcClient::new(&engine, &group);
    let (_, next) = talk.send(incoming(&alice, 0, bind_request())).unwrap();
    assert!(matches!(&next, Step::Fault { status: CALL_FAILED, why, .. } if why.contains("context handle")));
    // It may respond with a null handle.
    let engine = deciding(|_| bound([0; 16], 0x8004_0111));
    let mut talk = RpcClient::new(&engine, &group);
    let (_, next) = talk.send(incoming(&alice, 0, bind_request())).unwrap();
    assert!(matches!(next, Step::Reply { stub } if stub[24..] == 0x8004_0111_u32.to_le_bytes()));
    assert!(group.is_empty());
}

#[test]
fn a_modules_response_with_a_null_handle_ends_the_session_here_and_orphans_the_servers() {
    let unbound = |handle: Option<ContextHandle>| {
        let handle = handle.unwrap_or_default();
        let response = nspi::UnbindResponse { handle, return_value: ErrorCode(1) };
        Decision::Respond(Box::new(Response::Nspi(nspi::Response::Unbind(response))))
    };
    let other = ContextHandle { attributes: 0, uuid: Guid::from_le([7; 16]) };
    for (given, left, answered) in [(None, 0, true), (Some(other), 1, false)] {
        let engine = deciding(move |operation| match operation.opnum() {
            1 => unbound(given),
            _ => Decision::Forward,
        });
        let (alice, group) = (caller("a"), Arc::<HandleTable>::default());
        let mut talk = RpcClient::new(&engine, &group);
        let ours = talk.bind(&alice, 1);
        let (_, next) = talk.send(incoming(&alice, 1, unbind(&ours))).unwrap();
        assert_eq!((group.len(), matches!(next, Step::Reply { .. })), (left, answered));
        assert_eq!(group.take_orphaned().len(), 1 - left);
    }
}

#[test]
fn a_refusal_is_a_fault() {
    let engine = decider(|_| Decision::Refuse(Refusal::new(RefusalKind::AccessDenied, "policy")));
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 1);
    let (_, next) = talk.send(incoming(&alice, 16, query_columns(&ours))).unwrap();
    assert_eq!(next, denied("policy"));
}

#[test]
fn a_request_ahead_uses_the_session_and_its_response_is_passed_to_the_same_module() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let engine = decider(move |operation| match operation.ahead.last_mut() {
        None => Decision::Ahead(Box::new(AheadRequest::QueryColumns { flags: 9 })),
        Some(AheadResponse::Response(answer)) => {
            assert_eq!(answer.view().unwrap(), &columns(3));
            count.fetch_add(1, Ordering::Relaxed);
            Decision::Forward
        }
        Some(AheadResponse::Refused(refusal)) => panic!("{refusal:?}"),
    });
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 0xee);
    let (mut flight, ahead) = talk.relayed(incoming(&alice, 16, query_columns(&ours)));
    assert_eq!(ahead[..], [&[0; 4][..], &[0xee; 16], &[0, 0, 0, 0, 9, 0, 0, 0]].concat());
    let Step::Relay { stub, .. } = talk.respond(&mut flight, vec![0, 0, 0, 0, 3, 0, 0, 0]) else {
        panic!("the client's own request did not follow")
    };
    assert_eq!(stub[20..], query_columns(&ours)[20..]);
    assert_eq!(talk.delivered(&mut flight, vec![0, 0, 0, 0, 4, 0, 0, 0])[..], [0, 0, 0, 0, 4, 0, 0, 0]);
    assert_eq!(sent.load(Ordering::Relaxed), 1);
}

#[test]
fn a_module_that_always_sends_requests_ahead_is_refused_after_a_limit() {
    let engine = decider(|_| Decision::Ahead(Box::new(AheadRequest::QueryColumns { flags: 0 })));
    let mut talk = RpcClient::new(&engine, &Arc::default());
    let alice = caller("a");
    let ours = talk.bind(&alice, 1);
    let (mut flight, _) = talk.relayed(incoming(&alice, 16, query_columns(&ours)));
    let mut rounds = 0;
    while let Step::Relay { .. } = talk.respond(&mut flight, vec![0; 8]) {
        rounds += 1;
        assert!(rounds < 100, "without end");
    }
}

#[test]
fn the_open_handles_of_a_user_are_limited_over_all_groups() {
    let engine = Engine::new(Stack::new(Vec::new()));
    let budget = Arc::new(HandleBudget::new(2));
    let groups = [(); 2].map(|()| Arc::new(HandleTable::new(Arc::clone(&budget))));
    let [mut first, mut second] = groups.each_ref().map(|group| RpcClient::new(&engine, group));
    let who = caller("a");
    first.bind(&who, 1);
    let handle = second.bind(&who, 2);
    for talk in [&mut first, &mut second] {
        let refusal = talk.send(incoming(&who, 0, bind_request())).unwrap_err();
        assert_eq!(fault_status(refusal.kind), FaultStatus::RPC_S_SERVER_TOO_BUSY);
    }
    let (mut flight, _) = second.relayed(incoming(&who, 1, unbind(&handle)));
    second.delivered(&mut flight, [&[0; 20][..], &[1, 0, 0, 0]].concat());
    // A call that opens a handle has a place from its begin, so that the server opens none in excess.
    let (mut late, _) = second.relayed(incoming(&who, 0, bind_request()));
    let refusal = first.send(incoming(&who, 0, bind_request())).unwrap_err();
    assert_eq!(fault_status(refusal.kind), FaultStatus::RPC_S_SERVER_TOO_BUSY);
    second.delivered(&mut late, bind_response([4; 16]));
    drop(late);
    assert!(first.send(incoming(&who, 0, bind_request())).is_err(), "the handle is open");
    // Handles that end with their group are returned to the budget, and places of calls that opened none.
    engine.end(&mut second.conversation, true);
    let (mut lost, _) = second.relayed(incoming(&who, 0, bind_request()));
    lost.resume(Outcome::Lost("lost".to_owned()));
    drop(lost);
    second.bind(&who, 5);
    assert!(second.send(incoming(&who, 0, bind_request())).is_err());
}

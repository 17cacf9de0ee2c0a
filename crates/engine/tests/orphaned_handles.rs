//! Context handles that the server has although their sessions have ended in the proxy: they are to be ended there.

use std::sync::Arc;

use engine::{
    Engine, FaultStatus, HandleBudget, HandleTable, Interface, Module, Next, OpeningHandle, Operation,
    OrphanedHandle, Outcome, Refusal, RefusalKind, Reissued, SecurityContext, Session, Stack,
};
use identity::{OsRandom, Random};
use testkit::{RecordedReports, RpcClient, Step, bind_request, caller, connect_ex, incoming};
use wire::Endian;

const BIND: (Interface, u16) = (Interface::Nspi, 0);
const CONNECT: (Interface, u16) = (Interface::Emsmdb, 10);
const DERIVE: (Interface, u16) = (Interface::Emsmdb, 14);

/// The number of the upstream's association group.
const GROUP: u64 = 1;

/// Refuses the responses of operations with this number.
struct Refuses(u16);

impl Module for Refuses {
    fn name(&self) -> &'static str {
        "refuses"
    }
    fn description(&self) -> &'static str {
        "Refuses responses."
    }
    fn response(&self, operation: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        let (_, opnum) = operation.key().call().unwrap();
        if opnum == self.0 { Err(Refusal::new(RefusalKind::AccessDenied, "test")) } else { Ok(()) }
    }
}

/// Panics in operations with this number.
struct Panics(u16);

impl Module for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn description(&self) -> &'static str {
        "Panics."
    }
    fn request(&self, operation: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        let (_, opnum) = operation.key().call().unwrap();
        assert_ne!(opnum, self.0, "test");
        Ok(())
    }
}

fn connect_request() -> Vec<u8> {
    mapi::emsmdb::Request::EcDoConnectEx(connect_ex("/o=O/cn=a")).encode().unwrap()
}

/// A response to a call of EMSMDB that opens or derives the handle `number`.
fn opened(number: u8) -> Vec<u8> {
    [&[0; 4][..], &[number; 16], &[0; 60]].concat()
}

fn table(places: usize) -> Arc<HandleTable> {
    Arc::new(HandleTable::new(Arc::new(HandleBudget::new(places))))
}

/// The response of the upstream to a call that opens a handle.
fn respond(
    talk: &mut RpcClient<'_>,
    who: &SecurityContext,
    (call, request): ((Interface, u16), Vec<u8>),
    response: Vec<u8>,
) -> Step {
    let (mut flight, _) = talk.relayed(incoming(who, call, request));
    flight.call().received_in(GROUP);
    flight.respond(response)
}

fn connect(talk: &mut RpcClient<'_>, who: &SecurityContext, number: u8) -> [u8; 20] {
    match respond(talk, who, (CONNECT, connect_request()), opened(number)) {
        Step::Reply { stub } => *stub.first_chunk().unwrap(),
        step => panic!("{step:?}"),
    }
}

/// A call whose client does not wait for the response any more.
fn unanswered(
    talk: &mut RpcClient<'_>,
    who: &SecurityContext,
    (call, request): ((Interface, u16), Vec<u8>),
) -> OpeningHandle {
    let (mut flight, _) = talk.relayed(incoming(who, call, request));
    flight.call().take_opening_handle().unwrap()
}

/// The operation number and the stub of the call that ends each handle.
fn calls(orphaned: &[OrphanedHandle]) -> Vec<(u16, Vec<u8>)> {
    let call =
        |orphaned: &OrphanedHandle| orphaned.call_to_send().map(|(opnum, stub)| (opnum, stub.to_vec()));
    orphaned.iter().filter_map(call).collect()
}

/// The call that ends the handle `number` of the mailbox store.
fn disconnect(number: u8) -> (u16, Vec<u8>) {
    (1, [&[0; 4][..], &[number; 16]].concat())
}

fn is_too_busy(talk: &mut RpcClient<'_>, who: &SecurityContext) -> bool {
    let begun = talk.send(incoming(who, CONNECT, connect_request()));
    begun.is_err_and(|refusal| refusal.kind == RefusalKind::TooBusy)
}

#[test]
fn a_handle_whose_response_is_refused_is_orphaned_and_keeps_its_place_until_it_is_ended() {
    let (alice, group) = (caller("a"), table(1));
    let unbind = (1, [&[0; 4][..], &[7; 16], &[0; 4]].concat());
    for (call, request, response, ends) in [
        (CONNECT, connect_request(), opened(7), disconnect(7)),
        (BIND, bind_request(), [&[0; 8][..], &[7; 16], &[0; 4]].concat(), unbind),
    ] {
        let engine = Engine::new(Stack::new(vec![Box::new(Refuses(call.1))]));
        let mut talk = RpcClient::new(&engine, &group);
        let step = respond(&mut talk, &alice, (call, request), response);
        assert!(matches!(step, Step::Fault { status: FaultStatus::ACCESS_DENIED, .. }), "{step:?}");
        assert!(group.is_empty());
        let orphaned = group.take_orphaned();
        assert_eq!(calls(&orphaned), [ends]);
        assert_eq!((orphaned[0].interface(), orphaned[0].upstream_group()), (call.0, GROUP));
        assert!(is_too_busy(&mut talk, &alice));
        drop(orphaned);
        assert!(!is_too_busy(&mut talk, &alice));
    }
}

/// Fails.
struct NoRandom;

impl Random for NoRandom {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), identity::RandomError> {
        Err(identity::RandomError)
    }
}

#[test]
fn a_handle_is_orphaned_if_its_response_can_be_neither_decoded_nor_delivered() {
    let (engine, alice, group) = (Engine::default(), caller("a"), table(4));
    let mut talk = RpcClient::new(&engine, &group);
    // Too short for a response, and big-endian, so that it must be decoded.
    let (mut flight, _) = talk.relayed(incoming(&alice, CONNECT, connect_request()));
    flight.call().received_in(GROUP);
    let step =
        flight.resume(Outcome::Response { stub: opened(7)[..20].to_vec().into(), endian: Endian::Big });
    assert!(matches!(step, Step::Fault { .. }), "{step:?}");
    assert_eq!(calls(&group.take_orphaned()), [disconnect(7)]);
    let begun = engine.begin(&mut talk.conversation, incoming(&alice, CONNECT, connect_request()));
    let Ok(Next::Forward(mut call)) = begun else { panic!("not forwarded") };
    call.received_in(GROUP);
    let response = Outcome::Response { stub: opened(8).into(), endian: Endian::Little };
    let next = call.resume(response, &mut NoRandom);
    assert!(matches!(&next, Next::Done(finished) if finished.reply().fault().is_some()), "{next:?}");
    assert_eq!(calls(&group.take_orphaned()), [disconnect(8)]);
    assert!(group.is_empty());
}

#[test]
fn a_session_that_ends_without_the_server_is_orphaned() {
    let engine = Engine::new(Stack::new(vec![Box::new(Panics(4))]));
    let (before, after, group) = (caller("a"), caller("a"), table(4));
    let mut talk = RpcClient::new(&engine, &group);
    // A hook panics.
    let handle = connect(&mut talk, &after, 6);
    let _ = talk.send(incoming(&after, (Interface::Emsmdb, 4), [&handle[..], &[0; 40]].concat()));
    assert_eq!(calls(&group.take_orphaned()), [disconnect(6)]);
    // Its account is revoked: at the next call, or when the proxy notices it.
    let handle = connect(&mut talk, &before, 7);
    connect(&mut talk, &before, 8);
    respond(&mut talk, &before, (DERIVE, handle.to_vec()), opened(9));
    before.revoke();
    let refused = talk.send(incoming(&after, (Interface::Emsmdb, 5), [&handle[..], &[0; 40]].concat()));
    assert_eq!(refused.unwrap_err().kind, RefusalKind::NoSession);
    assert_eq!(calls(&group.take_orphaned()), [disconnect(7)]);
    engine.end_revoked_of_group(&group);
    assert_eq!((calls(&group.take_orphaned()), group.len()), (vec![disconnect(8)], 0));
}

#[test]
fn a_session_whose_response_the_client_does_not_receive_is_orphaned() {
    let (engine, alice, group) = (Engine::default(), caller("a"), table(4));
    let mut talk = RpcClient::new(&engine, &group);
    let (mut flight, _) = talk.relayed(incoming(&alice, CONNECT, connect_request()));
    flight.call().received_in(GROUP);
    assert!(matches!(flight.respond(opened(7)), Step::Reply { .. }));
    let step = flight.abort(Refusal::new(RefusalKind::AccessDenied, "revoked"));
    assert!(matches!(step, Step::Fault { .. }) && flight.is_session_ended());
    assert_eq!((calls(&group.take_orphaned()), group.len()), (vec![disconnect(7)], 0));
}

#[test]
fn a_session_that_the_server_ended_is_not_orphaned() {
    let (engine, alice, group) = (Engine::default(), caller("a"), table(4));
    let mut talk = RpcClient::new(&engine, &group);
    let handle = connect(&mut talk, &alice, 7);
    respond(&mut talk, &alice, ((Interface::Emsmdb, 1), handle.to_vec()), vec![0; 24]);
    assert!(group.is_empty());
    connect(&mut talk, &alice, 8);
    // The server closes its association group, including a handle that was to be ended.
    let (mut flight, _) = talk.relayed(incoming(&alice, CONNECT, connect_request()));
    flight.call().received_in(GROUP);
    flight.respond(opened(9));
    flight.abort(Refusal::new(RefusalKind::AccessDenied, "revoked"));
    engine.end_lost(&group, GROUP);
    assert!(group.is_empty() && group.take_orphaned().is_empty());
}

#[test]
fn a_handle_that_is_not_waited_for_counts_and_is_ended_once_the_server_has_opened_it() {
    let (engine, alice, group) = (Engine::default(), caller("a"), table(1));
    let mut talk = RpcClient::new(&engine, &group);
    let opening = unanswered(&mut talk, &alice, (CONNECT, connect_request()));
    assert!(is_too_busy(&mut talk, &alice));
    let orphaned = opening.opened(GROUP, (opened(7).into(), Endian::Little), &mut OsRandom);
    assert_eq!(calls(orphaned.as_slice()), [disconnect(7)]);
    assert!(is_too_busy(&mut talk, &alice));
    drop(orphaned);
    // The server may open none, and of a long response only the beginning is needed.
    let opening = unanswered(&mut talk, &alice, (CONNECT, connect_request()));
    assert!(opening.opened(GROUP, (opened(0).into(), Endian::Little), &mut OsRandom).is_none());
    let opening = unanswered(&mut talk, &alice, (CONNECT, connect_request()));
    let beginning = opened(8)[..20].to_vec();
    let orphaned = opening.opened(GROUP, (beginning.into(), Endian::Little), &mut OsRandom);
    assert_eq!(calls(orphaned.as_slice()), [disconnect(8)]);
    drop(orphaned);
    assert!(group.is_empty() && !is_too_busy(&mut talk, &alice));
}

#[test]
fn a_handle_that_is_not_waited_for_is_taken_from_the_session_that_had_it() {
    let (engine, alice, bob) = (Engine::default(), caller("a"), caller("b"));
    let [hers, his] = [(); 2].map(|()| table(4));
    let (mut alices, mut bobs) = (RpcClient::new(&engine, &hers), RpcClient::new(&engine, &his));
    connect(&mut alices, &alice, 7);
    let opening = unanswered(&mut bobs, &bob, (CONNECT, connect_request()));
    let reports = RecordedReports::of(&engine);
    let orphaned = opening.opened(GROUP, (opened(7).into(), Endian::Little), &mut OsRandom).unwrap();
    assert!(hers.is_empty() && hers.take_orphaned().is_empty());
    assert_eq!(reports.take(), [(alice.identity().clone(), Reissued::ContextHandle)]);
    // It is not ended once the server has issued it to another session.
    assert!(orphaned.call_to_send().is_some());
    connect(&mut alices, &alice, 7);
    assert!(orphaned.call_to_send().is_none());
    drop(orphaned);
    assert_eq!(hers.len(), 1);
}

#[test]
fn a_derived_handle_that_is_not_waited_for_counts_until_its_session_ends() {
    let (engine, alice, bob) = (Engine::default(), caller("a"), caller("b"));
    let [hers, his] = [(); 2].map(|()| table(3));
    let (mut alices, mut bobs) = (RpcClient::new(&engine, &hers), RpcClient::new(&engine, &his));
    let handle = connect(&mut alices, &alice, 6);
    respond(&mut alices, &alice, (DERIVE, handle.to_vec()), opened(7));
    let handle = connect(&mut bobs, &bob, 8);
    let opening = unanswered(&mut bobs, &bob, (DERIVE, handle.to_vec()));
    assert!(opening.opened(GROUP, (opened(7).into(), Endian::Little), &mut OsRandom).is_none());
    // Alice's session has lost the derived handle.
    assert_eq!((hers.len(), his.len()), (1, 2));
    // The session ends while another handle is derived from it.
    let late = unanswered(&mut bobs, &bob, (DERIVE, handle.to_vec()));
    let (mut flight, _) = {
        assert!(is_too_busy(&mut bobs, &bob), "two handles, and the one that is being derived");
        drop(late);
        bobs.relayed(incoming(&bob, DERIVE, handle.to_vec()))
    };
    respond(&mut bobs, &bob, ((Interface::Emsmdb, 1), handle.to_vec()), vec![0; 24]);
    flight.call().received_in(GROUP);
    flight.respond(opened(9));
    assert!(his.is_empty() && his.take_orphaned().is_empty(), "{his:?}");
}

/// The proxy may read a response much later than the server sent it, such as that to a client that does not read.
#[test]
fn a_handle_that_the_server_may_have_issued_to_another_session_since_belongs_to_neither_and_is_not_ended() {
    for is_waited_for in [true, false] {
        let (engine, alice, bob) = (Engine::default(), caller("a"), caller("b"));
        let [hers, his] = [(); 2].map(|()| table(4));
        let (mut alices, mut bobs) = (RpcClient::new(&engine, &hers), RpcClient::new(&engine, &his));
        let (mut flight, _) = alices.relayed(incoming(&alice, CONNECT, connect_request()));
        flight.call().received_in(GROUP);
        // The server has ended her session before it issued the handle to him.
        let other = connect(&mut bobs, &bob, 6);
        let own = connect(&mut bobs, &bob, 7);
        let reports = RecordedReports::of(&engine);
        if is_waited_for {
            let step = flight.respond(opened(7));
            assert!(matches!(step, Step::Fault { .. }), "{step:?}");
        } else {
            let opening = flight.call().take_opening_handle().unwrap();
            assert!(opening.opened(GROUP, (opened(7).into(), Endian::Little), &mut OsRandom).is_none());
        }
        assert_eq!((hers.len(), his.len()), (0, 1));
        let ended = [&bob, &alice].map(|who| (who.identity().clone(), Reissued::ContextHandleInUnknownOrder));
        assert_eq!(reports.take(), ended);
        for group in [&hers, &his] {
            assert_eq!(calls(&group.take_orphaned()), []);
        }
        let call =
            |handle: [u8; 20]| incoming(&bob, (Interface::Emsmdb, 4), [&handle[..], &[0; 40]].concat());
        assert_eq!(bobs.send(call(own)).unwrap_err().kind, RefusalKind::NoSession);
        bobs.relayed(call(other));
        // A call that begins afterwards gets the handle.
        connect(&mut alices, &alice, 7);
        assert_eq!(hers.len(), 1);
    }
}

#[test]
fn an_orphaned_handle_is_not_ended_once_a_session_with_an_unknown_order_has_it() {
    let (engine, alice, bob) = (Engine::default(), caller("a"), caller("b"));
    let [hers, his] = [(); 2].map(|()| table(4));
    let (mut alices, mut bobs) = (RpcClient::new(&engine, &hers), RpcClient::new(&engine, &his));
    let (mut flight, _) = alices.relayed(incoming(&alice, CONNECT, connect_request()));
    let opening = unanswered(&mut bobs, &bob, (CONNECT, connect_request()));
    let orphaned = opening.opened(GROUP, (opened(7).into(), Endian::Little), &mut OsRandom).unwrap();
    assert!(orphaned.call_to_send().is_some());
    assert!(matches!(flight.respond(opened(7)), Step::Fault { .. }));
    assert!(orphaned.call_to_send().is_none() && hers.take_orphaned().is_empty());
}

#[test]
fn a_derived_handle_that_the_server_may_have_issued_to_another_session_since_belongs_to_neither() {
    let (engine, alice, bob) = (Engine::default(), caller("a"), caller("b"));
    let [hers, his] = [(); 2].map(|()| table(4));
    let (mut alices, mut bobs) = (RpcClient::new(&engine, &hers), RpcClient::new(&engine, &his));
    let [own, bobs_own] = [connect(&mut alices, &alice, 6), connect(&mut bobs, &bob, 7)];
    respond(&mut bobs, &bob, (DERIVE, bobs_own.to_vec()), opened(8));
    let (mut flight, _) = alices.relayed(incoming(&alice, DERIVE, own.to_vec()));
    // The server issues it to his session again.
    respond(&mut bobs, &bob, (DERIVE, bobs_own.to_vec()), opened(8));
    assert_eq!(his.len(), 3);
    assert!(matches!(flight.respond(opened(8)), Step::Fault { .. }));
    assert_eq!((hers.len(), his.len()), (1, 1), "both sessions continue");
}

/// grommunio has one handle of the address book for all users, whose sessions continue.
#[test]
fn a_handle_of_the_address_book_is_not_ended_once_the_server_may_have_issued_it_to_another_session() {
    let bound = || [&[0; 8][..], &[7; 16], &[0; 4]].concat();
    for is_order_known in [true, false] {
        let (engine, alice, bob) = (Engine::default(), caller("a"), caller("b"));
        let [hers, his] = [(); 2].map(|()| table(4));
        let (mut alices, mut bobs) = (RpcClient::new(&engine, &hers), RpcClient::new(&engine, &his));
        let (mut late, _) = bobs.relayed(incoming(&bob, BIND, bind_request()));
        let opening = unanswered(&mut alices, &alice, (BIND, bind_request()));
        let orphaned = opening.opened(GROUP, (bound().into(), Endian::Little), &mut OsRandom).unwrap();
        assert!(orphaned.call_to_send().is_some());
        let step = if is_order_known {
            respond(&mut bobs, &bob, (BIND, bind_request()), bound())
        } else {
            late.respond(bound())
        };
        assert!(matches!(step, Step::Reply { .. }), "{step:?}");
        assert!(orphaned.call_to_send().is_none());
        assert_eq!(his.len(), 1);
    }
}

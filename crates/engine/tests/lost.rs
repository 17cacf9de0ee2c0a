//! Sessions whose context handles the upstream has closed, or does not know.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::{
    Engine, FaultStatus, HandleBudget, HandleTable, Interface, Module, Outcome, RefusalKind, SecurityContext,
    Session, Stack, UpstreamRefusal,
};
use testkit::{RpcClient, Step, bind_request, bind_response, caller, connect_ex, incoming};

/// The number of the upstream's association group that the tests use, and another one.
const GROUP: u64 = 1;
const OTHER: u64 = 2;

const MISMATCH: FaultStatus = FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH;

/// Counts the sessions that have ended.
struct Ends(Arc<AtomicUsize>);

impl Module for Ends {
    fn name(&self) -> &'static str {
        "ends"
    }
    fn description(&self) -> &'static str {
        "Counts the sessions that have ended."
    }
    fn unbind(&self, _: &mut Session) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn engine() -> (Engine, Arc<AtomicUsize>) {
    let ends = Arc::new(AtomicUsize::new(0));
    (Engine::new(Stack::new(vec![Box::new(Ends(Arc::clone(&ends)))])), ends)
}

/// Makes a call that opens or derives a handle in the upstream's association group `group`. Returns the client's
/// handle.
fn open(
    talk: &mut RpcClient<'_>,
    who: &SecurityContext,
    call: (Interface, u16),
    request: impl AsRef<[u8]>,
    response: impl AsRef<[u8]>,
    group: u64,
) -> [u8; 20] {
    let (mut flight, _) = talk.relayed(incoming(who, call, request.as_ref().to_vec()));
    flight.call().received_in(group);
    let reply = talk.delivered(&mut flight, response.as_ref().to_vec());
    let at = if call.0 == Interface::Nspi { 4 } else { 0 };
    *reply[at..].first_chunk().unwrap()
}

fn bind(talk: &mut RpcClient<'_>, who: &SecurityContext, number: u8, group: u64) -> [u8; 20] {
    open(talk, who, (Interface::Nspi, 0), bind_request(), bind_response([number; 16]), group)
}

/// Makes a call with `handle`, which the upstream refuses with a context mismatch in its association group `group`.
/// Returns whether the upstream received it.
fn mismatches(
    talk: &mut RpcClient<'_>,
    who: &SecurityContext,
    call: (Interface, u16),
    handle: [u8; 20],
    group: u64,
) -> bool {
    match talk.send(incoming(who, call, [&handle[..], &[0; 40]].concat())) {
        Ok((mut flight, Step::Relay { .. })) => {
            flight.call().received_in(group);
            let step = flight.resume(Outcome::Refused(UpstreamRefusal::Fault(MISMATCH)));
            assert!(matches!(step, Step::Fault { status: MISMATCH, .. }), "{step:?}");
            true
        }
        Ok((_, step)) => panic!("{step:?}"),
        Err(refusal) => {
            assert_eq!(refusal.kind, RefusalKind::NoSession);
            false
        }
    }
}

#[test]
fn the_sessions_of_a_group_that_the_upstream_closed_end_and_give_back_their_limit() {
    let (engine, ends) = engine();
    let alice = caller("a");
    let group = Arc::new(HandleTable::new(Arc::new(HandleBudget::new(2))));
    let mut talk = RpcClient::new(&engine, &group);
    let [lost, kept] = [(7, GROUP), (8, OTHER)].map(|(number, group)| bind(&mut talk, &alice, number, group));
    let full = talk.send(incoming(&alice, (Interface::Nspi, 0), bind_request())).map(drop);
    assert_eq!(full.unwrap_err().kind, RefusalKind::TooBusy);
    engine.end_lost(&group, GROUP);
    assert_eq!((ends.load(Ordering::SeqCst), group.len()), (1, 1));
    assert!(!group.has_upstream_group(GROUP) && group.has_upstream_group(OTHER));
    assert!(!mismatches(&mut talk, &alice, (Interface::Nspi, 3), lost, OTHER));
    bind(&mut talk, &alice, 7, OTHER);
    assert!(mismatches(&mut talk, &alice, (Interface::Nspi, 3), kept, OTHER), "the other session continues");
}

#[test]
fn a_session_ends_if_the_upstream_does_not_know_its_handle_in_the_group_that_opened_it() {
    let (engine, ends) = engine();
    let (alice, group) = (caller("a"), Arc::default());
    let mut talk = RpcClient::new(&engine, &group);
    let handle = bind(&mut talk, &alice, 7, GROUP);
    // The upstream has it still, in another of its groups.
    assert!(mismatches(&mut talk, &alice, (Interface::Nspi, 3), handle, OTHER));
    assert_eq!((ends.load(Ordering::SeqCst), group.len()), (0, 1));
    assert!(mismatches(&mut talk, &alice, (Interface::Nspi, 3), handle, GROUP));
    assert_eq!((ends.load(Ordering::SeqCst), group.len()), (1, 0));
    assert!(!mismatches(&mut talk, &alice, (Interface::Nspi, 3), handle, GROUP));
}

#[test]
fn a_session_continues_without_a_derived_handle_that_the_upstream_does_not_know() {
    let (engine, ends) = engine();
    let (alice, group) = (caller("a"), Arc::default());
    let mut talk = RpcClient::new(&engine, &group);
    let session = connect(&mut talk, &alice, 7, GROUP);
    let derived = [&[0; 4][..], &[8; 16], &[0; 4]].concat();
    let derived = open(&mut talk, &alice, (Interface::Emsmdb, 14), session, derived, GROUP);
    assert_eq!(group.len(), 2);
    assert!(mismatches(&mut talk, &alice, (Interface::AsyncEmsmdb, 0), derived, GROUP));
    assert_eq!((ends.load(Ordering::SeqCst), group.len()), (0, 1));
    assert!(!mismatches(&mut talk, &alice, (Interface::AsyncEmsmdb, 0), derived, GROUP));
    assert!(mismatches(&mut talk, &alice, (Interface::Emsmdb, 4), session, GROUP));
    assert_eq!((ends.load(Ordering::SeqCst), group.len()), (1, 0));
}

#[test]
fn the_server_receives_the_attributes_of_its_handle_whatever_the_client_sends() {
    let (engine, _) = engine();
    let (alice, group) = (caller("a"), Arc::default());
    let mut talk = RpcClient::new(&engine, &group);
    // No server GUID, a handle with attributes, and success.
    let bound = [&[0; 4][..], &[1, 0, 0, 0], &[7; 16], &[0; 4]].concat();
    let handle = open(&mut talk, &alice, (Interface::Nspi, 0), bind_request(), &bound, GROUP);
    assert_eq!(handle[..4], [1, 0, 0, 0]);
    for attributes in [1_u32, 0, 9] {
        let request = [&attributes.to_le_bytes()[..], &handle[4..], &[0; 40]].concat();
        let (_, sent) = talk.relayed(incoming(&alice, (Interface::Nspi, 3), request));
        assert_eq!(sent[..20], bound[4..24]);
    }
}

/// Opens a session of the mailbox store, to which the upstream issues the handle `number`. Returns the client's handle.
fn connect(talk: &mut RpcClient<'_>, who: &SecurityContext, number: u8, group: u64) -> [u8; 20] {
    let request = mapi::emsmdb::Request::EcDoConnectEx(connect_ex("/o=O/cn=a")).encode().unwrap();
    let response = [&[0; 4][..], &[number; 16], &[0; 60]].concat();
    open(talk, who, (Interface::Emsmdb, 10), request, response, group)
}

/// [MS-OXCRPC] 3.1.4.1: the handle is unique, so that the upstream no longer has the session that had it.
#[test]
fn a_store_session_ends_if_the_upstream_issues_its_handle_again() {
    let (engine, ends) = engine();
    let users = ["a", "b", "c"].map(caller);
    let groups: [Arc<HandleTable>; 3] = Default::default();
    let [mut alices, mut bobs, mut carols] = groups.each_ref().map(|group| RpcClient::new(&engine, group));
    let [alice, bob, carol] = &users;
    let alices_handle = connect(&mut alices, alice, 7, GROUP);
    let derived = [&[0; 4][..], &[8; 16], &[0; 4]].concat();
    open(&mut alices, alice, (Interface::Emsmdb, 14), alices_handle, derived, GROUP);
    let other = connect(&mut alices, alice, 9, GROUP);

    let bobs_handle = connect(&mut bobs, bob, 7, OTHER);
    assert_eq!((ends.load(Ordering::SeqCst), groups[0].len()), (1, 1));
    assert!(!mismatches(&mut alices, alice, (Interface::Emsmdb, 4), alices_handle, OTHER));
    assert!(mismatches(&mut alices, alice, (Interface::Emsmdb, 4), other, OTHER), "it has another handle");
    assert!(mismatches(&mut bobs, bob, (Interface::Emsmdb, 4), bobs_handle, GROUP));

    // The end of the first session has not changed whose the handle is.
    connect(&mut carols, carol, 7, GROUP);
    assert_eq!((ends.load(Ordering::SeqCst), groups[1].len()), (2, 0));
}

/// [MS-OXCRPC] 3.1.4.4: the handle of AsyncEMSMDB is derived from that of a session, which continues without it.
#[test]
fn a_derived_handle_is_lost_if_the_upstream_issues_it_to_another_session() {
    let (engine, ends) = engine();
    let [alice, bob] = ["a", "b"].map(caller);
    let groups: [Arc<HandleTable>; 2] = Default::default();
    let [mut alices, mut bobs] = groups.each_ref().map(|group| RpcClient::new(&engine, group));
    // The upstream may use the UUID of the session for its derived handle, as grommunio does.
    let derived = |number: u8| [&[0; 4][..], &[number; 16], &[0; 4]].concat();
    let wait = (Interface::AsyncEmsmdb, 0);
    let derive = (Interface::Emsmdb, 14);
    let alices_handle = connect(&mut alices, &alice, 7, GROUP);
    let first = open(&mut alices, &alice, derive, alices_handle, derived(7), GROUP);
    let again = open(&mut alices, &alice, derive, alices_handle, derived(7), GROUP);
    let kept = open(&mut alices, &alice, derive, alices_handle, derived(5), GROUP);
    assert_eq!(groups[0].len(), 4, "a handle that is issued to the same session again is kept");

    let (mut waiting, _) = alices.relayed(incoming(&alice, wait, first.to_vec()));
    let bobs_handle = connect(&mut bobs, &bob, 8, OTHER);
    let bobs = (open(&mut bobs, &bob, derive, bobs_handle, derived(7), OTHER), bobs);
    for lost in [first, again] {
        assert!(!mismatches(&mut alices, &alice, wait, lost, OTHER));
    }
    assert_eq!((ends.load(Ordering::SeqCst), groups[0].len()), (0, 2));
    let refusal = waiting.call().stub_to_send().unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::NoSession, "a call that waits to be sent");
    for (call, handle) in [((Interface::Emsmdb, 4), alices_handle), (wait, kept)] {
        assert!(mismatches(&mut alices, &alice, call, handle, OTHER));
    }
    let (bobs_derived, mut bobs) = bobs;
    assert!(mismatches(&mut bobs, &bob, wait, bobs_derived, GROUP));
    // The record of a handle ends with the handle.
    connect(&mut alices, &alice, 7, GROUP);
    engine.end_group(&groups[0]);
    let bobs_other = open(&mut bobs, &bob, derive, bobs_handle, derived(5), OTHER);
    assert!(mismatches(&mut bobs, &bob, wait, bobs_other, GROUP));
}

/// grommunio has one handle of the address book for all users of an organization.
#[test]
fn address_book_sessions_with_the_same_handle_of_the_upstream_continue() {
    let (engine, ends) = engine();
    let (alice, bob) = (caller("a"), caller("b"));
    let [mut alices, mut bobs] = [(); 2].map(|()| RpcClient::new(&engine, &Arc::default()));
    let alices_handle = bind(&mut alices, &alice, 7, GROUP);
    bind(&mut bobs, &bob, 7, OTHER);
    assert_eq!(ends.load(Ordering::SeqCst), 0);
    assert!(mismatches(&mut alices, &alice, (Interface::Nspi, 3), alices_handle, OTHER));
}

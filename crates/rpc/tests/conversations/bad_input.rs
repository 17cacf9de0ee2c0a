//! What breaks the rules: each ends in the right fault, a `bind_nak` or a close, and never in a hang.

use bytes::Bytes;
use proptest::prelude::*;
use rpc::association::PeerError;
use rpc::client::{self, ClientAssociation};
use rpc::pdu::{Bind, Body, Pdu, PduType, PfcFlags, PresentationContext, RejectReason, Request, Response};
use rpc::server::{CloseReason, Event, ServerAssociation};
use rpc::{AuthLevel, FaultStatus, SyntaxId};
use wire::{Decode, Encode};

use crate::support::{Pair, TOY, server, server_config};

pub(crate) fn request(call_id: u32, context_id: u16, stub: &[u8]) -> Pdu<'_> {
    Pdu::new(call_id, Body::Request(Request { alloc_hint: 0, context_id, opnum: 1, object: None, stub }))
}

fn fragment(call_id: u32, flags: PfcFlags, stub: &[u8]) -> Vec<u8> {
    let mut pdu = request(call_id, 0, stub);
    pdu.header.flags = flags;
    pdu.to_bytes().unwrap()
}

fn toy_bind(flags: PfcFlags) -> Vec<u8> {
    let context =
        PresentationContext { context_id: 0, abstract_syntax: TOY, transfer_syntaxes: vec![SyntaxId::NDR] };
    let bind = Bind { max_xmit_frag: 5840, max_recv_frag: 5840, assoc_group_id: 0, contexts: vec![context] };
    Pdu::new(1, Body::Bind(bind)).with_flags(flags).to_bytes().unwrap()
}

/// A server that an unauthenticated client has bound to.
pub(crate) fn bound(flags: PfcFlags) -> ServerAssociation {
    let mut server = server(server_config());
    server.receive(&toy_bind(flags));
    assert_eq!(server.poll_event(), None);
    server.take_output();
    server
}

pub(crate) fn closed(server: &mut ServerAssociation) -> CloseReason {
    match server.poll_event() {
        Some(Event::Closed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn fault(server: &mut ServerAssociation) -> FaultStatus {
    let output = server.take_output();
    match Pdu::from_bytes(&output).unwrap().body {
        Body::Fault(fault) => fault.status,
        other => panic!("{other:?}"),
    }
}

fn proto_error(mut server: ServerAssociation, bytes: &[u8]) {
    server.receive(bytes);
    let reason = closed(&mut server);
    let broke_it = matches!(reason, CloseReason::Peer(PeerError::Protocol(_) | PeerError::Malformed(_)));
    assert!(broke_it, "{reason:?}");
    assert_eq!(fault(&mut server), FaultStatus::NCA_S_PROTO_ERROR);
    assert!(!server.wants_input());
    // What still arrives is not even stored.
    server.receive(bytes);
    assert_eq!(server.poll_event(), None);
}

#[test]
fn a_wrong_length_ends_the_association() {
    let mut bytes = request(1, 0, b"stub").to_bytes().unwrap();
    bytes[8] = 8;
    let mut server = bound(PfcFlags::NONE);
    server.receive(&bytes);
    assert!(matches!(closed(&mut server), CloseReason::Peer(PeerError::Frame(_))));

    bytes[8..10].copy_from_slice(&60_000_u16.to_le_bytes());
    let mut server = bound(PfcFlags::NONE);
    server.receive(&bytes);
    assert!(matches!(closed(&mut server), CloseReason::Peer(PeerError::Frame(_))));
    assert_eq!(fault(&mut server), FaultStatus::NCA_S_PROTO_ERROR);
}

#[test]
fn bytes_may_arrive_one_at_a_time() {
    let mut server = server(server_config());
    let bytes = [toy_bind(PfcFlags::NONE), request(1, 0, b"stub").to_bytes().unwrap()].concat();
    let mut events = Vec::new();
    for byte in &bytes {
        server.receive(&[*byte]);
        events.extend(server.poll_event());
    }
    assert!(matches!(events.as_slice(), [Event::Request(request)] if *request.stub == *b"stub"));
}

#[test]
fn a_request_without_its_fields_is_a_protocol_error() {
    let short = [&[5, 0, 0, 3, 0x10, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0][..], &[0; 4]].concat();
    proto_error(bound(PfcFlags::NONE), &short);
}

#[test]
fn a_pdu_out_of_order_is_a_protocol_error() {
    let all = PfcFlags::FIRST_FRAG | PfcFlags::LAST_FRAG;
    let fresh = || server(server_config());
    proto_error(fresh(), &request(1, 0, b"").to_bytes().unwrap());
    proto_error(fresh(), &Pdu::new(1, Body::AlterContext(Bind::default())).to_bytes().unwrap());
    proto_error(fresh(), &Pdu::new(1, Body::CoCancel).to_bytes().unwrap());
    proto_error(fresh(), &Pdu::new(1, Body::Auth3([0; 4])).to_bytes().unwrap());
    proto_error(bound(all), &Pdu::new(1, Body::Auth3([0; 4])).to_bytes().unwrap());
    proto_error(bound(all), &Pdu::new(1, Body::Shutdown).to_bytes().unwrap());
    proto_error(bound(all), &fragment(1, PfcFlags::LAST_FRAG, b"the middle of nothing"));
    let mut version = request(1, 0, b"").to_bytes().unwrap();
    version[0] = 4;
    proto_error(bound(all), &version);
}

#[test]
fn a_bind_that_makes_no_sense_is_rejected() {
    let rejected = |bytes: &[u8]| {
        let mut server = server(server_config());
        server.receive(bytes);
        let reason = CloseReason::Rejected(RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED);
        assert_eq!(closed(&mut server), reason);
        let output = server.take_output();
        let Body::BindNak(nak) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
        assert_eq!(nak.versions, [(5, 0)]);
    };
    let mut version = toy_bind(PfcFlags::NONE);
    version[0] = 6;
    rejected(&version);
    let mut contexts = toy_bind(PfcFlags::NONE);
    contexts[24] = 200;
    rejected(&contexts);
}

#[test]
fn a_bind_without_contexts_is_rejected_without_a_reason_code() {
    let mut server = server(server_config());
    server.receive(&Pdu::new(1, Body::Bind(Bind::default())).to_bytes().unwrap());
    let reason = closed(&mut server);
    assert_eq!(reason.to_string(), "bind rejected: bind without a presentation context");
    let output = server.take_output();
    let Body::BindNak(nak) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
    assert_eq!(nak.reason, RejectReason::REASON_NOT_SPECIFIED);
}

#[test]
fn a_verifier_longer_than_its_pdu_gets_a_fault() {
    let all = PfcFlags::FIRST_FRAG | PfcFlags::LAST_FRAG;
    let lying = |mut bytes: Vec<u8>| {
        bytes[10..12].copy_from_slice(&9000_u16.to_le_bytes());
        bytes
    };
    let mut bound = bound(all);
    bound.receive(&lying(request(1, 0, b"stub").to_bytes().unwrap()));
    assert!(matches!(closed(&mut bound), CloseReason::Peer(PeerError::Frame(_))));
    assert_eq!(fault(&mut bound), FaultStatus::NCA_S_PROTO_ERROR);
    let mut fresh = server(server_config());
    fresh.receive(&lying(toy_bind(PfcFlags::NONE)));
    assert!(matches!(closed(&mut fresh), CloseReason::Peer(PeerError::Frame(_))));
    let output = fresh.take_output();
    let Body::BindNak(nak) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
    assert_eq!(nak.reason, RejectReason::PROTOCOL_VERSION_NOT_SUPPORTED);
}

#[test]
fn an_unknown_type_and_a_type_of_servers_have_different_errors() {
    let all = PfcFlags::FIRST_FRAG | PfcFlags::LAST_FRAG;
    for (ptype, expected) in [(99, "not connection-oriented"), (12, "only servers send")] {
        let mut bytes = request(1, 0, b"").to_bytes().unwrap();
        bytes[2] = ptype;
        let mut server = bound(all);
        server.receive(&bytes);
        let reason = closed(&mut server).to_string();
        assert!(reason.contains(expected), "{ptype}: {reason}");
        assert_eq!(fault(&mut server), FaultStatus::NCA_S_PROTO_ERROR);
    }
}

#[test]
fn fragments_of_accepted_calls_count_unless_they_are_short() {
    let mut server = bound(PfcFlags::FIRST_FRAG | PfcFlags::LAST_FRAG);
    let long = vec![0; 1024];
    for (flags, stub, count) in
        [(PfcFlags::FIRST_FRAG, &long[..], 1), (PfcFlags::NONE, b"short", 1), (PfcFlags::NONE, &long[..], 2)]
    {
        server.receive(&fragment(1, flags, stub));
        assert_eq!(server.poll_event(), None);
        assert_eq!(server.fragments(), count);
    }
}

#[test]
fn a_call_id_in_use_is_a_protocol_error() {
    let mut server = bound(PfcFlags::CONC_MPX);
    server.receive(&request(5, 0, b"").to_bytes().unwrap());
    assert!(matches!(server.poll_event(), Some(Event::Request(_))));
    proto_error(server, &request(5, 0, b"").to_bytes().unwrap());

    // After the response, the call id can be used again.
    let mut server = bound(PfcFlags::CONC_MPX);
    for _ in 0..3 {
        server.receive(&request(5, 0, b"").to_bytes().unwrap());
        assert!(matches!(server.poll_event(), Some(Event::Request(_))));
        server.respond(5, b"").unwrap();
    }
}

#[test]
fn a_concurrent_call_needs_negotiated_multiplexing() {
    let mut server = bound(PfcFlags::NONE);
    server.receive(&request(5, 0, b"").to_bytes().unwrap());
    assert!(matches!(server.poll_event(), Some(Event::Request(_))));
    proto_error(server, &request(6, 0, b"").to_bytes().unwrap());
}

/// The fault that a closed association sent: its call, its context, whether it says that nothing was done,
/// and why.
pub(crate) fn whole_fault(server: &mut ServerAssociation) -> (u32, u16, bool, FaultStatus) {
    let output = server.take_output();
    let pdu = Pdu::from_bytes(&output).unwrap();
    let Body::Fault(fault) = pdu.body else { panic!("{pdu:?}") };
    let did_not_execute = pdu.header.flags.contains(PfcFlags::DID_NOT_EXECUTE);
    (pdu.header.call_id, fault.context_id, did_not_execute, fault.status)
}

/// [MS-RPCE] 3.3.1.5.8: all fragments of a call are sent before the next call.
#[test]
fn a_call_begun_before_the_last_fragment_of_another_is_a_protocol_error() {
    // Without concurrent calls the incomplete call fails, with them the one that was sent too early.
    for (flags, failed) in [(PfcFlags::NONE, 7), (PfcFlags::CONC_MPX, 8)] {
        let mut server = bound(flags);
        server.receive(&fragment(7, PfcFlags::FIRST_FRAG, b"one "));
        server.receive(&fragment(8, PfcFlags::FIRST_FRAG, b"two "));
        assert!(matches!(closed(&mut server), CloseReason::Peer(PeerError::Protocol(_))));
        assert_eq!(whole_fault(&mut server), (failed, 0, false, FaultStatus::NCA_S_PROTO_ERROR));
    }
}

#[test]
fn a_request_with_a_pending_cancel_is_not_executed() {
    let pending_cancel = PfcFlags::SUPPORT_HEADER_SIGN;
    let mut server = bound(PfcFlags::NONE);
    server.receive(&fragment(3, PfcFlags::FIRST_FRAG | pending_cancel, b"x"));
    assert!(matches!(closed(&mut server), CloseReason::Peer(PeerError::Protocol(_))));
    assert_eq!(whole_fault(&mut server), (3, 0, true, FaultStatus::RPC_S_NO_CALL_ACTIVE));
    // In later fragments it only requests a cancel, and the call continues.
    let mut server = bound(PfcFlags::NONE);
    server.receive(&fragment(3, PfcFlags::FIRST_FRAG, b"x"));
    server.receive(&fragment(3, PfcFlags::LAST_FRAG | pending_cancel, b"y"));
    assert!(matches!(server.poll_event(), Some(Event::Request(request)) if *request.stub == *b"xy"));
}

#[test]
fn a_second_bind_is_rejected() {
    let mut server = bound(PfcFlags::NONE);
    server.receive(&toy_bind(PfcFlags::NONE));
    let reason = closed(&mut server).to_string();
    assert_eq!(reason, "bind rejected: connection already bound");
    let output = server.take_output();
    // The versions are followed by padding ([MS-RPCE] 2.2.2.9).
    assert_eq!(output.len(), 24);
    let Body::BindNak(nak) = Pdu::from_bytes(&output).unwrap().body else { panic!() };
    assert_eq!(nak.reason, RejectReason::REASON_NOT_SPECIFIED);
}

#[test]
fn fragments_that_contradict_their_call_are_a_protocol_error() {
    let mut server = bound(PfcFlags::NONE);
    server.receive(&fragment(1, PfcFlags::FIRST_FRAG, b""));
    assert_eq!(server.poll_event(), None);
    let mut other = fragment(1, PfcFlags::LAST_FRAG, b"");
    other[4] = 0x11;
    proto_error(server, &other);
    let mut server = bound(PfcFlags::NONE);
    server.receive(&fragment(1, PfcFlags::FIRST_FRAG, b""));
    proto_error(server, &fragment(1, PfcFlags::FIRST_FRAG, b""));
}

#[test]
fn a_client_whose_pdus_make_no_progress_loses_its_association() {
    let stalled = |server: &mut ServerAssociation, pdu: &[u8]| {
        for count in 1..1000 {
            server.receive(pdu);
            match server.poll_event() {
                None | Some(Event::Cancel { .. }) => {}
                Some(Event::Closed { reason }) => return (reason, count),
                other => panic!("{other:?}"),
            }
        }
        panic!("the association continues");
    };
    let stalls = (CloseReason::Peer(PeerError::Stalled), 257);
    let cancel = Pdu::new(1, Body::CoCancel).to_bytes().unwrap();
    let empty = fragment(1, PfcFlags::NONE, b"");
    let mut server = bound(PfcFlags::NONE);
    server.receive(&fragment(1, PfcFlags::FIRST_FRAG, b"x"));
    assert_eq!(stalled(&mut server, &empty), stalls);
    assert_eq!(fault(&mut server), FaultStatus::NCA_S_PROTO_ERROR);
    // Of a call that is active, and of no call.
    for active in [true, false] {
        let mut server = bound(PfcFlags::NONE);
        if active {
            server.receive(&request(1, 0, b"").to_bytes().unwrap());
            assert!(matches!(server.poll_event(), Some(Event::Request(_))));
        }
        assert_eq!(stalled(&mut server, &cancel), stalls);
    }
    // Orphaned calls that do not exist, and contexts that are accepted already.
    let mut alter = toy_bind(PfcFlags::NONE);
    alter[2] = PduType::ALTER_CONTEXT.0;
    for pdu in [Pdu::new(1, Body::Orphaned).to_bytes().unwrap(), alter] {
        assert_eq!(stalled(&mut bound(PfcFlags::NONE), &pdu), stalls);
        // PDUs of several kinds count together.
        let mut server = bound(PfcFlags::NONE);
        (0..200).for_each(|_| server.receive(&pdu));
        assert_eq!(stalled(&mut server, &cancel).1, 57);
    }
    // An `orphaned` PDU that ends a call is progress.
    let orphaned = Pdu::new(1, Body::Orphaned).to_bytes().unwrap();
    let mut server = bound(PfcFlags::NONE);
    for _ in 0..300 {
        server.receive(&request(1, 0, b"").to_bytes().unwrap());
        assert!(matches!(server.poll_event(), Some(Event::Request(_))));
        server.receive(&orphaned);
        assert_eq!(server.poll_event(), Some(Event::Orphaned { call_id: 1 }));
    }
    // A fragment with content between them is progress.
    let mut server = bound(PfcFlags::NONE);
    server.receive(&fragment(1, PfcFlags::FIRST_FRAG, b"x"));
    for _ in 0..10 {
        (0..200).for_each(|_| server.receive(&empty));
        server.receive(&fragment(1, PfcFlags::NONE, b"y"));
        assert_eq!(server.poll_event(), None);
    }
}

#[test]
fn a_server_whose_pdus_make_no_progress_loses_its_association() {
    for shutdown in [true, false] {
        let mut client = called();
        client.receive(&response(PfcFlags::FIRST_FRAG, b""));
        let idle = response(PfcFlags::NONE, b"");
        let pdu = if shutdown { Pdu::new(0, Body::Shutdown).to_bytes().unwrap() } else { idle };
        for _ in 0..256 {
            client.receive(&pdu);
            assert_eq!(client.poll_event(), shutdown.then_some(client::Event::Shutdown));
        }
        client.receive(&pdu);
        let error = if shutdown { PeerError::Stalled } else { PeerError::ShortFragments };
        let reason = client::CloseReason::Peer(error);
        assert_eq!(client.poll_event(), Some(client::Event::Closed { reason }));
    }
}

/// A client whose call 2 waits for the response.
fn called() -> ClientAssociation {
    let mut client = Pair::bound(AuthLevel::NONE).client;
    assert_eq!(client.call(0, 1, None, Bytes::new()), Ok(2));
    client
}

/// A fragment of the response to call 2.
fn response(flags: PfcFlags, stub: &[u8]) -> Vec<u8> {
    let response = Response { alloc_hint: 0, context_id: 0, cancel_count: 0, reserved: 0, stub };
    let mut pdu = Pdu::new(2, Body::Response(response));
    pdu.header.flags = flags;
    pdu.to_bytes().unwrap()
}

#[test]
fn a_server_whose_response_has_too_many_short_fragments_loses_its_association() {
    let empty = response(PfcFlags::NONE, b"").repeat(250);
    let byte = response(PfcFlags::NONE, b"x");
    for fragments in [byte.repeat(258), [&*empty, &byte].concat().repeat(2)] {
        let mut client = called();
        client.receive(&response(PfcFlags::FIRST_FRAG, b"x"));
        client.receive(&fragments);
        let reason = client::CloseReason::Peer(PeerError::ShortFragments);
        assert_eq!(client.poll_event(), Some(client::Event::Closed { reason }));
    }
}

#[test]
fn a_response_may_have_some_short_fragments_and_many_longer_ones() {
    for (count, length) in [(256, 1), (10_000, 256)] {
        let mut client = called();
        client.receive(&response(PfcFlags::FIRST_FRAG, b"x"));
        client.receive(&response(PfcFlags::NONE, &vec![7; length]).repeat(count - 1));
        client.receive(&response(PfcFlags::LAST_FRAG, b"x"));
        let Some(client::Event::Response(response)) = client.poll_event() else { panic!() };
        assert_eq!(response.stub.len(), (count - 1) * length + 2);
    }
}

#[test]
fn unfinished_stubs_are_bounded() {
    let mut server = bound(PfcFlags::CONC_MPX);
    let mut sent = 0;
    for number in 0..1000 {
        let flags = if number == 0 { PfcFlags::FIRST_FRAG } else { PfcFlags::NONE };
        server.receive(&fragment(1, flags, &[7; 5000]));
        sent += 5000;
        if let Some(event) = server.poll_event() {
            assert_eq!(event, Event::Closed { reason: CloseReason::Peer(PeerError::StubTooLong) });
            assert!(sent <= (1 << 20) + 5000);
            return;
        }
    }
    panic!("never refused");
}

#[test]
fn a_call_on_an_unknown_context_gets_a_fault_and_the_association_continues() {
    let mut server = bound(PfcFlags::NONE);
    let mut first = fragment(9, PfcFlags::FIRST_FRAG, b"x");
    first[20] = 7;
    let mut last = fragment(9, PfcFlags::LAST_FRAG, b"y");
    last[20] = 7;
    server.receive(&first);
    server.receive(&last);
    assert_eq!(server.poll_event(), None);
    assert_eq!(fault(&mut server), FaultStatus::NCA_S_UNK_IF);
    server.receive(&request(10, 0, b"").to_bytes().unwrap());
    assert!(matches!(server.poll_event(), Some(Event::Request(_))));
}

#[test]
fn a_response_to_an_unknown_call_ends_the_association() {
    let mut pair = Pair::bound(AuthLevel::NONE);
    let response =
        rpc::pdu::Response { alloc_hint: 0, context_id: 0, cancel_count: 0, reserved: 0, stub: b"" };
    pair.client.receive(&Pdu::new(99, Body::Response(response)).to_bytes().unwrap());
    assert!(matches!(
        pair.client.poll_event(),
        Some(client::Event::Closed { reason: client::CloseReason::Peer(PeerError::Protocol(_)) })
    ));
    let mut pair = Pair::bound(AuthLevel::NONE);
    pair.client.receive(&toy_bind(PfcFlags::NONE));
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Closed { .. })));
}

#[test]
fn big_endian_clients_are_served() {
    let mut server = bound(PfcFlags::NONE);
    let bytes = [
        &[5, 0, 0, 3, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0, 0, 9][..],
        &[0, 0, 0, 4, 0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe],
    ];
    server.receive(&bytes.concat());
    let Some(Event::Request(request)) = server.poll_event() else { panic!() };
    assert_eq!((request.call_id, request.opnum, request.endian), (9, 1, wire::Endian::Big));
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(
        pieces in proptest::collection::vec((0_u8..20, any::<u8>(), proptest::collection::vec(any::<u8>(), 8..60)), 1..12),
    ) {
        let mut server = bound(PfcFlags::CONC_MPX);
        let mut client = Pair::bound(AuthLevel::PKT_PRIVACY).client;
        for (ptype, flags, rest) in pieces {
            let length = u8::try_from(rest.len() + 8).unwrap();
            let mut bytes = vec![5, 0, ptype, flags, 0x10, 0, 0, 0];
            bytes.extend(rest);
            bytes[8..12].copy_from_slice(&[length, 0, flags & 8, 0]);
            server.receive(&bytes);
            client.receive(&bytes);
            while server.poll_event().is_some() {}
            while client.poll_event().is_some() {}
        }
        // Memory is kept only for received bytes.
        prop_assert!(server.output_len() < 10_000);
    }
}

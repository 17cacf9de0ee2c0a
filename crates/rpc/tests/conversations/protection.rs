//! PDUs without the negotiated protection, and calls within a handshake.

use bytes::Bytes;
use rpc::association::PeerError;
use rpc::client::{self, ClientConfig};
use rpc::pdu::{AuthVerifier, Bind, Body, Pdu, PfcFlags, SecTrailer};
use rpc::server::{AuthOutcome, CloseReason, Event, ServerAssociation};
use rpc::{AuthLevel, AuthType, FaultStatus};
use wire::Encode;

use crate::bad_input::{bound, closed, fault, request, whole_fault};
use crate::support::{Pair, TOY, Toy, server_config};

/// A sealed call, and the server that it is meant for.
fn sealed(level: AuthLevel) -> (Pair, Vec<u8>) {
    let mut pair = Pair::bound(level);
    pair.client.call(0, 1, None, Bytes::from_static(b"a stub of some length")).unwrap();
    let bytes = pair.client.take_output().to_vec();
    (pair, bytes)
}

#[test]
fn a_bit_flipped_anywhere_in_a_sealed_pdu_is_detected() {
    let length = sealed(AuthLevel::PKT_PRIVACY).1.len();
    for level in [AuthLevel::PKT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY] {
        for place in 0..length {
            for bit in 0..8 {
                let (mut pair, mut bytes) = sealed(level);
                bytes[place] ^= 1 << bit;
                pair.server.receive(&bytes);
                let event = pair.server.poll_event();
                // A length that grew leaves the server waiting for more; nothing is ever let through.
                let waits = event.is_none() && pair.server.active_calls() == 0;
                assert!(
                    waits && (2..10).contains(&place) || matches!(event, Some(Event::Closed { .. })),
                    "{place} {event:?}"
                );
            }
        }
    }
}

#[test]
fn a_wrong_signature_gets_the_security_packages_fault() {
    let (mut pair, mut bytes) = sealed(AuthLevel::PKT_PRIVACY);
    *bytes.last_mut().unwrap() ^= 1;
    pair.server.receive(&bytes);
    assert_eq!(closed(&mut pair.server), CloseReason::Peer(PeerError::BadSignature));
    pair.client.receive(&pair.server.take_output());
    let event = pair.client.poll_event().unwrap();
    assert!(matches!(event, client::Event::Fault { status: FaultStatus::RPC_S_SEC_PKG_ERROR, .. }));
}

#[test]
fn replayed_and_reordered_pdus_are_detected() {
    let (mut pair, bytes) = sealed(AuthLevel::PKT_PRIVACY);
    pair.server.receive(&bytes);
    assert!(matches!(pair.server.poll_event(), Some(Event::Request(_))));
    pair.server.respond(2, b"").unwrap();
    pair.server.receive(&bytes);
    assert_eq!(closed(&mut pair.server), CloseReason::Peer(PeerError::BadSignature));

    let (mut pair, first) = sealed(AuthLevel::PKT_INTEGRITY);
    pair.client.call(0, 2, None, Bytes::new()).unwrap();
    let second = pair.client.take_output();
    pair.server.receive(&second);
    pair.server.receive(&first);
    assert_eq!(closed(&mut pair.server), CloseReason::Peer(PeerError::BadSignature));
}

#[test]
fn weaker_or_other_protection_than_negotiated_is_denied() {
    let denied = |level, change: &dyn Fn(&mut Vec<u8>)| {
        let (mut pair, mut bytes) = sealed(level);
        change(&mut bytes);
        pair.server.receive(&bytes);
        assert_eq!(closed(&mut pair.server), CloseReason::Peer(PeerError::NotProtected));
        assert_eq!(fault(&mut pair.server), FaultStatus::ACCESS_DENIED);
    };
    for level in [AuthLevel::PKT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY] {
        let trailer = |bytes: &Vec<u8>| bytes.len() - 24;
        // No verifier at all.
        denied(level, &|bytes| *bytes = request(3, 0, b"bare").to_bytes().unwrap());
        // A security context that does not exist, another package, a weaker level.
        denied(level, &|bytes| {
            let place = trailer(bytes) + 4;
            bytes[place] ^= 1;
        });
        denied(level, &|bytes| {
            let place = trailer(bytes);
            bytes[place] = 16;
        });
        denied(level, &|bytes| {
            let place = trailer(bytes) + 1;
            bytes[place] = 2;
        });
    }
}

#[test]
fn a_call_in_the_middle_of_its_handshake_is_a_protocol_error() {
    let mut pair = Pair::new(ClientConfig::default(), server_config());
    pair.client.bind(&[(0, TOY)], Some(crate::support::ntlm(AuthLevel::PKT_PRIVACY))).unwrap();
    pair.server.receive(&pair.client.take_output());
    assert_eq!(crate::support::poll_server(&mut pair.server), []);
    pair.server.take_output();
    pair.server.receive(&request(2, 0, b"early").to_bytes().unwrap());
    assert!(matches!(closed(&mut pair.server), CloseReason::Peer(PeerError::Protocol(_))));
    assert_eq!(whole_fault(&mut pair.server), (2, 0, true, FaultStatus::NCA_S_PROTO_ERROR));
}

#[test]
fn a_response_without_the_negotiated_protection_ends_the_association() {
    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    let request = pair.arrive(0, 1, b"");
    let response =
        rpc::pdu::Response { alloc_hint: 0, context_id: 0, cancel_count: 0, reserved: 0, stub: b"forged" };
    pair.client.receive(&Pdu::new(request.call_id, Body::Response(response)).to_bytes().unwrap());
    let reason = client::CloseReason::Peer(PeerError::NotProtected);
    assert_eq!(pair.client.poll_event(), Some(client::Event::Closed { reason }));

    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    let request = pair.arrive(0, 1, b"");
    pair.server.respond(request.call_id, b"answer").unwrap();
    let mut bytes = pair.server.take_output().to_vec();
    bytes[25] ^= 0x10;
    pair.client.receive(&bytes);
    let reason = client::CloseReason::Peer(PeerError::BadSignature);
    assert_eq!(pair.client.poll_event(), Some(client::Event::Closed { reason }));
}

#[test]
fn only_faults_of_calls_that_were_not_executed_say_so() {
    // The context and the operation are unknown; the association continues.
    let mut server = bound(PfcFlags::NONE);
    server.receive(&request(4, 9, b"").to_bytes().unwrap());
    assert_eq!(server.poll_event(), None);
    assert_eq!(whole_fault(&mut server), (4, 0, true, FaultStatus::NCA_S_UNK_IF));
    for (status, rejected) in
        [(FaultStatus::NCA_S_OP_RNG_ERROR, true), (FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH, false)]
    {
        server.receive(&request(5, 0, b"").to_bytes().unwrap());
        assert!(matches!(server.poll_event(), Some(Event::Request(_))));
        server.fault(5, status, false).unwrap();
        assert_eq!(whole_fault(&mut server), (5, 0, rejected, status));
    }
    // A call that breaks the rules, in a context that has a number.
    let (mut pair, mut bytes) = sealed(AuthLevel::PKT_PRIVACY);
    let length = bytes.len();
    bytes[length - 23] = 2;
    pair.server.receive(&bytes);
    assert_eq!(closed(&mut pair.server), CloseReason::Peer(PeerError::NotProtected));
    assert!(!whole_fault(&mut pair.server).2);
}

/// The `sec_trailer` of the security context `id` at `level`.
fn trailer(id: u32, level: AuthLevel) -> SecTrailer {
    SecTrailer {
        auth_type: AuthType::WINNT,
        auth_level: level,
        auth_pad_length: 0,
        auth_reserved: 0,
        auth_context_id: id,
    }
}

/// Completes the handshake of the security context `id` at `level` by an `alter_context`.
fn authenticate(server: &mut ServerAssociation, id: u32, level: AuthLevel) {
    let alter = Bind { max_xmit_frag: 4280, max_recv_frag: 4280, assoc_group_id: 0, contexts: Vec::new() };
    let auth = AuthVerifier { trailer: trailer(id, level), token: b"token" };
    server.receive(&Pdu::new(1, Body::AlterContext(alter)).with_auth(Some(auth)).to_bytes().unwrap());
    assert!(matches!(server.poll_event(), Some(Event::Authenticate { .. })));
    let protection = level.protects().then(|| Toy::boxed(u64::from(id)));
    server.resume_handshake(id, AuthOutcome::Done { token: None, protection }).unwrap();
    server.take_output();
}

/// A server at which a client has two security contexts of the level connect.
fn connected_twice() -> ServerAssociation {
    let mut server = bound(PfcFlags::NONE);
    for id in [1, 2] {
        authenticate(&mut server, id, AuthLevel::CONNECT);
    }
    server
}

/// A fragment of call 5 whose verifier, if it has one, names the security context `named`.
fn fragment(flags: PfcFlags, named: Option<(u32, AuthLevel)>) -> Vec<u8> {
    let auth = named.map(|(id, level)| AuthVerifier { trailer: trailer(id, level), token: &[0; 16] });
    let mut pdu = request(5, 0, b"part").with_auth(auth);
    pdu.header.flags = flags;
    pdu.to_bytes().unwrap()
}

#[test]
fn a_call_whose_fragments_name_two_security_contexts_is_not_executed() {
    let (first, second) = (Some((1, AuthLevel::CONNECT)), Some((2, AuthLevel::CONNECT)));
    let denied = FaultStatus::ACCESS_DENIED;
    for (begun, ended, status) in [
        (first, second, denied),
        (second, first, denied),
        (first, Some((1, AuthLevel::PKT)), denied),
        (first, Some((3, AuthLevel::CONNECT)), denied),
        (first, Some((4, AuthLevel::PKT_INTEGRITY)), denied),
        // Calls without a verifier are anonymous here.
        (first, None, FaultStatus::NCA_S_PROTO_ERROR),
        (None, first, FaultStatus::NCA_S_PROTO_ERROR),
    ] {
        let mut server = connected_twice();
        server.receive(&fragment(PfcFlags::FIRST_FRAG, begun));
        assert_eq!(server.poll_event(), None);
        // A handshake may end within a call, which belongs to its first context nevertheless.
        authenticate(&mut server, 3, AuthLevel::CONNECT);
        authenticate(&mut server, 4, AuthLevel::PKT_INTEGRITY);
        server.receive(&fragment(PfcFlags::LAST_FRAG, ended));
        assert!(matches!(closed(&mut server), CloseReason::Peer(_)), "{begun:?} {ended:?}");
        assert_eq!(fault(&mut server), status, "{begun:?} {ended:?}");
    }
}

#[test]
fn a_call_keeps_its_security_context_whatever_happens_between_its_fragments() {
    for named in [Some((1, AuthLevel::CONNECT)), None] {
        let mut server = connected_twice();
        server.receive(&fragment(PfcFlags::FIRST_FRAG, named));
        server.receive(&Pdu::new(5, Body::CoCancel).to_bytes().unwrap());
        server.receive(&Pdu::new(6, Body::Orphaned).to_bytes().unwrap());
        assert_eq!(server.poll_event(), None);
        authenticate(&mut server, 3, AuthLevel::CONNECT);
        server.receive(&fragment(PfcFlags::LAST_FRAG, named));
        let Some(Event::Request(request)) = server.poll_event() else { panic!("{named:?}") };
        assert_eq!(request.security.map(|security| security.auth_context_id), named.map(|(id, _)| id));
        assert_eq!(*request.stub, *b"partpart");
    }
}

#[test]
fn a_fragment_after_its_call_was_orphaned_and_an_auth3_within_a_call_end_the_association() {
    let named = Some((1, AuthLevel::CONNECT));
    let auth = AuthVerifier { trailer: trailer(1, AuthLevel::CONNECT), token: b"token" };
    let auth3 = Pdu::new(5, Body::Auth3([0; 4])).with_auth(Some(auth)).to_bytes().unwrap();
    let orphaned = Pdu::new(5, Body::Orphaned).to_bytes().unwrap();
    for ends in [auth3, [orphaned, fragment(PfcFlags::LAST_FRAG, named)].concat()] {
        let mut server = connected_twice();
        server.receive(&fragment(PfcFlags::FIRST_FRAG, named));
        server.receive(&ends);
        assert!(matches!(closed(&mut server), CloseReason::Peer(PeerError::Protocol(_))));
        assert_eq!(server.active_calls(), 0);
    }
}

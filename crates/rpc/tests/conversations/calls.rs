//! Calls and responses.

use bytes::Bytes;
use proptest::prelude::*;
use rpc::association::PeerError;
use rpc::client::{self, CallError, ClientConfig};
use rpc::pdu::{Body, Pdu, PfcFlags, Response};
use rpc::server::{self, RequestSecurity, ResponseError, ServerConfig};
use rpc::verification::VerificationTrailer;
use rpc::{AuthLevel, FaultStatus, SyntaxId};
use wire::{Encode as _, Endian, Guid};

use crate::support::{Pair, TOY, server_config};

const LEVELS: [AuthLevel; 5] =
    [AuthLevel::NONE, AuthLevel::CONNECT, AuthLevel::PKT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY];

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251).to_le_bytes()[0]).collect()
}

#[test]
fn a_call_gets_its_response_at_every_level() {
    for level in LEVELS {
        let mut pair = Pair::bound(level);
        let request = pair.arrive(0, 7, b"question");
        assert_eq!((request.interface, request.opnum, &*request.stub), (TOY, 7, &b"question"[..]));
        let security = RequestSecurity { auth_context_id: 79_231, level };
        assert_eq!(request.security, (level > AuthLevel::NONE).then_some(security));
        pair.server.respond(request.call_id, b"answer").unwrap();
        let expected = client::Response {
            call_id: request.call_id,
            stub: Bytes::from_static(b"answer"),
            endian: Endian::Little,
        };
        assert_eq!(pair.settle().0, [client::Event::Response(expected)]);
    }
}

#[test]
fn no_more_is_processed_than_the_quota() {
    let mut pair = Pair::bound(AuthLevel::NONE);
    for stub in [&b"first"[..], &[7; 3000], b"third"] {
        pair.client.call(0, 7, None, Bytes::copy_from_slice(stub)).unwrap();
    }
    let (before, bytes) = (pair.server.processed(), pair.client.take_output());
    pair.server.set_quota(2);
    pair.server.receive(&bytes);
    let stub = |event| match event {
        Some(server::Event::Request(request)) => Some(request.stub.len()),
        None => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(stub(pair.server.poll_event()), Some(5));
    assert!(!pair.server.is_over_quota());
    assert_eq!(stub(pair.server.poll_event()), Some(3000));
    // The long one was more than was left.
    assert_eq!(pair.server.processed() - before, 1 + 3);
    assert!(pair.server.is_over_quota());
    assert_eq!(stub(pair.server.poll_event()), None);
    pair.server.set_quota(1);
    assert!(!pair.server.is_over_quota());
    assert_eq!(stub(pair.server.poll_event()), Some(5));
    assert!(!pair.server.is_over_quota(), "nothing waits");
}

#[test]
fn no_more_of_a_response_is_processed_than_the_quota() {
    let mut pair = Pair::bound(AuthLevel::NONE);
    pair.client.call(0, 7, None, Bytes::new()).unwrap();
    pair.server.receive(&pair.client.take_output());
    let Some(server::Event::Request(request)) = pair.server.poll_event() else { panic!() };
    // Three fragments, each of five whole KiB but the last.
    pair.server.respond(request.call_id, &pattern(12_000)).unwrap();
    pair.client.receive(&pair.server.take_output());
    let before = pair.client.processed();
    for processed in [6, 12] {
        pair.client.set_quota(6);
        assert_eq!(pair.client.poll_event(), None);
        assert_eq!(pair.client.processed() - before, processed);
        assert!(pair.client.is_over_quota());
    }
    pair.client.set_quota(6);
    assert!(!pair.client.is_over_quota());
    let Some(client::Event::Response(response)) = pair.client.poll_event() else { panic!() };
    assert_eq!(response.stub, pattern(12_000));
    assert!(!pair.client.is_over_quota(), "nothing waits");
}

#[test]
fn a_returned_pdu_keeps_no_other_bytes_in_memory() {
    for level in LEVELS {
        let mut pair = Pair::bound(level);
        // Cancels of a call that there is not, which cost nothing, before and after a call in one read.
        let cancels = [5, 0, 18, 3, 16, 0, 0, 0, 16, 0, 0, 0, 9, 0, 0, 0].repeat(100);
        pair.client.call(0, 7, None, Bytes::from_static(b"question")).unwrap();
        let request_bytes = pair.client.take_output();
        assert!(request_bytes.is_unique(), "{level}: a sent call");
        pair.server.receive(&[&cancels, &*request_bytes, &cancels].concat());
        let Some(server::Event::Request(request)) = pair.server.poll_event() else { panic!() };
        assert!(request.stub.is_unique(), "{level}: a received call");
        pair.server.respond(request.call_id, &pattern(10_000)).unwrap();
        let response_bytes = pair.server.take_output();
        assert!(response_bytes.is_unique(), "{level}: a sent response");
        pair.client.receive(&response_bytes);
        let Some(client::Event::Response(response)) = pair.client.poll_event() else { panic!() };
        assert!(response.stub.is_unique(), "{level}: a received response");
        assert_eq!(response.stub, pattern(10_000));
    }
}

#[test]
fn stubs_are_encrypted_at_packet_privacy() {
    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    pair.client.call(0, 7, None, Bytes::from_static(b"a secret that is sealed on its way!!")).unwrap();
    let bytes = pair.client.take_output();
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
    pair.server.receive(&bytes);
    let Some(server::Event::Request(request)) = pair.server.poll_event() else { panic!() };
    assert_eq!(&*request.stub, b"a secret that is sealed on its way!!");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn stubs_of_every_length_pass_both_ways(
        up in 0_usize..20_000,
        down in 0_usize..20_000,
        level in prop::sample::select(LEVELS.to_vec()),
        (client_fragment, server_fragment) in (1432_u16..6000, 1432_u16..6000),
        header_signing: bool,
        object in prop::option::of(any::<[u8; 16]>()),
    ) {
        let client = ClientConfig { max_fragment: client_fragment, header_signing, ..ClientConfig::default() };
        let server = ServerConfig { max_fragment: server_fragment, ..server_config() };
        let mut pair = Pair::bound_with(level, client, server);
        let object = object.map(Guid::from_le);
        pair.client.call(0, 1, object, pattern(up).into()).unwrap();
        let (_, events) = pair.settle();
        let [server::Event::Request(request)] = events.as_slice() else { panic!("{events:?}") };
        prop_assert_eq!(request.object, object);
        // A verification trailer is aligned with padding, which cannot be distinguished from the stub.
        prop_assert_eq!(&request.stub[..up], &pattern(up)[..]);
        prop_assert!(request.stub.len() < up + 4);
        pair.server.respond(request.call_id, &pattern(down)).unwrap();
        let (events, _) = pair.settle();
        let [client::Event::Response(response)] = events.as_slice() else { panic!("{events:?}") };
        prop_assert_eq!(&*response.stub, pattern(down));
    }
}

#[test]
fn no_fragment_is_larger_than_negotiated() {
    let client = ClientConfig { max_fragment: 2000, ..ClientConfig::default() };
    let mut pair = Pair::bound_with(AuthLevel::PKT_PRIVACY, client, server_config());
    let request = pair.arrive(0, 1, b"");
    pair.server.respond(request.call_id, &pattern(10_000)).unwrap();
    let output = pair.server.take_output();
    let mut rest = &output[..];
    while !rest.is_empty() {
        let length = usize::from(u16::from_le_bytes([rest[8], rest[9]]));
        assert!(length <= 2000, "{length}");
        rest = &rest[length..];
    }
    assert!(output.len() > 10_000);
}

#[test]
fn concurrent_calls_get_their_responses_in_any_order() {
    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    let ids: Vec<u32> = (0..5).map(|n| pair.client.call(0, n, None, Bytes::new()).unwrap()).collect();
    let (_, events) = pair.settle();
    assert_eq!(events.len(), 5);
    assert_eq!(pair.server.active_calls(), 5);
    for id in ids.iter().rev() {
        pair.server.respond(*id, &id.to_le_bytes()).unwrap();
    }
    let (events, _) = pair.settle();
    let answered: Vec<u32> = events
        .iter()
        .map(|event| match event {
            client::Event::Response(response) => {
                assert_eq!(&*response.stub, response.call_id.to_le_bytes());
                response.call_id
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answered, ids.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn without_multiplexing_a_call_is_accepted_when_the_one_before_it_has_ended() {
    let server = ServerConfig { multiplexing: false, ..server_config() };
    let mut pair = Pair::bound_with(AuthLevel::PKT_INTEGRITY, ClientConfig::default(), server);
    for end in ["response", "fault", "orphaned"] {
        assert!(pair.client.accepts_call(), "before the {end}");
        let call_id = pair.client.call(0, 1, None, Bytes::new()).unwrap();
        assert_eq!(pair.settle().1.len(), 1);
        assert!(!pair.client.accepts_call());
        assert_eq!(pair.client.call(0, 2, None, Bytes::new()), Err(CallError::TooManyCalls));
        match end {
            "response" => pair.server.respond(call_id, b"one").unwrap(),
            "fault" => pair.server.fault(call_id, FaultStatus::NCA_S_OP_RNG_ERROR, true).unwrap(),
            _ => assert!(pair.client.orphan(call_id)),
        }
        pair.settle();
    }
    assert!(pair.client.accepts_call());
}

#[test]
fn faults_reach_their_call() {
    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    let request = pair.arrive(0, 99, b"");
    pair.server.fault(request.call_id, FaultStatus::NCA_S_OP_RNG_ERROR, true).unwrap();
    let status = FaultStatus::NCA_S_OP_RNG_ERROR;
    let expected = client::Event::Fault { call_id: request.call_id, status, did_not_execute: true };
    assert_eq!(pair.settle().0, [expected]);
    assert_eq!(pair.server.respond(request.call_id, b""), Err(ResponseError::UnknownCall));
    // The association lives on.
    pair.arrive(0, 1, b"next");
}

#[test]
fn a_fault_has_the_flag_of_a_call_that_was_not_executed_if_its_status_or_the_server_implies_it() {
    for (status, given, expected) in [
        (FaultStatus::NCA_S_UNK_IF, false, true),
        (FaultStatus::NCA_S_OP_RNG_ERROR, false, true),
        (FaultStatus::RPC_S_CALL_FAILED_DNE, false, true),
        (FaultStatus::RPC_S_SERVER_TOO_BUSY, true, true),
        (FaultStatus::RPC_S_SERVER_TOO_BUSY, false, false),
        (FaultStatus::NCA_S_FAULT_UNSPEC, false, false),
    ] {
        let mut pair = Pair::bound(AuthLevel::NONE);
        let call_id = pair.arrive(0, 1, b"").call_id;
        pair.server.fault(call_id, status, given).unwrap();
        assert_eq!(pair.settle().0, [client::Event::Fault { call_id, status, did_not_execute: expected }]);
    }
}

#[test]
fn a_call_below_the_interfaces_level_is_denied() {
    for level in [AuthLevel::NONE, AuthLevel::CONNECT, AuthLevel::PKT, AuthLevel::PKT_INTEGRITY] {
        let mut pair = Pair::bound(level);
        let call_id = pair.client.call(1, 0, None, pattern(9000).into()).unwrap();
        let (client, server) = pair.settle();
        let status = FaultStatus::ACCESS_DENIED;
        assert_eq!(client, [client::Event::Fault { call_id, status, did_not_execute: true }]);
        assert_eq!(server, []);
        pair.arrive(0, 1, b"the other interface is open");
    }
    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    assert_eq!(pair.arrive(1, 0, b"x").opnum, 0);
}

#[test]
fn cancelled_and_orphaned_calls() {
    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    let first = pair.arrive(0, 1, b"").call_id;
    let second = pair.arrive(0, 1, b"").call_id;
    assert!(pair.client.cancel(first));
    assert_eq!(pair.settle().1, [server::Event::Cancel { call_id: first }]);
    assert!(pair.client.orphan(second));
    assert_eq!(pair.settle().1, [server::Event::Orphaned { call_id: second }]);
    assert_eq!(pair.server.respond(second, b""), Err(ResponseError::UnknownCall));
    pair.server.respond(first, b"done").unwrap();
    assert_eq!(pair.settle().0.len(), 1);
    assert!(!pair.client.cancel(first) && !pair.client.orphan(second));
}

#[test]
fn a_response_to_an_orphaned_call_is_discarded() {
    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    let given_up = pair.arrive(0, 1, b"").call_id;
    pair.server.respond(given_up, b"too late").unwrap();
    assert!(pair.client.orphan(given_up));
    assert_eq!(pair.settle(), (vec![], vec![]));
    pair.arrive(0, 1, b"still in step");
}

#[test]
fn an_incomplete_response_is_released_when_its_call_is_orphaned() {
    let mut pair = Pair::bound(AuthLevel::PKT_PRIVACY);
    let call_id = pair.arrive(0, 1, b"").call_id;
    pair.server.respond(call_id, &pattern(20_000)).unwrap();
    let output = pair.server.take_output();
    let (begin, rest) = output.split_at(output.len() / 2);
    pair.client.receive(begin);
    assert_eq!(pair.client.poll_event(), None);
    let (unfinished, bytes) = (pair.client.unfinished().collect::<Vec<_>>(), pair.client.unfinished_bytes());
    assert!((5000..15_000).contains(&bytes) && unfinished == [(call_id, bytes)], "{unfinished:?} {bytes}");
    assert!(pair.client.orphan(call_id));
    pair.client.receive(rest);
    assert_eq!(pair.client.poll_event(), None);
    assert_eq!((pair.client.unfinished().count(), pair.client.unfinished_bytes()), (0, 0));
    pair.arrive(0, 1, b"still in step");
}

#[test]
fn a_response_to_an_orphaned_call_that_does_not_end_ends_the_association() {
    // Fragments of so many bytes, of which so many are received before the call is orphaned.
    for (length, before, most) in [(1000, 0, 101), (1000, 50, 101), (0, 0, 400)] {
        let client = ClientConfig { max_stub: 100_000, ..ClientConfig::default() };
        let mut pair = Pair::bound_with(AuthLevel::NONE, client, server_config());
        let call_id = pair.arrive(0, 1, b"").call_id;
        let stub = pattern(length);
        let mut fragments = 0;
        while !pair.client.is_closed() {
            if fragments == before {
                assert!(pair.client.orphan(call_id));
            }
            let response =
                Response { alloc_hint: 0, context_id: 0, cancel_count: 0, reserved: 0, stub: &stub };
            let mut pdu = Pdu::new(call_id, Body::Response(response));
            pdu.header.flags = if fragments == 0 { PfcFlags::FIRST_FRAG } else { PfcFlags::NONE };
            pair.client.receive(&pdu.to_bytes().unwrap());
            if let Some(event) = pair.client.poll_event() {
                let reason = client::CloseReason::Peer(PeerError::StubTooLong);
                assert_eq!(event, client::Event::Closed { reason });
            }
            fragments += 1;
            assert!(fragments <= most, "{fragments}");
        }
        assert!(fragments > most - 12, "{fragments}");
    }
}

#[test]
fn calls_over_the_limit_get_a_fault() {
    let server = ServerConfig { max_calls: 2, ..server_config() };
    let mut pair = Pair::bound_with(AuthLevel::NONE, ClientConfig::default(), server);
    for _ in 0..3 {
        pair.client.call(0, 1, None, Bytes::new()).unwrap();
    }
    let (client, server) = pair.settle();
    assert_eq!(server.len(), 2);
    let status = FaultStatus::NCA_S_SERVER_TOO_BUSY;
    assert_eq!(client, [client::Event::Fault { call_id: 4, status, did_not_execute: true }]);

    let client = ClientConfig { max_calls: 1, ..ClientConfig::default() };
    let mut pair = Pair::bound_with(AuthLevel::NONE, client, server_config());
    pair.client.call(0, 1, None, Bytes::new()).unwrap();
    assert_eq!(pair.client.call(0, 1, None, Bytes::new()), Err(CallError::TooManyCalls));
}

#[test]
fn a_stub_that_is_too_long_ends_the_association_on_either_side() {
    let server = ServerConfig { max_stub: 10_000, ..server_config() };
    let mut pair = Pair::bound_with(AuthLevel::PKT_PRIVACY, ClientConfig::default(), server);
    pair.client.call(0, 1, None, pattern(20_000).into()).unwrap();
    let (client, server) = pair.settle();
    assert_eq!(server, [server::Event::Closed { reason: server::CloseReason::Peer(PeerError::StubTooLong) }]);
    assert!(matches!(
        client[0],
        client::Event::Fault { status: FaultStatus::NCA_S_FAULT_REMOTE_NO_MEMORY, .. }
    ));

    let client = ClientConfig { max_stub: 10_000, ..ClientConfig::default() };
    let mut pair = Pair::bound_with(AuthLevel::PKT_PRIVACY, client, server_config());
    let request = pair.arrive(0, 1, b"");
    pair.server.respond(request.call_id, &pattern(20_000)).unwrap();
    let reason = client::CloseReason::Peer(PeerError::StubTooLong);
    assert_eq!(pair.settle().0, [client::Event::Closed { reason }]);
}

#[test]
fn an_unauthenticated_client_has_a_lower_stub_limit() {
    let call = |level| {
        let server = ServerConfig { max_anonymous_stub: 10_000, ..server_config() };
        let mut pair = Pair::bound_with(level, ClientConfig::default(), server);
        pair.client.call(0, 1, None, pattern(20_000).into()).unwrap();
        pair.settle().1
    };
    let reason = server::CloseReason::Peer(PeerError::StubTooLong);
    assert_eq!(call(AuthLevel::NONE), [server::Event::Closed { reason }]);
    assert!(matches!(call(AuthLevel::PKT_PRIVACY)[..], [server::Event::Request(_)]));
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let server = ServerConfig { max_output: 50_000, ..server_config() };
    let mut pair = Pair::bound_with(AuthLevel::NONE, ClientConfig::default(), server);
    let request = pair.arrive(0, 1, b"");
    pair.server.respond(request.call_id, &pattern(60_000)).unwrap();
    assert!(!pair.server.wants_input());
    pair.client.call(0, 1, None, Bytes::new()).unwrap();
    pair.server.receive(&pair.client.take_output());
    assert_eq!(pair.server.poll_event(), None);
    pair.server.take_output();
    assert!(matches!(pair.server.poll_event(), Some(server::Event::Request(_))));
}

#[test]
fn a_shutdown_reaches_the_client() {
    let mut pair = Pair::bound(AuthLevel::NONE);
    pair.server.shutdown();
    assert_eq!(pair.settle().0, [client::Event::Shutdown]);
}

#[test]
fn a_verification_trailer_is_removed_from_unprotected_calls_too() {
    // As scapy sends it: the presentation context alone, after a stub of six bytes.
    let header2 = None;
    let send = |interface| {
        let pcontext = Some((interface, SyntaxId::NDR));
        let trailer = VerificationTrailer { pcontext, header2, ..VerificationTrailer::default() };
        let stub = [b"stub12".to_vec(), trailer.to_tail(6).unwrap()].concat();
        let mut pair = Pair::bound(AuthLevel::NONE);
        pair.client.call(0, 1, None, stub.into()).unwrap();
        pair.settle().1.remove(0)
    };
    let event = send(TOY);
    assert!(
        matches!(&event, server::Event::Request(request) if *request.stub == *b"stub12\0\0"),
        "{event:?}"
    );
    let reason = server::CloseReason::Peer(PeerError::BadSignature);
    assert_eq!(send(SyntaxId::NDR64), server::Event::Closed { reason });
}

#[test]
fn a_response_that_is_sent_in_parts_has_the_same_bytes_as_one_that_is_sent_at_once() {
    for level in LEVELS {
        let [whole, in_parts] = [false, true].map(|in_parts| {
            let mut pair = Pair::bound(level);
            let request = pair.arrive(0, 1, b"");
            if !in_parts {
                pair.server.respond(request.call_id, &pattern(50_000)).unwrap();
                return pair.server.take_output();
            }
            let mut response = pair.server.begin_response(request.call_id, pattern(50_000).into()).unwrap();
            let (mut parts, mut before) = (1, 0);
            while !pair.server.continue_response(&mut response, 10_000).unwrap() {
                let now = pair.server.output_len();
                assert!((10_000..20_000).contains(&(now - before)), "{level}: {}", now - before);
                (parts, before) = (parts + 1, now);
            }
            assert!((4..=5).contains(&parts), "{level}: {parts}");
            pair.server.take_output()
        });
        assert_eq!(whole, in_parts, "{level}");
    }
}

//! Sealed PDUs that a man in the middle changes, repeats, reorders or drops: each is detected, and ends in a fault or
//! a closed connection. It is never forwarded, and never has a response.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{
    ALICE, BOB, Client, FAULT, FromServer, PATIENCE, PduInfo, Proxy, REQUEST, RESPONSE, RawUpstream, Relay,
    ScriptedClient, Setup, Upstream,
};

/// Bytes of a request's or a response's header.
const HEADER: usize = 24;
/// Bytes of a security trailer, and of the signature after it ([MS-RPCE] 2.2.2.11, [MS-NLMP] 2.2.2.9).
const TRAILER: usize = 8;
const SIGNATURE: usize = 16;

/// The bits to flip in a PDU of `length` bytes: all of the header and of the trailer, and one of every other byte.
fn bits(length: usize) -> Vec<usize> {
    let trailer = length - SIGNATURE - TRAILER..length - SIGNATURE;
    let each = |byte: &usize| *byte < HEADER || trailer.contains(byte);
    (0..8 * length).filter(|bit| each(&(bit / 8)) || bit % 8 == bit / 8 % 8).collect()
}

fn flipped(mut pdu: Vec<u8>, bit: usize) -> Vec<u8> {
    pdu[bit / 8] ^= 1 << (bit % 8);
    pdu
}

/// An authenticated client that must not be affected by what happens to others.
struct Bystander(ScriptedClient, String);

impl Bystander {
    fn at(proxy: &Proxy) -> Self {
        let mut client = ScriptedClient::bound(proxy, BOB, 0);
        let handle = client.open();
        Self(client, handle)
    }

    fn expect_undisturbed(mut self) {
        self.0.expect_use(&self.1);
        self.0.disconnect();
    }
}

/// A proxy before a server that records every call and needs no authentication.
fn recorded(upstream: &RawUpstream) -> Proxy {
    let setup = Setup::before(&upstream.binding()).upstream_key("level", "\"none\"");
    setup.clients_key("handshake_seconds", "3").start()
}

/// Many sessions of alice at `relay`: the outcome of opening each, and of its call if it was opened.
fn sessions(relay: &Relay, arguments: &[(&str, &str)]) -> Vec<Vec<String>> {
    let mut client = Client::sessions(relay.address).user(ALICE, "privacy").with("--timeout", "60");
    for (name, value) in arguments {
        client = if value.is_empty() { client.flag(name) } else { client.with(name, value) };
    }
    let report = client.run_for(Duration::from_secs(100)).expect_success();
    let words = |session: &Value| {
        session.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    report.result("sessions").as_array().unwrap().iter().map(words).collect()
}

/// How often the last step of a session had each outcome.
fn count(sessions: &[Vec<String>]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for session in sessions {
        *counts.entry(session.last().unwrap().as_str()).or_default() += 1;
    }
    counts
}

fn kinds(seen: &FromServer) -> Vec<u8> {
    seen.pdus.iter().map(|pdu| pdu[2]).collect()
}

#[test]
fn a_bit_flipped_anywhere_in_a_sealed_request_is_detected() {
    const SESSIONS: usize = 360;
    let upstream = RawUpstream::echo();
    let proxy = recorded(&upstream);
    let bystander = Bystander::at(&proxy);
    let relay = Relay::before(proxy.rpc(), |info, pdu| match info {
        PduInfo { kind: REQUEST, number: 0, connection } => match bits(pdu.len()).get(connection) {
            Some(bit) => vec![flipped(pdu, *bit)],
            None => vec![pdu],
        },
        _ => vec![pdu],
    });
    let sessions = sessions(&relay, &[("--count", &SESSIONS.to_string())]);
    // The requests are of one length, as their responses are.
    let untouched = sessions.iter().filter(|session| session[..] == ["response", "response"]).count();
    let touched = SESSIONS - untouched;
    println!("flipped in a request: {:?}", count(&sessions));
    assert!(touched > 250 && untouched > 0, "{touched} of {SESSIONS} were touched");
    for (connection, seen) in relay.sent_by_server() {
        let responded = kinds(&seen).contains(&RESPONSE);
        assert_eq!(responded, connection >= touched, "bit {connection} of {touched}: {:?}", kinds(&seen));
        assert!(seen.ended || responded, "bit {connection}: the connection is still there");
    }
    bystander.expect_undisturbed();
    // Two calls of each unmodified session, and of the bystander.
    assert_eq!(upstream.calls().len(), 2 * (untouched + 1));
}

#[test]
fn a_bit_flipped_anywhere_in_a_sealed_response_of_the_server_is_detected() {
    const SESSIONS: usize = 360;
    let upstream = Upstream::start();
    let server = (upstream.address, 6001).into();
    let relay = Relay::before(server, |info, pdu| match info {
        // The bystander's connection is the first.
        PduInfo { kind: RESPONSE, number: 0, connection: connection @ 1.. } => {
            match bits(pdu.len()).get(connection - 1) {
                Some(bit) => vec![flipped(pdu, *bit)],
                None => vec![pdu],
            }
        }
        _ => vec![pdu],
    });
    // If a flip makes a PDU longer, the proxy waits for the rest as long as a response may take.
    let proxy = Setup::before(&relay.binding()).upstream_key("call_seconds", "12").start();
    let bystander = Bystander::at(&proxy);
    let client = Relay::before(proxy.rpc(), |_, pdu| vec![pdu]);
    let sessions = sessions(&client, &[("--count", &SESSIONS.to_string()), ("--at-once", "16")]);
    let untouched = sessions.iter().filter(|session| session[..] == ["response", "response"]).count();
    println!("flipped in a response: {:?}", count(&sessions));
    let flips = bits(relay.sent_by_server()[&0].pdus[0].len()).len();
    assert_eq!(untouched, SESSIONS - flips);
    for session in &sessions {
        // RPC_S_CALL_FAILED: the server is lost to this session.
        let failed = session[0].to_lowercase().contains("6be");
        assert!(failed || session[..] == ["response", "response"], "{session:?}");
    }
    bystander.expect_undisturbed();
}

#[test]
fn a_repeated_sealed_request_is_faulted() {
    let upstream = RawUpstream::echo();
    let proxy = recorded(&upstream);
    let bystander = Bystander::at(&proxy);
    let relay = Relay::before(proxy.rpc(), |info, pdu| match info {
        PduInfo { kind: REQUEST, number: 1, .. } => vec![pdu.clone(), pdu],
        _ => vec![pdu],
    });
    let sessions = sessions(&relay, &[("--count", "4")]);
    assert_eq!(count(&sessions), [("response", 4)].into());
    for seen in wait_ended(&relay).values() {
        assert_eq!(kinds(seen)[..2], [RESPONSE, RESPONSE]);
        assert!(kinds(seen)[2..].iter().all(|kind| *kind == FAULT), "{:?}", kinds(seen));
    }
    bystander.expect_undisturbed();
    assert_eq!(upstream.calls().iter().filter(|call| call.opnum == 10).count(), 4 + 1);
}

/// A relay before `proxy` that holds the second request PDU of each connection, and sends at the third what `join`
/// makes of both.
fn reordering(
    proxy: &Proxy,
    join: impl Fn(Vec<u8>, Vec<u8>) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> Relay {
    let held = Mutex::new(BTreeMap::new());
    Relay::before(proxy.rpc(), move |info, pdu| match info {
        PduInfo { kind: REQUEST, number: 1, connection } => {
            held.lock().unwrap().insert(connection, pdu);
            vec![]
        }
        PduInfo { kind: REQUEST, number: 2, connection } => {
            join(held.lock().unwrap().remove(&connection).unwrap(), pdu)
        }
        _ => vec![pdu],
    })
}

#[test]
fn sealed_requests_after_a_reordered_or_missing_one_are_faulted() {
    for swapped in [true, false] {
        let upstream = RawUpstream::echo();
        let proxy = recorded(&upstream);
        let bystander = Bystander::at(&proxy);
        let relay = reordering(&proxy, move |held, next| if swapped { vec![next, held] } else { vec![next] });
        let sessions = sessions(&relay, &[("--count", "4"), ("--two", "")]);
        assert!(!count(&sessions).contains_key("response"), "{sessions:?}");
        for seen in wait_ended(&relay).values() {
            assert_eq!(kinds(seen)[0], RESPONSE);
            assert!(kinds(seen)[1..].iter().all(|kind| *kind == FAULT), "{:?}", kinds(seen));
        }
        bystander.expect_undisturbed();
        assert_eq!(upstream.calls().iter().filter(|call| call.opnum == 10).count(), 1);
    }
}

#[test]
fn reordered_sealed_fragments_are_faulted() {
    let upstream = RawUpstream::echo();
    let proxy = recorded(&upstream);
    let bystander = Bystander::at(&proxy);
    // The middle two of the fragments of the first call.
    let relay = reordering(&proxy, |held, next| vec![next, held]);
    let sessions = sessions(&relay, &[("--count", "4"), ("--fragment", "12")]);
    assert!(!count(&sessions).contains_key("response"), "{sessions:?}");
    for seen in wait_ended(&relay).values() {
        assert!(kinds(seen).iter().all(|kind| *kind == FAULT), "{:?}", kinds(seen));
    }
    bystander.expect_undisturbed();
    assert_eq!(upstream.calls().len(), 2, "the bystander's alone");
    // Unmodified fragments are reassembled.
    let quiet = Relay::before(proxy.rpc(), |_, pdu| vec![pdu]);
    assert_eq!(count(&self::sessions(&quiet, &[("--fragment", "12")])), [("response", 1)].into());
}

#[test]
fn a_repeated_sealed_response_of_the_server_completes_no_call() {
    // After its first appearance, and in place of the next response.
    for in_place in [false, true] {
        let upstream = Upstream::start();
        let first = Mutex::new(BTreeMap::new());
        let relay = Relay::before((upstream.address, 6001).into(), move |info, pdu| match info {
            PduInfo { connection: 0, .. } => vec![pdu],
            PduInfo { kind: RESPONSE, number: 0, connection } if in_place => {
                first.lock().unwrap().insert(connection, pdu.clone());
                vec![pdu]
            }
            PduInfo { kind: RESPONSE, number: 0, .. } => vec![pdu.clone(), pdu],
            PduInfo { kind: RESPONSE, number: 1, connection } if in_place => {
                vec![first.lock().unwrap().remove(&connection).unwrap()]
            }
            _ => vec![pdu],
        });
        let proxy = Setup::before(&relay.binding()).upstream_key("call_seconds", "20").start();
        let bystander = Bystander::at(&proxy);
        let client = Relay::before(proxy.rpc(), |_, pdu| vec![pdu]);
        for session in sessions(&client, &[("--count", "4")]) {
            assert_eq!(session[0], "response");
            // The connection to the server is closed: the call on it fails, or its handle is unknown.
            assert!(session[1].starts_with("fault"), "{session:?}");
        }
        bystander.expect_undisturbed();
    }
}

/// Waits until the server has ended every connection.
fn wait_ended(relay: &Relay) -> BTreeMap<usize, FromServer> {
    let begin = Instant::now();
    loop {
        let seen = relay.sent_by_server();
        if seen.values().all(|seen| seen.ended) {
            return seen;
        }
        assert!(begin.elapsed() < PATIENCE, "{seen:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

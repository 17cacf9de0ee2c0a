//! Servers that respond before they have the whole request.

use crate::http::memory::PIPE;
use crate::http::tests::playbook::Happens::{Request, Rest, TimePasses};
use crate::http::tests::playbook::State::{KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, get, head, mapi};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{AtHead, Got, Upstream};

/// More than the buffers between the client and the server take.
const LONG: usize = 8 * PIPE;

const TOO_MUCH: &[u8] = b"HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 413 No\r\nContent-Length: 8\r\n\r\ntoo much";

fn long() -> Vec<u8> {
    [head("POST", LONG).as_bytes(), &vec![0; LONG]].concat()
}

#[test]
fn an_early_refusal_reaches_the_client_if_the_server_stops_reading_the_request() {
    let early = |_: &_, out: &mut Vec<u8>| {
        out.extend_from_slice(TOO_MUCH);
        AtHead::StopsReading
    };
    let upstream = Upstream::early(early, |_, _| true);
    let proxy = Setup::default().before(&upstream);
    for request in [long(), mapi("alice", "emsmdb", "Execute", "", &vec![0; LONG])] {
        let mut client = Client::new(&proxy) >> Request(request);
        let answer = client.answer();
        assert_eq!((answer.status(), &*answer.body), (413, &b"too much"[..]));
        // Its connection to the server can't be used again.
        assert!(upstream.others().is_empty());
    }
}

#[test]
fn an_early_response_that_refuses_nothing_does_not_stop_the_request() {
    let early = |_: &_, out: &mut Vec<u8>| {
        out.extend_from_slice(b"HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200 Yes\r\nContent-Length: 8\r\n\r\n");
        AtHead::ReadsOn
    };
    let upstream = Upstream::early(early, |_, out| {
        out.extend_from_slice(b"all of i");
        true
    });
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy) >> Request(long()) << KeptAlive;
    let answer = client.answer();
    assert_eq!((answer.status(), &*answer.body), (200, &b"all of i"[..]));
    assert_eq!(upstream.next().body.len(), LONG);
}

#[test]
fn an_early_response_reaches_the_client_if_the_server_closes_the_connection() {
    let early = |got: &Got, out: &mut Vec<u8>| {
        let refuses = got.head.method() == "POST";
        out.extend_from_slice(if refuses { TOO_MUCH } else { b"HTTP/1.1 204 Yes\r\n\r\n" });
        AtHead::Closes
    };
    let upstream = Upstream::early(early, |_, _| true);
    let proxy = Setup::default().before(&upstream);
    let client = Client::new(&proxy) >> Request(head("POST", 2000).into_bytes()) >> Rest(vec![0; 1000]);
    let mut client = client >> Rest(vec![0; 1000]) << KeptAlive;
    let answer = client.answer();
    assert_eq!((answer.status(), &*answer.body), (413, &b"too much"[..]));
    // The next request goes on a new connection.
    let mut client = client >> get() << KeptAlive;
    assert_eq!(client.answer().status(), 204);
}

#[test]
fn a_server_that_does_not_read_a_request_is_a_failure_after_the_time_limit() {
    let upstream = Upstream::early(|_, _| AtHead::StopsReading, |_, _| true);
    let proxy = Setup::default().before(&upstream);
    let client = Client::new(&proxy) >> Request(long()) << WaitsForServer;
    // It has the time of a peer that does not read.
    let limit = Setup::default().limits.handshake;
    let mut client = client >> TimePasses(limit) << KeptAlive;
    assert_eq!(client.answer().status(), 502);
}

//! Servers that respond before they have the whole request.

use std::rc::Rc;

use crate::event_log::tests::logged;
use crate::http::memory_stream::PIPE;
use crate::http::tests::pass_through::server::handler;
use crate::http::tests::playbook::Happens::{Request, Rest, TimePasses};
use crate::http::tests::playbook::State::{Closed, KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, basic, head, mapi};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::{AtHead, ReceivedRequest, Upstream};

/// More bytes than fit into the buffers between the client and the server.
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
    let operation = mapi("alice", "emsmdb", "Execute", "", &vec![0; LONG]);
    for (request, state) in [(long(), Closed), (operation, KeptAlive)] {
        let mut client = Client::new(&proxy) >> Request(request) << state;
        let answer = client.response();
        assert_eq!((answer.status(), &*answer.body), (413, &b"too much"[..]));
        // Its connection to the server can't be used again.
        assert!(upstream.others().is_empty());
    }
}

/// Responses of a server that does not wait for the end of a request.
const EARLY: [(&str, u16); 6] = [
    ("HTTP/1.1 200 Yes\r\nContent-Length: 2\r\n\r\nok", 200),
    (
        "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        200,
    ),
    ("HTTP/1.1 204 Yes\r\n\r\n", 204),
    ("HTTP/1.1 302 There\r\nContent-Length: 0\r\n\r\n", 302),
    ("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", 401),
    ("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno", 413),
];

/// A body that a server could read as another request if it does not read it as a body.
const SMUGGLED: &str = "GET /owa/ HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_response_before_the_end_of_its_request_ends_the_request_and_both_connections() {
    for pass_through in [false, true] {
        for (response, status) in EARLY {
            for chunked in [false, true] {
                let early = |got: &ReceivedRequest, out: &mut Vec<u8>| {
                    // Pass-through authentication sends probes, which have no body.
                    if got.head.fields.has("x-upload") {
                        out.extend_from_slice(response.as_bytes());
                    }
                    AtHead::ReadsOn
                };
                let upstream = Upstream::early(early, handler(Rc::default()));
                let setup = Setup { pass_through, ..Setup::default() };
                let proxy = setup.before(&upstream);
                let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 70000" };
                let head = format!(
                    "POST /ews/x HTTP/1.1\r\nHost: a\r\n{}X-Upload: 1\r\n{framing}\r\n\r\n",
                    basic("alice")
                );
                let chunk_line = if chunked { "11170\r\n" } else { "" };
                // More than the part of a chunked body that is collected before it is forwarded.
                let begin = [head, chunk_line.to_owned(), "x".repeat(66_000)].concat();
                let client = Client::new(&proxy) >> Request(begin.into_bytes());
                let mut client = client >> Rest(SMUGGLED.as_bytes().to_vec()) << Closed;
                let case = format!("{status} {chunked} {pass_through}");
                assert!(!client.is_server_connected(), "{case}");
                let answer = client.response();
                let expected = if status == 401 && !pass_through { 503 } else { status };
                assert_eq!(
                    (answer.status(), answer.header("connection")),
                    (expected, Some("close")),
                    "{case}"
                );
                assert!(!upstream.received(SMUGGLED), "{case}");
            }
        }
    }
}

#[test]
fn the_rest_of_an_operation_is_not_sent_once_the_server_has_responded() {
    let early = |_: &ReceivedRequest, out: &mut Vec<u8>| {
        out.extend_from_slice(EARLY[0].0.as_bytes());
        AtHead::ReadsOn
    };
    let upstream = Upstream::early(early, |_, _| true);
    let proxy = Setup::default().before(&upstream);
    let body = [&vec![0; LONG][..], SMUGGLED.as_bytes()].concat();
    let client = Client::new(&proxy) >> Request(mapi("alice", "emsmdb", "Execute", "", &body)) << KeptAlive;
    assert!(!client.is_server_connected() && !upstream.received(SMUGGLED));
}

#[test]
fn an_early_response_reaches_the_client_if_the_server_closes_the_connection() {
    let early = |_: &ReceivedRequest, out: &mut Vec<u8>| {
        out.extend_from_slice(TOO_MUCH);
        AtHead::Closes
    };
    let upstream = Upstream::early(early, |_, _| true);
    let proxy = Setup::default().before(&upstream);
    let client = Client::new(&proxy) >> Request(head("POST", 2000).into_bytes()) >> Rest(vec![0; 1000]);
    let mut client = client >> Rest(vec![0; 1000]) << Closed;
    let answer = client.response();
    assert_eq!((answer.status(), &*answer.body), (413, &b"too much"[..]));
}

#[test]
fn a_server_that_closes_the_connection_within_a_request_is_a_failure_at_once() {
    let upstream = Upstream::early(|_, _| AtHead::Closes, |_, _| true);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy) >> Request(head("POST", 2000).into_bytes()) << Closed;
    let answer = client.response();
    assert_eq!((answer.status(), answer.header("connection")), (502, Some("close")));
}

#[test]
fn a_connection_on_which_the_server_sends_more_than_the_response_is_closed() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for response in [
        OK.repeat(2),
        format!("{OK}more"),
        "HTTP/1.1 204 No\r\n\r\nno".to_owned(),
        // A body may still follow that the server announces.
        "HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n".to_owned(),
    ] {
        let upstream = Upstream::responding(response.clone());
        let proxy = Setup::default().before(&upstream);
        for request in [head("GET", 0).into_bytes(), mapi("alice", "emsmdb", "PING", "", b"")] {
            let client = Client::new(&proxy) >> Request(request) << KeptAlive;
            assert!(!client.is_server_connected(), "{response}");
        }
    }
}

#[test]
fn a_server_that_does_not_read_a_request_is_a_failure_after_the_time_limit() {
    let upstream = Upstream::early(|_, _| AtHead::StopsReading, |_, _| true);
    let proxy = Setup::default().before(&upstream);
    let client = Client::new(&proxy) >> Request(long()) << WaitsForServer;
    let limit = Setup::default().limits.handshake;
    let mut response = None;
    let lines = logged(|| response = Some((client >> TimePasses(limit) << KeptAlive).response().status()));
    assert_eq!(response, Some(504));
    let line = lines.iter().find(|line| line.contains("request failed")).expect("a line");
    assert!(line.contains("the server read nothing of the request for 30 s"), "{line}");
    assert!(line.contains("clients.handshake_seconds"), "{line}");
}

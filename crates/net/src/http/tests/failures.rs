//! Servers that close connections, cannot be reached, do not respond in time, or send more than there is memory for.

use std::time::Duration;

use mapi::mapihttp::MAX_PREFIX;

use crate::event_log::tests::logged;
use crate::http::tests::playbook::Happens::{Request, ServerCloses, ServerUnreachable, TimePasses};
use crate::http::tests::playbook::State::{CutShort, KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, get, head, mapi, request, response};
use crate::http::tests::setup::Setup;
use crate::http::tests::streaming::HEAD;
use crate::http::tests::upstream::Upstream;
use crate::tcp::admission::Limits;

#[test]
fn a_request_that_may_have_reached_the_server_is_not_retried() {
    let upstream = Upstream::new(|_, _| false);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    let answer = client.exchange(mapi("alice", "emsmdb", "Execute", "", &[0; 16]));
    assert_eq!(answer.status(), 502);
    assert_eq!(upstream.next().body, [0; 16]);
    assert!(upstream.others().is_empty());
    // A response that the server cuts off is cut off for the client.
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let client = Client::new(&proxy) >> request("alice", "Execute", "", &[0; 16]) << WaitsForServer;
    let mut client = client >> response(format!("{HEAD}c\r\nPROCESSING\r\n\r\n")) >> ServerCloses << CutShort;
    assert!(client.until("PROCESSING\r\n\r\n").starts_with("HTTP/1.1 200 OK"));
    let _ = client << "";
    assert_eq!(upstream.others().len(), 1);
}

#[test]
fn a_timeout_and_an_unreachable_server_have_their_own_statuses() {
    let upstream = Upstream::silent();
    let proxy = Setup { call_limit: Duration::from_millis(300), ..Setup::default() }.before(&upstream);
    let client = Client::new(&proxy) >> request("alice", "Execute", "", &[0; 16]);
    let mut client = client >> TimePasses(Duration::from_millis(300)) << KeptAlive;
    assert_eq!(client.response().status(), 504);
    let client = client >> ServerUnreachable >> request("alice", "Execute", "", &[0; 16]);
    let mut client = client << KeptAlive;
    assert_eq!(client.response().status(), 502);
}

#[test]
fn a_request_that_exceeds_a_time_limit_is_logged_with_the_limit_and_its_key() {
    let handshake = Duration::from_secs(7);
    let autodiscover = head("GET", 0).replace("/ews/x", "/autodiscover/autodiscover.xml");
    let anonymous = "GET /autodiscover/autodiscover.json?Email=a%40x.test&Protocol=AutodiscoverV1 HTTP/1.1\r\n\
                     Host: a\r\n\r\n";
    let call_limit = ("no response within 9 s", "upstream.call_seconds");
    for (sent, (why, key)) in [
        (request("alice", "Execute", "", &[0; 16]), call_limit),
        (get(), call_limit),
        (Request(autodiscover.into_bytes()), call_limit),
        (
            Request(anonymous.into()),
            (
                "no response within 7 s, the limit for a client that has not authenticated",
                "clients.handshake_seconds",
            ),
        ),
    ] {
        let upstream = Upstream::silent();
        let limits = Limits { handshake, ..Limits::default() };
        let proxy =
            Setup { call_limit: Duration::from_secs(9), limits, ..Setup::default() }.before(&upstream);
        let lines = logged(|| {
            let client = Client::new(&proxy) >> sent >> TimePasses(Duration::from_secs(7));
            let mut client = client >> TimePasses(Duration::from_secs(2));
            assert_eq!(client.response().status(), 504);
        });
        let failed: Vec<_> = lines.iter().filter(|line| line.contains("request failed: ")).collect();
        let line = format!("message=upstream: request failed: {why} ");
        assert!(failed.len() == 1 && failed[0].starts_with(&line), "{failed:?}");
        assert!(failed[0].contains(&format!("key={key:?} ")), "{failed:?}");
    }
}

/// A complete response with the status 200 and these fields.
fn ok(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn a_response_that_is_not_of_mapi_over_http_is_logged_with_its_status_and_forwarded() {
    const MAPI: &str = "Content-Type: application/mapi-http\r\n";
    let with = |fields: &str, body: &[u8]| ok(&format!("{MAPI}{fields}"), body);
    let payload = [&b"PROCESSING\r\nDONE\r\n\r\n"[..], &[0; 12]].concat();
    let trailing = [&b"PROCESSING\r\nDONE\r\nX-ResponseCode: abc\r\n\r\n"[..], &[0; 12]].concat();
    let gzip = with("X-ResponseCode: 0\r\nContent-Encoding: gzip\r\n", b"\x1f\x8b");
    let none = |status: &str| format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into_bytes();
    for (sent, status, expected) in [
        (none("302"), 302, "HTTP status 302 without X-ResponseCode; check that upstream.http is"),
        (none("403"), 403, "HTTP status 403 without X-ResponseCode; check whether the server permits"),
        (none("503"), 503, "HTTP status 503 without X-ResponseCode; check the log and the services"),
        (ok("Content-Type: text/html\r\n", b"<html>"), 200, "another content type"),
        (gzip, 200, "has a Content-Encoding, which"),
        (with("X-ResponseCode: abc\r\n", &payload), 200, "X-ResponseCode is not a number"),
        (with("X-ResponseCode: 0\r\n", &trailing), 200, "X-ResponseCode is not a number"),
        (with("X-ResponseCode: 0\r\n", b"PROCESSING\r\nXXXX\r\n\r\n"), 200, "no line DONE"),
    ] {
        let whole = sent.clone();
        let upstream = Upstream::new(move |_, answer| {
            answer.extend_from_slice(&whole);
            true
        });
        let proxy = Setup::default().before(&upstream);
        let mut answer = None;
        let lines = logged(|| {
            let request = mapi("alice", "emsmdb", "Connect", "", &[0; 20]);
            answer = Some(Client::new(&proxy).exchange(request));
        });
        let answer = answer.unwrap();
        assert_eq!(answer.status(), status);
        assert!(sent.ends_with(&answer.body), "{expected}");
        let lines: Vec<_> = lines.iter().filter(|line| line.contains("not of MAPI over HTTP: ")).collect();
        assert!(lines.len() == 1 && lines[0].contains(expected), "{expected}: {lines:?}");
        for field in ["account=LAB\\alice ", "operation=\"emsmdb.Connect\" ", &format!("status={status} ")] {
            assert!(lines[0].contains(field), "{field}: {lines:?}");
        }
    }
    // The server's X-ResponseCode is one of MAPI over HTTP, whatever the status.
    let upstream = Upstream::new(|_, answer| {
        answer.extend_from_slice(b"HTTP/1.1 500 X\r\nX-ResponseCode: 10\r\nContent-Length: 0\r\n\r\n");
        true
    });
    let proxy = Setup::default().before(&upstream);
    let lines =
        logged(|| drop(Client::new(&proxy).exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 20]))));
    assert!(!lines.iter().any(|line| line.contains("not of MAPI over HTTP: ")), "{lines:?}");
}

#[test]
fn a_response_in_tiny_chunks_counts_with_the_memory_of_its_chunks() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n\
                Transfer-Encoding: chunked\r\n\r\n16\r\nPROCESSING\r\nDONE\r\n\r\n\r\n\r\n";
    let handler = |chunks: usize| {
        let said = [head, &"1\r\n\0\r\n".repeat(chunks), "0\r\n\r\n"].concat();
        let upstream = Upstream::new(move |_, answer| {
            answer.extend_from_slice(said.as_bytes());
            true
        });
        let limits = Limits { request_bytes_per_user: 900_000, ..Limits::default() };
        let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
        let answer = Client::new(&proxy).exchange(mapi("alice", "emsmdb", "PING", "", b""));
        (answer.status(), answer.code())
    };
    assert_eq!(handler(1000), (200, Some("0".to_owned())));
    assert_eq!(handler(50_000).0, 503);
    // The list of the chunks grows to the next power of two.
    assert_eq!(handler(8000).0, 200);
    assert_eq!(handler(9000).0, 503);
}

#[test]
fn endless_pending_lines_are_a_protocol_error_of_the_upstream_at_once() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let lines = "PENDING\r\n".repeat(MAX_PREFIX / 9 / 2);
    // In a body that ends with the connection, of which the client has got nothing.
    let head = HEAD.replace("Transfer-Encoding: chunked\r\n", "");
    let client = Client::new(&proxy) >> request("alice", "Execute", "", &[0; 16]) << WaitsForServer;
    let client = client >> response(format!("{head}{lines}")) << WaitsForServer;
    let mut client = client >> response(&*lines) >> response("PENDING\r\n".repeat(3)) << KeptAlive;
    assert_eq!(client.response().status(), 502);
    // In chunks, which the client gets.
    let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
    let client = Client::new(&proxy) >> request("alice", "Execute", "", &[0; 16]) << WaitsForServer;
    let client = client >> response(format!("{HEAD}{chunk}")) << WaitsForServer;
    let _ = client >> response(&*chunk) >> response("9\r\nPENDING\r\n\r\n".repeat(3)) << CutShort;
}

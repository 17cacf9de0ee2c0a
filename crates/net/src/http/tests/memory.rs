//! What counts in a user's share of memory: incomplete responses, responses to requests ahead, and what was decoded of
//! requests.

use std::time::Duration;

use engine::{AheadRequest, Decision, Module, Operation, Session};
use mapi::emsmdb::RpcFlags;

use crate::http::tests::playbook::Happens::TimePasses;
use crate::http::tests::playbook::State::{Closed, KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, Proxy, request, response};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::Upstream;
use crate::tcp::admission::Limits;

/// The share of memory of a user, in bytes.
const LIMIT: usize = 300_000;

/// More than half of the share.
const PART: usize = 200_000;

const TO_DONE: &str = "PROCESSING\r\nDONE\r\n\r\n";

/// Sends this many Executes ahead of each Execute of the client.
struct Ahead(usize);

impl Module for Ahead {
    fn name(&self) -> &'static str {
        "ahead"
    }

    fn description(&self) -> &'static str {
        "sends requests ahead"
    }

    fn dispatch(&self, operation: &mut Operation, _session: &mut Session) -> Decision {
        if operation.ahead.len() >= self.0 {
            return Decision::Forward;
        }
        let request = AheadRequest::Execute { flags: RpcFlags::NONE, buffers: Vec::new(), room: 0 };
        Decision::Ahead(Box::new(request))
    }
}

fn proxy(ahead: usize) -> Proxy {
    let limits = Limits { request_bytes_per_user: LIMIT, ..Limits::default() };
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Ahead(ahead))];
    Setup { modules, limits, ..Setup::default() }.before(&Upstream::silent())
}

fn executes(proxy: &Proxy) -> Client {
    Client::new(proxy) >> request("alice", "Execute", "", &[0; 16]) << WaitsForServer
}

fn head(framing: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n{framing}\r\n\r\n"
    )
}

/// A whole response with a payload of `length` bytes.
fn whole(length: usize) -> String {
    let body = TO_DONE.to_owned() + &"x".repeat(length);
    head(&format!("Content-Length: {}", body.len())) + &body
}

#[test]
fn an_incomplete_response_counts_in_the_users_share_of_memory() {
    for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let chunk = if framing.ends_with("chunked") { "F4240\r\n" } else { "" };
        for ahead in [0, 1] {
            let proxy = proxy(ahead);
            let begun = head(framing) + chunk + TO_DONE + &"x".repeat(PART);
            let client = executes(&proxy) >> response(begun) << WaitsForServer;
            let mut client = client >> response("x".repeat(PART)) << Closed;
            let refusal = client.response();
            assert_eq!((refusal.status(), refusal.code().as_deref()), (503, Some("1")), "{framing} {ahead}");
            assert!(!client.is_server_connected());
            // The memory is free again.
            let mut client = executes(&proxy);
            for _ in 0..ahead {
                client = client >> response(whole(10)) << WaitsForServer;
            }
            let mut client = client >> response(whole(PART)) << KeptAlive;
            assert_eq!(client.response().status(), 200);
        }
    }
}

#[test]
fn the_responses_to_requests_ahead_count_until_the_operation_ends() {
    let client = executes(&proxy(1)) >> response(whole(PART)) << WaitsForServer;
    let mut client = client >> response(whole(PART)) << Closed;
    assert_eq!(client.response().status(), 503);
}

#[test]
fn a_response_ahead_over_the_share_of_memory_ends_with_a_refusal_after_the_keep_alive() {
    let client = executes(&proxy(1)) >> response(head("Content-Length: 1000000"));
    let client = client >> TimePasses(Duration::from_secs(1)) << WaitsForServer;
    let mut client = client >> response("x".repeat(2 * PART)) << KeptAlive;
    let refusal = client.response();
    assert_eq!(refusal.status(), 200);
    assert!(refusal.body.starts_with(b"PROCESSING\r\nDONE\r\nX-ResponseCode: 1\r\n"));
}

/// The body of an Execute with `count` times `RopRelease`.
fn releases(count: usize) -> Vec<u8> {
    let rops = [1, 0, 0].repeat(count);
    let size = |bytes: usize| u16::try_from(bytes).unwrap().to_le_bytes();
    let length = rops.len() + 2;
    // RPC_HEADER_EXT with the flag Last, RopSize, and no handles.
    let buffer = [&[0, 0, 4, 0], &size(length)[..], &size(length), &size(length), &rops].concat();
    let buffer_size = u32::try_from(buffer.len()).unwrap().to_le_bytes();
    [&[0; 4], &buffer_size[..], &buffer, &[0, 0, 4, 0], &[0; 4]].concat()
}

#[test]
fn a_short_request_of_which_much_is_decoded_counts_in_the_users_share_of_memory() {
    let proxy = proxy(0);
    let execute = |user, count| Client::new(&proxy) >> request(user, "Execute", "", &releases(count));
    // The server accepts the service account, which users can use at the same time from now on.
    let accepted = execute("alice", 5) << WaitsForServer;
    let _accepted = accepted >> response(whole(16)) << KeptAlive;
    let first = execute("alice", 500) << WaitsForServer;
    let mut second = execute("alice", 1000) << KeptAlive;
    let refusal = second.response();
    assert_eq!((refusal.status(), refusal.code().as_deref()), (200, Some("1")));
    // Another user has a share of their own, and a few ROPs are not counted.
    let _bobs = execute("bob", 500) << WaitsForServer;
    let _few = execute("alice", 5) << WaitsForServer;
    // The memory is free again after the response.
    let mut first = first >> response(whole(16)) << KeptAlive;
    assert_eq!(first.response().status(), 200);
    let _again = execute("alice", 500) << WaitsForServer;
}

#[test]
fn a_request_with_more_rops_than_are_decoded_is_refused_before_the_server_receives_it() {
    let mut client = Client::new(&Setup::default().before(&Upstream::silent()))
        >> request("alice", "Execute", "", &releases(4097))
        << KeptAlive;
    let refusal = client.response();
    // [MS-OXCMAPIHTTP] 2.2.3.3.3: too large
    assert_eq!((refusal.status(), refusal.code().as_deref()), (200, Some("9")));
    assert!(!client.is_server_connected());
}

//! Long responses, which a thread of the pool decodes: the other connections of the thread are served meanwhile.

use std::rc::Rc;

use crate::http::tests::playbook::Happens::{AccountRevoked, TimePasses, WorkDone};
use crate::http::tests::playbook::State::{KeptAlive, WaitsForWork};
use crate::http::tests::playbook::{Client, Happens, Proxy, mapi, request};
use crate::http::tests::setup::{CALL_LIMIT, Setup};
use crate::http::tests::upstream::Upstream;
use crate::tcp::accept::CHECK_INTERVAL;

/// The size of the responses to an Execute, in bytes.
const LONG: usize = 200_000;

/// A server whose responses to an Execute are long, and a proxy with a pool.
fn long() -> (Rc<Upstream>, Proxy) {
    let upstream = Upstream::new(|got, answer| {
        let length = if got.head.fields.text("x-requesttype") == Some("Execute") { LONG } else { 0 };
        let (set, prefix) = ("Set-Cookie: sid=one", "PROCESSING\r\nDONE\r\n\r\n");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n{set}\r\n\
             Content-Length: {}\r\n\r\n{prefix}",
            prefix.len() + length
        );
        answer.extend_from_slice(head.as_bytes());
        answer.extend(std::iter::repeat_n(0, length));
        true
    });
    let proxy = Setup { deferral: Some(CALL_LIMIT), ..Setup::default() }.before(&upstream);
    (upstream, proxy)
}

/// A client with a session.
fn connected(proxy: &Proxy) -> Client {
    let mut client = Client::new(proxy);
    assert_eq!(client.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 16])).code().unwrap(), "0");
    client
}

fn execute() -> Happens {
    request("alice", "Execute", "sid=one", &[0; 16])
}

#[test]
fn another_user_of_the_thread_is_served_while_a_long_response_is_decoded() {
    let (_upstream, proxy) = long();
    let client = connected(&proxy) >> execute() << WaitsForWork << "";
    let mut other = Client::new(&proxy);
    assert_eq!(other.exchange(mapi("bob", "emsmdb", "PING", "", b"")).code().unwrap(), "0");
    let mut client = client << WaitsForWork >> WorkDone << KeptAlive;
    let answer = client.response();
    assert!(answer.code().as_deref() == Some("0") && answer.body.len() > LONG);
}

#[test]
fn a_client_that_disconnects_while_its_long_response_is_decoded_can_use_its_session() {
    let (_upstream, proxy) = long();
    let client = connected(&proxy) >> execute() << WaitsForWork;
    drop(client);
    let mut client = Client::new(&proxy) >> execute() << WaitsForWork >> WorkDone << KeptAlive;
    assert!(client.response().body.len() > LONG);
}

#[test]
fn a_long_response_is_not_sent_to_a_client_whose_account_was_revoked_meanwhile() {
    let (_upstream, proxy) = long();
    let mut client = connected(&proxy) >> execute() << WaitsForWork >> AccountRevoked;
    client = client >> TimePasses(CHECK_INTERVAL);
    let answer = client.response();
    assert!(answer.body.len() < 1000, "{answer:?}");
}

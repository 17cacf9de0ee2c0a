//! Responses to Connect for which the client does not wait any more.

use std::rc::Rc;
use std::time::Duration;

use engine::SessionLimits;

use crate::http::operation::disconnect::end_at_server;
use crate::http::tests::playbook::Happens::{AccountRevoked, ServerCloses, TimePasses};
use crate::http::tests::playbook::State::{KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, ClientResponse, Proxy, mapi, request, response};
use crate::http::tests::reassigned::run;
use crate::http::tests::sessions::good;
use crate::http::tests::setup::{CALL_LIMIT, Setup};
use crate::http::tests::streaming::HEAD;
use crate::http::tests::upstream::Upstream;
use crate::tcp::accept::CHECK_INTERVAL;

/// A proxy that ends sessions at the server, and a server that sends what the test does.
fn proxy(per_user: usize) -> (Proxy, Rc<Upstream>) {
    let upstream = Upstream::silent();
    let sessions = SessionLimits { per_user, total: 100 };
    let proxy = Setup { sessions, ..Setup::default() }.before(&upstream);
    drop(proxy.config.sessions.clone().ending_at_server());
    (proxy, upstream)
}

/// A successful response that sets `cookies`.
fn opened(cookies: &[&str]) -> Vec<u8> {
    good(&cookies.iter().map(|cookie| (*cookie).to_owned()).collect::<Vec<_>>())
}

/// Sends a request, to which the server responds with `bytes`.
fn exchange(proxy: &Proxy, user: &str, request_type: &str, cookies: &str, bytes: Vec<u8>) -> ClientResponse {
    let mut client = Client::new(proxy) >> request(user, request_type, cookies, &[0; 20]) >> response(bytes);
    client.response()
}

/// A client whose Connect the server has not responded to.
fn connecting(proxy: &Proxy, user: &str) -> Client {
    Client::new(proxy) >> request(user, "Connect", "", &[0; 20]) << WaitsForServer
}

/// Ends the orphaned sessions. Returns the requests by which they are ended at the server.
fn ended(proxy: &Proxy, upstream: &Upstream) -> Vec<(String, String)> {
    drop(upstream.others());
    if let Some(ending) = end_at_server(&proxy.config) {
        run(proxy, ending);
    }
    let field = |head: &http1::RequestHead, name| head.fields.text(name).unwrap_or_default().to_owned();
    let sent = upstream.others().into_iter();
    sent.map(|got| (field(&got.head, "x-requesttype"), field(&got.head, "cookie"))).collect()
}

#[test]
fn a_session_is_ended_at_the_server_whose_response_the_client_does_not_wait_for() {
    let leaves: [fn(Client) -> Client; 3] = [
        |mut client| {
            client.disconnect();
            client
        },
        |client| client >> AccountRevoked >> TimePasses(CHECK_INTERVAL) << KeptAlive,
        |client| client >> TimePasses(CALL_LIMIT) << KeptAlive,
    ];
    for leave in leaves {
        let (proxy, upstream) = proxy(8);
        let before = exchange(&proxy, "alice", "Connect", "", opened(&["MapiContext=1", "seq=a"]));
        assert_eq!(before.status(), 200);
        let client = leave(connecting(&proxy, "bob"));
        assert!(client.is_server_connected() && ended(&proxy, &upstream).is_empty());
        // The server was restarted, and gives bob's session the cookie of alice's.
        let client = client >> response(opened(&["MapiContext=1", "seq=b"]));
        assert!(!client.is_server_connected(), "the body is not read");
        let mut alice = Client::new(&proxy);
        let answer = alice.exchange(mapi("alice", "emsmdb", "Execute", "MapiContext=1; seq=a", &[0; 20]));
        assert_eq!(answer.code().as_deref(), Some("10"));
        let expected = ("Disconnect".to_owned(), "MapiContext=1; seq=b".to_owned());
        assert_eq!(ended(&proxy, &upstream), [expected]);
        assert!(proxy.config.sessions.is_empty());
    }
}

#[test]
fn connects_whose_clients_disconnect_count_in_the_limit_until_their_responses_are_known() {
    let (proxy, upstream) = proxy(3);
    // The server accepts the service account: now several requests of a user are sent at the same time.
    exchange(&proxy, "alice", "Connect", "", opened(&["sid=0"]));
    let connect = || {
        let mut client = connecting(&proxy, "bob");
        client.disconnect();
        client
    };
    let [answers, closes, stays] = [(); 3].map(|()| connect());
    let refused = || {
        drop(upstream.others());
        let answer = Client::new(&proxy).exchange(mapi("bob", "emsmdb", "Connect", "", &[0; 20]));
        assert!(upstream.others().is_empty(), "it is not sent");
        assert_eq!(answer.code().as_deref(), Some("1"));
    };
    refused();
    let answers = answers >> response(opened(&["sid=1"]));
    assert_eq!(ended(&proxy, &upstream), [("Disconnect".to_owned(), "sid=1".to_owned())]);
    let next = connect();
    refused();
    // If the connection breaks, it remains unknown whether the server has the session.
    let closes = closes >> ServerCloses;
    let last = connect();
    refused();
    // The head is waited for as long as by a client, and a minute more.
    let late = stays >> TimePasses(CALL_LIMIT + Duration::from_secs(59));
    assert!(late.is_server_connected());
    let late = late >> TimePasses(Duration::from_secs(2));
    assert!(!late.is_server_connected());
    drop((connect(), answers, closes, next, last));
}

#[test]
fn a_server_that_refuses_a_connect_late_has_no_session() {
    let (proxy, upstream) = proxy(1);
    for status in ["401 Unauthorized", "200 OK"] {
        let mut client = connecting(&proxy, "bob");
        client.disconnect();
        let head = format!(
            "HTTP/1.1 {status}\r\nSet-Cookie: sid=1\r\nX-ResponseCode: 13\r\nContent-Length: 0\r\n\r\n"
        );
        drop(client >> response(head));
        assert!(ended(&proxy, &upstream).is_empty());
    }
    drop(connecting(&proxy, "bob"));
}

#[test]
fn a_response_that_is_refused_because_its_session_ended_has_no_cookies() {
    // The session ends before the head of the response is received, and after it.
    for is_head_first in [false, true] {
        let (proxy, _upstream) = proxy(8);
        exchange(&proxy, "alice", "Connect", "", opened(&["MapiContext=1", "seq=a"]));
        let execute = || request("alice", "Execute", "MapiContext=1; seq=a", &[0; 20]);
        let mut alice = Client::new(&proxy) >> execute() << WaitsForServer;
        let answer = opened(&["seq=secret"]);
        let (head, body) = answer.split_at(if is_head_first { answer.len() - 40 } else { 0 });
        alice = alice >> response(head) << WaitsForServer;
        exchange(&proxy, "bob", "Connect", "", opened(&["MapiContext=1", "seq=b"]));
        alice = alice >> response(body) << KeptAlive;
        let refused = alice.response();
        assert_eq!((refused.status(), refused.code().as_deref()), (200, Some("10")), "{is_head_first}");
        assert_eq!((refused.header("set-cookie"), refused.header("x-requestid")), (None, Some("{1}:1")));
        assert!(!refused.body.windows(6).any(|text| text == b"secret"));
    }
}

#[test]
fn a_streamed_response_whose_session_ended_before_its_head_is_refused_without_cookies() {
    let (proxy, _upstream) = proxy(8);
    exchange(&proxy, "alice", "Connect", "", opened(&["MapiContext=1", "seq=a"]));
    let execute = request("alice", "Execute", "MapiContext=1; seq=a", &[0; 20]);
    let alice = Client::new(&proxy) >> execute << WaitsForServer;
    exchange(&proxy, "bob", "Connect", "", opened(&["MapiContext=1", "seq=b"]));
    let head = HEAD.trim_ascii_end();
    let begin = format!("{head}\r\nSet-Cookie: seq=secret\r\n\r\nc\r\nPROCESSING\r\n\r\n");
    let mut alice = alice >> response(begin) << KeptAlive;
    let refused = alice.response();
    assert_eq!((refused.code().as_deref(), refused.header("set-cookie")), (Some("10"), None));
}

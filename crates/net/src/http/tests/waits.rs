//! The waits of a request: each ends when the client closes its connection, the proxy ends, or the client's account is
//! revoked, whatever the server does.

use std::rc::Rc;

use engine::{Decision, Delivery, Module, Work};
use identity::Mechanism;
use testkit::deferred::Decider;

use crate::event_log::tests::logged;
use crate::http::memory_stream::PIPE;
use crate::http::tests::playbook::Happens::{AccountRevoked, ProxyEnds, Request, Rest, TimePasses};
use crate::http::tests::playbook::State::{Closed, CutShort, KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, Happens, Proxy, basic, get, head, mapi, request, response};
use crate::http::tests::setup::{CALL_LIMIT, Setup};
use crate::http::tests::upstream::{AtHead, Upstream};
use crate::tcp::accept::CHECK_INTERVAL;

/// More bytes than fit into the buffers between the client and the server.
const LONG: usize = 8 * PIPE;

/// A server that reads no body of a request.
fn reads_no_body() -> Rc<Upstream> {
    Upstream::early(|_, _| AtHead::StopsReading, |_, _| true)
}

/// A proxy at whose module each operation waits.
fn defers() -> Setup {
    let decider = Decider::new(
        |_| Decision::Defer(Work::new(|_| (), |(), _, _| Decision::Forward)),
        |_| Delivery::Pass,
    );
    let modules: Vec<Box<dyn Module>> = vec![Box::new(decider)];
    Setup { modules, deferral: Some(CALL_LIMIT), ..Setup::default() }
}

fn upload() -> Happens {
    Request([head("POST", LONG).as_bytes(), &vec![0; LONG]].concat())
}

fn long_operation() -> Happens {
    request("alice", "Execute", "", &vec![0; LONG])
}

fn discover() -> Happens {
    Request(head("GET", 0).replace("/ews/x", "/autodiscover/autodiscover.xml").into_bytes())
}

/// A wait of a request.
struct Wait {
    name: &'static str,
    setup: fn() -> Setup,
    upstream: fn() -> Rc<Upstream>,
    request: fn() -> Happens,
    /// Whether another request of the same user waits at the server before.
    is_second: bool,
}

const DEFAULT: Wait = Wait {
    name: "the response of the server to a forwarded request",
    setup: Setup::default,
    upstream: Upstream::silent,
    request: get,
    is_second: false,
};

/// The waits of authenticated requests.
const WAITS: [Wait; 8] = [
    DEFAULT,
    Wait { name: "the response to an operation", request: || request("alice", "PING", "", b""), ..DEFAULT },
    Wait { name: "the response of Autodiscover", request: discover, ..DEFAULT },
    Wait { name: "sending a body", upstream: reads_no_body, request: upload, ..DEFAULT },
    Wait { name: "sending an operation", upstream: reads_no_body, request: long_operation, ..DEFAULT },
    Wait {
        name: "the handshake of the service account",
        setup: || Setup { service: Mechanism::NTLM, ..Setup::default() },
        ..DEFAULT
    },
    Wait { name: "the outcome of another authentication", is_second: true, ..DEFAULT },
    Wait { name: "deferred work", setup: defers, request: || request("alice", "PING", "", b""), ..DEFAULT },
];

impl Wait {
    /// A client whose request waits, a client before it, and the proxy.
    fn begin(&self) -> (Client, Option<Client>, Proxy) {
        let upstream = (self.upstream)();
        let proxy = (self.setup)().before(&upstream);
        let first = self.is_second.then(|| Client::new(&proxy) >> get() << WaitsForServer);
        let client = Client::new(&proxy) >> (self.request)();
        (client, first, proxy)
    }
}

/// A wait of a client that is not authenticated.
const PROBE: Wait = Wait {
    name: "a probe of pass-through authentication",
    setup: || Setup { pass_through: true, ..Setup::default() },
    request: || Request(b"GET /ews/x HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
    ..DEFAULT
};

#[test]
fn each_wait_of_a_request_ends_when_the_client_closes_its_connection() {
    for wait in WAITS.iter().chain([&PROBE]) {
        let (mut client, first, proxy) = wait.begin();
        let before = proxy.connections();
        client.disconnect();
        if matches!((wait.request)(), Request(bytes) if bytes.len() > PIPE) {
            // The end of the connection follows more than the proxy reads ahead.
            client.happens(TimePasses(CHECK_INTERVAL));
        }
        assert_eq!(
            (before, proxy.connections()),
            (1 + usize::from(first.is_some()), before - 1),
            "{}",
            wait.name
        );
    }
}

#[test]
fn each_wait_of_a_request_ends_when_the_proxy_ends() {
    for wait in WAITS.iter().chain([&PROBE]) {
        let (client, _first, proxy) = wait.begin();
        assert_eq!(proxy.connections(), 1 + usize::from(wait.is_second), "{}", wait.name);
        let client = client >> ProxyEnds;
        assert_eq!(client.state(), Some(CutShort), "{}", wait.name);
    }
}

#[test]
fn each_wait_of_a_request_ends_with_a_challenge_when_the_account_is_revoked() {
    for wait in &WAITS {
        let (client, _first, _proxy) = wait.begin();
        let mut client = client >> AccountRevoked >> TimePasses(CHECK_INTERVAL);
        assert!(matches!(client.state(), Some(KeptAlive | Closed)), "{}: {:?}", wait.name, client.state());
        let answer = client.response();
        assert_eq!(answer.status(), 401, "{}", wait.name);
        assert!(answer.head.fields.has("www-authenticate"), "{}", wait.name);
    }
}

#[test]
fn the_wait_for_the_rest_of_a_body_ends_when_the_account_is_revoked() {
    let autodiscover = head("POST", 1000).replace("/ews/x", "/autodiscover/autodiscover.xml");
    let chunked = "POST /ews/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
    let chunked = format!("{chunked}{}\r\n1\r\nx\r\n", basic("alice"));
    let operation = mapi("alice", "emsmdb", "Execute", "", &[0; 1000]);
    for (case, begin) in [
        ("forwarded", head("POST", 1000).into_bytes()),
        ("chunked", chunked.into_bytes()),
        ("Autodiscover", autodiscover.into_bytes()),
        ("operation", operation[..operation.len() - 1000].to_vec()),
    ] {
        let upstream = Upstream::silent();
        let proxy = Setup::default().before(&upstream);
        let client = Client::new(&proxy) >> Request(begin) >> AccountRevoked;
        let client = client >> TimePasses(CHECK_INTERVAL);
        assert!(client.is_answered(), "{case}");
        let mut client = client >> Rest(vec![b'x'; 1000]);
        assert_eq!(client.response().status(), 401, "{case}");
    }
}

#[test]
fn a_response_that_the_client_does_not_read_ends_when_the_account_is_revoked() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy) >> get() << WaitsForServer;
    client.stop_reading();
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n{}", "x".repeat(LONG));
    let client = client >> response(long) >> AccountRevoked;
    assert_eq!(proxy.connections(), 1);
    let _client = client >> TimePasses(CHECK_INTERVAL);
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_client_that_does_not_read_a_response_in_time_is_logged_with_the_key_of_the_limit() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy) >> get() << WaitsForServer;
    client.stop_reading();
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n{}", "x".repeat(LONG));
    let client = client >> response(long);
    let lines = logged(|| drop(client >> TimePasses(Setup::default().limits.handshake)));
    assert_eq!(proxy.connections(), 0);
    let line = "message=client connection closed: response not read within clients.handshake_seconds ";
    assert!(lines.iter().any(|logged| logged.starts_with(line)), "{lines:?}");
}

//! Attempts to authenticate at the same time.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{ClaimedName, Mechanism};
use testkit::http_auth::basic;
use tokio::time::Instant;

use super::server::refuse;
use super::{before, with};
use crate::http::tests::playbook::Client;
use crate::http::tests::playbook::Happens::{Request, Response, Shutdown, TimePasses};
use crate::http::tests::playbook::State::{Closed, CutShort, WaitsForServer, WaitsForWork};
use crate::http::tests::upstream::Upstream;

/// A server that offers Basic, and sends nothing by itself to a request with credentials.
fn slow_server() -> Rc<Upstream> {
    Upstream::new(|got, out| {
        got.head.fields.text("authorization").is_some()
            || refuse(out, got, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n")
    })
}

/// The credentials that reached the server.
fn credentials(upstream: &Upstream) -> Vec<String> {
    let sent = upstream.others().into_iter();
    sent.filter_map(|got| got.head.fields.text("authorization").map(str::to_owned)).collect()
}

#[test]
fn guesses_at_the_same_time_are_limited_as_those_in_sequence() {
    let upstream = slow_server();
    let proxy = before(&upstream);
    let guess = |number: u32| {
        let credentials = STANDARD.encode(format!("alice:guess{number}"));
        Request(with(&format!("Basic {credentials}")).into_bytes())
    };
    let mut in_flight: Vec<_> =
        (0..6).map(|number| Client::new(&proxy) >> guess(number) << WaitsForServer).collect();
    let waiting: Vec<_> =
        (6..12).map(|number| Client::new(&proxy) >> guess(number) << WaitsForWork).collect();
    assert_eq!(credentials(&upstream).len(), 6);
    // Another account is not affected.
    let _other = Client::new(&proxy) >> Request(with(&basic("bob")).into_bytes()) << WaitsForServer;
    let refused = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
    for client in &mut in_flight {
        client.happens(Response(refused.into()));
        assert_eq!(client.response().status(), 401);
    }
    for client in waiting {
        let mut client = client >> TimePasses(Duration::from_millis(1100)) << Closed;
        assert_eq!(client.response().status(), 429);
    }
    assert_eq!(credentials(&upstream), [basic("bob")]);
}

#[test]
fn connections_with_the_right_password_wait_for_the_first_ones() {
    let upstream = slow_server();
    let proxy = before(&upstream);
    let request = || Request(with(&basic("alice")).into_bytes());
    let mut first: Vec<_> = (0..6).map(|_| Client::new(&proxy) >> request() << WaitsForServer).collect();
    assert_eq!(credentials(&upstream).len(), 6);
    let _waiting = Client::new(&proxy) >> request() << WaitsForWork;
    assert!(credentials(&upstream).is_empty());
    let executed = "HTTP/1.1 200 OK\r\nX-RequestType: PING\r\nX-ResponseCode: 0\r\nContent-Length: 0\r\n\r\n";
    first[0].happens(Response(executed.into()));
    // The request of the first one, and the probe of the one that waited.
    assert_eq!(credentials(&upstream), [basic("alice"), basic("alice")]);
}

#[test]
fn an_attempt_that_waits_for_others_ends_with_the_proxy() {
    let upstream = slow_server();
    let proxy = before(&upstream);
    let request = || Request(with(&basic("alice")).into_bytes());
    let _first: Vec<_> = (0..6).map(|_| Client::new(&proxy) >> request() << WaitsForServer).collect();
    let client = Client::new(&proxy) >> request() << WaitsForWork;
    let _client = client >> Shutdown << CutShort;
}

#[test]
fn an_attempt_that_waits_for_others_ends_with_its_connection() {
    let upstream = slow_server();
    let proxy = before(&upstream);
    let request = || Request(with(&basic("alice")).into_bytes());
    let mut first: Vec<_> = (0..6).map(|_| Client::new(&proxy) >> request() << WaitsForServer).collect();
    let waiting: Vec<_> = (0..3).map(|_| Client::new(&proxy) >> request() << WaitsForWork).collect();
    assert_eq!(credentials(&upstream).len(), 6);
    drop(waiting);
    let executed = "HTTP/1.1 200 OK\r\nX-RequestType: PING\r\nX-ResponseCode: 0\r\nContent-Length: 0\r\n\r\n";
    first[0].happens(Response(executed.into()));
    // The request of the first one alone.
    assert_eq!(credentials(&upstream), [basic("alice")]);
}

#[test]
fn a_guess_whose_outcome_the_client_does_not_await_counts() {
    let upstream = slow_server();
    let proxy = before(&upstream);
    let guess = || Request(with("Basic YWxpY2U6d3Jvbmc=").into_bytes());
    let mut gone: Vec<_> = (0..6).map(|_| Client::new(&proxy) >> guess() << WaitsForServer).collect();
    gone.iter_mut().for_each(Client::disconnect);
    let _client = Client::new(&proxy) >> guess() << WaitsForWork;
    assert_eq!(credentials(&upstream).len(), 6);
}

#[test]
fn an_attempt_that_waits_too_long_for_others_may_have_the_right_password() {
    let upstream = slow_server();
    let proxy = before(&upstream);
    let alice = ClaimedName::in_header(Mechanism::BASIC, STANDARD.encode("alice:x").as_bytes()).unwrap();
    let begin = || {
        let client = SocketAddr::from(([192, 0, 2, 1], 4000));
        proxy.config.auth_limiter.begin_at_once(client, &alice, Instant::now()).unwrap()
    };
    let _in_flight: Vec<_> = (0..6).map(|_| begin()).collect();
    let client = Client::new(&proxy) >> Request(with(&basic("alice")).into_bytes()) << WaitsForWork;
    let client = client >> TimePasses(Duration::from_millis(29_900)) << WaitsForWork;
    let mut client = client >> TimePasses(Duration::from_millis(1200)) << Closed;
    let answer = client.response();
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("2")));
    assert!(String::from_utf8_lossy(&answer.body).contains("wait for the server's response"));
}

#[test]
fn guesses_to_which_the_server_responds_with_another_status_than_401_are_limited() {
    let login = "HTTP/1.1 302 Found\r\nLocation: /login?failed=1\r\nContent-Length: 0\r\n\r\n";
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
    for (response, status) in [
        ("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", 403),
        ("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 502),
        (login, 502),
        (page, 502),
    ] {
        let upstream = Upstream::new(move |got, out| {
            if got.head.fields.text("authorization").is_some() {
                out.extend_from_slice(response.as_bytes());
                return true;
            }
            refuse(out, got, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n")
        });
        let proxy = before(&upstream);
        let guess = |number: u32| {
            let credentials = STANDARD.encode(format!("alice:guess{number}"));
            Request(with(&format!("Basic {credentials}")).into_bytes())
        };
        for number in 0..21 {
            let mut client = Client::new(&proxy);
            client.happens(guess(number));
            assert_eq!(client.response().status(), status, "{number}");
        }
        drop(credentials(&upstream));
        let client = Client::new(&proxy) >> guess(21) << WaitsForWork;
        let mut client = client >> TimePasses(Duration::from_millis(1100)) << Closed;
        assert_eq!(client.response().status(), 429);
        assert!(credentials(&upstream).is_empty());
        // Another account is not affected.
        let mut other = Client::new(&proxy);
        other.happens(Request(with(&basic("bob")).into_bytes()));
        assert_eq!(other.response().status(), status);
    }
}

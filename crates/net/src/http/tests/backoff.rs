//! The back-off of clients whose authentication failed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use testkit::http_auth::basic;

use crate::http::tests::playbook::Client;
use crate::http::tests::playbook::Happens::{Request, TimePasses};
use crate::http::tests::playbook::State::{Closed, KeptAlive, WaitsForWork};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::Upstream;
use crate::http::trusted_proxies::TrustedProxies;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A request with wrong credentials of alice.
const WRONG: &str = "Basic YWxpY2U6d3Jvbmc=";

fn get(credentials: &str, fields: &str) -> Vec<u8> {
    format!("GET /ews/x HTTP/1.1\r\nHost: a\r\nAuthorization: {credentials}\r\n{fields}\r\n").into_bytes()
}

#[test]
fn a_client_that_guesses_is_delayed_and_its_connection_is_closed() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    for _ in 0..6 {
        assert_eq!(Client::new(&proxy).exchange(get(WRONG, "")).status(), 401);
    }
    // The right password is not checked either.
    let client = Client::new(&proxy) >> Request(get(&basic("alice"), "")) << WaitsForWork;
    let mut client = client >> TimePasses(Duration::from_secs(1)) << Closed;
    let answer = client.response();
    assert_eq!((answer.status(), answer.header("retry-after"), answer.header("connection")), {
        (429, Some("2"), Some("close"))
    });
    assert!(upstream.others().is_empty());
    // The account is not blocked for longer, nor are other accounts meanwhile.
    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(get(&basic("bob"), "")).status(), 200);
    assert_eq!(client.exchange(get(&basic("alice"), "")).status(), 200);
}

#[test]
fn the_connection_of_a_trusted_reverse_proxy_is_neither_delayed_nor_closed() {
    let upstream = Upstream::responding(OK);
    let from = std::net::Ipv4Addr::new(192, 0, 2, 1).into();
    let peers = TrustedProxies { forwarded_for: vec![from], ..TrustedProxies::default() };
    let proxy = Setup { peers, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    let one = "X-Forwarded-For: 198.51.100.1\r\n";
    for _ in 0..6 {
        assert_eq!(client.exchange(get(WRONG, one)).status(), 401);
    }
    let mut client = client >> Request(get(&basic("alice"), one)) << KeptAlive;
    let answer = client.response();
    assert_eq!((answer.status(), answer.header("connection")), (429, None));
    // Another client of the reverse proxy is not affected.
    let other = "X-Forwarded-For: 198.51.100.2\r\n";
    assert_eq!(client.exchange(get(&basic("alice"), other)).status(), 200);
}

#[test]
fn a_client_with_an_account_of_the_same_name_in_another_domain_is_delayed_too() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let wrong = format!("Basic {}", STANDARD.encode("info@victim.test:wrong"));
    for _ in 0..6 {
        assert_eq!(Client::new(&proxy).exchange(get(&basic("info@evil.test"), "")).status(), 200);
        assert_eq!(Client::new(&proxy).exchange(get(&wrong, "")).status(), 401);
    }
    assert_eq!(Client::new(&proxy).exchange(get(&basic("info@evil.test"), "")).status(), 200);
    let client = Client::new(&proxy) >> Request(get(&wrong, "")) << WaitsForWork;
    let mut client = client >> TimePasses(Duration::from_secs(1)) << Closed;
    assert_eq!(client.response().status(), 429);
}

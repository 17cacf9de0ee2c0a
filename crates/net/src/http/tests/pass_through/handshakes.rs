//! Handshakes, each of which authenticates one connection from end to end.

use std::collections::HashMap;

use testkit::http_auth::{basic, ntlm_challenge};

use super::server::{is_probe, refuse, server};
use super::{Ntlm, before, get, offers, open_contexts, proxy_and_server, user, with};
use crate::http::tests::playbook::Client;
use crate::http::tests::playbook::Happens::{Request, Rest, ServerClosesAll};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::Upstream;
use crate::http::trusted_proxies::TrustedProxies;

#[test]
fn ntlm_authenticates_its_connection_only() {
    let (upstream, _, proxy) = proxy_and_server();
    let (mut alice, mut bob) = (Client::new(&proxy), Client::new(&proxy));
    // Both handshakes are in progress at the same time.
    let (mut of_alice, mut of_bob) = (Ntlm::new("alice"), Ntlm::new("bob"));
    let for_alice = alice.exchange(of_alice.next(None));
    let for_bob = bob.exchange(of_bob.next(None));
    assert_eq!(user(&bob.exchange(of_bob.next(Some(&for_bob)))), (200, Some("bob")));
    assert_eq!(user(&alice.exchange(of_alice.next(Some(&for_alice)))), (200, Some("alice")));
    for _ in 0..3 {
        assert_eq!(user(&alice.exchange(get("/ews/x", ""))), (200, Some("alice")));
        assert_eq!(user(&bob.exchange(get("/ews/x", ""))), (200, Some("bob")));
    }
    assert_eq!(Client::new(&proxy).exchange(get("/ews/x", "")).status(), 401);
    let seen = upstream.others();
    for got in seen.iter().filter(|got| got.head.method() == "GET") {
        assert!(!got.head.fields.has("authorization"), "{got:?}");
    }
    assert_eq!(open_contexts(&proxy), 2);
}

#[test]
fn the_token_of_another_client_authenticates_no_connection() {
    let (_upstream, _, proxy) = proxy_and_server();
    let (mut alice, mut bob) = (Client::new(&proxy), Client::new(&proxy));
    let mut of_alice = Ntlm::new("alice");
    let for_alice = alice.exchange(of_alice.next(None));
    let last = of_alice.next(Some(&for_alice));
    // Before, during and after a handshake of bob's.
    assert_eq!(bob.exchange(last.clone()).status(), 401);
    assert_eq!(bob.exchange(Ntlm::new("bob").next(None)).status(), 401);
    assert_eq!(bob.exchange(last.clone()).status(), 401);
    assert_eq!(user(&Ntlm::authenticate("bob", &mut bob)), (200, Some("bob")));
    assert_eq!(bob.exchange(last.clone()).status(), 401);
    assert_eq!(bob.exchange(get("/ews/x", "")).status(), 401, "bob's own authentication ends with it");
    // Alice's handshake continues.
    assert_eq!(user(&alice.exchange(last.clone())), (200, Some("alice")));
}

#[test]
fn a_password_during_a_handshake_ends_it() {
    let (upstream, _, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&client.exchange(with(&basic("alice")))), (200, Some("alice")));
    let mut bob = Ntlm::new("bob");
    let challenge = client.exchange(bob.next(None));
    assert_eq!(user(&client.exchange(with(&basic("alice")))), (200, Some("alice")));
    assert_eq!(client.exchange(bob.next(Some(&challenge))).status(), 401);
    // No connection carried both.
    let mut schemes = HashMap::new();
    for got in upstream.others() {
        if let Some(sent) = got.head.fields.text("authorization") {
            let scheme = sent.split(' ').next().unwrap().to_owned();
            assert_eq!(*schemes.entry(got.connection).or_insert_with(|| scheme.clone()), scheme);
        }
    }
}

#[test]
fn a_request_without_credentials_during_a_handshake_is_not_authenticated() {
    let (_upstream, _, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    let mut alice = Ntlm::new("alice");
    let challenge = client.exchange_both(&alice.next(None), &get("/ews/x", ""));
    let second = client.response();
    assert_eq!((second.status(), offers(&second).len()), (401, 4));
    assert_eq!(client.exchange(alice.next(Some(&challenge))).status(), 401);
    assert_eq!(user(&Ntlm::authenticate("alice", &mut client)), (200, Some("alice")));
    // A request that follows the last token is authenticated.
    let mut other = Client::new(&proxy);
    let mut bob = Ntlm::new("bob");
    let challenge = other.exchange(bob.next(None));
    let answer = other.exchange_both(&bob.next(Some(&challenge)), &get("/ews/x", ""));
    assert_eq!(user(&answer), (200, Some("bob")));
    assert_eq!(user(&other.response()), (200, Some("bob")));
}

#[test]
fn a_connection_that_the_server_closed_is_never_replaced_for_a_client_that_authenticated_on_it() {
    // During the handshake: the proxy notices the end before it receives the next token.
    let (_upstream, behaviour, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    behaviour.closes_next.set(true);
    let mut alice = Ntlm::new("alice");
    let challenge = client.exchange(alice.next(None));
    let again = client.exchange(alice.next(Some(&challenge)));
    assert_eq!((again.status(), offers(&again).len()), (401, 4));
    assert_eq!(open_contexts(&proxy), 0);
    // After the handshake.
    let (upstream, behaviour, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&Ntlm::authenticate("alice", &mut client)), (200, Some("alice")));
    behaviour.closes_next.set(true);
    assert_eq!(user(&client.exchange(get("/ews/x", ""))), (200, Some("alice")));
    upstream.others();
    let refused = client.exchange(get("/ews/x", ""));
    assert_eq!((refused.status(), offers(&refused).len()), (401, 4));
    assert!(upstream.others().iter().all(is_probe), "the request was sent on another connection");
}

#[test]
fn a_client_begins_again_if_the_server_closes_the_connection_upon_its_token() {
    // The server reads the second token and closes without a response.
    let upstream = Upstream::new(|got, stream| match got.head.fields.text("authorization") {
        None => refuse(stream, got, 401, "WWW-Authenticate: NTLM\r\n"),
        Some(sent) => ntlm_challenge(sent).is_some_and(|challenge| refuse(stream, got, 401, &challenge)),
    });
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    for _ in 0..2 {
        let mut alice = Ntlm::new("alice");
        let challenge = client.exchange(alice.next(None));
        let again = client.exchange(alice.next(Some(&challenge)));
        assert_eq!((again.status(), offers(&again)), (401, vec!["NTLM".to_owned()]));
    }
    assert_eq!(open_contexts(&proxy), 0);
}

#[test]
fn a_connection_that_closes_during_a_request_is_not_replaced_either() {
    let (upstream, _, proxy) = proxy_and_server();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&Ntlm::authenticate("alice", &mut client)), (200, Some("alice")));
    upstream.others();
    // The proxy reads the whole body before it forwards the request.
    let head =
        "POST /ews/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    client.happens(Request(head.into()));
    assert!(client.until("\r\n\r\n").starts_with("HTTP/1.1 100"));
    client.happens(ServerClosesAll);
    client.happens(Rest(b"0\r\n\r\n".to_vec()));
    let refused = client.response();
    assert_eq!((refused.status(), offers(&refused).len()), (401, 4));
    assert!(upstream.others().is_empty());
    assert_eq!(open_contexts(&proxy), 0);
    assert_eq!(user(&Ntlm::authenticate("alice", &mut client)), (200, Some("alice")));
}

#[test]
fn handshakes_are_not_offered_on_a_connection_that_several_clients_share() {
    let (upstream, _) = server();
    let peers = || TrustedProxies {
        forwarded_for: vec![std::net::Ipv4Addr::new(192, 0, 2, 1).into()],
        ..TrustedProxies::default()
    };
    let proxy = Setup { pass_through: true, peers: peers(), ..Setup::default() }.before(&upstream);
    let mut front = Client::new(&proxy);
    let asked = front.exchange(get("/ews/x", "X-Forwarded-For: 10.0.0.1\r\n"));
    assert_eq!(offers(&asked), ["Basic realm=\"x\"", "Bearer"]);
    assert_eq!(offers(&front.exchange(Ntlm::new("alice").next(None))), ["Basic realm=\"x\"", "Bearer"]);
    for name in ["alice", "bob", "alice"] {
        assert_eq!(user(&front.exchange(with(&basic(name)))), (200, Some(name)));
        assert_eq!(front.exchange(get("/ews/x", "")).status(), 401);
    }
}

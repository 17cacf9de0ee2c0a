//! Handshakes, each of which is of one connection from end to end.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

use net::http::Peers;

use super::server::{challenge, is_probe, refuse, server};
use super::{Ntlm, basic, before, get, offers, open_contexts, place, user, with};
use crate::support::{Client, Setup, Upstream};

#[test]
fn ntlm_passes_and_holds_for_its_connection_alone() {
    let (upstream, _, proxy) = place();
    let (mut alice, mut bob) = (Client::new(&proxy), Client::new(&proxy));
    // Both shake hands at the same time.
    let (mut of_alice, mut of_bob) = (Ntlm::new("alice"), Ntlm::new("bob"));
    let for_alice = alice.ask(of_alice.next(None));
    let for_bob = bob.ask(of_bob.next(None));
    assert_eq!(user(&bob.ask(of_bob.next(Some(&for_bob)))), (200, Some("bob")));
    assert_eq!(user(&alice.ask(of_alice.next(Some(&for_alice)))), (200, Some("alice")));
    for _ in 0..3 {
        assert_eq!(user(&alice.ask(get("/ews/x", ""))), (200, Some("alice")));
        assert_eq!(user(&bob.ask(get("/ews/x", ""))), (200, Some("bob")));
    }
    assert_eq!(Client::new(&proxy).ask(get("/ews/x", "")).status(), 401);
    let seen = upstream.others();
    for got in seen.iter().filter(|got| got.head.method() == "GET") {
        assert!(!got.head.fields.has("authorization"), "{}", got.text());
    }
    assert_eq!(open_contexts(&proxy), 2);
}

#[test]
fn the_token_of_another_opens_nothing() {
    let (_upstream, _, proxy) = place();
    let (mut alice, mut bob) = (Client::new(&proxy), Client::new(&proxy));
    let mut of_alice = Ntlm::new("alice");
    let for_alice = alice.ask(of_alice.next(None));
    let last = of_alice.next(Some(&for_alice));
    // Where bob did not begin, where he is in the middle, and where he is signed in.
    assert_eq!(bob.ask(&last).status(), 401);
    assert_eq!(bob.ask(Ntlm::new("bob").next(None)).status(), 401);
    assert_eq!(bob.ask(&last).status(), 401);
    assert_eq!(user(&Ntlm::sign_in("bob", &mut bob)), (200, Some("bob")));
    assert_eq!(bob.ask(&last).status(), 401);
    assert_eq!(bob.ask(get("/ews/x", "")).status(), 401, "bob's own sign-in does not outlive it");
    // Alice is not disturbed by it.
    assert_eq!(user(&alice.ask(&last)), (200, Some("alice")));
}

#[test]
fn a_password_in_the_middle_of_a_handshake_ends_it() {
    let (upstream, _, proxy) = place();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&client.ask(with(&basic("alice")))), (200, Some("alice")));
    let mut bob = Ntlm::new("bob");
    let challenge = client.ask(bob.next(None));
    assert_eq!(user(&client.ask(with(&basic("alice")))), (200, Some("alice")));
    assert_eq!(client.ask(bob.next(Some(&challenge))).status(), 401);
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
fn what_comes_without_credentials_in_the_middle_of_a_handshake_is_nobodys() {
    let (_upstream, _, proxy) = place();
    let mut client = Client::new(&proxy);
    let mut alice = Ntlm::new("alice");
    let both = alice.next(None) + &get("/ews/x", "");
    let challenge = client.ask(both);
    let second = client.answer(false);
    assert_eq!((second.status(), offers(&second).len()), (401, 4));
    assert_eq!(client.ask(alice.next(Some(&challenge))).status(), 401);
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
    // What was sent behind the last token is theirs.
    let mut other = Client::new(&proxy);
    let mut bob = Ntlm::new("bob");
    let challenge = other.ask(bob.next(None));
    let both = bob.next(Some(&challenge)) + &get("/ews/x", "");
    assert_eq!(user(&other.ask(both)), (200, Some("bob")));
    assert_eq!(user(&other.answer(false)), (200, Some("bob")));
}

#[test]
fn a_connection_that_is_gone_is_never_replaced_behind_the_clients_back() {
    // Whether the proxy hears of the end before the next leg comes or after it.
    for waits in [true, false] {
        let (_upstream, orders, proxy) = place();
        let mut client = Client::new(&proxy);
        orders.dies.store(true, Ordering::SeqCst);
        let mut alice = Ntlm::new("alice");
        let challenge = client.ask(alice.next(None));
        if waits {
            orders.wait_for_closed(1);
        }
        let again = client.ask(alice.next(Some(&challenge)));
        assert_eq!((again.status(), offers(&again).len()), (401, 4));
        assert_eq!(open_contexts(&proxy), 0);
    }
    // After the sign-in too.
    let (upstream, orders, proxy) = place();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
    orders.closes.store(true, Ordering::SeqCst);
    orders.streams.lock().unwrap().clear();
    assert_eq!(user(&client.ask(get("/ews/x", ""))), (200, Some("alice")));
    orders.wait_for_closed(1);
    upstream.others();
    let refused = client.ask(get("/ews/x", ""));
    assert_eq!((refused.status(), offers(&refused).len()), (401, 4));
    assert!(upstream.others().iter().all(is_probe), "it was sent elsewhere");
}

#[test]
fn the_connection_of_a_handshake_that_ends_under_a_leg_has_the_client_begin_anew() {
    // The server takes the second leg and closes without an answer.
    let upstream = Upstream::new(|got, stream| match got.head.fields.text("authorization") {
        None => refuse(stream, got, 401, "WWW-Authenticate: NTLM\r\n"),
        Some(sent) => challenge(sent).is_some_and(|challenge| refuse(stream, got, 401, &challenge)),
    });
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    for _ in 0..2 {
        let mut alice = Ntlm::new("alice");
        let challenge = client.ask(alice.next(None));
        let again = client.ask(alice.next(Some(&challenge)));
        assert_eq!((again.status(), offers(&again)), (401, vec!["NTLM".to_owned()]));
    }
    assert_eq!(open_contexts(&proxy), 0);
}

#[test]
fn a_connection_that_closes_while_a_request_comes_is_not_replaced_either() {
    let (upstream, orders, proxy) = place();
    let mut client = Client::new(&proxy);
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
    upstream.others();
    // The body is to be there as a whole before the request goes on.
    client.send(
        "POST /ews/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    );
    assert!(client.until("\r\n\r\n").starts_with("HTTP/1.1 100"));
    orders.close();
    let refused = client.ask("0\r\n\r\n");
    assert_eq!((refused.status(), offers(&refused).len()), (401, 4));
    assert!(upstream.others().is_empty());
    assert_eq!(open_contexts(&proxy), 0);
    assert_eq!(user(&Ntlm::sign_in("alice", &mut client)), (200, Some("alice")));
}

#[test]
fn where_several_clients_share_a_connection_no_handshake_is_passed_on() {
    let (upstream, _) = server();
    let peers = || Peers { forwarded_for: vec![Ipv4Addr::LOCALHOST.into()], ..Peers::default() };
    let proxy = Setup { relayed: true, peers: peers(), ..Setup::default() }.before(&upstream);
    let mut front = Client::new(&proxy);
    let asked = front.ask(get("/ews/x", "X-Forwarded-For: 10.0.0.1\r\n"));
    assert_eq!(offers(&asked), ["Basic realm=\"x\"", "Bearer"]);
    assert_eq!(offers(&front.ask(Ntlm::new("alice").next(None))), ["Basic realm=\"x\"", "Bearer"]);
    for name in ["alice", "bob", "alice"] {
        assert_eq!(user(&front.ask(with(&basic(name)))), (200, Some(name)));
        assert_eq!(front.ask(get("/ews/x", "")).status(), 401);
    }
}

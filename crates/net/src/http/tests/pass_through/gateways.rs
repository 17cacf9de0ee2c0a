//! Gateways that respond in place of the server, and clients that exploit that.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use testkit::http_auth::{basic, ntlm_challenge};

use super::server::{executed, refuse};
use super::{Ntlm, before, get, open_contexts, opened_contexts, with};
use crate::http::tests::playbook::{Client, mapi};
use crate::http::tests::upstream::{ReceivedRequest, Upstream};

const OFFERS: &str = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic\r\n\
                      WWW-Authenticate: Bearer\r\n";

/// The response headers of a PING, for any request.
const PING: &str = "X-RequestType: PING\r\nX-ResponseCode: 0\r\n";

/// Requests with credentials that no server accepts, of MAPI over HTTP and of others.
fn forged() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for credentials in ["Basic YWxpY2U6d3Jvbmc=".to_owned(), "Bearer wrong".to_owned(), basic("alice")] {
        all.push(with(&credentials).into_bytes());
        let operation = String::from_utf8(mapi("alice", "emsmdb", "Connect", "", b"")).unwrap();
        all.push(operation.replace(&basic("alice"), &credentials).into_bytes());
    }
    all.push(Ntlm::new("alice").next(None).into_bytes());
    all.push(Ntlm::new("alice").next(None).replace("NTLM ", "Negotiate ").into_bytes());
    all
}

/// Checks that `upstream` authenticates no client, however often it sends requests.
#[track_caller]
fn authenticates_no_client(upstream: &Rc<Upstream>, what: &str) {
    let proxy = before(upstream);
    for request in forged() {
        let text = String::from_utf8_lossy(&request).into_owned();
        for _ in 0..2 {
            let status = Client::new(&proxy).exchange(request.clone()).status();
            assert!(status == 401 || status == 502, "{what}: {status} to {text}");
        }
    }
    // The last message of NTLM too, with a wrong password.
    let mut client = Client::new(&proxy);
    let mut mallory = Ntlm::new("mallory");
    let answer = client.exchange(mallory.next(None));
    if answer.header("www-authenticate").is_some_and(|value| value.starts_with("NTLM ")) {
        let status = client.exchange(mallory.next(Some(&answer))).status();
        assert!(status == 401 || status == 502, "{what}: {status} to NTLM's last message");
        let status = client.exchange(get("/ews/x", "")).status();
        assert!(status == 401 || status == 502, "{what}: {status} after NTLM's last message");
    }
    assert_eq!(opened_contexts(&proxy), 0, "{what}");
}

#[test]
fn a_gateway_that_responds_to_any_credentials_authenticates_no_client() {
    // A load balancer while no server is up, a firewall's page, a login page.
    for (status, fields) in [
        (404, ""),
        (405, ""),
        (200, "Content-Type: text/html\r\n"),
        (200, "X-ResponseCode: 0\r\n"),
        (200, "X-RequestType: PING\r\nX-ResponseCode: 0\r\nX-ResponseCode: 10\r\n"),
        (302, "Location: /login\r\n"),
    ] {
        let upstream = Upstream::new(move |got, stream| {
            let signs_in = got.head.fields.has("authorization");
            let (status, fields) = if signs_in { (status, fields) } else { (401, OFFERS) };
            refuse(stream, got, status, fields)
        });
        authenticates_no_client(&upstream, &format!("{status} {fields:?}"));
        // The same if it forwards the first token of a handshake.
        let upstream = Upstream::new(move |got, stream| match got.head.fields.text("authorization") {
            None => refuse(stream, got, 401, OFFERS),
            Some(sent) => match ntlm_challenge(sent) {
                Some(challenge) => refuse(stream, got, 401, &challenge),
                None => refuse(stream, got, status, fields),
            },
        });
        authenticates_no_client(&upstream, &format!("{status} {fields:?} in a handshake"));
    }
}

#[test]
fn a_gateway_that_authenticates_connections_with_any_token_authenticates_no_client() {
    // From the first request with credentials on, whatever they are; there is no MAPI over HTTP behind it.
    for knows_ntlm in [false, true] {
        let open = RefCell::new(HashSet::new());
        let upstream = Upstream::new(move |got, stream| {
            let mut open = open.borrow_mut();
            let sent = got.head.fields.text("authorization");
            let challenge = sent.and_then(ntlm_challenge).filter(|_| knows_ntlm);
            if sent.is_some() && challenge.is_none() {
                open.insert(got.connection);
            }
            match challenge {
                _ if got.head.path().starts_with("/mapi") => refuse(stream, got, 404, ""),
                Some(challenge) => refuse(stream, got, 401, &challenge),
                None if open.contains(&got.connection) => refuse(stream, got, 200, ""),
                None => refuse(stream, got, 401, OFFERS),
            }
        });
        authenticates_no_client(&upstream, &format!("NTLM {knows_ntlm}"));
        let proxy = before(&upstream);
        let ticket = format!("Negotiate {}", STANDARD.encode(kerberos()));
        assert_eq!(Client::new(&proxy).exchange(with(&ticket)).status(), 502);
        assert_eq!(opened_contexts(&proxy), 0);
    }
}

/// A server of MAPI over HTTP, where alice authenticates by Basic and any user by NTLM: returns the status and fields
/// of the response. `known` are the connections that are authenticated.
fn served(got: &ReceivedRequest, known: &mut HashSet<usize>) -> (u16, String) {
    let sent = got.head.fields.text("authorization");
    let last = sent.is_some_and(|sent| sent.starts_with("NTLM ") && ntlm_challenge(sent).is_none());
    if sent == Some(&*basic("alice")) || last || known.contains(&got.connection) {
        if last {
            known.insert(got.connection);
        }
        return (200, executed(got));
    }
    (401, sent.and_then(ntlm_challenge).unwrap_or_else(|| OFFERS.to_owned()))
}

#[test]
fn a_firewall_that_blocks_one_client_only_authenticates_no_client() {
    // It blocks by credentials, or by connection, and forwards all other requests.
    for by_connection in [false, true] {
        let (known, blocked) = (RefCell::new(HashSet::new()), RefCell::new(HashSet::new()));
        let upstream = Upstream::new(move |got, stream| {
            let sent = got.head.fields.text("authorization");
            let bad = sent.is_some_and(|sent| match sent.strip_prefix("NTLM ") {
                Some(_) => ntlm_challenge(sent).is_none(),
                None => sent != basic("alice"),
            });
            let mut blocked = blocked.borrow_mut();
            if bad && by_connection {
                blocked.insert(got.connection);
            }
            if bad || blocked.contains(&got.connection) {
                return refuse(stream, got, 200, "Content-Type: text/html\r\n");
            }
            let (status, fields) = served(got, &mut known.borrow_mut());
            refuse(stream, got, status, &fields)
        });
        let proxy = before(&upstream);
        for credentials in ["Basic Ym9iOicgb3IgMT0x", "Bearer wrong"] {
            assert_eq!(Client::new(&proxy).exchange(with(credentials)).status(), 502, "{credentials}");
        }
        let mut client = Client::new(&proxy);
        let mut bob = Ntlm::new("bob");
        let challenge = client.exchange(bob.next(None));
        assert_eq!(
            client.exchange(bob.next(Some(&challenge))).status(),
            if by_connection { 502 } else { 401 }
        );
        assert_eq!(opened_contexts(&proxy), 0);
        // A client that it does not block is authenticated.
        assert_eq!(Client::new(&proxy).exchange(with(&basic("alice"))).status(), 200);
    }
}

#[test]
fn a_gateway_that_begins_to_respond_to_all_requests_authenticates_no_client() {
    // It responds to all but the first requests alike, even as a server does.
    for (status, fields) in [(404, ""), (200, ""), (200, PING)] {
        for refused in [1, 2, 3] {
            let count = Cell::new(0);
            let upstream = Upstream::new(move |got, stream| {
                let first = count.replace(count.get() + 1) % 8 < refused;
                if first { refuse(stream, got, 401, OFFERS) } else { refuse(stream, got, status, fields) }
            });
            let proxy = before(&upstream);
            for request in forged() {
                let status = Client::new(&proxy).exchange(request.clone()).status();
                assert!(status == 401 || status == 502, "{refused}: {status}");
            }
            assert_eq!(opened_contexts(&proxy), 0, "{status} {refused}");
        }
    }
}

#[test]
fn a_gateway_that_shares_its_server_connections_authenticates_no_client() {
    // All connections are those of the client that authenticated.
    let signed_in = Cell::new(false);
    let upstream = Upstream::new(move |got, stream| {
        let sent = got.head.fields.text("authorization");
        if sent.is_some_and(|sent| sent.starts_with("NTLM") && ntlm_challenge(sent).is_none()) {
            signed_in.set(true);
        }
        match sent.and_then(ntlm_challenge) {
            Some(challenge) => refuse(stream, got, 401, &challenge),
            None if signed_in.get() => refuse(stream, got, 200, &executed(got)),
            None => refuse(stream, got, 401, OFFERS),
        }
    });
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    let mut alice = Ntlm::new("alice");
    let challenge = client.exchange(alice.next(None));
    assert_eq!(client.exchange(alice.next(Some(&challenge))).status(), 502);
    assert_eq!(client.exchange(get("/ews/x", "")).status(), 502);
    assert_eq!(open_contexts(&proxy), 0);
}

/// An element of DER, whose contents are short.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    match u8::try_from(contents.len()).unwrap() {
        length if length < 0x80 => [&[tag, length], contents].concat(),
        length => [&[tag, 0x81, length], contents].concat(),
    }
}

/// A first token of Kerberos's.
fn kerberos() -> Vec<u8> {
    let fields = [
        der(0xa0, &[2, 1, 5]),
        der(0xa1, &[2, 1, 14]),
        der(0xa2, &[3, 5, 0, 0, 0, 0, 0]),
        der(0xa3, &der(0x61, b"alice's ticket")),
        der(0xa4, b"authenticator"),
    ];
    let request = der(0x6e, &der(0x30, &fields.concat()));
    let mechanism = der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2]);
    der(0x60, &[mechanism, vec![1, 0], request].concat())
}

/// NTLM's token within SPNEGO.
fn spnego(token: &[u8]) -> Vec<u8> {
    let first = token.get(8) == Some(&1);
    if !first {
        // Longer than `der` has it.
        let length = u16::try_from(token.len()).unwrap();
        let wrap = |tag: u8, contents: &[u8], length: u16| {
            let [high, low] = length.to_be_bytes();
            [&[tag, 0x82, high, low][..], contents].concat()
        };
        let octets = wrap(4, token, length);
        let tagged = wrap(0xa2, &octets, length + 4);
        return wrap(0xa1, &wrap(0x30, &tagged, length + 8), length + 12);
    }
    let ntlm = der(6, &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10]);
    let body = [der(0xa0, &der(0x30, &ntlm)), der(0xa2, &der(4, token))].concat();
    let spnego = der(6, &[0x2b, 6, 1, 5, 5, 2]);
    der(0x60, &[spnego, der(0xa0, &der(0x30, &body))].concat())
}

#[test]
fn the_name_of_a_failed_attempt_is_never_that_of_the_next_one_on_the_connection() {
    let known = RefCell::new(HashSet::new());
    let ticket = STANDARD.encode(kerberos());
    let given = ticket.clone();
    let upstream = Upstream::new(move |got, stream| {
        let mut known = known.borrow_mut();
        let sent = got.head.fields.text("authorization").map(|sent| sent.strip_prefix("Negotiate ").unwrap());
        match sent {
            Some(sent) if sent == given => {
                known.insert(got.connection);
                refuse(stream, got, 200, &executed(got))
            }
            None if known.contains(&got.connection) => refuse(stream, got, 200, &executed(got)),
            None => refuse(stream, got, 401, OFFERS),
            Some(sent) => {
                let token = STANDARD.decode(sent).unwrap();
                let at = token.windows(8).position(|part| part == b"NTLMSSP\0").unwrap();
                let answer = match ntlm_challenge(&format!("NTLM {}", STANDARD.encode(&token[at..]))) {
                    Some(challenge) => {
                        let challenge = challenge.trim().rsplit(' ').next().unwrap().to_owned();
                        // accept-incomplete, NTLM, and the challenge
                        let ntlm = der(0xa1, &der(6, &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10]));
                        let state = der(0xa0, &der(10, &[1]));
                        let mut token = spnego(&STANDARD.decode(challenge).unwrap());
                        let inner = token.split_off(8);
                        let body = [state, ntlm, inner].concat();
                        let length = u16::try_from(body.len()).unwrap();
                        let head = |tag: u8, length: u16| {
                            let [high, low] = length.to_be_bytes();
                            [tag, 0x82, high, low]
                        };
                        [&head(0xa1, length + 4)[..], &head(0x30, length), &body].concat()
                    }
                    // A wrong password: reject
                    None => der(0xa1, &der(0x30, &der(0xa0, &der(10, &[2])))),
                };
                refuse(
                    stream,
                    got,
                    401,
                    &format!("WWW-Authenticate: Negotiate {}\r\n", STANDARD.encode(answer)),
                )
            }
        }
    });
    let proxy = before(&upstream);
    let mut client = Client::new(&proxy);
    let mut bob = Ntlm::new("bob");
    let by_spnego = |request: String| {
        let token = request.split("NTLM ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned();
        with(&format!("Negotiate {}", STANDARD.encode(spnego(&STANDARD.decode(token).unwrap()))))
    };
    let mut challenged = client.exchange(by_spnego(bob.next(None)));
    assert_eq!(challenged.status(), 401);
    let token = challenged.header("www-authenticate").unwrap().strip_prefix("Negotiate ").unwrap();
    let token = STANDARD.decode(token).unwrap();
    let at = token.windows(8).position(|part| part == b"NTLMSSP\0").unwrap();
    let bare = format!("NTLM {}", STANDARD.encode(&token[at..]));
    challenged.head.fields.set("WWW-Authenticate", bare);
    assert_eq!(client.exchange(by_spnego(bob.next(Some(&challenged)))).status(), 401);
    assert_eq!(client.exchange(with(&format!("Negotiate {ticket}"))).status(), 200);
    let signed_in = proxy.authenticated_names();
    assert_eq!(signed_in.len(), 1, "{signed_in:?}");
    assert!(signed_in[0].starts_with("\"Kerberos ticket "), "{signed_in:?}");
}

/// A gateway at which MAPI is protected by Basic and other directories by NTLM, whose passwords it does not check. What
/// is sent on a connection that NTLM authenticated is executed.
fn gateway_without_passwords() -> Rc<Upstream> {
    let open = RefCell::new(HashSet::new());
    Upstream::new(move |got, stream| {
        let sent = got.head.fields.text("authorization");
        let token =
            sent.and_then(|sent| sent.strip_prefix("NTLM ")).and_then(|token| STANDARD.decode(token).ok());
        match token.map(|token| token.get(8).copied()) {
            Some(Some(1)) => return refuse(stream, got, 401, &ntlm_challenge(sent.unwrap()).unwrap()),
            Some(Some(3)) => drop(open.borrow_mut().insert(got.connection)),
            Some(_) => return refuse(stream, got, 400, ""),
            None => {}
        }
        let offer = if got.head.path().starts_with("/mapi") { "Basic" } else { "NTLM" };
        if open.borrow().contains(&got.connection) {
            return refuse(stream, got, 200, &executed(got));
        }
        refuse(stream, got, 401, &format!("WWW-Authenticate: {offer}\r\n"))
    })
}

#[test]
fn an_operation_of_mapi_is_not_admitted_by_a_handshake_that_began_with_another_request() {
    let upstream = gateway_without_passwords();
    let operation = |authorization: &str| {
        let text = String::from_utf8(mapi("alice", "emsmdb", "Connect", "", b"")).unwrap();
        let own = format!("Authorization: {}\r\n", basic("alice"));
        assert!(text.contains(&own), "{text}");
        text.replace(&own, authorization)
    };
    for (last_is_mapi, status, contexts) in [(false, 200, 1), (true, 401, 0)] {
        let proxy = before(&upstream);
        let mut client = Client::new(&proxy);
        let mut alice = Ntlm::new("alice");
        let challenge = client.exchange(alice.next(None));
        let last = alice.next(Some(&challenge));
        let line = last.lines().find(|line| line.starts_with("Authorization: ")).unwrap();
        let last = if last_is_mapi { operation(&format!("{line}\r\n")) } else { last };
        assert_eq!(client.exchange(last).status(), status);
        // Nor does the authenticated connection admit one.
        assert_eq!(client.exchange(operation("")).status(), 401);
        assert_eq!(opened_contexts(&proxy), contexts);
    }
    let is_operation = |got: &ReceivedRequest| got.head.fields.text("x-requesttype") == Some("Connect");
    assert!(!upstream.others().iter().any(is_operation));
}

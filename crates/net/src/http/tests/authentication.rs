//! Responses to a client whose credentials, or those of the service account, are not accepted.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use identity::Mechanism;
use testkit::http_auth::{Handshake, basic, ntlm_challenge};

use crate::http::tests::mechanisms::{authenticate, get};
use crate::http::tests::playbook::Happens::{AccountRevoked, Request, TimePasses};
use crate::http::tests::playbook::State::{Closed, KeptAlive, WaitsForServer};
use crate::http::tests::playbook::{Client, mapi, request, response};
use crate::http::tests::setup::Setup;
use crate::http::tests::streaming::HEAD;
use crate::http::tests::upstream::Upstream;
use crate::tcp::accept::CHECK_INTERVAL;

#[test]
fn an_operation_without_credentials_gets_a_challenge_and_is_not_forwarded() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let bare = mapi("alice", "emsmdb", "PING", "", b"");
    let bare = String::from_utf8(bare).unwrap().replace("Authorization: Basic", "X-Other:");
    let mut client = Client::new(&proxy) >> Request(bare.into_bytes()) << KeptAlive;
    let answer = client.response();
    assert_eq!(answer.status(), 401);
    assert!(answer.head.fields.all("www-authenticate").any(|offer| offer.starts_with(b"Basic ")));
    assert!(upstream.others().is_empty());
}

#[test]
fn a_client_whose_account_is_revoked_during_an_operation_gets_a_challenge() {
    let upstream = Upstream::silent();
    let proxy = Setup::default().before(&upstream);
    let execute = || request("alice", "Execute", "", &[0; 16]);
    let client = Client::new(&proxy) >> execute() << WaitsForServer >> AccountRevoked;
    let mut client = client >> TimePasses(CHECK_INTERVAL) << KeptAlive;
    let answer = client.response();
    assert_eq!(answer.status(), 401);
    assert!(answer.head.fields.has("www-authenticate"));
    // A response that was received by then is not sent to it either.
    let client = client >> execute() << WaitsForServer >> AccountRevoked;
    let mut client = client >> response(format!("{HEAD}c\r\nPROCESSING\r\n\r\n")) << KeptAlive;
    assert_eq!(client.response().status(), 401);
    assert_eq!(upstream.others().len(), 2);
}

#[test]
fn a_connection_has_the_time_of_a_new_one_once_its_client_is_revoked() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let setup = Setup { mechanisms: vec![Mechanism::NTLM], ..Setup::default() };
    let limit = setup.limits.handshake;
    let proxy = setup.before(&upstream);
    let mut client = Client::new(&proxy);
    assert_eq!(authenticate(&mut client, Handshake::ntlm("alice")), 200);
    let mut client = client >> TimePasses(limit * 2) << KeptAlive;
    assert_eq!(client.exchange(get("")).status(), 200);
    let mut client = client >> AccountRevoked;
    for _ in 0..3 {
        assert_eq!(client.exchange(get("")).status(), 401);
        client = client >> TimePasses(limit / 4);
    }
    let client = client >> TimePasses(limit / 2) << Closed;
    drop(client);
}

/// A server that authenticates connections by NTLM, and before that responds with 404 to requests for `/ews/absent`,
/// and with 200 for `/ews/public`.
fn ntlm_server() -> Rc<Upstream> {
    let authenticated = RefCell::new(HashSet::new());
    Upstream::new(move |got, out| {
        let token = got.head.fields.text("authorization").unwrap_or_default();
        let challenge = ntlm_challenge(token);
        let status = if challenge.is_none() && got.head.target() == "/ews/absent" {
            "404 Not Found"
        } else if got.head.target() == "/ews/public" {
            "200 OK"
        } else if challenge.is_none()
            && (!token.is_empty() || authenticated.borrow().contains(&got.connection))
        {
            authenticated.borrow_mut().insert(got.connection);
            "200 OK"
        } else {
            "401 Unauthorized"
        };
        let challenge = challenge.filter(|_| status.starts_with("401")).unwrap_or_default();
        out.extend_from_slice(
            format!("HTTP/1.1 {status}\r\n{challenge}Content-Length: 0\r\n\r\n").as_bytes(),
        );
        true
    })
}

#[test]
fn a_response_before_authentication_does_not_authenticate_the_connection_to_the_server() {
    let upstream = ntlm_server();
    let proxy = Setup { service: Mechanism::NTLM, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    let authorization = format!("Authorization: {}\r\n", basic("alice"));
    let absent = get(&authorization).replace("/ews/x", "/ews/absent");
    assert_eq!(client.exchange(absent).status(), 404);
    assert_eq!(client.exchange(get(&authorization)).status(), 200);
    assert_eq!(client.exchange(get(&authorization)).status(), 200, "the connection is kept");
    let connections: Vec<_> = upstream.others().iter().map(|got| got.connection).collect();
    assert_eq!(connections, [0, 0, 1, 1, 1]);
}

#[test]
fn a_resource_without_authentication_is_served_and_leaves_the_connection_unauthenticated() {
    let upstream = ntlm_server();
    let proxy = Setup { service: Mechanism::NTLM, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    let authorization = format!("Authorization: {}\r\n", basic("alice"));
    let public = get(&authorization).replace("/ews/x", "/ews/public");
    assert_eq!(client.exchange(public).status(), 200);
    let requests = upstream.others();
    let last = requests.last().unwrap();
    assert_eq!((requests.len(), last.connection), (2, 0));
    assert!(last.head.method() == "GET" && !last.head.fields.has("authorization"));
    assert_eq!(client.exchange(get(&authorization)).status(), 200);
    let connections: Vec<_> = upstream.others().iter().map(|got| got.connection).collect();
    assert_eq!(connections, [1, 1]);
}

#[test]
fn a_server_that_serves_the_first_token_only_is_not_a_failure_of_the_service_account() {
    let upstream = Upstream::new(|got, out| {
        let is_first = got.head.fields.has("authorization");
        let status = if is_first { "200 OK" } else { "401 Unauthorized\r\nWWW-Authenticate: NTLM" };
        out.extend_from_slice(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        true
    });
    let proxy = Setup { service: Mechanism::NTLM, ..Setup::default() }.before(&upstream);
    let authorization = format!("Authorization: {}\r\n", basic("alice"));
    let mut client = Client::new(&proxy);
    for _ in 0..2 {
        assert_eq!(client.exchange(get(&authorization)).status(), 502);
    }
    assert_eq!(upstream.others().len(), 4, "the gate of the account does not suspend it");
}

#[test]
fn a_server_that_refuses_the_service_account_is_an_error_of_the_proxy() {
    let upstream = Upstream::responding(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
    );
    let proxy = Setup::default().before(&upstream);
    let answer = Client::new(&proxy).exchange(mapi("alice", "emsmdb", "Execute", "", &[0; 16]));
    assert_eq!((answer.status(), answer.header("www-authenticate")), (503, None));
}

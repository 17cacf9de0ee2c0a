//! Authentication, whatever is requested.

use testkit::http_auth::Handshake;

use super::client::{Client, TestServer, basic, password};
use crate::http::HttpServer;

/// A target that needs authentication, and does not exist.
const NOTHING: &str = "GET /nothing";

fn authorization(value: &str) -> String {
    format!("Authorization: {value}\r\n")
}

/// Authenticates by NTLM, or by NTLM in another scheme's name. The status of the last response.
async fn sign_in(client: &mut Client, mut handshake: Handshake) -> u16 {
    let first = client.send(NOTHING, &authorization(&handshake.next(None)), b"").await;
    assert_eq!(first.status, 401);
    let challenges = first.all("WWW-Authenticate");
    assert_eq!(challenges.len(), 1, "{challenges:?}");
    client.send(NOTHING, &authorization(&handshake.next(Some(challenges[0]))), b"").await.status
}

#[tokio::test]
async fn a_refusal_has_a_challenge_of_each_scheme() {
    let server = TestServer::start().await;
    let refused = server.connect().await.send("POST /mapi/emsmdb/", "", b"body").await;
    assert_eq!(refused.status, 401);
    let schemes: Vec<_> =
        refused.all("WWW-Authenticate").iter().map(|one| one.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(schemes, ["Negotiate", "NTLM", "Basic"]);
}

#[tokio::test]
async fn basic_authenticates_its_request_only() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    for user in ["LAB\\alice", "alice", "ALICE"] {
        assert_eq!(client.send(NOTHING, &basic(user, "alicepw1"), b"").await.status, 404, "{user}");
        assert_eq!(client.send(NOTHING, "", b"").await.status, 401, "{user}");
    }
    for (user, password) in
        [("alice", "bobpw1"), ("unknown", "unknownpw1"), ("", ""), ("OTHER\\alice", "alicepw1")]
    {
        assert_eq!(client.send(NOTHING, &basic(user, password), b"").await.status, 401, "{user}");
    }
}

#[tokio::test]
async fn basic_needs_tls_unless_it_is_permitted() {
    let http = HttpServer { basic_without_tls: false, ..HttpServer::local() };
    let server = TestServer::with(http).await;
    let mut client = server.connect().await;
    let refused = client.send(NOTHING, &basic("alice", &password("alice")), b"").await;
    assert_eq!((refused.status, refused.all("WWW-Authenticate")), (401, vec!["Negotiate", "NTLM"]));
    assert_eq!(sign_in(&mut client, Handshake::ntlm("alice")).await, 404);
}

#[tokio::test]
async fn a_handshake_authenticates_its_connection_only() {
    let server = TestServer::start().await;
    for scheme in ["NTLM", "Negotiate"] {
        let mut client = server.connect().await;
        let mechanism = identity::Mechanism::by_scheme(scheme.as_bytes()).unwrap();
        assert_eq!(sign_in(&mut client, Handshake::new(scheme, mechanism, "alice")).await, 404, "{scheme}");
        assert_eq!(client.send(NOTHING, "", b"").await.status, 404, "{scheme}");
        assert_eq!(server.connect().await.send(NOTHING, "", b"").await.status, 401, "{scheme}");
        // Credentials that fail end the authentication of the connection.
        assert_eq!(client.send(NOTHING, &authorization("NTLM YWJj"), b"").await.status, 401, "{scheme}");
        assert_eq!(client.send(NOTHING, "", b"").await.status, 401, "{scheme}");
    }
}

#[tokio::test]
async fn a_handshake_does_not_continue_on_another_connection_or_in_another_scheme() {
    let server = TestServer::start().await;
    let mut handshake = Handshake::ntlm("alice");
    let mut client = server.connect().await;
    let first = client.send(NOTHING, &authorization(&handshake.next(None)), b"").await;
    let last = handshake.next(Some(first.header("WWW-Authenticate")));
    assert_eq!(server.connect().await.send(NOTHING, &authorization(&last), b"").await.status, 401);
    let renamed = last.replace("NTLM ", "Negotiate ");
    assert_eq!(client.send(NOTHING, &authorization(&renamed), b"").await.status, 401);
    assert_eq!(client.send(NOTHING, &authorization(&last), b"").await.status, 401);
}

#[tokio::test]
async fn other_and_several_credentials_are_refused() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    let twice = basic("alice", &password("alice")).repeat(2);
    for headers in [
        twice.as_str(),
        "Authorization: Bearer a.b.c\r\n",
        "Authorization: Digest x=1\r\n",
        "Authorization: NTLM ***\r\n",
        "Authorization: NTLM\r\n",
        "Authorization: \r\n",
    ] {
        assert_eq!(client.send(NOTHING, headers, b"").await.status, 401, "{headers}");
    }
    assert_eq!(sign_in(&mut client, Handshake::ntlm("unknown")).await, 401);
}

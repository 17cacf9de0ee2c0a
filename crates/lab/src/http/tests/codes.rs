//! `X-ResponseCode` and the other headers of responses ([MS-OXCMAPIHTTP] 2.2.3.3.3).

use mapi::mapihttp::{Endpoint, RequestType};

use super::client::{TestServer, User};
use super::sessions::bind;
use crate::http::{HttpLimits, HttpServer};

const POST: &str = "POST /mapi/nspi/";

/// The code of a PING with these header lines after those of the authentication.
async fn code(user: &mut User, line: &str, headers: &str, body: &[u8]) -> u32 {
    let headers = user.authorization.clone() + headers;
    let received = user.client.send(line, &headers, body).await;
    assert_eq!((received.status, received.header("Content-Type")), (200, "text/html"), "{received:?}");
    assert!(!received.header("X-ServerApplication").is_empty());
    received.code()
}

#[tokio::test]
async fn a_ping_succeeds_with_the_headers_that_each_response_has() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    for endpoint in Endpoint::ALL {
        let received = alice.send(endpoint, RequestType::PING, b"").await;
        assert_eq!((received.status, received.code()), (200, 0));
        assert_eq!(received.payload(), b"");
        assert!(received.text().starts_with("PROCESSING\r\nDONE\r\n"), "{}", received.text());
        for (name, value) in [
            ("Content-Type", "application/mapi-http"),
            ("X-RequestType", "PING"),
            ("X-ClientInfo", "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:7"),
            ("X-PendingPeriod", "30000"),
            ("X-ExpirationInfo", "900000"),
            ("X-ServerApplication", "Exchange/15.01.2507.000"),
        ] {
            assert_eq!(received.header(name), value);
        }
        assert!(received.header("X-RequestId").starts_with("{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:"));
        assert_eq!(received.header("Set-Cookie"), "", "without a Session Context");
        assert!(received.headers.iter().any(|(name, _)| name == "Content-Type"), "{received:?}");
    }
    bind(&mut alice).await;
    let received = alice.send(Endpoint::Nspi, RequestType::PING, b"").await;
    assert!(received.header("Set-Cookie").starts_with("MapiContext="), "{received:?}");
}

#[tokio::test]
async fn an_invalid_head_has_the_code_of_its_fault() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    let (kind, id) = ("X-RequestType: PING\r\n", "X-RequestId: {E2EA6C1C-E61B-49E9-9CFB-38184F907552}:1\r\n");
    let content = "Content-Type: application/mapi-http\r\n";
    let all = [content, kind, id].concat();
    for (line, headers, expected) in [
        ("GET /mapi/nspi/", all.as_str(), 2),
        ("PUT /mapi/nspi/", &all, 2),
        ("POST /mapi/other/", &all, 3),
        ("POST /mapi/", &all, 3),
        ("POST /mapi/nspi/x", &all, 3),
        (POST, &[content, kind].concat(), 7),
        (POST, &[content, id].concat(), 7),
        (POST, &[kind, id].concat(), 7),
        (POST, &[content, "X-RequestType: Bogus\r\n", id].concat(), 5),
        (POST, &[content, "X-RequestType: Execute\r\n", id].concat(), 5),
        ("POST /mapi/emsmdb/", &[content, "X-RequestType: Bind\r\n", id].concat(), 5),
        (POST, &["Content-Type: text/xml\r\n", kind, id].concat(), 4),
        (POST, &[content, kind, "X-RequestId: 1\r\n"].concat(), 4),
        (POST, &[content, kind, id, id].concat(), 4),
        (POST, &[content, kind, kind, id].concat(), 4),
        (POST, &[content, content, kind, id].concat(), 4),
        (POST, &[&all, "X-ClientInfo: a\r\nX-ClientInfo: b\r\n"].concat(), 4),
        (POST, &[&all, "Cookie: MapiContext=\u{e9}\r\n"].concat(), 4),
        (POST, &[&all, "Cookie: MapiContext=x\r\n"].concat(), 6),
        (POST, &[&all, "Cookie: MapiContext=\r\n"].concat(), 6),
        (POST, &[&all, "Cookie: MapiContext=00112233445566778899aabbccddeeff\r\n"].concat(), 10),
    ] {
        assert_eq!(code(&mut alice, line, headers, b"").await, expected, "{line}\n{headers}");
    }
    assert_eq!(code(&mut alice, POST, &all, b"x").await, 12, "a PING has no body");
}

#[tokio::test]
async fn an_invalid_body_has_the_code_12() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    for body in [&b""[..], &[0; 3], &[0xff; 100], &[0; 64]] {
        let received = alice.send(Endpoint::Nspi, RequestType::Bind, body).await;
        assert_eq!((received.status, received.code()), (200, 12), "{body:?}");
    }
    assert!(alice.cookies.is_empty());
}

#[tokio::test]
async fn a_body_above_the_limit_has_the_code_9() {
    let server = TestServer::with_limits(HttpLimits { body_size: 1000, ..HttpLimits::default() }).await;
    let received = server.alice().await.send(Endpoint::Nspi, RequestType::PING, &[0; 1001]).await;
    assert_eq!(received.code(), 9);
    let received = server.alice().await.send(Endpoint::Nspi, RequestType::PING, &[0; 1000]).await;
    assert_eq!(received.code(), 12);
    let mut alice = server.alice().await;
    let line = "POST /autodiscover/autodiscover.xml";
    let received = alice.client.send(line, &alice.authorization.clone(), &[0; 1001]).await;
    assert_eq!(received.status, 413);
}

#[tokio::test]
async fn a_server_that_stops_ends_idle_connections() {
    let server = TestServer::with(HttpServer::local()).await;
    let mut alice = server.alice().await;
    assert_eq!(alice.send(Endpoint::Nspi, RequestType::PING, b"").await.code(), 0);
    server.stop();
    assert!(alice.client.is_closed().await);
}

//! Hostile input: framing, heads and bodies that are invalid, too large or too slow.

use std::time::Duration;

use mapi::mapihttp::nspi::{QueryRowsRequest, Request};
use mapi::mapihttp::{Endpoint, Maybe, RequestType};
use mapi::property::PropTag;

use super::client::{Client, TestServer, User, basic, password};
use super::sessions::{AUX, bind, stat};
use crate::http::HttpLimits;

/// Limits that are reached within a test.
fn soon() -> HttpLimits {
    let soon = Duration::from_millis(200);
    HttpLimits { sign_in: soon, head: soon, body: soon, ..HttpLimits::default() }
}

async fn status(client: &mut Client, bytes: &str) -> Option<u16> {
    client.write(bytes.as_bytes()).await;
    let response = tokio::time::timeout(Duration::from_secs(10), client.response());
    response.await.expect("a response soon").map(|received| received.status)
}

#[tokio::test]
async fn invalid_framing_is_refused_and_ends_the_connection() {
    let server = TestServer::start().await;
    for head in [
        "POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\nContent-Length: -1\r\n\r\n",
        "POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /mapi/nspi/ HTTP/1.1\r\nHost lab\r\n\r\n",
        "POST /mapi/nspi/ HTTP/9.9\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let mut client = server.connect().await;
        assert_eq!(status(&mut client, head).await, Some(400), "{head:?}");
        assert!(client.is_closed().await, "{head:?}");
    }
}

#[tokio::test]
async fn a_chunked_body_is_accepted_and_a_broken_one_refused() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    let head = format!(
        "POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n{}\r\n",
        alice.lines(RequestType::PING)
    );
    let accepted = status(&mut alice.client, &format!("{head}0\r\n\r\n")).await;
    assert_eq!(accepted, Some(200));
    let broken = status(&mut alice.client, &format!("{head}zz\r\nabc\r\n0\r\n\r\n")).await;
    assert_eq!(broken, Some(400));
    assert!(alice.client.is_closed().await);
}

#[tokio::test]
async fn a_head_above_the_limits_is_refused() {
    let server = TestServer::start().await;
    let long = format!("GET / HTTP/1.1\r\nHost: lab\r\nX-Long: {}\r\n\r\n", "x".repeat(0x1_0000));
    let many = format!("GET / HTTP/1.1\r\nHost: lab\r\n{}\r\n", "X-Many: x\r\n".repeat(200));
    for head in [long, many] {
        let mut client = server.connect().await;
        assert_eq!(status(&mut client, &head).await, Some(431), "{} bytes", head.len());
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn a_client_that_is_too_slow_loses_its_connection() {
    let server = TestServer::with_limits(soon()).await;
    for beginning in ["", "POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\n"] {
        let mut client = server.connect().await;
        client.write(beginning.as_bytes()).await;
        assert!(client.is_closed().await, "{beginning:?}");
    }
    let authorization = basic("alice", &password("alice"));
    let mut client = server.connect().await;
    let head =
        format!("POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\nContent-Length: 10\r\n{authorization}\r\nabc");
    assert_eq!(status(&mut client, &head).await, Some(408));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_client_that_does_not_authenticate_in_time_loses_its_connection() {
    let limits = HttpLimits { head: Duration::from_mins(1), ..soon() };
    let server = TestServer::with_limits(limits).await;
    let mut client = server.connect().await;
    assert_eq!(client.send("GET /", "", b"").await.status, 401);
    assert!(client.is_closed().await);
    let mut alice = server.alice().await;
    alice.send(Endpoint::Nspi, RequestType::PING, b"").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(alice.send(Endpoint::Nspi, RequestType::PING, b"").await.code(), 0);
}

#[tokio::test]
async fn a_large_body_without_authentication_is_not_read() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    let head = "POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\nContent-Length: 1073741824\r\n\r\n";
    assert_eq!(status(&mut client, head).await, Some(401));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn connections_above_the_limit_wait() {
    let server = TestServer::with_limits(HttpLimits { connections: 1, ..HttpLimits::default() }).await;
    let mut first = server.connect().await;
    assert_eq!(first.send("GET /", "", b"").await.status, 401);
    let mut second = server.connect().await;
    second.write(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n").await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), second.response()).await;
    assert!(waiting.is_err(), "{waiting:?}");
    drop(first);
    assert_eq!(second.response().await.unwrap().status, 401);
}

/// A request for all rows of the address book with a column 160 times, which is a response of some megabytes.
fn many_rows() -> Vec<u8> {
    let request = QueryRowsRequest {
        flags: 0,
        stat: Maybe::new(stat()),
        explicit_table: Vec::new(),
        row_count: 10_000,
        columns: Maybe::new(vec![PropTag::PidTagEmailAddress; 160]),
        aux: AUX,
    };
    Request::QueryRows(request).encode().unwrap()
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_connection() {
    let write = Duration::from_millis(300);
    for (is_slow, limits) in
        [(false, HttpLimits::default()), (true, HttpLimits { write, ..HttpLimits::default() })]
    {
        let server = TestServer::with_limits(limits).await;
        let mut alice = User::new(server.connect_with_small_buffer().await, "alice");
        assert_eq!(bind(&mut alice).await.code(), 0);
        let (lines, body) = (alice.lines(RequestType::QueryRows) + &alice.cookie_line(), many_rows());
        let length = body.len();
        let head = format!(
            "POST /mapi/nspi/ HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Length: {length}\r\n{lines}\r\n"
        );
        alice.client.write(&[head.as_bytes(), &body].concat()).await;
        assert!(alice.client.take_until(b"DONE\r\n").await.is_some());
        if is_slow {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let received = alice.client.rest().await;
        assert_eq!(received < 9_000_000, is_slow, "{received} bytes");
    }
}

//! Requests that are invalid, oversized or incomplete, and how the others are forwarded.

use std::time::Duration;

use http1::Head as _;
use identity::Mechanism;
use testkit::http_auth::{Handshake, basic};

use crate::http::tests::playbook::Happens::{Request, Rest, TimePasses};
use crate::http::tests::playbook::State::{Closed, KeptAlive};
use crate::http::tests::playbook::{Client, mapi};
use crate::http::tests::setup::Setup;
use crate::http::tests::upstream::Upstream;
use crate::tcp::admission::Limits;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9\r\n\
     Authentication-Info: rspauth=\"1\"\r\nPersistent-Auth: true\r\n\r\nok";

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n{lines}\r\n", basic("alice"))
}

#[test]
fn requests_that_could_smuggle_others_get_400_and_close_the_connection() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let smuggled = get("/ews/smuggled", "");
    let cases = [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 0\r\n",
        "Content-Length: 4, 0\r\n",
        "Content-Length: +4\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: a\nTransfer-Encoding: chunked\r\n",
        "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content_Length: 0\r\nContent-Length: 5\r\n",
        "transfer.encoding: chunked\r\nContent-Length: 5\r\n",
        "Host: b\r\n",
        "X\0: a\r\n",
    ];
    for lines in cases {
        let request = format!("{}0\r\n\r\n{smuggled}", get("/ews/x", lines));
        let mut client = Client::new(&proxy) >> Request(request.into_bytes()) << Closed;
        let answer = client.response();
        assert_eq!((answer.status(), answer.header("connection")), (400, Some("close")), "{lines:?}");
        let _ = client << "";
    }
    for body in
        ["x\r\n", "5\r\nhello!\r\n", "ffffffffffffffffff\r\n", "5\nhello\r\n0\r\n\r\n", "1;\0\r\na\r\n"]
    {
        let request = format!("{}{body}{smuggled}", get("/ews/x", "Transfer-Encoding: chunked\r\n"));
        let mut client = Client::new(&proxy) >> Request(request.into_bytes()) << Closed;
        assert_eq!(client.response().status(), 400, "{body:?}");
        let _ = client << "";
    }
    assert!(upstream.others().iter().all(|got| got.head.target() != "/ews/smuggled"));
}

#[test]
fn oversized_requests_are_refused() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let refused = |request: String| Client::new(&proxy).exchange(request);
    assert_eq!(refused(get("/ews/x", &"a: b\r\n".repeat(200))).status(), 431);
    assert_eq!(refused(get("/ews/x", &format!("a: {}\r\n", "x".repeat(70_000)))).status(), 431);
    assert_eq!(refused(get(&format!("/ews/{}", "x".repeat(9000)), "")).status(), 414);
    let execute = String::from_utf8(mapi("alice", "emsmdb", "Execute", "", b"")).unwrap();
    let answer = refused(execute.replace("Content-Length: 0", "Content-Length: 3000000"));
    assert_eq!((answer.status(), answer.code().as_deref()), (200, Some("9")));
    assert!(upstream.others().is_empty());
}

#[test]
fn a_body_whose_chunk_lines_exceed_the_limit_on_bodies_is_refused() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let execute = String::from_utf8(mapi("alice", "emsmdb", "Execute", "", b"")).unwrap();
    let head = execute.replace("Content-Length: 0", "Transfer-Encoding: chunked");
    for (chunks, code) in [(10_000, None), (400_000, Some("9"))] {
        let body = "1\r\nx\r\n".repeat(chunks) + "0\r\n\r\n";
        let answer = Client::new(&proxy).exchange(head.clone() + &body);
        assert_eq!((answer.status(), answer.code().as_deref()), (200, code), "{chunks}");
    }
    assert_eq!(upstream.others().len(), 1);
}

#[test]
fn a_connection_with_an_incomplete_request_or_without_any_is_closed_after_the_time_limit() {
    let upstream = Upstream::responding(OK);
    let limit = Duration::from_millis(400);
    let limits = Limits { handshake: limit, ..Limits::default() };
    let proxy = Setup { limits, ..Setup::default() }.before(&upstream);
    for begun in ["", "GET /ews/x HT", &get("/ews/x", "Content-Length: 5\r\n")] {
        let client = Client::new(&proxy) >> Rest(begun.into()) >> TimePasses(limit * 9 / 10) << KeptAlive;
        let _ = client >> TimePasses(limit / 10) << Closed << "";
    }
}

#[test]
fn a_request_is_forwarded_unchanged_but_for_connection_headers() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let lines = "x-One:  1\r\nConnection: keep-alive, X-Hop, Host\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
                 Upgrade: h2c\r\nX-TWO: 2 \r\n";
    let answer = Client::new(&proxy).exchange(get("/EWS/a%20b?c=d&MailboxId=e@f", lines));
    let got = upstream.next();
    let value = |name| got.head.fields.text(name).unwrap();
    let (host, authorization) = (value("host"), value("authorization"));
    assert!(host.starts_with("exchange.lab.test"), "{host}");
    assert!(authorization.starts_with("Basic ") && authorization != basic("alice"), "{authorization}");
    let wanted = format!(
        "GET /EWS/a%20b?c=d&MailboxId=e@f HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\
         x-One:  1\r\nX-TWO: 2 \r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n\
         X-Forwarded-Host: proxy.lab.test\r\nForwarded: for=192.0.2.1;host=\"proxy.lab.test\";proto=http\r\n\
         Via: 1.1 mapiproxy-"
    );
    let mut head = Vec::new();
    got.head.write(&mut head);
    let text = String::from_utf8(head).unwrap();
    let rest = text.strip_prefix(&wanted).unwrap_or_else(|| panic!("{text}"));
    assert!(rest.len() == 16 + 4 && rest.ends_with("\r\n\r\n"), "{text}");
    for hop in ["keep-alive", "connection", "authentication-info", "persistent-auth"] {
        assert_eq!(answer.header(hop), None);
    }
}

/// The beginning of a body of MAPI over HTTP.
const DONE: &str = "PROCESSING\r\nDONE\r\n\r\n";

/// A response with fields that Exchange's servers send to each other, in its head and in trailer fields.
fn response_of_a_back_end(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nX-FEServer: EXCH01\r\nX-DiagInfo: EXCH02\r\nX-BEServer: EXCH02\r\nX-CalculatedBETarget: \
         exch02.lab.test\r\nX-TargetBEServer: EXCH02\r\nX-CommonAccessToken: VgEAVAdXaW5kb3dz\r\nX-Other: kept\r\n\
         Content-Type: application/mapi-http\r\nX-ResponseCode: 0\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n\
         0\r\nSet-Cookie: trailer=1\r\nX-Trailer: EXCH01\r\n\r\n",
        body.len()
    )
}

#[test]
fn fields_that_servers_send_to_each_other_do_not_reach_clients() {
    for (request, body) in [
        (get("/ews/x", "").into_bytes(), "hello"),
        (get("/autodiscover/autodiscover.json?Protocol=EWS&Email=a@lab.test", "").into_bytes(), "{}"),
        (mapi("alice", "emsmdb", "PING", "", b""), DONE),
    ] {
        let upstream = Upstream::responding(response_of_a_back_end(body));
        let answer = Client::new(&Setup::default().before(&upstream)).exchange(request);
        let mut head = Vec::new();
        answer.head.write(&mut head);
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.contains("200 ok") && head.contains("x-other: kept"), "{head}");
        assert!(!head.contains("exch0") && !head.contains("x-commonaccesstoken"), "{head}");
    }
}

#[test]
fn trailer_fields_of_responses_do_not_reach_clients() {
    for (request, body) in
        [(get("/ews/x", "").into_bytes(), "hello"), (mapi("alice", "emsmdb", "PING", "", b""), DONE)]
    {
        let upstream = Upstream::responding(response_of_a_back_end(body));
        let client = Client::new(&Setup::default().before(&upstream)) >> Request(request);
        let mut client = client << KeptAlive;
        let text = client.until("\r\n0\r\n\r\n");
        assert!(text.contains(body) && !text.contains("railer"), "{text}");
        let _ = client << "";
    }
}

#[test]
fn paths_are_forwarded_refused_or_not_found() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    for (path, status) in [
        ("/ews/Exchange.asmx", 200),
        ("/OAB/x", 200),
        ("/owa/", 403),
        ("/ecp", 403),
        ("/rpc/rpcproxy.dll", 403),
        ("/", 404),
        ("/oab/../owa", 400),
        ("/oab%2f..", 400),
    ] {
        assert_eq!(client.exchange(get(path, "")).status(), status, "{path}");
    }
    assert_eq!(client.exchange(get("/ews/x", "Expect: more\r\n")).status(), 417);
}

#[test]
fn an_expectation_in_a_request_of_http_1_0_is_ignored() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let request =
        get("/ews/x", "Expect: 100-continue\r\nContent-Length: 5\r\n").replace("HTTP/1.1", "HTTP/1.0");
    let response = Client::new(&proxy).exchange(request + "hello");
    assert_eq!((response.status(), response.body), (200, b"ok".to_vec()));
    let sent = upstream.next();
    assert_eq!((sent.body, sent.head.fields.text("expect")), (b"hello".to_vec(), None));
}

#[test]
fn a_response_405_names_the_allowed_methods() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    for method in ["CONNECT", "TRACE"] {
        let mut client = Client::new(&proxy);
        let response = client.exchange(format!("{method} /ews/x HTTP/1.1\r\nHost: a\r\n\r\n"));
        let expected = (405, Some("GET, HEAD, POST, OPTIONS"));
        assert_eq!((response.status(), response.header("allow")), expected, "{method}");
    }
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let expects = |path| Request(get(path, "Expect: 100-continue\r\nContent-Length: 5\r\n").into_bytes());
    let mut client = Client::new(&proxy) >> expects("/ews/x");
    assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    let mut client = client >> Rest(b"hello".into()) << KeptAlive;
    assert_eq!((client.response().body, upstream.next().body), (b"ok".to_vec(), b"hello".to_vec()));
    // Refused without its body, so that the bytes that follow on the connection are ambiguous.
    let mut client = client >> expects("/owa/") << Closed;
    let answer = client.response();
    assert_eq!((answer.status(), answer.header("connection")), (403, Some("close")));
}

#[test]
fn a_client_that_is_not_authenticated_gets_100_continue_only_within_a_handshake() {
    const EXPECTS: &str = "Expect: 100-continue\r\nContent-Length: 5\r\n";
    let upstream = Upstream::responding(OK);
    let proxy = Setup { mechanisms: vec![Mechanism::NTLM, Mechanism::BASIC], ..Setup::default() };
    let proxy = proxy.before(&upstream);
    let request = |authorization: &str| {
        Request(format!("POST /ews/x HTTP/1.1\r\nHost: a\r\n{authorization}{EXPECTS}\r\n").into_bytes())
    };
    // No body follows a final response, so that the connection is closed.
    for authorization in ["", "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n"] {
        let mut client = Client::new(&proxy) >> request(authorization) << Closed;
        let head = client.until("\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 401 ") && head.contains("Connection: close\r\n"), "{head}");
        assert!(!client.until("\n").contains("100 Continue"));
        drop(client << "");
    }
    let mut alice = Handshake::ntlm("alice");
    let mut authorization = |challenge: Option<&str>| format!("Authorization: {}\r\n", alice.next(challenge));
    let mut client = Client::new(&proxy) >> request(&authorization(None));
    assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    let mut client = client >> Rest(b"hello".into()) << KeptAlive;
    let answer = client.response();
    assert_eq!(answer.status(), 401);
    let mut client = client >> request(&authorization(answer.header("www-authenticate")));
    assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    let mut client = client >> Rest(b"hello".into()) << KeptAlive;
    assert_eq!((client.response().status(), upstream.next().body), (200, b"hello".to_vec()));
}

#[test]
fn the_response_to_a_malformed_head_request_has_no_body() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    for request in [
        "HEAD /ews/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "HEAD /ews/x HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n",
        "HEAD  HTTP/1.1\r\n\r\n",
    ] {
        let mut client = Client::new(&proxy) >> Request(request.into()) << Closed;
        let head = client.until("\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
        assert!(head.contains("Content-Length: 0\r\n") && head.contains("Connection: close\r\n"), "{head}");
        let _ = client << "";
    }
}

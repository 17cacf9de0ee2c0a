//! Invalid requests, floods, paths, and authentication.

use std::io::Write as _;
use std::time::Duration;

use net::Limits;
use net::http::{HttpLimits, TrustedProxies};

use crate::support::{Client, SERVICE, Setup, Upstream, basic, mapi};

const OK: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9\r\n\r\nok";

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n{lines}\r\n", basic("alice"))
}

#[test]
fn requests_that_could_smuggle_others_get_400_and_close_the_connection() {
    let upstream = Upstream::saying(OK);
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
        let mut client = Client::new(&proxy);
        client.send(format!("{}0\r\n\r\n{smuggled}", get("/ews/x", lines)));
        let answer = client.answer(false);
        assert_eq!((answer.status(), answer.header("connection")), (400, Some("close")), "{lines:?}");
        assert_eq!(client.rest(), b"", "{lines:?}");
    }
    for body in
        ["x\r\n", "5\r\nhello!\r\n", "ffffffffffffffffff\r\n", "5\nhello\r\n0\r\n\r\n", "1;\0\r\na\r\n"]
    {
        let mut client = Client::new(&proxy);
        client.send(format!("{}{body}{smuggled}", get("/ews/x", "Transfer-Encoding: chunked\r\n")));
        assert_eq!(client.answer(false).status(), 400, "{body:?}");
        assert_eq!(client.rest(), b"", "{body:?}");
    }
    assert!(upstream.others().iter().all(|got| got.head.target() != "/ews/smuggled"));
}

#[test]
fn oversized_and_stalled_requests_end_and_other_clients_are_served() {
    let upstream = Upstream::saying(OK);
    let limits = Limits { handshake: Duration::from_millis(400), ..Limits::default() };
    let sizes = HttpLimits { body: 1000, ..HttpLimits::default() };
    let proxy = Setup { limits, sizes, ..Setup::default() }.before(&upstream);
    let refused = |bytes: &[u8]| {
        let mut client = Client::new(&proxy);
        let _ = client.stream.write_all(bytes);
        client.answer(false).status()
    };
    assert_eq!(refused(get("/ews/x", &"a: b\r\n".repeat(200)).as_bytes()), 431);
    assert_eq!(refused(get("/ews/x", &format!("a: {}\r\n", "x".repeat(70_000))).as_bytes()), 431);
    assert_eq!(refused(get(&format!("/ews/{}", "x".repeat(9000)), "").as_bytes()), 414);
    assert_eq!(refused(&mapi("alice", "emsmdb", "Execute", "", &[0; 2000])), 200);
    let mut client = Client::new(&proxy);
    let answer = client.ask(mapi("alice", "emsmdb", "Execute", "", &[0; 2000]));
    assert_eq!(answer.code().as_deref(), Some("9"));
    // Connections with an incomplete request, or without any, are closed.
    for begun in ["", "GET /ews/x HT", &get("/ews/x", "Content-Length: 5\r\n")] {
        let mut client = Client::new(&proxy);
        client.send(begun);
        assert_eq!(client.rest(), b"", "{begun:?}");
    }
    assert_eq!(Client::new(&proxy).ask(get("/ews/x", "")).body, b"ok");
}

#[test]
fn only_authenticated_requests_reach_the_server() {
    let upstream = Upstream::saying(OK);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    let without = |auth: &str| format!("GET /ews/x HTTP/1.1\r\nHost: a\r\n{auth}\r\n");
    for auth in [
        "",
        "Authorization: Basic YW5vbnltb3VzOmFub255bW91c3B3MQ==\r\n",
        "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n",
        "Authorization: Basic ?\r\n",
        "Authorization: Bearer x\r\n",
        "Authorization: NTLM x\r\n",
        "Authorization: NTLM TlRMTVNTUAADAAAA\r\n",
        "Authorization: Negotiate YIIB\r\n",
    ] {
        let answer = client.ask(without(auth));
        assert_eq!(answer.status(), 401, "{auth}");
        let offers: Vec<&[u8]> = answer.head.fields.all("www-authenticate").collect();
        let wanted: [&[u8]; 3] = [b"Negotiate", b"NTLM", b"Basic realm=\"MAPI\", charset=\"UTF-8\""];
        assert_eq!(offers, wanted, "{auth}");
    }
    let twice = format!("Authorization: {0}\r\nAuthorization: {0}\r\n", basic("alice"));
    assert_eq!(client.ask(without(&twice)).status(), 401);
    assert!(upstream.others().is_empty());
    assert_eq!(client.ask(get("/ews/x", "")).status(), 200);
    // Basic authenticates one request only.
    assert_eq!(client.ask(without("")).status(), 401);
}

#[test]
fn a_request_is_forwarded_unchanged_but_for_connection_headers() {
    let upstream = Upstream::saying(OK);
    let proxy = Setup::default().before(&upstream);
    let lines = "x-One:  1\r\nConnection: keep-alive, X-Hop, Host\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
                 Upgrade: h2c\r\nX-TWO: 2 \r\n";
    let answer = Client::new(&proxy).ask(get("/EWS/a%20b?c=d&MailboxId=e@f", lines));
    let got = upstream.next();
    let host = upstream.address;
    let wanted = format!(
        "GET /EWS/a%20b?c=d&MailboxId=e@f HTTP/1.1\r\nHost: {host}\r\nAuthorization: {SERVICE}\r\n\
         x-One:  1\r\nX-TWO: 2 \r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n\
         X-Forwarded-Host: proxy.lab.test\r\nForwarded: for=127.0.0.1;host=\"proxy.lab.test\";proto=http\r\n\
         Via: 1.1 mapiproxy-"
    );
    let text = got.text();
    let rest = text.strip_prefix(&wanted).unwrap_or_else(|| panic!("{text}"));
    assert!(rest.len() == 16 + 4 && rest.ends_with("\r\n\r\n"), "{text}");
    assert_eq!((answer.header("keep-alive"), answer.header("connection")), (None, None));
}

#[test]
fn paths_are_forwarded_refused_or_not_found() {
    let upstream = Upstream::saying(OK);
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
        assert_eq!(client.ask(get(path, "")).status(), status, "{path}");
    }
    assert_eq!(client.ask(get("/ews/x", "Expect: more\r\n")).status(), 417);
    let mut client = Client::new(&proxy);
    assert_eq!(client.ask("CONNECT /ews/x HTTP/1.1\r\nHost: a\r\n\r\n").status(), 405);
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    let upstream = Upstream::saying(OK);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    client.send(get("/ews/x", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
    assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.ask("hello").body, b"ok");
    assert_eq!(upstream.next().body, b"hello");
    // Refused without its body: what follows on the connection is unknown.
    client.send(get("/owa/", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
    assert_eq!(client.answer(false).status(), 403);
    let _ = client.stream.write_all(get("/ews/x", "").as_bytes());
    assert_eq!(client.rest(), b"");
}

#[test]
fn http_1_0_clients_and_head_requests_are_served() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let upstream = Upstream::saying(chunked);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    client.send(format!("GET /ews/x HTTP/1.0\r\nAuthorization: {}\r\n\r\n", basic("alice")));
    let answer = client.answer(false);
    assert_eq!((answer.wire.as_slice(), answer.header("transfer-encoding")), (&b"ok"[..], None));
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    for _ in 0..2 {
        client.send(get("/ews/x", "").replace("GET ", "HEAD "));
        assert_eq!(client.answer(true).header("content-length"), Some("9"));
    }
}

#[test]
fn a_proxy_header_is_required_from_configured_peers_and_refused_from_others() {
    let upstream = Upstream::saying(OK);
    let peers = TrustedProxies { proxy_protocol: vec![[127, 0, 0, 1].into()], ..TrustedProxies::default() };
    let proxy = Setup { peers, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    client.send("PROXY TCP4 10.1.2.3 10.0.0.1 4000 443\r\n");
    assert_eq!(client.ask(get("/ews/x", "")).status(), 200);
    let mut client = Client::new(&proxy);
    client.send(get("/ews/x", ""));
    assert_eq!(client.rest(), b"");
}

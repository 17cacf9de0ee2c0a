//! Authentication, HTTP/1.0, HEAD requests, and the PROXY header.

use net::http::TrustedProxies;

use crate::support::{Client, Setup, Upstream, basic};

const OK: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9\r\n\r\nok";

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n{lines}\r\n", basic("alice"))
}

#[test]
fn only_authenticated_requests_reach_the_server() {
    let upstream = Upstream::responding(OK);
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
        let answer = client.exchange(without(auth));
        assert_eq!(answer.status(), 401, "{auth}");
        let offers: Vec<&[u8]> = answer.head.fields.all("www-authenticate").collect();
        let wanted: [&[u8]; 3] = [b"Negotiate", b"NTLM", b"Basic realm=\"MAPI\", charset=\"UTF-8\""];
        assert_eq!(offers, wanted, "{auth}");
    }
    let twice = format!("Authorization: {0}\r\nAuthorization: {0}\r\n", basic("alice"));
    assert_eq!(client.exchange(without(&twice)).status(), 401);
    assert!(upstream.others().is_empty());
    assert_eq!(client.exchange(get("/ews/x", "")).status(), 200);
    // Basic authenticates one request only.
    assert_eq!(client.exchange(without("")).status(), 401);
}

#[test]
fn http_1_0_clients_and_head_requests_are_served() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let upstream = Upstream::responding(chunked);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    client.send(format!("GET /ews/x HTTP/1.0\r\nAuthorization: {}\r\n\r\n", basic("alice")));
    let answer = client.response(false);
    assert_eq!((answer.wire.as_slice(), answer.header("transfer-encoding")), (&b"ok"[..], None));
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    for _ in 0..2 {
        client.send(get("/ews/x", "").replace("GET ", "HEAD "));
        assert_eq!(client.response(true).header("content-length"), Some("9"));
    }
}

#[test]
fn a_proxy_header_is_required_from_configured_peers_and_refused_from_others() {
    let upstream = Upstream::responding(OK);
    let peers = TrustedProxies { proxy_protocol: vec![[127, 0, 0, 1].into()], ..TrustedProxies::default() };
    let proxy = Setup { peers, ..Setup::default() }.before(&upstream);
    let mut client = Client::new(&proxy);
    client.send("PROXY TCP4 10.1.2.3 10.0.0.1 4000 443\r\n");
    assert_eq!(client.exchange(get("/ews/x", "")).status(), 200);
    let mut client = Client::new(&proxy);
    client.send(get("/ews/x", ""));
    assert_eq!(client.rest(), b"");
}

//! Forwarding between clients and the server: targets, header fields, cookies, framing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};

use net::http::TrustedProxies;

use crate::support::{Client, ReceivedRequest, Setup, Upstream, basic, executed, mapi};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn ask(method: &str, target: &str, lines: &str) -> String {
    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    format!("{method} {target} HTTP/1.1\r\nHost: proxy.lab.test\r\n{lines}{length}\r\n")
}

fn signed_in() -> String {
    format!("Authorization: {}\r\n", basic("alice"))
}

fn get(target: &str, lines: &str) -> String {
    ask("GET", target, &format!("{}{lines}", signed_in()))
}

fn values<'a>(got: &'a ReceivedRequest, name: &'a str) -> Vec<&'a str> {
    got.head.fields.all(name).map(|value| std::str::from_utf8(value).unwrap()).collect()
}

/// A server that sends this response to each client that authenticates with Basic.
fn guarded(answer: &'static str) -> Upstream {
    Upstream::new(move |got, stream| {
        let text = if got.head.fields.has("authorization") {
            answer.replacen("\r\n", &format!("\r\n{}", executed(got)), 1)
        } else {
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n".to_owned()
        };
        stream.write_all(text.as_bytes()).is_ok()
    })
}

#[test]
fn a_target_that_could_leave_its_directory_is_not_forwarded() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    for target in [
        "/autodiscover/autodiscover.json?@x.test/mapi/nspi/?&Email=autodiscover/autodiscover.json%3F@x.test",
        "/Autodiscover/autodiscover.json?a=a@x.test/owa/&Email=Autodiscover/autodiscover.json?a=a@x.test",
        "/autodiscover/autodiscover.json?Email=a@x.test%2F..%2Fecp",
        "/autodiscover/autodiscover.json/v1.0/a@x.test/powershell",
        "/autodiscover/autodiscover.xml?@x.test/ecp/",
        "/autodiscover/ecp/",
        "/ews/exchange.asmx?@x.test/owa/&Email=ews/exchange.asmx%3F@x.test",
        "/oab/%252e%252e/owa",
        "/oab/%c0%ae%c0%ae/owa",
        "/mapi/nspi/?MailboxId=a@x.test%2Fecp",
        "/ews/(F(ticket))/exchange.asmx",
        "/ews/exchange.asmx?access_token=another",
        "/mapi/emsmdb/?MailboxId=1@x.test&%61ccess_token=another",
        "/oab/oab.xml?X-Rps-CAT=x",
        "/ews/(S(x))b/(S(x))in/x",
        "/oab/%28S(x))/oab.xml",
        "/ews/web.config::$DATA",
        "http://proxy.lab.test/ews/%2e%2e/ecp/",
    ] {
        for request in [
            ask("GET", target, ""),
            ask("HEAD", target, ""),
            get(target, ""),
            ask("POST", target, &signed_in()),
        ] {
            let mut client = Client::new(&proxy);
            client.send(&request);
            let status = client.response(request.starts_with("HEAD")).status();
            assert!(matches!(status, 400 | 404), "{status}: {request}");
        }
    }
    assert!(upstream.others().is_empty(), "{:?}", upstream.others());
    let target = "/autodiscover/autodiscover.json?Email=a%40x.test&Protocol=AutodiscoverV1";
    assert_eq!(Client::new(&proxy).exchange(ask("GET", target, "")).status(), 200);
}

/// Headers that only servers and trusted proxies may send.
const FORGED: [&str; 23] = [
    "X-CommonAccessToken: VgEAVAdXaW5kb3dz",
    "X-BEResource: mail~1942062522",
    "x-anonresource-backend: mail",
    "X-IsFromCafe: 1",
    "msExchLogonMailbox: S-1-5-20",
    "X-Rps-CAT: x",
    "X-Original-URL: /ecp/",
    "X_Rewrite_URL: /ecp/",
    "X-ARR-ClientCert: MII",
    "X-HTTP-Method-Override: PUT",
    "Proxy-Authorization: Basic YTpi",
    "X-Forwarded-For: 203.0.113.9",
    "X_Forwarded_For: 203.0.113.9",
    "X-Real-IP: 203.0.113.9",
    "Forwarded: for=203.0.113.9",
    "True-Client-IP: 203.0.113.9",
    "X.CommonAccessToken: VgEAVAdXaW5kb3dz",
    "Remote~User: LAB\\bob",
    "X.Forwarded.For: 203.0.113.9",
    "x+real+ip: 203.0.113.9",
    "X_RequestType: Execute",
    "x.clientinfo: {3}:3",
    "Content_Type: text/plain",
];

#[test]
fn headers_that_only_servers_and_proxies_may_send_are_removed_from_requests_of_clients() {
    for pass_through in [false, true] {
        let upstream = guarded(OK);
        let proxy = Setup { pass_through, ..Setup::default() }.before(&upstream);
        let lines = FORGED.join("\r\n") + "\r\nX-AnchorMailbox: a@lab.test\r\n";
        assert_eq!(Client::new(&proxy).exchange(get("/ews/x", &lines)).status(), 200);
        let got = upstream.others().into_iter().find(|got| got.head.target() == "/ews/x").unwrap();
        let text = got.text();
        for forged in FORGED {
            let (name, value) = forged.split_once(": ").unwrap();
            assert!(!values(&got, name).contains(&value), "{forged} passed: {text}");
        }
        assert!(!text.contains("203.0.113.9"), "{text}");
        assert_eq!(values(&got, "x-anchormailbox"), ["a@lab.test"]);
        assert_eq!(values(&got, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(values(&got, "forwarded"), ["for=127.0.0.1;host=\"proxy.lab.test\";proto=http"]);
    }
    // MAPI over HTTP too.
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let request = String::from_utf8(mapi("alice", "nspi", "Bind", "", b"")).unwrap();
    let forged = FORGED.join("\r\n") + "\r\nCookie: X-BEResource=x~1";
    Client::new(&proxy).exchange(request.replacen("\r\n", &format!("\r\n{forged}\r\n"), 1));
    let got = upstream.next();
    assert!(!got.text().contains("203.0.113.9") && !got.text().contains("BEResource"), "{}", got.text());
    for spelled in ["x_requesttype", "x.clientinfo", "content_type"] {
        assert_eq!(values(&got, spelled), [""; 0], "{spelled}");
    }
    assert_eq!(values(&got, "x-forwarded-for"), ["127.0.0.1"]);
}

#[test]
fn forwarding_headers_of_a_trusted_proxy_are_kept_and_others_are_removed() {
    let upstream = Upstream::responding(OK);
    let peers = TrustedProxies { forwarded_for: vec![[127, 0, 0, 1].into()], ..TrustedProxies::default() };
    let proxy = Setup { peers, ..Setup::default() }.before(&upstream);
    let lines = FORGED.join("\r\n")
        + "\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n\
           Connection: keep-alive, x-forwarded-for, X-Real-IP\r\n";
    assert_eq!(Client::new(&proxy).exchange(get("/ews/x", &lines)).status(), 200);
    let got = upstream.next();
    assert_eq!(values(&got, "x-forwarded-for"), ["203.0.113.9, 198.51.100.7, 127.0.0.1"]);
    assert_eq!(values(&got, "x-forwarded-proto"), ["https"]);
    assert_eq!(values(&got, "x-real-ip"), ["203.0.113.9"]);
    assert_eq!(values(&got, "x-commonaccesstoken"), [""; 0]);
    assert_eq!(values(&got, "x-original-url"), [""; 0]);
    // Other spellings are those of clients, whose trusted proxy forwards headers that it does not know.
    for spelled in ["x_forwarded_for", "x.forwarded.for", "x+real+ip"] {
        assert_eq!(values(&got, spelled), [""; 0], "{spelled}");
    }
}

#[test]
fn a_request_loop_gets_508_and_is_not_forwarded() {
    let back: Arc<OnceLock<SocketAddr>> = Arc::default();
    let proxy_address = Arc::clone(&back);
    // Sends each request to the proxy again, and the response back.
    let upstream = Upstream::new(move |got, stream| {
        let mut proxy = TcpStream::connect(proxy_address.get().unwrap()).unwrap();
        let request = got.text().replacen("\r\n", "\r\nConnection: close\r\n", 1);
        let request = request.replace("\r\nAuthorization: ", "\r\nX-Authorization: ");
        proxy.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        proxy.read_to_end(&mut answer).unwrap();
        stream.write_all(&answer).unwrap();
        false
    });
    let proxy = Setup::default().before(&upstream);
    back.set(proxy.address).unwrap();
    assert_eq!(
        Client::new(&proxy).exchange(get("/ews/x", "Via: 1.1 front, 1.0 mapiproxy\r\n")).status(),
        508
    );
    assert_eq!(upstream.others().len(), 1);
}

#[test]
fn an_absolute_target_is_treated_like_its_path() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    for (target, goes_on) in [
        ("http://proxy.lab.test/ews/x", "/ews/x"),
        ("HTTPS://other.test:8443/ews/x?a=1", "/ews/x?a=1"),
        ("http://[::1]:80/EWS/", "/EWS/"),
    ] {
        assert_eq!(Client::new(&proxy).exchange(get(target, "")).status(), 200, "{target}");
        let got = upstream.next();
        assert_eq!(got.head.target(), goes_on);
        assert_eq!(values(&got, "host"), [upstream.address.to_string()]);
    }
    for (target, status) in [
        ("http://proxy.lab.test", 404),
        ("http://proxy.lab.test?x", 404),
        ("http://proxy.lab.test/ecp/", 403),
        ("http://proxy.lab.test/ews/../ecp/", 400),
        ("http://user@proxy.lab.test/ews/x", 400),
        ("http:///ews/x", 400),
        ("http://a:b/ews/x", 400),
        ("ftp://proxy.lab.test/ews/x", 400),
        ("proxy.lab.test:80", 400),
    ] {
        assert_eq!(Client::new(&proxy).exchange(get(target, "")).status(), status, "{target}");
    }
    assert!(upstream.others().is_empty());
}

#[test]
fn responses_of_an_http_1_0_server_are_framed_for_http_1_1_clients() {
    for (answer, keeps) in [
        ("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", false),
        ("HTTP/1.0 200\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", true),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false),
    ] {
        let upstream = Upstream::new(move |_, stream| stream.write_all(answer.as_bytes()).is_ok() && keeps);
        let proxy = Setup::default().before(&upstream);
        let mut client = Client::new(&proxy);
        for _ in 0..2 {
            let seen = client.exchange(get("/ews/x", ""));
            assert_eq!((seen.status(), seen.body.as_slice()), (200, &b"hello"[..]), "{answer}");
            assert_eq!(seen.head.version(), http1::Version::Http11, "{answer}");
        }
        let connections = upstream.others().iter().map(|got| got.connection).max();
        assert_eq!(connections, Some(usize::from(!keeps)), "{answer}");
    }
}

#[test]
fn a_long_body_in_chunks_is_forwarded_like_one_with_a_length() {
    let upstream = Upstream::responding(OK);
    let proxy = Setup::default().before(&upstream);
    let mut client = Client::new(&proxy);
    for size in [0, 10, 60_000, 70_000, 5 << 20] {
        let body: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut request =
            format!("POST /ews/x HTTP/1.1\r\nHost: a\r\n{}Transfer-Encoding: chunked\r\n\r\n", signed_in())
                .into_bytes();
        for part in body.chunks(50_000) {
            http1::write_chunk(&mut request, part);
        }
        request.extend_from_slice(http1::LAST_CHUNK);
        assert_eq!(client.exchange(request).status(), 200, "{size}");
        let got = upstream.next();
        assert!(got.body == body, "{size}: {} bytes", got.body.len());
        let by_length = size <= 64 * 1024;
        assert_eq!(got.head.fields.has("content-length"), by_length, "{size}");
        assert_eq!(got.head.fields.has("transfer-encoding"), !by_length, "{size}");
    }
    // A body that is cut off within its chunks is not a complete request.
    let broken =
        format!("POST /ews/x HTTP/1.1\r\nHost: a\r\n{}Transfer-Encoding: chunked\r\n\r\n", signed_in());
    let chunk = format!("{:x}\r\n{}\r\n", 70_000, "x".repeat(70_000));
    let mut client = Client::new(&proxy);
    assert_eq!(client.exchange(format!("{broken}{chunk}zz\r\n")).status(), 400);
    assert!(upstream.others().is_empty());
}

#[test]
fn cookies_of_the_service_account_reach_no_client_and_those_of_clients_no_server() {
    const SET: &str = "HTTP/1.1 200 OK\r\nSet-Cookie: session=service; path=/\r\nset-cookie: X-BackEndCookie=b\r\n\
                       Content-Length: 2\r\n\r\n{}";
    for target in [
        "/ews/x",
        "/oab/x",
        "/autodiscover/autodiscover.xml",
        "/autodiscover/autodiscover.json?Email=a@b.test",
    ] {
        let upstream = Upstream::responding(SET);
        let proxy = Setup::default().before(&upstream);
        for lines in
            [signed_in(), String::new()].iter().filter(|lines| !lines.is_empty() || target.contains("json"))
        {
            let answer = Client::new(&proxy).exchange(ask(
                "GET",
                target,
                &format!("{lines}Cookie: session=another\r\n"),
            ));
            assert_eq!((answer.status(), answer.header("set-cookie")), (200, None), "{target}");
            assert_eq!(values(&upstream.next(), "cookie"), [""; 0], "{target}");
        }
    }
    // With pass-through authentication clients have their own cookies, except those that route at a front end.
    let upstream = guarded(SET);
    let proxy = Setup { pass_through: true, ..Setup::default() }.before(&upstream);
    let cookies =
        "Cookie: session=service; X-BEResource=x~1; x-backendcookie=y\r\nCookie: X-AnonResource=true\r\n";
    let answer = Client::new(&proxy).exchange(get("/ews/x", cookies));
    let set: Vec<_> = answer.head.fields.all("set-cookie").collect();
    assert_eq!(set, [b"session=service; path=/"]);
    let got = upstream.others().into_iter().find(|got| got.head.target() == "/ews/x").unwrap();
    assert_eq!(values(&got, "cookie"), ["session=service"]);
}

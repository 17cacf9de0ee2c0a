//! Upstreams that cannot be reached or do not authenticate the service account: attempts, log lines and responses.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::harness::raw_http::{Client, HttpOutcome, Server, base64, field};
use crate::harness::{
    ALICE, BOB, Connection, NSPI, Outcome, PATIENCE, Proxy, RawUpstream, SERVICE, ScriptedClient, Setup,
    Upstream, address, echo, thread, with_handle,
};

const OPERATIONS: usize = 50;
const WRONG: (&str, &str) = (SERVICE.0, "Cheshire Cat 4");
const REFUSED_ACCOUNT: &str = "rejects the proxy's own account, not yours";

/// The status and the body that an HTTP client receives.
fn asks(proxy: &Proxy, port: u16) -> (u16, String) {
    asks_as(proxy, port, ALICE, "/EWS/Exchange.asmx")
}

/// The status and the body for a request of `user` for `path`.
fn asks_as(proxy: &Proxy, port: u16, user: (&str, &str), path: &str) -> (u16, String) {
    let stream = TcpStream::connect((proxy.address, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client { stream, cookie: String::new(), by: "good" };
    let basic = base64(&format!("{}:{}", user.0, user.1));
    let head = format!("GET {path} HTTP/1.1\r\nHost: proxy.lab.test\r\nAuthorization: Basic {basic}\r\n\r\n");
    match client.exchange(head.as_bytes()) {
        HttpOutcome::Response(status, _, text) => (status, String::from_utf8(text).unwrap()),
        HttpOutcome::Closed(got) => panic!("no response: {got:?}"),
    }
}

/// Makes the proxy reload the password of its account, for the time `times`.
fn read_again(proxy: &Proxy, times: usize) {
    proxy.process.hang_up();
    proxy
        .process
        .wait_lines("the password", times, |line| line.contains("password of the service account reloaded"));
}

/// The lines of the log at WARN and INFO about the upstream.
fn about_upstream(proxy: &Proxy, level: &str) -> Vec<String> {
    let all = proxy.process.err();
    all.into_iter()
        .filter(|line| line.contains(level) && line.contains("net::") && line.contains("upstream"))
        .collect()
}

#[track_caller]
fn only_line(proxy: &Proxy, level: &str, part: &str) -> String {
    let lines = about_upstream(proxy, level);
    assert!(lines.len() == 1 && lines[0].contains(part), "{lines:#?}");
    lines[0].clone()
}

/// The number behind `key=` in a line of the log.
fn number(line: &str, key: &str) -> usize {
    let plain = without_colours(line);
    let (_, rest) = plain.split_once(&format!("{key}=")).unwrap_or_else(|| panic!("no {key}: {plain}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or("", |(_, rest)| rest))
}

/// A server that accepts one password by Basic, with the number of authentications.
fn by_basic() -> (Server, Arc<AtomicUsize>) {
    let seen = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&seen);
    let good = format!("Basic {}", base64(&format!("LAB\\{}:{}", SERVICE.0, SERVICE.1)));
    let server = Server::start(move |head, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        if field(head, "authorization") == Some(&good) {
            return (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved".to_vec(), true);
        }
        let refusal = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        (refusal.into(), true)
    });
    (server, seen)
}

#[test]
fn a_wrong_service_password_is_tried_once_by_basic_and_a_reloaded_one_at_once() {
    let (server, seen) = by_basic();
    let proxy = server.proxied(|setup| setup.service_account(WRONG));
    for _ in 0..OPERATIONS {
        let (status, text) = asks(&proxy, 8080);
        assert!(status == 503 && text.contains(REFUSED_ACCOUNT), "{status} {text}");
    }
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    let line = only_line(&proxy, "WARN", "does not accept the service account");
    assert!(
        line.contains("the server offers Basic and responds with status 401 to the credentials; correct"),
        "{line}"
    );
    assert!(line.contains("SIGHUP"), "{line}");

    // Reloading the same password causes no new attempt.
    read_again(&proxy, 1);
    assert_eq!(asks(&proxy, 8080).0, 503);
    assert_eq!(seen.load(Ordering::Relaxed), 1);

    proxy.write_password(SERVICE.1);
    read_again(&proxy, 2);
    assert_eq!(asks(&proxy, 8080), (200, "served".to_owned()));
    proxy.process.wait_err("the end", |line| line.contains("accepts the service account again"));
    let ended = about_upstream(&proxy, "INFO");
    assert_eq!(ended.len(), 1, "{ended:#?}");
    assert_eq!(number(&ended[0], "failed"), OPERATIONS + 1);
    assert_eq!(about_upstream(&proxy, "WARN").len(), 1);
}

#[test]
fn many_clients_at_once_cause_one_authentication_with_a_wrong_password() {
    let (server, seen) = by_basic();
    let proxy = Arc::new(server.proxied(|setup| setup.service_account(WRONG)));
    let clients: Vec<_> = (0..OPERATIONS)
        .map(|_| {
            let proxy = Arc::clone(&proxy);
            thread(move || asks(&proxy, 8080).0)
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), 503);
    }
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    only_line(&proxy, "WARN", "does not accept the service account");
}

#[test]
fn a_service_password_changed_at_the_server_is_tried_twice_at_most() {
    let (server, seen) = by_basic();
    let proxy = server.proxied(|setup| setup);
    assert_eq!(asks(&proxy, 8080).0, 200);
    // At the server, another password is as wrong as the old one after a change.
    proxy.write_password(WRONG.1);
    read_again(&proxy, 1);
    for _ in 0..OPERATIONS {
        assert_eq!(asks(&proxy, 8080).0, 503);
    }
    assert!((2..=3).contains(&seen.load(Ordering::Relaxed)), "{seen:?}");
}

#[test]
fn a_refusal_of_the_service_account_for_one_users_requests_stops_no_other_user() {
    let good = format!("Basic {}", base64(&format!("LAB\\{}:{}", SERVICE.0, SERVICE.1)));
    let server = Server::start(move |head, _| {
        if field(head, "authorization") == Some(&good) && !head.contains("/denied") {
            return (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved".to_vec(), true);
        }
        let refusal = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        (refusal.into(), true)
    });
    let proxy = server.proxied(|setup| setup);
    // Before and after the account was accepted, at this and at other paths.
    for _ in 0..2 {
        for denied in ["/OAB/denied", "/EWS/denied"] {
            for _ in 0..3 {
                assert_eq!(asks_as(&proxy, 8080, ALICE, denied).0, 503);
            }
        }
        for path in ["/EWS/Exchange.asmx", "/OAB/1/oab.xml"] {
            assert_eq!(asks_as(&proxy, 8080, BOB, path), (200, "served".to_owned()), "{path}");
        }
    }
    let lines = about_upstream(&proxy, "WARN");
    assert!(
        lines.iter().any(|line| line.contains("in requests of this user") && line.contains("alice")),
        "{lines:?}"
    );
}

#[test]
fn users_whom_the_server_refuses_after_a_start_stop_no_requests_to_other_services() {
    let good = format!("Basic {}", base64(&format!("LAB\\{}:{}", SERVICE.0, SERVICE.1)));
    let server = Server::start(move |head, _| {
        if field(head, "authorization") == Some(&good) && !head.contains("/EWS/") {
            return (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved".to_vec(), true);
        }
        let refusal = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        (refusal.into(), true)
    });
    let proxy = server.proxied(|setup| setup);
    for user in [ALICE, BOB, ALICE, BOB] {
        assert_eq!(asks_as(&proxy, 8080, user, "/EWS/Exchange.asmx").0, 503);
    }
    for user in [ALICE, BOB] {
        assert_eq!(asks_as(&proxy, 8080, user, "/OAB/1/oab.xml"), (200, "served".to_owned()));
    }
}

#[test]
fn two_users_cause_two_authentications_with_a_wrong_service_password() {
    let (server, seen) = by_basic();
    let proxy = server.proxied(|setup| setup.service_account(WRONG));
    for _ in 0..OPERATIONS {
        for user in [ALICE, BOB] {
            assert_eq!(asks_as(&proxy, 8080, user, "/EWS/Exchange.asmx").0, 503);
        }
    }
    // The second is the proxy's own, after a request without credentials.
    assert_eq!(seen.load(Ordering::Relaxed), 3);
    only_line(&proxy, "WARN", "does not accept the service account");
}

/// A `CHALLENGE_MESSAGE` ([MS-NLMP] 2.2.1.2): Unicode, NTLM, extended session security, and an empty target info.
fn challenge() -> String {
    let flags = 0x0288_0201_u32.to_le_bytes();
    let parts: [&[u8]; 8] = [
        b"NTLMSSP\0\x02\0\0\0",
        &[0, 0, 0, 0, 56, 0, 0, 0],
        &flags,
        b"12345678",
        &[0; 8],
        &[4, 0, 4, 0, 56, 0, 0, 0],
        &[10, 0, 0, 0, 0, 0, 0, 15],
        &[0; 4],
    ];
    base64(&String::from_utf8(parts.concat().into_iter().map(|byte| byte & 0x7f).collect()).unwrap())
}

#[test]
fn a_wrong_service_password_is_tried_once_by_ntlm() {
    let seen = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&seen);
    let server = Server::start(move |head, _| {
        let sent = field(head, "authorization").unwrap_or_default();
        // MessageType 1 is a `NEGOTIATE_MESSAGE`; 3 is an authentication.
        let offer = if sent.starts_with("NTLM TlRMTVNTUAAB") {
            format!("NTLM {}", challenge())
        } else {
            counted.fetch_add(usize::from(sent.starts_with("NTLM TlRMTVNTUAAD")), Ordering::Relaxed);
            "NTLM".to_owned()
        };
        (format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {offer}\r\nContent-Length: 0\r\n\r\n").into(), true)
    });
    let proxy =
        server.proxied(|setup| setup.service_account(WRONG).upstream_key("http_authentication", "\"ntlm\""));
    for _ in 0..OPERATIONS {
        let (status, text) = asks(&proxy, 8080);
        assert!(status == 503 && text.contains(REFUSED_ACCOUNT), "{status} {text} {:?}", proxy.process.err());
    }
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    only_line(&proxy, "WARN", "rejects the service account");
}

#[test]
fn a_wrong_service_password_is_tried_once_by_rpc_and_a_reloaded_one_at_once() {
    for package in ["ntlm", "spnego"] {
        let upstream = Upstream::start();
        let setup = Setup::before(&upstream.mapper().to_string()).service_account(WRONG);
        let proxy = setup.upstream_key("authentication", &format!("\"{package}\"")).start();
        let mut client = ScriptedClient::bound(&proxy, ALICE, 0);
        for number in 0..OPERATIONS {
            let response = client.command("open");
            // `RPC_S_CALL_FAILED`, where the server ended the connection, and `RPC_S_CALL_FAILED_DNE`: no status by
            // which the client would ask for another password.
            let fault = response["fault"].as_str().unwrap_or_else(|| panic!("{response}")).to_lowercase();
            let is_right = fault.contains("6bf") || (number == 0 && fault.contains("6be"));
            assert!(is_right, "{fault} {:?}", proxy.process.err());
        }
        let binds = || upstream.log().iter().filter(|line| line["bind"] == "DceRpc5Bind").count();
        assert!((1..=2).contains(&binds()), "{package}: {} {:?}", binds(), upstream.log());
        // The request of another user causes one authentication of the proxy itself.
        let mut other = ScriptedClient::bound(&proxy, BOB, 0);
        for _ in 0..OPERATIONS {
            assert!(other.command("open")["fault"].is_string());
        }
        assert!((2..=3).contains(&binds()), "{package}: {} {:?}", binds(), upstream.log());
        only_line(&proxy, "WARN", "does not accept the service account");

        proxy.write_password(SERVICE.1);
        read_again(&proxy, 1);
        client.open();
        proxy.process.wait_err("the end", |line| line.contains("accepts the service account again"));
        let ended = about_upstream(&proxy, "INFO");
        assert!(ended.len() == 1 && number(&ended[0], "failed") >= OPERATIONS, "{ended:#?}");
    }
}

#[test]
fn an_rpc_server_that_is_down_is_logged_once_and_again_when_it_is_back() {
    let host = address();
    let proxy = Setup::before(&format!("ncacn_ip_tcp:{host}[6001]")).unprotected().start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    for _ in 0..OPERATIONS {
        // `RPC_S_SERVER_UNAVAILABLE`
        assert_eq!(client.call(0, &[0; 48]), Outcome::Fault(0x6BA));
    }
    let line = only_line(&proxy, "WARN", "upstream is unreachable");
    assert!(line.contains("upstream.rpc"), "{line}");
    let _upstream = RawUpstream::at(host, echo);
    let mut failed = OPERATIONS;
    let response = loop {
        match client.call(0, &[0; 48]) {
            Outcome::Fault(_) => failed += 1,
            response => break response.stub(),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let handle: [u8; 16] = response[8..24].try_into().unwrap_or([0; 16]);
    let _ = client.call(10, &with_handle(handle, &[0; 8]));
    proxy.process.wait_err("the end", |line| line.contains("upstream is reachable again"));
    let ended = only_line(&proxy, "INFO", "upstream is reachable again");
    assert_eq!(number(&ended, "failed"), failed);
}

/// A proxy to be before the HTTP server `at`, at which clients may sign in by Basic without TLS.
fn before_http(at: SocketAddr) -> Setup {
    Setup::before("ncacn_ip_tcp:127.0.0.1[1]")
        .listen_key("http", "\"ADDRESS:8080\"")
        .clients_key("basic_without_tls", "true")
        .upstream_key("http", &format!("\"http://{at}\""))
}

#[test]
fn a_server_that_is_down_is_logged_once_with_pass_through_authentication() {
    let at = SocketAddr::from((address(), 8480));
    let proxy = before_http(at).relayed().start();
    for _ in 0..OPERATIONS {
        let (status, text) = asks(&proxy, 8080);
        assert!(status == 502 && text.contains("cannot be reached"), "{status} {text}");
    }
    only_line(&proxy, "WARN", "upstream is unreachable");
    // Attempts that did not reach the server do not count as guesses.
    let log = proxy.process.err().join("\n");
    assert!(!log.contains("sign-in"), "{log}");
}

#[test]
fn an_http_server_that_is_down_is_logged_once_and_again_when_it_is_back() {
    let at = SocketAddr::from((address(), 8480));
    let proxy = before_http(at).upstream_key("http_authentication", "\"basic\"").start();
    for _ in 0..OPERATIONS {
        let (status, text) = asks(&proxy, 8080);
        assert!(status == 502 && text.contains("cannot be reached"), "{status} {text}");
    }
    let line = only_line(&proxy, "WARN", "upstream is unreachable");
    assert!(line.contains("upstream.http"), "{line}");
    let listener = TcpListener::bind(at).unwrap();
    thread(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved");
        }
    });
    let mut failed = OPERATIONS;
    while asks(&proxy, 8080).0 != 200 {
        failed += 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    proxy.process.wait_err("the end", |line| line.contains("upstream is reachable again"));
    let ended = only_line(&proxy, "INFO", "upstream is reachable again");
    assert_eq!(number(&ended, "failed"), failed);
}

#[test]
fn a_server_whose_tls_fails_is_distinguished_and_not_connected_to_for_each_operation() {
    let at = SocketAddr::from((address(), 8480));
    let listener = TcpListener::bind(at).unwrap();
    let connections = Arc::<Mutex<Vec<TcpStream>>>::default();
    let seen = Arc::clone(&connections);
    thread(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            seen.lock().unwrap().push(stream);
        }
    });
    let setup = Setup::before("ncacn_ip_tcp:127.0.0.1[1]")
        .http()
        .clients_key("basic_without_tls", "true")
        .upstream_key("ca_file", "\"own.crt\"")
        .upstream_key("http", &format!("\"https://{at}\""));
    let proxy = setup.start();
    for _ in 0..OPERATIONS {
        let (status, text) = asks(&proxy, 8081);
        assert!(status == 502 && text.contains("cannot establish TLS"), "{status} {text}");
    }
    let connected = connections.lock().unwrap().len();
    assert!((2..10).contains(&connected), "{connected}");
    let line = only_line(&proxy, "WARN", "TLS handshake failed");
    assert!(line.contains("set upstream.http to its port for TLS"), "{line}");
}

//! Limits on guessing passwords, by both protocols, and the log of guesses.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::raw_http::{Server, base64, field, read_message, response};
use crate::harness::{ALICE, BOB, Client, PATIENCE, Proxy, RawUpstream, Setup};

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect((proxy.address, 8080)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request on `stream` as the client at `from`. Returns the head of the response, or `None` if the connection
/// ended.
fn ask(stream: &mut TcpStream, from: &str, user: &str, password: &str) -> Option<String> {
    let credentials = base64(&format!("{user}:{password}"));
    let request = format!(
        "GET /ews/x HTTP/1.1\r\nHost: proxy.lab.test\r\nX-Forwarded-For: {from}\r\n\
         Authorization: Basic {credentials}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    read_message(stream).map(|(head, _)| head)
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Sends a request on a new connection.
fn once(proxy: &Proxy, from: &str, user: &str, password: &str) -> u16 {
    status(&ask(&mut connect(proxy), from, user, password).unwrap())
}

/// A server that accepts the passwords of ALICE and BOB.
fn server() -> Server {
    counting_server(&Arc::default())
}

/// The same, which counts wrong passwords.
fn counting_server(wrong: &Arc<AtomicUsize>) -> Server {
    let wrong = Arc::clone(wrong);
    let good = [ALICE, BOB].map(|(user, password)| base64(&format!("{user}:{password}")));
    let service = base64("LAB\\svcproxy:");
    Server::start(move |head, _| {
        let sent =
            field(head, "authorization").and_then(|value| value.strip_prefix("Basic ")).unwrap_or_default();
        let is_service = sent.get(..16) == service.get(..16);
        if is_service || good.iter().any(|good| good == sent) {
            // A response with this header is the server's own, not a gateway's.
            let ping = field(head, "x-requesttype") == Some("PING");
            return (response(b"", if ping { "X-RequestType: PING\r\n" } else { "" }), true);
        }
        if !sent.is_empty() {
            wrong.fetch_add(1, Ordering::Relaxed);
        }
        let refusal = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
        (refusal.as_bytes().to_vec(), true)
    })
}

/// The proxy of `server` behind a load balancer, from which all connections of the tests come.
fn behind_a_load_balancer(server: &Server) -> Proxy {
    server.proxied(|setup| setup.clients_key("forwarded_for_from", "[\"127.0.0.0/8\"]").stack(&[]))
}

/// The proxy in pass-through mode, behind a load balancer.
fn relayed(server: &Server) -> Proxy {
    Setup::before("")
        .relayed()
        .listen_key("http", "\"ADDRESS:8080\"")
        .clients_key("basic_without_tls", "true")
        .clients_key("forwarded_for_from", "[\"127.0.0.0/8\"]")
        .upstream_key("http", &format!("\"http://{}\"", server.address))
        .start()
}

fn guesses_are_delayed(proxy: &mut Proxy) {
    let begin = Instant::now();
    let mut statuses = Vec::new();
    let mut stream = connect(proxy);
    while begin.elapsed() < Duration::from_millis(800) {
        match ask(&mut stream, "203.0.113.9", "alice", "guess") {
            Some(head) => {
                let status = status(&head);
                assert_eq!(field(&head, "retry-after").is_some(), status == 429, "{head}");
                statuses.push(status);
            }
            None => stream = connect(proxy),
        }
    }
    let checked = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(checked, 6, "of {} guesses", statuses.len());
    assert!(statuses.iter().skip(6).all(|status| *status == 429), "{statuses:?}");
    // Alice is accepted from another address, and another user from the same address.
    assert_eq!(once(proxy, "203.0.113.10", "alice", ALICE.1), 200);
    assert_eq!(once(proxy, "203.0.113.9", "bob", BOB.1), 200);
    // Alice is accepted from the same address after the delay.
    std::thread::sleep(Duration::from_millis(1300));
    assert_eq!(once(proxy, "203.0.113.9", "alice", ALICE.1), 200);

    let ended = proxy.stop();
    let lines: Vec<&str> =
        ended.err.lines().filter(|line| line.contains("client authentication fail")).collect();
    let first = lines
        .iter()
        .find(|line| line.contains("client=203.0.113.9:0"))
        .unwrap_or_else(|| panic!("{lines:?}"));
    assert!(first.contains("account=alice"), "{first}");
    // One summary, or two if ten seconds ended meanwhile.
    let rest = lines.iter().filter(|line| line.contains("client=203.0.113.9 "));
    let failed = rest.map(|line| {
        assert!(line.contains("accounts=\"alice ("), "{line}");
        let (_, number) = line.split_once(" failed=").unwrap_or_else(|| panic!("{line}"));
        number
            .split(' ')
            .next()
            .and_then(|number| number.parse::<u32>().ok())
            .unwrap_or_else(|| panic!("{line}"))
    });
    assert_eq!(failed.sum::<u32>(), 5, "{lines:?}");
    assert!(lines.len() <= 4, "{lines:?}");
    assert!(!ended.err.contains("guess"), "{}", ended.err);
}

#[test]
fn guesses_by_basic_are_delayed_and_lock_no_other_client_out() {
    let server = server();
    guesses_are_delayed(&mut behind_a_load_balancer(&server));
}

#[test]
fn guesses_by_basic_that_the_server_verifies_are_delayed() {
    guesses_are_delayed(&mut relayed(&server()));
}

#[test]
fn clients_that_authenticate_at_the_same_time_get_in_and_guesses_at_the_same_time_are_limited() {
    const CLIENTS: usize = 200;
    let wrong = Arc::default();
    let server = counting_server(&wrong);
    let proxy = relayed(&server);
    let at_once = |from: &str, password: &str| -> Vec<u16> {
        std::thread::scope(|scope| {
            let ask = || once(&proxy, from, "alice", password);
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        })
    };
    assert_eq!(at_once("203.0.113.7", ALICE.1), [200; CLIENTS]);
    assert_eq!(wrong.load(Ordering::Relaxed), 0);
    let statuses = at_once("203.0.113.8", "guess");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    // The first six, and on a slow machine a few after a delay.
    let checked = wrong.load(Ordering::Relaxed);
    assert!((6..12).contains(&checked), "{checked} guesses reached the server");
}

#[test]
fn each_address_is_in_the_log_with_the_account_that_was_tried() {
    let server = server();
    let mut proxy = behind_a_load_balancer(&server);
    for number in 1..=60 {
        let name = ["alice", "LAB\\bob", "eve\r\nclient=1.2.3.4"][number % 3];
        assert_eq!(once(&proxy, &format!("198.51.100.{number}"), name, "guess"), 401);
    }
    let log = proxy.stop().err;
    for number in 1..=60 {
        let peer = format!("client=198.51.100.{number}:0 ");
        let account =
            ["account=alice", "account=LAB\\bob", r#"account="eve\u{d}\u{a}client=1.2.3.4""#][number % 3];
        let line =
            log.lines().find(|line| line.contains(&peer)).unwrap_or_else(|| panic!("no {peer} in {log}"));
        assert!(line.contains(account), "{line}");
    }
    assert!(!log.lines().any(|line| line.starts_with("peer")), "{log}");
}

#[test]
fn guesses_over_rpc_are_delayed_and_logged_with_the_account() {
    let upstream = RawUpstream::echo();
    let setup = Setup::before(&upstream.binding()).clients_key("failed_sign_ins", "1");
    let mut proxy = setup.start();
    // On a slow machine the delay grows longer than an attempt takes.
    for _ in 0..8 {
        let report = Client::impacket(proxy.mapper()).user((ALICE.0, "wrong"), "privacy").run();
        assert!(report.failed.is_some(), "{}", report.text);
    }
    let log = proxy.stop().err;
    assert!(log.contains("account=LAB\\alice"), "{log}");
    let throttled =
        |line: &str| line.contains("client authentication failures") && !line.contains("throttled=0");
    assert!(log.lines().any(throttled), "{log}");
}

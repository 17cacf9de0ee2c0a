//! Unauthenticated clients: their time and connections are limited, and authenticated clients are not affected.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::raw_http::{Bystander, Client, Server, response};
use crate::harness::{Connection, NSPI, Outcome, PATIENCE, Proxy, RawUpstream, Setup, thread, with_handle};

/// The management interface (C706 appendix Q).
const MGMT: ([u8; 16], u32) =
    ([0x80, 0xbd, 0xa8, 0xaf, 0x8a, 0x7d, 0xc9, 0x11, 0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89], 1);

/// Two seconds for authentication and for each request.
fn hasty(setup: Setup) -> Setup {
    setup.clients_key("handshake_seconds", "2").stack(&[])
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect((proxy.address, 8080)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until the proxy closes the connection, which must be about two seconds after `begin`.
#[track_caller]
fn expect_closed_in_time(stream: &mut TcpStream, begin: Instant) -> String {
    let mut all = Vec::new();
    // A reset is an end too.
    let end = stream.read_to_end(&mut all);
    let took = begin.elapsed();
    assert!((1.5..15.0).contains(&took.as_secs_f64()), "{took:?}, {end:?}");
    String::from_utf8_lossy(&all).into_owned()
}

/// Sends a byte now and then, until that fails.
fn trickle(stream: &TcpStream) {
    let mut stream = stream.try_clone().unwrap();
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && stream.write_all(b"x").is_ok() {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(Instant::now() < until, "bytes are taken on and on");
}

/// A connection to a proxy of [`hasty`], and the time at which it was opened.
fn hasty_connection() -> (Proxy, TcpStream, Instant) {
    let proxy = Server::start(|_, _| (response(b"", ""), true)).proxied(hasty);
    let client = connect(&proxy);
    (proxy, client, Instant::now())
}

#[test]
fn a_401_response_grants_no_idle_time() {
    let (_proxy, mut client, begin) = hasty_connection();
    for path in ["/ews/x", "/nothing", "/owa/"] {
        client.write_all(format!("GET {path} HTTP/1.1\r\nHost: proxy.lab.test\r\n\r\n").as_bytes()).unwrap();
    }
    let got = expect_closed_in_time(&mut client, begin);
    assert_eq!(got.matches("HTTP/1.1 ").count(), 3, "{got}");
}

#[test]
fn unauthenticated_requests_without_a_pause_do_not_extend_the_time_limit() {
    let (_proxy, mut client, begin) = hasty_connection();
    let mut writer = client.try_clone().unwrap();
    let sends = thread(move || {
        // The begin of each request is sent with the end of the one before.
        let rest = "ET /ews/x HTTP/1.1\r\nHost: proxy.lab.test\r\n\r\nG";
        let mut sent = writer.write_all(b"G");
        while sent.is_ok() && begin.elapsed() < PATIENCE {
            sent = writer.write_all(rest.as_bytes());
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let got = expect_closed_in_time(&mut client, begin);
    assert!(got.matches("HTTP/1.1 401 ").count() > 10, "{got}");
    sends.join().unwrap();
}

#[test]
fn the_delay_of_the_unauthenticated_clients_of_an_address_is_logged() {
    let server = Server::start(|_, _| (response(b"", ""), true));
    let proxy = server.proxied(|setup| setup.stack(&[]));
    for _ in 0..1000 {
        // The connection may be refused, since the earlier ones are closed later.
        let _ = connect(&proxy).write_all(b"GET /ews/x HTTP/1.1\r\nHost: proxy.lab.test\r\n\r\n");
    }
    let line = "clients of an address are delayed: the work for those that have not signed in is limited";
    proxy.process.wait_err("the delay", |found| {
        found.contains("WARN") && found.contains(line) && found.contains("address=127.0.0.")
    });
}

#[test]
fn slowly_read_responses_do_not_extend_the_time_limit() {
    let (_proxy, mut client, begin) = hasty_connection();
    let mut writer = client.try_clone().unwrap();
    // More than all buffers hold, so that the proxy waits for it to be read.
    let sends = thread(move || {
        let requests = "GET /ews/x HTTP/1.1\r\nHost: proxy.lab.test\r\n\r\n".repeat(1000);
        while writer.write_all(requests.as_bytes()).is_ok() {}
        begin.elapsed()
    });
    let mut buffer = vec![0; 100_000];
    while begin.elapsed() < PATIENCE && !sends.is_finished() {
        let _ = client.read(&mut buffer);
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = sends.join().unwrap();
    assert!((1.5..15.0).contains(&took.as_secs_f64()), "{took:?}");
}

#[test]
fn an_authenticated_client_may_be_idle() {
    let server = Server::start(|_, _| (response(b"", ""), true));
    let proxy = server.proxied(hasty);
    let mut bystander = Bystander::new(&proxy);
    std::thread::sleep(Duration::from_secs(4));
    bystander.expect_response("four seconds");
}

#[test]
fn a_body_that_is_too_slow_closes_the_connection() {
    let server = Server::start(|_, _| (response(b"", ""), true));
    let proxy = server.proxied(hasty);
    let long = "Content-Length: 100000\r\n\r\n";
    let known = Client::unauthenticated(&proxy, "bad").head("Execute");
    let elsewhere = known.replacen("/mapi/emsmdb/", "/ews/exchange.asmx", 1);
    let unknown = "POST /ews/exchange.asmx HTTP/1.1\r\nHost: proxy.lab.test\r\n".to_owned();
    for head in [unknown, known, elsewhere] {
        let mut client = connect(&proxy);
        let begin = Instant::now();
        client.write_all((head.clone() + long).as_bytes()).unwrap();
        trickle(&client);
        let took = begin.elapsed();
        assert!((1.5..15.0).contains(&took.as_secs_f64()), "{took:?}: {head}");
        let _ = client.read_to_end(&mut Vec::new());
    }
}

#[test]
fn a_slow_body_above_the_minimum_rate_is_forwarded() {
    let server = Server::start(|_, body| (response(&body.len().to_le_bytes(), ""), true));
    let proxy = server.proxied(|setup| hasty(setup).clients_key("minimum_bytes_per_second", "100"));
    let mut client = Client::unauthenticated(&proxy, "bad");
    let head = client.head("Execute").replacen("/mapi/emsmdb/", "/ews/exchange.asmx", 1);
    client.stream.write_all((head + "Content-Length: 4000\r\n\r\n").as_bytes()).unwrap();
    for _ in 0..40 {
        client.stream.write_all(&[b'x'; 100]).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    let got = client.response();
    assert!(format!("{got:?}").starts_with("Response(200"), "{got:?}");
}

#[test]
fn a_call_of_the_management_interface_grants_no_idle_time() {
    let upstream = RawUpstream::echo();
    let setup = Setup::before(&upstream.binding()).unprotected().clients_key("handshake_seconds", "2");
    let proxy = setup.start();
    for address in [proxy.rpc(), proxy.mapper()] {
        let begin = Instant::now();
        let mut client = Connection::bound(address, MGMT);
        // rpc_mgmt_is_server_listening
        assert!(matches!(client.call(2, &[]), Outcome::Response(_)));
        assert_eq!(client.response(), Outcome::Closed);
        let took = begin.elapsed();
        assert!((1.5..15.0).contains(&took.as_secs_f64()), "{took:?}");
    }
}

#[test]
fn refused_calls_do_not_flood_the_log() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    for _ in 0..500 {
        let response = client.call(10, &with_handle([7; 16], &[0; 48]));
        assert_eq!(response, Outcome::Fault(0x1c00_001a));
    }
    let said =
        proxy.process.err().iter().filter(|line| line.contains("does not have this context handle")).count();
    assert!((1..100).contains(&said), "{said} lines");
}

#[test]
fn unauthenticated_connections_are_evicted_for_authenticated_clients_by_both_protocols() {
    let server = Server::start(|_, _| (response(b"", ""), true));
    let proxy = server.proxied(|setup| {
        let setup = setup.clients_key("connections", "80").clients_key("connections_per_address", "1000");
        setup.clients_key("handshake_seconds", "600").stack(&["names", "dummy"])
    });
    let mut before = Bystander::new(&proxy);
    let open =
        |address: SocketAddr| (0..100).map(|_| TcpStream::connect(address).unwrap()).collect::<Vec<_>>();
    let flood = [open((proxy.address, 8080).into()), open(proxy.rpc()), open(proxy.mapper())];
    before.expect_response("a flood");
    // One user may have half of the connections.
    let mut users: Vec<_> = (0..30).map(|_| Bystander::new(&proxy)).collect();
    for user in &mut users {
        user.expect_response("others came");
    }
    proxy.process.wait_err("that room was made", |line| line.contains("clients.unauthenticated_percent"));
    let said = proxy.process.err().iter().filter(|line| line.contains("unauthenticated connection")).count();
    // Ten for each of the three listeners.
    assert!(said <= 30, "{said} lines");
    drop(flood);
}

#[test]
fn clients_behind_a_load_balancer_are_counted_by_their_own_addresses() {
    let server = Server::start(|_, _| (response(b"", ""), true));
    let proxy = server.proxied(|setup| {
        let setup = setup.clients_key("connections_per_address", "2").clients_key("handshake_seconds", "600");
        setup.clients_key("proxy_protocol_from", "[\"127.0.0.0/8\", \"::1\"]").stack(&[])
    });
    let from = |client: &str| {
        let mut stream = connect(&proxy);
        let request = "GET /ews/x HTTP/1.1\r\nHost: proxy.lab.test\r\n\r\n";
        stream.write_all(format!("PROXY TCP4 {client} 10.0.0.1 5 80\r\n{request}").as_bytes()).unwrap();
        let mut first = [0; 12];
        let served = stream.read_exact(&mut first).is_ok();
        (stream, served)
    };
    let clients: Vec<_> = (1..=10).map(|number| from(&format!("203.0.113.{number}"))).collect();
    assert!(clients.iter().all(|(_, served)| *served), "the balancer's address was counted");
    let [second, third] = [from("203.0.113.1"), from("203.0.113.1")];
    assert!(second.1 && !third.1, "{} {}", second.1, third.1);
    proxy.process.wait_err("why", |line| {
        line.contains("clients.connections_per_address is reached") && line.contains("127.0.0.1")
    });
}

//! The PROXY protocol over HTTP and RPC: the address that counts for limits and logs, and invalid headers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::raw_http::{Bystander, Server, response};
use crate::harness::{ALICE, Client, PATIENCE, Proxy, RFR, RawUpstream, Setup, address, bind, forward};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The endpoint mapper, 3.0 (C706 appendix O).
const EPM: ([u8; 16], u32) =
    ([0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa], 3);

/// A listener of the proxy, and the first bytes of a client.
struct Listener {
    name: &'static str,
    address: SocketAddr,
    begin: Vec<u8>,
}

fn listeners(proxy: &Proxy) -> [Listener; 3] {
    let get = b"GET /ews/x HTTP/1.1\r\nHost: proxy.lab.test\r\n\r\n".to_vec();
    [
        Listener { name: "HTTP", address: (proxy.address, 8080).into(), begin: get },
        Listener { name: "RPC", address: proxy.rpc(), begin: bind(RFR) },
        Listener { name: "mapper", address: proxy.mapper(), begin: bind(EPM) },
    ]
}

/// A proxy with all listeners, for which every peer is a load balancer.
fn behind_load_balancers(server: &Server, edit: impl FnOnce(Setup) -> Setup) -> Proxy {
    server.proxied(|setup| {
        edit(setup.clients_key("proxy_protocol_from", "[\"127.0.0.0/8\"]").stack(&[]).minimum_level("none"))
    })
}

/// Connects to `listener` and sends `header` first. Returns whether a response was received.
fn served(listener: &Listener, header: &[u8]) -> (TcpStream, bool) {
    let mut stream = TcpStream::connect(listener.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The proxy may have closed the connection already.
    let _ = stream.write_all(&[header, &listener.begin].concat());
    let served = stream.read_exact(&mut [0; 12]).is_ok();
    (stream, served)
}

fn version_1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 10.0.0.1 5 80\r\n").into_bytes()
}

fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family][..], &length, rest].concat()
}

fn any_server() -> Server {
    Server::start(|_, _| (response(b"", ""), true))
}

#[test]
fn each_listener_counts_connections_by_the_address_that_a_load_balancer_names() {
    let server = any_server();
    let proxy = behind_load_balancers(&server, |setup| {
        setup.clients_key("connections_per_address", "2").clients_key("handshake_seconds", "600")
    });
    for (number, listener) in listeners(&proxy).iter().enumerate() {
        let from = |client: u8| served(listener, &version_1(&format!("203.0.{number}.{client}")));
        let clients: Vec<_> = (1..=6).map(from).collect();
        assert!(
            clients.iter().all(|(_, served)| *served),
            "{}: the load balancer's address was counted",
            listener.name
        );
        let [second, third] = [from(1), from(1)];
        assert!(second.1 && !third.1, "{}: {} {}", listener.name, second.1, third.1);
        let peer = format!("client=203.0.{number}.1:5");
        proxy.process.wait_err("who has too many", |line| {
            line.contains(&peer)
                && line.contains("clients.connections_per_address is reached")
                && line.contains("through=127.0.0.1:")
        });
    }
}

#[test]
fn type_length_values_after_the_addresses_are_ignored() {
    let server = any_server();
    let proxy = behind_load_balancers(&server, |setup| setup);
    let addresses = [203, 0, 113, 7, 10, 0, 0, 1, 0, 5, 0, 80];
    for listener in listeners(&proxy) {
        for header in [
            // LOCAL, with addresses and without.
            version_2(0x20, 0, b""),
            version_2(0x20, 0x11, &addresses),
            // TLVs: PP2_TYPE_NOOP, PP2_TYPE_AUTHORITY.
            version_2(0x21, 0x11, &[&addresses[..], b"\x04\x00\x03\0\0\0", b"\x02\x00\x01a"].concat()),
            // UNIX, which counts as no address (section 2.2).
            version_2(0x21, 0x31, &[b'/'; 216]),
            b"PROXY UNKNOWN\r\n".to_vec(),
        ] {
            assert!(served(&listener, &header).1, "{}: {header:?}", listener.name);
        }
    }
}

#[test]
fn an_invalid_header_closes_its_connection_at_once_and_no_other() {
    let server = any_server();
    let proxy = behind_load_balancers(&server, |setup| setup.clients_key("handshake_seconds", "600"));
    for listener in listeners(&proxy) {
        let begin = Instant::now();
        for header in [
            b"".to_vec(),
            [b"PROXY TCP4 ".to_vec(), vec![b'1'; 100_000]].concat(),
            // The declared length does not arrive.
            [SIGNATURE, &[0x21, 0x11, 0xff, 0xff][..]].concat(),
            version_2(0x21, 0x11, &[1, 2, 3, 4]),
            version_2(0x2f, 0x11, &[0; 12]),
            b"PROXY TCP4 203.0.113.1 10.0.0.1 5 99999\r\n".to_vec(),
        ] {
            assert!(!served(&listener, &header).1, "{}: {header:?}", listener.name);
        }
        assert!(begin.elapsed() < PATIENCE, "{}", listener.name);
        assert!(served(&listener, &version_1("203.0.113.1")).1, "{}", listener.name);
    }
    proxy.process.wait_err("what was wrong", |line| line.contains("PROXY header: "));
}

#[test]
fn an_incomplete_header_has_the_time_limit_of_authentication() {
    let server = any_server();
    let proxy = behind_load_balancers(&server, |setup| setup.clients_key("handshake_seconds", "2"));
    for listener in listeners(&proxy) {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(listener.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"PROXY TCP4 ").unwrap();
        assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0, "{}", listener.name);
        let took = begin.elapsed();
        assert!((1.5..15.0).contains(&took.as_secs_f64()), "{}: {took:?}", listener.name);
    }
    proxy.process.wait_err("why", |line| line.contains("no PROXY header within clients.handshake_seconds"));
}

#[test]
fn a_health_check_without_data_is_not_logged() {
    let server = any_server();
    let mut proxy = Setup::before("ncacn_ip_tcp:127.0.0.1[1]")
        .http()
        .upstream_key("http", &format!("\"http://{}\"", server.address))
        .clients_key("proxy_protocol_from", "[\"127.0.0.0/8\"]")
        .start();
    let http = [8081, 8443].map(|port| SocketAddr::from((proxy.address, port)));
    for address in [proxy.rpc(), proxy.mapper()].into_iter().chain(http) {
        for header in [&b""[..], &version_2(0x20, 0, b"")] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(header).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
        }
    }
    let log = proxy.stop().err;
    assert!(!log.contains("127.0.0.1:"), "{log}");
}

#[test]
fn a_header_from_elsewhere_is_a_protocol_error() {
    let server = any_server();
    let proxy = server.proxied(|setup| setup.stack(&[]).minimum_level("none"));
    let mut before = Bystander::new(&proxy);
    for listener in listeners(&proxy) {
        for header in [version_1("203.0.113.1"), version_2(0x20, 0, b"")] {
            let mut stream = TcpStream::connect(listener.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let _ = stream.write_all(&[&header[..], &listener.begin].concat());
            let mut got = Vec::new();
            let _ = stream.read_to_end(&mut got);
            // Version 1 reads as a request of an invalid version.
            let refusals = [b"HTTP/1.1 400 ", b"HTTP/1.1 505 "];
            let refused = got.is_empty() || refusals.iter().any(|refusal| got.starts_with(*refusal));
            assert!(refused, "{}: {:?}", listener.name, String::from_utf8_lossy(&got));
        }
    }
    before.expect_response("headers that were not asked for");
    proxy.process.wait_err("what RPC listeners took it for", |line| line.contains("invalid PDU header: "));
}

#[test]
fn guesses_over_rpc_are_counted_and_logged_by_the_claimed_address() {
    let upstream = RawUpstream::echo();
    let mut proxy = Setup::before(&upstream.binding())
        .upstream_key("level", "\"none\"")
        .clients_key("failed_sign_ins", "1")
        .clients_key("proxy_protocol_from", "[\"127.0.0.0/8\"]")
        .start();
    let from = |client: &str| {
        let at = address();
        for target in [proxy.mapper(), proxy.rpc()] {
            forward(SocketAddr::from((at, target.port())), target, &version_1(client));
        }
        SocketAddr::from((at, proxy.mapper().port()))
    };
    let (guesser, user) = (from("203.0.113.9"), from("203.0.113.10"));
    for _ in 0..6 {
        let report = Client::impacket(guesser).user((ALICE.0, "wrong"), "privacy").run();
        assert!(report.failed.is_some(), "{}", report.text);
    }
    // Alice, at another address behind the same load balancer, reaches the server, whose response is malformed.
    let report = Client::impacket(user).user(ALICE, "privacy").run();
    assert!(!upstream.calls().is_empty(), "{}", report.text);
    let log = proxy.stop().err;
    assert!(log.contains("client=203.0.113.9:5"), "{log}");
    let counted = |line: &str| {
        line.contains("client authentication failures client=203.0.113.9 ") && !line.contains("throttled=0")
    };
    assert!(log.lines().any(counted), "{log}");
    assert!(!log.contains("failures client=127.0.0.1"), "{log}");
}

//! RPC loops: the proxy detects and refuses calls that return to itself, and serves calls that only look so.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::harness::{ALICE, Client, Connection, NSPI, Outcome, Proxy, RawUpstream, Setup, address, forward};

/// The configuration of a proxy whose upstream is `target`.
fn before(target: SocketAddr) -> Setup {
    Setup::before(&format!("ncacn_ip_tcp:{}[{}]", target.ip(), target.port())).unprotected()
}

/// The outcome of opening an address book at `proxy`, which must arrive soon.
#[track_caller]
fn refused(proxy: &Proxy) -> Outcome {
    let begin = Instant::now();
    let response = Connection::bound(proxy.rpc(), NSPI).call(0, &[0; 48]);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    response
}

const SERVER_UNAVAILABLE: u32 = 1722;

fn looped(line: &str) -> bool {
    line.contains("request loop: upstream.rpc leads back to this proxy; set upstream.rpc to")
}

/// Asserts that the log has one line for the loop, and no line for its many connections.
#[track_caller]
fn expect_one_line(proxy: &mut Proxy) {
    let log = proxy.stop().err;
    assert_eq!(log.lines().filter(|line| looped(line)).count(), 1, "{log}");
    // The check of the configuration has its own warnings.
    let worse = |line: &&str| {
        line.contains("ERROR") || (line.contains("WARN") && !line.contains("::run: configuration "))
    };
    assert_eq!(log.lines().filter(worse).count(), 1, "{log}");
}

#[test]
fn a_loop_through_a_forwarder_is_refused() {
    let forwarder = SocketAddr::from((address(), 7000));
    let mut proxy = before(forwarder).start();
    forward(forwarder, proxy.rpc(), b"");
    for _ in 0..3 {
        assert_eq!(refused(&proxy), Outcome::Fault(SERVER_UNAVAILABLE));
    }
    expect_one_line(&mut proxy);
}

#[test]
fn a_loop_is_detected_before_the_service_account_fails() {
    let forwarder = SocketAddr::from((address(), 7000));
    // The proxy authenticates with an account that no client has.
    let setup = Setup::before(&format!("ncacn_ip_tcp:{}[7000]", forwarder.ip())).minimum_level("none");
    let mut proxy = setup.start();
    forward(forwarder, proxy.rpc(), b"");
    let _ = Client::impacket(proxy.mapper()).user(ALICE, "privacy").run();
    expect_one_line(&mut proxy);
}

#[test]
fn a_loop_through_another_proxy_is_refused() {
    let forwarder = SocketAddr::from((address(), 7000));
    let other = before(forwarder).start();
    let proxy = before(other.rpc()).start();
    forward(forwarder, proxy.rpc(), b"");
    assert!(matches!(refused(&proxy), Outcome::Fault(_)));
    proxy.process.wait_err("that it is a loop", looped);
    assert!(matches!(refused(&other), Outcome::Fault(_)));
    other.process.wait_err("that it is a loop", looped);
}

#[test]
fn two_proxies_in_series_are_no_loop() {
    let server = RawUpstream::echo();
    let inner = Setup::before(&server.binding()).unprotected().start();
    let forwarder = SocketAddr::from((address(), 7000));
    forward(forwarder, inner.rpc(), b"");
    let outer = before(forwarder).start();
    let mut client = Connection::bound(outer.rpc(), NSPI);
    let handle = client.nspi_bind();
    assert_ne!(handle, [0; 16]);
    // A second connection of the same client, while the first is open.
    let _ = Connection::bound(outer.rpc(), NSPI).nspi_bind();
    assert_eq!(server.calls().len(), 2);
}

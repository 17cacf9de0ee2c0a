//! Clients that send invalid lengths, stop within a PDU, flood or send nothing: each gets the right fault or its
//! connection is closed, and other clients are not affected.

use std::io::Read;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::harness::{
    ALICE, Bystander, Client, Connection, EMSMDB, NSPI, Outcome, PATIENCE, Proxy, RFR, RawUpstream, Setup,
    bind, echo, pdu, request, with_handle,
};

const BIND_ACK: Outcome = Outcome::Other(12);
const BIND_NAK: Outcome = Outcome::Other(13);
pub(crate) const CONTEXT_MISMATCH: Outcome = Outcome::Fault(0x1C00_001A);
const OP_RNG_ERROR: Outcome = Outcome::Fault(0x1C01_0002);
const CONTEXT_UNKNOWN: Outcome = Outcome::Fault(0x1C01_0003);
pub(crate) const BAD_STUB: Outcome = Outcome::Fault(0x6F7);

/// Two seconds for authentication and for each PDU.
pub(crate) fn hasty(upstream: &RawUpstream) -> Setup {
    Setup::before(&upstream.binding()).unprotected().clients_key("handshake_seconds", "2")
}

/// Runs `misbehave` against a proxy. A bystander must not be affected, and no call may reach the server.
pub(crate) fn while_another_goes_on(setup: impl FnOnce(&RawUpstream) -> Setup, bad: impl FnOnce(&Proxy)) {
    let upstream = RawUpstream::echo();
    let proxy = setup(&upstream).start();
    let bystander = Bystander::at(proxy.rpc());
    bad(&proxy);
    bystander.expect_undisturbed();
    assert_eq!(upstream.connections(), 1, "something bad was relayed");
}

fn expect_closed(connection: &mut Connection) {
    let response = connection.response();
    assert!(matches!(response, Outcome::Closed | Outcome::Fault(_)), "{response:?}");
    if response != Outcome::Closed {
        assert_eq!(connection.response(), Outcome::Closed);
    }
}

#[test]
fn invalid_lengths_close_the_connection() {
    while_another_goes_on(hasty, |proxy| {
        for length in [0_u16, 1, 15, 16, 23] {
            for (at, frame) in [("first", bind(NSPI)), ("later", request(2, 0, 3, &[0; 20]))] {
                let mut client = Connection::open(proxy.rpc());
                if at == "later" {
                    client.send(&bind(NSPI));
                    assert_eq!(client.response(), BIND_ACK);
                }
                let mut frame = frame;
                frame[8..10].copy_from_slice(&length.to_le_bytes());
                client.send(&frame);
                let response = client.response();
                assert!(
                    matches!(response, Outcome::Closed | Outcome::Fault(_)) || response == BIND_NAK,
                    "{at}, {length}: {response:?}"
                );
            }
        }
    });
}

#[test]
fn a_fragment_longer_than_negotiated_closes_the_connection() {
    while_another_goes_on(hasty, |proxy| {
        let mut client = Connection::bound(proxy.rpc(), NSPI);
        let body = vec![0; 65_000];
        client.send(&pdu(0, 3, 2, &body));
        expect_closed(&mut client);
    });
}

#[test]
fn an_incomplete_fragment_closes_the_connection_after_the_configured_time() {
    while_another_goes_on(hasty, |proxy| {
        let mut before = Connection::open(proxy.rpc());
        before.send(&bind(NSPI)[..30]);
        let mut after = Connection::bound(proxy.rpc(), RFR);
        assert_eq!(after.call(9, &[]), OP_RNG_ERROR);
        after.send(&request(3, 0, 0, &[0; 20])[..30]);
        let begin = Instant::now();
        assert_eq!(before.response(), Outcome::Closed);
        assert_eq!(after.response(), Outcome::Closed);
        assert!((0.5..40.0).contains(&begin.elapsed().as_secs_f64()), "{:?}", begin.elapsed());
    });
}

#[test]
fn a_fragment_sent_byte_by_byte_closes_the_connection_after_the_configured_time() {
    while_another_goes_on(hasty, |proxy| {
        let report = Client::raw("drip", proxy.rpc()).with("--pause", "0.3").run().expect_success();
        let drip = report.result("drip");
        assert!(drip["sent"].as_u64() < drip["of"].as_u64(), "{}", report.text);
        assert!(["closed", "reset"].contains(&drip["end"].as_str().unwrap()), "{}", report.text);
    });
}

#[test]
fn each_fragment_of_a_call_has_its_own_time_limit() {
    let upstream = RawUpstream::echo();
    let proxy = hasty(&upstream).start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    let stub = with_handle(handle, &vec![7; 19_980]);
    let bytes = request(5, 0, 10, &stub);
    let mut rest = &bytes[..];
    let mut sent = 0;
    while !rest.is_empty() {
        let length = usize::from(u16::from_le_bytes([rest[8], rest[9]]));
        client.send(&rest[..length]);
        rest = &rest[length..];
        sent += 1;
        // Each fragment takes less than the two seconds allowed, and all together take more.
        std::thread::sleep(Duration::from_millis(800));
    }
    assert!(sent >= 5, "{sent}");
    assert_eq!(client.response().stub()[..19_980], vec![7; 19_980]);
}

#[test]
fn a_client_that_sends_nothing_is_disconnected() {
    while_another_goes_on(hasty, |proxy| {
        for target in [proxy.rpc(), proxy.mapper()] {
            let report = Client::raw("silent", target).with("--seconds", "50").run().expect_success();
            assert_eq!(report.result("silent")["end"], "closed");
            assert!(report.result("silent")["seconds"].as_f64().unwrap() < 40.0);
        }
    });
}

#[test]
fn a_client_that_binds_and_never_calls_is_disconnected() {
    while_another_goes_on(hasty, |proxy| {
        let mut client = Connection::bound(proxy.rpc(), NSPI);
        assert_eq!(client.response(), Outcome::Closed);
    });
}

#[test]
fn a_client_that_stops_reading_is_disconnected_in_time_and_delays_no_other() {
    // More than the socket buffers of both ends hold, less than the largest response that the proxy relays.
    let upstream = RawUpstream::start(|call| match call.opnum {
        11 => Outcome::Response(vec![7; 14_000_000]),
        _ => echo(call),
    });
    let proxy = hasty(&upstream).start();
    let bystander = Bystander::at(proxy.rpc());
    let before = proxy.peak_memory();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    let begin = Instant::now();
    client.send_request(11, &with_handle(handle, &[0; 8]));
    // Its connection to the server is closed with it.
    upstream.wait_ended(1);
    let took = begin.elapsed();
    assert!((1.0..40.0).contains(&took.as_secs_f64()), "{took:?}");
    let mut taken = Vec::new();
    let end = client.stream.read_to_end(&mut taken);
    assert!(taken.len() < 14_000_000, "all of the response was taken");
    println!("given up after {took:?}; {} bytes in the socket, then {end:?}", taken.len());
    bystander.expect_undisturbed();
    let after = proxy.peak_memory();
    println!("stall: peak memory {before} KiB before, {after} KiB after a response of 14 MB");
    assert!(after - before < 80_000, "{before} KiB before, {after} KiB after");
}

#[test]
fn a_client_that_sends_without_reading_responses_is_disconnected() {
    let upstream = RawUpstream::start(|call| match call.opnum {
        11 => Outcome::Response(vec![7; 1_000_000]),
        _ => echo(call),
    });
    let proxy = hasty(&upstream).start();
    let bystander = Bystander::at(proxy.rpc());
    let before = proxy.peak_memory();
    let report = Client::raw("stall", proxy.mapper()).run().expect_success();
    assert_eq!(report.result("stall")["end"], "reset", "{}", report.text);
    assert!(report.result("stall")["sent"].as_u64().unwrap() < 5_000_000, "{}", report.text);

    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    for _ in 0..200 {
        client.send_request(11, &with_handle(handle, &[0; 8]));
    }
    upstream.wait_ended(1);
    let mut taken = Vec::new();
    let end = client.stream.read_to_end(&mut taken);
    bystander.expect_undisturbed();
    let after = proxy.peak_memory();
    println!("pipelined: {before} KiB before, {after} KiB after 200 calls for 200 MB; {end:?}");
    assert!(after - before < 40_000, "{before} KiB before, {after} KiB after");
}

#[test]
fn a_bind_flood_is_bounded_by_the_limits_and_service_continues() {
    let upstream = RawUpstream::echo();
    // No idle connection is closed during the flood: the client keeps each connection open until the last one
    // has its response, however slow the machine is.
    let setup = Setup::before(&upstream.binding()).unprotected().clients_key("handshake_seconds", "600");
    let setup = setup.clients_key("connections", "300").clients_key("connections_per_address", "100");
    let proxy = setup.start();
    let bystander = Bystander::at(proxy.rpc());
    let (memory, descriptors) = (proxy.peak_memory(), proxy.descriptors());
    let client = Client::raw("bind-flood", proxy.rpc()).with("--interface", "nspi").with("--count", "500");
    let client = client.with("--seconds", "0").with("--timeout", "60");
    let outcome = client.run().expect_success().result("bind-flood")["outcome"].clone();
    // The bystander has one of the hundred places; sockets of others are closed, before or after their bind.
    let of = |key: &str| outcome[key].as_u64().unwrap_or_default();
    assert_eq!(of("bind_ack"), 99, "{outcome}");
    assert_eq!(of("closed") + of("reset") + errors(&outcome), 401, "{outcome}");
    // The log counts them, without a line for each.
    let limit = "client connection refused: clients.connections";
    let logged = proxy.process.err().iter().filter(|line| line.contains(limit)).count();
    assert!((1..=100).contains(&logged), "{logged} lines");

    let begin = Instant::now();
    let mut after = proxy.descriptors();
    while after > descriptors + 2 && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
        after = proxy.descriptors();
    }
    assert!(after <= descriptors + 2, "{descriptors} descriptors before, {after} after");
    let peak = proxy.peak_memory();
    println!("bind flood: {outcome}; peak memory {memory} KiB before, {peak} KiB after; {after} descriptors");
    assert!(peak - memory < 20_000, "{memory} KiB before, {peak} KiB after");
    bystander.expect_undisturbed();
    // New clients are served.
    Connection::bound(proxy.rpc(), NSPI).nspi_bind();
}

#[test]
fn without_file_descriptors_clients_wait_and_the_log_is_not_flooded() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let bystander = Bystander::at(proxy.rpc());
    let limit = |current: u64| {
        let pid = Pid::from_raw(proxy.process.id().cast_signed());
        let maximum = getrlimit(Resource::Nofile).maximum;
        prlimit(pid, Resource::Nofile, Rlimit { current: Some(current), maximum }).unwrap();
    };
    let begin = Instant::now();
    limit(1);
    let waiting = std::net::TcpStream::connect(proxy.rpc()).unwrap();
    let is_logged = |line: &str| line.contains("cannot accept a connection");
    proxy.process.wait_err("that there is no room", is_logged);
    // It is tried ten times a second.
    std::thread::sleep(Duration::from_secs(3));
    let logged = proxy.process.err().iter().filter(|line| is_logged(line)).count();
    let most = 10 * (1 + begin.elapsed().as_secs() / 10);
    assert!(u64::try_from(logged).unwrap() <= most, "{logged} lines, of {most}");
    bystander.expect_undisturbed();
    limit(1000);
    drop(waiting);
    Connection::bound(proxy.rpc(), NSPI).nspi_bind();
}

/// Sends `count` calls in an unknown context, which are faulted at once and not served.
fn ask_nonsense(client: &mut Connection, count: u32) {
    let asked: Vec<u8> = (0..count).flat_map(|number| request(number + 2, 99, 0, &[])).collect();
    client.send(&asked);
}

#[test]
fn an_unauthenticated_client_that_sends_without_a_pause_is_slowed_down() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let bystander = Bystander::at(proxy.rpc());
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let begin = Instant::now();
    ask_nonsense(&mut client, 3000);
    for faulted in 0..300 {
        assert_eq!(client.response(), CONTEXT_UNKNOWN, "after {faulted}");
    }
    assert!(begin.elapsed() > Duration::from_millis(500), "300 were faulted in {:?}", begin.elapsed());
    drop(client);

    // Where authentication is optional, a client with a call is not slowed down.
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    client.nspi_bind();
    let begin = Instant::now();
    for _ in 0..10 {
        ask_nonsense(&mut client, 1000);
        for faulted in 0..1000 {
            assert_eq!(client.response(), CONTEXT_UNKNOWN, "after {faulted}");
        }
    }
    assert!(begin.elapsed() < PATIENCE, "10,000 were faulted in {:?}", begin.elapsed());
    bystander.expect_undisturbed();
}

/// Connections that could not be established.
fn errors(outcome: &serde_json::Value) -> u64 {
    let counts = outcome.as_object().unwrap().iter();
    counts.filter(|(name, _)| name.ends_with("Error")).filter_map(|(_, count)| count.as_u64()).sum()
}

#[test]
fn opnums_out_of_range_are_faulted_and_the_connection_stays_open() {
    while_another_goes_on(hasty, |proxy| {
        for (interface, opnums) in
            [(RFR, [2, 3, 0xFFFF]), (NSPI, [21, 100, 0xFFFF]), (EMSMDB, [15, 16, 0xFFFF])]
        {
            let mut client = Connection::bound(proxy.rpc(), interface);
            for opnum in opnums {
                assert_eq!(client.call(opnum, &[0; 64]), OP_RNG_ERROR, "{opnum}");
            }
        }
        // The live view has them too.
        proxy.expect_lines("does not have operation", 9);
    });
}

#[test]
fn a_request_before_any_bind_closes_the_connection() {
    while_another_goes_on(hasty, |proxy| {
        let mut client = Connection::open(proxy.rpc());
        client.send(&request(1, 0, 0, &[0; 48]));
        expect_closed(&mut client);
    });
}

#[test]
fn a_context_that_was_never_bound_is_faulted() {
    while_another_goes_on(hasty, |proxy| {
        let mut client = Connection::bound(proxy.rpc(), NSPI);
        client.send(&request(2, 5, 0, &[0; 48]));
        // nca_s_unk_if
        assert_eq!(client.response(), Outcome::Fault(0x1C01_0003));
    });
}

#[test]
fn an_interface_that_is_not_served_is_not_accepted() {
    while_another_goes_on(hasty, |proxy| {
        let mut client = Connection::open(proxy.rpc());
        client.send(&bind(([9; 16], 1)));
        // The bind is acknowledged, its one context refused: calls on it have no interface.
        assert_eq!(client.response(), BIND_ACK);
        client.send(&request(2, 0, 0, &[0; 48]));
        assert_eq!(client.response(), Outcome::Fault(0x1C01_0003));
    });
}

#[test]
fn bytes_that_are_no_pdus_close_the_connection() {
    while_another_goes_on(hasty, |proxy| {
        for junk in [&b"GET / HTTP/1.1\r\nHost: proxy.lab.test\r\n\r\n"[..], &[0xFF; 64], &[0; 64]] {
            for target in [proxy.rpc(), proxy.mapper()] {
                let mut client = Connection::open(target);
                client.send(junk);
                let response = client.response();
                assert!(response == Outcome::Closed || response == BIND_NAK, "{junk:?}: {response:?}");
            }
        }
    });
}

#[test]
fn a_request_without_end_closes_the_connection() {
    let upstream = RawUpstream::echo();
    let proxy = hasty(&upstream).start();
    let bystander = Bystander::at(proxy.rpc());
    let before = proxy.peak_memory();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let body = [&[0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 3, 0][..], &[0; 4000]].concat();
    client.send(&pdu(0, 1, 2, &body));
    let piece = pdu(0, 0, 2, &body);
    client.stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut sent = 0_u64;
    while sent < 500_000_000 && std::io::Write::write_all(&mut client.stream, &piece).is_ok() {
        sent += 4000;
    }
    let peak = proxy.peak_memory();
    println!("endless request: {sent} bytes taken; peak memory {before} KiB before, {peak} KiB after");
    assert!(sent < 100_000_000, "{sent} bytes of one request were taken");
    assert!(peak - before < 100_000, "{before} KiB before, {peak} KiB after");
    bystander.expect_undisturbed();
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn every_call_of_an_unauthenticated_client_is_faulted_where_authentication_is_required() {
    let upstream = RawUpstream::echo();
    let proxy = Setup::before(&upstream.binding()).upstream_key("level", "\"none\"").start();
    for interface in [RFR, NSPI, EMSMDB] {
        let mut client = Connection::open(proxy.rpc());
        client.send(&bind(interface));
        let response = client.response();
        assert!(response == BIND_ACK || response == BIND_NAK, "{response:?}");
        if response == BIND_ACK {
            assert_eq!(client.call(0, &[0; 48]), Outcome::Fault(5));
        }
    }
    assert_eq!(upstream.connections(), 0);
    // Authenticated clients are served beside them.
    let handle = crate::harness::ScriptedClient::bound(&proxy, ALICE, 0).open();
    assert_eq!(handle.len(), 32);
}

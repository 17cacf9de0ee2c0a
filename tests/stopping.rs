//! Shutdown with incomplete requests, and operation when output and log cannot be written.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::parked;
use crate::harness::raw_http::{Bystander, Client, Server, response};
use crate::harness::{Connection, NSPI, Outcome, PATIENCE, Proxy, RawUpstream, Setup, echo, with_handle};

/// Reads until the bytes end with `end`.
#[track_caller]
fn read_to(stream: &mut TcpStream, end: &[u8]) {
    let mut all = Vec::new();
    while !all.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {all:?}"));
        all.push(byte[0]);
    }
}

/// A client that begins a request with `head`, receives `100 Continue`, and sends some of the body.
fn half_way(proxy: &Proxy, head: impl FnOnce(&Client) -> String) -> Client {
    let mut client = Client::new(proxy, "bad");
    let head = head(&client) + "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n";
    client.stream.write_all(head.as_bytes()).unwrap();
    read_to(&mut client.stream, b"100 Continue\r\n\r\n");
    client.stream.write_all(&[0; 100]).unwrap();
    client
}

/// A request outside of MAPI.
fn elsewhere(client: &Client, method: &str) -> String {
    client.head("Execute").replacen("POST /mapi/emsmdb/", &format!("{method} /ews/exchange.asmx"), 1)
}

#[test]
fn a_second_signal_ends_the_proxy_in_spite_of_incomplete_requests() {
    let server = Server::start(|_, _| (response(&vec![0; 32 << 20], ""), true));
    let mut proxy = server.proxied(|setup| {
        setup.argument("--stop-seconds=600").clients_key("handshake_seconds", "600").stack(&["dummy"])
    });
    let _sends = half_way(&proxy, |client| client.head("Execute"));
    let _is_relayed = half_way(&proxy, |client| elsewhere(client, "POST"));
    let mut does_not_read = Client::new(&proxy, "bad");
    let head = elsewhere(&does_not_read, "GET") + "\r\n";
    does_not_read.stream.write_all(head.as_bytes()).unwrap();
    read_to(&mut does_not_read.stream, b"\r\n\r\n");

    proxy.process.terminate();
    proxy.process.wait_out("that it stops", |line| line.starts_with("stopping"));
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
    assert!(ended.out.contains("; 0 open security contexts"), "{}", ended.out);
    let position = |word: &str| ended.err.rfind(word).unwrap_or_else(|| panic!("no {word}: {}", ended.err));
    assert!(position("unbind") < position("shutdown"), "{}", ended.err);
}

#[test]
fn a_connection_without_a_tls_handshake_does_not_delay_shutdown() {
    let server = Server::start(|_, _| (Vec::new(), false));
    let mut proxy = Setup::before("ncacn_ip_tcp:127.0.0.1[1]")
        .http()
        .upstream_key("http", &format!("\"http://{}\"", server.address))
        .clients_key("handshake_seconds", "600")
        .argument("--stop-seconds=600")
        .start();
    let before = proxy.descriptors();
    let connect = |bytes: &[u8]| {
        let mut stream = TcpStream::connect((proxy.address, 8443)).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    // A ClientHello of 512 bytes begins, or not even that.
    let _clients = [connect(b"\x16\x03\x01\x02\x00\x01"), connect(b"")];
    let until = Instant::now() + PATIENCE;
    while proxy.descriptors() < before + 2 {
        assert!(Instant::now() < until, "the connections are not taken");
        std::thread::sleep(Duration::from_millis(10));
    }
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
}

#[test]
fn the_proxy_continues_when_output_and_log_cannot_be_written() {
    let server = Server::start(|_, _| (Vec::new(), false));
    let mut proxy = server.proxied(|setup| setup.log("debug").output_full());
    let mut bystander = Bystander::new(&proxy);
    bystander.expect_response("lines that were lost");
    // Each reloaded file has a log line.
    proxy.process.hang_up();
    drop(Client::new(&proxy, "bad"));
    bystander.expect_response("a hang-up");
    assert!(proxy.stop().status.success());
}

#[test]
fn one_signal_ends_the_proxy_without_waiting_for_incomplete_requests() {
    let server = Server::start(|_, _| (response(b"", ""), true));
    let mut proxy = server.proxied(|setup| {
        setup.argument("--stop-seconds=600").clients_key("handshake_seconds", "600").stack(&[])
    });
    let half_a_head = Client::unauthenticated(&proxy, "bad");
    (&half_a_head.stream).write_all(b"POST /mapi/emsmdb/ HTTP/1.1\r\nHost: pro").unwrap();
    let half_bodies = [
        half_way(&proxy, |client| client.head("Execute")),
        half_way(&proxy, |client| elsewhere(client, "POST")),
    ];
    // The body of an unauthenticated request is read, too, and discarded.
    let unknown = Client::unauthenticated(&proxy, "bad");
    let head = "POST /ews/x HTTP/1.1\r\nHost: proxy.lab.test\r\nContent-Length: 1000\r\n\r\n";
    (&unknown.stream).write_all(head.as_bytes()).unwrap();
    // Half a fragment of an RPC call.
    let mut call = TcpStream::connect(proxy.rpc()).unwrap();
    call.write_all(&[5, 0, 11, 3, 16, 0, 0, 0, 200, 0]).unwrap();
    let begin = Instant::now();
    let ended = proxy.stop();
    assert!(ended.status.success() && begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert!(!ended.err.contains("closing connections"), "{}", ended.err);
    drop((half_a_head, half_bodies, unknown, call));
}

#[test]
fn shutdown_does_not_wait_for_a_client_that_reads_nothing() {
    // More than the socket buffers hold.
    let upstream = RawUpstream::start(|call| match call.opnum {
        11 => Outcome::Response(vec![7; 14_000_000]),
        _ => echo(call),
    });
    let setup = Setup::before(&upstream.binding()).unprotected().clients_key("handshake_seconds", "600");
    let mut proxy = setup.argument("--stop-seconds=600").start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    client.send_request(11, &with_handle(handle, &[0; 8]));
    client.stream.read_exact(&mut [0]).unwrap();
    let begin = Instant::now();
    let ended = proxy.stop();
    assert!(ended.status.success() && begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    drop(client);
}

#[test]
fn a_pending_wait_for_notifications_completes_at_shutdown_without_delay() {
    let upstream = RawUpstream::start(|call| parked::session(call).unwrap_or(Outcome::NoResponse));
    let setup = Setup::before(&upstream.binding()).unprotected();
    let mut proxy = setup.argument("--stop-seconds=3600").start();
    let mut parked = parked::wait(proxy.rpc());
    upstream.wait_calls(3);
    proxy.process.terminate();
    assert_eq!(parked.response(), Outcome::Response(vec![0; 8]));
    let ended = proxy.process.end();
    assert!(ended.status.success(), "{}", ended.err);
    assert!(ended.err.contains("waits=1"), "{}", ended.err);
}

#[test]
fn a_stalled_reader_of_output_and_log_blocks_nothing() {
    let server = Server::start(|_, _| (Vec::new(), false));
    let mut proxy = server.proxied(|setup| setup.log("trace").output_unread());
    let mut bystander = Bystander::new(&proxy);
    // More than a pipe holds.
    for _ in 0..1000 {
        bystander.expect_response("lines that are not read");
    }
    proxy.process.hang_up();
    bystander.expect_response("a hang-up");
    assert!(proxy.stop().status.success());
}

/// A proxy whose module blocks a thread in a hook.
fn with_blocking_module(upstream: &RawUpstream) -> Proxy {
    let setup = Setup::before(&upstream.binding()).unprotected().stack(&["dummy"]).log("warn,dummy=info");
    setup.options("dummy", "block_ms = 600000").argument("--stop-seconds=1").start()
}

#[test]
fn a_hook_that_does_not_return_does_not_keep_the_process_from_ending() {
    let upstream = RawUpstream::start(echo);
    let mut proxy = with_blocking_module(&upstream);
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    client.send_request(0, &[0; 48]);
    proxy.process.wait_err("the hook", |line| line.contains("dummy: dispatch"));
    let begin = Instant::now();
    let ended = proxy.stop();
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert_eq!(ended.status.code(), Some(1), "{}", ended.err);
    assert!(ended.err.contains("a thread is still busy"), "{}", ended.err);
    assert!(!ended.err.contains("dummy: shutdown"), "{}", ended.err);
}

#[test]
fn a_module_that_does_not_return_from_shutdown_does_not_keep_the_process_from_ending() {
    let upstream = RawUpstream::start(echo);
    let mut proxy = with_blocking_module(&upstream);
    let begin = Instant::now();
    let ended = proxy.stop();
    assert!(begin.elapsed() < Duration::from_secs(40), "{:?}", begin.elapsed());
    assert_eq!(ended.status.code(), Some(1), "{}", ended.err);
    assert!(ended.err.contains("dummy: shutdown") && ended.err.contains("not stopped 20 s"), "{}", ended.err);
}

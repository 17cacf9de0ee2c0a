//! Servers that do not listen, die, or do not respond; and shutdown of the proxy with calls in flight.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::harness::{
    ALICE, BOB, Bystander, Client, Connection, Lab, NSPI, Outcome, RawUpstream, ScriptedClient, Setup,
    Upstream, address, bind, echo, orphaned, request, thread, with_handle,
};

/// `RPC_S_CALL_FAILED`: the status of a call whose server was lost.
const CALL_FAILED: Outcome = Outcome::Fault(0x6BE);

/// `RPC_S_SERVER_UNAVAILABLE`: the status of a call that could not be sent.
const UNAVAILABLE: Outcome = Outcome::Fault(0x6BA);

/// `NCA_S_FAULT_CONTEXT_MISMATCH`: the status of a call whose context handle is not known.
const CONTEXT_MISMATCH: Outcome = Outcome::Fault(0x1C00_001A);

#[test]
fn a_server_that_starts_late_is_used_from_the_next_call() {
    let host = address();
    let binding = format!("ncacn_ip_tcp:{host}[6001]");
    let proxy = Setup::before(&binding).unprotected().start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    assert_eq!(client.call(0, &[0; 48]), UNAVAILABLE);
    let upstream = RawUpstream::at(host, echo);
    // The same client, on the same connection.
    let handle = client.nspi_bind();
    assert_eq!(client.call(10, &with_handle(handle, &[0; 8])).stub(), [0; 12]);
    assert_eq!(upstream.calls().len(), 2);
}

#[test]
fn the_death_of_a_server_faults_the_call_in_flight_and_a_new_server_serves_new_binds() {
    let host = address();
    let mut upstream = Upstream::at(host, &[]);
    let proxy = Setup::before(&upstream.mapper().to_string()).start();
    let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
    let handle = alice.open();
    upstream.process.kill();
    // Whether the call is sent depends on whether the proxy reads it or the close of the connection first. This client
    // has no name for either status.
    let fault = alice.fault_of(&handle).to_lowercase();
    assert!(fault.contains("6be") || fault.contains("6ba"), "{fault}");
    let upstream = Upstream::at(host, &[]);
    let mut again = ScriptedClient::bound(&proxy, ALICE, 0);
    let handle = again.open();
    again.expect_use(&handle);
    assert_eq!(upstream.calls(), ["NspiBind", "NspiCompareMIds"]);
    // A client that lost its server binds again on its open connection.
    let handle = alice.open();
    alice.expect_use(&handle);
}

#[test]
fn the_first_call_after_a_restart_of_the_server_succeeds() {
    let lab = Lab::start(false);
    let proxy = Setup::before(&lab.mapper().to_string()).start();
    let (mut alice, mut bob) =
        (ScriptedClient::bound(&proxy, ALICE, 0), ScriptedClient::bound(&proxy, BOB, 0));
    let handles = [alice.open(), bob.open()];
    let _lab = lab.restarted();
    let handle = alice.open();
    assert!(!handles.contains(&handle));
    alice.expect_use(&handle);
    // His session ended with the earlier server's association group.
    assert!(bob.fault_of(&handles[1]).contains("context_mismatch"));
    let handle = bob.open();
    bob.expect_use(&handle);
    // Later connections of each group join the new one.
    let mut again = ScriptedClient::bound(&proxy, BOB, bob.group);
    again.expect_use(&handle);
}

#[test]
fn a_call_in_flight_is_faulted_when_its_server_disconnects() {
    let upstream = RawUpstream::start(|call| match call.opnum {
        10 if call.stub.len() > 68 => Outcome::Closed,
        _ => echo(call),
    });
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let bystander = Bystander::at(proxy.rpc());
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    assert_eq!(client.call(10, &with_handle(handle, &[1; 100])), CALL_FAILED);
    let handle = client.nspi_bind();
    assert_eq!(client.call(10, &with_handle(handle, &[1; 8])).stub().len(), 12);
    bystander.expect_undisturbed();
}

#[test]
fn a_handle_of_a_connection_that_the_server_closed_is_not_sent_to_the_server_again() {
    let upstream = RawUpstream::start(|call| match call.opnum {
        10 if call.stub.len() > 68 => Outcome::Closed,
        _ => echo(call),
    });
    let proxy = Setup::before(&upstream.binding()).unprotected().stack(&["dummy"]).start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    assert_eq!(client.call(10, &with_handle(handle, &[1; 100])), CALL_FAILED);
    // The session ends before the client does anything.
    proxy.process.wait_err("the end of the session", |line| line.contains("dummy: unbind"));
    assert_eq!(client.call(10, &with_handle(handle, &[1; 8])), UNAVAILABLE);
    let again = client.nspi_bind();
    assert_eq!(client.call(10, &with_handle(handle, &[1; 8])), CONTEXT_MISMATCH);
    assert_eq!(upstream.calls().len(), 3);
    assert_eq!(client.call(10, &with_handle(again, &[1; 8])).stub().len(), 12);
}

#[test]
fn a_server_that_never_acknowledges_the_bind_times_out() {
    let address = SocketAddr::from((address(), 6001));
    let listener = TcpListener::bind(address).unwrap();
    let kept = thread(move || listener.incoming().take(1).collect::<Vec<_>>());
    let binding = format!("ncacn_ip_tcp:{}[6001]", address.ip());
    let proxy = Setup::before(&binding).unprotected().upstream_key("connect_seconds", "1").start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let begin = Instant::now();
    assert_eq!(client.call(0, &[0; 48]), CALL_FAILED);
    assert!((1.0..40.0).contains(&begin.elapsed().as_secs_f64()), "{:?}", begin.elapsed());
    drop(kept);
    // The client's own connection stays usable.
    client.send(&bind(NSPI));
    assert!(matches!(client.response(), Outcome::Other(_) | Outcome::Closed | Outcome::Fault(_)));
}

#[test]
fn an_endpoint_mapper_that_never_responds_times_out() {
    let address = SocketAddr::from((address(), 1135));
    let _listener = TcpListener::bind(address).unwrap();
    let setup = Setup::before(&address.to_string()).upstream_key("connect_seconds", "1");
    let proxy = setup.start();
    let client = Client::scapy(proxy.mapper()).user(ALICE, "privacy").with("--dialect", "2000");
    client.run().expect_failed("EcDoConnect", "fault 0x000006ba");
}

#[test]
fn a_call_in_flight_completes_when_the_proxy_is_stopped() {
    let upstream = RawUpstream::start(|call| {
        if call.opnum == 10 {
            std::thread::sleep(Duration::from_millis(1500));
        }
        echo(call)
    });
    let mut proxy = Setup::before(&upstream.binding()).unprotected().stack(&["dummy"]).start();
    let mut idle = Connection::bound(proxy.rpc(), NSPI);
    let idle_handle = idle.nspi_bind();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    client.send_request(10, &with_handle(handle, b"last words"));
    upstream.wait_calls(3);
    proxy.process.terminate();
    // A connection without calls in flight is closed at once, before the other has its response.
    assert!(matches!(idle.response(), Outcome::Other(17) | Outcome::Closed));
    idle.send_request(10, &with_handle(idle_handle, b"too late"));
    assert_eq!(client.response().stub(), b"last words\0\0\0\0");
    let ended = proxy.process.end();
    assert!(ended.status.success(), "{}", ended.err);
    assert!(ended.out.contains("3 operations, 0 faults"), "{}", ended.out);
    let position = |word: &str| ended.err.find(word).unwrap_or_else(|| panic!("no {word}: {}", ended.err));
    assert!(position("dummy: unbind") < position("dummy: shutdown"));
    assert_eq!(ended.err.matches("unbind").count(), 2, "{}", ended.err);
    assert_eq!(upstream.calls().len(), 3);
}

#[test]
fn a_stopping_proxy_accepts_no_new_connections() {
    let upstream = RawUpstream::start(|call| {
        if call.opnum == 10 {
            std::thread::sleep(Duration::from_secs(2));
        }
        echo(call)
    });
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    client.send_request(10, &with_handle(handle, b"slow"));
    upstream.wait_calls(2);
    proxy.process.terminate();
    proxy.process.wait_out("that it stops", |line| line.starts_with("stopping"));
    std::thread::sleep(Duration::from_millis(200));
    let refused = std::net::TcpStream::connect(proxy.rpc());
    assert!(refused.is_err(), "the listener still takes connections");
    assert_eq!(client.response().stub(), b"slow\0\0\0\0");
}

#[test]
fn a_call_without_a_response_times_out() {
    let upstream =
        RawUpstream::start(
            |call| if call.stub.ends_with(b"never") { Outcome::NoResponse } else { echo(call) },
        );
    let setup = Setup::before(&upstream.binding()).unprotected().clients_key("handshake_seconds", "2");
    let proxy = setup.upstream_key("call_seconds", "1").start();
    let bystander = Bystander::at(proxy.rpc());
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    let begin = Instant::now();
    assert_eq!(client.call(10, &with_handle(handle, b"never")), CALL_FAILED);
    assert!((1.0..40.0).contains(&begin.elapsed().as_secs_f64()), "{:?}", begin.elapsed());
    // The client's own connection stays usable.
    client.nspi_bind();
    bystander.expect_undisturbed();
}

#[test]
fn a_late_response_is_not_taken_for_that_of_a_later_call_with_the_same_id() {
    let upstream = RawUpstream::start(|call| {
        if call.stub.ends_with(b"slow") {
            std::thread::sleep(Duration::from_millis(500));
        }
        echo(call)
    });
    let proxy = Setup::before(&upstream.binding()).unprotected().start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    client.send(&request(7, 0, 10, &with_handle(handle, b"given up slow")));
    upstream.wait_calls(2);
    client.send(&orphaned(7));
    client.send(&request(7, 0, 10, &with_handle(handle, b"the next one")));
    assert_eq!(client.response().stub(), b"the next one\0\0\0\0");
    assert_eq!(client.response_within(Duration::from_millis(300)), Outcome::NoResponse);
}

#[test]
fn a_call_without_a_response_is_aborted_when_the_shutdown_timeout_ends() {
    let upstream =
        RawUpstream::start(
            |call| if call.stub.ends_with(b"never") { Outcome::NoResponse } else { echo(call) },
        );
    let setup = Setup::before(&upstream.binding()).unprotected().stack(&["dummy"]);
    let mut proxy = setup.argument("--stop-seconds=1").start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    client.send_request(10, &with_handle(handle, b"never"));
    upstream.wait_calls(2);
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
    let position = |word: &str| ended.err.find(word).unwrap_or_else(|| panic!("no {word}: {}", ended.err));
    assert!(position("dummy: unbind") < position("dummy: shutdown"), "{}", ended.err);
    assert!(ended.out.contains("0 open security contexts"), "{}", ended.out);
}

#[test]
fn a_second_signal_ends_the_proxy_at_once() {
    let upstream =
        RawUpstream::start(
            |call| if call.stub.ends_with(b"never") { Outcome::NoResponse } else { echo(call) },
        );
    let setup = Setup::before(&upstream.binding()).unprotected().stack(&["dummy"]);
    let mut proxy = setup.argument("--stop-seconds=600").start();
    let mut client = Connection::bound(proxy.rpc(), NSPI);
    let handle = client.nspi_bind();
    client.send_request(10, &with_handle(handle, b"never"));
    upstream.wait_calls(2);
    proxy.process.terminate();
    proxy.process.wait_out("that it stops", |line| line.starts_with("stopping"));
    let ended = proxy.stop();
    assert!(ended.status.success(), "{}", ended.err);
    assert!(ended.out.contains("stopping immediately"), "{}", ended.out);
    // The hooks of modules are called.
    let position = |word: &str| ended.err.find(word).unwrap_or_else(|| panic!("no {word}: {}", ended.err));
    assert!(position("dummy: unbind") < position("dummy: shutdown"), "{}", ended.err);
}

#[test]
fn sighup_reloads_the_accounts_without_disturbing_clients() {
    const CAROL: (&str, &str) = ("carol", "Mock Turtle 4");
    let upstream = Upstream::start();
    let mut proxy = Setup::before(&upstream.mapper().to_string()).start();
    let mut alice = ScriptedClient::bound(&proxy, ALICE, 0);
    let handle = alice.open();
    // AUTH3 has no response, so the failure is reported at her first call.
    let refused = ScriptedClient::bound(&proxy, CAROL, 0).command("open");
    assert!(refused["fault"].is_string(), "{refused}");

    proxy.add_account(CAROL);
    proxy.process.hang_up();
    proxy.process.wait_out("the accounts", |line| line == "accounts reloaded: 3");
    ScriptedClient::bound(&proxy, CAROL, 0).open();
    alice.expect_use(&handle);

    // A file that can't be read leaves the accounts as they were.
    proxy.corrupt_accounts();
    proxy.process.hang_up();
    proxy.process.wait_err("why not", |line| line.contains("cannot reload the accounts"));
    ScriptedClient::bound(&proxy, CAROL, 0).open();
    alice.expect_use(&handle);
    assert!(proxy.stop().status.success());
}

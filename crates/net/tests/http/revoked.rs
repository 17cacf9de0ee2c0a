//! Accounts that are revoked while the body of a request is received.

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use engine::{Finished, Module, Observer, Operation, Refusal, RefusedOperation, Session};
use identity::SecurityContext;

use crate::support::{Client, Setup, TIME_LIMIT, Upstream, basic, mapi};

/// Sends a test the context of each client that authenticates.
struct Watcher(Sender<SecurityContext>);

impl Observer for Watcher {
    fn authenticated(&self, context: &SecurityContext, _: SocketAddr) {
        self.0.send(context.clone()).unwrap();
    }

    fn client_refused(&self, _: SocketAddr, _: &str) {}

    fn operation_refused(&self, _: &RefusedOperation<'_>) {}

    fn finished(&self, _: &Finished, _: Duration) {}
}

fn watched() -> (Arc<Watcher>, Receiver<SecurityContext>) {
    let (sender, contexts) = channel();
    (Arc::new(Watcher(sender)), contexts)
}

/// Reads from a connection up to `end`. Returns false if the connection ended before.
fn reads(stream: &mut TcpStream, end: &str) -> bool {
    let mut all = Vec::new();
    let mut buffer = [0; 8192];
    while !all.windows(end.len()).any(|window| window == end.as_bytes()) {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
            Err(error) => panic!("{error}"),
        }
    }
    true
}

#[test]
fn the_rest_of_a_body_of_a_revoked_account_does_not_reach_the_server() {
    let long = "x".repeat(70_000);
    let chunk = format!("{:x}\r\n{long}begins\r\n", long.len() + 6);
    for (framing, begin, rest) in [
        ("Content-Length: 10", "begins", "ends"),
        ("Transfer-Encoding: chunked", &*chunk, "4\r\nends\r\n0\r\n\r\n"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (observer, contexts) = watched();
        let proxy = Setup { observer, ..Setup::default() }.at(listener.local_addr().unwrap());
        let mut client = Client::new(&proxy);
        let authorization = basic("alice");
        client.send(format!(
            "POST /oab/x HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n{framing}\r\n\r\n{begin}"
        ));
        let mut server = listener.accept().unwrap().0;
        server.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        assert!(reads(&mut server, "begins"), "{framing}");
        contexts.recv_timeout(TIME_LIMIT).unwrap().revoke();
        client.send(rest);
        assert_eq!(client.response(false).status(), 401, "{framing}");
        assert!(!reads(&mut server, "ends"), "{framing}");
    }
}

/// Counts the requests that reach modules.
struct Counter(Arc<AtomicUsize>);

impl Module for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn description(&self) -> &'static str {
        "Counts requests."
    }

    fn request(&self, _: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn an_operation_of_a_revoked_account_reaches_no_module() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let seen = Arc::new(AtomicUsize::new(0));
    let (observer, contexts) = watched();
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Counter(Arc::clone(&seen)))];
    let proxy = Setup { modules, observer, ..Setup::default() }.before(&upstream);
    let request = mapi("alice", "emsmdb", "Execute", "", &[0; 64]);
    let (begin, rest) = request.split_at(request.len() - 4);
    let mut client = Client::new(&proxy);
    client.send(begin);
    contexts.recv_timeout(TIME_LIMIT).unwrap().revoke();
    client.send(rest);
    assert_eq!(client.response(false).status(), 401);
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    assert!(upstream.others().is_empty());
}

//! The log lines for a server that dies while clients wait for its responses.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex};

use crate::harness::parked;
use crate::harness::raw_http::{Client, HttpOutcome, Server};
use crate::harness::{Ended, Outcome, PATIENCE, Proxy, RawUpstream, Setup};

const WAITS: usize = 30;

/// Requests that a server holds until it dies.
#[derive(Default)]
struct Parked {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Parked {
    /// Waits until the server dies.
    fn park(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| !state.1).unwrap());
    }

    /// Waits until `count` requests are parked.
    fn wait(&self, count: usize) {
        let state = self.state.lock().unwrap();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.0 < count).unwrap();
        assert!(!waited.1.timed_out(), "only {} are parked", waited.0.0);
    }

    fn die(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

/// An HTTP server that holds waits. When it dies, half of them have the begin of a response.
fn http(parked: &Arc<Parked>) -> Server {
    let parked = Arc::clone(parked);
    Server::start(move |head, _| {
        parked.park();
        let begun = "HTTP/1.1 200 OK\r\nContent-Type: application/mapi-http\r\nX-ResponseCode: 0\r\n\
                     Transfer-Encoding: chunked\r\n\r\nc\r\nPROCESSING\r\n\r\n";
        (if head.contains("begins: yes") { begun.into() } else { Vec::new() }, false)
    })
}

/// A client whose wait for notifications is with the server.
fn waits_by_http(proxy: &Proxy, begins: bool) -> Client {
    let mut client = Client::new(proxy, "bad");
    let mut head = client.head("NotificationWait");
    if begins {
        head.push_str("begins: yes\r\n");
    }
    client.stream.write_all(format!("{head}Content-Length: 8\r\n\r\n\0\0\0\0\0\0\0\0").as_bytes()).unwrap();
    client
}

/// The only network line at WARN in the log of a proxy that has ended.
#[track_caller]
fn only_warning(ended: &Ended) -> &str {
    let lines: Vec<_> =
        ended.err.lines().filter(|line| line.contains("WARN") && line.contains("net::")).collect();
    assert!(lines.len() == 1, "{lines:#?}");
    lines[0]
}

#[track_caller]
fn expect(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "no {part}: {line}");
    }
}

#[test]
fn http_waits_that_end_with_their_server_are_one_log_line() {
    let parked = Arc::<Parked>::default();
    let server = http(&parked);
    let mut proxy = server.proxied(|setup| setup);
    let clients: Vec<_> = (0..WAITS).map(|number| waits_by_http(&proxy, number % 2 == 0)).collect();
    parked.wait(WAITS);
    parked.die();
    for (number, mut client) in clients.into_iter().enumerate() {
        let got = client.response();
        let is_right = match &got {
            HttpOutcome::Response(status, ..) => *status == 502 && number % 2 == 1,
            HttpOutcome::Closed(_) => number % 2 == 0,
        };
        assert!(is_right, "{number} {got:?}");
    }
    proxy
        .process
        .wait_err("the line", |line| line.contains("upstream closed connections with requests in flight"));
    let ended = proxy.stop();
    let line = only_warning(&ended);
    expect(line, &["requests=30", "waits=30", "connections=30", "key=\"upstream.http\"", "NotificationWait"]);
}

#[test]
fn rpc_waits_that_end_with_their_server_are_one_log_line() {
    let parked = Arc::<Parked>::default();
    let server = Arc::clone(&parked);
    let upstream = RawUpstream::start(move |call| {
        parked::session(call).unwrap_or_else(|| {
            server.park();
            Outcome::Closed
        })
    });
    let mut proxy = Setup::before(&upstream.binding()).unprotected().start();
    let mut clients: Vec<_> = (0..WAITS).map(|_| parked::wait(proxy.rpc())).collect();
    parked.wait(WAITS);
    parked.die();
    for waiting in &mut clients {
        // `RPC_S_CALL_FAILED`
        assert_eq!(waiting.response(), Outcome::Fault(0x6BE));
    }
    proxy
        .process
        .wait_err("the line", |line| line.contains("upstream closed connections with requests in flight"));
    drop(clients);
    let ended = proxy.stop();
    let line = only_warning(&ended);
    expect(line, &["requests=30", "waits=30", "connections=30", "key=\"upstream.rpc\"", "EcDoAsyncWaitEx"]);
}

#[test]
fn losses_not_yet_logged_are_logged_before_the_proxy_ends() {
    let parked = Arc::<Parked>::default();
    let server = http(&parked);
    let mut proxy = server.proxied(|setup| setup);
    let mut client = waits_by_http(&proxy, false);
    parked.wait(1);
    parked.die();
    assert!(matches!(client.response(), HttpOutcome::Response(502, ..)));
    let ended = proxy.stop();
    expect(only_warning(&ended), &["requests=1 ", "waits=1 ", "LAB\\bob"]);
}

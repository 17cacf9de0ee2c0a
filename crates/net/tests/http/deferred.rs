//! Deferred operations, over sockets.

use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::mpsc::Sender;
use std::time::Duration;

use engine::{Decision, Deferral, Delivery, Module, Operation};
use identity::Pool;
use net::http::Pending;
use testkit::deferred::{Decider, HeldWork, SequenceServer};

use crate::support::{Client, Proxy, ReceivedRequest, Setup, TIME_LIMIT, Upstream, mapi};

const SOON: Pending = Pending { first: Duration::from_millis(30), period: Duration::from_millis(30) };

/// A server with one session, whose sequence rises with each Execute.
fn server() -> Upstream {
    let server = Mutex::new(SequenceServer::default());
    Upstream::new(move |got: &ReceivedRequest, stream: &mut TcpStream| {
        stream.write_all(server.lock().unwrap().response(&got.head).as_bytes()).is_ok()
    })
}

/// A proxy with a pool of two threads.
fn proxy(upstream: &Upstream, decide: impl Fn(&mut Operation) -> Decision + Send + Sync + 'static) -> Proxy {
    let pool = Pool::new(NonZeroUsize::new(8).unwrap());
    net::spawn_workers(&pool, NonZeroUsize::new(2).unwrap()).unwrap();
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Decider::new(decide, |_| Delivery::Pass))];
    let deferral = Some(Deferral { decodings: pool.clone(), pool, time_limit: TIME_LIMIT });
    Setup { modules, pending: SOON, deferral, ..Setup::default() }.before(upstream)
}

/// A client with a session.
fn connected(proxy: &Proxy) -> Client {
    let mut client = Client::new(proxy);
    assert_eq!(client.exchange(mapi("alice", "emsmdb", "Connect", "", &[0; 16])).code().unwrap(), "0");
    client
}

/// A session whose Executes wait until the test permits each, by the sender.
fn held() -> (Upstream, Sender<()>, Proxy, Client) {
    let upstream = server();
    let (gate, open) = HeldWork::new();
    let proxy = proxy(&upstream, move |_| Decision::Defer(gate.then(|| Decision::Forward)));
    let client = connected(&proxy);
    upstream.next();
    (upstream, open, proxy, client)
}

fn execute(cookies: &str) -> Vec<u8> {
    mapi("alice", "emsmdb", "Execute", cookies, b"a request that no decoder can read")
}

const HAD: &str = "sid=one; sequence=s0";

#[test]
fn a_stop_lets_deferred_work_finish_and_pending_is_sent_meanwhile() {
    let (_upstream, open, proxy, mut client) = held();
    client.send(execute(HAD));
    client.until("PROCESSING\r\n\r\n");
    proxy.stop.send(true).unwrap();
    client.until("PENDING\r\n\r\n");
    open.send(()).unwrap();
    assert!(client.until("0\r\n\r\n").contains("answer 1"));
    assert_eq!(client.rest(), b"");
}

//! Deferred operations, over sockets.

use std::io::Write as _;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{Decision, Deferral, Module, Operation, OperationKey, Session, Work};
use identity::Pool;
use mapi::mapihttp::{Endpoint, RequestType};
use net::http::Pending;

use crate::support::{Client, Proxy, ReceivedRequest, Setup, TIME_LIMIT, Upstream, mapi};

const EXECUTE: OperationKey = OperationKey::Http(Endpoint::Emsmdb, RequestType::Execute);
const SOON: Pending = Pending { first: Duration::from_millis(30), period: Duration::from_millis(30) };

/// A server with one session, whose sequence rises with each Execute. It responds with the sequence's number.
fn server() -> Upstream {
    let turn = Mutex::new(0_u32);
    Upstream::new(move |got: &ReceivedRequest, stream: &mut TcpStream| {
        let mut turn = turn.lock().unwrap();
        let (mut code, mut set) = (0, String::new());
        match got.head.fields.text("x-requesttype") {
            Some("Connect") => set.push_str("Set-Cookie: sid=one\r\nSet-Cookie: sequence=s0; secure\r\n"),
            Some("Execute") if cookie(got).ends_with(&format!("sequence=s{turn}")) => {
                *turn += 1;
                set = format!("Set-Cookie: sequence=s{turn}; secure\r\n");
            }
            Some("Execute") => code = 15,
            _ => {}
        }
        let (kind, body) = match code {
            0 => (
                "application/mapi-http",
                format!("PROCESSING\r\nDONE\r\nX-ElapsedTime: 7\r\n\r\n{}", payload(*turn)),
            ),
            _ => ("text/html", "no".to_owned()),
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{set}X-ResponseCode: {code}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).is_ok()
    })
}

fn payload(turn: u32) -> String {
    format!("\0\0\0\0\0\0\0\0answer {turn}")
}

fn cookie(got: &ReceivedRequest) -> String {
    got.head.fields.text("cookie").unwrap_or_default().to_owned()
}

type Decide = Box<dyn Fn(&mut Operation) -> Decision + Send + Sync>;

/// Decides about Executes as the test specifies.
struct Decider(Decide);

impl Module for Decider {
    fn name(&self) -> &'static str {
        "decider"
    }
    fn description(&self) -> &'static str {
        "Decides as the test specifies."
    }
    fn dispatch(&self, operation: &mut Operation, _: &mut Session) -> Decision {
        if operation.key() == EXECUTE { (self.0)(operation) } else { Decision::Forward }
    }
}

/// Work that continues when the test permits it.
#[derive(Clone)]
struct Gate(Arc<Mutex<Receiver<()>>>);

impl Gate {
    fn new() -> (Self, Sender<()>) {
        let (open, opened) = channel();
        (Self(Arc::new(Mutex::new(opened))), open)
    }

    fn work<D: Send + 'static>(&self, then: impl FnOnce() -> D + Send + 'static) -> Work<D> {
        let gate = self.clone();
        // Also at the end of the test.
        Work::new(move |_| gate.0.lock().unwrap().recv().is_ok(), move |_, _, _| then())
    }
}

/// A proxy with a pool of two threads.
fn proxy(upstream: &Upstream, decide: impl Fn(&mut Operation) -> Decision + Send + Sync + 'static) -> Proxy {
    let pool = Pool::new(NonZeroUsize::new(8).unwrap());
    net::spawn_workers(&pool, NonZeroUsize::new(2).unwrap()).unwrap();
    let modules: Vec<Box<dyn Module>> = vec![Box::new(Decider(Box::new(decide)))];
    let deferral = Some(Deferral { pool, time_limit: TIME_LIMIT });
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
    let (gate, open) = Gate::new();
    let proxy = proxy(&upstream, move |_| Decision::Defer(gate.work(|| Decision::Forward)));
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

//! Complete responses that wait for the work of a module: they are counted, and may be refused.

use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use engine::{
    Deferral, Delivery, Engine, Envelope, FaultStatus, Interface, Module, Operation, Refusal,
    SecurityContext, Session, Stack, Work,
};
use identity::{Authority, ContextCounters, Pool};
use net::{
    Call, Group, MemoryLimit, NoopObserver, RelayConnection, RequestHandler as _, RpcRelay, RpcReply,
    Service, syntax,
};
use tokio::sync::watch;
use tokio::time::timeout;
use wire::Endian;

use crate::LIMIT;
use crate::groups::{serve, upstream};

/// Responds with as many bytes as the first four bytes of the request say.
struct Sizes;

impl Service for Sizes {
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
        let length = u32::from_le_bytes(call.stub[..4].try_into().unwrap());
        Ok(vec![0; length.try_into().unwrap()].into())
    }
}

/// Defers all responses until the sender sends.
pub(super) struct Scanner(pub(super) Arc<Mutex<Receiver<()>>>);

impl Module for Scanner {
    fn name(&self) -> &'static str {
        "scanner"
    }
    fn description(&self) -> &'static str {
        "Defers all responses."
    }
    fn deliver(&self, _: &mut Operation, _: &mut Session) -> Delivery {
        let scanned = Arc::clone(&self.0);
        Delivery::Defer(Work::new(
            move |_| scanned.lock().unwrap().recv().is_ok(),
            |_, _: &mut Operation, _: &mut Session| Delivery::Pass,
        ))
    }
}

/// Waits in the hook for a long response until the sender sends.
struct SlowHook(Mutex<Receiver<()>>);

impl Module for SlowHook {
    fn name(&self) -> &'static str {
        "slow"
    }
    fn description(&self) -> &'static str {
        "Takes long for a long response."
    }
    fn response(&self, operation: &mut Operation, _: &mut Session) -> Result<(), Refusal> {
        if operation.response.as_ref().unwrap().original().len() > 1000 {
            let _ = self.0.lock().unwrap().recv_timeout(LIMIT);
        }
        Ok(())
    }
}

struct Client {
    relay: Arc<RpcRelay>,
    connection: RelayConnection,
    caller: SecurityContext,
    group: Arc<Group>,
    replies: Vec<RpcReply>,
    scan: Sender<()>,
    _stop: watch::Sender<bool>,
}

impl Client {
    async fn new() -> Self {
        Self::with(|scanned| Box::new(Scanner(Arc::new(Mutex::new(scanned))))).await
    }

    async fn with(module: impl FnOnce(Receiver<()>) -> Box<dyn Module>) -> Self {
        let (address, stop) = serve(&Arc::new(Sizes), Interface::Rfr).await;
        let (scan, scanned) = channel();
        let pool = Pool::new(NonZeroUsize::new(4).unwrap());
        net::spawn_workers(&pool, NonZeroUsize::MIN).unwrap();
        let stack = Stack::new(vec![module(scanned)]);
        let engine =
            Engine::new(stack).with_deferral(Deferral { decodings: pool.clone(), pool, time_limit: LIMIT });
        let (engine, upstream) = (Arc::new(engine), upstream(address));
        let relay = RpcRelay::new("proxy.lab.test", engine, upstream, Arc::new(NoopObserver));
        Self {
            connection: relay.connection(Envelope::RPC_TCP),
            relay,
            caller: SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("a")),
            group: Arc::default(),
            replies: Vec::new(),
            scan,
            _stop: stop,
        }
    }

    /// Makes a call whose response has `length` bytes.
    fn call(&mut self, id: u32, length: u32) {
        let call = Call {
            id,
            interface: syntax(Interface::Rfr),
            opnum: 0,
            object: None,
            stub: [length.to_le_bytes(), [0; 4]].concat().into(),
            endian: Endian::Little,
            context: self.caller.clone(),
            peer: ([127, 0, 0, 1], 1).into(),
            group: Arc::clone(&self.group),
        };
        self.connection.call(call, &mut self.replies);
    }

    async fn poll_until(&mut self, done: impl Fn(&RelayConnection, &[RpcReply]) -> bool) {
        let Self { connection, replies, .. } = self;
        let polled = poll_fn(|task| {
            while connection.poll(task, replies).is_ready() {}
            if done(connection, replies) { Poll::Ready(()) } else { Poll::Pending }
        });
        timeout(LIMIT, polled).await.unwrap();
    }
}

#[tokio::test]
async fn responses_that_wait_for_a_module_are_counted_and_one_of_them_can_be_refused() {
    let mut client = Client::new().await;
    client.call(1, 1000);
    client.call(2, 50_000);
    client.poll_until(|connection, _| connection.response_bytes() == 51_000).await;
    let mut held = client.connection.held_responses();
    held.sort_unstable();
    assert_eq!(held, [(1, 1000), (2, 50_000)]);
    assert!(client.replies.is_empty());
    client.connection.refuse_response(2, MemoryLimit::User, &mut client.replies);
    let [RpcReply::Fault { id: 2, status, did_not_execute: false }] = client.replies[..] else {
        panic!("{:?}", client.replies)
    };
    assert_eq!((status, client.connection.response_bytes()), (FaultStatus::RPC_S_SERVER_TOO_BUSY, 1000));
    client.scan.send(()).unwrap();
    client.poll_until(|_, replies| replies.len() == 2).await;
    assert!(matches!(&client.replies[1], RpcReply::Response { id: 1, stub } if stub.len() == 1000));
    assert_eq!(client.connection.response_bytes(), 0);
}

#[tokio::test]
async fn an_incomplete_response_is_counted_as_it_arrives_and_can_be_refused() {
    let mut client = Client::new().await;
    client.call(1, 10_000_000);
    client.poll_until(|connection, _| connection.response_bytes() > 1_000_000).await;
    let (held, bytes) = (client.connection.held_responses(), client.connection.response_bytes());
    assert_eq!(held, [(1, bytes)]);
    assert!(bytes < 10_000_000, "the response is complete");
    client.connection.refuse_response(1, MemoryLimit::User, &mut client.replies);
    assert!(matches!(client.replies[..], [RpcReply::Fault { id: 1, .. }]));
    assert_eq!(client.connection.response_bytes(), 0);
    // The next call uses the same association, on which the rest of the response arrives first.
    client.call(2, 8);
    client.scan.send(()).unwrap();
    client.poll_until(|_, replies| replies.len() == 2).await;
    assert!(matches!(&client.replies[1], RpcReply::Response { id: 2, stub } if stub.len() == 8));
}

#[tokio::test]
async fn another_user_of_the_thread_is_served_while_a_long_response_is_decoded() {
    let mut client = Client::with(|scanned| Box::new(SlowHook(Mutex::new(scanned)))).await;
    let mut other = Client {
        connection: client.relay.connection(Envelope::RPC_TCP),
        caller: SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("b")),
        group: Arc::default(),
        ..Client::new().await
    };
    client.call(1, 200_000);
    client.poll_until(|connection, _| connection.response_bytes() == 200_000).await;
    other.call(1, 8);
    other.poll_until(|_, replies| replies.len() == 1).await;
    assert!(matches!(&other.replies[0], RpcReply::Response { stub, .. } if stub.len() == 8));
    // A call of the session waits: the server gets it after the response of the first one has passed the modules.
    client.call(2, 8);
    assert!(client.replies.is_empty());
    client.scan.send(()).unwrap();
    client.poll_until(|_, replies| replies.len() == 2).await;
    let lengths = client.replies.iter().map(|reply| match reply {
        RpcReply::Response { id, stub } => (*id, stub.len()),
        RpcReply::Fault { .. } => panic!("{reply:?}"),
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [(1, 200_000), (2, 8)]);
}

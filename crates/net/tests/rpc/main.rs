//! Calls that a module defers, on one client connection. The server cannot be reached, so that each call that is sent
//! to it fails with a fault: the order of the faults is the order of the calls.

use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use engine::{
    Decision, Deferral, Engine, Envelope, FaultStatus, Interface, Module, Operation, SecurityContext,
    Session, Stack, TIMED_OUT, Work,
};
use identity::{Authority, ContextCounters, Pool};
use net::{Call, Group, NoopObserver, RelayConnection, RequestHandler as _, RpcRelay, RpcReply, syntax};
use tokio::time::timeout;
use wire::Endian;

mod groups;
mod late_handles;
mod log;
mod lost_groups;
mod responses;
mod rounds;
mod waiting_calls;

const LIMIT: Duration = Duration::from_secs(20);

/// Defers the first operation that it sees until the gate opens.
struct Gate {
    opened: Arc<Mutex<Receiver<()>>>,
    first: Arc<Mutex<bool>>,
}

impl Module for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }
    fn description(&self) -> &'static str {
        "Defers the first operation."
    }
    fn dispatch(&self, _: &mut Operation, _: &mut Session) -> Decision {
        if !std::mem::replace(&mut *self.first.lock().unwrap(), false) {
            return Decision::Forward;
        }
        let opened = Arc::clone(&self.opened);
        // Also if the sender was dropped.
        Decision::Defer(Work::new(
            move |_| opened.lock().unwrap().recv().is_ok(),
            |_, _, _| Decision::Forward,
        ))
    }
}

/// One client connection, and the sender that opens the gate.
struct ScriptedClient {
    connection: RelayConnection,
    open: Sender<()>,
    pool: Pool,
    contexts: Arc<ContextCounters>,
    caller: SecurityContext,
    group: Arc<Group>,
    replies: Vec<RpcReply>,
    last: u32,
}

impl ScriptedClient {
    fn new(limit: Duration) -> Self {
        let (open, opened) = channel();
        let gate = Gate { opened: Arc::new(Mutex::new(opened)), first: Arc::new(Mutex::new(true)) };
        Self::with(Box::new(gate), open, limit)
    }

    fn with(module: Box<dyn Module>, open: Sender<()>, limit: Duration) -> Self {
        let pool = Pool::new(NonZeroUsize::new(4).unwrap());
        net::spawn_workers(&pool, NonZeroUsize::MIN).unwrap();
        let engine = Engine::new(Stack::new(vec![module]));
        let engine = Arc::new(engine.with_deferral(Deferral {
            pool: pool.clone(),
            decodings: pool.clone(),
            time_limit: limit,
        }));
        let upstream = groups::upstream(([127, 0, 0, 1], 9).into());
        let proxy = RpcRelay::new("proxy.lab.test", engine, upstream, Arc::new(NoopObserver));
        let contexts = ContextCounters::new();
        let caller = SecurityContext::anonymous(&contexts, &Authority::new("a"));
        Self {
            connection: proxy.connection(Envelope::RPC_TCP),
            open,
            pool,
            contexts,
            caller,
            group: Arc::default(),
            replies: Vec::new(),
            last: 0,
        }
    }

    /// Makes a call of RFR, all of which belong to one session.
    fn call(&mut self) -> u32 {
        self.last += 1;
        let call = Call {
            id: self.last,
            interface: syntax(Interface::Rfr),
            opnum: 0,
            object: None,
            stub: vec![0; 64].into(),
            endian: Endian::Little,
            context: self.caller.clone(),
            peer: ([127, 0, 0, 1], 1).into(),
            group: Arc::clone(&self.group),
        };
        self.connection.call(call, &mut self.replies);
        self.last
    }

    /// The first `count` faults, or those that are received within `limit`.
    async fn faults(&mut self, count: usize, limit: Duration) -> Vec<(u32, FaultStatus)> {
        let Self { connection, replies, .. } = self;
        let all = poll_fn(|task| {
            while connection.poll(task, replies).is_ready() {}
            if replies.len() >= count { Poll::Ready(()) } else { Poll::Pending }
        });
        let _ = timeout(limit, all).await;
        let fault = |reply: RpcReply| match reply {
            RpcReply::Fault { id, status, .. } => (id, status),
            RpcReply::Response { .. } => panic!("a response of a server that does not exist"),
        };
        replies.drain(..).map(fault).collect()
    }
}

#[tokio::test]
async fn a_later_call_of_the_session_is_not_sent_before_one_that_is_deferred() {
    let mut client = ScriptedClient::new(LIMIT);
    let (first, second, third) = (client.call(), client.call(), client.call());
    assert_eq!(client.faults(1, Duration::from_millis(300)).await, []);
    client.open.send(()).unwrap();
    let faults = client.faults(3, LIMIT).await;
    assert_eq!(faults, [first, second, third].map(|id| (id, FaultStatus::RPC_S_SERVER_UNAVAILABLE)));
}

#[tokio::test]
async fn deferred_work_that_takes_too_long_is_a_fault_and_other_calls_continue() {
    let mut client = ScriptedClient::new(Duration::from_millis(100));
    let (first, second) = (client.call(), client.call());
    assert_eq!(
        client.faults(2, LIMIT).await,
        [(first, TIMED_OUT), (second, FaultStatus::RPC_S_SERVER_UNAVAILABLE)]
    );
    assert_eq!(client.pool.counts().running, 1);
}

#[tokio::test]
async fn the_pending_calls_of_a_connection_end_with_it() {
    let mut client = ScriptedClient::new(LIMIT);
    // The only thread of the pool executes the work of another connection.
    let (hold, held) = channel::<()>();
    let other = SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("b"));
    let _other = client.pool.submit(identity::Job::new(other, move |_| held.recv().is_ok())).unwrap();
    client.call();
    client.call();
    assert_eq!(client.faults(1, Duration::from_millis(100)).await, []);
    let group = Arc::clone(&client.group);
    client.connection.end(&[group]);
    let ScriptedClient { connection, pool, contexts, caller, open, .. } = client;
    drop((connection, caller));
    assert_eq!((pool.counts().queued, pool.counts().cancelled, contexts.open()), (0, 1, 0));
    drop((hold, open));
    assert_eq!(net::drain(&pool, LIMIT).await, 0);
}

//! Sessions of the mailbox store whose server ends, is restarted, or does not know them: their context handles and
//! session indices must not reach a server that may have given the same ones to other users.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use engine::{
    CALL_FAILED, Deferral, Engine, Envelope, FaultStatus, Interface, Module, SecurityContext, Stack,
};
use identity::Pool;
use mapi::emsmdb::{EcDoConnectExRequest, Request, Response as EmsmdbResponse};
use mapi::ndr::ContextHandle;
use net::{
    Call, Group, NoopObserver, RelayConnection, RequestHandler as _, RpcRelay, RpcReply, Service, syntax,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wire::{Endian, Guid};

use crate::groups::{Ends, serve, serve_on, upstream_with_account};
use crate::{Gate, LIMIT};

pub(super) const CONNECT: u16 = 10;
/// `EcRRegisterPushNotification`, of which the proxy reads the context handle only.
const REGISTER: u16 = 4;

/// The value of `ulIcxrLink` that links no session.
pub(super) const NO_LINK: u32 = u32::MAX;

/// The index of each session at the server.
const INDEX: u16 = 7;

/// The next context handle of a server. Servers share no handle either, since that would end the session that had it.
static HANDLES: AtomicUsize = AtomicUsize::new(1);

/// A server whose sessions all have the same index, which does not know a handle in another call.
#[derive(Default)]
struct Exchange {
    /// `ulIcxrLink` of each new session.
    links: Mutex<Vec<u32>>,
    /// The calls with a context handle.
    with_handle: AtomicUsize,
    /// The handle of all sessions; zero if each has another one.
    handle: AtomicUsize,
}

impl Service for Exchange {
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
        if call.opnum != CONNECT {
            self.with_handle.fetch_add(1, Ordering::SeqCst);
            return Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
        }
        let (request, _) = Request::decode(CONNECT, &call.stub, Endian::Little).unwrap();
        let Request::EcDoConnectEx(request) = request else { panic!("{request:?}") };
        self.links.lock().unwrap().push(request.icxr_link);
        let number = match self.handle.load(Ordering::SeqCst) {
            0 => HANDLES.fetch_add(1, Ordering::SeqCst),
            same => same,
        } as u128;
        let handle = ContextHandle { attributes: 0, uuid: Guid::from_le(number.to_le_bytes()) };
        let response = testkit::connect_ex_response(handle, INDEX);
        Ok(EmsmdbResponse::EcDoConnectEx(response).encode().unwrap().into())
    }
}

impl Exchange {
    /// `ulIcxrLink` of the session that was opened last, and the number of calls with a handle.
    fn received(&self) -> (Option<u32>, usize) {
        (self.links.lock().unwrap().last().copied(), self.with_handle.load(Ordering::SeqCst))
    }
}

/// A proxy, and the address of its server.
struct Proxy {
    relay: Arc<RpcRelay>,
    address: SocketAddr,
    server: Arc<Exchange>,
    /// Stops the server when it is dropped.
    stop: Option<watch::Sender<bool>>,
    ends: Receiver<()>,
}

impl Proxy {
    async fn new() -> Self {
        Self::with(Vec::new(), None).await
    }

    /// A proxy with these `modules`, which defer work as `deferral` permits.
    async fn with(mut modules: Vec<Box<dyn Module>>, deferral: Option<Deferral>) -> Self {
        let server = Arc::new(Exchange::default());
        let (address, stop) = serve(&server, Interface::Emsmdb).await;
        let (sender, ends) = channel();
        modules.push(Box::new(Ends(Mutex::new(sender))));
        let engine = Engine::new(Stack::new(modules));
        let engine = match deferral {
            Some(deferral) => engine.with_deferral(deferral),
            None => engine,
        };
        let upstream = upstream_with_account(address);
        let relay = RpcRelay::new("proxy.lab.test", Arc::new(engine), upstream, Arc::new(NoopObserver));
        Self { relay, address, server, stop: Some(stop), ends }
    }

    /// Stops the server, which closes its connections.
    fn stop_server(&mut self) {
        self.stop = None;
    }

    /// Listens at the server's address, once that is free.
    async fn listen(&self) -> TcpListener {
        loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => return listener,
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Starts another server at the same address, once that is free.
    async fn start_server(&mut self) {
        let listener = self.listen().await;
        self.server = Arc::default();
        self.stop = Some(serve_on(listener, &self.server, Interface::Emsmdb));
    }

    /// A client process of `user`.
    fn client(&self, user: &str) -> Client {
        let [caller, _] = testkit::http_auth::contexts_at_both_levels(user);
        Client { relay: Arc::clone(&self.relay), caller, group: Arc::default() }
    }

    /// How many sessions have ended since the last call.
    fn ends(&self) -> usize {
        self.ends.try_iter().count()
    }

    /// Waits until `count` sessions have ended, while `connection` is served.
    async fn ended_sessions(&self, count: usize, connection: &mut RelayConnection) {
        let (mut replies, mut so_far) = (Vec::new(), 0);
        let ended = async {
            while so_far < count {
                so_far += self.ends();
                turn(connection, &mut replies).await;
            }
        };
        timeout(LIMIT, ended).await.expect("the sessions end");
        assert!(replies.is_empty(), "{replies:?}");
    }
}

/// A client process: its user and its association group.
pub(super) struct Client {
    pub(super) relay: Arc<RpcRelay>,
    pub(super) caller: SecurityContext,
    pub(super) group: Arc<Group>,
}

impl Client {
    pub(super) fn connection(&self) -> RelayConnection {
        self.relay.connection(Envelope::RPC_TCP)
    }

    pub(super) fn request(&self, id: u32, opnum: u16, stub: Vec<u8>) -> Call {
        Call {
            id,
            interface: syntax(Interface::Emsmdb),
            opnum,
            object: None,
            stub: stub.into(),
            endian: Endian::Little,
            context: self.caller.clone(),
            peer: ([127, 0, 0, 1], 1).into(),
            group: Arc::clone(&self.group),
        }
    }

    /// Makes a call on `connection`, and waits for the reply.
    pub(super) async fn call(&self, connection: &mut RelayConnection, opnum: u16, stub: Vec<u8>) -> RpcReply {
        let mut replies = Vec::new();
        connection.call(self.request(1, opnum, stub), &mut replies);
        replied(connection, &mut replies, 1).await;
        replies.remove(0)
    }

    /// Opens a session linked to `icxr_link`. Returns its context handle.
    pub(super) async fn connect(&self, connection: &mut RelayConnection, icxr_link: u32) -> [u8; 20] {
        match self.call(connection, CONNECT, connect_request(icxr_link)).await {
            RpcReply::Response { stub, .. } => *stub.first_chunk().unwrap(),
            fault @ RpcReply::Fault { .. } => panic!("{fault:?}"),
        }
    }

    /// Makes a call with `handle`, whose reply must be a fault. Returns its status.
    async fn fault_of(&self, connection: &mut RelayConnection, handle: [u8; 20]) -> FaultStatus {
        match self.call(connection, REGISTER, register_request(handle)).await {
            RpcReply::Fault { status, .. } => status,
            response @ RpcReply::Response { .. } => panic!("{response:?}"),
        }
    }
}

/// A request for a session linked to `icxr_link`.
pub(super) fn connect_request(icxr_link: u32) -> Vec<u8> {
    let connect = EcDoConnectExRequest { icxr_link, ..testkit::connect_ex("/o=O/cn=a") };
    Request::EcDoConnectEx(connect).encode().unwrap()
}

/// A request in the session of `handle`.
pub(super) fn register_request(handle: [u8; 20]) -> Vec<u8> {
    [&handle[..], &[0; 40]].concat()
}

/// The faults in `replies`, which are faults only.
fn faults(replies: &[RpcReply]) -> Vec<FaultStatus> {
    let fault = |reply: &RpcReply| match reply {
        RpcReply::Fault { status, .. } => *status,
        response @ RpcReply::Response { .. } => panic!("{response:?}"),
    };
    replies.iter().map(fault).collect()
}

/// Serves `connection` until there are `count` replies.
pub(super) async fn replied(connection: &mut RelayConnection, replies: &mut Vec<RpcReply>, count: usize) {
    let replied = poll_fn(|task| {
        while connection.poll(task, replies).is_ready() {}
        if replies.len() < count { Poll::Pending } else { Poll::Ready(()) }
    });
    timeout(LIMIT, replied).await.unwrap();
}

/// Serves `connection` once, and then the server.
pub(super) async fn turn(connection: &mut RelayConnection, replies: &mut Vec<RpcReply>) {
    poll_fn(|task| {
        let _ = connection.poll(task, replies);
        Poll::Ready(())
    })
    .await;
    sleep(Duration::from_millis(5)).await;
}

#[tokio::test]
async fn the_sessions_of_a_server_that_ended_end_and_their_handles_do_not_reach_the_next_server() {
    let mut proxy = Proxy::new().await;
    let (alice, bob) = (proxy.client("alice"), proxy.client("bob"));
    let (mut hers, mut his) = (alice.connection(), bob.connection());
    let handle = alice.connect(&mut hers, NO_LINK).await;
    alice.connect(&mut hers, INDEX.into()).await;
    assert_eq!(proxy.server.received(), (Some(INDEX.into()), 0), "the index is hers");
    proxy.stop_server();
    proxy.ended_sessions(2, &mut hers).await;
    assert_eq!(alice.group.handles().len(), 0);
    assert_eq!(alice.fault_of(&mut hers, handle).await, FaultStatus::RPC_S_SERVER_UNAVAILABLE);

    proxy.start_server().await;
    bob.connect(&mut his, NO_LINK).await;
    assert_eq!(alice.fault_of(&mut hers, handle).await, FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
    alice.connect(&mut hers, INDEX.into()).await;
    assert_eq!(proxy.server.received(), (Some(NO_LINK), 0), "the index is that of bob's session");
    assert_eq!((proxy.ends(), bob.group.handles().len()), (0, 1));
}

#[tokio::test]
async fn a_session_ends_with_its_server_although_no_connection_of_its_group_has_an_association() {
    let mut proxy = Proxy::new().await;
    let alice = proxy.client("alice");
    let (mut first, mut idle) = (alice.connection(), alice.connection());
    alice.connect(&mut first, NO_LINK).await;
    first.end(&[]);
    drop(first);
    sleep(Duration::from_millis(300)).await;
    assert_eq!((proxy.ends(), alice.group.handles().len()), (0, 1), "the association is kept");
    proxy.stop_server();
    proxy.ended_sessions(1, &mut idle).await;
    assert_eq!(alice.group.handles().len(), 0);
}

#[tokio::test]
async fn a_handle_whose_association_group_the_server_rejects_is_not_sent_to_it() {
    let mut proxy = Proxy::new().await;
    let (alice, bob) = (proxy.client("alice"), proxy.client("bob"));
    let (mut first, mut second, mut his) = (alice.connection(), alice.connection(), bob.connection());
    let handle = alice.connect(&mut first, NO_LINK).await;
    proxy.stop_server();
    proxy.start_server().await;
    // The first connection has not noticed the end of its association.
    bob.connect(&mut his, NO_LINK).await;
    assert_eq!(alice.fault_of(&mut second, handle).await, FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
    assert_eq!((proxy.ends(), alice.group.handles().len()), (1, 0));
    let handle = alice.connect(&mut first, INDEX.into()).await;
    assert_eq!(proxy.server.received(), (Some(NO_LINK), 0));
    // The new session is not that of the group that was lost.
    assert_eq!((proxy.ends(), alice.group.handles().len()), (0, 1));
    alice.fault_of(&mut first, handle).await;
    assert_eq!(proxy.server.received().1, 1);
}

#[tokio::test]
async fn a_session_whose_handle_the_server_does_not_know_ends() {
    let proxy = Proxy::new().await;
    let alice = proxy.client("alice");
    let mut connection = alice.connection();
    let handle = alice.connect(&mut connection, NO_LINK).await;
    for _ in 0..2 {
        let fault = alice.fault_of(&mut connection, handle).await;
        assert_eq!(fault, FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
        assert_eq!(proxy.server.received().1, 1, "the second call does not reach the server");
    }
    assert_eq!((proxy.ends(), alice.group.handles().len()), (1, 0));
    alice.connect(&mut connection, INDEX.into()).await;
    assert_eq!(proxy.server.received().0, Some(NO_LINK));
}

#[tokio::test]
async fn a_handle_whose_server_closed_its_group_before_the_response_was_read_is_not_taken_from_another_session()
 {
    for is_given_up in [false, true] {
        let mut proxy = Proxy::new().await;
        let same = HANDLES.fetch_add(1, Ordering::SeqCst);
        proxy.server.handle.store(same, Ordering::SeqCst);
        let (alice, bob) = (proxy.client("alice"), proxy.client("bob"));
        let (mut connection, mut his) = (alice.connection(), bob.connection());
        let mut replies = Vec::new();
        connection.call(alice.request(1, CONNECT, connect_request(NO_LINK)), &mut replies);
        while proxy.server.received().0.is_none() {
            turn(&mut connection, &mut replies).await;
        }
        assert!(replies.is_empty());
        if is_given_up {
            connection.orphaned(1, &mut replies);
        }
        proxy.stop_server();
        proxy.start_server().await;
        proxy.server.handle.store(same, Ordering::SeqCst);
        bob.connect(&mut his, NO_LINK).await;
        sleep(Duration::from_millis(300)).await;
        // Both the response and the end of the connection have arrived.
        for _ in 0..5 {
            turn(&mut connection, &mut replies).await;
        }
        assert_eq!(faults(&replies), [CALL_FAILED]);
        assert_eq!((proxy.ends(), alice.group.handles().len()), (1, 0));
        assert_eq!(bob.group.handles().len(), 1);
    }
}

/// A proxy with a module that defers calls once the value is set, until something is sent.
async fn deferring() -> (Proxy, Arc<Mutex<bool>>, Sender<()>) {
    let (open, opened) = channel();
    let defers = Arc::new(Mutex::new(false));
    let gate = Gate { opened: Arc::new(Mutex::new(opened)), first: Arc::clone(&defers) };
    let pool = Pool::new(NonZeroUsize::new(4).unwrap());
    net::spawn_workers(&pool, NonZeroUsize::MIN).unwrap();
    let deferral = Deferral { decodings: pool.clone(), pool, time_limit: LIMIT };
    let proxy = Proxy::with(vec![Box::new(gate)], Some(deferral)).await;
    (proxy, defers, open)
}

#[tokio::test]
async fn a_call_that_waits_for_another_is_not_sent_after_the_end_of_its_session() {
    let (mut proxy, defers, open) = deferring().await;
    let (alice, bob) = (proxy.client("alice"), proxy.client("bob"));
    let (mut connection, mut his) = (alice.connection(), bob.connection());
    let handle = alice.connect(&mut connection, NO_LINK).await;
    *defers.lock().unwrap() = true;
    let mut replies = Vec::new();
    for id in [1, 2] {
        connection.call(alice.request(id, REGISTER, register_request(handle)), &mut replies);
    }
    proxy.stop_server();
    proxy.ended_sessions(1, &mut connection).await;
    proxy.start_server().await;
    bob.connect(&mut his, NO_LINK).await;
    open.send(()).unwrap();
    replied(&mut connection, &mut replies, 2).await;
    assert_eq!(faults(&replies), [FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH; 2]);
    assert_eq!(proxy.server.received().1, 0);
}

#[tokio::test]
async fn a_call_that_waits_for_another_ends_as_its_session_if_the_server_was_not_reached_since() {
    let (mut proxy, defers, open) = deferring().await;
    let alice = proxy.client("alice");
    let (mut connection, mut replies) = (alice.connection(), Vec::new());
    let handle = alice.connect(&mut connection, NO_LINK).await;
    *defers.lock().unwrap() = true;
    for id in [1, 2] {
        connection.call(alice.request(id, REGISTER, register_request(handle)), &mut replies);
    }
    proxy.stop_server();
    proxy.ended_sessions(1, &mut connection).await;
    open.send(()).unwrap();
    replied(&mut connection, &mut replies, 2).await;
    // The first one was refused before it was to be sent.
    replies.retain(|reply| matches!(reply, RpcReply::Fault { id: 2, .. }));
    assert_eq!(faults(&replies), [FaultStatus::RPC_S_SERVER_UNAVAILABLE]);
}

#[tokio::test]
async fn a_call_ends_as_its_lost_session_if_the_bind_that_it_waits_for_fails() {
    let mut proxy = Proxy::new().await;
    let alice = proxy.client("alice");
    let (mut first, mut second, mut replies) = (alice.connection(), alice.connection(), Vec::new());
    let handle = alice.connect(&mut first, NO_LINK).await;
    proxy.stop_server();
    let next_server = proxy.listen().await;
    second.call(alice.request(1, REGISTER, register_request(handle)), &mut replies);
    let mut stream = loop {
        turn(&mut second, &mut replies).await;
        if let Ok(accepted) = timeout(Duration::from_millis(5), next_server.accept()).await {
            break accepted.unwrap().0;
        }
    };
    // The bind has the beginning of a response.
    stream.write_all(&[5]).await.unwrap();
    for _ in 0..20 {
        turn(&mut second, &mut replies).await;
    }
    proxy.ended_sessions(1, &mut first).await;
    assert!(replies.is_empty(), "{replies:?}");
    drop(stream);
    replied(&mut second, &mut replies, 1).await;
    assert_eq!(faults(&replies), [FaultStatus::RPC_S_SERVER_UNAVAILABLE]);
}

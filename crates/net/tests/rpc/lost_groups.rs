//! Sessions of the mailbox store whose server ends, is restarted, or does not know them: their context handles and
//! session indices must not reach a server that may have given the same ones to other users.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use engine::{Engine, Envelope, FaultStatus, Interface, SecurityContext, Stack};
use mapi::ErrorCode;
use mapi::emsmdb::{
    EcDoConnectExRequest, EcDoConnectExResponse, OutBytes, Request, Response as EmsmdbResponse, Version,
};
use mapi::ndr::{ContextHandle, Ptr};
use net::{
    Call, Group, NoopObserver, RelayConnection, RequestHandler as _, RpcRelay, RpcReply, Service, syntax,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wire::{Endian, Guid};

use crate::LIMIT;
use crate::groups::{Ends, serve, serve_on, upstream_with_account};

const CONNECT: u16 = 10;
/// `EcRRegisterPushNotification`, of which the proxy reads the context handle only.
const REGISTER: u16 = 4;

/// The value of `ulIcxrLink` that links no session.
const NO_LINK: u32 = u32::MAX;

/// The index of each session at the server.
const INDEX: u16 = 7;

/// A server whose sessions all have the same context handle and index, which does not know a handle in another call.
#[derive(Default)]
struct Exchange {
    /// `ulIcxrLink` of each new session.
    links: Mutex<Vec<u32>>,
    /// The calls with a context handle.
    with_handle: AtomicUsize,
}

impl Service for Exchange {
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
        let handle = ContextHandle { attributes: 0, uuid: Guid::from_le([7; 16]) };
        if call.opnum != CONNECT {
            self.with_handle.fetch_add(1, Ordering::SeqCst);
            return Err(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
        }
        let (request, _) = Request::decode(CONNECT, &call.stub, Endian::Little).unwrap();
        let Request::EcDoConnectEx(request) = request else { panic!("{request:?}") };
        self.links.lock().unwrap().push(request.icxr_link);
        let response = EcDoConnectExResponse {
            handle,
            polls_max: 0,
            retry: 0,
            retry_delay: 0,
            icxr: INDEX,
            dn_prefix: Ptr::NULL,
            display_name: Ptr::NULL,
            server_version: Version::default(),
            best_version: Version::default(),
            time_stamp: 0,
            aux_out: OutBytes::new(Vec::new()),
            return_value: ErrorCode::SUCCESS,
        };
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
        let server = Arc::new(Exchange::default());
        let (address, stop) = serve(&server, Interface::Emsmdb).await;
        let (sender, ends) = channel();
        let engine = Engine::new(Stack::new(vec![Box::new(Ends(Mutex::new(sender)))]));
        let upstream = upstream_with_account(address);
        let relay = RpcRelay::new("proxy.lab.test", Arc::new(engine), upstream, Arc::new(NoopObserver));
        Self { relay, address, server, stop: Some(stop), ends }
    }

    /// Stops the server, which closes its connections.
    fn stop_server(&mut self) {
        self.stop = None;
    }

    /// Starts another server at the same address, once that is free.
    async fn start_server(&mut self) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        };
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
                poll_fn(|task| {
                    let _ = connection.poll(task, &mut replies);
                    Poll::Ready(())
                })
                .await;
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, ended).await.expect("the sessions end");
        assert!(replies.is_empty(), "{replies:?}");
    }
}

/// A client process: its user and its association group.
struct Client {
    relay: Arc<RpcRelay>,
    caller: SecurityContext,
    group: Arc<Group>,
}

impl Client {
    fn connection(&self) -> RelayConnection {
        self.relay.connection(Envelope::RPC_TCP)
    }

    /// Makes a call on `connection`, and waits for the reply.
    async fn call(&self, connection: &mut RelayConnection, opnum: u16, stub: Vec<u8>) -> RpcReply {
        let call = Call {
            id: 1,
            interface: syntax(Interface::Emsmdb),
            opnum,
            object: None,
            stub: stub.into(),
            endian: Endian::Little,
            context: self.caller.clone(),
            peer: ([127, 0, 0, 1], 1).into(),
            group: Arc::clone(&self.group),
        };
        let mut replies = Vec::new();
        connection.call(call, &mut replies);
        let replied = poll_fn(|task| {
            while connection.poll(task, &mut replies).is_ready() {}
            if replies.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        });
        timeout(LIMIT, replied).await.unwrap();
        replies.remove(0)
    }

    /// Opens a session linked to `icxr_link`. Returns its context handle.
    async fn connect(&self, connection: &mut RelayConnection, icxr_link: u32) -> [u8; 20] {
        let connect = EcDoConnectExRequest { icxr_link, ..testkit::connect_ex("/o=O/cn=a") };
        let request = Request::EcDoConnectEx(connect).encode().unwrap();
        match self.call(connection, CONNECT, request).await {
            RpcReply::Response { stub, .. } => *stub.first_chunk().unwrap(),
            fault @ RpcReply::Fault { .. } => panic!("{fault:?}"),
        }
    }

    /// Makes a call with `handle`, whose reply must be a fault. Returns its status.
    async fn fault_of(&self, connection: &mut RelayConnection, handle: [u8; 20]) -> FaultStatus {
        match self.call(connection, REGISTER, [&handle[..], &[0; 40]].concat()).await {
            RpcReply::Fault { status, .. } => status,
            response @ RpcReply::Response { .. } => panic!("{response:?}"),
        }
    }
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

//! Sessions that the server opens although their clients do not wait for them any more, or that the proxy refuses
//! afterwards: the server has to end them, while other connections of the clients use its association group.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use engine::{
    Deferral, Engine, FaultStatus, Interface, Module, Operation, Refusal, RefusalKind, Session, Stack,
};
use identity::Pool;
use mapi::emsmdb::Response as EmsmdbResponse;
use mapi::ndr::ContextHandle;
use net::{
    Call, Group, MemoryLimit, NoopObserver, RelayConnection, RequestHandler as _, RpcRelay, RpcReply,
    RpcUpstream, Service, Waiting,
};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use wire::Guid;

use crate::LIMIT;
use crate::groups::{serve, upstream_with_account};
use crate::lost_groups::{CONNECT, Client, NO_LINK, connect_request, register_request, replied, turn};
use crate::responses::Scanner;

const DISCONNECT: u16 = 1;

/// The next context handle of a server.
static HANDLES: AtomicUsize = AtomicUsize::new(1);

/// A server that opens a session as soon as there is a permit, and keeps it until it is disconnected.
struct Store {
    permits: Arc<Semaphore>,
    /// How many bytes follow the response that opens a session.
    more: usize,
    /// How many calls it received that open a session or have no response.
    connects: AtomicUsize,
    open: Mutex<Vec<[u8; 16]>>,
    /// The association groups that ended.
    ended: AtomicUsize,
    /// Whether other calls have no response.
    holds: AtomicBool,
    /// How many of these were given up.
    given_up: Arc<AtomicUsize>,
}

/// Counts in [`Store::given_up`] when it is dropped.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Service for Store {
    fn wait(&self, call: &Call) -> Option<Waiting> {
        let at_stop = Err(FaultStatus::NCA_S_FAULT_CANCEL);
        if call.opnum != CONNECT {
            let held = self.holds.load(Ordering::SeqCst).then(|| Held(Arc::clone(&self.given_up)))?;
            self.connects.fetch_add(1, Ordering::SeqCst);
            let result = Box::pin(async move {
                let _held = held;
                std::future::pending().await
            });
            return Some(Waiting { result, at_stop });
        }
        self.connects.fetch_add(1, Ordering::SeqCst);
        let number = HANDLES.fetch_add(1, Ordering::SeqCst) as u128;
        let handle = ContextHandle { attributes: 0, uuid: Guid::from_le(number.to_le_bytes()) };
        let response = EmsmdbResponse::EcDoConnectEx(testkit::connect_ex_response(handle, 0));
        let mut stub = response.encode().unwrap();
        stub.resize(stub.len() + self.more, 0);
        self.open.lock().unwrap().push(number.to_le_bytes());
        let permits = Arc::clone(&self.permits);
        let result = Box::pin(async move {
            permits.acquire().await.unwrap().forget();
            Ok(stub.into())
        });
        Some(Waiting { result, at_stop })
    }

    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
        let handle: [u8; 16] = call.stub[4..20].try_into().unwrap();
        let mut open = self.open.lock().unwrap();
        let at = open
            .iter()
            .position(|other| *other == handle)
            .ok_or(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH)?;
        if call.opnum == DISCONNECT {
            open.swap_remove(at);
            return Ok(vec![0; 24].into());
        }
        Ok([&call.stub[..20], &[0; 4]].concat().into())
    }

    fn rundown(&self, _: &Arc<Group>) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// Refuses the responses that open sessions.
struct Refuses;

impl Module for Refuses {
    fn name(&self) -> &'static str {
        "refuses"
    }
    fn description(&self) -> &'static str {
        "Refuses the responses that open sessions."
    }
    fn response(&self, operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        let (_, opnum) = operation.key().call().unwrap();
        let is_first = session.id() == 1;
        if opnum == CONNECT && !is_first {
            Err(Refusal::new(RefusalKind::AccessDenied, "test"))
        } else {
            Ok(())
        }
    }
}

/// A proxy with a client that has a session, on the first of its two connections.
struct Proxy {
    store: Arc<Store>,
    client: Client,
    first: RelayConnection,
    second: RelayConnection,
    /// The handle of the session on the first connection.
    handle: [u8; 20],
    _stop: watch::Sender<bool>,
}

impl Proxy {
    async fn new() -> Self {
        Self::with(Vec::new(), LIMIT, 0).await
    }

    /// A proxy with these `modules`, which waits for responses until `call_limit`. The server adds `more` bytes to
    /// responses that open sessions.
    async fn with(modules: Vec<Box<dyn Module>>, call_limit: Duration, more: usize) -> Self {
        let store = Arc::new(Store {
            permits: Arc::new(Semaphore::new(1)),
            more,
            connects: AtomicUsize::new(0),
            open: Mutex::default(),
            ended: AtomicUsize::new(0),
            holds: AtomicBool::new(false),
            given_up: Arc::default(),
        });
        let (address, stop) = serve(&store, Interface::Emsmdb).await;
        let upstream = RpcUpstream { call_limit, ..upstream_with_account(address) };
        let pool = Pool::new(NonZeroUsize::new(4).unwrap());
        net::spawn_workers(&pool, NonZeroUsize::MIN).unwrap();
        let deferral = Deferral { decodings: pool.clone(), pool, time_limit: LIMIT };
        let engine = Arc::new(Engine::new(Stack::new(modules)).with_deferral(deferral));
        let relay = RpcRelay::new("proxy.lab.test", engine, upstream, Arc::new(NoopObserver));
        let [caller, _] = testkit::http_auth::contexts_at_both_levels("alice");
        let client = Client { relay, caller, group: Arc::default() };
        let (mut first, second) = (client.connection(), client.connection());
        let handle = client.connect(&mut first, NO_LINK).await;
        Self { store, client, first, second, handle, _stop: stop }
    }

    /// Sends a call on the second connection that opens a session.
    async fn begin_connect(&mut self) {
        let mut replies = Vec::new();
        let connects = self.store.connects.load(Ordering::SeqCst);
        self.second.call(self.client.request(2, CONNECT, connect_request(NO_LINK)), &mut replies);
        let sent = async {
            while self.store.connects.load(Ordering::SeqCst) == connects {
                turn(&mut self.second, &mut replies).await;
            }
        };
        timeout(LIMIT, sent).await.unwrap();
        assert!(replies.is_empty(), "{replies:?}");
    }

    /// How many sessions the server has.
    fn open(&self) -> usize {
        self.store.open.lock().unwrap().len()
    }

    /// Lets the server open the session, serves the second connection, and waits until the server has only that of the
    /// first.
    async fn ended_at_server(&mut self) {
        assert_eq!(self.open(), 2);
        self.store.permits.add_permits(1);
        let mut replies = Vec::new();
        let ended = async {
            while self.open() > 1 {
                turn(&mut self.second, &mut replies).await;
            }
        };
        timeout(LIMIT, ended).await.expect("the server ends the session");
        assert!(replies.is_empty(), "{replies:?}");
        // It is not the session of the first connection, which continues.
        let request = register_request(self.handle);
        let reply = self.client.call(&mut self.first, 4, request).await;
        assert!(matches!(reply, RpcReply::Response { .. }), "{reply:?}");
        assert_eq!((self.client.group.handles().len(), self.store.ended.load(Ordering::SeqCst)), (1, 0));
    }
}

/// The fault in the only one of `replies`.
fn fault(replies: &[RpcReply]) -> FaultStatus {
    match replies {
        [RpcReply::Fault { status, .. }] => *status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_session_whose_connection_closes_before_it_is_opened_ends_at_the_server() {
    let mut proxy = Proxy::new().await;
    proxy.begin_connect().await;
    proxy.second.end(&[]);
    proxy.ended_at_server().await;
}

#[tokio::test]
async fn a_call_that_opens_no_session_is_given_up_with_its_connection() {
    let mut proxy = Proxy::new().await;
    proxy.begin_connect().await;
    // EcRRegisterPushNotification, whose response the server does not send.
    let mut replies = Vec::new();
    let request = register_request(proxy.handle);
    proxy.store.holds.store(true, Ordering::SeqCst);
    proxy.second.call(proxy.client.request(3, 4, request), &mut replies);
    let sent = async {
        while proxy.store.connects.load(Ordering::SeqCst) < 3 {
            turn(&mut proxy.second, &mut replies).await;
        }
    };
    timeout(LIMIT, sent).await.unwrap();
    proxy.store.holds.store(false, Ordering::SeqCst);
    proxy.second.end(&[]);
    let given_up = async {
        while proxy.store.given_up.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, given_up).await.expect("the call is given up at the server");
    proxy.ended_at_server().await;
}

#[tokio::test]
async fn a_session_whose_response_arrives_as_its_connection_closes_ends_at_the_server() {
    let mut proxy = Proxy::new().await;
    proxy.begin_connect().await;
    proxy.store.permits.add_permits(1);
    sleep(Duration::from_millis(300)).await;
    proxy.second.end(&[]);
    proxy.ended_at_server().await;
}

#[tokio::test]
async fn a_session_whose_response_waits_for_a_module_as_its_connection_closes_ends_at_the_server() {
    let (scan, scanned) = channel();
    scan.send(()).unwrap();
    let scanner = Box::new(Scanner(Arc::new(Mutex::new(scanned))));
    let mut proxy = Proxy::with(vec![scanner], LIMIT, 0).await;
    proxy.begin_connect().await;
    proxy.store.permits.add_permits(1);
    let mut replies = Vec::new();
    while proxy.client.group.handles().len() < 2 {
        turn(&mut proxy.second, &mut replies).await;
    }
    proxy.second.end(&[]);
    scan.send(()).unwrap();
    scan.send(()).unwrap();
    proxy.ended_at_server().await;
}

#[tokio::test]
async fn a_session_that_is_being_opened_as_its_group_ends_ends_with_the_servers_group() {
    let mut proxy = Proxy::new().await;
    proxy.begin_connect().await;
    // The group ends with the other connection, later or at once.
    for is_last in [false, true] {
        let over = [Arc::clone(&proxy.client.group)];
        if is_last {
            proxy.first.end(&over);
        } else {
            proxy.second.end(&[]);
        }
    }
    let ended = async {
        while proxy.store.ended.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT / 2, ended).await.expect("no connection is kept");
    assert_eq!(proxy.open(), 2, "not by calls");
}

#[tokio::test]
async fn a_session_whose_client_gives_up_the_call_ends_at_the_server() {
    let mut proxy = Proxy::new().await;
    proxy.begin_connect().await;
    let mut replies = Vec::new();
    proxy.second.orphaned(2, &mut replies);
    fault(&replies);
    proxy.ended_at_server().await;
}

#[tokio::test]
async fn a_session_whose_account_is_revoked_before_it_is_opened_ends_at_the_server() {
    let mut proxy = Proxy::new().await;
    proxy.begin_connect().await;
    // The first connection may have a later sign-in of the user.
    let revoked = proxy.client.caller.clone();
    revoked.revoke();
    let (mut replies, group) = (Vec::new(), Arc::clone(&proxy.client.group));
    proxy.second.revoked(&[revoked], &[group], &mut replies);
    assert_eq!(fault(&replies), FaultStatus::ACCESS_DENIED);
    // The session of the first connection has ended too.
    assert!(proxy.client.group.handles().is_empty());
    proxy.store.permits.add_permits(1);
    let ended = async {
        while proxy.open() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, ended).await.expect("the server ends both sessions");
    assert_eq!(proxy.store.ended.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_session_that_is_opened_after_the_time_limit_of_the_call_ends_at_the_server() {
    let mut proxy = Proxy::with(Vec::new(), Duration::from_millis(500), 0).await;
    proxy.begin_connect().await;
    let mut replies = Vec::new();
    let refused = async {
        while replies.is_empty() {
            turn(&mut proxy.second, &mut replies).await;
        }
    };
    timeout(LIMIT, refused).await.unwrap();
    fault(&replies);
    proxy.ended_at_server().await;
}

#[tokio::test]
async fn a_response_that_is_read_after_the_time_limit_of_the_call_is_delivered() {
    let mut proxy = Proxy::with(Vec::new(), Duration::from_millis(300), 0).await;
    proxy.begin_connect().await;
    proxy.store.permits.add_permits(1);
    // The proxy is busy.
    sleep(Duration::from_secs(1)).await;
    let mut replies = Vec::new();
    replied(&mut proxy.second, &mut replies, 1).await;
    assert!(matches!(replies[..], [RpcReply::Response { .. }]), "{replies:?}");
    assert_eq!((proxy.client.group.handles().len(), proxy.open()), (2, 2));
}

#[tokio::test]
async fn a_session_whose_response_exceeds_the_memory_of_the_user_ends_at_the_server() {
    let mut proxy = Proxy::with(Vec::new(), LIMIT, 3_000_000).await;
    proxy.begin_connect().await;
    proxy.store.permits.add_permits(1);
    let mut replies = Vec::new();
    while proxy.second.response_bytes() < 300_000 {
        turn(&mut proxy.second, &mut replies).await;
    }
    proxy.second.refuse_response(2, MemoryLimit::User, &mut replies);
    assert_eq!((fault(&replies), proxy.second.response_bytes()), (FaultStatus::RPC_S_SERVER_TOO_BUSY, 0));
    proxy.ended_at_server().await;
}

#[tokio::test]
async fn a_session_whose_response_a_module_refuses_ends_at_the_server() {
    let mut proxy = Proxy::with(vec![Box::new(Refuses)], LIMIT, 0).await;
    proxy.begin_connect().await;
    proxy.store.permits.add_permits(1);
    let mut replies = Vec::new();
    replied(&mut proxy.second, &mut replies, 1).await;
    assert_eq!(fault(&replies), FaultStatus::ACCESS_DENIED);
    let ended = async {
        while proxy.open() > 1 {
            turn(&mut proxy.second, &mut replies).await;
        }
    };
    timeout(LIMIT, ended).await.expect("the server ends the session");
}

//! Association groups of several client connections, of which some make no call, in front of a server in this process.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use engine::{Engine, Envelope, Interface, Module, SecurityContext, Session, Stack};
use identity::{
    AcceptorConfig, Account, Accounts, Authority, ContextCounters, Credentials, Mechanism, NtHash, Password,
};
use net::upstream_identity::{ServiceAccount, Unauthenticated, UpstreamIdentity};
use net::{
    Admission, Call, ClientAuth, Endpoints, Group, Groups, Limits, Location, NoopObserver, RelayConnection,
    RequestHandler as _, RpcListenerConfig, RpcRelay, RpcReply, RpcUpstream, Service, ServiceHandler,
    Workers, syntax,
};
use rpc::pdu::{AuthLevel, FaultStatus};
use rpc::server::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wire::Endian;

const LIMIT: Duration = Duration::from_secs(20);

/// A server whose `NspiBind` opens a handle. The association groups that ended are counted.
#[derive(Default)]
struct Server {
    ended: AtomicUsize,
    /// The group of each call.
    groups: Mutex<Vec<Arc<Group>>>,
}

impl Service for Server {
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
        let mut groups = self.groups.lock().unwrap();
        groups.push(Arc::clone(&call.group));
        match call.opnum {
            // No server GUID, the handle, and success.
            0 => Ok([&[0; 8][..], &[7; 16], &[0; 4]].concat().into()),
            _ => Err(FaultStatus::NCA_S_OP_RNG_ERROR),
        }
    }

    fn rundown(&self, _: &Arc<Group>) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// Any user with the password "secret".
#[derive(Debug)]
struct AnyUser;

impl Accounts for AnyUser {
    fn find(&self, domain: &str, user: &str) -> Option<Account> {
        Some(Account::new(user.to_owned(), domain.to_owned(), NtHash::from_password("secret")))
    }
}

/// Serves `interface` until the sender is dropped.
pub(super) async fn serve<S: Service>(
    server: &Arc<S>,
    interface: Interface,
) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), serve_on(listener, server, interface))
}

/// As [`serve`], on the address of `listener`.
pub(super) fn serve_on<S: Service>(
    listener: TcpListener,
    server: &Arc<S>,
    interface: Interface,
) -> watch::Sender<bool> {
    let limits = Limits::default();
    let interface = rpc::server::Interface { id: syntax(interface), minimum_level: AuthLevel::NONE };
    let accounts = Arc::new(AnyUser);
    let auth =
        ClientAuth::new(AcceptorConfig::new(accounts, Authority::new("server"), ContextCounters::new()));
    let config = Arc::new(RpcListenerConfig {
        rpc: Arc::new(ServerConfig {
            interfaces: vec![interface],
            auth_types: auth.auth_types(),
            ..ServerConfig::default()
        }),
        groups: Arc::new(Groups::default()),
        auth,
        auth_limiter: Arc::default(),
        bodies: net::BodyBudget::new(&limits),
        limits,
        observer: Arc::new(NoopObserver),
        log: net::EventLog::default(),
        proxy_protocol: Vec::new(),
        loop_marker: None,
        greeting: b"",
    });
    let (stop, stopped) = watch::channel(false);
    let server = Arc::clone(server);
    let handler = move || ServiceHandler::new(Arc::clone(&server), None);
    let admission = Admission::new(limits, Vec::new());
    net::spawn_system(net::run_rpc(listener, config, admission, Workers::here(), handler, stopped));
    stop
}

/// An upstream at `address` that needs no authentication.
pub(super) fn upstream(address: SocketAddr) -> RpcUpstream {
    let at = Location::Fixed { host: address.ip().to_string(), port: address.port() };
    RpcUpstream {
        endpoints: Arc::new(Endpoints::new(at)),
        identity: UpstreamIdentity::new(Unauthenticated),
        timeout: LIMIT,
        call_limit: LIMIT,
        loop_marker: net::LoopMarker::new(&mut identity::OsRandom).unwrap(),
        gate: net::Gate::new(),
    }
}

/// An upstream at `address`, at which the proxy signs in with one account for all. Anonymous connections would share no
/// group there.
pub(super) fn upstream_with_account(address: SocketAddr) -> RpcUpstream {
    let service = Credentials::password("svcproxy", "LAB", &Password::new("secret"));
    let contexts = ContextCounters::new();
    let service =
        net::ServiceCredentials::new(service, Mechanism::NTLM, AuthLevel::PKT_PRIVACY, "server", &contexts);
    let identity = UpstreamIdentity::new(ServiceAccount::new(service, &net::AccountGate::new()));
    RpcUpstream { identity, ..upstream(address) }
}

/// Reports the end of each session.
pub(super) struct Ends(pub(super) Mutex<Sender<()>>);

impl Module for Ends {
    fn name(&self) -> &'static str {
        "ends"
    }
    fn description(&self) -> &'static str {
        "Reports the end of each session."
    }
    fn unbind(&self, _: &mut Session) {
        self.0.lock().unwrap().send(()).unwrap();
    }
}

/// A proxy in front of a server, with the association group of one client process.
struct Proxy {
    server: Arc<Server>,
    relay: Arc<RpcRelay>,
    ends: Receiver<()>,
    caller: SecurityContext,
    group: Arc<Group>,
    _stop: watch::Sender<bool>,
}

impl Proxy {
    async fn new() -> Self {
        Self::with(net::Gate::new()).await
    }

    async fn with(gate: Arc<net::Gate>) -> Self {
        let server = Arc::new(Server::default());
        let (address, stop) = serve(&server, Interface::Nspi).await;
        let (sender, ends) = channel();
        let engine = Engine::new(Stack::new(vec![Box::new(Ends(Mutex::new(sender)))]));
        let upstream = RpcUpstream { gate, ..upstream_with_account(address) };
        let engine = Arc::new(engine);
        let relay = RpcRelay::new("proxy.lab.test", engine, upstream, Arc::new(NoopObserver));
        let [caller, _] = testkit::http_auth::contexts_at_both_levels("alice");
        Self { server, relay, ends, caller, group: Arc::default(), _stop: stop }
    }

    fn connection(&self) -> RelayConnection {
        self.relay.connection(Envelope::RPC_TCP)
    }

    /// Opens a session on `connection`.
    async fn bind(&self, connection: &mut RelayConnection) {
        let reply = self.bound(connection, &self.caller, &self.group).await;
        assert!(matches!(reply, RpcReply::Response { .. }), "{reply:?}");
    }

    /// The reply to a call of `caller` that opens a session on `connection`.
    async fn bound(
        &self,
        connection: &mut RelayConnection,
        caller: &SecurityContext,
        group: &Arc<Group>,
    ) -> RpcReply {
        let stat = [&[0; 24][..], &1252_u32.to_le_bytes(), &[9, 4, 0, 0, 9, 4, 0, 0]].concat();
        let call = Call {
            id: 1,
            interface: syntax(Interface::Nspi),
            opnum: 0,
            object: None,
            stub: [&[0; 4][..], &stat, &[0; 4]].concat().into(),
            endian: Endian::Little,
            context: caller.clone(),
            peer: ([127, 0, 0, 1], 1).into(),
            group: Arc::clone(group),
        };
        let mut replies = Vec::new();
        connection.call(call, &mut replies);
        let replied = poll_fn(|task| {
            while connection.poll(task, &mut replies).is_ready() {}
            if replies.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        });
        timeout(LIMIT, replied).await.unwrap();
        replies.pop().unwrap()
    }

    /// How many sessions have ended since the last call.
    fn ends(&self) -> usize {
        self.ends.try_iter().count()
    }

    /// Waits until `count` groups have ended at the server.
    async fn ended_at_server(&self, count: usize) -> bool {
        let all = async {
            while self.server.ended.load(Ordering::SeqCst) < count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, all).await.is_ok()
    }
}

#[tokio::test]
async fn a_session_ends_with_the_last_connection_of_its_group_which_made_no_call() {
    let proxy = Proxy::new().await;
    let (mut first, mut second) = (proxy.connection(), proxy.connection());
    proxy.bind(&mut first).await;
    first.end(&[]);
    assert_eq!((proxy.ends(), proxy.group.handles().len()), (0, 1));
    second.end(&[Arc::clone(&proxy.group)]);
    assert_eq!((proxy.ends(), proxy.group.handles().len()), (1, 0));
    assert!(proxy.ended_at_server(1).await);
}

#[tokio::test]
async fn a_session_of_a_revoked_account_ends_on_a_connection_that_made_no_call() {
    let proxy = Proxy::new().await;
    let (mut first, mut second) = (proxy.connection(), proxy.connection());
    proxy.bind(&mut first).await;
    first.end(&[]);
    proxy.caller.revoke();
    let mut replies = Vec::new();
    second.revoked(std::slice::from_ref(&proxy.caller), &[Arc::clone(&proxy.group)], &mut replies);
    assert_eq!((proxy.ends(), proxy.group.handles().len()), (1, 0));
    assert!(proxy.ended_at_server(1).await, "the association that was kept for the handle");
}

#[tokio::test]
async fn a_handle_outlives_the_connection_that_opened_it_if_the_others_made_no_call() {
    let proxy = Proxy::new().await;
    let [mut first, mut second, mut third] = [(); 3].map(|()| proxy.connection());
    proxy.bind(&mut first).await;
    first.end(&[]);
    drop(first);
    // The server has time to see the end of a connection.
    sleep(Duration::from_millis(300)).await;
    assert_eq!(proxy.server.ended.load(Ordering::SeqCst), 0);
    for connection in [&mut second, &mut third] {
        proxy.bind(connection).await;
    }
    second.end(&[]);
    third.end(&[]);
    drop((second, third));
    sleep(Duration::from_millis(300)).await;
    assert_eq!(proxy.server.ended.load(Ordering::SeqCst), 0);
    {
        let groups = proxy.server.groups.lock().unwrap();
        assert!(groups.len() == 3 && groups.iter().all(|group| Arc::ptr_eq(group, &groups[0])));
    }
    proxy.connection().end(&[Arc::clone(&proxy.group)]);
    assert!(proxy.ended_at_server(1).await);
}

#[tokio::test]
async fn a_user_with_as_many_connections_to_the_server_as_are_free_is_refused_as_too_busy() {
    let proxy = Proxy::with(net::Gate::with_limit(4)).await;
    let mut alice: Vec<_> = (0..3).map(|_| proxy.connection()).collect();
    for connection in &mut alice[..2] {
        proxy.bind(connection).await;
    }
    let refused = proxy.bound(&mut alice[2], &proxy.caller, &proxy.group).await;
    let RpcReply::Fault { status, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(status, FaultStatus::RPC_S_SERVER_TOO_BUSY);
    // Another user is served.
    let bob = testkit::caller("bob");
    let served = proxy.bound(&mut proxy.connection(), &bob, &Arc::default()).await;
    assert!(matches!(served, RpcReply::Response { .. }), "{served:?}");
    // The connections of a client that has ended are free again.
    for connection in &mut alice[..2] {
        connection.end(&[Arc::clone(&proxy.group)]);
    }
    proxy.bind(&mut alice[2]).await;
}

#[tokio::test]
async fn a_connection_to_the_server_that_is_kept_for_handles_counts_for_its_user() {
    let proxy = Proxy::with(net::Gate::with_limit(2)).await;
    let (mut first, mut second) = (proxy.connection(), proxy.connection());
    proxy.bind(&mut first).await;
    first.end(&[]);
    drop(first);
    let refused = proxy.bound(&mut second, &proxy.caller, &proxy.group).await;
    assert!(matches!(refused, RpcReply::Fault { .. }), "{refused:?}");
}

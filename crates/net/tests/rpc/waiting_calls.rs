//! Calls that wait for an association with the server while their session or account ends.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use engine::{Engine, Envelope, FaultStatus, Interface, SecurityContext};
use net::{
    Call, Group, NoopObserver, RelayConnection, RequestHandler as _, RpcRelay, RpcReply, Service, syntax,
};
use tokio::sync::watch;
use tokio::time::timeout;
use wire::Endian;

use super::LIMIT;
use super::groups::{serve, upstream};

/// Records the operation numbers of calls. `NspiBind` opens a handle, `NspiUnbind` closes it.
#[derive(Default)]
struct Server(Mutex<Vec<u16>>);

impl Service for Server {
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
        self.0.lock().unwrap().push(call.opnum);
        Ok(match call.opnum {
            0 => [&[0; 8][..], &[7; 16], &[0; 4]].concat().into(),
            _ => vec![0; 24].into(),
        })
    }
}

struct Proxy {
    server: Arc<Server>,
    relay: Arc<RpcRelay>,
    caller: SecurityContext,
    group: Arc<Group>,
    _stop: watch::Sender<bool>,
}

impl Proxy {
    async fn new() -> Self {
        let server = Arc::<Server>::default();
        let (address, stop) = serve(&server, Interface::Nspi).await;
        let (engine, observer) = (Arc::new(Engine::default()), Arc::new(NoopObserver));
        let relay = RpcRelay::new("proxy.lab.test", engine, upstream(address), observer);
        Self { server, relay, caller: testkit::caller("alice"), group: Arc::default(), _stop: stop }
    }

    fn connection(&self) -> RelayConnection {
        self.relay.connection(Envelope::RPC_TCP)
    }

    /// Begins a call on `connection`, which is queued if its association is not bound.
    fn begin(&self, connection: &mut RelayConnection, opnum: u16, stub: &[u8]) {
        let call = Call {
            id: 1,
            interface: syntax(Interface::Nspi),
            opnum,
            object: None,
            stub: stub.to_vec().into(),
            endian: Endian::Little,
            context: self.caller.clone(),
            peer: ([127, 0, 0, 1], 1).into(),
            group: Arc::clone(&self.group),
        };
        connection.call(call, &mut Vec::new());
    }

    /// Opens a session on `connection`, and returns its handle.
    async fn bind(&self, connection: &mut RelayConnection) -> Bytes {
        let stat = [&[0; 24][..], &1252_u32.to_le_bytes(), &[9, 4, 0, 0, 9, 4, 0, 0]].concat();
        self.begin(connection, 0, &[&[0; 4][..], &stat, &[0; 4]].concat());
        match reply(connection).await {
            RpcReply::Response { stub, .. } => stub.slice(4..24),
            other @ RpcReply::Fault { .. } => panic!("{other:?}"),
        }
    }

    /// The operation numbers of the calls that the server received.
    fn received(&self) -> Vec<u16> {
        self.server.0.lock().unwrap().clone()
    }
}

/// The reply to the call of `connection`.
async fn reply(connection: &mut RelayConnection) -> RpcReply {
    let mut replies = Vec::new();
    let replied = poll_fn(|task| {
        while connection.poll(task, &mut replies).is_ready() {}
        replies.pop().map_or(Poll::Pending, Poll::Ready)
    });
    timeout(LIMIT, replied).await.unwrap()
}

/// The fault in the reply to the call of `connection`.
async fn fault(connection: &mut RelayConnection) -> FaultStatus {
    match reply(connection).await {
        RpcReply::Fault { status, .. } => status,
        other @ RpcReply::Response { .. } => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_is_not_sent_if_its_session_ends_while_the_association_is_bound() {
    let proxy = Proxy::new().await;
    let [mut first, mut second] = [(); 2].map(|()| proxy.connection());
    let [handle, other] = [proxy.bind(&mut first).await, proxy.bind(&mut first).await];
    // `NspiQueryColumns` on a connection whose association does not exist yet, and `NspiUnbind` on another one.
    proxy.begin(&mut second, 16, &[&handle[..], &[0; 8]].concat());
    proxy.begin(&mut first, 1, &[&handle[..], &[0; 4]].concat());
    assert!(matches!(reply(&mut first).await, RpcReply::Response { .. }));
    assert_eq!(fault(&mut second).await, FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH);
    assert_eq!(proxy.received(), [0, 0, 1]);
    // The association that was opened carries calls of other sessions.
    proxy.begin(&mut second, 16, &[&other[..], &[0; 8]].concat());
    assert!(matches!(reply(&mut second).await, RpcReply::Response { .. }));
    assert_eq!(proxy.received(), [0, 0, 1, 16]);
}

#[tokio::test]
async fn a_call_is_not_sent_if_its_account_is_revoked_while_the_association_is_bound() {
    let proxy = Proxy::new().await;
    let mut connection = proxy.connection();
    proxy.begin(&mut connection, 0, &[0; 44]);
    proxy.caller.revoke();
    assert_eq!(fault(&mut connection).await, FaultStatus::ACCESS_DENIED);
    assert!(proxy.received().is_empty());
}

#[tokio::test]
async fn a_call_that_was_refused_while_it_waited_is_not_sent_later() {
    let mut proxy = Proxy::new().await;
    let mut connection = proxy.connection();
    proxy.begin(&mut connection, 0, &[0; 44]);
    proxy.caller.revoke();
    // The association is not closed, since it carries a call of a later sign-in.
    let revoked = std::mem::replace(&mut proxy.caller, testkit::caller("alice"));
    assert_eq!(revoked.identity(), proxy.caller.identity());
    proxy.begin(&mut connection, 0, &[0; 44]);
    let mut replies = Vec::new();
    connection.revoked(&[revoked], &[], &mut replies);
    assert!(matches!(&*replies, [RpcReply::Fault { status: FaultStatus::ACCESS_DENIED, .. }]), "{replies:?}");
    assert!(matches!(reply(&mut connection).await, RpcReply::Response { .. }));
    assert_eq!(proxy.received(), [0], "only the later one");
}

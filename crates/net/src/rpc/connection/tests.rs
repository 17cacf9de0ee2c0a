//! A client connection over a byte stream that is not TCP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

use bytes::Bytes;
use identity::accounts::Account;
use identity::{AcceptorConfig, Accounts, Authority, ContextCounters, SecurityContext};
use rpc::client::{self, ClientAssociation, ClientConfig};
use rpc::server::{Interface, ServerConfig};
use rpc::{AuthLevel, epm};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::body_budget::BodyBudget;
use crate::noop_observer::NoopObserver;
use crate::rpc::association_group::{Group, Groups};
use crate::rpc::auth::ClientAuth;
use crate::rpc::local_service::{Service, ServiceHandler, Waiting};
use crate::tcp::admission::{Admission, Admitted, Limits};

/// Responds with the stub of the request.
pub(super) struct Echo;

impl Service for Echo {
    fn call(&self, call: &Call) -> Result<Bytes, FaultStatus> {
        Ok(call.stub.clone())
    }
}

#[derive(Debug)]
struct NoAccounts;

impl Accounts for NoAccounts {
    fn find(&self, _domain: &str, _user: &str) -> Option<Account> {
        None
    }
}

pub(crate) fn listener_config() -> Arc<RpcListenerConfig> {
    let limits = Limits::default();
    let interface = Interface { id: epm::INTERFACE, minimum_level: AuthLevel::NONE };
    let auth = ClientAuth::new(AcceptorConfig::new(
        Arc::new(NoAccounts),
        Authority::new("here"),
        ContextCounters::new(),
    ));
    Arc::new(RpcListenerConfig {
        rpc: Arc::new(ServerConfig {
            interfaces: vec![interface],
            auth_types: auth.auth_types(),
            ..ServerConfig::default()
        }),
        groups: Arc::new(Groups::default()),
        auth,
        auth_limiter: Arc::default(),
        bodies: BodyBudget::new(&limits),
        limits,
        observer: Arc::new(NoopObserver),
        log: crate::event_log::EventLog::default(),
        proxy_protocol: Vec::new(),
        loop_marker: None,
        greeting: b"hello",
    })
}

/// Sends what `association` has to send, and reads until it has an event.
pub(super) async fn next_event(
    association: &mut ClientAssociation,
    stream: &mut DuplexStream,
) -> client::Event {
    loop {
        stream.write_all(&association.take_output()).await.unwrap();
        if let Some(event) = association.poll_event() {
            return event;
        }
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await.unwrap();
        assert_ne!(count, 0, "the proxy closed the connection");
        association.receive(&bytes[..count]);
    }
}

/// The client's end of a connection over a pipe of `size` bytes, what stops the proxy when true is sent, and the proxy,
/// which serves the connection with `handler`.
fn connected<H: RequestHandler>(
    size: usize,
    handler: H,
) -> (DuplexStream, watch::Sender<bool>, impl Future<Output = Result<(), RpcConnectionError>>) {
    let (ours, client) = duplex(size);
    let peer: SocketAddr = ([127, 0, 0, 1], 1).into();
    let Admitted { permit, evicted, .. } =
        Admission::new(Limits::default(), Vec::new()).admit(peer.ip()).unwrap();
    let (stop, shutdown) = watch::channel(false);
    let serving = async move {
        let _evicted = evicted;
        serve(listener_config(), ours, (peer, Instant::now()), permit, handler, shutdown).await
    };
    (client, stop, serving)
}

/// A bound association over `stream`, on which the proxy sends its greeting first.
async fn bound(stream: &mut DuplexStream) -> ClientAssociation {
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"hello");
    let mut association = ClientAssociation::new(ClientConfig::default());
    association.bind(&[(0, epm::INTERFACE)], None).unwrap();
    assert!(matches!(next_event(&mut association, stream).await, client::Event::Bound { .. }));
    association
}

/// Responds at once, with as much work as one round permits. Counts the calls, and the contexts that were revoked.
#[derive(Default)]
pub(super) struct Busy {
    calls: Arc<AtomicUsize>,
    pub(super) revoked: Arc<AtomicUsize>,
    work: u64,
}

impl RequestHandler for Busy {
    fn call(&mut self, Call { id, stub, .. }: Call, replies: &mut Vec<RpcReply>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.work = ROUND;
        replies.push(RpcReply::Response { id, stub });
    }

    fn poll(&mut self, _: &mut Context<'_>, _: &mut Vec<RpcReply>) -> Poll<()> {
        Poll::Pending
    }

    fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    fn revoked(&mut self, revoked: &[SecurityContext], _: &[Arc<Group>], _: &mut Vec<RpcReply>) {
        self.revoked.fetch_add(revoked.len(), Ordering::Relaxed);
    }

    fn end(&mut self, _: &[Arc<Group>]) {}
}

#[tokio::test]
async fn calls_that_take_long_to_decode_do_not_delay_other_connections() {
    const CALLS: usize = 10;
    let handler = Busy::default();
    let calls = Arc::clone(&handler.calls);
    let (mut client, _stop, proxy) = connected(100_000, handler);
    let client_side = async {
        let mut association = bound(&mut client).await;
        for _ in 0..CALLS {
            association.call(0, 3, None, Bytes::from_static(&[7; 8])).unwrap();
        }
        client.write_all(&association.take_output()).await.unwrap();
        // This task has a turn after each call.
        let mut before = 0;
        while before < CALLS {
            yield_now().await;
            let now = calls.load(Ordering::Relaxed);
            assert!(now <= before + 1, "{} calls in one round", now - before);
            before = now;
        }
    };
    tokio::select! {
        served = proxy => panic!("{served:?}"),
        () = client_side => {}
    }
}

/// Responds with this many bytes.
struct Long(usize);

impl Service for Long {
    fn call(&self, _: &Call) -> Result<Bytes, FaultStatus> {
        Ok(vec![7; self.0].into())
    }
}

#[tokio::test]
async fn other_connections_are_served_between_the_parts_of_a_long_response() {
    const PARTS: usize = 12;
    // The pipe has room for the whole response.
    let handler = ServiceHandler::new(Arc::new(Long(PARTS * SEALED_AT_ONCE)), None);
    let (mut client, _stop, proxy) = connected(2 * PARTS * SEALED_AT_ONCE, handler);
    let client_side = async {
        let mut association = bound(&mut client).await;
        association.call(0, 3, None, Bytes::from_static(&[7; 8])).unwrap();
        client.write_all(&association.take_output()).await.unwrap();
        let (mut turns, mut bytes) = (0, [0; 4096]);
        let count = loop {
            tokio::select! {
                biased;
                read = client.read(&mut bytes) => break read.unwrap(),
                () = yield_now() => turns += 1,
            }
        };
        // The scheduler may poll the proxy twice between two turns of this task.
        assert!(turns > PARTS / 2, "{turns} turns before the response is encrypted");
        association.receive(&bytes[..count]);
        let client::Event::Response(response) = next_event(&mut association, &mut client).await else {
            panic!("no response")
        };
        assert_eq!(response.stub, vec![7; PARTS * SEALED_AT_ONCE]);
    };
    tokio::select! {
        served = proxy => panic!("{served:?}"),
        () = client_side => {}
    }
}

#[tokio::test]
async fn calls_get_responses_over_a_byte_stream_that_is_not_tcp() {
    // The pipe holds less than a fragment, so that both ends have to wait for room.
    let handler = ServiceHandler::new(Arc::new(Echo), None);
    let (mut client, stop, proxy) = connected(1000, handler);
    let client_side = async {
        let mut association = bound(&mut client).await;
        let stub = Bytes::from(vec![7; 20_000]);
        for _ in 0..2 {
            association.call(0, 3, None, stub.clone()).unwrap();
            let client::Event::Response(response) = next_event(&mut association, &mut client).await else {
                panic!("no response")
            };
            assert_eq!(response.stub, stub);
        }
        stop.send(true).unwrap();
        assert_eq!(next_event(&mut association, &mut client).await, client::Event::Shutdown);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    };
    let (served, ()) = tokio::join!(proxy, client_side);
    served.unwrap();
}

/// Waits in each call until it is given up.
struct Waits(watch::Sender<usize>);

/// Counts the waits in progress.
struct InProgress(watch::Sender<usize>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Service for Waits {
    fn call(&self, _: &Call) -> Result<Bytes, FaultStatus> {
        Ok(Bytes::new())
    }

    fn wait(&self, _: &Call) -> Option<Waiting> {
        self.0.send_modify(|count| *count += 1);
        let wait = InProgress(self.0.clone());
        let result = Box::pin(async move {
            std::future::pending::<()>().await;
            drop(wait);
            Ok(Bytes::new())
        });
        Some(Waiting { result, at_stop: Ok(Bytes::from_static(b"stop")) })
    }
}

#[tokio::test]
async fn a_wait_ends_when_the_client_gives_it_up_and_when_the_server_stops() {
    let (count, mut counted) = watch::channel(0);
    let handler = ServiceHandler::new(Arc::new(Waits(count)), None);
    let (mut client, stop, proxy) = connected(1000, handler);
    let client_side = async {
        let mut association = bound(&mut client).await;
        let given_up = association.call(0, 3, None, Bytes::new()).unwrap();
        association.call(0, 3, None, Bytes::new()).unwrap();
        client.write_all(&association.take_output()).await.unwrap();
        counted.wait_for(|count| *count == 2).await.unwrap();
        assert!(association.orphan(given_up));
        client.write_all(&association.take_output()).await.unwrap();
        counted.wait_for(|count| *count == 1).await.unwrap();
        stop.send(true).unwrap();
        let client::Event::Response(response) = next_event(&mut association, &mut client).await else {
            panic!("no response")
        };
        assert_eq!(response.stub[..], b"stop"[..]);
    };
    let (served, ()) = tokio::join!(proxy, client_side);
    served.unwrap();
}

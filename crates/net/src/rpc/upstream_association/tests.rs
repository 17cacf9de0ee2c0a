//! An association with a scripted server.

use std::future::poll_fn;
use std::sync::Arc;

use engine::{Refusal, RefusalKind};
use rpc::pdu::{Body, Pdu, PfcFlags, Response};
use rpc::server::{GroupTable, Interface, ServerAssociation, ServerConfig};
use rpc::{AuthLevel, epm, server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;
use wire::Encode as _;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);

/// The size of a call that no connection accepts at once.
const FIRST: usize = 16 << 20;

/// A server that accepts binds, and responds to a call only if the test does.
struct Server {
    stream: TcpStream,
    association: ServerAssociation,
}

impl Server {
    /// Reads and sends until there is an event, or something was sent.
    async fn step(&mut self) -> Option<server::Event> {
        loop {
            let event = self.association.poll_event();
            let output = self.association.take_output();
            self.stream.write_all(&output).await.unwrap();
            if event.is_some() || !output.is_empty() {
                return event;
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).await.unwrap();
            assert_ne!(count, 0, "the client closed the connection");
            self.association.receive(&bytes[..count]);
        }
    }
}

/// A bound association, and its server.
async fn bound() -> (UpstreamAssociation, Server) {
    bound_to(ServerConfig::default()).await
}

/// A bound association, and its server, which has this configuration.
async fn bound_to(server_config: ServerConfig) -> (UpstreamAssociation, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let interface = epm::INTERFACE;
    let config = AssociationConfig { interface, account: None, group: 0, bind_id: None, timeout: LIMIT };
    let connect = async move { Ok(Connected::from(TcpStream::connect(address).await.unwrap())) };
    let mut client = UpstreamAssociation::new(config, connect);
    let binding = poll_fn(|task| {
        let _ = client.poll(task, &mut Calls::default(), &mut Vec::new());
        if client.is_bound() { Poll::Ready(()) } else { Poll::Pending }
    });
    let serving = async {
        let interface = Interface { id: interface, minimum_level: AuthLevel::NONE };
        let config = ServerConfig {
            interfaces: vec![interface],
            max_stub: FIRST,
            max_anonymous_stub: FIRST,
            ..server_config
        };
        let association = ServerAssociation::new(Arc::new(config), Arc::new(GroupTable::new()));
        let mut server = Server { stream: listener.accept().await.unwrap().0, association };
        assert_eq!(server.step().await, None, "a bind is no event");
        server
    };
    let ((), server) = timeout(LIMIT, async { tokio::join!(binding, serving) }).await.unwrap();
    (client, server)
}

/// Calls that may be sent, except for some.
#[derive(Default)]
struct Calls {
    /// The size of the first one.
    first: usize,
    taken: Vec<u64>,
    refused: Vec<u64>,
    ended: Vec<u64>,
}

impl WaitingCalls for Calls {
    fn take_to_send(&mut self, tag: u64) -> Option<Result<UpstreamCall, Refusal>> {
        self.taken.push(tag);
        if self.refused.contains(&tag) {
            return Some(Err(Refusal::new(RefusalKind::NoSession, "ended")));
        }
        let stub = if tag == 0 { vec![0; self.first].into() } else { Bytes::from_static(b"stub") };
        (!self.ended.contains(&tag)).then_some(Ok(UpstreamCall { opnum: 3, object: None, stub }))
    }
}

#[tokio::test]
async fn a_call_is_sent_before_the_next_poll() {
    let (mut client, mut server) = bound().await;
    let mut ends = Vec::new();
    client.call(1, &mut Calls::default(), &mut ends);
    let event = timeout(LIMIT, server.step()).await.unwrap();
    assert!(matches!(event, Some(server::Event::Request(request)) if *request.stub == *b"stub"));
    assert!(ends.is_empty());
}

#[tokio::test]
async fn a_call_is_taken_when_those_before_it_are_written_and_not_sent_if_it_has_ended_by_then() {
    let (mut client, mut server) = bound().await;
    let (mut calls, mut ends) = (Calls { first: FIRST, ..Calls::default() }, Vec::new());
    // The server does not read, so that the first call fills the connection.
    for tag in 0..4 {
        client.call(tag, &mut calls, &mut ends);
    }
    assert_eq!(calls.taken, [0]);
    calls.refused.push(1);
    calls.ended.push(2);
    let sending = poll_fn(|task| {
        let _ = client.poll(task, &mut calls, &mut ends);
        if calls.taken.len() < 4 { Poll::Pending } else { Poll::Ready(()) }
    });
    let serving = async {
        let mut received = Vec::new();
        while received.len() < 2 {
            if let Some(server::Event::Request(request)) = server.step().await {
                received.push(request.stub.len());
            }
        }
        received
    };
    let ((), received) = timeout(LIMIT, async { tokio::join!(sending, serving) }).await.unwrap();
    assert_eq!((&*calls.taken, &*received), (&[0, 1, 2, 3][..], &[FIRST, 4][..]));
    assert!(matches!(&*ends, [UpstreamCallResult::Refused { tag: 1, .. }]), "{ends:?}");
}

#[tokio::test]
async fn without_multiplexing_a_call_is_taken_after_the_response_to_the_one_before_it() {
    let (mut client, mut server) =
        bound_to(ServerConfig { multiplexing: false, ..ServerConfig::default() }).await;
    let (mut calls, mut ends) = (Calls::default(), Vec::new());
    for tag in 1..5 {
        client.call(tag, &mut calls, &mut ends);
    }
    let event = timeout(LIMIT, server.step()).await.unwrap();
    let Some(server::Event::Request(first)) = event else { panic!("{event:?}") };
    assert_eq!(calls.taken, [1]);
    calls.refused.push(2);
    calls.ended.push(3);
    server.association.respond(first.call_id, b"").unwrap();
    assert_eq!(server.step().await, None, "the response was sent");
    let sending = poll_fn(|task| {
        let _ = client.poll(task, &mut calls, &mut ends);
        if calls.taken.len() < 4 { Poll::Pending } else { Poll::Ready(()) }
    });
    let ((), received) = timeout(LIMIT, async { tokio::join!(sending, server.step()) }).await.unwrap();
    assert!(matches!(received, Some(server::Event::Request(_))), "{received:?}");
    assert_eq!(calls.taken, [1, 2, 3, 4]);
    assert!(
        matches!(
            &*ends,
            [UpstreamCallResult::Response { tag: 1, .. }, UpstreamCallResult::Refused { tag: 2, .. }]
        ),
        "{ends:?}"
    );
}

#[tokio::test]
async fn a_call_that_cannot_be_sent_fails_with_the_calls_before_it() {
    let (mut client, _server) = bound().await;
    let mut ends = Vec::new();
    let most = u64::try_from(ClientConfig::default().max_calls).unwrap();
    for tag in 0..most {
        client.call(tag, &mut Calls::default(), &mut ends);
        assert!(ends.is_empty());
    }
    client.call(most, &mut Calls::default(), &mut ends);
    let mut failed: Vec<u64> = ends
        .iter()
        .map(|end| match end {
            UpstreamCallResult::Failed { tag, .. } => *tag,
            end => panic!("{end:?}"),
        })
        .collect();
    failed.sort_unstable();
    assert_eq!(failed, (0..=most).collect::<Vec<_>>());
    assert!(client.is_idle() && !client.is_usable());
}

#[tokio::test]
async fn fragments_of_a_response_are_processed_in_rounds() {
    let (mut client, mut server) = bound().await;
    let mut ends = Vec::new();
    client.call(1, &mut Calls::default(), &mut ends);
    let event = timeout(LIMIT, server.step()).await.unwrap();
    let Some(server::Event::Request(request)) = event else { panic!("{event:?}") };
    let fragment = |flags| {
        let response = Response { alloc_hint: 0, context_id: 0, cancel_count: 0, reserved: 0, stub: b"x" };
        let mut pdu = Pdu::new(request.call_id, Body::Response(response));
        pdu.header.flags = flags;
        pdu.to_bytes().unwrap()
    };
    let fragments =
        [fragment(PfcFlags::FIRST_FRAG), fragment(PfcFlags::NONE).repeat(198), fragment(PfcFlags::LAST_FRAG)];
    server.stream.write_all(&fragments.concat()).await.unwrap();
    let (mut rounds, mut before) = (0, client.association.processed());
    let response = poll_fn(|task| {
        let polled = client.poll(task, &mut Calls::default(), &mut ends);
        let processed = client.association.processed();
        assert!(processed - before <= ROUND, "{processed} {before}");
        (before, rounds) = (processed, rounds + 1);
        polled
    });
    timeout(LIMIT, response).await.unwrap();
    assert!(rounds >= 200_u64.div_ceil(ROUND), "{rounds}");
    let [UpstreamCallResult::Response { stub, .. }] = &*ends else { panic!("{ends:?}") };
    assert_eq!(stub.len(), 200);
}

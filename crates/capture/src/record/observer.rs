//! The observer that queues finished calls for the recording thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bytes::Bytes;
use engine::{
    Body, Discovery, Finished, HttpMessageKind, HttpMessages, Observer, OperationKey, RefusedOperation,
    Reply, SecurityContext,
};
use identity::UserKey;
use rpc::SyntaxId;
use wire::Endian;

use super::queue::{CallQueue, Recorded};
use super::{http_view, redact};
use crate::call::{Call, CallBody, RpcCall, RpcOutcome, SealedReason, Stub};
use crate::time::Timestamp;

/// The parts of operations that are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recording {
    /// Whether the requests of clients, and the responses to them, are recorded.
    pub client_side: bool,
    /// Whether the requests to the server, and its responses, are recorded.
    pub upstream_side: bool,
    /// Whether passwords, tokens and cookies are recorded.
    pub secrets: bool,
}

/// Queues finished calls for the recording thread. It never waits for that thread: if the queue is full, or the user
/// has more in it than is free, calls are dropped and counted.
#[derive(Debug)]
pub struct Recorder {
    recording: Recording,
    clock: fn() -> Timestamp,
    queue: CallQueue,
    lost: AtomicU64,
    /// The number of the next connection for a request of Autodiscover.
    discoveries: AtomicU64,
}

/// The first of these numbers, which is beyond those of sessions.
const DISCOVERIES: u64 = 1 << 63;

impl Recorder {
    /// Creates a recorder that reads the time from `clock`, and the receiver of its calls.
    pub fn new(recording: Recording, clock: fn() -> Timestamp) -> (Arc<Self>, Receiver<Recorded>) {
        let (queue, receiver) = CallQueue::new();
        (
            Arc::new(Self {
                recording,
                clock,
                queue,
                lost: AtomicU64::new(0),
                discoveries: AtomicU64::new(DISCOVERIES),
            }),
            receiver,
        )
    }

    /// The number of calls dropped since the last call of this method.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Records a call of `user`.
    fn record(&self, user: &UserKey, mut call: Call) {
        if !self.recording.secrets {
            redact(&mut call);
        }
        if !self.queue.push(user, call) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Queues the end of the recording.
    pub fn end(&self) {
        self.queue.end();
    }

    fn take(&self, finished: &Finished, elapsed: Duration, exchange: Option<&dyn HttpMessages>) {
        let flight = finished.flight();
        let operation = &flight.operation;
        let request = &operation.request;
        if self.recording.client_side {
            let asked = little(operation.key(), request.original().clone(), request.original_endian());
            let answer = match finished.reply() {
                Reply::Response(stub) => RpcOutcome::Response(Stub::Plain(stub.clone(), Endian::Little)),
                reply => reply.fault().map_or(RpcOutcome::None, RpcOutcome::Fault),
            };
            self.side(finished, elapsed, "client", (asked, answer), exchange);
        }
        if !self.recording.upstream_side {
            return;
        }
        let answer = match &operation.response {
            Some(response) => {
                let (answer, order) = (response.original().clone(), response.original_endian());
                RpcOutcome::Response(match order {
                    Endian::Little => Stub::Plain(answer, order),
                    Endian::Big => re_encoded::<engine::Response>(operation.key(), &answer),
                })
            }
            // The request was sent to the server, which refused it or did not respond.
            None if exchange.is_some_and(|exchange| {
                exchange.fields(HttpMessageKind::UpstreamRequest, &mut |_, _| ())
            }) =>
            {
                RpcOutcome::None
            }
            None => return,
        };
        if let Ok((asked, endian)) = request.outgoing() {
            self.side(
                finished,
                elapsed,
                "upstream",
                (little(operation.key(), asked, endian), answer),
                exchange,
            );
        }
    }

    fn side(
        &self,
        finished: &Finished,
        elapsed: Duration,
        side: &str,
        (request, answer): (Stub, RpcOutcome),
        exchange: Option<&dyn HttpMessages>,
    ) {
        let flight = finished.flight();
        let operation = &flight.operation;
        let asked = Timestamp((self.clock)().0.saturating_sub(nanoseconds(elapsed)));
        let upstream = side == "upstream";
        let body = match operation.key() {
            OperationKey::Call(interface, opnum) => {
                let (major, minor) = interface.version();
                CallBody::Rpc(RpcCall {
                    envelope: operation.envelope().into(),
                    interface: Some(SyntaxId { uuid: interface.uuid(), major, minor }),
                    opnum,
                    request,
                    outcome: answer,
                })
            }
            OperationKey::Http(endpoint, kind) => CallBody::Http(http_view::call(
                (endpoint, kind),
                upstream,
                (request, answer),
                finished.reply().response_code(),
                exchange,
            )),
        };
        self.record(
            operation.context().identity().user(),
            Call {
                time: asked,
                elapsed: Some(elapsed),
                connection: flight.session_id(),
                user: Some(operation.context().principal().to_string().into()),
                side: Some(side.into()),
                client: Some(operation.peer()).filter(|_| !upstream),
                server: None,
                body,
            },
        );
    }
}

/// Converts a request to little-endian, the only byte order that is written.
fn little(key: OperationKey, stub: Bytes, endian: Endian) -> Stub {
    match endian {
        Endian::Little => Stub::Plain(stub, endian),
        Endian::Big => re_encoded::<engine::Request>(key, &stub),
    }
}

fn re_encoded<B: Body<Key = OperationKey>>(key: OperationKey, stub: &[u8]) -> Stub {
    match B::decode(key, stub, Endian::Big).and_then(|(body, _)| body.encode()) {
        Ok(bytes) => Stub::Plain(bytes.into(), Endian::Little),
        Err(_) => Stub::Sealed(stub.len(), SealedReason::ByteOrder),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Observer for Recorder {
    fn authenticated(&self, _context: &SecurityContext, _peer: SocketAddr) {}

    fn client_refused(&self, _peer: SocketAddr, _why: &str) {}

    fn operation_refused(&self, _call: &RefusedOperation<'_>) {}

    fn finished(&self, finished: &Finished, elapsed: Duration) {
        self.take(finished, elapsed, None);
    }

    fn finished_over_http(&self, finished: &Finished, elapsed: Duration, exchange: &dyn HttpMessages) {
        self.take(finished, elapsed, Some(exchange));
    }

    fn autodiscover_finished(&self, discovery: &Discovery<'_>) {
        let Discovery { context, peer, elapsed, .. } = *discovery;
        // It belongs to no session: each is recorded as a separate connection.
        let connection = self.discoveries.fetch_add(1, Ordering::Relaxed);
        for (wanted, side) in
            [(self.recording.client_side, "client"), (self.recording.upstream_side, "upstream")]
        {
            let upstream = side == "upstream";
            let Some(http) = http_view::discovery(discovery, upstream).filter(|_| wanted) else { continue };
            self.record(
                context.identity().user(),
                Call {
                    time: Timestamp((self.clock)().0.saturating_sub(nanoseconds(elapsed))),
                    elapsed: Some(elapsed),
                    connection,
                    user: (!context.is_anonymous()).then(|| context.principal().to_string().into()),
                    side: Some(side.into()),
                    client: Some(peer).filter(|_| !upstream),
                    server: None,
                    body: CallBody::Http(http),
                },
            );
        }
    }
}

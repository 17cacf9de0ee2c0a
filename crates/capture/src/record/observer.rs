use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use engine::{Body, Flight, Next, Observer, OperationKey, SecurityContext, TurnedAway};
use mapi::http::{Endpoint, RequestType, headers};
use rpc::SyntaxId;
use wire::Endian;

use super::redact;
use crate::call::{Call, CallBody, Envelope, HttpCall, HttpMessage, HttpResponse, RpcAnswer, RpcCall, Stub};
use crate::time::Timestamp;

/// How many calls may wait to be written before more are lost.
const WAITING: usize = 1024;

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recording {
    /// What clients ask and get.
    pub client_side: bool,
    /// What the server is asked and answers.
    pub upstream_side: bool,
    /// Passwords, tokens and cookies too.
    pub secrets: bool,
}

/// Hands calls that pass to whoever writes them down. It never waits: where the writer is slow, calls are lost, and
/// counted.
#[derive(Debug)]
pub struct Recorder {
    recording: Recording,
    clock: fn() -> Timestamp,
    calls: SyncSender<Box<Call>>,
    lost: AtomicU64,
}

impl Recorder {
    /// A recorder that has the time from `clock`, and the end from which its calls are read.
    pub fn new(recording: Recording, clock: fn() -> Timestamp) -> (Arc<Self>, Receiver<Box<Call>>) {
        let (calls, receiver) = sync_channel(WAITING);
        (Arc::new(Self { recording, clock, calls, lost: AtomicU64::new(0) }), receiver)
    }

    /// How many calls were lost since this was asked last.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Records a call.
    pub fn record(&self, mut call: Call) {
        if !self.recording.secrets {
            redact(&mut call);
        }
        if self.calls.try_send(Box::new(call)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn side(&self, flight: &Flight, elapsed: Duration, side: &str, request: Stub, answer: RpcAnswer) {
        let operation = &flight.operation;
        let asked = Timestamp((self.clock)().0.saturating_sub(nanoseconds(elapsed)));
        let upstream = side == "upstream";
        let body = match operation.key() {
            OperationKey::Call(interface, opnum) => {
                let (major, minor) = interface.version();
                CallBody::Rpc(RpcCall {
                    envelope: Envelope::RpcTcp,
                    interface: Some(SyntaxId { uuid: interface.uuid(), major, minor }),
                    opnum,
                    request,
                    answer,
                })
            }
            OperationKey::Http(endpoint, kind) => CallBody::Http(http_call(endpoint, kind, request, answer)),
        };
        self.record(Call {
            time: asked,
            elapsed: Some(elapsed),
            connection: flight.session_id(),
            user: Some(operation.context().principal().to_string().into()),
            side: Some(side.into()),
            client: Some(operation.peer()).filter(|_| !upstream),
            server: None,
            body,
        });
    }
}

/// A request of MAPI over HTTP as plain HTTP: with the fields that say what it is.
fn http_call(endpoint: Endpoint, kind: RequestType, request: Stub, answer: RpcAnswer) -> HttpCall {
    let bytes = |stub| match stub {
        Stub::Plain(bytes, _) => bytes,
        Stub::Sealed(..) => Bytes::new(),
    };
    let fields = |more: Option<(&str, String)>| {
        let known = [("Content-Type", "application/mapi-http"), (headers::X_REQUEST_TYPE, kind.name())];
        let known = known.map(|(name, value)| (name.to_owned(), value.to_owned()));
        known.into_iter().chain(more.map(|(name, value)| (name.to_owned(), value))).collect::<Vec<_>>()
    };
    let response = match answer {
        RpcAnswer::Response(stub) => {
            let body = [META_TAGS, &bytes(stub)].concat();
            let fields = fields(Some((headers::X_RESPONSE_CODE, "0".to_owned())));
            let message = HttpMessage { fields, body: body.into(), missing: 0 };
            Some(HttpResponse { status: 200, reason: "OK".to_owned(), message })
        }
        RpcAnswer::Fault(status) => {
            let mut fields = fields(Some(("X-Fault", format!("{status:?}"))));
            fields.retain(|(name, _)| name != "Content-Type");
            let message = HttpMessage { fields, body: Bytes::new(), missing: 0 };
            Some(HttpResponse { status: 500, reason: "Refused".to_owned(), message })
        }
        RpcAnswer::None => None,
    };
    let request = HttpMessage { fields: fields(None), body: bytes(request), missing: 0 };
    HttpCall { method: "POST".to_owned(), target: format!("{}/", endpoint.path()), request, response }
}

/// What stands before the payload of an answer.
const META_TAGS: &[u8] = b"PROCESSING\r\nDONE\r\n\r\n";

/// A request in little-endian, the only byte order that is written.
fn little(key: OperationKey, stub: Bytes, endian: Endian) -> Stub {
    match endian {
        Endian::Little => Stub::Plain(stub, endian),
        Endian::Big => re_encoded::<engine::Request>(key, &stub),
    }
}

fn re_encoded<B: Body<Key = OperationKey>>(key: OperationKey, stub: &[u8]) -> Stub {
    match B::decode(key, stub, Endian::Big).and_then(|(body, _)| body.encode()) {
        Ok(bytes) => Stub::Plain(bytes.into(), Endian::Little),
        Err(_) => Stub::Sealed(stub.len(), "its byte order can't be turned"),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Observer for Recorder {
    fn signed_in(&self, _context: &SecurityContext, _peer: SocketAddr) {}

    fn refused(&self, _peer: SocketAddr, _why: &str) {}

    fn turned_away(&self, _call: &TurnedAway<'_>) {}

    fn finished(&self, flight: &Flight, next: &Next, elapsed: Duration) {
        let operation = &flight.operation;
        if self.recording.client_side {
            let request = &operation.request;
            let asked = little(operation.key(), request.original().clone(), request.original_endian());
            let answer = match next {
                Next::Reply { stub } => RpcAnswer::Response(Stub::Plain(stub.clone(), Endian::Little)),
                Next::Fault { status, .. } => RpcAnswer::Fault(*status),
                Next::Relay { .. } => RpcAnswer::None,
            };
            self.side(flight, elapsed, "client", asked, answer);
        }
        if self.recording.upstream_side
            && let Some(response) = &operation.response
            && let Ok((asked, endian)) = operation.request.leaving()
        {
            let (answer, order) = (response.original().clone(), response.original_endian());
            let answer = match order {
                Endian::Little => Stub::Plain(answer, order),
                Endian::Big => re_encoded::<engine::Response>(operation.key(), &answer),
            };
            let asked = little(operation.key(), asked, endian);
            self.side(flight, elapsed, "upstream", asked, RpcAnswer::Response(answer));
        }
    }
}

//! An operation as modules see it: request, response, and origin.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::Interface;
use mapi::compress::Limits;
use wire::{Endian, FileTime, Now};

use crate::ahead::AheadResponse;
use crate::body::{OperationKey, Request, Response};
use crate::kind::OperationKind;
use crate::message::Message;
use crate::rops::exchange::OperationRops;
use crate::rops::payload;
use crate::work::{LONG_MESSAGE, Work};

/// The envelope: the protocol that carries an operation. Framing, authentication, session lookup and the form of a
/// refusal depend on it; hooks of modules do not. Envelopes are compared by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Envelope(&'static str);

impl Envelope {
    /// DCE/RPC over TCP.
    pub const RPC_TCP: Self = Self("ncacn_ip_tcp");
    /// DCE/RPC over HTTP version 1 ([MS-RPCH]), from an RPC proxy between the clients and this one.
    pub const RPC_HTTP: Self = Self("ncacn_http");
    /// MAPI over HTTP.
    pub const MAPI_HTTP: Self = Self("mapi_http");

    /// The envelope with this short name. One that carries DCE/RPC has the name of its protocol sequence
    /// ([MS-RPCE] 2.1).
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name of the protocol: the RPC protocol sequence, or `mapi_http`.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// A module's report of what it did to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The name of the module.
    pub module: &'static str,
    /// What it did, in a few words.
    pub text: Cow<'static, str>,
}

/// One protocol call: its request, and later its response, whatever its envelope.
#[derive(Debug)]
pub struct Operation {
    id: u64,
    key: OperationKey,
    envelope: Envelope,
    context: SecurityContext,
    peer: SocketAddr,
    at: Now,
    /// The request.
    pub request: Message<Request>,
    /// The response, once there is one.
    pub response: Option<Message<Response>>,
    /// The responses to the requests that the module whose `dispatch` is being called sent ahead, oldest first.
    pub ahead: Vec<AheadResponse>,
    /// The decoded ROPs, if the operation carries any.
    pub(crate) rops: Option<OperationRops>,
    /// What was decoded of ROPs, in both directions.
    pub(crate) rop_work: Work,
    /// The units of decoding that [`Operation::take_work`] has returned.
    taken_work: u32,
    /// The errors of a ROP buffer that cannot be decoded at all: of the request, and of the response.
    pub(crate) undecoded: [Option<wire::Error>; 2],
    notes: Vec<Note>,
}

/// A request as it is received, to begin an operation with.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The protocol that carries the request.
    pub envelope: Envelope,
    /// Identifies the operation.
    pub key: OperationKey,
    /// The stub of the call, or the payload of the request's body; decrypted.
    pub stub: Bytes,
    /// The byte order of the stub.
    pub endian: Endian,
    /// The caller's security context.
    pub context: SecurityContext,
    /// The address of the client.
    pub peer: SocketAddr,
    /// When the request was received.
    pub at: Now,
}

impl Operation {
    pub(crate) fn new(id: u64, incoming: Incoming) -> Self {
        let key = incoming.key;
        Self {
            id,
            key,
            envelope: incoming.envelope,
            context: incoming.context,
            peer: incoming.peer,
            at: incoming.at,
            request: Message::new(key, incoming.stub, incoming.endian),
            response: None,
            ahead: Vec::new(),
            rops: None,
            rop_work: Work::NONE,
            taken_work: 0,
            undecoded: [None, None],
            notes: Vec::new(),
        }
    }

    /// A number that no other operation or session of the engine has.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The RPC interface of the operation. Over HTTP, the interface with the corresponding operations.
    pub const fn interface(&self) -> Interface {
        self.key.interface()
    }

    /// The operation number of the RPC call, or over HTTP of the corresponding call; 65535 if there is no such call.
    pub const fn opnum(&self) -> u16 {
        match self.key.call() {
            Some((_, opnum)) => opnum,
            None => u16::MAX,
        }
    }

    /// The kind of the operation, independent of the envelope.
    pub const fn kind(&self) -> OperationKind {
        OperationKind::of(self.key)
    }

    /// Identifies the operation within its envelope.
    pub const fn key(&self) -> OperationKey {
        self.key
    }

    /// The name of the operation, such as `nspi.QueryRows`.
    pub fn name(&self) -> &'static str {
        self.key.name()
    }

    /// The protocol that carries the operation.
    pub const fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// The caller's security context.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }

    /// The address of the client.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// When the request was received, by the wall clock.
    pub const fn at(&self) -> FileTime {
        self.at.wall
    }

    /// When the request was received, by the monotonic clock.
    pub(crate) const fn received(&self) -> Duration {
        self.at.monotonic
    }

    /// The ROPs and the responses to them, if the operation carries ROPs that were decoded.
    pub const fn rops(&self) -> Option<&OperationRops> {
        self.rops.as_ref()
    }

    /// The operation without what was decoded of it or noted: another value with the same number. It takes the place of
    /// an operation that a thread of the pool has.
    pub(crate) fn outline(&self) -> Self {
        let Self { id, key, envelope, peer, at, .. } = *self;
        let (stub, endian) = (self.request.original().clone(), self.request.original_endian());
        let incoming = Incoming { envelope, key, stub, endian, context: self.context.clone(), peer, at };
        Self { response: self.response.as_ref().map(Message::as_received), ..Self::new(id, incoming) }
    }

    /// How many bytes the responses have, which modules will see, that are so long that decoding them takes several
    /// milliseconds. 0 if no response is that long.
    pub(crate) fn long_message_bytes(&mut self) -> usize {
        let ahead = self.ahead.iter_mut().map(|ahead| match ahead {
            AheadResponse::Response(response) => long_bytes(response),
            AheadResponse::Refused(_) => 0,
        });
        ahead.fold(self.response.as_mut().map_or(0, long_bytes), usize::saturating_add)
    }

    /// Drops what was decoded of the response, which is not decoded again.
    pub(crate) fn drop_response_view(&mut self) {
        if let Some(response) = &mut self.response {
            response.drop_body();
        }
    }

    /// The units of decoding since the last call, each about 70 nanoseconds of processor time, with the modules' part.
    pub(crate) fn take_work(&mut self) -> u32 {
        let response = self.response.as_ref().map_or(0, |response| response.work().units);
        let units = self.request.work().units.saturating_add(self.rop_work.units).saturating_add(response);
        units.saturating_sub(std::mem::replace(&mut self.taken_work, units))
    }

    /// An upper bound on the memory of what was decoded, in bytes.
    pub(crate) fn decoded_bytes(&self) -> usize {
        let response = self.response.as_ref().map_or(0, Message::decoded_bytes);
        let rops = self.rops.as_ref().map_or(0, OperationRops::bytes);
        let ahead = self.ahead.iter().map(AheadResponse::decoded_bytes).fold(0, usize::saturating_add);
        self.request.decoded_bytes().saturating_add(response).saturating_add(rops).saturating_add(ahead)
    }

    /// The errors of ROPs that could not be decoded, and were forwarded as bytes: each with `request` or `response`.
    pub fn undecoded(&self) -> impl Iterator<Item = (&'static str, &wire::Error)> {
        let [request, response] = &self.undecoded;
        let exchange = self.rops.as_ref();
        let request = request.as_ref().or_else(|| exchange?.batch().error());
        let response = response.as_ref().or_else(|| exchange?.responses()?.error());
        request.map(|error| ("request", error)).into_iter().chain(response.map(|error| ("response", error)))
    }

    /// Adds a note of what `module` did to the operation, for the observer.
    pub fn note(&mut self, module: &'static str, text: impl Into<Cow<'static, str>>) {
        self.notes.push(Note { module, text: text.into() });
    }

    /// The notes that modules added.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

/// How many bytes `response` has if it is longer than [`LONG_MESSAGE`], else 0. For ROPs, which count by their size
/// after decompression, that is the largest size that is decoded.
fn long_bytes(response: &mut Message<Response>) -> usize {
    let (key, bytes) = (response.key(), response.original().len());
    if payload::carries_rops(key) {
        let is_long = bytes > LONG_MESSAGE
            || response.view().is_ok_and(|response| payload::is_response_longer(response, LONG_MESSAGE));
        if is_long { bytes.max(Limits::default().payload) } else { 0 }
    } else if bytes > LONG_MESSAGE {
        bytes
    } else {
        0
    }
}

//! An operation: one call of a client, as modules see it, with what is known of where it came from.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::Interface;
use wire::{Endian, FileTime};

use crate::ahead::AheadResponse;
use crate::body::{OperationKey, Request, Response};
use crate::kind::OperationKind;
use crate::message::Message;
use crate::rops::exchange::OperationRops;

/// The envelope: the protocol that carries an operation. Framing, authentication, session lookup and the form of a
/// refusal depend on it; hooks of modules do not. Envelopes are compared by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Envelope(&'static str);

impl Envelope {
    /// DCE/RPC over TCP.
    pub const RPC_TCP: Self = Self("ncacn_ip_tcp");
    /// DCE/RPC over HTTP version 1, from an RPC proxy in front of this one.
    pub const RPC_HTTP: Self = Self("ncacn_http");
    /// MAPI over HTTP.
    pub const MAPI_HTTP: Self = Self("mapi_http");

    /// The envelope with this short name. One that carries DCE/RPC has the name of its protocol sequence
    /// ([MS-RPCE] 2.1).
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its short name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// What a module says that it did to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The module.
    pub module: &'static str,
    /// What it did, in few words.
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
    at: FileTime,
    /// The request.
    pub request: Message<Request>,
    /// The response, once there is one.
    pub response: Option<Message<Response>>,
    /// The responses to what the module that decides now sent ahead, oldest first.
    pub ahead: Vec<AheadResponse>,
    /// Its ROPs, if it carries any.
    pub(crate) rops: Option<OperationRops>,
    /// Why none of the ROPs of the request can be decoded, and why none of the response's.
    pub(crate) undecoded: [Option<wire::Error>; 2],
    notes: Vec<Note>,
}

/// An operation as it arrives.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The protocol that carries it.
    pub envelope: Envelope,
    /// Which operation it is.
    pub key: OperationKey,
    /// Its request, decrypted.
    pub stub: Bytes,
    /// The byte order of the request.
    pub endian: Endian,
    /// The caller's security context.
    pub context: SecurityContext,
    /// The address of the client.
    pub peer: SocketAddr,
    /// When it was received.
    pub at: FileTime,
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
            undecoded: [None, None],
            notes: Vec::new(),
        }
    }

    /// A number that no other operation of this process has.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The interface that it is for.
    pub const fn interface(&self) -> Interface {
        self.key.interface()
    }

    /// The number of the RPC call that it is, or that does the same; 65535 if no call does.
    pub const fn opnum(&self) -> u16 {
        match self.key.call() {
            Some((_, opnum)) => opnum,
            None => u16::MAX,
        }
    }

    /// What it does, whatever envelope carries it.
    pub const fn kind(&self) -> OperationKind {
        OperationKind::of(self.key)
    }

    /// Which operation it is, in which envelope.
    pub const fn key(&self) -> OperationKey {
        self.key
    }

    /// Its name, as `nspi.QueryRows`.
    pub fn name(&self) -> &'static str {
        self.key.name()
    }

    /// The protocol that carries it.
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

    /// When it was received.
    pub const fn at(&self) -> FileTime {
        self.at
    }

    /// Its ROPs and the responses to them, if it carries any that were decoded.
    pub const fn rops(&self) -> Option<&OperationRops> {
        self.rops.as_ref()
    }

    /// What cannot be decoded of its ROPs and of the responses to them, which are forwarded as bytes.
    pub fn undecoded(&self) -> impl Iterator<Item = (&'static str, &wire::Error)> {
        let [request, response] = &self.undecoded;
        let exchange = self.rops.as_ref();
        let request = request.as_ref().or_else(|| exchange?.batch().error());
        let response = response.as_ref().or_else(|| exchange?.responses()?.error());
        request.map(|error| ("request", error)).into_iter().chain(response.map(|error| ("response", error)))
    }

    /// Adds a note of what the module `module` did to it, for the observer.
    pub fn note(&mut self, module: &'static str, text: impl Into<Cow<'static, str>>) {
        self.notes.push(Note { module, text: text.into() });
    }

    /// The notes of modules.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

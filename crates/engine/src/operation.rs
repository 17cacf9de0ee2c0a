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

/// What an operation travelled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Envelope {
    /// DCE/RPC over TCP.
    RpcTcp,
    /// DCE/RPC over HTTP, which ended at a proxy before us.
    RpcHttp,
    /// MAPI over HTTP.
    MapiHttp,
}

impl Envelope {
    /// Its short name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RpcTcp => "ncacn_ip_tcp",
            Self::RpcHttp => "ncacn_http",
            Self::MapiHttp => "mapi_http",
        }
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

/// One protocol call: its request, and later its response, whatever carried it.
#[derive(Debug)]
pub struct Operation {
    id: u64,
    key: OperationKey,
    envelope: Envelope,
    context: SecurityContext,
    peer: SocketAddr,
    at: FileTime,
    /// What the client asks.
    pub request: Message<Request>,
    /// What it is answered; none before there is an answer.
    pub response: Option<Message<Response>>,
    /// The responses to what the module that decides now sent ahead, oldest first.
    pub ahead: Vec<AheadResponse>,
    /// Its ROPs, where it carries some.
    pub(crate) rops: Option<OperationRops>,
    /// Why nothing of the ROPs asked for can be read, and why nothing of their answers, where that is so.
    pub(crate) unread: [Option<wire::Error>; 2],
    notes: Vec<Note>,
}

/// An operation as it arrives.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// What it travelled in.
    pub envelope: Envelope,
    /// Which operation it is.
    pub key: OperationKey,
    /// Its request, unsealed.
    pub stub: Bytes,
    /// The byte order of the request.
    pub endian: Endian,
    /// Who asks.
    pub context: SecurityContext,
    /// Where the client connects from.
    pub peer: SocketAddr,
    /// When it arrived.
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
            unread: [None, None],
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

    /// The number of the remote call that it is, or that does the same; 65535 where there is none.
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

    /// What it travelled in.
    pub const fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// Who asks.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }

    /// Where the client connects from.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// When it arrived.
    pub const fn at(&self) -> FileTime {
        self.at
    }

    /// Its ROPs and what they were answered, where it carries some that were decoded.
    pub const fn rops(&self) -> Option<&OperationRops> {
        self.rops.as_ref()
    }

    /// Why ROPs that it carries, or answers to them, pass as bytes: what can't be decoded of each.
    pub fn opaque(&self) -> impl Iterator<Item = (&'static str, &wire::Error)> {
        let [request, response] = &self.unread;
        let exchange = self.rops.as_ref();
        let request = request.as_ref().or_else(|| exchange?.batch().error());
        let response = response.as_ref().or_else(|| exchange?.answers()?.error());
        request.map(|error| ("request", error)).into_iter().chain(response.map(|error| ("answer", error)))
    }

    /// Adds a note of what the module `module` did to it, for the observer.
    pub fn note(&mut self, module: &'static str, text: impl Into<Cow<'static, str>>) {
        self.notes.push(Note { module, text: text.into() });
    }

    /// What modules said that they did to it.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

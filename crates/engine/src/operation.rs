//! An operation: envelope, request, response and notes.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::mapihttp::{self as http, Endpoint, RequestType};
use mapi::{ErrorCode, Interface, emsmdb, nspi, rfr};
use wire::{Endian, FileTime, Reader, Result};

use crate::message::{Body, Message};
use crate::rops::RopExchange;

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

/// Which operation it is, in which form: what its body is decoded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKey {
    /// A remote call: its interface, and its number there.
    Call(Interface, u16),
    /// A request of MAPI over HTTP.
    Http(Endpoint, RequestType),
}

impl OperationKey {
    /// The interface that it is for; of a request over HTTP, the one that has the same operations.
    pub const fn interface(self) -> Interface {
        match self {
            Self::Call(interface, _) => interface,
            Self::Http(endpoint, _) => endpoint.interface(),
        }
    }

    /// The remote call that it is, or that does the same; none where there is none.
    pub const fn call(self) -> Option<(Interface, u16)> {
        match self {
            Self::Call(interface, opnum) => Some((interface, opnum)),
            Self::Http(_, request_type) => request_type.remote_call(),
        }
    }

    /// Its name, as `nspi.QueryRows`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Call(interface, opnum) => interface.operation(opnum),
            Self::Http(endpoint, request_type) => endpoint.operation(request_type),
        }
        .unwrap_or("unknown")
    }
}

impl From<(Interface, u16)> for OperationKey {
    fn from((interface, opnum): (Interface, u16)) -> Self {
        Self::Call(interface, opnum)
    }
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Of the referral service.
    Rfr(rfr::Request),
    /// Of the address book.
    Nspi(nspi::Request),
    /// Of the mailbox store.
    Emsmdb(emsmdb::Request),
    /// Of the mailbox store's notifications.
    AsyncEmsmdb(emsmdb::AsyncRequest),
    /// Of the address book, over HTTP.
    NspiHttp(http::nspi::Request),
    /// Of the mailbox store, over HTTP.
    EmsmdbHttp(http::emsmdb::Request),
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// Of the referral service.
    Rfr(rfr::Response),
    /// Of the address book.
    Nspi(nspi::Response),
    /// Of the mailbox store.
    Emsmdb(emsmdb::Response),
    /// Of the mailbox store's notifications.
    AsyncEmsmdb(emsmdb::AsyncResponse),
    /// Of the address book, over HTTP.
    NspiHttp(http::nspi::Response),
    /// Of the mailbox store, over HTTP.
    EmsmdbHttp(http::emsmdb::Response),
}

macro_rules! body {
    ($name:ident, $asynchronous:ident) => {
        impl Body for $name {
            type Key = OperationKey;

            fn read(key: OperationKey, mut stub: Reader<'_>) -> Result<(Self, &[u8])> {
                let (interface, opnum) = match key {
                    OperationKey::Call(interface, opnum) => (interface, opnum),
                    OperationKey::Http(Endpoint::Nspi, request_type) => {
                        let (body, rest) = http::nspi::$name::read(request_type, stub)?;
                        return Ok((Self::NspiHttp(body), rest));
                    }
                    OperationKey::Http(Endpoint::Emsmdb, request_type) => {
                        let (body, rest) = http::emsmdb::$name::read(request_type, stub)?;
                        return Ok((Self::EmsmdbHttp(body), rest));
                    }
                };
                let (endian, stub) = (stub.endian(), stub.rest());
                Ok(match interface {
                    Interface::Rfr => {
                        let (body, rest) = rfr::$name::decode(opnum, stub, endian)?;
                        (Self::Rfr(body), rest)
                    }
                    Interface::Nspi => {
                        let (body, rest) = nspi::$name::decode(opnum, stub, endian)?;
                        (Self::Nspi(body), rest)
                    }
                    Interface::Emsmdb => {
                        let (body, rest) = emsmdb::$name::decode(opnum, stub, endian)?;
                        (Self::Emsmdb(body), rest)
                    }
                    Interface::AsyncEmsmdb => {
                        let (body, rest) = emsmdb::$asynchronous::decode(opnum, stub, endian)?;
                        (Self::AsyncEmsmdb(body), rest)
                    }
                })
            }

            fn encode(&self) -> Result<Vec<u8>> {
                match self {
                    Self::Rfr(body) => body.encode(),
                    Self::Nspi(body) => body.encode(),
                    Self::Emsmdb(body) => body.encode(),
                    Self::AsyncEmsmdb(body) => body.encode(),
                    Self::NspiHttp(body) => body.encode(),
                    Self::EmsmdbHttp(body) => body.encode(),
                }
            }
        }

        impl $name {
            /// The operation that it belongs to.
            pub fn key(&self) -> OperationKey {
                match self {
                    Self::Rfr(body) => OperationKey::Call(Interface::Rfr, body.opnum()),
                    Self::Nspi(body) => OperationKey::Call(Interface::Nspi, body.opnum()),
                    Self::Emsmdb(body) => OperationKey::Call(Interface::Emsmdb, body.opnum()),
                    Self::AsyncEmsmdb(body) => OperationKey::Call(Interface::AsyncEmsmdb, body.opnum()),
                    Self::NspiHttp(body) => OperationKey::Http(Endpoint::Nspi, body.request_type()),
                    Self::EmsmdbHttp(body) => OperationKey::Http(Endpoint::Emsmdb, body.request_type()),
                }
            }
        }
    };
}

body!(Request, AsyncRequest);
body!(Response, AsyncResponse);

impl Response {
    /// The return value: zero for success, otherwise the interface's own error. None where it is not known.
    pub fn return_value(&self) -> Option<ErrorCode> {
        match self {
            Self::Rfr(body) => Some(body.return_value()),
            Self::Nspi(body) => Some(body.return_value()),
            Self::Emsmdb(body) => body.return_value(),
            Self::AsyncEmsmdb(body) => Some(body.return_value()),
            Self::NspiHttp(body) => Some(body.return_value()),
            Self::EmsmdbHttp(body) => Some(body.return_value()),
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

/// What the upstream answered to something that a module asked it ahead of a request.
#[derive(Debug)]
pub enum AheadAnswer {
    /// An answer.
    Response(Box<Message<Response>>),
    /// A fault.
    Fault(rpc::pdu::FaultStatus),
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
    /// The answers to what the module now deciding asked ahead, oldest first.
    pub ahead: Vec<AheadAnswer>,
    /// Its ROPs, where it carries some.
    pub(crate) rops: Option<RopExchange>,
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

    /// Which operation it is, in which form.
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
    pub const fn rops(&self) -> Option<&RopExchange> {
        self.rops.as_ref()
    }

    /// Why ROPs that it carries, or answers to them, pass as bytes: what can't be decoded of each.
    pub fn opaque(&self) -> impl Iterator<Item = (&'static str, &wire::Error)> {
        let [asked, told] = &self.unread;
        let exchange = self.rops.as_ref();
        let asked = asked.as_ref().or_else(|| exchange?.batch().error());
        let told = told.as_ref().or_else(|| exchange?.answers()?.error());
        asked.map(|error| ("request", error)).into_iter().chain(told.map(|error| ("answer", error)))
    }

    /// Says what the module `module` did to it, for whoever watches.
    pub fn note(&mut self, module: &'static str, text: impl Into<Cow<'static, str>>) {
        self.notes.push(Note { module, text: text.into() });
    }

    /// What modules said that they did to it.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

//! The bodies of all operations, requests and responses, by the key of the operation.

use mapi::mapihttp::{self as http, Endpoint, RequestType};
use mapi::{ErrorCode, Interface, emsmdb, nspi, rfr};
use wire::{Reader, Result};

use mapi::inspect::{Inspect, Node};

use crate::message::Body;

/// Which operation it is, in which envelope: what its body is decoded by. What it does, whatever the envelope, is its
/// [`OperationKind`](crate::OperationKind).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKey {
    /// An RPC call: its interface, and its number there.
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

    /// The RPC call that it is, or that does the same, if there is one.
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

/// A request, in the structures of its envelope.
///
/// Modules read and change what it holds through its views, such as [`Request::visit_texts_mut`], which are the same
/// for both envelopes. The variants are for code that is about one envelope.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// To the referral service, as an RPC call.
    Rfr(rfr::Request),
    /// To the address book, as an RPC call.
    Nspi(nspi::Request),
    /// To the mailbox store, as an RPC call.
    Emsmdb(emsmdb::Request),
    /// To the mailbox store's notifications, as an RPC call.
    AsyncEmsmdb(emsmdb::AsyncRequest),
    /// To the address book, over HTTP.
    NspiHttp(http::nspi::Request),
    /// To the mailbox store, over HTTP.
    EmsmdbHttp(http::emsmdb::Request),
}

/// A response, in the structures of its envelope. The same applies as for a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// Of the referral service, to an RPC call.
    Rfr(rfr::Response),
    /// Of the address book, to an RPC call.
    Nspi(nspi::Response),
    /// Of the mailbox store, to an RPC call.
    Emsmdb(emsmdb::Response),
    /// Of the mailbox store's notifications, to an RPC call.
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

        impl Inspect for $name {
            fn to_node(&self) -> Node {
                match self {
                    Self::Rfr(body) => body.to_node(),
                    Self::Nspi(body) => body.to_node(),
                    Self::Emsmdb(body) => body.to_node(),
                    Self::AsyncEmsmdb(body) => body.to_node(),
                    Self::NspiHttp(body) => body.to_node(),
                    Self::EmsmdbHttp(body) => body.to_node(),
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

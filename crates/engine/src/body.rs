//! The decoded requests and responses of all operations, selected by the operation's key.

use mapi::mapihttp::{self as http, Endpoint, RequestType};
use mapi::{ErrorCode, Interface, emsmdb, nspi, rfr};
use wire::{Reader, Result};

use mapi::inspect::{Inspect, Node};

use crate::message::Body;
use crate::work;

/// Identifies an operation within its envelope, and thereby the structure of its body.
/// [`OperationKind`](crate::OperationKind) identifies an operation independently of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKey {
    /// An RPC call: its interface, and its operation number (`opnum`).
    Call(Interface, u16),
    /// A request of MAPI over HTTP: its endpoint, and its `X-RequestType`.
    Http(Endpoint, RequestType),
}

impl OperationKey {
    /// The RPC interface of the operation. For a request over HTTP, the interface with the corresponding operations.
    pub const fn interface(self) -> Interface {
        match self {
            Self::Call(interface, _) => interface,
            Self::Http(endpoint, _) => endpoint.interface(),
        }
    }

    /// The RPC call of the operation. For a request over HTTP, the corresponding call, if there is one.
    pub const fn call(self) -> Option<(Interface, u16)> {
        match self {
            Self::Call(interface, opnum) => Some((interface, opnum)),
            Self::Http(_, request_type) => request_type.remote_call(),
        }
    }

    /// The name of the operation, such as `nspi.QueryRows`; `unknown` if the interface or endpoint has no such
    /// operation.
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

/// A decoded request, in the structures of its envelope.
///
/// Modules read and change a request through views that are the same for each envelope, such as
/// [`Request::visit_texts_mut`]. The variants are for code that handles one envelope.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// A call to the referral service ([MS-OXABREF]).
    Rfr(rfr::Request),
    /// A call to the address book ([MS-OXNSPI]).
    Nspi(nspi::Request),
    /// A call to the mailbox store ([MS-OXCRPC] 3.1).
    Emsmdb(emsmdb::Request),
    /// A call that waits for notifications of the mailbox store ([MS-OXCRPC] 3.3).
    AsyncEmsmdb(emsmdb::AsyncRequest),
    /// A request over HTTP to the address book ([MS-OXCMAPIHTTP] 2.2.5).
    NspiHttp(http::nspi::Request),
    /// A request over HTTP to the mailbox store ([MS-OXCMAPIHTTP] 2.2.4).
    EmsmdbHttp(http::emsmdb::Request),
}

/// A decoded response, in the structures of its envelope. Modules use its views, as for a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// The response to a call to the referral service ([MS-OXABREF]).
    Rfr(rfr::Response),
    /// The response to a call to the address book ([MS-OXNSPI]).
    Nspi(nspi::Response),
    /// The response to a call to the mailbox store ([MS-OXCRPC] 3.1).
    Emsmdb(emsmdb::Response),
    /// The response to a call that waits for notifications ([MS-OXCRPC] 3.3).
    AsyncEmsmdb(emsmdb::AsyncResponse),
    /// The response over HTTP of the address book ([MS-OXCMAPIHTTP] 2.2.5).
    NspiHttp(http::nspi::Response),
    /// The response over HTTP of the mailbox store ([MS-OXCMAPIHTTP] 2.2.4).
    EmsmdbHttp(http::emsmdb::Response),
}

macro_rules! body {
    ($name:ident, $asynchronous:ident, $limit:expr) => {
        impl Body for $name {
            const LIMIT: u32 = $limit;

            type Key = OperationKey;

            fn read(key: OperationKey, stub: Reader<'_>) -> Result<(Self, &[u8])> {
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
                Ok(match interface {
                    Interface::Rfr => {
                        let (body, rest) = rfr::$name::read(opnum, stub)?;
                        (Self::Rfr(body), rest)
                    }
                    Interface::Nspi => {
                        let (body, rest) = nspi::$name::read(opnum, stub)?;
                        (Self::Nspi(body), rest)
                    }
                    Interface::Emsmdb => {
                        let (body, rest) = emsmdb::$name::read(opnum, stub)?;
                        (Self::Emsmdb(body), rest)
                    }
                    Interface::AsyncEmsmdb => {
                        let (body, rest) = emsmdb::$asynchronous::read(opnum, stub)?;
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
            /// The operation to which this body belongs.
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

body!(Request, AsyncRequest, work::REQUEST_LIMIT);
body!(Response, AsyncResponse, work::RESPONSE_LIMIT);

impl Response {
    /// The return value: 0 for success, otherwise an error code of the interface. `None` if the structure of the
    /// response is not known.
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

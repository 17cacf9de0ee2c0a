//! The calls of the EMSMDB interfaces, by operation number.

use rpc::ndr::{CharString, ContextHandle, Params};
use wire::{Endian, Error, Reader, Result};

use super::connect::{
    EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse, EcDoConnectExRequest, EcDoConnectExResponse,
    EcDoConnectRequest, EcDoConnectResponse, EcDoDisconnectRequest, EcDoDisconnectResponse,
};
use super::execute::{
    EcDoRpcExt2Request, EcDoRpcExt2Response, EcDoRpcExtRequest, EcDoRpcExtResponse, EcDoRpcRequest,
    EcDoRpcResponse,
};
use super::notify::{
    EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse, EcDummyRpcRequest, EcDummyRpcResponse,
    EcRRegisterPushNotificationRequest, EcRRegisterPushNotificationResponse,
    EcRUnregisterPushNotificationRequest, EcRUnregisterPushNotificationResponse,
};
use crate::inspect::{Inspect, Node};
use crate::{ErrorCode, Interface};

/// The parameters of a call whose layout is not documented.
///
/// They may contain a context handle, so that the call cannot be forwarded where context handles are translated. The
/// byte order is that of the sender; the call must be sent in the same byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueStub {
    /// The operation number of the call.
    pub opnum: u16,
    /// The bytes of the stub.
    pub stub: Vec<u8>,
}

macro_rules! calls {
    (@pattern $params:ident, $variant:ident) => { Self::$variant(_) };
    (@pattern $params:ident $handle:ident, $variant:ident) => { Self::$variant($params) };
    (@shared $params:ident) => { None };
    (@shared $params:ident $handle:ident) => { Some(&$params.$handle) };
    (@unique $params:ident) => { None };
    (@unique $params:ident $handle:ident) => { Some(&mut $params.$handle) };
    (
        $(#[$outer:meta])*
        pub enum $name:ident: $interface:ident {
            $($(#[$inner:meta])* $opnum:literal => $variant:ident($params:ty) $(, handle = $handle:ident)?;)*
            $(_ => $opaque:ident;)?
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[$inner])* $variant($params),)*
            $(
                /// A call whose parameters are not documented.
                $opaque(OpaqueStub),
            )?
        }

        impl Inspect for $name {
            fn to_node(&self) -> Node {
                match self {
                    $(Self::$variant(params) => params.to_node(),)*
                    $(Self::$opaque(opaque) => Node::Bytes(opaque.stub.clone()),)?
                }
            }
        }

        impl $name {
            /// Decodes the stub of the call `opnum`, and returns it with the bytes after its last parameter.
            ///
            /// # Errors
            /// Fails if the interface has no such call, or `stub` does not contain its parameters.
            pub fn decode(opnum: u16, stub: &[u8], endian: Endian) -> Result<(Self, &[u8])> {
                Self::read(opnum, Reader::with_endian(stub, endian))
            }

            /// Decodes the stub from the rest of `stub`.
            ///
            /// # Errors
            /// Fails like [`Self::decode`].
            pub fn read(opnum: u16, stub: Reader<'_>) -> Result<(Self, &[u8])> {
                match opnum {
                    $($opnum => <$params>::read_stub(stub)
                        .map(|(params, rest)| (Self::$variant(params), rest)),)*
                    $(opnum if Interface::$interface.operation(opnum).is_some() => {
                        Ok((Self::$opaque(OpaqueStub { opnum, stub: stub.peek().to_vec() }), &[]))
                    })?
                    _ => Err(Error::invalid("opnum", 0, u64::from(opnum), "a call of the interface")),
                }
            }

            /// Encodes the stub in little-endian byte order.
            ///
            /// # Errors
            /// Fails if a value does not fit its field.
            pub fn encode(&self) -> Result<Vec<u8>> {
                match self {
                    $(Self::$variant(params) => params.encode_stub(),)*
                    $(Self::$opaque(opaque) => Ok(opaque.stub.clone()),)?
                }
            }

            /// The operation number of the call.
            pub const fn opnum(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => $opnum,)*
                    $(Self::$opaque(stub) => stub.opnum,)?
                }
            }

            /// The name of the call, as in [`Interface::operation`].
            pub fn name(&self) -> &'static str {
                Interface::$interface.operation(self.opnum()).unwrap_or_default()
            }

            /// The context handle among the parameters, if the call has one.
            pub const fn handle(&self) -> Option<&ContextHandle> {
                match self {
                    $(calls!(@pattern params $($handle)?, $variant) => calls!(@shared params $($handle)?),)*
                    $(Self::$opaque(_) => None,)?
                }
            }

            /// The context handle among the parameters, for modification.
            pub const fn handle_mut(&mut self) -> Option<&mut ContextHandle> {
                match self {
                    $(calls!(@pattern params $($handle)?, $variant) => calls!(@unique params $($handle)?),)*
                    $(Self::$opaque(_) => None,)?
                }
            }
        }

        $(impl From<$params> for $name {
            fn from(params: $params) -> Self {
                Self::$variant(params)
            }
        })*
    };
}

calls! {
    /// A request of the EMSMDB interface.
    pub enum Request: Emsmdb {
        /// Opens a session (Exchange 2000).
        0 => EcDoConnect(EcDoConnectRequest);
        /// Ends a session.
        1 => EcDoDisconnect(EcDoDisconnectRequest), handle = handle;
        /// Executes ROPs (Exchange 2000).
        2 => EcDoRpc(EcDoRpcRequest), handle = handle;
        /// Registers an address for notifications over UDP.
        4 => EcRRegisterPushNotification(EcRRegisterPushNotificationRequest), handle = handle;
        /// Ends the registration for notifications over UDP.
        5 => EcRUnregisterPushNotification(EcRUnregisterPushNotificationRequest), handle = handle;
        /// Does nothing; checks whether the server is reachable.
        6 => EcDummyRpc(EcDummyRpcRequest);
        /// Executes ROPs (Exchange 2003).
        9 => EcDoRpcExt(EcDoRpcExtRequest), handle = handle;
        /// Opens a session.
        10 => EcDoConnectEx(EcDoConnectExRequest);
        /// Executes ROPs.
        11 => EcDoRpcExt2(EcDoRpcExt2Request), handle = handle;
        /// Opens an asynchronous context handle for `EcDoAsyncWaitEx`.
        14 => EcDoAsyncConnectEx(EcDoAsyncConnectExRequest), handle = handle;
        _ => Opaque;
    }
}

calls! {
    /// A response of the EMSMDB interface.
    ///
    /// `EcDoConnect`, `EcDoConnectEx` and `EcDoAsyncConnectEx` return a new context handle, the latter for the
    /// `AsyncEMSMDB` interface. Other calls return the context handle of the request, or zeros if the server ended the
    /// session.
    pub enum Response: Emsmdb {
        /// Opens a session (Exchange 2000).
        0 => EcDoConnect(EcDoConnectResponse), handle = handle;
        /// Ends a session.
        1 => EcDoDisconnect(EcDoDisconnectResponse), handle = handle;
        /// Executes ROPs (Exchange 2000).
        2 => EcDoRpc(EcDoRpcResponse), handle = handle;
        /// Registers an address for notifications over UDP.
        4 => EcRRegisterPushNotification(EcRRegisterPushNotificationResponse), handle = handle;
        /// Ends the registration for notifications over UDP.
        5 => EcRUnregisterPushNotification(EcRUnregisterPushNotificationResponse), handle = handle;
        /// Does nothing; checks whether the server is reachable.
        6 => EcDummyRpc(EcDummyRpcResponse);
        /// Executes ROPs (Exchange 2003).
        9 => EcDoRpcExt(EcDoRpcExtResponse), handle = handle;
        /// Opens a session.
        10 => EcDoConnectEx(EcDoConnectExResponse), handle = handle;
        /// Executes ROPs.
        11 => EcDoRpcExt2(EcDoRpcExt2Response), handle = handle;
        /// Opens an asynchronous context handle for `EcDoAsyncWaitEx`.
        14 => EcDoAsyncConnectEx(EcDoAsyncConnectExResponse), handle = async_handle;
        _ => Opaque;
    }
}

calls! {
    /// A request of the `AsyncEMSMDB` interface.
    pub enum AsyncRequest: AsyncEmsmdb {
        /// Waits until the session has pending events.
        0 => EcDoAsyncWaitEx(EcDoAsyncWaitExRequest), handle = async_handle;
    }
}

calls! {
    /// A response of the `AsyncEMSMDB` interface.
    pub enum AsyncResponse: AsyncEmsmdb {
        /// Waits until the session has pending events.
        0 => EcDoAsyncWaitEx(EcDoAsyncWaitExResponse);
    }
}

impl Response {
    /// The return value of the call, zero for success; `None` if its parameters are not documented.
    pub const fn return_value(&self) -> Option<ErrorCode> {
        Some(match self {
            Self::EcDoConnect(params) => params.return_value,
            Self::EcDoDisconnect(params) => params.return_value,
            Self::EcDoRpc(params) => params.return_value,
            Self::EcRRegisterPushNotification(params) => params.return_value,
            Self::EcRUnregisterPushNotification(params) => params.return_value,
            Self::EcDummyRpc(params) => params.return_value,
            Self::EcDoRpcExt(params) => params.return_value,
            Self::EcDoConnectEx(params) => params.return_value,
            Self::EcDoRpcExt2(params) => params.return_value,
            Self::EcDoAsyncConnectEx(params) => params.return_value,
            Self::Opaque(_) => return None,
        })
    }
}

impl AsyncResponse {
    /// The return value of the call, zero for success.
    pub const fn return_value(&self) -> ErrorCode {
        match self {
            Self::EcDoAsyncWaitEx(params) => params.return_value,
        }
    }
}

impl Request {
    /// Calls `visit` for each distinguished name among the parameters, which it may change. Names in ROPs are not
    /// visited.
    pub fn visit_names_mut(&mut self, visit: &mut dyn FnMut(&mut CharString)) {
        match self {
            Self::EcDoConnect(request) => visit(&mut request.user_dn),
            Self::EcDoConnectEx(request) => visit(&mut request.user_dn),
            _ => {}
        }
    }
}

impl Response {
    /// Calls `visit` for each distinguished name among the parameters, which it may change. Names in ROPs are not
    /// visited.
    pub fn visit_names_mut(&mut self, visit: &mut dyn FnMut(&mut CharString)) {
        let name = match self {
            Self::EcDoConnect(response) => response.dn_prefix.get_mut(),
            Self::EcDoConnectEx(response) => response.dn_prefix.get_mut(),
            _ => None,
        };
        if let Some(name) = name {
            visit(name);
        }
    }
}

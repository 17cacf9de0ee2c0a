//! EMSMDB: the RPC interface by which clients connect to a mailbox server and send ROPs to it ([MS-OXCRPC]).
//!
//! [`Request`] and [`Response`] are the calls of the EMSMDB interface, opnums 0 to 14, [`AsyncRequest`] and
//! [`AsyncResponse`] those of `AsyncEMSMDB`. The calls that [MS-OXCRPC] lists as "not used on wire" but that
//! clients of the Exchange 2000 dialect send ([`EcDoConnectRequest`], [`EcDoRpcRequest`]) are decoded as well. Calls
//! whose parameters are not documented are [`OpaqueStub`]s.
//!
//! The buffers of a call are not decoded: `rgbIn` and `rgbOut` of `EcDoRpcExt2` are chains of extended buffers
//! ([`crate::compress::decode_chain`]), and `rgb` of `EcDoRpc` is obfuscated. Both contain [`RopBuffer`]s.

mod bytes;
mod calls;
mod connect;
mod execute;
mod inspect;
mod notify;
mod rop_buffer;
mod version;

pub use self::bytes::{InBytes, OutBytes, ShortInBytes, Words};
pub use self::calls::{AsyncRequest, AsyncResponse, OpaqueStub, Request, Response};
pub use self::connect::{
    EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse, EcDoConnectExRequest, EcDoConnectExResponse,
    EcDoConnectRequest, EcDoConnectResponse, EcDoDisconnectRequest, EcDoDisconnectResponse,
};
pub use self::execute::{
    EcDoRpcExt2Request, EcDoRpcExt2Response, EcDoRpcExtRequest, EcDoRpcExtResponse, EcDoRpcRequest,
    EcDoRpcResponse, RpcFlags,
};
pub use self::notify::{
    EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse, EcDummyRpcRequest, EcDummyRpcResponse,
    EcRRegisterPushNotificationRequest, EcRRegisterPushNotificationResponse,
    EcRUnregisterPushNotificationRequest, EcRUnregisterPushNotificationResponse, NOTIFICATION_PENDING,
};
pub use self::rop_buffer::{NO_OBJECT, RopBuffer};
pub use self::version::Version;

/// The maximum `pcbOut` of `EcDoRpcExt2`, in bytes ([MS-OXCRPC] 2.2.1.3, `BIG_RANGE_ULONG`).
pub const MAX_RGB_OUT: u32 = 0x0004_0000;

/// The maximum `cbAuxIn` and `pcbAuxOut`, in bytes ([MS-OXCRPC] 2.2.1.4, `SMALL_RANGE_ULONG`).
pub const MAX_RGB_AUX: u32 = 0x1008;

#[cfg(test)]
mod tests;

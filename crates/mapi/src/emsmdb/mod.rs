//! EMSMDB: how a client connects to its mailbox server and sends it ROPs ([MS-OXCRPC]).
//!
//! [`Request`] and [`Response`] are the calls of the EMSMDB interface, opnums 0 to 14, [`AsyncRequest`] and
//! [`AsyncResponse`] those of `AsyncEMSMDB`. The calls that [MS-OXCRPC] lists as "not used on wire" but that
//! clients of the Exchange 2000 dialect send ([`EcDoConnectRequest`], [`EcDoRpcRequest`]) are decoded too.
//! Those whose parameters are not documented are [`OpaqueStub`]s.
//!
//! What a call carries stays as it came: `rgbIn` and `rgbOut` of `EcDoRpcExt2` are chains of extended buffers
//! ([`crate::compress::decode_chain`]), `rgb` of `EcDoRpc` is obfuscated, and what is inside either is a
//! [`RopBuffer`].

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

/// The largest `pcbOut` of `EcDoRpcExt2` ([MS-OXCRPC] 2.2.1.3, `BIG_RANGE_ULONG`).
pub const MAX_RGB_OUT: u32 = 0x0004_0000;

/// The largest `cbAuxIn` and `pcbAuxOut` ([MS-OXCRPC] 2.2.1.4, `SMALL_RANGE_ULONG`).
pub const MAX_RGB_AUX: u32 = 0x1008;

#[cfg(test)]
mod tests;

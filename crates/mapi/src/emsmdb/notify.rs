//! Notification calls of EMSMDB and of its asynchronous interface.

use rpc::ndr::ContextHandle;

use super::bytes::{ShortInBytes, Words};
use crate::ErrorCode;

/// A flag in [`EcDoAsyncWaitExResponse::flags`]: notifications are pending, which the client retrieves by `EcDoRpcExt2`
/// ([MS-OXCRPC] 3.3.4.1).
pub const NOTIFICATION_PENDING: u32 = 0x0000_0001;

crate::inspect::field::inspect_params! {
    /// The request of `EcRRegisterPushNotification` (opnum 4, [MS-OXCRPC] 3.1.4.5).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcRRegisterPushNotificationRequest as "EcRRegisterPushNotification" {
        /// The context handle of the session.
        pub handle: ContextHandle = "pcxh",
        /// Reserved; zero.
        pub rpc: u32 = "iRpc",
        /// The data that the server sends in each datagram.
        pub context: ShortInBytes = "rgbContext",
        /// The events to notify of; 0xFFFFFFFF.
        pub advise_bits: u32 = "grbitAdviseBits",
        /// The address to which the server sends datagrams: a `sockaddr`.
        pub callback_address: ShortInBytes = "rgbCallbackAddress",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcRRegisterPushNotification` (opnum 4, [MS-OXCRPC] 3.1.4.5).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcRRegisterPushNotificationResponse as "EcRRegisterPushNotification" {
        /// The context handle of the session; all zero if the server ended the session.
        pub handle: ContextHandle = "pcxh",
        /// The handle of the registration.
        pub notification: u32 = "hNotification",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::field::inspect_params! {
    /// The request of `EcRUnregisterPushNotification` (opnum 5).
    ///
    /// [MS-OXCRPC] reserves the opnum; the parameters after the context handle are not documented.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcRUnregisterPushNotificationRequest as "EcRUnregisterPushNotification" {
        /// The context handle of the session.
        pub handle: ContextHandle = "pcxh",
        /// Not documented.
        pub unknown: Words = "unknown",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcRUnregisterPushNotification` (opnum 5).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcRUnregisterPushNotificationResponse as "EcRUnregisterPushNotification" {
        /// The context handle of the session; all zero if the server ended the session.
        pub handle: ContextHandle = "pcxh",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::field::inspect_params! {
    /// The request of `EcDummyRpc`, which has no parameters (opnum 6, [MS-OXCRPC] 3.1.4.6).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct EcDummyRpcRequest as "EcDummyRpc" {}
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDummyRpc` (opnum 6, [MS-OXCRPC] 3.1.4.6).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct EcDummyRpcResponse as "EcDummyRpc" {
        /// The return value; always zero.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::field::inspect_params! {
    /// The request of `EcDoAsyncWaitEx` (`AsyncEMSMDB` opnum 0, [MS-OXCRPC] 3.3.4.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoAsyncWaitExRequest as "EcDoAsyncWaitEx" {
        /// The context handle that `EcDoAsyncConnectEx` returned.
        pub async_handle: ContextHandle = "acxh",
        /// Reserved; zero.
        pub flags: u32 = "ulFlagsIn",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDoAsyncWaitEx`, which the server may send minutes later (`AsyncEMSMDB` opnum 0, [MS-OXCRPC]
    /// 3.3.4.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct EcDoAsyncWaitExResponse as "EcDoAsyncWaitEx" {
        /// [`NOTIFICATION_PENDING`], or zero if the wait timed out.
        pub flags: u32 = "pulFlagsOut",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

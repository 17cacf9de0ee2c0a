//! Notification calls of EMSMDB and of its asynchronous interface.

use rpc::ndr::ContextHandle;

use super::bytes::{ShortInBytes, Words};
use crate::ErrorCode;

/// In [`EcDoAsyncWaitExResponse::flags`]: events are pending, to be fetched with `EcDoRpcExt2`
/// ([MS-OXCRPC] 3.3.4.1).
pub const NOTIFICATION_PENDING: u32 = 0x0000_0001;

crate::inspect::part::inspect_params! {
    /// What `EcRRegisterPushNotification` asks (opnum 4, [MS-OXCRPC] 3.1.4.5).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcRRegisterPushNotificationRequest as "EcRRegisterPushNotification" {
        /// The session.
        pub handle: ContextHandle = "pcxh",
        /// Zero; ignored.
        pub rpc: u32 = "iRpc",
        /// What the server sends in each datagram.
        pub context: ShortInBytes = "rgbContext",
        /// 0xFFFFFFFF.
        pub advise_bits: u32 = "grbitAdviseBits",
        /// Where the server sends them: a `sockaddr`.
        pub callback_address: ShortInBytes = "rgbCallbackAddress",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcRRegisterPushNotification` answers (opnum 4, [MS-OXCRPC] 3.1.4.5).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcRRegisterPushNotificationResponse as "EcRRegisterPushNotification" {
        /// The session; all zero where it was ended.
        pub handle: ContextHandle = "pcxh",
        /// The registration.
        pub notification: u32 = "hNotification",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcRUnregisterPushNotification` asks (opnum 5).
    ///
    /// [MS-OXCRPC] reserves the opnum; what follows the session is not known.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcRUnregisterPushNotificationRequest as "EcRUnregisterPushNotification" {
        /// The session.
        pub handle: ContextHandle = "pcxh",
        /// Not known.
        pub unknown: Words = "unknown",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcRUnregisterPushNotification` answers (opnum 5).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcRUnregisterPushNotificationResponse as "EcRUnregisterPushNotification" {
        /// The session; all zero where it was ended.
        pub handle: ContextHandle = "pcxh",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDummyRpc` asks: nothing (opnum 6, [MS-OXCRPC] 3.1.4.6).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct EcDummyRpcRequest as "EcDummyRpc" {}
}

crate::inspect::part::inspect_params! {
    /// What `EcDummyRpc` answers (opnum 6, [MS-OXCRPC] 3.1.4.6).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct EcDummyRpcResponse as "EcDummyRpc" {
        /// Zero.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoAsyncWaitEx` asks (`AsyncEMSMDB` opnum 0, [MS-OXCRPC] 3.3.4.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoAsyncWaitExRequest as "EcDoAsyncWaitEx" {
        /// The handle that `EcDoAsyncConnectEx` gave.
        pub async_handle: ContextHandle = "acxh",
        /// Zero; ignored.
        pub flags: u32 = "ulFlagsIn",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoAsyncWaitEx` answers, possibly minutes later (`AsyncEMSMDB` opnum 0, [MS-OXCRPC] 3.3.4.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct EcDoAsyncWaitExResponse as "EcDoAsyncWaitEx" {
        /// [`NOTIFICATION_PENDING`], or zero where the wait timed out.
        pub flags: u32 = "pulFlagsOut",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

//! `EcDoConnect`, `EcDoConnectEx` and `EcDoDisconnect` ([MS-OXCRPC] 3.1.4.1).

use rpc::ndr::{CharString, ContextHandle, Ptr};

use super::bytes::{InBytes, OutBytes};
use super::version::Version;
use crate::ErrorCode;

crate::inspect::field::inspect_params! {
    /// The request of `EcDoConnect` (opnum 0): that of `EcDoConnectEx` without auxiliary buffers.
    ///
    /// [MS-OXCRPC] reserves the opnum; these are the parameters that Exchange 2000 had.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoConnectRequest as "EcDoConnect" {
        /// The distinguished name of the user who connects.
        pub user_dn: CharString = "szUserDN",
        /// 1 to request administrative privileges, otherwise 0.
        pub flags: u32 = "ulFlags",
        /// A hash of the distinguished name, to distribute users among servers; ignored.
        pub connection_mod: u32 = "ulConMod",
        /// Reserved; zero.
        pub limit: u32 = "cbLimit",
        /// The code page for 8-bit strings.
        pub code_page: u32 = "ulCpid",
        /// The locale for everything except sorting.
        pub lcid_string: u32 = "ulLcidString",
        /// The locale for sorting.
        pub lcid_sort: u32 = "ulLcidSort",
        /// The index of a session with which to link, 0xFFFFFFFF for none.
        pub icxr_link: u32 = "ulIcxrLink",
        /// Reserved; 1.
        pub can_convert_code_pages: u16 = "usFCanConvertCodePages",
        /// The version of the client.
        pub client_version: Version = "rgwClientVersion",
        /// The creation time of the session with which to link.
        pub time_stamp: u32 = "pulTimeStamp",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDoConnect` (opnum 0).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoConnectResponse as "EcDoConnect" {
        /// The context handle of the session; all zero if the call failed.
        pub handle: ContextHandle = "pcxh",
        /// The interval at which the client polls for notifications, in milliseconds.
        pub polls_max: u32 = "pcmsPollsMax",
        /// The number of times the client repeats a failed call.
        pub retry: u32 = "pcRetry",
        /// The time before the client repeats a call, in milliseconds.
        pub retry_delay: u32 = "pcmsRetryDelay",
        /// The index of the session, with which others can link.
        pub icxr: u16 = "picxr",
        /// The prefix of distinguished names in the server's organization.
        pub dn_prefix: Ptr<CharString> = "szDNPrefix",
        /// The display name of the user who connected.
        pub display_name: Ptr<CharString> = "szDisplayName",
        /// The version of the server.
        pub server_version: Version = "rgwServerVersion",
        /// The version of the client as the server interprets it.
        pub best_version: Version = "rgwBestVersion",
        /// The creation time of the session.
        pub time_stamp: u32 = "pulTimeStamp",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::field::inspect_params! {
    /// The request of `EcDoConnectEx` (opnum 10, [MS-OXCRPC] 3.1.4.1).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoConnectExRequest as "EcDoConnectEx" {
        /// The distinguished name of the user who connects.
        pub user_dn: CharString = "szUserDN",
        /// 1 to request administrative privileges, otherwise 0.
        pub flags: u32 = "ulFlags",
        /// A hash of the distinguished name, to distribute users among servers; ignored.
        pub connection_mod: u32 = "ulConMod",
        /// Reserved; zero.
        pub limit: u32 = "cbLimit",
        /// The code page for 8-bit strings.
        pub code_page: u32 = "ulCpid",
        /// The locale for everything except sorting.
        pub lcid_string: u32 = "ulLcidString",
        /// The locale for sorting.
        pub lcid_sort: u32 = "ulLcidSort",
        /// The index of a session with which to link, 0xFFFFFFFF for none.
        pub icxr_link: u32 = "ulIcxrLink",
        /// Reserved; 1.
        pub can_convert_code_pages: u16 = "usFCanConvertCodePages",
        /// The version of the client.
        pub client_version: Version = "rgwClientVersion",
        /// The creation time of the session with which to link.
        pub time_stamp: u32 = "pulTimeStamp",
        /// An extended buffer with auxiliary blocks, or empty.
        pub aux_in: InBytes = "rgbAuxIn",
        /// The maximum size of the response's auxiliary buffer, in bytes; at most [`super::MAX_RGB_AUX`].
        pub aux_out_max: u32 = "pcbAuxOut",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDoConnectEx` (opnum 10, [MS-OXCRPC] 3.1.4.1).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoConnectExResponse as "EcDoConnectEx" {
        /// The context handle of the session; all zero if the call failed.
        pub handle: ContextHandle = "pcxh",
        /// The interval at which the client polls for notifications, in milliseconds.
        pub polls_max: u32 = "pcmsPollsMax",
        /// The number of times the client repeats a failed call.
        pub retry: u32 = "pcRetry",
        /// The time before the client repeats a call, in milliseconds.
        pub retry_delay: u32 = "pcmsRetryDelay",
        /// The index of the session, with which others can link.
        pub icxr: u16 = "picxr",
        /// The prefix of distinguished names in the server's organization.
        pub dn_prefix: Ptr<CharString> = "szDNPrefix",
        /// The display name of the user who connected.
        pub display_name: Ptr<CharString> = "szDisplayName",
        /// The version of the server.
        pub server_version: Version = "rgwServerVersion",
        /// The version of the client as the server interprets it.
        pub best_version: Version = "rgwBestVersion",
        /// The creation time of the session.
        pub time_stamp: u32 = "pulTimeStamp",
        /// An extended buffer with auxiliary blocks, or empty.
        pub aux_out: OutBytes = "rgbAuxOut",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::field::inspect_params! {
    /// The request of `EcDoDisconnect` (opnum 1, [MS-OXCRPC] 3.1.4.3).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoDisconnectRequest as "EcDoDisconnect" {
        /// The context handle of the session.
        pub handle: ContextHandle = "pcxh",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDoDisconnect` (opnum 1, [MS-OXCRPC] 3.1.4.3).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoDisconnectResponse as "EcDoDisconnect" {
        /// The context handle after the end of the session: all zero.
        pub handle: ContextHandle = "pcxh",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::field::inspect_params! {
    /// The request of `EcDoAsyncConnectEx` (opnum 14, [MS-OXCRPC] 3.1.4.4).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoAsyncConnectExRequest as "EcDoAsyncConnectEx" {
        /// The context handle of the session.
        pub handle: ContextHandle = "cxh",
    }
}

crate::inspect::field::inspect_params! {
    /// The response of `EcDoAsyncConnectEx` (opnum 14, [MS-OXCRPC] 3.1.4.4).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoAsyncConnectExResponse as "EcDoAsyncConnectEx" {
        /// The context handle for `EcDoAsyncWaitEx`; all zero if the call failed.
        pub async_handle: ContextHandle = "pacxh",
        /// Zero, or the error with which the call failed.
        pub return_value: ErrorCode = "return",
    }
}

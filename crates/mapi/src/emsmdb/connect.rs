//! `EcDoConnect`, `EcDoConnectEx` and `EcDoDisconnect` ([MS-OXCRPC] 3.1.4.1).

use rpc::ndr::{CharString, ContextHandle, Ptr};

use super::bytes::{InBytes, OutBytes};
use super::version::Version;
use crate::ErrorCode;

crate::inspect::part::inspect_params! {
    /// What `EcDoConnect` asks (opnum 0): as `EcDoConnectEx`, without the auxiliary buffers.
    ///
    /// [MS-OXCRPC] reserves the opnum; these are the parameters that Exchange 2000 had.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoConnectRequest as "EcDoConnect" {
        /// The DN of the user who connects, in the directory.
        pub user_dn: CharString = "szUserDN",
        /// 1 asks for administrator's rights, 0 for none.
        pub flags: u32 = "ulFlags",
        /// A value derived from the DN that spreads users among servers; ignored.
        pub connection_mod: u32 = "ulConMod",
        /// Zero.
        pub limit: u32 = "cbLimit",
        /// The code page for 8-bit strings.
        pub code_page: u32 = "ulCpid",
        /// The locale for everything but sorting.
        pub lcid_string: u32 = "ulLcidString",
        /// The locale for sorting.
        pub lcid_sort: u32 = "ulLcidSort",
        /// The session to link with, 0xFFFFFFFF for none.
        pub icxr_link: u32 = "ulIcxrLink",
        /// 1.
        pub can_convert_code_pages: u16 = "usFCanConvertCodePages",
        /// The client's version.
        pub client_version: Version = "rgwClientVersion",
        /// The creation time of the session to link with.
        pub time_stamp: u32 = "pulTimeStamp",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoConnect` answers (opnum 0).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoConnectResponse as "EcDoConnect" {
        /// The session; all zero where the call failed.
        pub handle: ContextHandle = "pcxh",
        /// How often the client is to poll for notifications, in milliseconds.
        pub polls_max: u32 = "pcmsPollsMax",
        /// How often the client is to retry a call.
        pub retry: u32 = "pcRetry",
        /// How long the client is to wait before that, in milliseconds.
        pub retry_delay: u32 = "pcmsRetryDelay",
        /// The session's index, for others to link with.
        pub icxr: u16 = "picxr",
        /// The prefix of the DNs of the server's organisation.
        pub dn_prefix: Ptr<CharString> = "szDNPrefix",
        /// The display name of the user who connected.
        pub display_name: Ptr<CharString> = "szDisplayName",
        /// The server's version.
        pub server_version: Version = "rgwServerVersion",
        /// The client's version as the server understands it.
        pub best_version: Version = "rgwBestVersion",
        /// The session's creation time.
        pub time_stamp: u32 = "pulTimeStamp",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoConnectEx` asks (opnum 10, [MS-OXCRPC] 3.1.4.1).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoConnectExRequest as "EcDoConnectEx" {
        /// The DN of the user who connects, in the directory.
        pub user_dn: CharString = "szUserDN",
        /// 1 asks for administrator's rights, 0 for none.
        pub flags: u32 = "ulFlags",
        /// A value derived from the DN that spreads users among servers; ignored.
        pub connection_mod: u32 = "ulConMod",
        /// Zero.
        pub limit: u32 = "cbLimit",
        /// The code page for 8-bit strings.
        pub code_page: u32 = "ulCpid",
        /// The locale for everything but sorting.
        pub lcid_string: u32 = "ulLcidString",
        /// The locale for sorting.
        pub lcid_sort: u32 = "ulLcidSort",
        /// The session to link with, 0xFFFFFFFF for none.
        pub icxr_link: u32 = "ulIcxrLink",
        /// 1.
        pub can_convert_code_pages: u16 = "usFCanConvertCodePages",
        /// The client's version.
        pub client_version: Version = "rgwClientVersion",
        /// The creation time of the session to link with.
        pub time_stamp: u32 = "pulTimeStamp",
        /// One extended buffer with auxiliary blocks, or nothing.
        pub aux_in: InBytes = "rgbAuxIn",
        /// How many bytes of auxiliary buffer the client takes back; at most [`super::MAX_RGB_AUX`].
        pub aux_out_max: u32 = "pcbAuxOut",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoConnectEx` answers (opnum 10, [MS-OXCRPC] 3.1.4.1).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EcDoConnectExResponse as "EcDoConnectEx" {
        /// The session; all zero where the call failed.
        pub handle: ContextHandle = "pcxh",
        /// How often the client is to poll for notifications, in milliseconds.
        pub polls_max: u32 = "pcmsPollsMax",
        /// How often the client is to retry a call.
        pub retry: u32 = "pcRetry",
        /// How long the client is to wait before that, in milliseconds.
        pub retry_delay: u32 = "pcmsRetryDelay",
        /// The session's index, for others to link with.
        pub icxr: u16 = "picxr",
        /// The prefix of the DNs of the server's organisation.
        pub dn_prefix: Ptr<CharString> = "szDNPrefix",
        /// The display name of the user who connected.
        pub display_name: Ptr<CharString> = "szDisplayName",
        /// The server's version.
        pub server_version: Version = "rgwServerVersion",
        /// The client's version as the server understands it.
        pub best_version: Version = "rgwBestVersion",
        /// The session's creation time.
        pub time_stamp: u32 = "pulTimeStamp",
        /// One extended buffer with auxiliary blocks, or nothing.
        pub aux_out: OutBytes = "rgbAuxOut",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoDisconnect` asks (opnum 1, [MS-OXCRPC] 3.1.4.3).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoDisconnectRequest as "EcDoDisconnect" {
        /// The session.
        pub handle: ContextHandle = "pcxh",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoDisconnect` answers (opnum 1, [MS-OXCRPC] 3.1.4.3).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoDisconnectResponse as "EcDoDisconnect" {
        /// All zero.
        pub handle: ContextHandle = "pcxh",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoAsyncConnectEx` asks (opnum 14, [MS-OXCRPC] 3.1.4.4).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoAsyncConnectExRequest as "EcDoAsyncConnectEx" {
        /// The session.
        pub handle: ContextHandle = "cxh",
    }
}

crate::inspect::part::inspect_params! {
    /// What `EcDoAsyncConnectEx` answers (opnum 14, [MS-OXCRPC] 3.1.4.4).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EcDoAsyncConnectExResponse as "EcDoAsyncConnectEx" {
        /// The handle for `EcDoAsyncWaitEx`; all zero where the call failed.
        pub async_handle: ContextHandle = "pacxh",
        /// Zero, or why the call failed.
        pub return_value: ErrorCode = "return",
    }
}

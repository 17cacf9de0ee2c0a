//! Request and response bodies of the mailbox store ([MS-OXCMAPIHTTP] 2.2.4).

use wire::{Result, Utf16};

use super::auxiliary::AuxiliaryBuffer;
use super::field::{SizedBytes, String8};
use super::format::MapiHttp;
use super::operation_response::http_response;
use super::operations::http_operations;
use crate::compress::{self, ExtendedBuffer, Limits};
use crate::emsmdb::RpcFlags;
use crate::field::structure;

http_operations! { Emsmdb;
    /// Creates a session.
    Connect(ConnectRequest, ConnectResponse);
    /// Executes ROPs.
    Execute(ExecuteRequest, ExecuteResponse);
    /// Ends the session.
    Disconnect(DisconnectRequest, DisconnectResponse);
    /// Waits for notifications.
    NotificationWait(NotificationWaitRequest, NotificationWaitResponse);
}

structure! {
    /// The request body of `Connect` ([MS-OXCMAPIHTTP] 2.2.4.1.1).
    pub struct ConnectRequest: MapiHttp as "Connect" {
        /// The distinguished name of the user who connects.
        pub user_dn: String8 = "UserDn",
        /// Zero, or flags that request privileges ([MS-OXCRPC] 3.1.4.1).
        pub flags: u32 = "Flags",
        /// The code page for 8-bit strings.
        pub default_code_page: u32 = "DefaultCodePage",
        /// The locale for sorting.
        pub lcid_sort: u32 = "LcidSort",
        /// The locale for everything except sorting.
        pub lcid_string: u32 = "LcidString",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `Connect` ([MS-OXCMAPIHTTP] 2.2.4.1.2).
    pub struct ConnectResponse as "Connect" {
        /// The interval at which the client polls for notifications, in milliseconds.
        pub polls_max: u32 = "PollsMax",
        /// The number of times the client repeats a failed request.
        pub retry_count: u32 = "RetryCount",
        /// The time before the client repeats a request, in milliseconds.
        pub retry_delay: u32 = "RetryDelay",
        /// The prefix of distinguished names in the server's organization.
        pub dn_prefix: String8 = "DnPrefix",
        /// The display name of the user who connected.
        pub display_name: Utf16 = "DisplayName",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `Execute` ([MS-OXCMAPIHTTP] 2.2.4.2.1).
    pub struct ExecuteRequest: MapiHttp as "Execute" {
        /// How the server may encode the response.
        pub flags: RpcFlags = "Flags",
        /// A chain of extended buffers with ROP requests; see [`ExecuteRequest::rop_buffers`].
        pub rop_buffer: SizedBytes = "RopBuffer",
        /// The maximum size of the ROP responses, in bytes.
        pub max_rop_out: u32 = "MaxRopOut",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `Execute` ([MS-OXCMAPIHTTP] 2.2.4.2.2).
    pub struct ExecuteResponse as "Execute" {
        /// Reserved; zero.
        pub flags: RpcFlags = "Flags",
        /// A chain of extended buffers with ROP responses; see [`ExecuteResponse::rop_buffers`].
        pub rop_buffer: SizedBytes = "RopBuffer",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

macro_rules! rop_buffers {
    ($name:ident) => {
        impl $name {
            /// Decodes the extended buffers in `rop_buffer`; returns none if it is empty.
            ///
            /// # Errors
            /// Fails if `rop_buffer` is not a chain of extended buffers, or exceeds `limits`.
            pub fn rop_buffers(&self, limits: Limits) -> Result<Vec<ExtendedBuffer>> {
                if self.rop_buffer.0.is_empty() {
                    return Ok(Vec::new());
                }
                compress::decode_shared_chain(&self.rop_buffer.0, limits)
            }
        }
    };
}

rop_buffers!(ExecuteRequest);
rop_buffers!(ExecuteResponse);

structure! {
    /// The request body of `Disconnect` ([MS-OXCMAPIHTTP] 2.2.4.3.1).
    pub struct DisconnectRequest: MapiHttp as "Disconnect" {
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `Disconnect` ([MS-OXCMAPIHTTP] 2.2.4.3.2).
    pub struct DisconnectResponse as "Disconnect" {
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// The request body of `NotificationWait` ([MS-OXCMAPIHTTP] 2.2.4.4.1).
    pub struct NotificationWaitRequest: MapiHttp as "NotificationWait" {
        /// Reserved; zero.
        pub flags: u32 = "Flags",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_response! {
    /// The response body of `NotificationWait` ([MS-OXCMAPIHTTP] 2.2.4.4.2).
    pub struct NotificationWaitResponse as "NotificationWait" {
        /// 1 if notifications are pending, which the client retrieves by `Execute`; 0 otherwise.
        pub event_pending: u32 = "EventPending",
        /// The auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

impl NotificationWaitResponse {
    /// The value of [`event_pending`](Self::event_pending) if notifications are pending.
    pub const PENDING: u32 = 1;
}

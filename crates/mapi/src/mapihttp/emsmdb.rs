//! The mailbox store's bodies ([MS-OXCMAPIHTTP] 2.2.4).

use wire::{Result, Utf16};

use super::answer::http_answer;
use super::auxiliary::AuxiliaryBuffer;
use super::field::{SizedBytes, String8};
use super::format::MapiHttp;
use super::operations::http_operations;
use crate::compress::{self, ExtendedBuffer, Limits};
use crate::emsmdb::RpcFlags;
use crate::field::structure;

http_operations! { Emsmdb;
    /// Begins a session.
    Connect(ConnectRequest, ConnectResponse);
    /// Carries ROPs.
    Execute(ExecuteRequest, ExecuteResponse);
    /// Ends the session.
    Disconnect(DisconnectRequest, DisconnectResponse);
    /// Waits until there are notifications.
    NotificationWait(NotificationWaitRequest, NotificationWaitResponse);
}

structure! {
    /// What `Connect` asks ([MS-OXCMAPIHTTP] 2.2.4.1.1).
    pub struct ConnectRequest: MapiHttp as "Connect" {
        /// The DN of the user who connects, in the directory.
        pub user_dn: String8 = "UserDn",
        /// Zero, or flags that ask for more ([MS-OXCRPC] 3.1.4.1).
        pub flags: u32 = "Flags",
        /// The code page for 8-bit strings.
        pub default_code_page: u32 = "DefaultCodePage",
        /// The locale for sorting.
        pub lcid_sort: u32 = "LcidSort",
        /// The locale for everything but sorting.
        pub lcid_string: u32 = "LcidString",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `Connect` answers ([MS-OXCMAPIHTTP] 2.2.4.1.2).
    pub struct ConnectResponse as "Connect" {
        /// How often the client is to poll for notifications, in milliseconds.
        pub polls_max: u32 = "PollsMax",
        /// How often the client is to retry a request.
        pub retry_count: u32 = "RetryCount",
        /// How long the client is to wait before that, in milliseconds.
        pub retry_delay: u32 = "RetryDelay",
        /// The prefix of the DNs of the server's organisation.
        pub dn_prefix: String8 = "DnPrefix",
        /// The display name of the user who connected.
        pub display_name: Utf16 = "DisplayName",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `Execute` asks ([MS-OXCMAPIHTTP] 2.2.4.2.1).
    pub struct ExecuteRequest: MapiHttp as "Execute" {
        /// How the response is to be packed.
        pub flags: RpcFlags = "Flags",
        /// Extended buffers with ROP requests; see [`ExecuteRequest::rop_buffers`].
        pub rop_buffer: SizedBytes = "RopBuffer",
        /// How many bytes of ROP responses the client takes back.
        pub max_rop_out: u32 = "MaxRopOut",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `Execute` answers ([MS-OXCMAPIHTTP] 2.2.4.2.2).
    pub struct ExecuteResponse as "Execute" {
        /// Reserved.
        pub flags: RpcFlags = "Flags",
        /// Extended buffers with ROP responses; see [`ExecuteResponse::rop_buffers`].
        pub rop_buffer: SizedBytes = "RopBuffer",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

macro_rules! rop_buffers {
    ($name:ident) => {
        impl $name {
            /// The extended buffers that `rop_buffer` is made of; none where it is empty.
            ///
            /// # Errors
            /// As [`compress::decode_shared_chain`].
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
    /// What `Disconnect` asks ([MS-OXCMAPIHTTP] 2.2.4.3.1).
    pub struct DisconnectRequest: MapiHttp as "Disconnect" {
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `Disconnect` answers ([MS-OXCMAPIHTTP] 2.2.4.3.2).
    pub struct DisconnectResponse as "Disconnect" {
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

structure! {
    /// What `NotificationWait` asks ([MS-OXCMAPIHTTP] 2.2.4.4.1).
    pub struct NotificationWaitRequest: MapiHttp as "NotificationWait" {
        /// Reserved, zero.
        pub flags: u32 = "Flags",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

http_answer! {
    /// What `NotificationWait` answers ([MS-OXCMAPIHTTP] 2.2.4.4.2).
    pub struct NotificationWaitResponse as "NotificationWait" {
        /// 1 if there are notifications for the client to fetch with an `Execute`, 0 otherwise.
        pub event_pending: u32 = "EventPending",
        /// Auxiliary blocks.
        pub aux: AuxiliaryBuffer = "AuxiliaryBuffer",
    }
}

impl NotificationWaitResponse {
    /// [`event_pending`](Self::event_pending) where there are notifications.
    pub const PENDING: u32 = 1;
}

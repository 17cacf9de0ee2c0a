//! Responses that are not replies to a request: notifications and the state of the server ([MS-OXCROPS] 2.2.14.2,
//! 2.2.14.3, 2.2.15).

use wire::{Reader, Result, Writer};

use super::field::{Bytes16, List8};
use super::format::Rop;
use super::rop_id::RopId;
use crate::field::{Field, newtype_field, structure};
use crate::inspect::{Inspect, Node};
use crate::notification::NotificationData;
use crate::property::PropTag;

/// `RopNotify`: a notification to which the client subscribed ([MS-OXCROPS] 2.2.14.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct RopNotifyResponse {
    /// The handle of the subscription, or of the table whose rows changed.
    pub notification_handle: u32,
    /// The logon of the subscription.
    pub logon_id: u8,
    /// The event ([MS-OXCNOTIF] 2.2.1.4.1.2).
    pub notification_data: NotificationData,
}

impl RopNotifyResponse {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            notification_handle: r.u32("NotificationHandle")?,
            logon_id: r.u8("LogonId")?,
            notification_data: NotificationData::read(r)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.notification_handle).u8(self.logon_id);
        self.notification_data.write(w)
    }

    pub(super) fn node_with(&self, columns: Option<&[PropTag]>) -> Node {
        Node::Fields(vec![
            ("NotificationHandle".into(), self.notification_handle.to_node()),
            ("LogonId".into(), self.logon_id.to_node()),
            ("NotificationData".into(), self.notification_data.node_with(columns)),
        ])
    }
}

impl Inspect for RopNotifyResponse {
    fn to_node(&self) -> Node {
        self.node_with(None)
    }
}

newtype_field!(RopId(u8));

structure! {
    /// `RopPending`: notifications are pending ([MS-OXCROPS] 2.2.14.3.1).
    pub struct RopPendingResponse: Rop as "RopPending" {
        /// The index of the session with pending notifications.
        pub session_index: u16 = "SessionIndex",
    }
}

structure! {
    /// `RopBackoff`: the server is busy and requests that the client sends no ROPs for some time ([MS-OXCROPS]
    /// 2.2.15.2.1).
    pub struct RopBackoffResponse: Rop as "RopBackoff" {
        /// The logon; 0xFF for all logons.
        pub logon_id: u8 = "LogonId",
        /// The time for which no ROP of the logon should be sent, in milliseconds.
        pub duration: u32 = "Duration",
        /// ROPs for which another time applies.
        pub backoff_rop_data: List8<BackoffRop> = "BackoffRopData",
        /// Further data, which are not specified.
        pub additional_data: Bytes16 = "AdditionalData",
    }
}

structure! {
    /// The time for which a ROP should not be sent ([MS-OXCROPS] 2.2.15.2.1.1).
    pub struct BackoffRop: Rop as "BackoffRop" {
        /// The ROP that the client should not send.
        pub rop_id: RopId = "RopIdBackoff",
        /// The time, in milliseconds.
        pub duration: u32 = "Duration",
    }
}

/// `RopBufferTooSmall`: the replies would not fit into the client's buffer ([MS-OXCROPS] 2.2.15.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RopBufferTooSmallResponse {
    /// The necessary size of the buffer, in bytes.
    pub size_needed: u16,
    /// The requests that were not executed: the remaining bytes of the response buffer.
    pub request_buffers: Vec<u8>,
}

impl Field<Rop> for RopBufferTooSmallResponse {
    const MIN_SIZE: usize = 2;

    fn read(r: &mut Reader<'_>, _field: &'static str) -> Result<Self> {
        let size_needed = r.u16("SizeNeeded").map_err(|error| error.within("RopBufferTooSmall"))?;
        Ok(Self { size_needed, request_buffers: r.rest().to_vec() })
    }

    fn write(&self, w: &mut Writer, _field: &'static str) -> Result<()> {
        w.u16(self.size_needed).bytes(&self.request_buffers);
        Ok(())
    }
}

impl Inspect for RopBufferTooSmallResponse {
    fn to_node(&self) -> Node {
        Node::Fields(vec![
            ("SizeNeeded".into(), self.size_needed.to_node()),
            ("RequestBuffers".into(), Node::Bytes(self.request_buffers.clone())),
        ])
    }
}

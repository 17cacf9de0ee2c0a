//! Responses in ROP buffers: replies to requests, and responses without a request.

use wire::{Encode, Error, Reader, Result, Writer};

use super::body::ResponseBody;
use super::context::ResponseContext;
use super::request::RopRequest;
use super::response_only::{
    RopBackoffResponse, RopBufferTooSmallResponse, RopNotifyResponse, RopPendingResponse,
};
use super::rop_id::RopId;
use crate::ErrorCode;
use crate::field::Field;
use crate::inspect::{Inspect, Node};
use crate::property::PropTag;

/// The reply to a ROP.
#[derive(Debug, Clone, PartialEq)]
pub struct RopReply {
    /// The handle index of the request: that of the new object for ROPs that open or create one, otherwise that of the
    /// object on which the ROP acted.
    pub handle_index: u8,
    /// Zero, or the error with which the ROP failed.
    pub return_value: ErrorCode,
    /// The fields of the reply.
    pub body: ResponseBody,
}

impl RopReply {
    /// Creates the reply to `request` with an error. Fields that are present even then are zero, except for the handle
    /// index of a missing destination, which is that of the request.
    pub fn refused(request: &RopRequest, return_value: ErrorCode) -> Self {
        let id = request.reply_id();
        let requested = request.requested_properties();
        let context = ResponseContext { requested, ..ResponseContext::default() };
        let mut fields = [0; 32];
        if return_value == ErrorCode::EC_DST_NULL_OBJECT
            && let (Some(first), Some(index)) = (fields.first_mut(), request.destination_index())
        {
            *first = index;
        }
        let body = ResponseBody::read(id, return_value, &mut Reader::new(&fields), context);
        let body = body.unwrap_or(ResponseBody::Failed(id));
        Self { handle_index: request.reply_handle_index(), return_value, body }
    }

    /// Creates a reply without fields to the ROP `id`, with an error.
    pub const fn failed(id: RopId, handle_index: u8, return_value: ErrorCode) -> Self {
        Self { handle_index, return_value, body: ResponseBody::Failed(id) }
    }
}

/// An element of a response buffer ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, PartialEq)]
pub enum RopResponse {
    /// The reply to a ROP.
    Reply(RopReply),
    /// A notification to which the client subscribed.
    Notify(RopNotifyResponse),
    /// Notifications of a session are pending.
    Pending(RopPendingResponse),
    /// The server is busy.
    Backoff(RopBackoffResponse),
    /// The replies to the remaining requests would not fit.
    BufferTooSmall(RopBufferTooSmallResponse),
}

impl RopResponse {
    /// The ROP of the response.
    pub const fn id(&self) -> RopId {
        match self {
            Self::Reply(reply) => reply.body.id(),
            Self::Notify(_) => RopId::RopNotify,
            Self::Pending(_) => RopId::RopPending,
            Self::Backoff(_) => RopId::RopBackoff,
            Self::BufferTooSmall(_) => RopId::RopBufferTooSmall,
        }
    }

    /// The reply to a ROP, if it is one.
    pub const fn reply(&self) -> Option<&RopReply> {
        match self {
            Self::Reply(reply) => Some(reply),
            _ => None,
        }
    }

    /// Whether the server stopped at a request: that one and those after it were not executed.
    pub const fn stops_batch(&self) -> bool {
        matches!(self, Self::Backoff(_) | Self::BufferTooSmall(_))
    }

    /// Decodes the next response.
    ///
    /// # Errors
    /// Fails if the ROP is unknown, the bytes are not its fields, or `context` lacks information that they depend on.
    pub fn decode(r: &mut Reader<'_>, context: ResponseContext<'_>) -> Result<Self> {
        let id = RopId(r.u8("RopId")?);
        match id {
            RopId::RopNotify => RopNotifyResponse::read(r).map(Self::Notify),
            RopId::RopPending => RopPendingResponse::read(r, "RopPending").map(Self::Pending),
            RopId::RopBackoff => RopBackoffResponse::read(r, "RopBackoff").map(Self::Backoff),
            RopId::RopBufferTooSmall => {
                RopBufferTooSmallResponse::read(r, "RopBufferTooSmall").map(Self::BufferTooSmall)
            }
            id => {
                let handle_index = r.u8("InputHandleIndex")?;
                let return_value = ErrorCode(r.u32("ReturnValue")?);
                let body = ResponseBody::read(id, return_value, r, context)?;
                Ok(Self::Reply(RopReply { handle_index, return_value, body }))
            }
        }
    }
}

impl Encode for RopReply {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        if !self.body.fits(self.return_value) {
            let found = u64::from(self.return_value.0);
            let error = w.invalid("ReturnValue", found, "a value that matches the fields after it");
            return Err(with_rop_name(error, self.body.id()));
        }
        w.u8(self.body.id().0).u8(self.handle_index).u32(self.return_value.0);
        self.body.write(w)
    }
}

/// Adds the name of the ROP to the error.
fn with_rop_name(error: Error, id: RopId) -> Error {
    error.within(id.name().unwrap_or("ROP"))
}

impl Encode for RopResponse {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        match self {
            Self::Reply(reply) => reply.encode(w),
            Self::Notify(notify) => {
                w.u8(RopId::RopNotify.0);
                notify.write(w)?;
                Ok(())
            }
            Self::Pending(pending) => {
                w.u8(RopId::RopPending.0);
                pending.write(w, "RopPending")
            }
            Self::Backoff(backoff) => {
                w.u8(RopId::RopBackoff.0);
                backoff.write(w, "RopBackoff")
            }
            Self::BufferTooSmall(small) => {
                w.u8(RopId::RopBufferTooSmall.0);
                small.write(w, "RopBufferTooSmall")
            }
        }
    }
}

impl Inspect for RopReply {
    fn to_node(&self) -> Node {
        let mut fields = vec![
            ("RopId".into(), self.body.id().to_node()),
            ("HandleIndex".into(), self.handle_index.to_node()),
            ("ReturnValue".into(), self.return_value.to_node()),
        ];
        match self.body.to_node() {
            Node::Fields(body) => fields.extend(body),
            other => fields.push(("Body".into(), other)),
        }
        Node::Fields(fields)
    }
}

impl RopResponse {
    /// The response as a node, in which the values of a table row in a notification have the names of `columns`.
    pub fn node_with(&self, columns: Option<&[PropTag]>) -> Node {
        let node = match self {
            Self::Reply(reply) => return reply.to_node(),
            Self::Notify(notify) => notify.node_with(columns),
            Self::Pending(pending) => pending.to_node(),
            Self::Backoff(backoff) => backoff.to_node(),
            Self::BufferTooSmall(small) => small.to_node(),
        };
        let mut fields = vec![("RopId".into(), self.id().to_node())];
        match node {
            Node::Fields(body) => fields.extend(body),
            other => fields.push(("Body".into(), other)),
        }
        Node::Fields(fields)
    }
}

impl Inspect for RopResponse {
    fn to_node(&self) -> Node {
        self.node_with(None)
    }
}

//! ROP responses, and the context that decoding one needs.

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

/// The answer to one ROP.
#[derive(Debug, Clone, PartialEq)]
pub struct RopReply {
    /// The index that the request named: of the new object for ROPs that make one, otherwise of the object that
    /// the ROP acted on.
    pub handle_index: u8,
    /// Zero, or why the ROP failed.
    pub return_value: ErrorCode,
    /// What it answers.
    pub body: ResponseBody,
}

impl RopReply {
    /// The answer that `request` failed. Where a ROP has fields even then, they are zero, but for the index
    /// of a destination that is missing: it is the request's.
    pub fn refused(request: &RopRequest, return_value: ErrorCode) -> Self {
        let id = request.answered_id();
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
        Self { handle_index: request.answered_index(), return_value, body }
    }

    /// A failure of the ROP `id`, where it has nothing but its return value.
    pub const fn failed(id: RopId, handle_index: u8, return_value: ErrorCode) -> Self {
        Self { handle_index, return_value, body: ResponseBody::Failed(id) }
    }
}

/// What stands in a response buffer ([MS-OXCROPS] 2.2.1).
#[derive(Debug, Clone, PartialEq)]
pub enum RopResponse {
    /// The answer to a ROP.
    Reply(RopReply),
    /// Something happened that the client subscribed to.
    Notify(RopNotifyResponse),
    /// Notifications of a session wait.
    Pending(RopPendingResponse),
    /// The server is busy.
    Backoff(RopBackoffResponse),
    /// The answers to what follows would not fit.
    BufferTooSmall(RopBufferTooSmallResponse),
}

impl RopResponse {
    /// Which ROP it is.
    pub const fn id(&self) -> RopId {
        match self {
            Self::Reply(reply) => reply.body.id(),
            Self::Notify(_) => RopId::RopNotify,
            Self::Pending(_) => RopId::RopPending,
            Self::Backoff(_) => RopId::RopBackoff,
            Self::BufferTooSmall(_) => RopId::RopBufferTooSmall,
        }
    }

    /// The answer to a ROP, if it is one.
    pub const fn reply(&self) -> Option<&RopReply> {
        match self {
            Self::Reply(reply) => Some(reply),
            _ => None,
        }
    }

    /// Whether the server stopped at a request: that one and those behind it were not carried out.
    pub const fn stops_batch(&self) -> bool {
        matches!(self, Self::Backoff(_) | Self::BufferTooSmall(_))
    }

    /// Reads a response from where `r` stands.
    ///
    /// # Errors
    /// When the ROP is not known, its bytes are not its fields, or `context` lacks what they depend on.
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
            let error = w.invalid("ReturnValue", found, "one that goes with the fields behind it");
            return Err(name(error, self.body.id()));
        }
        w.u8(self.body.id().0).u8(self.handle_index).u32(self.return_value.0);
        self.body.write(w)
    }
}

/// The error with the name of the ROP.
fn name(error: Error, id: RopId) -> Error {
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
    /// As it is shown where the table that a notification tells of has `columns`: a row's values by their
    /// names.
    pub fn node_with(&self, columns: Option<&[PropTag]>) -> Node {
        let shown = match self {
            Self::Reply(reply) => return reply.to_node(),
            Self::Notify(notify) => notify.node_with(columns),
            Self::Pending(pending) => pending.to_node(),
            Self::Backoff(backoff) => backoff.to_node(),
            Self::BufferTooSmall(small) => small.to_node(),
        };
        let mut fields = vec![("RopId".into(), self.id().to_node())];
        match shown {
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

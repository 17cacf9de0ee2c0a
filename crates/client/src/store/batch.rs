//! ROPs that are sent in one request, and their replies.

use std::collections::VecDeque;

use mapi::ErrorCode;
use mapi::emsmdb::NO_OBJECT;
use mapi::rop::{RequestBody, ResponseBody, RopReply, RopRequest};

use crate::error::{Error, Failure};

/// ROPs that are sent in one request, and the table of the handles of their objects.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(super) rops: Vec<RopRequest>,
    pub(super) handles: Vec<u32>,
}

/// An index in the handle table of a batch.
pub(crate) type Slot = u8;

impl Batch {
    /// Adds a place for an object that a ROP of the batch opens or creates.
    pub(crate) fn opened(&mut self) -> Slot {
        self.slot(NO_OBJECT)
    }

    /// Adds the handle of an object. A batch has a few objects at most.
    pub(super) fn slot(&mut self, handle: u32) -> Slot {
        self.handles.push(handle);
        Slot::try_from(self.handles.len() - 1).unwrap_or(Slot::MAX)
    }

    /// Adds a ROP that acts on the object at `slot`.
    pub(crate) fn push(&mut self, slot: Slot, body: RequestBody) {
        self.rops.push(RopRequest { logon_id: 0, handle_index: slot, body });
    }
}

/// The replies to the ROPs of a batch, in their order.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    pub(super) replies: VecDeque<(&'static str, Option<RopReply>)>,
    pub(super) handles: Vec<u32>,
}

impl Replies {
    /// The next reply, if its ROP succeeded, with or without a warning.
    ///
    /// # Errors
    /// If the ROP failed, or the server did not reply to it.
    pub(crate) fn next(&mut self) -> Result<ResponseBody, Error> {
        let (rop, reply) = self.replies.pop_front().unwrap_or(("ROP", None));
        let reply = reply.ok_or_else(|| Error::new(rop, Failure::Missing("reply to the ROP")))?;
        if reply.return_value.is_success() || reply.return_value.is_warning() {
            return Ok(reply.body);
        }
        Err(Error::new(rop, Failure::Returned(reply.return_value)))
    }

    /// Whether all replies were taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// Takes the next reply, whose fields are not needed.
    ///
    /// # Errors
    /// If the ROP failed, or the server did not reply to it.
    pub(crate) fn done(&mut self) -> Result<(), Error> {
        self.next().map(drop)
    }

    /// The handle at `slot`, or `None` if there is no object.
    pub(super) fn handle(&self, slot: Slot) -> Option<u32> {
        self.handles.get(usize::from(slot)).copied().filter(|handle| *handle != NO_OBJECT)
    }
}

/// The fields of a reply whose ROP is known.
macro_rules! fields {
    ($body:expr, $rop:ident) => {
        match $body {
            mapi::rop::ResponseBody::$rop(fields) => Ok(fields),
            other => {
                Err($crate::error::Error::new(stringify!($rop), $crate::store::batch::unexpected(&other)))
            }
        }
    };
}

pub(crate) use fields;

/// Why the reply to another ROP, or one without fields, cannot be used.
pub(crate) fn unexpected(body: &ResponseBody) -> Failure {
    match body {
        ResponseBody::Failed(_) => Failure::Returned(ErrorCode::MAPI_E_CALL_FAILED),
        _ => Failure::Missing("reply to the ROP"),
    }
}

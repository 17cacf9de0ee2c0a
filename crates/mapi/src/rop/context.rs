//! Information in addition to the bytes of a ROP that is necessary to decode it.

use std::sync::Arc;

use wire::{Reader, Result};

use super::rop_id::RopId;
use crate::property::PropTag;

/// Information in addition to the bytes of a request that is necessary to decode it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestContext {
    /// Whether the logon of the ROP is to a private mailbox (`true`) or to the public folders (`false`), if known.
    pub private: Option<bool>,
}

/// Information in addition to the bytes of a response that is necessary to decode it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResponseContext<'a> {
    /// The properties that the request lists (`RopGetPropertiesSpecific`).
    pub requested: Option<&'a [PropTag]>,
    /// The columns of the table whose rows are returned, or of the recipients of the message.
    pub columns: Option<&'a Arc<[PropTag]>>,
    /// The next response that is expected in the same buffer.
    pub next: Option<ExpectedReply>,
}

/// The beginning of an expected response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedReply {
    /// The ROP of the request.
    pub request: RopId,
    /// The handle index of the response.
    pub handle_index: u8,
}

impl<'a> ResponseContext<'a> {
    /// The columns, if they are known.
    ///
    /// # Errors
    /// Fails if they are not known, with the offset of `r`.
    pub fn columns(&self, r: &Reader<'_>) -> Result<&'a Arc<[PropTag]>> {
        self.columns.ok_or_else(|| r.invalid("Columns", 0, "known columns of the table or message"))
    }

    /// Whether `rest` may follow the response: the next response, one without a request, or the end.
    pub(super) fn may_follow(&self, rest: &[u8]) -> bool {
        match (rest, self.next) {
            ([], next) => next.is_none(),
            ([id, ..], _) if RopId(*id).is_response_only() => true,
            ([id, index, ..], Some(next)) => {
                next.request.may_have_reply_id(RopId(*id)) && *index == next.handle_index
            }
            _ => false,
        }
    }
}

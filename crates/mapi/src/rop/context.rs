//! What has to be known to read a ROP, beyond its bytes.

use wire::{Reader, Result};

use super::rop_id::RopId;
use crate::property::PropTag;

/// What has to be known to read a request, beyond its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestContext {
    /// Whether the logon that the ROP belongs to is one to a private mailbox, not to the public folders.
    pub private: Option<bool>,
}

/// What has to be known to read a response, beyond its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResponseContext<'a> {
    /// The properties that the request asks for, where it names them (`RopGetPropertiesSpecific`).
    pub requested: Option<&'a [PropTag]>,
    /// The columns of the table that rows are read from, or those of the message's recipients.
    pub columns: Option<&'a [PropTag]>,
    /// The answer that comes next in the same buffer.
    pub next: Option<ExpectedAnswer>,
}

/// How the answer to a request begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedAnswer {
    /// The ROP of the request.
    pub request: RopId,
    /// The handle index that the answer names.
    pub handle_index: u8,
}

impl<'a> ResponseContext<'a> {
    /// The columns.
    ///
    /// # Errors
    /// When they are not known. `r` stands where they are needed.
    pub fn columns(&self, r: &Reader<'_>) -> Result<&'a [PropTag]> {
        self.columns.ok_or_else(|| r.invalid("Columns", 0, "columns that are known"))
    }

    /// Whether what stands in `rest` may stand behind the answer: the next one, what answers no request, or
    /// nothing.
    pub(super) fn may_follow(&self, rest: &[u8]) -> bool {
        match (rest, self.next) {
            ([], next) => next.is_none(),
            ([id, ..], _) if RopId(*id).is_response_only() => true,
            ([id, index, ..], Some(next)) => {
                next.request.may_be_answered_as(RopId(*id)) && *index == next.handle_index
            }
            _ => false,
        }
    }
}

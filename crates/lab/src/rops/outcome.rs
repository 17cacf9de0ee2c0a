//! What a ROP results in.

use mapi::ErrorCode;
use mapi::rop::{ResponseBody, RopRequest};

use crate::session::Object;

/// A successful ROP.
#[derive(Debug)]
pub(super) struct Success {
    pub(super) body: ResponseBody,
    /// The object that it opened.
    pub(super) opened: Option<Object>,
    /// The ROP that continues it in another buffer.
    pub(super) next: Option<RopRequest>,
}

impl Success {
    pub(super) const fn new(body: ResponseBody) -> Self {
        Self { body, opened: None, next: None }
    }

    pub(super) fn opened(body: ResponseBody, object: Object) -> Self {
        Self { opened: Some(object), ..Self::new(body) }
    }
}

/// What a ROP results in: a success, or an error code.
pub(super) type Outcome = Result<Success, ErrorCode>;

//! State of accepted contexts, proposals and outstanding calls.

use bytes::Bytes;
use wire::Guid;

use crate::association::core::fragment::Assembly;
use crate::pdu::{ContextResult, DataRepresentation, SyntaxId};

/// A context that the server accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted {
    pub(super) id: u16,
    pub(super) interface: SyntaxId,
}

/// A bind or `alter_context` that waits for its answer.
pub(super) struct Proposed {
    pub(super) call_id: u32,
    pub(super) contexts: Vec<(u16, SyntaxId)>,
    /// A last context negotiates features, and is not the caller's.
    pub(super) features: bool,
    /// What became of the contexts, once that is known and only the handshake goes on.
    pub(super) results: Vec<(u16, ContextResult)>,
    pub(super) binding: bool,
}

/// A call whose answer has not come yet.
#[derive(Default)]
pub(super) struct Outstanding {
    pub(super) answer: Option<(DataRepresentation, Assembly)>,
}

/// A call that waits for its turn.
pub(super) struct Waiting {
    pub(super) call_id: u32,
    pub(super) context_id: u16,
    pub(super) opnum: u16,
    pub(super) object: Option<Guid>,
    pub(super) stub: Bytes,
}

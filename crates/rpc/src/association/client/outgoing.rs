//! The state of accepted contexts, proposals and calls.

use bytes::Bytes;
use wire::Guid;

use crate::association::core::fragment::Assembly;
use crate::pdu::{ContextResult, DataRepresentation, SyntaxId};

/// A presentation context that the server accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted {
    pub(super) id: u16,
    pub(super) interface: SyntaxId,
}

/// A bind or `alter_context` that waits for its response.
pub(super) struct Proposed {
    pub(super) call_id: u32,
    pub(super) contexts: Vec<(u16, SyntaxId)>,
    /// The last context negotiates features, and was added here.
    pub(super) features: bool,
    /// The results of the contexts, once they are known and only the handshake continues.
    pub(super) results: Vec<(u16, ContextResult)>,
    pub(super) binding: bool,
}

/// A call whose response has not arrived.
#[derive(Default)]
pub(super) struct Outstanding {
    pub(super) response: Option<(DataRepresentation, Assembly)>,
    /// How many fragments of the response arrived after the first.
    pub(super) fragments: usize,
}

/// A call that was given up.
pub(super) struct Orphan {
    pub(super) call_id: u32,
    /// How many bytes of its response were received. A fragment counts with the least average length at least.
    pub(super) received: usize,
}

/// A call to send.
pub(super) struct Outgoing {
    pub(super) call_id: u32,
    pub(super) context_id: u16,
    pub(super) opnum: u16,
    pub(super) object: Option<Guid>,
    pub(super) stub: Bytes,
}

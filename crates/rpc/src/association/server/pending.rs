//! The state of binds: accepted presentation contexts, and a response that waits for a handshake.

use super::config::Interface;
use crate::pdu::{BindAck, PfcFlags, SyntaxId};

/// An accepted presentation context.
#[derive(Debug, Clone, Copy)]
pub(super) struct PresentedContext {
    pub(super) id: u16,
    /// The interface as the client named it.
    pub(super) abstract_syntax: SyntaxId,
    pub(super) interface: Interface,
}

/// A token that waits for [`resume_handshake`](super::ServerAssociation::resume_handshake).
pub(super) struct PendingAuth {
    pub(super) auth_context_id: u32,
    pub(super) call_id: u32,
    pub(super) response: PendingResponse,
    /// The flags of the response.
    pub(super) flags: PfcFlags,
}

pub(super) enum PendingResponse {
    BindAck(BindAck),
    AlterContextResp(BindAck),
    None,
}

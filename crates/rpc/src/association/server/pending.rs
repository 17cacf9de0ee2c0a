//! State of binds: accepted presentation contexts, and an answer that waits for its handshake.

use super::config::Interface;
use crate::pdu::{BindAck, PfcFlags, SyntaxId};

/// An accepted presentation context.
#[derive(Debug, Clone, Copy)]
pub(super) struct PresentedContext {
    pub(super) id: u16,
    /// The interface as the client named it.
    pub(super) asked: SyntaxId,
    pub(super) interface: Interface,
}

/// A token that waits for the driver's answer.
pub(super) struct PendingAuth {
    pub(super) auth_context_id: u32,
    pub(super) call_id: u32,
    pub(super) answer: PendingAnswer,
    /// The answer's flags.
    pub(super) flags: PfcFlags,
}

pub(super) enum PendingAnswer {
    BindAck(BindAck),
    AlterContextResp(BindAck),
    None,
}

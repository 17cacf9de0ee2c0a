//! Updates a handle-based session when one of its operations ends: ends it if no context handle refers to it any more,
//! the upstream has lost it, or a hook panicked.

use mapi::Interface;

use crate::context_handle::{HandleUse, handle_use};
use crate::engine::Engine;
use crate::operation::Operation;
use crate::session::SharedSession;
use crate::sessions::binding::End;
use crate::sessions::handle_binding::{HandleBinding, rpc_call};

/// Updates the session after the operation: ends it if no handle of its group refers to it any more, or the upstream
/// does not know the handle in the request.
pub(crate) fn settle(
    binding: &HandleBinding,
    engine: &Engine,
    operation: &Operation,
    session: &SharedSession,
    end: End,
) {
    let HandleBinding { group, named, upstream_group, .. } = binding;
    let (interface, opnum) = rpc_call(operation.key());
    let handle_use = handle_use(interface, opnum);
    // The client does not receive the handle that the operation opened.
    let is_unreachable =
        handle_use == HandleUse::Opens && matches!(end, End::Responded { is_refused: true } | End::Aborted);
    // In another association group the upstream does not know a handle that it has (C706 9.3.4).
    let unknown = named.filter(|named| {
        named.upstream_group == *upstream_group
            && matches!(end, End::RefusedByUpstream(refusal) if refusal.is_session_gone())
    });
    if let Some(unknown) = unknown {
        group.remove(unknown.local);
    }
    // The handle of AsyncEMSMDB is derived from the session's own.
    let is_lost = unknown.is_some() && interface != Interface::AsyncEmsmdb;
    let is_broken = session.is_broken();
    if is_unreachable || is_lost || is_broken {
        group.remove_session(session);
    }
    let may_end = matches!(handle_use, HandleUse::Opens | HandleUse::Passes | HandleUse::Closes);
    if is_lost || is_broken || (may_end && !group.contains_session(session)) {
        engine.end_session(session);
    }
}

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
    if is_lost {
        group.remove_session(session);
    } else if is_unreachable || is_broken {
        group.orphan_session(session);
    }
    let may_end = matches!(handle_use, HandleUse::Opens | HandleUse::Passes | HandleUse::Closes);
    if is_lost || is_broken || (may_end && !group.contains_session(session)) {
        engine.end_session(session);
    }
    // It may have ended while the handle was derived.
    if handle_use == HandleUse::Derives && session.is_closed() {
        group.remove_derived(session);
    }
}

/// Ends the session that the operation opened, since the client does not receive the response.
pub(crate) fn withdraw(
    binding: &HandleBinding,
    engine: &Engine,
    operation: &Operation,
    session: &SharedSession,
) {
    let (interface, opnum) = rpc_call(operation.key());
    if handle_use(interface, opnum) == HandleUse::Opens {
        engine.end_session(session);
        binding.group.orphan_session(session);
    }
}

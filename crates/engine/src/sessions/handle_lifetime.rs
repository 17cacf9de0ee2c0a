//! Updates a handle-based session when one of its operations ends: ends it if no context handle refers to it any more,
//! or a hook panicked.

use crate::context_handle::{HandleUse, handle_use};
use crate::engine::Engine;
use crate::operation::Operation;
use crate::session::SharedSession;
use crate::sessions::binding::End;
use crate::sessions::handle_binding::rpc_call;
use crate::sessions::handles::HandleTable;

/// Updates the session after the operation: ends it if none of the handles in `group` refers to it any more.
pub(crate) fn settle(
    group: &HandleTable,
    engine: &Engine,
    operation: &Operation,
    session: &SharedSession,
    end: End,
) {
    let (interface, opnum) = rpc_call(operation.key());
    let handle_use = handle_use(interface, opnum);
    // The client does not receive the handle that the operation opened.
    let is_unreachable =
        handle_use == HandleUse::Opens && matches!(end, End::Responded { is_refused: true } | End::Aborted);
    let is_broken = session.lock().is_broken();
    if is_unreachable || is_broken {
        group.remove_session(session);
    }
    let may_end = matches!(handle_use, HandleUse::Opens | HandleUse::Passes | HandleUse::Closes);
    if is_broken || (may_end && !group.contains_session(session)) {
        engine.end_session(session);
    }
}

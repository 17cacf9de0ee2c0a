//! What becomes of a session that context handles name when an operation in it ends.

use crate::context_handle::{HandleUse, handle_use};
use crate::engine::Engine;
use crate::operation::Operation;
use crate::session::SharedSession;
use crate::sessions::binding::End;
use crate::sessions::handle_binding::rpc_call;
use crate::sessions::handles::HandleTable;

/// The operation ended: ends its session if none of the handles of `group` names the session any more.
pub(crate) fn settle(
    group: &HandleTable,
    engine: &Engine,
    operation: &Operation,
    session: &SharedSession,
    end: End,
) {
    let (interface, opnum) = rpc_call(operation.key());
    let handle_use = handle_use(interface, opnum);
    // The client does not learn of a handle that the operation opened.
    let is_unseen = handle_use == HandleUse::Opens && end == End::Responded { is_refused: true };
    let is_broken = session.lock().is_broken();
    if is_unseen || is_broken {
        group.remove_session(session);
    }
    let may_end = matches!(handle_use, HandleUse::Opens | HandleUse::Passes | HandleUse::Closes);
    if is_broken || (may_end && !group.contains_session(session)) {
        engine.end_session(session);
    }
}

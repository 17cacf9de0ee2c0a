//! Updates a cookie-based session when one of its operations ends: ends it if it was disconnected, could not be opened,
//! or no longer exists at the server.

use crate::body::{OperationKey, Response};
use crate::engine::Engine;
use crate::operation::Operation;
use crate::session::SharedSession;
use crate::sessions::binding::End;
use crate::sessions::cookie_binding::CookieBinding;

/// Updates the session after the operation: ends it if it was disconnected or could not be opened, and ends the
/// session that it replaced.
pub(crate) fn settle(
    binding: &mut CookieBinding,
    engine: &Engine,
    operation: &mut Operation,
    session: &SharedSession,
    end: End,
) {
    let id = session.id();
    binding.reservation = None;
    match end {
        End::Responded { .. } => {
            if is_over(operation) {
                binding.table.remove(id);
            } else if binding.table.contains(id) {
                end_replaced(binding, engine);
            }
        }
        End::RefusedByUpstream(refusal) => {
            let is_gone = refusal.is_session_gone();
            if is_gone {
                // A Connect or Bind that replaces a session has that session's cookies, so that is the one that the
                // server no longer has ([MS-OXCMAPIHTTP] 3.2.5.6).
                end_replaced(binding, engine);
            }
            if is_gone || begins_session(operation) {
                binding.table.remove(id);
            }
        }
        // The server may have opened the session.
        End::Aborted if begins_session(operation) => binding.table.abandon(id),
        End::Aborted | End::Refused => {}
    }
    binding.table.operation_ended(id, operation.id(), &mut binding.cookies, operation.received());
    if session.is_broken() {
        binding.table.abandon(id);
    }
    if !binding.table.contains(id) {
        engine.end_session(session);
    }
}

/// Ends the session that the session of this operation replaces.
fn end_replaced(binding: &CookieBinding, engine: &Engine) {
    let replaced = binding.cookies.replaces.as_ref();
    if let Some(replaced) = replaced.and_then(|replaced| binding.table.remove(replaced.id())) {
        engine.end_session(&replaced);
    }
}

fn begins_session(operation: &Operation) -> bool {
    matches!(operation.key(), OperationKey::Http(_, request_type) if request_type.begins_session())
}

/// Whether the operation ended its session, or failed to begin one.
fn is_over(operation: &mut Operation) -> bool {
    let OperationKey::Http(_, request_type) = operation.key() else { return false };
    if !request_type.ends_session() && !request_type.begins_session() {
        return false;
    }
    let returned = operation
        .response
        .as_mut()
        .and_then(|response| response.view().ok().and_then(Response::return_value));
    returned.is_some_and(|code| code.is_error_of(operation.name()) != request_type.ends_session())
}

//! Calls whose session the server has closed, with its association group, or may have.

use std::borrow::Cow;
use std::sync::Arc;

use engine::{HandleUse, Next, Outcome, Refusal, RefusalKind, handle_use};

use super::{RelayConnection, RpcRelay};
use crate::gate::UpstreamProtocol;
use crate::rpc::association_group::Group;
use crate::rpc::handler::RpcReply;
use crate::rpc::pending_calls::PendingCall;

/// Why a call is refused whose session ended before the call was sent.
const SESSION_ENDED: &str = "the session ended with the server's association group before the call was sent";

impl RelayConnection {
    /// The server responded to the call `tag`, in its association group with the number `number`.
    pub(super) fn on_response(
        &mut self,
        tag: u64,
        number: u64,
        response: Outcome,
        replies: &mut Vec<RpcReply>,
    ) {
        let Some(PendingCall { operation, call }) = self.pending.sent_mut(tag) else { return };
        operation.received_in(number);
        let (interface, identity) = &call.upstream;
        let opens =
            matches!(handle_use(*interface, operation.opnum()), HandleUse::Opens | HandleUse::Derives);
        let group = self.sessions.get(identity).filter(|_| opens).map(|(_, group)| Arc::clone(group));
        self.resume(tag, response, replies);
        // The server may have closed the group, and with it the new handle.
        if let Some(group) = group
            && !group.upstream().contains(number)
        {
            self.relay.engine.end_lost(group.handles(), number);
        }
    }

    /// Continues the calls that waited for one that no longer waits for a module's work. The server no longer has a
    /// session that ended meanwhile, and may give its context handle to another.
    pub(super) fn advance_held(&mut self, replies: &mut Vec<RpcReply>) {
        for PendingCall { operation, call } in self.pending.take_held() {
            let next = Next::Forward(operation);
            if next.flight().is_session_ended() {
                let refusal = Refusal::new(RefusalKind::NoSession, SESSION_ENDED);
                self.respond(&call, &next.abort(refusal), replies);
            } else {
                self.advance(call, next, replies);
            }
        }
    }
}

impl RpcRelay {
    /// The outcome of a call of `group` that was not sent, since its session has ended.
    pub(super) fn unsent(&self, group: &Group) -> Outcome {
        let Refusal { kind, why } = self.no_session(group, SESSION_ENDED.into());
        Outcome::Unavailable { kind, why: why.into() }
    }

    /// The refusal of a call of `group` whose context handle identifies no session, for the reason `why`. If the server
    /// closed its association group and was not reached since, the client learns that it is unavailable.
    pub(super) fn no_session(&self, group: &Group, why: Cow<'static, str>) -> Refusal {
        let closed = group.upstream().closed();
        let is_away = |closed| !self.upstream.gate.has_connected_since(UpstreamProtocol::Rpc, closed);
        if closed.is_some_and(is_away) {
            let why = "the server closed the connection of the session, and was not reached since";
            return Refusal::new(RefusalKind::Unavailable, why);
        }
        Refusal::new(RefusalKind::NoSession, why)
    }
}

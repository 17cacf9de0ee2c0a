//! Calls whose session the server has closed, with its association group, or may have.

use std::borrow::Cow;
use std::sync::Arc;

use engine::{HandleUse, Next, Outcome, Refusal, RefusalKind, handle_use};

use super::{RelayConnection, RpcRelay};
use crate::gate::UpstreamProtocol;
use crate::rpc::association_group::Group;
use crate::rpc::handler::RpcReply;
use crate::rpc::pending_calls::PendingCall;

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
        if group.as_ref().is_some_and(|group| !group.upstream().contains(number)) {
            // With the group the server has closed the new handle, and may have issued it to another session since.
            let why = "the server closed the association group in which it opened the context handle";
            return self.resume(tag, Outcome::Lost(why.into()), replies);
        }
        self.resume(tag, response, replies);
        // It may have closed the group meanwhile.
        if let Some(group) = group
            && !group.upstream().contains(number)
        {
            self.relay.engine.end_lost(group.handles(), number);
        }
    }

    /// The call `tag` is refused because of `refusal`: nothing of it was sent.
    pub(super) fn on_refused(&mut self, tag: u64, refusal: Refusal, replies: &mut Vec<RpcReply>) {
        let Some(PendingCall { call, .. }) = self.pending.sent(tag) else { return };
        let Refusal { kind, why } = match self.sessions.get(&call.upstream.1) {
            Some((_, group)) if refusal.kind == RefusalKind::NoSession => {
                self.relay.no_session(group, refusal.why)
            }
            _ => refusal,
        };
        self.resume(tag, Outcome::Unavailable { kind, why: why.into_owned() }, replies);
    }

    /// Continues the calls that waited for one that no longer waits for a module's work.
    pub(super) fn advance_held(&mut self, replies: &mut Vec<RpcReply>) {
        for PendingCall { operation, call } in self.pending.take_held() {
            self.advance(call, Next::Forward(operation), replies);
        }
    }
}

impl RpcRelay {
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

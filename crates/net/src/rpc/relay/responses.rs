//! The responses that a client connection holds: incomplete ones, and complete ones whose operations have not ended.

use engine::{Refusal, RefusalKind};

use super::RelayConnection;
use crate::body_budget::MemoryLimit;
use crate::rpc::handler::RpcReply;

impl RelayConnection {
    /// The bytes of all of them.
    pub(super) fn bytes_of_responses(&self) -> usize {
        let complete: usize = self.pending.iter().map(|call| call.response_bytes).sum();
        self.upstreams.unfinished_bytes().saturating_add(complete)
    }

    /// The ids of their calls, and the bytes of each.
    pub(super) fn responses(&self) -> Vec<(u32, usize)> {
        let incomplete = self.upstreams.unfinished();
        let incomplete = incomplete.filter_map(|(tag, bytes)| Some((self.pending.sent(tag)?.call.id, bytes)));
        let complete = self.pending.iter().map(|call| (call.id, call.response_bytes));
        incomplete.chain(complete).filter(|(_, bytes)| *bytes > 0).collect()
    }

    /// Ends the call `id`, whose response exceeds `limit`: the client gets a fault, and what arrives of the response
    /// later is discarded.
    pub(super) fn end_for_memory(&mut self, id: u32, limit: MemoryLimit, replies: &mut Vec<RpcReply>) {
        let Some((call, next, tag)) = self.take_call(id) else { return };
        if let Some(tag) = tag
            && !self.pending.late.contains(tag)
        {
            self.upstreams.give_up(&call.upstream, tag);
        }
        let flight = next.flight();
        let (client, user) = (flight.operation.peer(), flight.context().principal());
        self.relay.log.memory_limit(client, user, flight.operation.name(), &limit.to_string());
        let refusal = Refusal::new(RefusalKind::TooBusy, limit.to_string());
        self.abort_call(call, next, refusal, replies);
    }
}

//! Calls for which their clients do not wait any more, and sessions that the proxy ends: the server has to end them
//! too.

use std::sync::Arc;

use engine::{AwaitsUpstream, Next, OrphanedHandle, Refusal};
use tokio::time::Instant;

use super::{CHECK_EVERY, RelayConnection};
use crate::rpc::association_group::Group;
use crate::rpc::handler::RpcReply;
use crate::rpc::pending_calls::{ClientCall, PendingCall};
use crate::rpc::upstream_call::{UpstreamCallResult, UpstreamKey};

impl RelayConnection {
    /// Takes out the client's call `id`, which is to be aborted, with its tag at the upstream if it was sent.
    pub(super) fn take_call(&mut self, id: u32) -> Option<(ClientCall, Next, Option<u64>)> {
        self.keep_openings(|_, pending| pending.call.id == id);
        self.pending.take(id)
    }

    /// Aborts a call that was taken out, for a reason that was logged.
    pub(super) fn abort_call(
        &mut self,
        mut call: ClientCall,
        next: Next,
        refusal: Refusal,
        replies: &mut Vec<RpcReply>,
    ) {
        call.is_failure_logged = true;
        self.respond(&call, &next.abort(refusal), replies);
        self.upstreams.cut_off(&call.upstream, &self.pending, &mut self.ends);
        self.advance_held(replies);
        self.send_late();
    }

    /// The clients of the calls that `is_ended` selects do not wait for them any more
    /// ([`PendingCalls::keep_openings`](crate::rpc::pending_calls::PendingCalls::keep_openings)).
    pub(super) fn keep_openings(&mut self, is_ended: impl Fn(u64, &PendingCall<AwaitsUpstream>) -> bool) {
        let Self { relay, sessions, pending, .. } = self;
        let group_of = |identity: &_| sessions.get(identity).map(|(_, group)| Arc::clone(group));
        pending.keep_openings(is_ended, group_of, relay.upstream.call_limit);
    }

    /// Lets the server end `handles` of clients in `group`, unless it has closed them with its group.
    pub(super) fn add_orphaned(&mut self, group: &Arc<Group>, handles: Vec<OrphanedHandle>) {
        for handle in handles {
            if group.upstream().contains(handle.upstream_group()) {
                let tag = self.pending.next_tag();
                self.pending.late.add_orphaned(tag, Arc::clone(group), handle);
            }
        }
    }

    /// Sends the calls that end handles at the server, or queues them until the association is bound.
    pub(super) fn send_late(&mut self) {
        for call in self.pending.late.take_unsent() {
            let upstream = (&call.key, &self.relay.upstream);
            let client = (&call.caller, &call.group);
            self.upstreams.call(upstream, client, (call.tag, &mut self.pending), &mut self.ends);
        }
    }

    /// Processes the results of calls for which no client waits, and sends what follows.
    pub(super) fn settle_late(&mut self) {
        let late = &mut self.pending.late;
        self.ends = self.ends.drain(..).filter_map(|end| late.take_result(end)).collect();
        self.send_late();
    }

    /// Closes the associations on which a response takes too long.
    pub(super) fn check_time(&mut self) {
        let limit = self.relay.upstream.call_limit;
        let now = Instant::now();
        if now.duration_since(self.checked) < CHECK_EVERY.min(limit) {
            return;
        }
        self.checked = now;
        // They will be processed, however late they are.
        let results: Vec<u64> = self.ends.iter().map(UpstreamCallResult::tag).collect();
        let sent = self.pending.iter_sent().filter(|(tag, _)| !results.contains(tag));
        let overdue = sent.filter(|(_, pending)| now.duration_since(pending.call.since) > limit);
        let mut overdue: Vec<UpstreamKey> =
            overdue.map(|(_, pending)| pending.call.upstream.clone()).collect();
        overdue.extend(self.pending.late.take_overdue(now));
        for key in overdue {
            self.keep_openings(|tag, pending| pending.call.upstream == key && !results.contains(&tag));
            self.settle_late();
            let late = self.pending.late.take(&key);
            self.upstreams.abort(&key, limit, late, &mut self.ends);
        }
    }
}

//! The pending calls of a client connection: those that wait for the upstream, for a module's work, or for an earlier
//! call.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{AwaitsUpstream, AwaitsWork, Flight, Next, Refusal};
use identity::Identity;
use tokio::time::Instant;
use wire::Guid;

use crate::rpc::association_group::Group;
use crate::rpc::late_handles::LateHandles;
use crate::rpc::upstream_call::{UpstreamCall, UpstreamKey, WaitingCalls};
use crate::timer::Timer;

/// A pending call of a client: the call, and its operation, which is an [`AwaitsUpstream`] or an [`AwaitsWork`].
pub(super) struct PendingCall<S> {
    pub(super) operation: S,
    pub(super) call: ClientCall,
}

/// A client's call.
pub(super) struct ClientCall {
    pub(super) id: u32,
    pub(super) since: Instant,
    /// The upstream association that carries the call.
    pub(super) upstream: UpstreamKey,
    /// The object UUID of the call (C706 12.6.4.9).
    pub(super) object: Option<Guid>,
    /// Whether the call opens a session.
    pub(super) opens: bool,
    /// Whether the call was given to a connection.
    pub(super) is_sent: bool,
    /// Whether the call was already sent on a second connection.
    pub(super) retried: bool,
    /// The bytes of the upstream's complete responses, to the call and to requests that modules sent ahead of it. The
    /// operation keeps them until it ends.
    pub(super) response_bytes: usize,
    /// Whether the upstream's last fault guarantees that it did not execute the request.
    pub(super) did_not_execute: bool,
    /// Whether the log has the reason why the call failed at the upstream.
    pub(super) is_failure_logged: bool,
}

impl ClientCall {
    pub(super) fn new(id: u32, upstream: UpstreamKey, opens: bool, object: Option<Guid>) -> Self {
        Self {
            id,
            since: Instant::now(),
            upstream,
            object,
            opens,
            is_sent: false,
            retried: false,
            response_bytes: 0,
            did_not_execute: false,
            is_failure_logged: false,
        }
    }
}

/// A call that waits for a module's work, and until when.
struct Deferred {
    pending: PendingCall<AwaitsWork>,
    until: Instant,
    timer: Timer,
}

impl Deferred {
    /// Ready once the work is done, or its time is over.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let done = self.pending.operation.poll(task);
        if done.is_ready() { done } else { self.timer.poll(task, self.until) }
    }
}

/// The pending calls of a client connection, by what they wait for.
#[derive(Default)]
pub(super) struct PendingCalls {
    /// Calls that wait for the upstream, by their tags there.
    sent: HashMap<u64, PendingCall<AwaitsUpstream>>,
    last_tag: u64,
    /// Calls that wait for a module's work.
    deferred: Vec<Deferred>,
    /// Calls that are sent after an earlier call of their session.
    held: VecDeque<PendingCall<AwaitsUpstream>>,
    /// Handles that are to be ended at the server.
    pub(super) late: LateHandles,
}

impl WaitingCalls for PendingCalls {
    fn take_to_send(&mut self, tag: u64) -> Option<Result<UpstreamCall, Refusal>> {
        let Some(PendingCall { operation, call }) = self.sent.get_mut(&tag) else {
            return self.late.take_to_send(tag);
        };
        let stub = match operation.stub_to_send() {
            Ok(stub) => stub,
            Err(refusal) => return Some(Err(refusal)),
        };
        operation.drop_stub();
        call.is_sent = true;
        // A request that a module sends ahead is a call of its own, without the object.
        let object = call.object.filter(|_| operation.ahead().is_none());
        Some(Ok(UpstreamCall { opnum: operation.opnum(), object, stub }))
    }

    fn needs_beginning_only(&self, tag: u64) -> bool {
        self.late.needs_beginning_only(tag) && !self.sent.contains_key(&tag)
    }
}

impl PendingCalls {
    /// Adds a call that is to be sent to the upstream. Returns its tag there, unless it has to wait for an earlier call
    /// of its session.
    pub(super) fn relay(&mut self, pending: PendingCall<AwaitsUpstream>) -> Option<u64> {
        if self.has_to_wait(pending.operation.flight()) {
            self.held.push_back(pending);
            return None;
        }
        let tag = self.next_tag();
        self.sent.insert(tag, pending);
        Some(tag)
    }

    /// A tag that no other call has had.
    pub(super) const fn next_tag(&mut self) -> u64 {
        self.last_tag += 1;
        self.last_tag
    }

    /// The calls that `is_ended` selects are to be aborted: their clients do not wait for them any more. The responses
    /// to those that the server has received and that open handles are read nevertheless ([`LateHandles`]). `group_of`
    /// is the group of a client, and `call_limit` how long a client waits for a response.
    pub(super) fn keep_openings(
        &mut self,
        is_ended: impl Fn(u64, &PendingCall<AwaitsUpstream>) -> bool,
        group_of: impl Fn(&Identity) -> Option<Arc<Group>>,
        call_limit: Duration,
    ) {
        let ended = self.sent.iter_mut().filter(|(tag, pending)| is_ended(**tag, pending));
        for (tag, PendingCall { operation, call }) in ended.filter(|(_, pending)| pending.call.is_sent) {
            let group = group_of(&call.upstream.1).filter(|group| !group.is_over());
            if let Some(group) = group
                && let Some(handle) = operation.take_opening_handle()
            {
                let client = (call.upstream.clone(), group);
                self.late.add_opening(*tag, client, handle, call.since + call_limit);
            }
        }
    }

    /// Adds a call that waits for a module's work.
    pub(super) fn defer(&mut self, pending: PendingCall<AwaitsWork>) {
        let until = Instant::now() + pending.operation.time_limit();
        self.deferred.push(Deferred { pending, until, timer: Timer::default() });
    }

    /// The call that was sent with `tag`.
    pub(super) fn sent(&self, tag: u64) -> Option<&PendingCall<AwaitsUpstream>> {
        self.sent.get(&tag)
    }

    /// As [`sent`](Self::sent), to be changed.
    pub(super) fn sent_mut(&mut self, tag: u64) -> Option<&mut PendingCall<AwaitsUpstream>> {
        self.sent.get_mut(&tag)
    }

    /// The calls that wait for the upstream, with their tags.
    pub(super) fn iter_sent(&self) -> impl Iterator<Item = (u64, &PendingCall<AwaitsUpstream>)> {
        self.sent.iter().map(|(tag, pending)| (*tag, pending))
    }

    /// Takes out the call that was sent with `tag`.
    pub(super) fn take_sent(&mut self, tag: u64) -> Option<PendingCall<AwaitsUpstream>> {
        self.sent.remove(&tag)
    }

    /// All calls of the client.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ClientCall> {
        let sent = self.sent.values().map(|pending| &pending.call);
        let deferred = self.deferred.iter().map(|deferred| &deferred.pending.call);
        sent.chain(deferred).chain(self.held.iter().map(|pending| &pending.call))
    }

    /// Takes out the client's call `id`, with its tag at the upstream if it was sent.
    pub(super) fn take(&mut self, id: u32) -> Option<(ClientCall, Next, Option<u64>)> {
        let tag = self.iter_sent().find(|(_, pending)| pending.call.id == id).map(|(tag, _)| tag);
        if let Some(PendingCall { operation, call }) = tag.and_then(|tag| self.sent.remove(&tag)) {
            return Some((call, Next::Forward(operation), tag));
        }
        if let Some(at) = self.deferred.iter().position(|deferred| deferred.pending.call.id == id) {
            let PendingCall { operation, call } = self.deferred.remove(at).pending;
            return Some((call, Next::Defer(operation), None));
        }
        let at = self.held.iter().position(|pending| pending.call.id == id)?;
        let PendingCall { operation, call } = self.held.remove(at)?;
        Some((call, Next::Forward(operation), None))
    }

    /// Takes out a call whose work is done, or has exceeded its time limit.
    pub(super) fn take_worked(&mut self, task: &mut Context<'_>) -> Option<PendingCall<AwaitsWork>> {
        let ready = self.deferred.iter_mut().position(|deferred| deferred.poll(task).is_ready())?;
        Some(self.deferred.remove(ready).pending)
    }

    /// Takes out the calls that waited for an earlier one.
    pub(super) fn take_held(&mut self) -> VecDeque<PendingCall<AwaitsUpstream>> {
        std::mem::take(&mut self.held)
    }

    /// Takes out the calls whose security context was revoked.
    pub(super) fn take_revoked(&mut self) -> Vec<(ClientCall, Next)> {
        let is_revoked = |flight: &Flight| flight.context().is_revoked();
        let relayed = |pending: PendingCall<_>| (pending.call, Next::Forward(pending.operation));
        let sent = self.sent.extract_if(|_, pending| is_revoked(pending.operation.flight()));
        let mut taken: Vec<_> = sent.map(|(_, pending)| relayed(pending)).collect();
        let deferred =
            self.deferred.extract_if(.., |deferred| is_revoked(deferred.pending.operation.flight()));
        let deferred = deferred.map(|deferred| deferred.pending);
        taken.extend(deferred.map(|pending| (pending.call, Next::Defer(pending.operation))));
        for pending in self.take_held() {
            if is_revoked(pending.operation.flight()) {
                taken.push(relayed(pending));
            } else {
                self.held.push_back(pending);
            }
        }
        taken
    }

    /// Drops all calls, which aborts them.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
        self.deferred.clear();
        self.held.clear();
    }

    /// Whether an earlier operation of the session of `flight` waits for a module's work. The upstream gets the calls
    /// of a session in the client's order.
    pub(super) fn has_to_wait(&self, flight: &Flight) -> bool {
        let deferred = self.deferred.iter().map(|deferred| deferred.pending.operation.flight());
        let held = self.held.iter().map(|pending| pending.operation.flight());
        deferred.chain(held).any(|other| {
            other.session_id() == flight.session_id() && other.operation.id() < flight.operation.id()
        })
    }
}

//! The upstream associations of a client connection: one for each interface and identity.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Engine, Interface};
use identity::SecurityContext;
use tokio::time::sleep_until;

use crate::rpc::association_group::Group;
use crate::rpc::late_handles::LateHandles;
use crate::rpc::resolver::syntax;
use crate::rpc::upstream::{RpcUpstream, connect};
use crate::rpc::upstream_association::{AssociationConfig, UpstreamAssociation};
use crate::rpc::upstream_call::{UpstreamCallResult, UpstreamKey, WaitingCalls};
use crate::rpc::upstream_groups::UpstreamMember;
use crate::task::spawn_system;
use crate::upstream_error::{Timeout, UpstreamError};

/// The upstream associations of a client connection.
pub(super) struct UpstreamAssociations {
    /// Ends the sessions that the upstream closes with its association groups.
    engine: Engine,
    entries: HashMap<UpstreamKey, Entry>,
    /// The call id of the client's bind, by which a loop is detected.
    bind_call_id: Option<u32>,
}

struct Entry {
    association: UpstreamAssociation,
    /// The association group of the client connection, which knows the upstream's group.
    group: Arc<Group>,
    /// The membership in the upstream's group, while the association is bound in it.
    member: Option<UpstreamMember>,
}

impl Entry {
    /// Continues the association. Results of calls are appended to `ends`.
    fn poll(
        &mut self,
        (interface, engine): (Interface, &Engine),
        task: &mut Context<'_>,
        calls: &mut dyn WaitingCalls,
        ends: &mut Vec<UpstreamCallResult>,
    ) {
        let Self { association, group, member } = self;
        let first = ends.len();
        let _ = association.poll(task, calls, ends);
        association.cut_off(calls, ends);
        // It may have been bound, have had a response and have failed at once.
        if member.is_none() && (association.is_bound() || association.has_responded()) {
            let bound = group.upstream().bind(interface, association.named_group(), association.group());
            *member = Some(bound);
        }
        if let Some(member) = member {
            if association.has_responded() && !member.has_responded {
                group.upstream().responded(member);
            }
            ends.iter_mut().skip(first).for_each(|end| end.received_in(member.number));
        }
        if let Some(rejected) = association.rejected_group() {
            group.reject_upstream(interface, rejected, engine);
        }
        self.check(engine);
    }

    /// Leaves the upstream's group if the association is broken.
    fn check(&mut self, engine: &Engine) {
        if !self.association.is_usable()
            && let Some(member) = self.member.take()
        {
            self.group.leave_upstream(member, None, engine);
        }
    }

    /// Leaves the upstream's group if the association is in it. The client connection's group keeps its stream if
    /// handles depend on it.
    fn leave(self, engine: &Engine) {
        if let Some(member) = self.member {
            self.group.leave_upstream(member, self.association.into_stream(), engine);
        }
    }

    /// Leaves the upstream's group once the calls `late` have ended, or the server has not responded in time. Other
    /// calls are given up.
    fn leave_after(mut self, interface: Interface, engine: Engine, mut late: LateHandles) {
        self.association.give_up_except(|tag| late.contains(tag));
        spawn_system(async move {
            let (mut ends, group) = (Vec::new(), Arc::clone(&self.group));
            while let Some(until) = late.until()
                && self.association.is_usable()
            {
                for call in late.take_unsent() {
                    self.association.call(call.tag, &mut late, &mut ends);
                }
                let polled = poll_fn(|task| {
                    self.poll((interface, &engine), task, &mut late, &mut ends);
                    if ends.is_empty() && !late.is_empty() { Poll::Pending } else { Poll::Ready(()) }
                });
                tokio::select! {
                    () = polled => {}
                    () = sleep_until(until) => break,
                    () = group.over() => break,
                }
                for end in ends.drain(..) {
                    late.take_result(end);
                }
            }
            self.leave(&engine);
        });
    }
}

impl UpstreamAssociations {
    /// No associations. If the upstream closes context handles with its association group, `engine` ends the sessions.
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, entries: HashMap::new(), bind_call_id: None }
    }

    /// The client's bind had the call id `bind_call_id`.
    pub(super) const fn bound(&mut self, bind_call_id: Option<u32>) {
        self.bind_call_id = bind_call_id;
    }

    /// Sends the call `tag` of `caller`, which is in `calls`, on the association for `key` with `upstream`, which is
    /// opened if no usable one exists. If the call fails at once, its result is in `ends`.
    pub(super) fn call(
        &mut self,
        (key, upstream): (&UpstreamKey, &RpcUpstream),
        (caller, group): (&SecurityContext, &Arc<Group>),
        (tag, calls): (u64, &mut dyn WaitingCalls),
        ends: &mut Vec<UpstreamCallResult>,
    ) {
        if self.entries.get(key).is_some_and(|entry| !entry.association.is_usable()) {
            self.remove(key);
        }
        let entry = self.entries.entry(key.clone()).or_insert_with(|| {
            let (interface, _) = key;
            let config = AssociationConfig {
                interface: syntax(*interface),
                account: upstream.identity.for_caller(caller).account().cloned(),
                group: group.upstream().to_join(*interface).unwrap_or(0),
                bind_id: Some(upstream.loop_marker.bind_id(self.bind_call_id)),
                timeout: upstream.timeout,
            };
            let connecting = connect(upstream.clone(), *interface, caller.clone());
            let association = UpstreamAssociation::new(config, connecting);
            Entry { association, group: Arc::clone(group), member: None }
        });
        entry.association.call(tag, calls, ends);
        entry.check(&self.engine);
    }

    /// Polls all associations, which send those of `calls` that were queued. The results of calls are appended to
    /// `ends`.
    pub(super) fn poll(
        &mut self,
        task: &mut Context<'_>,
        calls: &mut dyn WaitingCalls,
        ends: &mut Vec<UpstreamCallResult>,
    ) {
        let usable = self.entries.iter_mut().filter(|(_, entry)| entry.association.is_usable());
        for ((interface, _), entry) in usable {
            entry.poll((*interface, &self.engine), task, calls, ends);
        }
    }

    /// Whether the association for `key` authenticates with the account of the proxy.
    pub(super) fn authenticates(&self, key: &UpstreamKey) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.association.has_account())
    }

    /// Closes the association for `key`, since a response took longer than `limit`, after the calls `late` on it have
    /// ended. All calls fail.
    pub(super) fn abort(
        &mut self,
        key: &UpstreamKey,
        limit: Duration,
        late: LateHandles,
        ends: &mut Vec<UpstreamCallResult>,
    ) {
        let error = Timeout::Response(limit).into();
        if late.is_empty() {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.association.fail(error, ends);
                entry.check(&self.engine);
            }
        } else if let Some(mut entry) = self.entries.remove(key) {
            entry.association.fail_except(&error, |tag| late.contains(tag), ends);
            entry.leave_after(key.0, self.engine.clone(), late);
        }
    }

    /// Drops the association for `key` if it has no calls, so that the next call opens a new one. An association on
    /// which the upstream rejected the account would fail that call too.
    pub(super) fn drop_idle(&mut self, key: &UpstreamKey) {
        if self.entries.get(key).is_some_and(|entry| entry.association.is_idle()) {
            self.remove(key);
        }
    }

    /// Closes the association for `key` if the upstream rejected another bind into its association group: context
    /// handles that it would open would end at once.
    pub(super) fn close_lost(&mut self, key: &UpstreamKey, ends: &mut Vec<UpstreamCallResult>) {
        if let Some(entry) = self.entries.get_mut(key)
            && let Some(member) = entry.member
            && !entry.group.upstream().contains(member.number)
        {
            let why = "another connection found that the server has closed the association group";
            entry.association.fail(UpstreamError::closed(why), ends);
        }
    }

    /// Keeps the associations for which `keep` returns true. The others are closed after the calls of `late` on them
    /// have ended, unless their groups keep them.
    pub(super) fn retain(&mut self, late: &mut LateHandles, mut keep: impl FnMut(&UpstreamKey) -> bool) {
        for (key, entry) in self.entries.extract_if(|key, _| !keep(key)) {
            let late = late.take(&key);
            if late.is_empty() || entry.group.is_over() {
                entry.leave(&self.engine);
            } else {
                entry.leave_after(key.0, self.engine.clone(), late);
            }
        }
    }

    /// The bytes of all incomplete responses together.
    pub(super) fn unfinished_bytes(&self) -> usize {
        self.entries.values().map(|entry| entry.association.unfinished_bytes()).sum()
    }

    /// The incomplete responses: the tags of their calls, and how many bytes of each have arrived.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (u64, usize)> {
        self.entries.values().flat_map(|entry| entry.association.unfinished())
    }

    /// Ends those of `calls` on the association for `key` of whose responses only the beginning is needed.
    pub(super) fn cut_off(
        &mut self,
        key: &UpstreamKey,
        calls: &dyn WaitingCalls,
        ends: &mut Vec<UpstreamCallResult>,
    ) {
        if let Some(Entry { association, member, .. }) = self.entries.get_mut(key) {
            let first = ends.len();
            association.cut_off(calls, ends);
            let number = member.map_or(0, |member| member.number);
            ends.iter_mut().skip(first).for_each(|end| end.received_in(number));
        }
    }

    /// Gives up the call `tag` on the association for `key`. The call has no result.
    pub(super) fn give_up(&mut self, key: &UpstreamKey, tag: u64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.association.give_up(tag);
        }
    }

    fn remove(&mut self, key: &UpstreamKey) {
        if let Some(entry) = self.entries.remove(key) {
            entry.leave(&self.engine);
        }
    }
}

//! The upstream associations of a client connection: one for each interface and identity.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use engine::Interface;
use identity::{Identity, SecurityContext};

use crate::rpc::association_group::Group;
use crate::rpc::resolver::syntax;
use crate::rpc::upstream::{RpcUpstream, connect};
use crate::rpc::upstream_association::{AssociationConfig, UpstreamAssociation};
use crate::rpc::upstream_call::{UpstreamCall, UpstreamCallResult};

/// The interface that an upstream association is for, and the identity whose calls it carries.
pub(super) type UpstreamKey = (Interface, Identity);

/// The upstream associations of a client connection.
#[derive(Default)]
pub(super) struct UpstreamAssociations {
    entries: HashMap<UpstreamKey, Entry>,
    /// The call id of the client's bind, by which a loop is detected.
    bind_call_id: Option<u32>,
}

struct Entry {
    association: UpstreamAssociation,
    /// The association group of the client connection, which remembers the number of the upstream's group.
    group: Arc<Group>,
    /// The number of the upstream's group, while the association is in it.
    joined: Option<u32>,
}

impl Entry {
    /// Leaves the upstream's group if the association is broken.
    fn check(&mut self, (interface, _): &UpstreamKey) {
        if !self.association.is_usable()
            && let Some(id) = self.joined.take()
        {
            self.group.leave_upstream(*interface, id, None);
        }
    }

    /// Leaves the upstream's group if the association is in it. The client connection's group keeps the association
    /// if handles depend on it.
    fn leave(self, (interface, _): &UpstreamKey) {
        if let Some(id) = self.joined {
            self.group.leave_upstream(*interface, id, Some(self.association));
        }
    }
}

impl UpstreamAssociations {
    /// The client's bind had the call id `bind_call_id`.
    pub(super) const fn bound(&mut self, bind_call_id: Option<u32>) {
        self.bind_call_id = bind_call_id;
    }

    /// Sends `call` of `caller` on the association for `key` with `upstream`, which is opened if no usable one exists.
    /// If the call fails at once, its result is in `ends`.
    pub(super) fn call(
        &mut self,
        (key, upstream): (&UpstreamKey, &RpcUpstream),
        (caller, group): (&SecurityContext, &Arc<Group>),
        call: UpstreamCall,
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
                group: group.upstream(*interface).unwrap_or(0),
                bind_id: Some(upstream.loop_marker.bind_id(self.bind_call_id)),
                timeout: upstream.timeout,
            };
            let connecting = connect(upstream.clone(), *interface, caller.clone());
            let association = UpstreamAssociation::new(config, connecting);
            Entry { association, group: Arc::clone(group), joined: None }
        });
        entry.association.call(call, ends);
        entry.check(key);
    }

    /// Polls all associations. The results of calls are appended to `ends`.
    pub(super) fn poll(&mut self, task: &mut Context<'_>, ends: &mut Vec<UpstreamCallResult>) {
        for (key, entry) in &mut self.entries {
            let Entry { association, group, joined } = entry;
            let (interface, _) = key;
            if !association.is_usable() {
                continue;
            }
            let was_bound = association.is_bound();
            let _ = association.poll(task, ends);
            let id = association.group();
            if !was_bound && association.is_bound() {
                group.set_upstream(*interface, id);
            }
            if joined.is_none() && association.is_usable() && association.has_responded() {
                group.join_upstream(*interface, id);
                *joined = Some(id);
            }
            // An upstream that was restarted does not know its earlier groups.
            if let Some(rejected) = association.rejected_group() {
                group.forget_upstream(*interface, rejected);
            }
            entry.check(key);
        }
    }

    /// Whether the association for `key` authenticates with the account of the proxy.
    pub(super) fn authenticates(&self, key: &UpstreamKey) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.association.has_account())
    }

    /// Closes the association for `key`, since a response took longer than `limit`.
    pub(super) fn abort(&mut self, key: &UpstreamKey, limit: Duration, ends: &mut Vec<UpstreamCallResult>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.association.abort(limit, ends);
            entry.check(key);
        }
    }

    /// Drops the association for `key` if it has no calls, so that the next call opens a new one. An association on
    /// which the upstream rejected the account would fail that call too.
    pub(super) fn drop_idle(&mut self, key: &UpstreamKey) {
        if self.entries.get(key).is_some_and(|entry| entry.association.is_idle()) {
            self.remove(key);
        }
    }

    /// Keeps the associations for which `keep` returns true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&UpstreamKey) -> bool) {
        for (key, entry) in self.entries.extract_if(|key, _| !keep(key)) {
            entry.leave(&key);
        }
    }

    /// Closes all associations, except for those that their groups keep.
    pub(super) fn clear(&mut self) {
        self.retain(|_| false);
    }

    /// The bytes of all incomplete responses together.
    pub(super) fn unfinished_bytes(&self) -> usize {
        self.entries.values().map(|entry| entry.association.unfinished_bytes()).sum()
    }

    /// The incomplete responses: the tags of their calls, and how many bytes of each have arrived.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (u64, usize)> {
        self.entries.values().flat_map(|entry| entry.association.unfinished())
    }

    /// Gives up the call `tag` on the association for `key`. The call has no result.
    pub(super) fn give_up(&mut self, key: &UpstreamKey, tag: u64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.association.give_up(tag);
        }
    }

    fn remove(&mut self, key: &UpstreamKey) {
        if let Some(entry) = self.entries.remove(key) {
            entry.leave(key);
        }
    }
}

//! The upstream connections of one client connection: one for each interface and identity.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use engine::Interface;
use identity::{Identity, SecurityContext};

use crate::rpc::association_group::Group;
use crate::rpc::call::{AssociationConfig, CallEnd};
use crate::rpc::dial::{Upstream, connect};
use crate::rpc::resolver::syntax;
use crate::rpc::upstream_association::UpstreamConnection;

/// The interface that an upstream connection is for, and the identity whose calls it carries.
pub(super) type UpstreamKey = (Interface, Identity);

/// The upstream connections of one client connection.
#[derive(Default)]
pub(super) struct UpstreamConnections {
    connections: HashMap<UpstreamKey, Entry>,
    /// The call id of the client's bind, by which a loop is detected.
    bind_call_id: Option<u32>,
}

struct Entry {
    connection: UpstreamConnection,
    /// The group of the client's connection, which knows the upstream's group.
    group: Arc<Group>,
}

impl UpstreamConnections {
    /// The client's bind had the call id `bind_call_id`.
    pub(super) const fn bound(&mut self, bind_call_id: Option<u32>) {
        self.bind_call_id = bind_call_id;
    }

    /// The connection for `key` to `upstream`, for calls of `caller`; a new one where there is none that is usable.
    pub(super) fn get_or_open(
        &mut self,
        key: &UpstreamKey,
        upstream: &Upstream,
        caller: &SecurityContext,
        group: &Arc<Group>,
    ) -> &mut UpstreamConnection {
        if self.connections.get(key).is_some_and(|entry| !entry.connection.is_usable()) {
            self.connections.remove(key);
        }
        let entry = self.connections.entry(key.clone()).or_insert_with(|| {
            let (interface, _) = key;
            let config = AssociationConfig {
                interface: syntax(*interface),
                account: upstream.identity.for_caller(caller).account().cloned(),
                group: group.upstream(*interface).unwrap_or(0),
                bind_id: Some(upstream.loop_marker.bind_id(self.bind_call_id)),
                timeout: upstream.timeout,
            };
            let connecting = connect(upstream.clone(), *interface, caller.clone());
            Entry { connection: UpstreamConnection::new(config, connecting), group: Arc::clone(group) }
        });
        &mut entry.connection
    }

    /// Polls all connections. What comes of calls goes to `ends`.
    pub(super) fn poll(&mut self, task: &mut Context<'_>, ends: &mut Vec<CallEnd>) {
        for ((interface, _), Entry { connection, group }) in &mut self.connections {
            if !connection.is_usable() {
                continue;
            }
            let was_bound = connection.is_bound();
            let _ = connection.poll(task, ends);
            if !was_bound && connection.is_bound() {
                group.set_upstream(*interface, connection.group());
            }
            // An upstream that was restarted knows none of the groups it had.
            if let Some(rejected) = connection.rejected_group() {
                group.forget_upstream(*interface, rejected);
            }
        }
    }

    /// Whether the connection for `key` authenticates with the proxy's account.
    pub(super) fn authenticates(&self, key: &UpstreamKey) -> bool {
        self.connections.get(key).is_some_and(|entry| entry.connection.has_account())
    }

    /// Closes the connection for `key`, since an answer took longer than `limit`.
    pub(super) fn abort(&mut self, key: &UpstreamKey, limit: Duration, ends: &mut Vec<CallEnd>) {
        if let Some(entry) = self.connections.get_mut(key) {
            entry.connection.abort(limit, ends);
        }
    }

    /// Drops the connection for `key` if no call waits on it. One on which the proxy was refused stays refused: the next
    /// call gets a new one.
    pub(super) fn drop_idle(&mut self, key: &UpstreamKey) {
        if self.connections.get(key).is_some_and(|entry| entry.connection.is_idle()) {
            self.connections.remove(key);
        }
    }

    /// Keeps those connections for which `keep` returns true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&UpstreamKey) -> bool) {
        self.connections.retain(|key, _| keep(key));
    }

    /// Closes all connections.
    pub(super) fn clear(&mut self) {
        self.connections.clear();
    }
}

//! Context handles of sessions that have ended in the proxy, but that the server has or may be opening: they are ended
//! at the server.
//!
//! | a handle is here | if |
//! |---|---|
//! | until the response is received | a call that opens it was sent, and the client does not wait for it any more: it has disconnected or given up the call, its account was revoked, or a limit was exceeded |
//! | until `EcDoDisconnect` or `NspiUnbind` has a response | the server has it, and the proxy has ended its session |
//!
//! Meanwhile it counts in `clients.sessions_per_user`. If the server does not respond in time, the association is
//! closed.

use std::collections::HashMap;
use std::sync::Arc;

use engine::{OpeningHandle, OrphanedHandle, Refusal};
use identity::{OsRandom, SecurityContext};
use tokio::time::Instant;

use crate::error_chain::ErrorChain;
use crate::late::LATE;
use crate::rpc::association_group::Group;
use crate::rpc::upstream_call::{UpstreamCall, UpstreamCallResult, UpstreamKey, WaitingCalls};

/// The handles, by the tags of their calls.
#[derive(Default)]
pub(super) struct LateHandles {
    calls: HashMap<u64, LateCall>,
    /// The tags of calls that were not given to an association yet.
    unsent: Vec<u64>,
}

/// A call that opens or ends a handle, and for which no client waits.
struct LateCall {
    key: UpstreamKey,
    /// The association group of the client.
    group: Arc<Group>,
    /// Until when the server has time to respond.
    until: Instant,
    handle: LateHandle,
}

enum LateHandle {
    /// The call was sent that opens it.
    Opening(OpeningHandle),
    /// The call ends it.
    Orphaned(OrphanedHandle),
}

/// A call to be given to the association for a key of its caller, who is in a group.
pub(super) struct UnsentCall {
    pub(super) tag: u64,
    pub(super) key: UpstreamKey,
    pub(super) caller: SecurityContext,
    pub(super) group: Arc<Group>,
}

impl WaitingCalls for LateHandles {
    fn take_to_send(&mut self, tag: u64) -> Option<Result<UpstreamCall, Refusal>> {
        let LateCall { group, handle, .. } = self.calls.get(&tag)?;
        let call = match handle {
            // The server has closed the handle with its group, and may have issued it to a client that does not use
            // this proxy.
            LateHandle::Orphaned(handle) if !group.upstream().contains(handle.upstream_group()) => None,
            LateHandle::Orphaned(handle) => handle.call_to_send(),
            LateHandle::Opening(_) => None,
        };
        let Some((opnum, stub)) = call else {
            self.calls.remove(&tag);
            return None;
        };
        Some(Ok(UpstreamCall { opnum, object: None, stub }))
    }

    fn needs_beginning_only(&self, tag: u64) -> bool {
        self.calls.contains_key(&tag)
    }
}

impl LateHandles {
    /// The call `tag` was sent on the association for `key`, and opens `handle` for a client in `group`. A client would
    /// wait for the response until `limit`.
    pub(super) fn add_opening(
        &mut self,
        tag: u64,
        (key, group): (UpstreamKey, Arc<Group>),
        handle: OpeningHandle,
        limit: Instant,
    ) {
        let handle = LateHandle::Opening(handle);
        self.calls.insert(tag, LateCall { key, group, until: limit + LATE, handle });
    }

    /// The call `tag` is to end `handle`, of a client in `group`.
    pub(super) fn add_orphaned(&mut self, tag: u64, group: Arc<Group>, handle: OrphanedHandle) {
        let key = (handle.interface(), handle.context().identity().clone());
        let (until, handle) = (Instant::now() + LATE, LateHandle::Orphaned(handle));
        self.calls.insert(tag, LateCall { key, group, until, handle });
        self.unsent.push(tag);
    }

    /// Takes the result of a call. Returns it if the call is not one of these.
    pub(super) fn take_result(&mut self, result: UpstreamCallResult) -> Option<UpstreamCallResult> {
        if self.calls.is_empty() {
            return Some(result);
        }
        let tag = result.tag();
        let Some(LateCall { group, handle, key, .. }) = self.calls.remove(&tag) else { return Some(result) };
        match (handle, result) {
            (
                LateHandle::Opening(handle),
                UpstreamCallResult::Response { stub, endian, group: number, .. },
            ) => {
                // Otherwise the server has closed the handle with its group, and may have issued it again.
                if group.upstream().contains(number)
                    && let Some(orphaned) = handle.opened(number, (stub, endian), &mut OsRandom)
                {
                    self.add_orphaned(tag, group, orphaned);
                }
            }
            // There is no handle.
            (LateHandle::Opening(_), _) | (LateHandle::Orphaned(_), UpstreamCallResult::Response { .. }) => {}
            (LateHandle::Orphaned(handle), result) => {
                let (interface, user, why) = (key.0.name(), handle.context(), failure(&result));
                let user = user.principal();
                tracing::debug!(interface, %user, "upstream: ended session not ended at the server: {why}");
            }
        }
        None
    }

    /// Takes the calls that were not given to an association yet.
    pub(super) fn take_unsent(&mut self) -> Vec<UnsentCall> {
        let calls = &self.calls;
        let unsent = self.unsent.drain(..).filter_map(|tag| {
            let LateCall { key, group, handle, .. } = calls.get(&tag)?;
            let LateHandle::Orphaned(handle) = handle else { return None };
            let (key, group) = (key.clone(), Arc::clone(group));
            Some(UnsentCall { tag, key, caller: handle.context(), group })
        });
        unsent.collect()
    }

    /// Takes the handles whose calls are on the association for `key`.
    pub(super) fn take(&mut self, key: &UpstreamKey) -> Self {
        let calls = self.calls.extract_if(|_, call| call.key == *key);
        Self { calls: calls.collect(), unsent: Vec::new() }
    }

    /// Drops the handles for which a response takes too long, and returns the keys of their associations.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Vec<UpstreamKey> {
        self.calls.extract_if(|_, call| call.until < now).map(|(_, call)| call.key).collect()
    }

    /// When the first response takes too long; `None` if there is no call.
    pub(super) fn until(&self) -> Option<Instant> {
        self.calls.values().map(|call| call.until).min()
    }

    /// Whether there are calls that were not given to an association yet.
    pub(super) const fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether the call `tag` is one of these.
    pub(super) fn contains(&self, tag: u64) -> bool {
        self.calls.contains_key(&tag)
    }
}

/// Why a call has no response.
fn failure(result: &UpstreamCallResult) -> String {
    match result {
        UpstreamCallResult::Response { .. } => String::new(),
        UpstreamCallResult::Fault { status, .. } => format!("fault {status}"),
        UpstreamCallResult::Refused { refusal, .. } => refusal.why.to_string(),
        UpstreamCallResult::Failed { error, .. } => ErrorChain(error).to_string(),
    }
}

//! Handle tables. Clients receive context handles of the proxy, which are mapped to the upstream's.
//!
//! A handle belongs to the identity that opened it and to the association group in which it was opened.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mapi::Interface;
use mapi::ndr::ContextHandle;
use wire::Guid;

use crate::session::SharedSession;
use crate::sessions::limits::SessionLimits;

/// The upstream's handle and the session to which a context handle of the proxy is mapped.
#[derive(Debug, Clone)]
pub(crate) struct HandleEntry {
    /// With its attributes, which some servers use. Those in a client's request have no effect.
    pub(crate) upstream: ContextHandle,
    pub(crate) interface: Interface,
    pub(crate) session: SharedSession,
    /// The number of the upstream's association group in which the upstream opened it
    /// ([`AwaitsUpstream::received_in`](crate::AwaitsUpstream::received_in)).
    pub(crate) upstream_group: u64,
}

impl HandleEntry {
    /// Whether it was derived from another handle of its session, which the session can use without it.
    fn is_derived(&self) -> bool {
        self.interface == Interface::AsyncEmsmdb
    }
}

/// Limits the open context handles of one user, in all association groups together.
#[derive(Debug)]
pub struct HandleBudget {
    limit: usize,
    open: AtomicUsize,
}

impl HandleBudget {
    /// Creates a budget of `limit` handles, none of which is open.
    pub fn new(limit: usize) -> Self {
        Self { limit, open: AtomicUsize::new(0) }
    }

    fn is_exhausted(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.limit
    }

    fn try_acquire(&self) -> bool {
        let more = |open: usize| (open < self.limit).then(|| open.saturating_add(1));
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Returns `removed` handles to the budget.
    fn release(&self, removed: usize) {
        self.open.fetch_sub(removed, Ordering::Relaxed);
    }
}

impl Default for HandleBudget {
    fn default() -> Self {
        Self::new(SessionLimits::default().per_user)
    }
}

/// The context handles of one association group, which usually is one client process.
#[derive(Debug, Default)]
pub struct HandleTable {
    handles: Mutex<HashMap<Guid, HandleEntry>>,
    budget: Arc<HandleBudget>,
}

impl HandleTable {
    /// Creates an empty table, whose handles are counted against `budget`.
    pub fn new(budget: Arc<HandleBudget>) -> Self {
        Self { handles: Mutex::default(), budget }
    }

    pub(crate) fn get(&self, local: Guid) -> Option<HandleEntry> {
        self.lock().get(&local).cloned()
    }

    /// Adds a handle. Returns `false` if the budget is exhausted.
    pub(crate) fn insert(&self, local: Guid, bound: HandleEntry) -> bool {
        if !self.budget.try_acquire() {
            return false;
        }
        let replaced = self.lock().insert(local, bound);
        self.budget.release(replaced.as_slice().len());
        true
    }

    /// Removes the handle `local`.
    pub(crate) fn remove(&self, local: Guid) {
        let removed = self.lock().remove(&local);
        self.budget.release(removed.as_slice().len());
    }

    /// Removes the handles that the upstream opened in its association group `upstream_group`. Returns the sessions
    /// that cannot continue without them.
    pub(crate) fn remove_upstream_group(&self, upstream_group: u64) -> Vec<SharedSession> {
        let in_group = |bound: &mut HandleEntry| bound.upstream_group == upstream_group;
        let removed: Vec<_> =
            self.lock().extract_if(|_, bound| in_group(bound)).map(|(_, bound)| bound).collect();
        self.budget.release(removed.len());
        removed.into_iter().filter(|bound| !bound.is_derived()).map(|bound| bound.session).collect()
    }

    /// Whether the upstream opened a handle in its association group `upstream_group`.
    pub fn has_upstream_group(&self, upstream_group: u64) -> bool {
        self.lock().values().any(|bound| bound.upstream_group == upstream_group)
    }

    /// Removes all handles of `session`, including derived ones.
    pub(crate) fn remove_session(&self, session: &SharedSession) {
        self.take_session(session.id());
    }

    /// Removes all handles of the session with the number `session`. Returns the session.
    pub(crate) fn take_session(&self, session: u64) -> Option<SharedSession> {
        let is_of_session = |bound: &mut HandleEntry| bound.session.id() == session;
        let removed =
            self.lock().extract_if(|_, bound| is_of_session(bound)).map(|(_, bound)| bound).collect();
        self.release(removed).pop()
    }

    /// Whether the budget is exhausted.
    pub(crate) fn is_full(&self) -> bool {
        self.budget.is_exhausted()
    }

    /// Whether a handle of the table belongs to `session`.
    pub(crate) fn contains_session(&self, session: &SharedSession) -> bool {
        self.lock().values().any(|bound| bound.session.is_same(session))
    }

    /// The session of each handle.
    pub(crate) fn sessions(&self) -> Vec<SharedSession> {
        self.lock().values().map(|bound| bound.session.clone()).collect()
    }

    pub(crate) fn drain(&self) -> Vec<SharedSession> {
        let drained = self.lock().drain().map(|(_, bound)| bound).collect();
        self.release(drained)
    }

    /// Returns handles that were removed from the table to the budget. Returns their sessions.
    fn release(&self, removed: Vec<HandleEntry>) -> Vec<SharedSession> {
        self.budget.release(removed.len());
        removed.into_iter().map(|bound| bound.session).collect()
    }

    /// How many handles are open.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no handle is open.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Guid, HandleEntry>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HandleTable {
    fn drop(&mut self) {
        self.drain();
    }
}

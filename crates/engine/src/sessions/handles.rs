//! Context handles. Clients never receive the upstream's, but handles of the proxy that stand for them.
//!
//! A handle belongs to the identity that opened it and to the association group in which it was opened.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mapi::Interface;
use wire::Guid;

use crate::session::SharedSession;
use crate::sessions::limits::SessionLimits;

/// A handle that the proxy gave to a client: the upstream's handle, and its session.
#[derive(Debug, Clone)]
pub(crate) struct HandleEntry {
    pub(crate) upstream: Guid,
    pub(crate) interface: Interface,
    pub(crate) session: SharedSession,
    /// The index that the upstream gave the session, by which others may be linked with it.
    pub(crate) index: Option<u16>,
}

/// How many context handles one identity may have open, in all its association groups together, and the indices of
/// the sessions behind them.
#[derive(Debug)]
pub struct HandleBudget {
    limit: usize,
    open: AtomicUsize,
    /// By how many handles each is held.
    indices: Mutex<HashMap<u16, usize>>,
}

impl HandleBudget {
    /// A budget of `most` handles, none of which is open.
    pub fn new(limit: usize) -> Self {
        Self { limit, open: AtomicUsize::new(0), indices: Mutex::default() }
    }

    fn is_exhausted(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.limit
    }

    fn try_acquire(&self) -> bool {
        let more = |open: usize| (open < self.limit).then(|| open.saturating_add(1));
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Takes back the handles `gone`.
    fn release(&self, gone: &[HandleEntry]) {
        self.open.fetch_sub(gone.len(), Ordering::Relaxed);
        let mut indices = self.indices();
        for index in gone.iter().filter_map(|bound| bound.index) {
            let Some(count) = indices.get_mut(&index) else { continue };
            *count = count.saturating_sub(1);
            if *count == 0 {
                indices.remove(&index);
            }
        }
    }

    fn indices(&self) -> MutexGuard<'_, HashMap<u16, usize>> {
        self.indices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for HandleBudget {
    fn default() -> Self {
        Self::new(SessionLimits::default().per_identity)
    }
}

/// The handles of one association group, that is of one client process.
#[derive(Debug, Default)]
pub struct HandleTable {
    handles: Mutex<HashMap<Guid, HandleEntry>>,
    budget: Arc<HandleBudget>,
}

impl HandleTable {
    /// An empty table, whose handles count against `budget`.
    pub fn new(budget: Arc<HandleBudget>) -> Self {
        Self { handles: Mutex::default(), budget }
    }

    pub(crate) fn get(&self, local: Guid) -> Option<HandleEntry> {
        self.lock().get(&local).cloned()
    }

    /// Enters a handle; says whether there is room for it.
    pub(crate) fn insert(&self, local: Guid, bound: HandleEntry) -> bool {
        if !self.budget.try_acquire() {
            return false;
        }
        if let Some(index) = bound.index {
            let mut indices = self.budget.indices();
            let count = indices.entry(index).or_default();
            *count = count.saturating_add(1);
        }
        let replaced = self.lock().insert(local, bound);
        self.budget.release(replaced.as_slice());
        true
    }

    /// Forgets every handle of `session`: those that were derived from its first one end with it.
    pub(crate) fn remove_session(&self, session: &SharedSession) {
        let gone = self
            .lock()
            .extract_if(|_, bound| bound.session.is_same(session))
            .map(|(_, bound)| bound)
            .collect();
        self.release(gone);
    }

    /// Whether the identity has an open session to which the upstream gave `index`.
    pub(crate) fn has_session_index(&self, index: u16) -> bool {
        self.budget.indices().contains_key(&index)
    }

    /// Whether no more handles may be opened.
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

    /// Takes handles back that are not in the table any more; their sessions.
    fn release(&self, gone: Vec<HandleEntry>) -> Vec<SharedSession> {
        self.budget.release(&gone);
        gone.into_iter().map(|bound| bound.session).collect()
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

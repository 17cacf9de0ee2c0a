//! Handle tables. Clients receive context handles of the proxy, which are mapped to the upstream's.
//!
//! A handle belongs to the identity that opened it and to the association group in which it was opened.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use identity::SecurityContext;
use mapi::Interface;
use mapi::ndr::ContextHandle;
use wire::Guid;

use crate::context_handle;
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
    /// The record of the upstream's handle.
    pub(crate) issued: Arc<IssuedHandle>,
    /// Its place in the budget of the user.
    pub(crate) _place: Arc<HandlePlace>,
}

impl HandleEntry {
    /// Whether it was derived from another handle of its session, which the session can use without it.
    pub(crate) fn is_derived(&self) -> bool {
        self.interface == Interface::AsyncEmsmdb
    }
}

/// An orphaned context handle: its session has ended in the proxy, but the server has it still. It keeps its place in
/// the budget of the user until it is dropped.
///
/// The proxy ends a session without the server if its account is revoked, a hook panics, modules keep too much state,
/// a module responds with a null handle, or the client does not receive the response that opened it.
#[derive(Debug)]
pub struct OrphanedHandle(HandleEntry);

impl OrphanedHandle {
    /// The handle of `entry`, whose session has ended. `None` for a derived handle, which the server ends with the
    /// handle from which it is derived.
    pub(crate) fn new(entry: HandleEntry) -> Option<Self> {
        (!entry.is_derived()).then_some(Self(entry))
    }

    /// The interface of the handle.
    pub const fn interface(&self) -> Interface {
        self.0.interface
    }

    /// The security context of the session that had it, which may be revoked.
    pub fn context(&self) -> SecurityContext {
        self.0.session.newest_context()
    }

    /// The number of the upstream's association group in which the upstream opened it
    /// ([`AwaitsUpstream::received_in`](crate::AwaitsUpstream::received_in)).
    pub const fn upstream_group(&self) -> u64 {
        self.0.upstream_group
    }

    /// The call that ends it at the server: the operation number and the stub of `EcDoDisconnect` ([MS-OXCRPC] 3.1.4.3)
    /// or `NspiUnbind` ([MS-OXNSPI] 3.1.4.1.2). `None` if the server has issued the handle to another session since,
    /// or may have, which must not be ended. To be called when the bytes are given to the connection.
    pub fn call_to_send(&self) -> Option<(u16, Bytes)> {
        if !self.0.issued.is_newest() {
            return None;
        }
        let mut stub = match self.0.interface {
            Interface::Nspi => vec![0; 20 /* handle */ + 4 /* Reserved */],
            _ => vec![0; 20 /* handle */],
        };
        context_handle::write_request(&mut stub, self.0.upstream);
        Some((1, stub.into()))
    }
}

/// Limits the context handles of one user that are open, that calls in progress open, or that are orphaned, in all
/// association groups together.
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

    fn try_acquire(&self) -> bool {
        let more = |open: usize| (open < self.limit).then(|| open.saturating_add(1));
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

/// A place in the budget of a user, for a handle that a call opens and later for the open handle. It is returned when
/// it is dropped.
#[derive(Debug)]
pub(crate) struct HandlePlace(Arc<HandleBudget>);

impl Drop for HandlePlace {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
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
    /// The handles that are to be ended at the server.
    orphaned: Mutex<Vec<OrphanedHandle>>,
    budget: Arc<HandleBudget>,
}

impl HandleTable {
    /// Creates an empty table, whose handles are counted against `budget`.
    pub fn new(budget: Arc<HandleBudget>) -> Self {
        Self { handles: Mutex::default(), orphaned: Mutex::default(), budget }
    }

    pub(crate) fn get(&self, local: Guid) -> Option<HandleEntry> {
        self.lock().get(&local).cloned()
    }

    /// A place in the budget for a handle that a call opens. `None` if the budget is exhausted.
    pub(crate) fn reserve(&self) -> Option<Arc<HandlePlace>> {
        self.budget.try_acquire().then(|| Arc::new(HandlePlace(Arc::clone(&self.budget))))
    }

    /// Adds a handle.
    pub(crate) fn insert(&self, local: Guid, bound: HandleEntry) {
        let replaced = self.lock().insert(local, bound);
        // Entries are dropped after the table is unlocked, here and below.
        drop(replaced);
    }

    /// Removes the handle `local`.
    pub(crate) fn remove(&self, local: Guid) {
        let removed = self.lock().remove(&local);
        drop(removed);
    }

    /// Removes the handles that the upstream opened in its association group `upstream_group`, including orphaned ones.
    /// Returns the sessions that cannot continue without them.
    pub(crate) fn remove_upstream_group(&self, upstream_group: u64) -> Vec<SharedSession> {
        self.lock_orphaned().retain(|orphaned| orphaned.upstream_group() != upstream_group);
        let removed = self.extract(|bound| bound.upstream_group == upstream_group);
        removed.into_iter().filter(|bound| !bound.is_derived()).map(|bound| bound.session).collect()
    }

    /// Whether the upstream opened a handle in its association group `upstream_group`.
    pub fn has_upstream_group(&self, upstream_group: u64) -> bool {
        self.lock().values().any(|bound| bound.upstream_group == upstream_group)
    }

    /// Removes all handles of `session`, including derived ones: the server has ended it.
    pub(crate) fn remove_session(&self, session: &SharedSession) {
        self.take_session(session.id());
    }

    /// Removes all handles of `session`, including derived ones. The server has the session still, so that its handle
    /// is orphaned.
    pub(crate) fn orphan_session(&self, session: &SharedSession) {
        for entry in self.extract(|bound| bound.session.id() == session.id()) {
            self.orphan(entry);
        }
    }

    /// Removes the derived handles of `session`.
    pub(crate) fn remove_derived(&self, session: &SharedSession) {
        self.extract(|bound| bound.session.id() == session.id() && bound.is_derived());
    }

    /// Adds `entry`, which is not in the table, to the handles that are to be ended at the server.
    pub(crate) fn orphan(&self, entry: HandleEntry) {
        self.lock_orphaned().extend(OrphanedHandle::new(entry));
    }

    /// Takes the handles that are to be ended at the server.
    pub fn take_orphaned(&self) -> Vec<OrphanedHandle> {
        std::mem::take(&mut *self.lock_orphaned())
    }

    /// Removes all handles of the session with the number `session`. Returns the session.
    pub(crate) fn take_session(&self, session: u64) -> Option<SharedSession> {
        let removed = self.extract(|bound| bound.session.id() == session);
        removed.into_iter().next().map(|bound| bound.session)
    }

    /// Removes the handles of the session with the number `session` on `interface` that are mapped to the upstream's
    /// handle with this UUID.
    pub(crate) fn remove_upstream_handle(&self, session: u64, interface: Interface, uuid: Guid) {
        self.extract(|bound| {
            bound.session.id() == session && bound.interface == interface && bound.upstream.uuid == uuid
        });
    }

    /// Whether a handle of the table belongs to `session`.
    pub(crate) fn contains_session(&self, session: &SharedSession) -> bool {
        self.lock().values().any(|bound| bound.session.is_same(session))
    }

    /// The session of each handle.
    pub(crate) fn sessions(&self) -> Vec<SharedSession> {
        self.lock().values().map(|bound| bound.session.clone()).collect()
    }

    /// Removes all handles, including orphaned ones: the server ends them with the association group. Returns their
    /// sessions.
    pub(crate) fn drain(&self) -> Vec<SharedSession> {
        drop(self.take_orphaned());
        let drained = self.extract(|_| true);
        drained.into_iter().map(|bound| bound.session).collect()
    }

    /// How many handles are open.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no handle is open.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Removes the handles that `is_removed` selects. They are to be dropped after the table is unlocked.
    fn extract(&self, is_removed: impl Fn(&HandleEntry) -> bool) -> Vec<HandleEntry> {
        self.lock().extract_if(|_, bound| is_removed(bound)).map(|(_, bound)| bound).collect()
    }

    fn lock_orphaned(&self) -> MutexGuard<'_, Vec<OrphanedHandle>> {
        self.orphaned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Guid, HandleEntry>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle of the server. Servers may give the session and the handle that is derived from it the same UUID.
type UpstreamHandle = (Interface, Guid);

/// The handles that sessions have, each with the record of the session to which the server issued it last.
#[derive(Debug, Default)]
pub(crate) struct IssuedHandles {
    records: Mutex<HashMap<UpstreamHandle, Weak<IssuedHandle>>>,
}

/// The record of a handle that the server issued to a session. It is removed when it is dropped, with the handle.
#[derive(Debug)]
pub(crate) struct IssuedHandle {
    all: Arc<IssuedHandles>,
    key: UpstreamHandle,
    holder: HandleHolder,
    /// The number of the newest response that issued it to this session ([`IssueOrder::received`]).
    received: AtomicU64,
}

/// What is known of when the server issued a handle or index, in the numbers of [`Engine`](crate::Engine).
///
/// The server issued it at some time between both. The proxy may read the response much later: it does not read those
/// of a client that does not read. So the order in which responses are received is not that in which the server issued
/// what they have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IssueOrder {
    /// The number of the operation, which began before its request was sent.
    pub(crate) begun: u64,
    /// A number that was taken when the response was received.
    pub(crate) received: u64,
}

impl IssueOrder {
    /// Whether the server issued it later than what it issued in the response with the number `received`. Otherwise the
    /// order is not known.
    pub(crate) const fn is_after(self, received: u64) -> bool {
        received < self.begun
    }
}

/// The session to which the server issued a handle.
#[derive(Debug, Clone)]
pub(crate) struct HandleHolder {
    pub(crate) session: u64,
    /// The handles of its association group.
    pub(crate) group: Weak<HandleTable>,
}

impl IssuedHandles {
    /// The server issued the handle `key` to `holder`. Returns the record, and the other session that had the handle.
    /// If the server may have issued the handle to the other session later, neither has the newest record: the handle
    /// is not ended at the server.
    pub(crate) fn issue(
        all: &Arc<Self>,
        key: UpstreamHandle,
        holder: HandleHolder,
        order: IssueOrder,
    ) -> (Arc<IssuedHandle>, Option<HandleHolder>) {
        let mut records = all.lock();
        let earlier = records.get(&key).and_then(Weak::upgrade);
        if let Some(same) = earlier.as_ref().filter(|earlier| earlier.holder.session == holder.session) {
            same.received.fetch_max(order.received, Ordering::Relaxed);
            return (Arc::clone(same), None);
        }
        let is_newest =
            earlier.as_ref().is_none_or(|earlier| order.is_after(earlier.received.load(Ordering::Relaxed)));
        let received = AtomicU64::new(order.received);
        let issued = Arc::new(IssuedHandle { all: Arc::clone(all), key, holder, received });
        if is_newest {
            records.insert(key, Arc::downgrade(&issued));
        } else {
            records.remove(&key);
        }
        // Before `earlier` is dropped, which may be its last clone.
        drop(records);
        (issued, earlier.map(|earlier| earlier.holder.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UpstreamHandle, Weak<IssuedHandle>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IssuedHandle {
    /// Whether the server has not issued the handle to another session since, as far as is known.
    pub(crate) fn is_newest(&self) -> bool {
        self.all.lock().get(&self.key).is_some_and(|record| std::ptr::eq(record.as_ptr(), self))
    }
}

impl Drop for IssuedHandle {
    fn drop(&mut self) {
        let mut records = self.all.lock();
        if records.get(&self.key).is_some_and(|record| std::ptr::eq(record.as_ptr(), self)) {
            records.remove(&self.key);
        }
    }
}

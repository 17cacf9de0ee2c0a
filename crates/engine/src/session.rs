//! Sessions: the state of one client at one service, under one security context.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use identity::{Identity, Proof, SecurityContext};
use mapi::Interface;
use wire::Now;

use crate::module_state::{ModuleState, ModuleStates};
use crate::objects::table::ObjectTable;
use crate::user_memory::MemoryLimit;

/// The state of one client at one service of the server, from its Connect or Bind to its Disconnect or Unbind, under
/// one security context.
pub struct Session {
    id: u64,
    interface: Interface,
    context: SecurityContext,
    peer: SocketAddr,
    module_states: ModuleStates,
    objects: ObjectTable,
    /// The index that the server issued to a session of the mailbox store over RPC (`picxr`, [MS-OXCRPC] 3.1.4.1).
    index: Option<u16>,
    ended: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("interface", &self.interface)
            .field("context", &self.context)
            .field("peer", &self.peer)
            .field("module_states", &self.module_states.len())
            .field("objects", &self.objects.len())
            .field("index", &self.index)
            .field("ended", &self.ended)
            .finish()
    }
}

impl Session {
    pub(crate) fn new(
        id: u64,
        interface: Interface,
        context: SecurityContext,
        peer: SocketAddr,
        module_states: ModuleStates,
        objects: ObjectTable,
    ) -> Self {
        let (index, ended) = (None, false);
        Self { id, interface, context, peer, module_states, objects, index, ended }
    }

    /// The open server objects of the session. Within a hook for single ROPs the table is empty: use the view of the
    /// ROP.
    pub const fn objects(&self) -> &ObjectTable {
        &self.objects
    }

    /// Takes the object table out of the session, to apply ROPs to it.
    pub(crate) fn take_objects(&mut self) -> ObjectTable {
        std::mem::take(&mut self.objects)
    }

    /// Puts the object table back after [`Session::take_objects`].
    pub(crate) fn put_objects(&mut self, objects: ObjectTable) {
        self.objects = objects;
        self.objects.return_unused();
    }

    /// A number that no other session or operation of the engine has.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The service: the interface, or over HTTP the interface with the corresponding operations.
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// The security context of the session. Its identity is that of all operations of the session.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }

    /// The address of the client that began the session.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The session's value of the type `T`, created at the first access and dropped with the session. A module uses a
    /// private type, so that other modules cannot access the value. The session ends if what modules keep exceeds the
    /// memory of the user.
    pub fn module_state<T: ModuleState>(&mut self) -> &mut T {
        self.module_states.get()
    }

    /// Counts the state that modules keep. To be called after their hooks.
    ///
    /// # Errors
    /// If it exceeds a limit: then the session must end.
    pub(crate) fn count_module_state(&mut self) -> Result<(), MemoryLimit> {
        self.module_states.count()
    }

    /// The limit because of which objects of the session are not tracked, once.
    pub(crate) fn take_reached(&mut self) -> Option<MemoryLimit> {
        self.objects.take_reached()
    }

    /// Sets the index that the server issued to the session. Returns `false` if the session has ended.
    pub(crate) const fn set_index(&mut self, index: u16) -> bool {
        self.index = Some(index);
        !self.ended
    }

    /// The index that the server issued to the session.
    pub(crate) const fn index(&self) -> Option<u16> {
        self.index
    }

    /// Marks the session as ended. Returns `true` at the first call.
    pub(crate) fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    /// Whether the session has ended.
    #[cfg(test)]
    pub(crate) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Drops the modules' values and the object table.
    pub(crate) fn clear(&mut self) {
        self.module_states.clear();
        self.objects = ObjectTable::default();
    }
}

/// A session that several connections of one client may share.
///
/// A thread of the pool may have it locked for a long time ([`crate::Deferral`]). What other threads need meanwhile is
/// beside the lock, and they never wait for it.
#[derive(Debug, Clone)]
pub struct SharedSession {
    id: u64,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Whether no more requests may be sent in the session.
    is_closed: AtomicBool,
    /// Whether the session is to end as soon as no thread has it locked.
    is_end_requested: AtomicBool,
    /// A hook panicked, so the state may be inconsistent, or the state of modules exceeds a limit.
    is_broken: AtomicBool,
    /// The newest security context of the session.
    context: Mutex<SecurityContext>,
    /// Whether it is newer than that in the session.
    is_renewed: AtomicBool,
    session: Mutex<Session>,
}

impl SharedSession {
    pub(crate) fn new(session: Session) -> Self {
        let (id, context) = (session.id(), Mutex::new(session.context().clone()));
        let [is_closed, is_end_requested, is_broken, is_renewed] = [const { AtomicBool::new(false) }; 4];
        let session = Mutex::new(session);
        let shared = Shared { is_closed, is_end_requested, is_broken, context, is_renewed, session };
        Self { id, shared: Arc::new(shared) }
    }

    /// Closes the session: no requests may be sent in it any more, since it ends, or its cookies have ended or no
    /// longer belong to it. Hooks may still run for its last response.
    pub(crate) fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
    }

    /// Whether no more requests may be sent in the session. Does not lock the session.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.is_closed.load(Ordering::Acquire)
    }

    /// The session's number, as [`Session::id`], without locking the session.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Requests the end of the session. To be called before [`SharedSession::try_lock`]: if that fails, the thread that
    /// has the session locked finds the request afterwards ([`SharedSession::is_end_requested`]).
    pub(crate) fn request_end(&self) {
        self.shared.is_end_requested.swap(true, Ordering::AcqRel);
    }

    /// Whether the end of the session was requested, and may have been carried out. To be called after the session was
    /// locked, to refuse work in it, and after it was unlocked, to carry the end out.
    pub(crate) fn is_end_requested(&self) -> bool {
        // Not a load: of this and `request_end`, the later one has to see what preceded the earlier one.
        self.shared.is_end_requested.fetch_or(false, Ordering::AcqRel)
    }

    /// Marks the session as broken, because a hook panicked or the state of modules exceeds a limit: it is to end.
    pub(crate) fn mark_broken(&self) {
        self.shared.is_broken.store(true, Ordering::Release);
    }

    /// Whether the session is to end because of its state.
    pub(crate) fn is_broken(&self) -> bool {
        self.shared.is_broken.load(Ordering::Acquire)
    }

    /// Locks the session. Waits until no other thread has it locked, which may take long. If a thread panicked while
    /// it held the lock, the session is marked as broken.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Session> {
        let locked = self.shared.session.lock();
        self.locked(locked.unwrap_or_else(|poisoned| self.recovered(poisoned)))
    }

    /// As [`SharedSession::lock`], but returns `None` if another thread has the session locked.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Session>> {
        let locked = match self.shared.session.try_lock() {
            Ok(locked) => locked,
            Err(TryLockError::Poisoned(poisoned)) => self.recovered(poisoned),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(self.locked(locked))
    }

    #[inline]
    fn locked<'a>(&self, mut session: MutexGuard<'a, Session>) -> MutexGuard<'a, Session> {
        if self.shared.is_renewed.load(Ordering::Acquire) {
            self.take_renewed(&mut session);
        }
        session
    }

    #[cold]
    fn take_renewed(&self, session: &mut Session) {
        let context = self.context();
        self.shared.is_renewed.store(false, Ordering::Release);
        session.context = context.clone();
    }

    #[cold]
    fn recovered<'a>(&self, poisoned: PoisonError<MutexGuard<'a, Session>>) -> MutexGuard<'a, Session> {
        self.mark_broken();
        poisoned.into_inner()
    }

    fn context(&self) -> MutexGuard<'_, SecurityContext> {
        self.shared.context.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces a security context that has expired or was revoked at `now` by `context`, a later one of the same
    /// identity.
    pub(crate) fn renew(&self, context: &SecurityContext, now: Now) {
        let mut current = self.context();
        if current.identity() == context.identity() && current.check(|| now).is_err() {
            *current = context.clone();
            self.shared.is_renewed.store(true, Ordering::Release);
        }
    }

    /// The newest security context of the session.
    pub(crate) fn newest_context(&self) -> SecurityContext {
        self.context().clone()
    }

    /// Whether the session belongs to `identity`.
    pub(crate) fn is_of(&self, identity: &Identity) -> bool {
        self.context().identity() == identity
    }

    /// Whether the account with which the session was opened was revoked. Always `false` with pass-through
    /// authentication: there a security context is revoked when the server rejects its credentials, and a new sign-in
    /// of the same identity continues the session.
    pub(crate) fn is_revoked(&self) -> bool {
        let context = self.context();
        context.is_revoked() && context.proof() != Proof::PassThrough
    }

    /// Whether both are the same session.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

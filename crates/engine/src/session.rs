//! Sessions: the state of one client at one service, under one security context.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::{Proof, SecurityContext};
use mapi::Interface;
use wire::FileTime;

use crate::objects::table::ObjectTable;

/// The state of one client at one service of the server, from its Connect or Bind to its Disconnect or Unbind, under
/// one security context.
pub struct Session {
    id: u64,
    interface: Interface,
    context: SecurityContext,
    peer: SocketAddr,
    slots: HashMap<TypeId, Box<dyn Any + Send>>,
    objects: ObjectTable,
    ended: bool,
    /// A hook panicked, so the state may be inconsistent.
    broken: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("interface", &self.interface)
            .field("context", &self.context)
            .field("peer", &self.peer)
            .field("slots", &self.slots.len())
            .field("objects", &self.objects.len())
            .field("ended", &self.ended)
            .field("broken", &self.broken)
            .finish()
    }
}

impl Session {
    pub(crate) fn new(
        id: u64,
        interface: Interface,
        context: SecurityContext,
        peer: SocketAddr,
        objects: ObjectTable,
    ) -> Self {
        Self { id, interface, context, peer, slots: HashMap::new(), objects, ended: false, broken: false }
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

    /// Replaces a security context that has expired or was revoked at `now` by `context`, a later one of the same
    /// identity.
    pub(crate) fn renew(&mut self, context: &SecurityContext, now: FileTime) {
        if self.context.identity() == context.identity() && self.context.check(now).is_err() {
            self.context = context.clone();
        }
    }

    /// The address of the client that began the session.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The session's value of the type `T`, created at the first access and dropped with the session. A module uses a
    /// private type, so that other modules cannot access the value.
    pub fn slot<T: Default + Send + 'static>(&mut self) -> &mut T {
        let slot = self.slots.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        if !slot.is::<T>() {
            *slot = Box::<T>::default();
        }
        slot.downcast_mut().unwrap_or_else(|| unreachable!("a slot is keyed by its own type"))
    }

    /// Marks the session as ended. Returns `true` at the first call.
    pub(crate) fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    /// Whether the session has ended.
    pub(crate) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Marks the session as broken, because a hook panicked: its state may be inconsistent.
    pub(crate) const fn mark_broken(&mut self) {
        self.broken = true;
    }

    /// Whether a hook panicked.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Drops the modules' values and the object table.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.objects = ObjectTable::default();
    }
}

/// A session that several connections of one client may share.
#[derive(Debug, Clone)]
pub struct SharedSession {
    id: u64,
    session: Arc<Mutex<Session>>,
}

impl SharedSession {
    pub(crate) fn new(session: Session) -> Self {
        Self { id: session.id(), session: Arc::new(Mutex::new(session)) }
    }

    /// The session's number, as [`Session::id`], without locking the session.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Locks the session. If a thread panicked while it held the lock, the session is marked as broken.
    pub fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(|poisoned| {
            let mut session = PoisonError::into_inner(poisoned);
            session.mark_broken();
            session
        })
    }

    /// Whether the account with which the session was opened was revoked. Always `false` with pass-through
    /// authentication: there a security context is revoked when the server rejects its credentials, and a new sign-in
    /// of the same identity continues the session.
    pub(crate) fn is_revoked(&self) -> bool {
        let session = self.lock();
        session.context().is_revoked() && session.context().proof() != Proof::PassThrough
    }

    /// Whether both are the same session.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.session, &other.session)
    }
}

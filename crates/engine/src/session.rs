//! A session: one client's conversation with one service under one security context.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::{Proof, SecurityContext};
use mapi::Interface;
use wire::FileTime;

use crate::objects::table::ObjectTable;

/// One client's conversation with one service of the server, under one security context.
pub struct Session {
    id: u64,
    interface: Interface,
    context: SecurityContext,
    peer: SocketAddr,
    slots: HashMap<TypeId, Box<dyn Any + Send>>,
    objects: ObjectTable,
    ended: bool,
    /// A hook panicked: nothing is known of it any more.
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

    /// The server objects that it has open. Within a hook for single ROPs, ask the view of the ROP instead.
    pub const fn objects(&self) -> &ObjectTable {
        &self.objects
    }

    /// Takes the objects out, while ROPs act on them.
    pub(crate) fn take_objects(&mut self) -> ObjectTable {
        std::mem::take(&mut self.objects)
    }

    /// Puts back what [`Session::take_objects`] took out.
    pub(crate) fn put_objects(&mut self, objects: ObjectTable) {
        self.objects = objects;
    }

    /// A number that no other session of this process has.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The service that the client talks to.
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// Whose session it is.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }

    /// Goes on under `context` where its own may not be used at `now` any more: that of the same identity, who
    /// signed in again.
    pub(crate) fn renew(&mut self, context: &SecurityContext, now: FileTime) {
        if self.context.identity() == context.identity() && self.context.check(now).is_err() {
            self.context = context.clone();
        }
    }

    /// Where the client connects from.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the caller keeps here for the session under the type `T`; made when first asked for, dropped with
    /// the session. A module uses a type of its own, so that no other can reach it.
    pub fn slot<T: Default + Send + 'static>(&mut self) -> &mut T {
        let slot = self.slots.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        if !slot.is::<T>() {
            *slot = Box::<T>::default();
        }
        slot.downcast_mut().unwrap_or_else(|| unreachable!("a slot is keyed by its own type"))
    }

    /// Marks the session as ended; true the first time.
    pub(crate) fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    /// Whether it ended.
    pub(crate) const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Marks the session as one that can't go on, since a hook panicked: what was known of its objects is lost.
    pub(crate) const fn mark_broken(&mut self) {
        self.broken = true;
    }

    /// Whether a hook panicked.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Drops what modules kept, and what was known of objects.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.objects = ObjectTable::default();
    }
}

/// A session that several connections of one client may hold.
#[derive(Debug, Clone)]
pub struct SharedSession {
    id: u64,
    session: Arc<Mutex<Session>>,
}

impl SharedSession {
    pub(crate) fn new(session: Session) -> Self {
        Self { id: session.id(), session: Arc::new(Mutex::new(session)) }
    }

    /// The session's number, as [`Session::id`]; it takes no lock.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The session, to this thread alone. One in which a thread panicked is broken.
    pub fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(|poisoned| {
            let mut session = PoisonError::into_inner(poisoned);
            session.mark_broken();
            session
        })
    }

    /// Whether its account was revoked. Where the server authenticates clients, a security context ends with each
    /// sign-in that the server takes back, and the next one of the same identity goes on with the session.
    pub(crate) fn is_revoked(&self) -> bool {
        let session = self.lock();
        session.context().is_revoked() && session.context().proof() != Proof::PassThrough
    }

    /// Whether both are the same session.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.session, &other.session)
    }
}

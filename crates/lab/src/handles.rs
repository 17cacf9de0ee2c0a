//! The lab's context handles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::Identity;
use mapi::nspi::MId;
use net::{Call, Group};
use rpc::FaultStatus;
use rpc::ndr::ContextHandle;
use wire::Guid;

use crate::notify::subscriber::Subscriber;
use crate::random::Sequence;
use crate::session::SharedSession;

/// The object of a context handle.
#[derive(Debug, Clone)]
pub(crate) enum Object {
    /// A session with the address book.
    AddressBook,
    /// A session with the store, and the person as whom it acts.
    Store(Arc<SharedSession>, MId),
    /// Waits for notifications of the session that the handle names.
    Notifications(Guid, Arc<Subscriber>),
}

/// An open handle. It belongs to the association group and the identity that opened it.
#[derive(Debug)]
struct Open {
    group: Arc<Group>,
    identity: Identity,
    object: Object,
    /// When it was used last, as the number of uses of all handles until then.
    last_used: u64,
}

/// The open context handles.
#[derive(Debug)]
pub(crate) struct Handles(Mutex<State>);

#[derive(Debug)]
struct State {
    random: Sequence,
    open: HashMap<Guid, Open>,
    uses: u64,
}

impl Handles {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(State { random: Sequence::new(seed.rotate_left(32)), open: HashMap::new(), uses: 0 }))
    }

    /// A new handle for the caller of `call`, whose user may have `most` of its kind: with the store as the same
    /// person, with the address book, or for the notifications of one session. A further one closes the one that was
    /// not used for the longest time.
    pub(crate) fn open(&self, call: &Call, object: Object, most: usize) -> ContextHandle {
        let mut state = self.lock();
        let state = &mut *state;
        let uuid = loop {
            let uuid = state.random.guid();
            if !uuid.is_nil() && !state.open.contains_key(&uuid) {
                break uuid;
            }
        };
        let identity = call.context.identity().clone();
        let last_used = state.next_use();
        let opened = Open { group: Arc::clone(&call.group), identity, object, last_used };
        let same = || state.open.iter().filter(|(_, other)| other.counts_with(&opened));
        if same().count() >= most
            && let Some(oldest) = same().min_by_key(|(_, other)| other.last_used).map(|(uuid, _)| *uuid)
        {
            state.close(oldest);
        }
        state.open.insert(uuid, opened);
        ContextHandle::new(uuid)
    }

    /// The object of `handle`, if the caller of `call` may use it.
    pub(crate) fn find(&self, call: &Call, handle: ContextHandle) -> Result<Object, FaultStatus> {
        let mut state = self.lock();
        let now = state.next_use();
        let open = state.open.get_mut(&handle.uuid).filter(|open| open.is_of(call));
        let open = open.ok_or(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH)?;
        open.last_used = now;
        Ok(open.object.clone())
    }

    /// Closes a handle, and those that were opened from it.
    pub(crate) fn close(&self, handle: ContextHandle) {
        self.lock().close(handle.uuid);
    }

    /// Closes all handles of an association group.
    pub(crate) fn rundown(&self, group: &Arc<Group>) {
        self.lock().open.retain(|_, open| !Arc::ptr_eq(&open.group, group));
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().open.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    const fn next_use(&mut self) -> u64 {
        self.uses = self.uses.saturating_add(1);
        self.uses
    }

    fn close(&mut self, uuid: Guid) {
        self.open.remove(&uuid);
        self.open.retain(|_, open| !matches!(open.object, Object::Notifications(of, _) if of == uuid));
    }
}

impl Open {
    /// Whether both count for one limit.
    fn counts_with(&self, other: &Self) -> bool {
        let is_same_kind = match (&self.object, &other.object) {
            (Object::AddressBook, Object::AddressBook) => true,
            (Object::Store(_, one), Object::Store(_, other)) => one == other,
            (Object::Notifications(one, _), Object::Notifications(other, _)) => one == other,
            _ => false,
        };
        is_same_kind && self.identity.user() == other.identity.user()
    }

    fn is_of(&self, call: &Call) -> bool {
        Arc::ptr_eq(&self.group, &call.group) && self.identity == *call.context.identity()
    }
}

//! The lab's context handles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::Identity;
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
    /// A session with the store.
    Store(Arc<SharedSession>),
    /// Waits for notifications of the session that the handle names.
    Notifications(Guid, Arc<Subscriber>),
}

/// An open handle. It belongs to the association group and the identity that opened it.
#[derive(Debug)]
struct Open {
    group: Arc<Group>,
    identity: Identity,
    object: Object,
}

/// The open context handles.
#[derive(Debug)]
pub(crate) struct Handles(Mutex<State>);

#[derive(Debug)]
struct State {
    random: Sequence,
    open: HashMap<Guid, Open>,
}

impl Handles {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(State { random: Sequence::new(seed.rotate_left(32)), open: HashMap::new() }))
    }

    /// A new handle for the caller of `call`.
    pub(crate) fn open(&self, call: &Call, object: Object) -> ContextHandle {
        let mut state = self.lock();
        let uuid = loop {
            let uuid = state.random.guid();
            if !uuid.is_nil() && !state.open.contains_key(&uuid) {
                break uuid;
            }
        };
        let identity = call.context.identity().clone();
        state.open.insert(uuid, Open { group: Arc::clone(&call.group), identity, object });
        ContextHandle::new(uuid)
    }

    /// The object of `handle`, if the caller of `call` may use it.
    pub(crate) fn find(&self, call: &Call, handle: ContextHandle) -> Result<Object, FaultStatus> {
        let state = self.lock();
        let open = state.open.get(&handle.uuid).filter(|open| open.is_of(call));
        open.map(|open| open.object.clone()).ok_or(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH)
    }

    /// Closes a handle, and those that were opened from it.
    pub(crate) fn close(&self, handle: ContextHandle) {
        let mut state = self.lock();
        state.open.remove(&handle.uuid);
        state
            .open
            .retain(|_, open| !matches!(open.object, Object::Notifications(of, _) if of == handle.uuid));
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

impl Open {
    fn is_of(&self, call: &Call) -> bool {
        Arc::ptr_eq(&self.group, &call.group) && self.identity == *call.context.identity()
    }
}

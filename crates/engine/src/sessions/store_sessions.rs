//! What the server issued to the open sessions of the mailbox store: context handles and session indices.
//!
//! A handle is unique among the sessions of the server ([MS-OXCRPC] 3.1.4.1 `pcxh`). If the server issues one again, it
//! no longer has the earlier session, such as one that was idle for too long, and a call with the handle would be
//! executed in the new session. An index has 16 bits, is used again, and may be unique among the sessions of one
//! account only: it belongs to the session to which it was issued last, and the earlier one keeps its handle.
//!
//! Handles of the address book are not recorded: grommunio has one for all sessions.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use identity::{Identity, UserKey};
use wire::Guid;

use crate::session::{SharedSession, StoreNames};
use crate::sessions::handles::HandleTable;

/// The holders of the handles and indices that the server issued to open sessions.
#[derive(Debug, Default)]
pub(crate) struct StoreSessions {
    issued: Mutex<Issued>,
}

#[derive(Debug, Default)]
struct Issued {
    handles: HashMap<Guid, Holder>,
    indices: HashMap<u16, Holder>,
}

/// The session to which the server issued a handle or index last.
#[derive(Debug, Clone)]
struct Holder {
    session: u64,
    user: UserKey,
    /// The handles of its association group.
    group: Weak<HandleTable>,
}

impl StoreSessions {
    /// Whether a client of `identity` may link a session to the one with the index `index`: it belongs to the same user
    /// or, if the client is anonymous, to the association group `group`. All anonymous clients are one user.
    pub(crate) fn may_link(&self, index: u16, identity: &Identity, group: &Arc<HandleTable>) -> bool {
        self.lock().indices.get(&index).is_some_and(|holder| {
            let is_same_group = std::ptr::eq(holder.group.as_ptr(), Arc::as_ptr(group));
            holder.user == *identity.user() && (is_same_group || !identity.is_anonymous())
        })
    }

    /// Forgets what the server issued to the session with the number `session`, which has ended.
    pub(crate) fn forget(&self, session: u64, names: StoreNames) {
        let mut issued = self.lock();
        forget(&mut issued.handles, &names.handle, session);
        if let Some(index) = names.index {
            forget(&mut issued.indices, &index, session);
        }
    }

    /// The server issued `names` to `session`, whose handle is in `group`. Returns the session that had the handle,
    /// which is to end, after its handles were removed.
    pub(crate) fn issue(
        &self,
        names: StoreNames,
        session: &SharedSession,
        group: &Arc<HandleTable>,
    ) -> Option<SharedSession> {
        let mut locked = session.lock();
        if !locked.set_store_names(names) {
            return None;
        }
        let user = locked.context().identity().user().clone();
        let holder = Holder { session: session.id(), user, group: Arc::downgrade(group) };
        let mut issued = self.lock();
        if let Some(index) = names.index {
            issued.indices.insert(index, holder.clone());
        }
        let earlier = issued.handles.insert(names.handle, holder)?;
        drop(issued);
        drop(locked);
        earlier.group.upgrade()?.take_session(earlier.session)
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget<K: Eq + Hash>(holders: &mut HashMap<K, Holder>, key: &K, session: u64) {
    if holders.get(key).is_some_and(|holder| holder.session == session) {
        holders.remove(key);
    }
}

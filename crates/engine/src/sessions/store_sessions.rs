//! What the server issued to the open sessions of the mailbox store: context handles and session indices.
//!
//! A handle is unique among the sessions of the server ([MS-OXCRPC] 3.1.4.1 `pcxh`). If the server issues one again, it
//! no longer has the earlier session, such as one that was idle for too long, and a call with the handle would be
//! executed in the new session. The same applies to the handles of AsyncEMSMDB (`pacxh`, [MS-OXCRPC] 3.1.4.4), which
//! are derived from those of sessions: the earlier session loses its derived handle, and continues without it. An index
//! has 16 bits, is used again, and may be unique among the sessions of one account only: it belongs to the session to
//! which it was issued last, and the earlier one keeps its handle.
//!
//! If it is not known to which of two sessions the server issued a handle or index last ([`IssueOrder`]), it belongs to
//! neither: both sessions of a handle end, both lose a derived handle, and neither can be linked to by an index.
//!
//! Sessions of the address book keep a handle that the server issues again, since grommunio has one for all sessions.
//! Only the session to which it was issued last is ended at the server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use identity::{Identity, UserKey};
use mapi::Interface;
use wire::Guid;

use crate::session::SharedSession;
use crate::sessions::handles::{HandleHolder, HandleTable, IssueOrder, IssuedHandle, IssuedHandles};

/// The holders of the handles and indices that the server issued to open sessions.
#[derive(Debug, Default)]
pub(crate) struct StoreSessions {
    handles: Arc<IssuedHandles>,
    indices: Mutex<HashMap<u16, IssuedIndex>>,
}

/// An index that the server has issued. It is kept when its session ends, since a response that has it may be received
/// later that the server sent before.
#[derive(Debug)]
struct IssuedIndex {
    /// The number of the newest response that issued it ([`IssueOrder::received`]).
    received: u64,
    /// `None` if the session has ended, or is not known.
    holder: Option<IndexHolder>,
}

/// The session to which the server issued an index last.
#[derive(Debug)]
struct IndexHolder {
    session: u64,
    user: UserKey,
    /// The handles of its association group.
    group: Weak<HandleTable>,
}

impl StoreSessions {
    /// Whether a client of `identity` may link a session to the one with the index `index`: it belongs to the same user
    /// or, if the client is anonymous, to the association group `group`. All anonymous clients are one user.
    pub(crate) fn may_link(&self, index: u16, identity: &Identity, group: &Arc<HandleTable>) -> bool {
        let indices = self.indices();
        indices.get(&index).and_then(|issued| issued.holder.as_ref()).is_some_and(|holder| {
            let is_same_group = std::ptr::eq(holder.group.as_ptr(), Arc::as_ptr(group));
            holder.user == *identity.user() && (is_same_group || !identity.is_anonymous())
        })
    }

    /// The server issued the `index` to `session`, whose handles are in `group`. The session that had it loses it.
    pub(crate) fn issue_index(
        &self,
        index: u16,
        session: &SharedSession,
        group: &Arc<HandleTable>,
        order: IssueOrder,
    ) {
        let mut locked = session.lock();
        // No session may be linked to one that has ended.
        let is_open = locked.set_index(index);
        let mut indices = self.indices();
        let is_newest = indices.get(&index).is_none_or(|earlier| order.is_after(earlier.received));
        let holder = (is_open && is_newest).then(|| {
            let user = locked.context().identity().user().clone();
            IndexHolder { session: session.id(), user, group: Arc::downgrade(group) }
        });
        indices.insert(index, IssuedIndex { received: order.received, holder });
    }

    /// The session with the number `session`, to which the server issued the `index`, has ended.
    pub(crate) fn forget_index(&self, index: u16, session: u64) {
        if let Some(issued) = self.indices().get_mut(&index) {
            issued.holder.take_if(|holder| holder.session == session);
        }
    }

    /// The server issued `handle`, of `interface`, to `session`, whose handles are in `group`. The session that had it
    /// loses it. Returns the record of the handle, and the session that had it, if that is to end.
    pub(crate) fn issue_handle(
        &self,
        (interface, handle): (Interface, Guid),
        session: &SharedSession,
        group: &Arc<HandleTable>,
        order: IssueOrder,
    ) -> (Arc<IssuedHandle>, Option<SharedSession>) {
        let holder = HandleHolder { session: session.id(), group: Arc::downgrade(group) };
        let (issued, earlier) = IssuedHandles::issue(&self.handles, (interface, handle), holder, order);
        let ended = earlier.and_then(|HandleHolder { session, group }| {
            let group = group.upgrade()?;
            match interface {
                Interface::Emsmdb => group.take_session(session),
                Interface::AsyncEmsmdb => {
                    group.remove_upstream_handle(session, interface, handle);
                    None
                }
                Interface::Nspi | Interface::Rfr => None,
            }
        });
        (issued, ended)
    }

    fn indices(&self) -> MutexGuard<'_, HashMap<u16, IssuedIndex>> {
        self.indices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

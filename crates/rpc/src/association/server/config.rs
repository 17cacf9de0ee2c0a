//! Configuration of the server's end of an association, and association groups.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::framer::{DEFAULT_MAX_FRAGMENT, MIN_MAX_FRAGMENT};
use crate::pdu::{AuthLevel, AuthType, SyntaxId};

/// An interface that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Its UUID and version.
    pub id: SyntaxId,
    /// A call at a lower level gets the fault `ACCESS_DENIED`. [`AuthLevel::NONE`] also allows unauthenticated calls.
    pub minimum_level: AuthLevel,
}

/// What an association offers and what it takes. Shared by all associations of a listener.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The interfaces that are served.
    pub interfaces: Vec<Interface>,
    /// The security packages that are understood; others are rejected with the bind.
    pub auth_types: Vec<AuthType>,
    /// What a `bind_ack` names as our address: the port as text over TCP, the pipe over named pipes.
    pub secondary_address: String,
    /// The largest fragment that we send and take, in bytes; at least 1432. Clients that take less get less.
    pub max_fragment: u16,
    /// The largest bind, `alter_context` or auth3 that we take, in bytes. Tokens are not cut in pieces, and a
    /// Kerberos ticket can take many kilobytes.
    pub max_setup_fragment: u16,
    /// The largest stub that is put together, in bytes. It bounds all of an association's unfinished stubs
    /// together.
    pub max_stub: usize,
    /// The same for unauthenticated clients, so that they can't take much memory.
    pub max_anonymous_stub: usize,
    /// How many presentation contexts one association may have.
    pub max_contexts: usize,
    /// How many calls may wait for their answer, or for their rest, at once.
    pub max_calls: usize,
    /// How many security contexts one association may have.
    pub max_security_contexts: usize,
    /// How many tokens a client may send before its handshake must be done.
    pub max_auth_legs: u32,
    /// How many bytes may wait to be sent before no more calls are taken.
    pub max_output: usize,
    /// Whether header signing is agreed to where the client offers it.
    pub header_signing: bool,
    /// Whether several calls at once are agreed to where the client offers it.
    pub multiplexing: bool,
    /// The call id of binds that this program sends itself: one that comes with it has led back, and is rejected.
    pub own_bind: Option<u32>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            auth_types: vec![AuthType::GSS_NEGOTIATE, AuthType::WINNT, AuthType::GSS_KERBEROS],
            secondary_address: String::new(),
            max_fragment: DEFAULT_MAX_FRAGMENT,
            max_setup_fragment: u16::MAX,
            max_stub: 16 << 20,
            // The largest call that MAPI clients make, EcDoRpcExt2, brings 256 KiB ([MS-OXCRPC] 3.1.4.2).
            max_anonymous_stub: 512 << 10,
            max_contexts: 64,
            max_calls: 64,
            max_security_contexts: 8,
            max_auth_legs: 8,
            max_output: 4 << 20,
            header_signing: true,
            multiplexing: true,
            own_bind: None,
        }
    }
}

impl ServerConfig {
    pub(super) fn fragment_limit(&self) -> u16 {
        self.max_fragment.max(MIN_MAX_FRAGMENT)
    }
}

/// Allocates association groups (C706 9.3.4): context handles belong to one, and a client's connections of
/// one group share them.
pub trait AssociationGroups: Send + Sync {
    /// A new group, not zero, with one member. `None` when there can be no more.
    fn create(&self) -> Option<u32>;

    /// Joins the group `id`, and says whether there is such a one.
    fn join(&self, id: u32) -> bool;

    /// A member of the group `id` is gone.
    fn leave(&self, id: u32);
}

/// The association groups of one server.
#[derive(Default)]
pub struct GroupTable {
    state: Mutex<Groups>,
}

#[derive(Default)]
struct Groups {
    last: u32,
    members: HashMap<u32, usize>,
}

impl GroupTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many groups have members.
    pub fn len(&self) -> usize {
        self.lock().members.len()
    }

    /// Whether no group has members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Groups> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for GroupTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupTable").field("groups", &self.len()).finish()
    }
}

impl AssociationGroups for GroupTable {
    fn create(&self) -> Option<u32> {
        let mut groups = self.lock();
        // Numbers wrap around after four billion: those in use are skipped.
        let attempts = groups.members.len().saturating_add(2);
        for _ in 0..attempts {
            groups.last = groups.last.checked_add(1).unwrap_or(1);
            let id = groups.last;
            if let Entry::Vacant(place) = groups.members.entry(id) {
                place.insert(1);
                return Some(id);
            }
        }
        None
    }

    fn join(&self, id: u32) -> bool {
        self.lock().members.get_mut(&id).map(|count| *count = count.saturating_add(1)).is_some()
    }

    fn leave(&self, id: u32) {
        let mut groups = self.lock();
        let Some(count) = groups.members.get_mut(&id) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            groups.members.remove(&id);
        }
    }
}

//! The configuration of the server end of an association, and association groups.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::framer::{DEFAULT_MAX_FRAGMENT, MIN_MAX_FRAGMENT};
use crate::pdu::{AuthLevel, AuthType, SyntaxId};

/// A served interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Its UUID and version.
    pub id: SyntaxId,
    /// A call at a lower level gets the fault `ACCESS_DENIED`. [`AuthLevel::NONE`] also allows
    /// unauthenticated calls.
    pub minimum_level: AuthLevel,
}

/// The configuration of the server end. All associations of a listener share it.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The served interfaces.
    pub interfaces: Vec<Interface>,
    /// The accepted security packages; none by default. A bind with another package is rejected.
    pub auth_types: Vec<AuthType>,
    /// The secondary address in a `bind_ack`: over TCP the port as text, over named pipes the pipe (C706
    /// 12.6.4.4).
    pub secondary_address: String,
    /// The largest fragment in both directions, in bytes; at least 1432. Clients may negotiate less.
    pub max_fragment: u16,
    /// The largest accepted bind, `alter_context` or auth3, in bytes. Tokens cannot be fragmented, and a
    /// Kerberos ticket can have many kilobytes.
    pub max_setup_fragment: u16,
    /// The largest stub of an authenticated call, in bytes. Bounds the stubs of all incomplete calls
    /// together.
    pub max_stub: usize,
    /// The largest stub of an unauthenticated call, in bytes.
    pub max_anonymous_stub: usize,
    /// The most presentation contexts of an association.
    pub max_contexts: usize,
    /// The most calls of an association at once, active or incomplete.
    pub max_calls: usize,
    /// The most security contexts of an association.
    pub max_security_contexts: usize,
    /// The most tokens of a client in one handshake.
    pub max_auth_legs: u32,
    /// How many bytes may wait to be sent before reading pauses.
    pub max_output: usize,
    /// Whether header signing is accepted if the client offers it.
    pub header_signing: bool,
    /// Whether concurrent calls are accepted if the client offers them.
    pub multiplexing: bool,
    /// The call id of binds that this program sends. A received bind with this id is a request loop, and
    /// rejected.
    pub own_bind: Option<u32>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            auth_types: Vec::new(),
            secondary_address: String::new(),
            max_fragment: DEFAULT_MAX_FRAGMENT,
            max_setup_fragment: u16::MAX,
            max_stub: 16 << 20,
            // The largest call of MAPI clients is EcDoRpcExt2, with 256 KiB ([MS-OXCRPC] 3.1.4.2).
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

/// Allocates association groups (C706 9.3.4). The connections of a client in one group share context handles.
pub trait AssociationGroups: Send + Sync {
    /// Creates a group with one member. The number is not zero. `None` if no number is free.
    fn create(&self) -> Option<u32>;

    /// Joins the group `id`. False if the group does not exist.
    fn join(&self, id: u32) -> bool;

    /// A member leaves the group `id`.
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
        // Numbers wrap around after four billion. Those in use are skipped.
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

//! What one client connection of remote calls holds for one identity.

use std::collections::HashMap;
use std::sync::Arc;

use mapi::Interface;

use crate::session::SharedSession;
use crate::sessions::handles::HandleTable;

/// What one client connection holds for one identity: the handles of the association group, and the sessions that
/// need none.
#[derive(Debug, Default)]
pub struct RpcSessions {
    group: Arc<HandleTable>,
    pub(crate) plain: HashMap<Interface, Vec<SharedSession>>,
}

impl RpcSessions {
    /// The conversation of a connection that belongs to the association group whose handles are in `group`.
    pub fn new(group: Arc<HandleTable>) -> Self {
        Self { group, plain: HashMap::new() }
    }

    /// The handles of the connection's association group.
    pub const fn group(&self) -> &Arc<HandleTable> {
        &self.group
    }
}

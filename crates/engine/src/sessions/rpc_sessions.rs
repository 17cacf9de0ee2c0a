//! The sessions of one RPC connection and one identity.

use std::collections::HashMap;
use std::sync::Arc;

use mapi::Interface;

use crate::session::SharedSession;
use crate::sessions::handles::HandleTable;

/// The sessions of one RPC connection and one identity: those of the association group, which context handles name, and
/// those of interfaces without context handles.
#[derive(Debug, Default)]
pub struct RpcSessions {
    group: Arc<HandleTable>,
    pub(crate) handleless: HashMap<Interface, Vec<SharedSession>>,
}

impl RpcSessions {
    /// The sessions of a connection that belongs to the association group whose handles are in `group`.
    pub fn new(group: Arc<HandleTable>) -> Self {
        Self { group, handleless: HashMap::new() }
    }

    /// The handles of the connection's association group.
    pub const fn group(&self) -> &Arc<HandleTable> {
        &self.group
    }
}

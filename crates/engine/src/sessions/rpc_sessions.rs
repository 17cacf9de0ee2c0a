//! The sessions that the calls of one RPC connection can use.

use std::collections::HashMap;
use std::sync::Arc;

use mapi::Interface;

use crate::session::SharedSession;
use crate::sessions::handles::HandleTable;

/// The sessions that the calls of one RPC connection can use: those of its association group, which are identified by
/// context handles, and those of calls without context handles, one for each interface and identity.
#[derive(Debug, Default)]
pub struct RpcSessions {
    group: Arc<HandleTable>,
    pub(crate) handleless: HashMap<Interface, Vec<SharedSession>>,
}

impl RpcSessions {
    /// Creates the sessions of a connection in the association group whose handles are in `group`.
    pub fn new(group: Arc<HandleTable>) -> Self {
        Self { group, handleless: HashMap::new() }
    }

    /// The handles of the connection's association group.
    pub const fn group(&self) -> &Arc<HandleTable> {
        &self.group
    }
}

//! The state of a session with the store.

use std::collections::HashMap;

use mapi::nspi::MId;

/// A session with the store.
#[derive(Debug)]
pub(crate) struct Session {
    /// The user that connected.
    pub(crate) user: MId,
    /// The handles of its server objects, each with the mailbox of its logon.
    pub(crate) objects: HashMap<u32, MId>,
    pub(crate) last: u32,
}

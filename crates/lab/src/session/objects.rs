//! The server objects of a session, by handle ([MS-OXCROPS] 1.3.1).

use std::collections::HashMap;

use mapi::ErrorCode;
use mapi::emsmdb::NO_OBJECT;
use mapi::nspi::MId;
use mapi::rop::Logons;

/// How many objects a session may have open.
const OBJECTS_MAX: usize = 512;

/// A server object.
#[derive(Debug)]
pub(crate) enum Object {
    /// A logon to the mailbox of this person.
    Logon(#[expect(dead_code, reason = "no ROP acts on a logon yet")] MId),
}

/// The open objects of a session.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    open: HashMap<u32, Object>,
    last: u32,
}

impl Objects {
    /// Adds an object, and returns its handle. Handles are not used again within a session.
    ///
    /// # Errors
    /// `OutOfResources` if the session has too many objects.
    pub(crate) fn add(&mut self, object: Object) -> Result<u32, ErrorCode> {
        let next = self.last.checked_add(1).filter(|next| *next != NO_OBJECT);
        let handle = next.filter(|_| self.open.len() < OBJECTS_MAX);
        let handle = handle.ok_or(ErrorCode::MAPI_E_NOT_ENOUGH_RESOURCES)?;
        self.last = handle;
        self.open.insert(handle, object);
        Ok(handle)
    }

    /// Releases an object.
    pub(crate) fn release(&mut self, handle: u32) {
        self.open.remove(&handle);
    }
}

/// All logons are to private mailboxes: the lab has no public folders.
impl Logons for Objects {
    fn is_private(&self, _logon_id: u8) -> Option<bool> {
        Some(true)
    }
}

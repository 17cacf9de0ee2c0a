//! A limit on the memory of the state of sessions.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::{MemoryLimit, MemoryUse, UserMemory};
use identity::UserKey;

/// Gives the sessions of each user the same number of bytes. Operations have no limit.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    users: Mutex<HashMap<UserKey, usize>>,
}

impl Budget {
    /// A budget of `limit` bytes for each user.
    pub fn new(limit: usize) -> Self {
        Self { limit, users: Mutex::default() }
    }

    /// The bytes of each user, in ascending order.
    pub fn counted(&self) -> Vec<usize> {
        let mut counted: Vec<_> = self.users().values().copied().collect();
        counted.sort_unstable();
        counted
    }

    fn users(&self) -> MutexGuard<'_, HashMap<UserKey, usize>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UserMemory for Budget {
    fn replace(
        &self,
        user: &UserKey,
        purpose: MemoryUse,
        counted: usize,
        bytes: usize,
    ) -> Result<(), MemoryLimit> {
        if purpose == MemoryUse::Operations {
            return Ok(());
        }
        let mut users = self.users();
        let held = users.entry(user.clone()).or_default();
        let changed = held.saturating_sub(counted).saturating_add(bytes);
        if bytes > counted && changed > self.limit {
            return Err(MemoryLimit::User);
        }
        *held = changed;
        Ok(())
    }
}

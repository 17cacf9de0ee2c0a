//! Limits on the memory of operations and of the state of sessions.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::{MemoryLimit, MemoryUse, UserMemory};
use identity::UserKey;

/// Gives the sessions of each user the same number of bytes, and the operations of each user.
#[derive(Debug)]
pub struct Budget {
    sessions: Limit,
    operations: Limit,
}

/// The bytes of each user for one purpose, and the most that one may have.
#[derive(Debug)]
struct Limit {
    limit: usize,
    users: Mutex<HashMap<UserKey, usize>>,
}

impl Limit {
    fn new(limit: usize) -> Self {
        Self { limit, users: Mutex::default() }
    }

    fn users(&self) -> MutexGuard<'_, HashMap<UserKey, usize>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budget {
    /// A budget of `limit` bytes for the sessions of each user. Operations have no limit.
    pub fn new(limit: usize) -> Self {
        Self { sessions: Limit::new(limit), operations: Limit::new(usize::MAX) }
    }

    /// The same with `limit` bytes for the operations of each user.
    #[must_use]
    pub fn with_operations(self, limit: usize) -> Self {
        Self { operations: Limit::new(limit), ..self }
    }

    /// The bytes of the sessions of each user, in ascending order.
    pub fn counted(&self) -> Vec<usize> {
        let mut counted: Vec<_> = self.sessions.users().values().copied().collect();
        counted.sort_unstable();
        counted
    }

    /// The bytes of the operations of all users.
    pub fn operations(&self) -> usize {
        self.operations.users().values().sum()
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
        let kept = match purpose {
            MemoryUse::Sessions => &self.sessions,
            MemoryUse::Operations => &self.operations,
        };
        let mut users = kept.users();
        let held = users.entry(user.clone()).or_default();
        let changed = held.saturating_sub(counted).saturating_add(bytes);
        if bytes > counted && changed > kept.limit {
            return Err(MemoryLimit::User);
        }
        *held = changed;
        Ok(())
    }
}

//! Counts the memory of the state of sessions against the limits of their users.

use std::fmt::Debug;
use std::sync::Arc;

use identity::UserKey;

/// Memory is counted in multiples of this many bytes, so that not each change is counted.
const STEP: usize = 4096;

/// Limits the memory of the state of sessions, for each user and in total.
pub trait SessionMemory: Debug + Send + Sync {
    /// Replaces the `counted` bytes of a session of `user` by `bytes`. Returns false, and leaves the count unchanged,
    /// if a limit would be exceeded. Fewer bytes are always permitted.
    fn replace(&self, user: &UserKey, counted: usize, bytes: usize) -> bool;
}

/// The memory that is counted for one session. It is returned when the share is dropped.
#[derive(Debug, Default)]
pub(crate) struct SessionShare {
    /// `None` for memory that is not limited.
    limit: Option<(Arc<dyn SessionMemory>, UserKey)>,
    /// How many bytes are counted.
    counted: usize,
}

impl SessionShare {
    /// An empty share of what `memory` permits `user`.
    pub(crate) const fn new(memory: Arc<dyn SessionMemory>, user: UserKey) -> Self {
        Self { limit: Some((memory, user)), counted: 0 }
    }

    /// Counts at least `bytes`. Returns false, and leaves the count unchanged, if a limit would be exceeded.
    pub(super) fn reserve(&mut self, bytes: usize) -> bool {
        bytes <= self.counted || self.set(bytes)
    }

    /// Returns what is counted beyond `bytes`.
    pub(super) fn shrink(&mut self, bytes: usize) {
        // What was returned would soon be counted again if it were little.
        if self.counted.saturating_sub(bytes) >= 2 * STEP {
            self.set(bytes);
        }
    }

    /// How many of the counted bytes are left for further content beside `used` bytes.
    pub(super) const fn left(&self, used: usize) -> usize {
        self.counted.saturating_sub(used)
    }

    fn set(&mut self, bytes: usize) -> bool {
        let Some((memory, user)) = &self.limit else { return true };
        let bytes = bytes.div_ceil(STEP).saturating_mul(STEP);
        let is_permitted = memory.replace(user, self.counted, bytes);
        if is_permitted {
            self.counted = bytes;
        }
        is_permitted
    }
}

impl Drop for SessionShare {
    fn drop(&mut self) {
        self.set(0);
    }
}

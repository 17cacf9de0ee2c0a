//! Counts the memory of sessions and of operations in progress against the limits of their users.

use std::fmt::Debug;
use std::sync::Arc;

use identity::UserKey;

/// Memory is counted in multiples of this many bytes, so that small changes do not lock the shared count.
const STEP: usize = 4096;

/// Limits the memory of sessions and operations, for each user and in total.
pub trait UserMemory: Debug + Send + Sync {
    /// Replaces `counted` bytes of `user`, which are held for `purpose`, by `bytes`. Fewer bytes are always permitted.
    ///
    /// # Errors
    /// If a limit would be exceeded; then the count is unchanged.
    fn replace(
        &self,
        user: &UserKey,
        purpose: MemoryUse,
        counted: usize,
        bytes: usize,
    ) -> Result<(), MemoryLimit>;
}

/// What memory is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryUse {
    /// Requests and responses in progress.
    Operations,
    /// The state of sessions. It may have half of each limit, so that there is memory for operations whatever sessions
    /// hold.
    Sessions,
}

/// A limit on memory that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemoryLimit {
    /// The limit on the memory of one user.
    #[error("clients.request_megabytes_per_user is reached")]
    User,
    /// The limit on the memory of all users together.
    #[error("clients.request_megabytes is reached")]
    Total,
    /// The limit on the objects of one session.
    #[error("the session has as many open objects as are tracked")]
    Objects,
    /// The limit on the content of the objects of one session.
    #[error("the session's open objects have as much content as is tracked")]
    Content,
}

impl MemoryLimit {
    /// The configuration key of the limit; `None` for a limit of one session, which cannot be configured.
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::User => Some("clients.request_megabytes_per_user"),
            Self::Total => Some("clients.request_megabytes"),
            Self::Objects | Self::Content => None,
        }
    }
}

/// The memory that is counted for an operation, or for a part of the state of one session. It is returned when the
/// share is dropped.
#[derive(Debug, Default)]
pub(crate) struct MemoryShare {
    /// `None` for memory that is not limited.
    limit: Option<(Arc<dyn UserMemory>, UserKey, MemoryUse)>,
    /// How many bytes need not be counted.
    uncounted: usize,
    /// How many bytes beyond them are counted.
    counted: usize,
}

impl MemoryShare {
    /// An empty share of what `memory` permits `user`, for `purpose`.
    pub(crate) const fn new(memory: Arc<dyn UserMemory>, user: UserKey, purpose: MemoryUse) -> Self {
        Self { limit: Some((memory, user, purpose)), uncounted: 0, counted: 0 }
    }

    /// Leaves the first `bytes` of the share uncounted. The number of sessions or operations, which has a limit of its
    /// own, bounds them.
    pub(crate) const fn beyond(mut self, bytes: usize) -> Self {
        self.uncounted = bytes;
        self
    }

    /// Counts at least `bytes`.
    ///
    /// # Errors
    /// If a limit would be exceeded; then the count is unchanged.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<(), MemoryLimit> {
        if bytes <= self.uncounted.saturating_add(self.counted) { Ok(()) } else { self.set(bytes) }
    }

    /// Returns what is counted beyond `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        // A smaller rest is kept, since it would soon be counted again.
        if self.left(bytes) >= 2 * STEP {
            // Fewer bytes are always permitted.
            let _ = self.set(bytes);
        }
    }

    /// How many of the counted bytes are left for further content beside `used` bytes.
    pub(crate) const fn left(&self, used: usize) -> usize {
        self.counted.saturating_sub(used.saturating_sub(self.uncounted))
    }

    fn set(&mut self, bytes: usize) -> Result<(), MemoryLimit> {
        let Some((memory, user, purpose)) = &self.limit else { return Ok(()) };
        let bytes = bytes.saturating_sub(self.uncounted).div_ceil(STEP).saturating_mul(STEP);
        memory.replace(user, *purpose, self.counted, bytes)?;
        self.counted = bytes;
        Ok(())
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        let _ = self.set(0);
    }
}

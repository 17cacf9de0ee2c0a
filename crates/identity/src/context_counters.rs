//! Counts the security contexts that were opened and closed, and the events that revoked some.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::authority::Authority;

/// Counts security contexts. The program creates one and passes it to all code that creates contexts; there is no
/// global.
///
/// It also holds the authority of [`SecurityContext::system`](crate::SecurityContext::system), so that the `System`
/// contexts of one program have equal identities.
#[derive(Debug)]
pub struct ContextCounters {
    opened: AtomicU64,
    closed: AtomicU64,
    revocations: AtomicU64,
    system: Authority,
}

impl ContextCounters {
    /// Counters that are all zero.
    pub fn new() -> Arc<Self> {
        let count = AtomicU64::default;
        Arc::new(Self { opened: count(), closed: count(), revocations: count(), system: Authority::new("") })
    }

    /// The number of contexts opened since the start.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Acquire)
    }

    /// Records that contexts were revoked. Code that keeps sessions or connections compares
    /// [`ContextCounters::revocations`] with the last value that it saw, to find and end those whose context is
    /// revoked.
    pub fn note_revocation(&self) {
        self.revocations.fetch_add(1, Ordering::AcqRel);
    }

    /// The number of calls of [`ContextCounters::note_revocation`].
    pub fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::Acquire)
    }

    /// The number of contexts whose last clone was dropped.
    pub fn closed(&self) -> u64 {
        self.closed.load(Ordering::Acquire)
    }

    /// The number of contexts that exist.
    pub fn open(&self) -> u64 {
        // Read in this order, so that a context that closes in between counts as open: the difference is never
        // negative.
        let closed = self.closed();
        self.opened().saturating_sub(closed)
    }

    /// The authority of the `System` contexts.
    pub(crate) const fn system(&self) -> &Authority {
        &self.system
    }

    pub(crate) fn note_opened(&self) {
        self.opened.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn note_closed(&self) {
        self.closed.fetch_add(1, Ordering::AcqRel);
    }
}

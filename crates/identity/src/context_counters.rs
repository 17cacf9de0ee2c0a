//! How many security contexts there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::authority::Authority;

/// Counts security contexts. The owner of the handshakes makes one and hands it to them; there is no global.
#[derive(Debug)]
pub struct ContextCounters {
    opened: AtomicU64,
    closed: AtomicU64,
    revocations: AtomicU64,
    /// What vouches for the proxy's own work.
    system: Authority,
}

impl ContextCounters {
    /// A contexts that counted nothing yet.
    pub fn new() -> Arc<Self> {
        let count = AtomicU64::default;
        Arc::new(Self { opened: count(), closed: count(), revocations: count(), system: Authority::new("") })
    }

    /// Contexts made since the start.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Acquire)
    }

    /// Notes that contexts were revoked, so that what was done under them is looked for and ended.
    pub fn note_revocation(&self) {
        self.revocations.fetch_add(1, Ordering::AcqRel);
    }

    /// How often that was noted.
    pub fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::Acquire)
    }

    /// Contexts whose last handle is gone.
    pub fn closed(&self) -> u64 {
        self.closed.load(Ordering::Acquire)
    }

    /// Contexts that somebody still holds.
    pub fn open(&self) -> u64 {
        // Read in this order, a context that closes in between is counted as open, never as minus one.
        let closed = self.closed();
        self.opened().saturating_sub(closed)
    }

    /// What vouches for the proxy's own work.
    pub(crate) const fn system(&self) -> &Authority {
        &self.system
    }

    pub(crate) fn opens(&self) {
        self.opened.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn closes(&self) {
        self.closed.fetch_add(1, Ordering::AcqRel);
    }
}

//! Whether an account is still valid, shared with the contexts that rest on it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an account stands: that it was neither removed, nor disabled, nor given another password since this
/// was made. Its directory and every security context that it vouched for share one, so that a context is
/// checked against the directory with one atomic load.
///
/// Once withdrawn it stays withdrawn: an account that comes back has another.
#[derive(Clone, Default)]
pub struct Standing(Arc<AtomicBool>);

impl Standing {
    /// That of an account that may sign in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Withdraws it: every security context that rests on it is refused from now on.
    pub fn withdraw(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was withdrawn.
    pub fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_withdrawn() { "withdrawn" } else { "good" })
    }
}

//! The limits of the number of sessions, by cookie and by context handle.

/// The limits of the number of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Sessions of one identity: at an endpoint of MAPI over HTTP, or by context handles over RPC.
    pub per_identity: usize,
    /// Sessions of MAPI over HTTP in total.
    pub all: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { per_identity: 1024, all: 100_000 }
    }
}

//! Limits on the number of sessions, for each user and in total, and their defaults.

/// The limits on the number of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Sessions of one user at an endpoint of MAPI over HTTP, and open context handles of one user over RPC. Default:
    /// 1024.
    pub per_user: usize,
    /// Sessions of MAPI over HTTP in total, for each listener. Default: 100,000.
    pub total: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { per_user: 1024, total: 100_000 }
    }
}

//! The validity of an account, shared with the security contexts that depend on it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an account is unchanged since its user authenticated: neither removed, nor disabled, nor given another
/// password.
///
/// The directory and every security context of the account share one status, so that checking a context against the
/// directory is one atomic load. A status that was revoked stays revoked; an account that is added again has a new
/// one.
#[derive(Clone, Default)]
pub struct AccountStatus(Arc<AtomicBool>);

impl AccountStatus {
    /// The status of a valid account.
    pub fn new() -> Self {
        Self::default()
    }

    /// Revokes every security context that depends on this status.
    pub fn revoke(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was revoked.
    pub fn is_revoked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl fmt::Debug for AccountStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_revoked() { "revoked" } else { "valid" })
    }
}

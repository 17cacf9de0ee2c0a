//! The upstream mode without credentials: for RPC with `upstream.level = "none"` and in the mode `relayed`.

use identity::SecurityContext;

use super::mode::{UpstreamCredentials, UpstreamMode};

/// The requests of all clients are unauthenticated at the upstream.
#[derive(Debug, Clone, Copy)]
pub struct Unauthenticated;

impl UpstreamMode for Unauthenticated {
    fn credentials(&self, _: &SecurityContext) -> UpstreamCredentials {
        UpstreamCredentials::Unauthenticated
    }

    /// The upstream does not distinguish clients: a request without credentials may end a session that another one
    /// opened.
    fn ends_sessions(&self) -> bool {
        true
    }
}

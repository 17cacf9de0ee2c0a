//! The upstream mode `relayed`: clients authenticate at the upstream through the proxy, over HTTP only.

use std::sync::Arc;

use identity::{SecurityContext, pass_through};

use super::mode::{UpstreamCredentials, UpstreamMode};

/// Pass-through authentication: the requests of each client have its own credentials.
#[derive(Debug)]
pub struct PassThrough(Arc<pass_through::Config>);

impl PassThrough {
    /// Clients get identities by `config`.
    pub fn new(config: pass_through::Config) -> Self {
        Self(Arc::new(config))
    }
}

impl UpstreamMode for PassThrough {
    fn credentials(&self, _: &SecurityContext) -> UpstreamCredentials {
        UpstreamCredentials::PassThrough
    }

    /// The proxy has no credentials with which it could send the request that ends a session.
    fn ends_sessions(&self) -> bool {
        false
    }

    fn pass_through(&self) -> Option<&Arc<pass_through::Config>> {
        Some(&self.0)
    }
}

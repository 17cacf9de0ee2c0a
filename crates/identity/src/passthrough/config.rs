//! What pass-through authentication is configured with.

use std::sync::Arc;
use std::time::Duration;

use crate::authority::Authority;
use crate::registry::Registry;

/// Where sign-ins lead that pass through us.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the server is called in the identities that it vouches for.
    pub authority: Authority,
    /// How long a context lasts at most. `None`: as long as somebody holds it. That is the connection on
    /// which it was made, and each session and each piece of work that began under it, which may outlive the
    /// connection.
    pub lifetime: Option<Duration>,
    /// Where contexts are counted.
    pub registry: Arc<Registry>,
}

//! Configuration of pass-through authentication.

use std::sync::Arc;
use std::time::Duration;

use crate::authority::Authority;
use crate::context_counters::ContextCounters;

/// Configuration of pass-through authentication at one server.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server, as the authority of the identities that it authenticates.
    pub authority: Authority,
    /// The longest lifetime of a context. `None`: the context is valid as long as the connection on which it was
    /// made, and each session and deferred job that began under it, which may outlive the connection.
    pub lifetime: Option<Duration>,
    /// Counts the contexts that are created.
    pub contexts: Arc<ContextCounters>,
}

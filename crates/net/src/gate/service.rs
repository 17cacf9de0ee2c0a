//! A service of the upstream, and whether it accepts the service account.

use std::time::Duration;

use tokio::time::Instant;

use super::protocol::UpstreamProtocol;
use crate::upstream_error::UpstreamError;

/// A part of the upstream that configures authentication for itself: an interface, or a virtual directory of HTTP.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) protocol: UpstreamProtocol,
    pub(super) name: Box<str>,
    pub(super) state: State,
}

/// Whether a service accepts the account.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// Not accepted yet.
    Untested,
    Accepted,
    /// Failed after it had been accepted.
    Suspect,
    /// Fails for several users.
    Failing {
        error: UpstreamError,
        /// When the next authentication is due, and the delay after the last.
        next: Instant,
        delay: Duration,
        /// It fails for all users. Otherwise a user for whom the account succeeded at the service need not wait.
        confirmed: bool,
        /// Inherited from another service, at which the same password failed.
        inherited: bool,
    },
}

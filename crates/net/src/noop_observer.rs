//! An observer that records nothing.

use std::net::SocketAddr;
use std::time::Duration;

use engine::{Finished, Observer, Rejected, SecurityContext};

/// Records nothing. For servers whose operations are not observed.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopObserver;

impl Observer for NoopObserver {
    fn signed_in(&self, _context: &SecurityContext, _peer: SocketAddr) {}

    fn refused(&self, _peer: SocketAddr, _why: &str) {}

    fn rejected(&self, _call: &Rejected<'_>) {}

    fn finished(&self, _finished: &Finished, _elapsed: Duration) {}
}

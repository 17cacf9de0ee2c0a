//! An observer that records nothing.

use std::net::SocketAddr;
use std::time::Duration;

use engine::{Finished, Observer, RefusedOperation, SecurityContext};

/// Records nothing. For servers whose operations are not observed.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopObserver;

impl Observer for NoopObserver {
    fn authenticated(&self, _context: &SecurityContext, _peer: SocketAddr) {}

    fn client_refused(&self, _peer: SocketAddr, _why: &str) {}

    fn operation_refused(&self, _call: &RefusedOperation<'_>) {}

    fn finished(&self, _finished: &Finished, _elapsed: Duration) {}
}

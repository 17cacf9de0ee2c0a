use std::time::Duration;

use identity::SecurityContext;

use crate::flight::{Flight, Next};

/// Who watches what passes. Called on the data path: quick, and without waiting.
pub trait Observer: Send + Sync {
    /// A client signed in.
    fn signed_in(&self, context: &SecurityContext, peer: std::net::SocketAddr);

    /// A client was not let in; `why` is for the operator.
    fn refused(&self, peer: std::net::SocketAddr, why: &str);

    /// An operation is done: `next` is what the client gets, `elapsed` how long it took here, the upstream's
    /// time included.
    fn finished(&self, flight: &Flight, next: &Next, elapsed: Duration);
}

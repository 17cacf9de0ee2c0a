use std::time::Duration;

use identity::SecurityContext;
use rpc::pdu::FaultStatus;

use crate::flight::{Flight, Next};
use crate::operation::Envelope;

/// A call that did not become an operation.
#[derive(Debug, Clone, Copy)]
pub struct TurnedAway<'a> {
    /// Who called.
    pub context: &'a SecurityContext,
    /// From where.
    pub peer: std::net::SocketAddr,
    /// What it travelled in.
    pub envelope: Envelope,
    /// What was called, as `nspi.QueryRows`.
    pub operation: &'static str,
    /// Bytes of the request's stub.
    pub request_size: usize,
    /// What the caller gets.
    pub status: FaultStatus,
    /// Why, for the operator.
    pub why: &'a str,
}

/// Who watches what passes. Called on the data path: quick, and without waiting.
pub trait Observer: Send + Sync {
    /// A client signed in.
    fn signed_in(&self, context: &SecurityContext, peer: std::net::SocketAddr);

    /// A client was not let in; `why` is for the operator.
    fn refused(&self, peer: std::net::SocketAddr, why: &str);

    /// A call was answered with a fault before it became an operation: it named no session of its caller's, or
    /// there is no such operation.
    fn turned_away(&self, call: &TurnedAway<'_>);

    /// An operation is done: `next` is what the client gets, `elapsed` how long it took here, the upstream's
    /// time included.
    fn finished(&self, flight: &Flight, next: &Next, elapsed: Duration);
}

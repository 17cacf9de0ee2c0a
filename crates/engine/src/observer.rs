//! The observer interface: what is reported of finished operations.

use std::time::Duration;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::mapihttp::ResponseCode;

use crate::next::Finished;
use crate::operation::Envelope;
use crate::refusal::Refusal;

/// A call that did not become an operation.
#[derive(Debug, Clone, Copy)]
pub struct Rejected<'a> {
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
    /// What the caller gets, and why.
    pub refusal: &'a Refusal,
}

/// A message of HTTP on its way, in the order in which they travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpLeg {
    /// The client's request, as it came.
    Asked,
    /// The request as it went to the server.
    Sent,
    /// The server's answer, as it came.
    Came,
    /// The answer as it goes to the client, where it is the server's.
    Answered,
}

/// The HTTP in which an operation travelled, but for the payloads, which are the operation's.
pub trait HttpExchange {
    /// What the client asked for: a path with its query, as it is spelled.
    fn target(&self) -> &str;

    /// Hands the fields of a message to `each`, name and value, in their order; false where there was no such
    /// message.
    fn fields(&self, leg: HttpLeg, each: &mut dyn FnMut(&str, &[u8])) -> bool;

    /// The status of the server's answer; none where there was none.
    fn status(&self) -> Option<u16>;

    /// What stands in the server's answer before the payload.
    fn before_payload(&self) -> &[u8];

    /// The code with which the server refused the operation, and the body of that answer; none where it did not.
    fn refused(&self) -> Option<(ResponseCode, Bytes)> {
        None
    }
}

/// A request of Autodiscover with its answer. Such a request is no operation: it belongs to no session.
#[derive(Clone, Copy)]
pub struct Discovery<'a> {
    /// Who asked.
    pub context: &'a SecurityContext,
    /// From where.
    pub peer: std::net::SocketAddr,
    /// The method.
    pub method: &'a str,
    /// The request's body, the same to the server as from the client.
    pub request: &'a Bytes,
    /// The body of the server's answer, as it came; none where there was no answer.
    pub came: Option<&'a Bytes>,
    /// The status that the client gets.
    pub status: u16,
    /// The body that the client gets: the server's as the modules made it, or our own.
    pub answer: &'a Bytes,
    /// How long it took here, the upstream's time included.
    pub elapsed: Duration,
    /// The target, the fields of all messages, and the status of the server's answer.
    pub exchange: &'a dyn HttpExchange,
}

/// Who watches what passes. Called on the data path: quick, and without waiting.
pub trait Observer: Send + Sync {
    /// A client signed in.
    fn signed_in(&self, context: &SecurityContext, peer: std::net::SocketAddr);

    /// A client was not let in; `why` is for the operator.
    fn refused(&self, peer: std::net::SocketAddr, why: &str);

    /// A call was refused before it became an operation: it named no session of its caller's, or
    /// there is no such operation.
    fn rejected(&self, call: &Rejected<'_>);

    /// An operation is over; `elapsed` is how long it took here, the upstream's time included.
    fn finished(&self, finished: &Finished, elapsed: Duration);

    /// The same of an operation that came by HTTP, with the messages in which it travelled.
    fn finished_by_http(&self, finished: &Finished, elapsed: Duration, exchange: &dyn HttpExchange) {
        let _ = exchange;
        self.finished(finished, elapsed);
    }

    /// A request of Autodiscover was answered.
    fn discovered(&self, discovery: &Discovery<'_>) {
        let _ = discovery;
    }
}

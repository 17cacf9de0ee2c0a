//! The observer interface: what the proxy reports of clients and operations.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::mapihttp::ResponseCode;

use crate::next::Finished;
use crate::operation::Envelope;
use crate::refusal::Refusal;

/// A request that was refused before it became an operation.
#[derive(Debug, Clone, Copy)]
pub struct RefusedOperation<'a> {
    /// The caller.
    pub context: &'a SecurityContext,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The protocol that carried it.
    pub envelope: Envelope,
    /// The name of the operation, such as `nspi.QueryRows`.
    pub operation: &'static str,
    /// The size of the request's stub or body, in bytes.
    pub request_size: usize,
    /// What the caller receives, and why.
    pub refusal: &'a Refusal,
}

/// One of the HTTP messages by which an operation was carried, in the order in which they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMessageKind {
    /// The client's request, as received.
    ClientRequest,
    /// The request as sent to the server.
    UpstreamRequest,
    /// The server's response, as received.
    UpstreamResponse,
    /// The response as sent to the client, if it is the server's.
    ClientResponse,
}

/// The HTTP messages by which an operation was carried, without the payloads, which are the operation's.
pub trait HttpMessages {
    /// The target of the client's request: a path with its query, as spelled.
    fn target(&self) -> &str;

    /// Calls `each` with name and value of each field of a message, in their order. Returns whether there was such a
    /// message.
    fn fields(&self, kind: HttpMessageKind, each: &mut dyn FnMut(&str, &[u8])) -> bool;

    /// The status of the server's response, if there was one.
    fn status(&self) -> Option<u16>;

    /// What the server's response has before the payload.
    fn before_payload(&self) -> &[u8];

    /// The code with which the server refused the operation, and the body of that response, if it did.
    fn refused(&self) -> Option<(ResponseCode, Bytes)> {
        None
    }
}

/// A request of Autodiscover with its response. Such a request is not an operation: it belongs to no session.
#[derive(Clone, Copy)]
pub struct Discovery<'a> {
    /// The caller.
    pub context: &'a SecurityContext,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The method.
    pub method: &'a str,
    /// The request's body, which the server received unchanged.
    pub request: &'a Bytes,
    /// The body of the server's response, as received, if there was a response.
    pub upstream_response: Option<&'a Bytes>,
    /// The status that the client received.
    pub status: u16,
    /// The body that the client received: the server's as the modules changed it, or the proxy's own.
    pub response: &'a Bytes,
    /// How long it took, including the upstream's time.
    pub elapsed: Duration,
    /// The target, the fields of all messages, and the status of the server's response.
    pub messages: &'a dyn HttpMessages,
}

/// Receives reports of what passes through the proxy. Methods are called on the data path: they must return quickly,
/// and must not wait.
pub trait Observer: Send + Sync {
    /// A client authenticated.
    fn authenticated(&self, context: &SecurityContext, peer: SocketAddr);

    /// A client was refused: its authentication failed, or a limit of connections is reached. `why` is for the
    /// operator.
    fn client_refused(&self, peer: SocketAddr, why: &str);

    /// A request was refused before it became an operation: it names no session of its caller, the operation is
    /// unknown, or a limit is reached.
    fn operation_refused(&self, operation: &RefusedOperation<'_>);

    /// An operation ended; `elapsed` is how long it took, including the upstream's time.
    fn finished(&self, finished: &Finished, elapsed: Duration);

    /// An operation over HTTP ended. Called in place of [`Observer::finished`], which it calls by default.
    fn finished_by_http(&self, finished: &Finished, elapsed: Duration, messages: &dyn HttpMessages) {
        let _ = messages;
        self.finished(finished, elapsed);
    }

    /// A request of Autodiscover was responded to.
    fn autodiscover_finished(&self, discovery: &Discovery<'_>) {
        let _ = discovery;
    }
}

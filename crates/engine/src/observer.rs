//! The observer interface, to which the proxy reports clients and operations.

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
    /// The caller's security context.
    pub context: &'a SecurityContext,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The protocol that carried the request.
    pub envelope: Envelope,
    /// The name of the operation, such as `nspi.QueryRows`.
    pub operation: &'static str,
    /// The size of the request's stub or body, in bytes.
    pub request_size: usize,
    /// The refusal that the caller receives, and its reason.
    pub refusal: &'a Refusal,
}

/// Which of the HTTP messages of an operation, in the order in which they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMessageKind {
    /// The client's request, as received.
    ClientRequest,
    /// The request as sent to the server.
    UpstreamRequest,
    /// The server's response, as received.
    UpstreamResponse,
    /// The server's response, as sent to the client.
    ClientResponse,
}

/// The HTTP messages that carried an operation, without their payloads, which are part of the operation.
pub trait HttpMessages {
    /// The target of the client's request: path and query, as received.
    fn target(&self) -> &str;

    /// Calls `each` with the name and the value of each header field of a message, in order. Returns whether there
    /// was such a message.
    fn fields(&self, kind: HttpMessageKind, each: &mut dyn FnMut(&str, &[u8])) -> bool;

    /// The status of the server's response, if there was one.
    fn status(&self) -> Option<u16>;

    /// The part of the server's response body before the payload: `PROCESSING` and `PENDING` lines, `DONE`, and the
    /// header fields in the body ([MS-OXCMAPIHTTP] 2.2.2.2).
    fn before_payload(&self) -> &[u8];

    /// If the server refused the operation: its `X-ResponseCode`, and the body of the response.
    fn refused(&self) -> Option<(ResponseCode, Bytes)> {
        None
    }
}

/// A request of Autodiscover with its response. Such a request is not an operation: it belongs to no session.
#[derive(Clone, Copy)]
pub struct Discovery<'a> {
    /// The caller's security context.
    pub context: &'a SecurityContext,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The HTTP method of the request.
    pub method: &'a str,
    /// The request's body, which the server received unchanged.
    pub request: &'a Bytes,
    /// The body of the server's response, as received, if there was a response.
    pub upstream_response: Option<&'a Bytes>,
    /// The HTTP status that the client received.
    pub status: u16,
    /// The body that the client received: the server's, as changed by the modules, or one of the proxy.
    pub response: &'a Bytes,
    /// The duration of the request, including the upstream's time.
    pub elapsed: Duration,
    /// The target, the fields of all messages, and the status of the server's response.
    pub messages: &'a dyn HttpMessages,
}

/// Receives reports of clients and operations. Methods are called on the data path: they must return quickly, and
/// must not block.
pub trait Observer: Send + Sync {
    /// A client authenticated.
    fn authenticated(&self, context: &SecurityContext, peer: SocketAddr);

    /// A client was refused: its authentication failed, or a limit of connections is reached. `why` is the reason,
    /// for the log.
    fn client_refused(&self, peer: SocketAddr, why: &str);

    /// A request was refused before it became an operation, for any [kind](crate::RefusalKind) of reason: for example
    /// it identifies no session of its caller, the operation is unknown or malformed, or a limit is reached.
    fn operation_refused(&self, operation: &RefusedOperation<'_>);

    /// An operation ended. `elapsed` is its duration, including the upstream's time.
    fn finished(&self, finished: &Finished, elapsed: Duration);

    /// An operation over HTTP ended. Called in place of [`Observer::finished`]. The default calls `finished`.
    fn finished_over_http(&self, finished: &Finished, elapsed: Duration, messages: &dyn HttpMessages) {
        let _ = messages;
        self.finished(finished, elapsed);
    }

    /// A response to a request of Autodiscover was sent.
    fn autodiscover_finished(&self, discovery: &Discovery<'_>) {
        let _ = discovery;
    }
}

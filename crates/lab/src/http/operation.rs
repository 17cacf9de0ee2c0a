//! An operation of MAPI over HTTP: its request, and its outcome.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};

use crate::http::sessions::SessionCookies;

/// A request whose headers are valid.
pub(super) struct Request<'a> {
    pub(super) context: &'a SecurityContext,
    pub(super) endpoint: Endpoint,
    pub(super) kind: RequestType,
    pub(super) cookies: SessionCookies,
    pub(super) body: Bytes,
}

/// The result of an operation: the payload of its response, or why it failed.
pub(super) type Payload = Result<Vec<u8>, ResponseCode>;

/// The response to an accepted request.
pub(super) struct Accepted {
    /// The values of `Set-Cookie`.
    pub(super) cookies: Vec<String>,
    pub(super) outcome: Outcome,
}

/// The outcome of an accepted request.
pub(super) enum Outcome {
    /// It is complete.
    Complete(Payload),
    /// It is in progress; the response is sent in chunks.
    InProgress(Pin<Box<dyn Future<Output = Payload> + Send>>),
}

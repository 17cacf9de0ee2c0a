//! An operation of MAPI over HTTP: its request, and its outcome.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use identity::{Job, SecurityContext};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};

use crate::http::server::Server;
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

impl Outcome {
    /// The result of `work`, which may take long or block: it is executed in the pool of `server` for `context`.
    ///
    /// # Errors
    /// [`ResponseCode::UnknownFailure`] if the pool refuses the work.
    pub(super) fn of_job(
        server: &Server,
        context: &SecurityContext,
        work: impl FnOnce() -> Payload + Send + 'static,
    ) -> Result<Self, ResponseCode> {
        let pending = server.pool.submit(Job::new(context.clone(), |_| work())).map_err(|error| {
            tracing::warn!(user = %context.principal(), "lab: a request was refused: {error}");
            ResponseCode::UnknownFailure
        })?;
        Ok(Self::InProgress(Box::pin(async move {
            pending.await.unwrap_or_else(|error| {
                tracing::warn!("lab: a request was not executed: {error}");
                Err(ResponseCode::UnknownFailure)
            })
        })))
    }
}

//! The part of a request that determines how its response is sent.

use std::io;
use std::net::SocketAddr;

use http1::{RequestHead, Version};
use identity::SecurityContext;

use crate::gate::FailedRequest;
use crate::http::server_only::Cookies;
use crate::http::transport::TransportError;
use crate::upstream_error::{UpstreamAuthError, UpstreamError};

/// A request in progress: its head, its security context, and what determines how its response is sent.
pub(crate) struct RequestContext {
    pub(crate) context: SecurityContext,
    /// The client that sent it, which may be behind a trusted reverse proxy.
    pub(crate) peer: SocketAddr,
    /// The request's head as it was received.
    pub(crate) head: Box<RequestHead>,
    pub(crate) is_head: bool,
    /// The last token of a handshake, a `WWW-Authenticate` value of the response.
    pub(crate) token: Option<String>,
    /// Which cookies are forwarded.
    pub(crate) cookies: Cookies,
}

impl RequestContext {
    /// The client's version of HTTP.
    pub(crate) const fn version(&self) -> Version {
        self.head.version()
    }

    /// Whether the connection stays open after the response.
    pub(crate) fn keep_alive(&self) -> KeepAlive {
        KeepAlive::of(&self.head)
    }

    /// Succeeds while the client's security context is not revoked.
    ///
    /// # Errors
    /// [`UpstreamAuthError::ClientMustAuthenticate`].
    pub(crate) fn check(&self) -> Result<(), UpstreamError> {
        if self.context.is_revoked() { Err(revoked()) } else { Ok(()) }
    }

    /// The request for the log, if it is not an operation and fails.
    pub(crate) fn failed_request(&self) -> FailedRequest<'_> {
        let (peer, user) = (self.peer, Some(self.context.principal()));
        FailedRequest { client: peer, user, operation: clipped(self.head.path()), is_wait: false }
    }
}

/// Why a request fails whose client's account was revoked.
#[cold]
pub(crate) fn revoked() -> UpstreamError {
    let why = "the client's account was revoked while its request was in flight";
    UpstreamAuthError::client_must_authenticate(why).into()
}

/// Whether a connection stays open after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Yes,
    No,
}

impl KeepAlive {
    /// As the client wishes that sent a request with this head (RFC 9112 9.3), unless the proxy closes the connection.
    pub(crate) fn of(head: &RequestHead) -> Self {
        if head.keeps_alive() { Self::Yes } else { Self::No }
    }
}

/// Why a client connection is closed at once.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Client(#[from] TransportError),
    /// The client exceeded a time limit.
    #[error(transparent)]
    Timeout(#[from] HttpTimeout),
    /// The proxy ends without waiting for requests in progress.
    #[error("proxy shutting down")]
    Shutdown,
    /// The account of the client was revoked.
    #[error("the account of the client was revoked")]
    Revoked,
    /// The connection of another user displaced it ([`ConnectionPermit::poll_displaced`]).
    ///
    /// [`ConnectionPermit::poll_displaced`]: crate::tcp::admission::ConnectionPermit::poll_displaced
    #[error("closed to admit another user")]
    Displaced,
    /// The decoder returned a body before a head.
    #[error("request body without a head")]
    NoHead,
    /// The upstream failed after the first part of its response was sent.
    #[error("response interrupted: {0}")]
    Interrupted(String),
}

/// The time limit that a client exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpTimeout {
    #[error("PROXY header and TLS handshake not complete within clients.handshake_seconds")]
    Preamble,
    #[error("client not authenticated within clients.handshake_seconds")]
    Authentication,
    #[error(
        "request not complete within clients.handshake_seconds, or slower than clients.minimum_bytes_per_second"
    )]
    Request,
    #[error("response not read within clients.handshake_seconds")]
    Unread,
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Client(error.into())
    }
}

/// The part of a request's target that a log line shows.
pub(crate) fn clipped(target: &str) -> &str {
    const MOST: usize = 200;
    target.get(..target.floor_char_boundary(MOST)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_clipped_between_characters() {
        let target = format!("/{}", "\u{e9}".repeat(500));
        assert_eq!(clipped(&target), format!("/{}", "\u{e9}".repeat(99)));
        assert_eq!(clipped("/mapi/emsmdb"), "/mapi/emsmdb");
    }
}

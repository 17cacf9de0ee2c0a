//! The part of a request that determines how its response is sent.

use std::io;
use std::net::SocketAddr;

use http1::{RequestHead, Version};
use identity::SecurityContext;

use crate::gate::FailedRequest;
use crate::http::server_only::Cookies;
use crate::http::transport::TransportError;
use crate::upstream_error::{UpstreamAuthError, UpstreamError};

/// A request under way: its head, who sent it, and what determines how its response is sent.
pub(crate) struct RequestContext {
    pub(crate) context: SecurityContext,
    /// The client, as far as we know where it is.
    pub(crate) peer: SocketAddr,
    /// The request's head as it was received.
    pub(crate) head: RequestHead,
    pub(crate) is_head: bool,
    /// Whether the connection stays open after it, if it is for the client to say.
    pub(crate) keep: bool,
    /// The last token of the client's sign-in.
    pub(crate) token: Option<String>,
    /// Which cookies pass between it and the server.
    pub(crate) cookies: Cookies,
}

impl RequestContext {
    /// The version that the client speaks.
    pub(crate) const fn version(&self) -> Version {
        self.head.version()
    }

    /// Whether the connection stays open where nothing but the client's wish decides.
    pub(crate) const fn keep_alive(&self) -> KeepAlive {
        if self.keep { KeepAlive::Yes } else { KeepAlive::No }
    }

    /// Succeeds while the client's security context is not revoked.
    ///
    /// # Errors
    /// [`UpstreamAuthError::ClientMustAuthenticate`].
    pub(crate) fn check(&self) -> Result<(), UpstreamError> {
        if self.context.is_revoked() {
            let why = format!(
                "the account of {} was revoked while its request was in flight",
                self.context.principal()
            );
            return Err(UpstreamAuthError::client_must_authenticate(why).into());
        }
        Ok(())
    }

    /// It as a request that is no operation and that is lost.
    pub(crate) fn failed_request(&self) -> FailedRequest<'_> {
        let (peer, user) = (self.peer, Some(self.context.principal()));
        FailedRequest { client: peer, user, operation: clipped(self.head.path()), is_wait: false }
    }
}

/// Whether a connection goes on after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Yes,
    No,
}

impl KeepAlive {
    /// Of a response to a request with this head, where nothing else decides.
    pub(crate) fn of(head: &RequestHead) -> Self {
        if head.keeps_alive() { Self::Yes } else { Self::No }
    }
}

/// Why a connection ends at once.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Client(#[from] TransportError),
    #[error("it did not send or read within its time")]
    Late,
    #[error("the proxy stops")]
    Stopped,
    #[error("a body without a head")]
    NoHead,
    #[error("the answer broke off: {0}")]
    CutShort(String),
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Client(error.into())
    }
}

/// As much of a request's target, or of a part of it, as a line of the log shows.
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

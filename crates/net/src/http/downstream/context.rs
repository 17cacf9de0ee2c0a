//! The part of a request that determines how its response is sent.

use std::io;
use std::net::SocketAddr;

use http1::{RequestHead, Version};
use identity::SecurityContext;

use crate::gate::Lost;
use crate::http::server_only::Cookies;
use crate::http::transport::TransportError;

/// A request under way: who sends it, and what of it decides how it is answered.
pub(crate) struct RequestContext {
    pub(crate) context: SecurityContext,
    /// The client, as far as we know where it is.
    pub(crate) peer: SocketAddr,
    /// The version that the client speaks.
    pub(crate) version: Version,
    pub(crate) is_head: bool,
    /// Whether the connection stays open after it, if it is for the client to say.
    pub(crate) keep: bool,
    /// The last token of the client's sign-in.
    pub(crate) token: Option<String>,
    /// Which cookies pass between it and the server.
    pub(crate) cookies: Cookies,
}

impl RequestContext {
    /// The request with this `head`, which is no operation, as one that is lost.
    pub(crate) fn lost<'a>(&'a self, head: &'a RequestHead) -> Lost<'a> {
        let (peer, user) = (self.peer, Some(self.context.principal()));
        Lost { peer, user, operation: clipped(head.path()), is_wait: false }
    }
}

/// Whether a connection goes on after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Yes,
    No,
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

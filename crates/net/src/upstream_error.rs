//! Why a request to the upstream failed.

use std::time::Duration;

use crate::body_budget::Full;
use crate::tcp::connect::ConnectError;

/// Why a request to the upstream failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No connection could be made, so that nothing was sent.
    #[error("{0}")]
    Connect(String),
    /// The TLS handshake failed, so that nothing was sent.
    #[error("{0}")]
    Tls(String),
    /// The server refuses the account that the proxy signs in with.
    #[error("{0}")]
    CredentialsRefused(String),
    /// The server does not offer the authentication scheme that the proxy is configured to sign in by.
    #[error("{0}")]
    NotOffered(String),
    /// The server has not answered yet; it may still do so.
    #[error("no answer in time")]
    Late,
    /// An answer took too long, and the proxy closed the connection.
    #[error("{0}")]
    Timeout(String),
    /// Connecting and signing in took too long.
    #[error("not connected and signed in within {} s", .0.as_secs())]
    SignInTimeout(Duration),
    /// The server closed the connection, or the network broke it.
    #[error("{0}")]
    Closed(String),
    /// The server's response breaks the protocol, or can't be used.
    #[error("{0}")]
    Protocol(String),
    /// There is no room in memory for the response now.
    #[error("no room in memory for the response: {0}")]
    Full(#[from] Full),
    /// The connection leads back to this proxy, which refused it.
    #[error("request loop: the upstream leads back to this proxy")]
    Loop,
    /// The client has to sign in again; the upstream is as it should be.
    #[error("{0}")]
    SignInAgain(String),
}

impl UpstreamError {
    /// Whether the state of the upstream, which is logged when it begins and when it ends, explains it: then the
    /// operation is not logged by itself.
    pub(crate) const fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::Tls(_) | Self::CredentialsRefused(_) | Self::NotOffered(_) | Self::Loop
        )
    }

    /// Whether it is about the account or the scheme that the proxy signs in with.
    pub(crate) const fn is_sign_in(&self) -> bool {
        matches!(self, Self::CredentialsRefused(_) | Self::NotOffered(_))
    }
}

impl From<ConnectError> for UpstreamError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error.to_string())
    }
}

/// Whether a call may be made again on a new connection after one failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It may have reached the upstream, or a new connection would fail in the same way.
    Never,
    /// Calls of which nothing was sent may: the upstream rejected or closed the connection before it served any.
    Unsent,
}

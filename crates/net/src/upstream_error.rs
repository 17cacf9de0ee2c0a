//! Why a request to the upstream failed: the kind, its cause, the side that caused it, and whether to retry.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::body_budget::MemoryLimit;
use crate::tcp::connect::ConnectError;

/// The cause of an error. It is shared: the gate returns one error for each operation that it refuses during an outage.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Creates a cause from `error` or a text.
pub(crate) fn cause(error: impl Into<Box<dyn Error + Send + Sync>>) -> Cause {
    Arc::from(error.into())
}

/// Why a request to the upstream failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    /// No connection could be made, so that nothing was sent.
    #[error(transparent)]
    Connect(Cause),
    /// The TLS handshake failed, so that nothing was sent.
    #[error(transparent)]
    Tls(Cause),
    /// Authentication at the upstream failed.
    #[error(transparent)]
    Auth(#[from] UpstreamAuthError),
    /// A time limit was exceeded.
    #[error(transparent)]
    Timeout(#[from] Timeout),
    /// The upstream closed the connection, or the network broke it.
    #[error("connection lost")]
    Closed {
        /// What was observed.
        #[source]
        cause: Cause,
        /// Whether the upstream may have executed the request.
        request: RequestProgress,
    },
    /// The upstream rejected the association (C706 12.6.4.5).
    #[error("association rejected")]
    Rejected {
        /// The reason that the upstream gave.
        #[source]
        cause: Cause,
        /// Whether the proxy requested an association group, which the upstream may have forgotten since.
        joins_group: bool,
    },
    /// The upstream does not serve the interface.
    #[error(transparent)]
    NotServed(Cause),
    /// The upstream's response violates the protocol, or cannot be used.
    #[error("protocol error")]
    Protocol(#[source] Cause),
    /// A limit on memory is reached, so that the response is not buffered.
    #[error("no memory for the response")]
    MemoryLimit(#[source] MemoryLimit),
    /// The user would have more connections to the upstream than there are free descriptors for, so that none was made.
    #[error(
        "the user has too many connections to the server for the limit on open files: raise ulimit -Hn (LimitNOFILE= of a \
         systemd unit)"
    )]
    TooManyConnections,
    /// The upstream's address leads to this proxy, which refused the connection.
    #[error("the connection leads back to this proxy")]
    Loop,
}

/// Why authentication at the upstream failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamAuthError {
    /// The upstream does not accept the credentials of the service account.
    #[error("the server rejects the service account")]
    InvalidCredentials(#[source] Cause),
    /// The upstream rejected the association because of the proxy's security package or level.
    #[error("the server rejects the service account, the authentication scheme or the protection level")]
    AssociationRejected(#[source] Cause),
    /// The upstream does not offer the authentication scheme that the proxy is configured to use.
    #[error(transparent)]
    SchemeNotOffered(Cause),
    /// The upstream denies access, and its response does not show whether the account is the reason.
    #[error("access denied by the server")]
    AccessDenied(#[source] Cause),
    /// The upstream requires the client to authenticate, or to do so again.
    #[error("the client must authenticate")]
    ClientMustAuthenticate(#[source] Cause),
}

/// The time limit that was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Timeout {
    /// A response took longer than this, and the proxy closed the connection.
    #[error("no response within {} s", .0.as_secs())]
    Response(Duration),
    /// The response to a request of an unauthenticated client took longer than this.
    #[error("no response within {} s, the limit for a client that has not authenticated", .0.as_secs())]
    Unauthenticated(Duration),
    /// The upstream read nothing of a request for this time, and the proxy closed the connection.
    #[error("the server read nothing of the request for {} s", .0.as_secs())]
    NotRead(Duration),
    /// Connecting and authenticating took longer than this. So did a response to a probe.
    #[error("not connected and authenticated within {} s", .0.as_secs())]
    Auth(Duration),
}

impl Timeout {
    /// The limit.
    pub(crate) const fn duration(self) -> Duration {
        match self {
            Self::Response(limit)
            | Self::Unauthenticated(limit)
            | Self::NotRead(limit)
            | Self::Auth(limit) => limit,
        }
    }
}

/// Whether the upstream may have executed a request whose connection was lost. This alone decides whether the request
/// is retried ([`UpstreamError::retry`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestProgress {
    /// No: the proxy sent nothing of it. Over RPC the upstream had not responded to the bind, before which no call is
    /// sent; over HTTP no byte of the request was written to the connection.
    NotSent,
    /// Yes: a part of it may have reached the upstream.
    MayBeExecuted,
}

/// The side that caused an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client that sent the request.
    Client,
    /// This proxy, or its configuration.
    Proxy,
    /// The upstream server, or the network to it.
    Upstream,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Proxy => "proxy",
            Self::Upstream => "upstream",
        })
    }
}

/// Whether a request may be sent on a new connection after one failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// No: the request may have reached the upstream, or a new connection would fail in the same way.
    Never,
    /// Yes, if nothing of the request was sent: the state of the upstream that the proxy knew is out of date.
    Unsent,
}

impl UpstreamError {
    /// No connection could be made because of `error`.
    pub(crate) fn connect(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Connect(cause(error))
    }

    /// The response violates the protocol, as `error` says.
    pub(crate) fn protocol(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Protocol(cause(error))
    }

    /// The connection was lost because of `error`, and the upstream may have executed the request.
    pub(crate) fn closed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::lost(error, RequestProgress::MayBeExecuted)
    }

    /// The connection was lost because of `error`, with the progress `request` of the request.
    pub(crate) fn lost(error: impl Into<Box<dyn Error + Send + Sync>>, request: RequestProgress) -> Self {
        Self::Closed { cause: cause(error), request }
    }

    /// The configuration key of the limit that was exceeded.
    pub(crate) const fn key(&self) -> Option<&'static str> {
        match self {
            Self::Timeout(Timeout::Response(_)) => Some("upstream.call_seconds"),
            Self::Timeout(Timeout::Unauthenticated(_) | Timeout::NotRead(_)) => {
                Some("clients.handshake_seconds")
            }
            Self::Timeout(Timeout::Auth(_)) => Some("upstream.connect_seconds"),
            Self::MemoryLimit(full) => full.key(),
            _ => None,
        }
    }

    /// The side that caused the error.
    pub const fn side(&self) -> Side {
        match self {
            Self::Auth(UpstreamAuthError::ClientMustAuthenticate(_)) => Side::Client,
            Self::Auth(
                UpstreamAuthError::InvalidCredentials(_)
                | UpstreamAuthError::AssociationRejected(_)
                | UpstreamAuthError::SchemeNotOffered(_),
            )
            | Self::MemoryLimit(_)
            | Self::TooManyConnections
            | Self::Loop => Side::Proxy,
            Self::Connect(_)
            | Self::Tls(_)
            | Self::Auth(UpstreamAuthError::AccessDenied(_))
            | Self::Timeout(_)
            | Self::Closed { .. }
            | Self::Rejected { .. }
            | Self::NotServed(_)
            | Self::Protocol(_) => Side::Upstream,
        }
    }

    /// Whether a request that failed with this error may be sent on a new connection: only if nothing of it was sent on
    /// this one. An upstream that was restarted closes connections that were idle, and does not know its earlier
    /// association groups.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Closed { request: RequestProgress::NotSent, .. }
            | Self::Rejected { joins_group: true, .. } => Retry::Unsent,
            Self::Connect(_)
            | Self::Tls(_)
            | Self::Auth(_)
            | Self::Timeout(_)
            | Self::Closed { request: RequestProgress::MayBeExecuted, .. }
            | Self::Rejected { joins_group: false, .. }
            | Self::NotServed(_)
            | Self::Protocol(_)
            | Self::MemoryLimit(_)
            | Self::TooManyConnections
            | Self::Loop => Retry::Never,
        }
    }

    /// Whether a limit is reached, so that the client may send the request again later.
    pub(crate) const fn is_too_busy(&self) -> bool {
        matches!(self, Self::MemoryLimit(_) | Self::TooManyConnections)
    }

    /// Whether the error belongs to an outage, whose begin and end are logged. Then the request is not logged by
    /// itself.
    pub(crate) const fn is_outage(&self) -> bool {
        self.is_account() || matches!(self, Self::Connect(_) | Self::Tls(_) | Self::Loop)
    }

    /// Whether the cause is the account or the scheme of the proxy.
    pub(crate) const fn is_account(&self) -> bool {
        self.is_password() || matches!(self, Self::Auth(UpstreamAuthError::SchemeNotOffered(_)))
    }

    /// Whether the cause is the account or its password, which all services of the upstream share.
    pub(crate) const fn is_password(&self) -> bool {
        matches!(
            self,
            Self::Auth(UpstreamAuthError::InvalidCredentials(_) | UpstreamAuthError::AssociationRejected(_))
        )
    }
}

impl UpstreamAuthError {
    /// The cause, which names neither the account nor a key of the configuration.
    pub const fn cause(&self) -> &Cause {
        match self {
            Self::InvalidCredentials(cause)
            | Self::AssociationRejected(cause)
            | Self::SchemeNotOffered(cause)
            | Self::AccessDenied(cause)
            | Self::ClientMustAuthenticate(cause) => cause,
        }
    }

    /// The upstream does not accept the credentials of the service account because of `error`.
    pub(crate) fn invalid_credentials(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::InvalidCredentials(cause(error))
    }

    /// The client must authenticate because of `error`.
    pub(crate) fn client_must_authenticate(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::ClientMustAuthenticate(cause(error))
    }
}

impl From<MemoryLimit> for UpstreamError {
    fn from(full: MemoryLimit) -> Self {
        Self::MemoryLimit(full)
    }
}

impl From<ConnectError> for UpstreamError {
    fn from(error: ConnectError) -> Self {
        Self::connect(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_of_which_nothing_was_sent_may_be_retried() {
        let closed = |request| UpstreamError::lost("reset", request);
        let rejected = |joins_group| UpstreamError::Rejected { cause: cause("unknown group"), joins_group };
        for error in [closed(RequestProgress::NotSent), rejected(true)] {
            assert_eq!(error.retry(), Retry::Unsent, "{error:?}");
        }
        let never = [
            UpstreamError::connect("refused"),
            UpstreamError::Tls(cause("bad certificate")),
            UpstreamAuthError::invalid_credentials("access denied").into(),
            Timeout::Response(Duration::from_secs(1)).into(),
            closed(RequestProgress::MayBeExecuted),
            rejected(false),
            UpstreamError::protocol("malformed"),
            UpstreamError::Loop,
        ];
        for error in never {
            assert_eq!(error.retry(), Retry::Never, "{error:?}");
        }
    }

    #[test]
    fn the_proxy_is_the_side_of_errors_of_its_account_and_the_client_of_its_own() {
        let kinds = [UpstreamAuthError::invalid_credentials, UpstreamAuthError::client_must_authenticate];
        let sides = kinds.map(|kind| UpstreamError::from(kind("401")).side());
        assert_eq!(sides, [Side::Proxy, Side::Client]);
        assert_eq!(UpstreamError::closed("reset").side(), Side::Upstream);
    }
}

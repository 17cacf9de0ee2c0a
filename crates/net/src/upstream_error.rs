//! Why a request to the upstream failed: the kind, the side that is to blame, and whether to retry.

use std::fmt;
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
    /// Authentication at the upstream failed.
    #[error(transparent)]
    Auth(#[from] UpstreamAuthError),
    /// Something took too long.
    #[error(transparent)]
    Timeout(#[from] Timeout),
    /// The upstream closed the connection, or the network broke it.
    #[error("{why}")]
    Closed {
        /// What was seen of it.
        why: String,
        /// Whether the upstream had sent anything on the connection.
        after: Received,
    },
    /// The upstream rejected the association (C706 12.6.4.5).
    #[error("{why}")]
    Rejected {
        /// The reason that it gave.
        why: String,
        /// Whether it was asked to join an association group, which it may have forgotten since.
        joins_group: bool,
    },
    /// The upstream does not serve the interface.
    #[error("{0}")]
    NotServed(String),
    /// The upstream's response breaks the protocol, or can't be used.
    #[error("{0}")]
    Protocol(String),
    /// There is no room in memory for the response now.
    #[error("no room in memory for the response: {0}")]
    Full(#[from] Full),
    /// The connection leads back to this proxy, which refused it.
    #[error("request loop: the upstream leads back to this proxy")]
    Loop,
}

/// Why authentication at the upstream failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamAuthError {
    /// The upstream refuses the account that the proxy authenticates with.
    #[error("{0}")]
    Refused(String),
    /// The upstream rejected the association because of how the proxy authenticates.
    #[error("{0}")]
    Rejected(String),
    /// The upstream does not offer the authentication scheme that the proxy is configured to use.
    #[error("{0}")]
    NotOffered(String),
    /// The upstream denies access, and does not say that the account is why.
    #[error("{0}")]
    Denied(String),
    /// The upstream requires the client to authenticate, or to do so again.
    #[error("{0}")]
    Required(String),
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Timeout {
    /// The upstream has not answered by the time that the caller gave; it may still do so.
    #[error("no answer in time")]
    Deadline,
    /// An answer took longer than this, and the proxy closed the connection.
    #[error("no answer within {} s", .0.as_secs())]
    Answer(Duration),
    /// Connecting and authenticating took longer than this.
    #[error("not connected and signed in within {} s", .0.as_secs())]
    Auth(Duration),
}

/// What had come from the upstream when it closed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Nothing: it served no request.
    Nothing,
    /// Something, so that it may have executed what was sent.
    Something,
}

/// The side that is to blame for an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client that sent the request.
    Client,
    /// This proxy, or its configuration.
    Proxy,
    /// The server behind the proxy, or the network before it.
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
    /// It may have reached the upstream, or a new connection would fail in the same way.
    Never,
    /// Requests of which nothing was sent may: what was known of the upstream is out of date.
    Unsent,
}

impl UpstreamError {
    /// The upstream closed a connection that it had answered on, or on which it may have executed a request.
    pub(crate) fn closed(why: impl fmt::Display) -> Self {
        Self::Closed { why: why.to_string(), after: Received::Something }
    }

    /// The side that is to blame.
    pub const fn side(&self) -> Side {
        match self {
            Self::Auth(UpstreamAuthError::Required(_)) => Side::Client,
            Self::Auth(
                UpstreamAuthError::Refused(_)
                | UpstreamAuthError::Rejected(_)
                | UpstreamAuthError::NotOffered(_),
            )
            | Self::Full(_)
            | Self::Loop => Side::Proxy,
            Self::Connect(_)
            | Self::Tls(_)
            | Self::Auth(UpstreamAuthError::Denied(_))
            | Self::Timeout(_)
            | Self::Closed { .. }
            | Self::Rejected { .. }
            | Self::NotServed(_)
            | Self::Protocol(_) => Side::Upstream,
        }
    }

    /// Whether a request that failed because of it may be sent on a new connection. An upstream that was restarted
    /// closes connections before it sends anything, and knows none of the association groups that it had.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Closed { after: Received::Nothing, .. } | Self::Rejected { joins_group: true, .. } => {
                Retry::Unsent
            }
            Self::Connect(_)
            | Self::Tls(_)
            | Self::Auth(_)
            | Self::Timeout(_)
            | Self::Closed { after: Received::Something, .. }
            | Self::Rejected { joins_group: false, .. }
            | Self::NotServed(_)
            | Self::Protocol(_)
            | Self::Full(_)
            | Self::Loop => Retry::Never,
        }
    }

    /// Whether the state of the upstream, which is logged when it begins and when it ends, explains it: then the
    /// operation is not logged by itself.
    pub(crate) const fn is_outage(&self) -> bool {
        self.is_account() || matches!(self, Self::Connect(_) | Self::Tls(_) | Self::Loop)
    }

    /// Whether it is about the account or the scheme that the proxy authenticates with.
    pub(crate) const fn is_account(&self) -> bool {
        self.is_password() || matches!(self, Self::Auth(UpstreamAuthError::NotOffered(_)))
    }

    /// Whether it is about the account or its password, wherever in the upstream they are used.
    pub(crate) const fn is_password(&self) -> bool {
        matches!(self, Self::Auth(UpstreamAuthError::Refused(_) | UpstreamAuthError::Rejected(_)))
    }
}

impl From<ConnectError> for UpstreamError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_upstream_never_served_may_be_sent_again() {
        let closed = |after| UpstreamError::Closed { why: String::new(), after };
        let rejected = |joins_group| UpstreamError::Rejected { why: String::new(), joins_group };
        for error in [closed(Received::Nothing), rejected(true)] {
            assert_eq!(error.retry(), Retry::Unsent, "{error:?}");
        }
        let never = [
            UpstreamError::Connect(String::new()),
            UpstreamError::Tls(String::new()),
            UpstreamAuthError::Refused(String::new()).into(),
            Timeout::Deadline.into(),
            closed(Received::Something),
            rejected(false),
            UpstreamError::Protocol(String::new()),
            UpstreamError::Loop,
        ];
        for error in never {
            assert_eq!(error.retry(), Retry::Never, "{error:?}");
        }
    }

    #[test]
    fn the_proxy_is_to_blame_for_its_account_and_a_client_for_its_own() {
        let [refused, required] =
            [UpstreamAuthError::Refused, UpstreamAuthError::Required].map(|kind| kind(String::new()));
        assert_eq!(UpstreamError::from(refused).side(), Side::Proxy);
        assert_eq!(UpstreamError::from(required).side(), Side::Client);
        assert_eq!(UpstreamError::closed("it was closed").side(), Side::Upstream);
    }
}

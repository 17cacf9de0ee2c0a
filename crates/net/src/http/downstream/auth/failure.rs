//! Why the authentication of a client failed.

use identity::pass_through::ProofError;
use identity::{AuthError, Mechanism};

use crate::auth_limit::Throttled;
use crate::upstream_error::UpstreamError;

/// Why the authentication of a client failed. The client receives the same challenge for all reasons that concern its
/// credentials; the reason itself is for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthFailure {
    /// The request has several `Authorization` headers.
    #[error("several Authorization headers")]
    SeveralHeaders,
    /// The scheme is unknown.
    #[error("unknown authentication scheme")]
    UnknownScheme,
    /// The scheme is known, but disabled or unsafe on this connection.
    #[error("{0} authentication is not accepted on this connection")]
    SchemeNotAccepted(Mechanism),
    /// The proxy itself finds the credentials invalid.
    #[error(transparent)]
    InvalidCredentials(#[from] AuthError),
    /// The server rejected the credentials.
    #[error("server rejected the client's {0} credentials")]
    RejectedByServer(Mechanism),
    /// The server does not offer the scheme for any probe.
    #[error("server does not offer {mechanism}; it offers {offered}")]
    SchemeNotOffered {
        /// The mechanism of the client's credentials.
        mechanism: Mechanism,
        /// The mechanisms that the server offers, separated by commas.
        offered: String,
    },
    /// The server closed the connection on which the handshake was in progress. Only the client can begin another.
    #[error("server closed the connection during the handshake")]
    ClosedInHandshake,
    /// The handshake began with a request that needs less proof. The client has to begin another.
    #[error("handshake began with a request for which less proof is required than for an operation of MAPI")]
    BegunForOtherRequest,
    /// The server neither accepted nor rejected the credentials.
    #[error("server responded with status {status} to the client's {mechanism} credentials")]
    UnexpectedStatus {
        /// The mechanism of the client's credentials.
        mechanism: Mechanism,
        /// The status of the response.
        status: u16,
    },
    /// Without a probe that fails without credentials, success with credentials would prove nothing.
    #[error("server requires no authentication: no probe without credentials was rejected with status 401")]
    NoAuthenticationRequired,
    /// A handshake authenticates a connection, and the server does not keep it open.
    #[error("server closes its connection after each {0} request, so that a handshake cannot be completed")]
    ConnectionNotPersistent(Mechanism),
    /// The server's responses contradict one another.
    #[error(transparent)]
    Inconclusive(#[from] ProofError),
    /// A probe could not be sent, or has no response.
    #[error("server did not verify the client's credentials")]
    Upstream(#[from] UpstreamError),
    /// A limit on attempts is exceeded, so that the credentials were not checked.
    #[error(transparent)]
    Throttled(#[from] Throttled),
}

/// The response to a request whose authentication failed.
#[derive(Debug)]
pub(crate) enum FailureResponse<'a> {
    /// 401, with the schemes that the client may use.
    Challenge,
    /// Another status, since the credentials may be valid.
    Status(u16),
    /// The response to any failure of the upstream.
    UpstreamFailed(&'a UpstreamError),
    /// 429, or 503 if the password may be right, with the time after which the client may retry.
    RetryAfter(Throttled),
}

impl AuthFailure {
    /// The response that the client receives.
    pub(crate) const fn response(&self) -> FailureResponse<'_> {
        match self {
            Self::SeveralHeaders
            | Self::UnknownScheme
            | Self::SchemeNotAccepted(_)
            | Self::InvalidCredentials(_)
            | Self::RejectedByServer(_)
            | Self::SchemeNotOffered { .. }
            | Self::ClosedInHandshake
            | Self::BegunForOtherRequest => FailureResponse::Challenge,
            Self::UnexpectedStatus { status, .. } => FailureResponse::Status(forwarded_status(*status)),
            Self::NoAuthenticationRequired | Self::ConnectionNotPersistent(_) | Self::Inconclusive(_) => {
                FailureResponse::Status(502)
            }
            Self::Upstream(why) => FailureResponse::UpstreamFailed(why),
            Self::Throttled(throttled) => FailureResponse::RetryAfter(*throttled),
        }
    }
}

/// The client's status for a probe's `status` that does not show whether the credentials are valid.
const fn forwarded_status(status: u16) -> u16 {
    match status {
        // These concern the target of the probe, which is not the client's.
        404 | 405 | 406 | 411 | 415 => 502,
        400..=499 => status,
        _ => 502,
    }
}

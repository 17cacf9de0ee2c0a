//! The result of verifying a request's credentials.

use identity::{ContextError, SecurityContext};

use crate::http::downstream::auth::failure::AuthFailure;

/// The result of verifying a request's credentials, by local accounts or by the server. With the first two the request
/// is admitted; with the others the proxy responds to it itself.
pub(crate) enum AuthOutcome {
    /// The client is authenticated.
    Authenticated {
        context: SecurityContext,
        /// Whether this request's credentials were verified, rather than those of an earlier one.
        fresh: bool,
        /// The last token of a handshake, a `WWW-Authenticate` value of the response.
        token: Option<String>,
    },
    /// The request is served without authentication, under this context.
    Anonymous(SecurityContext),
    /// The handshake continues with this `WWW-Authenticate` value.
    Continue(String),
    /// The request has no credentials, and the connection is not authenticated.
    NoCredentials,
    /// The context of the connection may not be used any more, so that the client must authenticate again.
    ContextEnded(SecurityContext, ContextError),
    /// Authentication failed.
    Failed(AuthFailure),
}

impl From<AuthFailure> for AuthOutcome {
    fn from(failure: AuthFailure) -> Self {
        Self::Failed(failure)
    }
}

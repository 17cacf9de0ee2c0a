//! Why the authentication of the service account at the upstream failed.

use http1::Fields;
use identity::Mechanism;

use crate::http::pass_through::challenges::schemes;
use crate::upstream_error::{UpstreamAuthError, UpstreamError, cause};

/// Why the server did not accept a request with the credentials of the service account.
#[derive(Debug, thiserror::Error)]
pub enum ServiceAuthError {
    /// The server does not offer the configured scheme.
    #[error("the server does not offer {mechanism}, it offers {offered}{}", supported(.offered))]
    NotOffered {
        /// The configured mechanism.
        mechanism: Mechanism,
        /// The schemes that the server offers, separated by commas.
        offered: String,
    },
    /// The server offers the scheme, and rejects the token or password.
    #[error("the server offers {0} and responds with status 401 to the credentials")]
    Rejected(Mechanism),
    /// The response neither continues the handshake nor rejects it.
    #[error("the server responds with status {status} to {mechanism} authentication by MAPIProxy")]
    UnexpectedStatus {
        /// The configured mechanism.
        mechanism: Mechanism,
        /// The status of the response.
        status: u16,
    },
    /// The server does not authenticate the connection, and then requires authentication on it.
    #[error(
        "the server responds with status {status} to the first token of {mechanism} authentication by MAPIProxy, and with \
         401 to the request that follows"
    )]
    NotChallenged {
        /// The configured mechanism.
        mechanism: Mechanism,
        /// The status of the response to the first token.
        status: u16,
    },
    /// The server does not keep the connection open that a handshake authenticates.
    #[error("the server closes its connection during {0} authentication by MAPIProxy")]
    ConnectionNotPersistent(Mechanism),
    /// The request was sent without credentials, as requests of anonymous clients are.
    #[error("the server requires authentication for a request without credentials")]
    NoCredentials,
}

/// What a server offers without a `WWW-Authenticate`.
const NOTHING: &str = "nothing";

impl From<ServiceAuthError> for UpstreamError {
    fn from(error: ServiceAuthError) -> Self {
        match error {
            ServiceAuthError::NotOffered { .. } => UpstreamAuthError::SchemeNotOffered(cause(error)).into(),
            ServiceAuthError::Rejected(_) => UpstreamAuthError::invalid_credentials(error).into(),
            ServiceAuthError::UnexpectedStatus { .. }
            | ServiceAuthError::NotChallenged { .. }
            | ServiceAuthError::NoCredentials => Self::protocol(error),
            ServiceAuthError::ConnectionNotPersistent(_) => Self::closed(error),
        }
    }
}

impl ServiceAuthError {
    /// The reason that a response of 401 with these `fields` gives for `mechanism`.
    pub(crate) fn unauthorized(mechanism: Mechanism, fields: &Fields) -> Self {
        let schemes = schemes(fields);
        if schemes.iter().any(|scheme| mechanism.is_scheme(scheme.as_bytes())) {
            return Self::Rejected(mechanism);
        }
        let offered = if schemes.is_empty() { NOTHING.to_owned() } else { schemes.join(", ") };
        Self::NotOffered { mechanism, offered }
    }
}

/// Which of the schemes `offered` are supported, by the names that they have in the configuration, in parentheses.
fn supported(offered: &str) -> String {
    if offered == NOTHING {
        return String::new();
    }
    let is_offered =
        |mechanism: &Mechanism| offered.split(", ").any(|offer| mechanism.is_scheme(offer.as_bytes()));
    let supported = Mechanism::ALL.into_iter().filter(|mechanism| mechanism.has_ends());
    let usable: Vec<_> = supported.filter(is_offered).map(|mechanism| mechanism.to_string()).collect();
    if usable.is_empty() {
        " (none of these is supported)".to_owned()
    } else {
        format!(" (supported: {})", usable.join(", ").to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_that_is_not_offered_is_another_error_than_rejected_credentials() {
        let mut fields = Fields::default();
        fields.push("WWW-Authenticate", "Negotiate, Basic realm=\"x\"");
        fields.push("WWW-Authenticate", "basic realm=\"y\"");
        fields.push("WWW-Authenticate", "X-Made\u{1}Up");
        assert_eq!(
            ServiceAuthError::unauthorized(Mechanism::NTLM, &fields).to_string(),
            "the server does not offer NTLM, it offers Negotiate, Basic (supported: negotiate, basic)"
        );
        let rejected = ServiceAuthError::unauthorized(Mechanism::BASIC, &fields).to_string();
        assert_eq!(rejected, "the server offers Basic and responds with status 401 to the credentials");
        let mut bearer = Fields::default();
        bearer.push("WWW-Authenticate", "Bearer");
        let why = ServiceAuthError::unauthorized(Mechanism::BASIC, &bearer).to_string();
        assert!(why.ends_with("it offers Bearer (none of these is supported)"), "{why}");
        let nothing = ServiceAuthError::unauthorized(Mechanism::BASIC, &Fields::default()).to_string();
        assert!(nothing.ends_with("it offers nothing"), "{nothing}");
    }
}

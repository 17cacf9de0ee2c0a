//! Why the authentication of the service account at the upstream failed.

use http1::Fields;
use identity::Mechanism;

use crate::http::pass_through::challenges::schemes;
use crate::upstream_error::{UpstreamAuthError, UpstreamError, cause};

/// Why the server did not accept a request with the credentials of the service account.
#[derive(Debug, thiserror::Error)]
pub enum ServiceAuthError {
    /// The server does not offer the configured scheme.
    #[error("the server does not offer {mechanism}, it offers {offered}: {}", advice(.offered))]
    NotOffered {
        /// The configured mechanism.
        mechanism: Mechanism,
        /// The schemes that the server offers, separated by commas.
        offered: String,
    },
    /// The server offers the scheme, and rejects the token or password.
    #[error(
        "the server offers {0} and rejects the service account: check the account and its password in \
         [upstream.credentials]"
    )]
    Rejected(Mechanism),
    /// The response neither continues the handshake nor rejects it.
    #[error("the server responds with status {status} to {mechanism} authentication of the service account")]
    UnexpectedStatus {
        /// The configured mechanism.
        mechanism: Mechanism,
        /// The status of the response.
        status: u16,
    },
    /// The server does not authenticate the connection, and then requires authentication on it.
    #[error(
        "the server responds with status {status} to the first token of {mechanism} authentication of the service account, \
         and with 401 to the request that follows"
    )]
    NotChallenged {
        /// The configured mechanism.
        mechanism: Mechanism,
        /// The status of the response to the first token.
        status: u16,
    },
    /// The server does not keep the connection open that a handshake authenticates.
    #[error("the server closes its connection during {0} authentication of the service account")]
    ConnectionNotPersistent(Mechanism),
    /// The request was sent without credentials, as requests of anonymous clients are.
    #[error("the server requires authentication for a request without credentials")]
    NoCredentials,
}

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
        let offered = if schemes.is_empty() { "nothing".to_owned() } else { schemes.join(", ") };
        Self::NotOffered { mechanism, offered }
    }
}

/// What to do if the configured scheme is not among those `offered`.
fn advice(offered: &str) -> String {
    let is_offered =
        |mechanism: &Mechanism| offered.split(", ").any(|offer| mechanism.is_scheme(offer.as_bytes()));
    let supported = Mechanism::ALL.into_iter().filter(|mechanism| mechanism.has_ends());
    let usable =
        supported.filter(is_offered).map(|mechanism| format!("\"{mechanism}\"").to_ascii_lowercase());
    let usable: Vec<_> = usable.collect();
    if usable.is_empty() {
        "the proxy supports none of these".to_owned()
    } else {
        format!("set upstream.http_authentication to {}", usable.join(" or "))
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
            "the server does not offer NTLM, it offers Negotiate, Basic: set upstream.http_authentication to \
             \"negotiate\" or \"basic\""
        );
        let rejected = ServiceAuthError::unauthorized(Mechanism::BASIC, &fields).to_string();
        assert!(
            rejected.starts_with("the server offers Basic and rejects the service account"),
            "{rejected}"
        );
        let mut bearer = Fields::default();
        bearer.push("WWW-Authenticate", "Bearer");
        let why = ServiceAuthError::unauthorized(Mechanism::BASIC, &bearer).to_string();
        assert!(why.ends_with("it offers Bearer: the proxy supports none of these"), "{why}");
        let nothing = ServiceAuthError::unauthorized(Mechanism::BASIC, &Fields::default()).to_string();
        assert!(nothing.contains("it offers nothing"), "{nothing}");
    }
}

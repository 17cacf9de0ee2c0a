//! The steps of one pass-through authentication, from the client's credentials to a security context.
//!
//! ```text
//! AuthAttempt ──send──▶ AwaitsResponse ──on_response──▶ Outcome
//!      ▲                   ▲     ▲                        │
//!      └── next leg ───────│─────│─────────── Continue ◀──┤
//!                          │     └─ send ───── Repeat ◀───┤
//!                          └─ with_probe ─ OtherProbe ◀───┤
//!                       CredentialsAccepted ◀─ Accepted ──┘
//!                              │ on_unauthenticated_response
//!                              ▼
//!            Checked: Authenticated, or ControlRequest ──on_response──▶ Authenticated
//! ```

use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use thiserror::Error;
use wire::Now;
use zeroize::Zeroizing;

use super::config::Config;
use super::named_user::NamedUser;
use super::probe::{Probe, RejectedProbe, Response};
use super::transcript::Transcript;
use crate::context::{ActingLevel, Expiry, Proof, Proven, SecurityContext};
use crate::error::AuthError;
use crate::http_auth;
use crate::mechanism::Mechanism;
use crate::package::Scope;
use crate::random::{Random, RandomError};

/// An attempt that waits for the client's next credentials.
pub struct AuthAttempt {
    config: Arc<Config>,
    mechanism: Mechanism,
    probe: Probe,
    transcript: Box<dyn Transcript>,
}

/// An attempt whose request was sent to the server.
pub struct AwaitsResponse {
    attempt: AuthAttempt,
    /// The credentials, if each request carries them.
    credentials: Option<Zeroizing<Vec<u8>>>,
    /// Whether a handshake was completed on the connection, so that further requests on it need no credentials.
    is_authenticated: bool,
}

/// The result of a response to an attempt's request.
pub enum Outcome {
    /// The handshake continues: the client must respond to the server's token.
    Continue(AuthAttempt),
    /// The client's part of the handshake is complete. Repeating the request on the same connection shows whether the
    /// server accepted it.
    Repeat(RepeatRequest),
    /// The response does not show that the server executed the request: it is a redirect, or may be a gateway's.
    /// Another probe may show it.
    OtherProbe(OtherProbe),
    /// The server executed the request. That it does so for these credentials only is still to be checked.
    Accepted(CredentialsAccepted),
    /// The server rejected the credentials, or they are unusable.
    Rejected(AuthError),
    /// The response shows nothing: the request failed for another reason, or a gateway responded.
    Inconclusive,
}

/// An attempt whose client sent its last token.
pub struct RepeatRequest(AwaitsResponse);

impl RepeatRequest {
    /// Sends the same request on the handshake's connection, without credentials.
    pub fn send(self) -> AwaitsResponse {
        self.0
    }
}

/// An attempt whose request the server neither rejected nor verifiably executed.
pub struct OtherProbe(AwaitsResponse);

impl OtherProbe {
    /// Whether the connection is authenticated by a handshake, so that the next request carries no credentials.
    pub const fn is_authenticated(&self) -> bool {
        self.0.is_authenticated
    }

    /// Sends the probe that was `rejected` with the same credentials, or on the same connection after a handshake.
    ///
    /// # Errors
    /// [`ProofError::NotMapiHttp`] if this probe is a [`Probe::Ping`] and the other is not, or the reverse: a
    /// response to a PING without its headers is a gateway's, which would respond to a GET as well.
    pub fn with_probe(self, rejected: &RejectedProbe) -> Result<AwaitsResponse, ProofError> {
        let Self(sent) = self;
        if sent.attempt.probe != rejected.probe {
            return Err(ProofError::NotMapiHttp);
        }
        Ok(sent)
    }
}

/// Credentials with which the server executed a request.
pub struct CredentialsAccepted {
    user: NamedUser,
    config: Arc<Config>,
    mechanism: Mechanism,
    probe: Probe,
    credentials: Option<Zeroizing<Vec<u8>>>,
}

/// The result of the check that the server still rejects requests without credentials.
pub enum Checked {
    /// The user is authenticated.
    Authenticated(Authenticated),
    /// The server must reject invalid credentials too.
    Control(Box<ControlRequest>),
}

/// A request with invalid credentials, which the server has to reject.
pub struct ControlRequest {
    accepted: CredentialsAccepted,
    authorization: Zeroizing<String>,
}

/// Why accepted credentials prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The server responded to a request without credentials, which it had rejected before, with this status.
    #[error(
        "status {0} for a request without credentials, which was rejected with 401 before: a gateway in front of the \
         server shares connections between clients, or the server was reconfigured meanwhile; set upstream.http to \
         the server itself"
    )]
    AcceptedWithoutCredentials(u16),
    /// The server responded to invalid credentials with this status.
    #[error(
        "status {0} instead of 401 for invalid credentials: a gateway in front of the server responds in its place, so \
         that the proxy cannot verify users; set upstream.http to the server itself"
    )]
    AcceptedInvalidCredentials(u16),
    /// No response to a PING with the credentials has the headers of MAPI over HTTP.
    #[error(
        "no response to a PING with the client's credentials has the headers of MAPI over HTTP: it cannot be \
         determined whether the server or a gateway in front of it responded; check that the mail server serves \
         /mapi/emsmdb/ of upstream.http"
    )]
    NotMapiHttp,
    /// No random numbers for invalid credentials.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl AuthAttempt {
    /// Begins an attempt by `mechanism` at the server that refused the probe `rejected` without credentials.
    ///
    /// # Errors
    /// If the mechanism does not pass through, if the server does not offer it, or if `rejected` is no longer valid.
    pub fn new(
        config: &Arc<Config>,
        mechanism: Mechanism,
        rejected: &RejectedProbe,
        now: Now,
    ) -> Result<Self, AuthError> {
        let scheme = mechanism.http_scheme().ok_or(AuthError::NoMechanism)?;
        if !rejected.offers(mechanism) {
            return Err(AuthError::NotOffered(scheme));
        }
        if !rejected.is_valid(now) {
            return Err(AuthError::OutOfOrder { expected: "a request without credentials" });
        }
        let (config, probe) = (Arc::clone(config), rejected.probe);
        let transcript = mechanism.transcript().ok_or(AuthError::NoMechanism)?;
        Ok(Self { config, mechanism, probe, transcript })
    }

    /// The mechanism.
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Sends `credentials` to the server: the value of the client's `Authorization` after the scheme.
    ///
    /// # Errors
    /// If they name no user, or are out of order. Then they must not be sent to the server.
    pub fn send(mut self, credentials: &[u8]) -> Result<AwaitsResponse, AuthError> {
        self.transcript.client_token(&self.mechanism.read_http(credentials)?)?;
        let kept = self.mechanism.scope() == Scope::Request;
        let credentials = kept.then(|| Zeroizing::new(credentials.to_vec()));
        Ok(AwaitsResponse { attempt: self, credentials, is_authenticated: false })
    }
}

impl AwaitsResponse {
    /// Evaluates the server's response, received at `now`.
    pub fn on_response(mut self, response: &Response<'_>, now: Now) -> Outcome {
        let in_handshake = self.attempt.mechanism.scope() == Scope::Connection && !self.is_authenticated;
        match response.status {
            401 => match response.token.filter(|token| in_handshake && !token.is_empty()) {
                Some(token) if self.attempt.transcript.server_token(token) => Outcome::Continue(self.attempt),
                _ => Outcome::Rejected(AuthError::RejectedByPeer),
            },
            200..=399 | 404 | 405 | 406 | 411 | 415 if in_handshake => self.handshake_complete(response),
            _ if self.attempt.probe.is_executed(response) => self.accepted(now),
            // Statuses with which a gateway rejects the size or the syntax of credentials are not among these, nor
            // are server errors.
            200..=399 | 404 | 405 | 406 | 411 | 415 => Outcome::OtherProbe(OtherProbe(self)),
            _ => Outcome::Inconclusive,
        }
    }

    /// The server responded to a leg of a handshake with a status other than 401.
    fn handshake_complete(mut self, response: &Response<'_>) -> Outcome {
        if !self.attempt.transcript.may_be_accepted(response.token) {
            return Outcome::Rejected(AuthError::RejectedByPeer);
        }
        if !self.attempt.transcript.is_named() {
            // The server accepted a handshake without a user name, or a gateway responded that did not read it.
            return Outcome::Inconclusive;
        }
        self.is_authenticated = true;
        Outcome::Repeat(RepeatRequest(self))
    }

    fn accepted(self, now: Now) -> Outcome {
        let Self { attempt: AuthAttempt { config, mechanism, probe, transcript }, credentials, .. } = self;
        let Some(user) = transcript.into_user() else { return Outcome::Inconclusive };
        if user.expires.is_some_and(|expires| expires <= now.wall) {
            return Outcome::Rejected(AuthError::Expired);
        }
        Outcome::Accepted(CredentialsAccepted { user, config, mechanism, probe, credentials })
    }
}

impl CredentialsAccepted {
    /// Evaluates the response to the same request without credentials, on a new connection.
    ///
    /// # Errors
    /// If its status is not 401, or if there are no random numbers for a [`ControlRequest`].
    pub fn on_unauthenticated_response(
        self,
        response: &Response<'_>,
        now: Now,
        random: &mut dyn Random,
    ) -> Result<Checked, ProofError> {
        if !response.is_unauthorized() {
            return Err(ProofError::AcceptedWithoutCredentials(response.status));
        }
        if self.probe == Probe::Ping {
            return Ok(Checked::Authenticated(self.authenticated(now)));
        }
        let authorization = invalid_authorization(self.mechanism, random)?;
        Ok(Checked::Control(Box::new(ControlRequest { accepted: self, authorization })))
    }

    fn authenticated(self, now: Now) -> Authenticated {
        let Self { user, config, mechanism, probe, credentials } = self;
        let NamedUser { principal, key, source, expires } = user;
        let proven = Proven {
            principal,
            proof: Proof::PassThrough,
            level: ActingLevel::Impersonate,
            authority: config.authority.clone(),
            expiry: Expiry { credentials: expires, ..Expiry::after(config.lifetime, now) },
            session_key: None,
            status: None,
        };
        let context = SecurityContext::known_by(key.known_by(&source), proven, &config.contexts);
        Authenticated { context, probe, credentials: credentials.map(|kept| (mechanism, kept)) }
    }
}

impl ControlRequest {
    /// The value of the request's `Authorization`.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// Evaluates the server's response, received at `now`.
    ///
    /// # Errors
    /// If the server did not reject the request: with 401, or for a handshake's token with any status from 400, since
    /// the token is malformed too.
    pub fn on_response(self, response: &Response<'_>, now: Now) -> Result<Authenticated, ProofError> {
        let is_handshake = self.accepted.mechanism.scope() == Scope::Connection;
        if response.is_unauthorized() || (is_handshake && response.status >= 400) {
            Ok(self.accepted.authenticated(now))
        } else {
            Err(ProofError::AcceptedInvalidCredentials(response.status))
        }
    }
}

/// A value of `Authorization` with random credentials, which belong to no account.
fn invalid_authorization(
    mechanism: Mechanism,
    random: &mut dyn Random,
) -> Result<Zeroizing<String>, RandomError> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes)?;
    Ok(Zeroizing::new(http_auth::header(mechanism, &mechanism.invalid_token(&bytes))))
}

/// An authenticated user, with the credentials that the server accepted if each request carries them.
pub struct Authenticated {
    context: SecurityContext,
    probe: Probe,
    credentials: Option<(Mechanism, Zeroizing<Vec<u8>>)>,
}

impl Authenticated {
    /// The user's security context.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }

    /// The probe that the server executed.
    pub const fn probe(&self) -> Probe {
        self.probe
    }

    /// Whether `credentials` of `mechanism` are the accepted ones, so that a request with them is the same user's and
    /// needs no new proof.
    pub fn covers(&self, mechanism: Mechanism, credentials: &[u8]) -> bool {
        let known = self.credentials.as_ref().filter(|(known, _)| *known == mechanism);
        known.is_some_and(|(_, known)| known.as_slice().ct_eq(credentials).into())
    }
}

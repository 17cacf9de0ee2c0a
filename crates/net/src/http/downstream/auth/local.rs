//! Authentication of HTTP requests against local accounts: by a handshake on the connection, or by the credentials of
//! each request.

use std::net::SocketAddr;
use std::sync::Arc;

use http1::{RequestHead, ResponseHead};
use identity::http_auth::{self, Authorization};
use identity::{
    Acceptor, AcceptorConfig, AuthError, Channel, ChannelBindings, ClaimedName, ContextCounters, Mechanism,
    Scope, SecurityContext, Step,
};
use subtle::ConstantTimeEq as _;
use wire::Now;
use zeroize::Zeroizing;

use crate::http::downstream::auth::failure::AuthFailure;
use crate::http::downstream::auth::outcome::AuthOutcome;
use crate::http::downstream::auth::request::{Credentials, Env};

/// How the clients of a listener authenticate: against which accounts, and by which mechanisms.
#[derive(Clone)]
pub struct HttpAuthConfig {
    acceptor: Arc<AcceptorConfig>,
    mechanisms: Arc<[Mechanism]>,
    without_tls: bool,
}

impl std::fmt::Debug for HttpAuthConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpAuthConfig").field("mechanisms", &self.mechanisms).finish_non_exhaustive()
    }
}

impl HttpAuthConfig {
    /// Authentication by one of `mechanisms`, with the accounts and the policy of `acceptor`. `without_tls` also
    /// accepts mechanisms that send a reusable secret with each request, as Basic does, on connections without TLS.
    pub fn new(
        acceptor: Arc<AcceptorConfig>,
        mechanisms: impl IntoIterator<Item = Mechanism>,
        without_tls: bool,
    ) -> Self {
        let mut mechanisms: Vec<_> =
            mechanisms.into_iter().filter(|mechanism| mechanism.has_ends()).collect();
        mechanisms
            .sort_by_key(|one| Mechanism::ALL.iter().position(|other| other == one).unwrap_or(usize::MAX));
        Self { acceptor, mechanisms: mechanisms.into(), without_tls }
    }

    /// The security context of a client that is served without authentication.
    pub(crate) fn anonymous(&self) -> SecurityContext {
        SecurityContext::anonymous(self.contexts(), &self.acceptor.authority)
    }

    /// Counts the security contexts of clients.
    pub(crate) fn contexts(&self) -> &Arc<ContextCounters> {
        &self.acceptor.contexts
    }

    /// How many times security contexts of clients have been revoked.
    pub(crate) fn revocations(&self) -> u64 {
        self.contexts().revocations()
    }

    /// Whether a connection, which is within `tls` or not, may carry reusable secrets.
    pub(crate) const fn accepts_secrets(&self, tls: bool) -> bool {
        tls || self.without_tls
    }
}

/// The properties of a client connection that determine which mechanisms it accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionTraits {
    /// Whether it is within TLS.
    pub(crate) tls: bool,
    /// Whether a trusted reverse proxy sends the requests of several clients on it. A handshake authenticates a
    /// connection, and would authenticate all of them.
    pub(crate) shared: bool,
    /// The channel bindings of its TLS.
    pub(crate) bindings: Option<ChannelBindings>,
}

/// The authentication of one client connection.
///
/// A handshake authenticates the connection, and so each later request on it. Other mechanisms authenticate one
/// request.
pub(crate) struct ConnectionAuth {
    config: HttpAuthConfig,
    connection: ConnectionTraits,
    state: State,
    /// The credentials of a request that were verified last.
    verified: Option<VerifiedCredentials>,
}

/// Credentials that each request carries, and the context that they authenticate.
struct VerifiedCredentials {
    mechanism: Mechanism,
    credentials: Zeroizing<Vec<u8>>,
    context: SecurityContext,
}

impl VerifiedCredentials {
    /// The context, if these are the credentials of `authorization` and the context is still valid.
    fn context_of(&self, authorization: &Authorization<'_>, now: Now) -> Option<&SecurityContext> {
        let same = self.mechanism.is_scheme(authorization.scheme)
            && bool::from(self.credentials.as_slice().ct_eq(authorization.credentials));
        (same && self.context.check(|| now).is_ok()).then_some(&self.context)
    }
}

enum State {
    Unauthenticated,
    Handshake { acceptor: Box<dyn Acceptor>, mechanism: Mechanism, peer: SocketAddr },
    Authenticated { context: SecurityContext, peer: SocketAddr },
}

impl ConnectionAuth {
    /// The authentication of a new connection.
    pub(crate) fn new(config: &HttpAuthConfig, connection: ConnectionTraits) -> Self {
        Self { config: config.clone(), connection, state: State::Unauthenticated, verified: None }
    }

    fn accepts_mechanism(&self, mechanism: Mechanism) -> bool {
        let is_safe = match mechanism.scope() {
            Scope::Request => self.config.accepts_secrets(self.connection.tls),
            Scope::Connection => !self.connection.shared,
        };
        is_safe && self.config.mechanisms.contains(&mechanism)
    }

    /// The mechanism of a request's credentials, if it is known.
    fn mechanism(&self, authorization: &Authorization<'_>) -> Option<Mechanism> {
        authorization.among(&self.config.mechanisms).or_else(|| authorization.mechanism())
    }

    fn verified_context(&self, authorization: &Authorization<'_>, now: Now) -> Option<&SecurityContext> {
        self.verified.as_ref()?.context_of(authorization, now)
    }

    /// The context of a request of the client `peer` whose credentials were verified with an earlier request.
    pub(crate) fn authenticated(
        &self,
        head: &RequestHead,
        peer: SocketAddr,
        now: Now,
    ) -> Option<SecurityContext> {
        match (Credentials::of(head), &self.state) {
            (Credentials::One(value), _) => self.verified_context(&Authorization::read(value), now).cloned(),
            (Credentials::Absent, State::Authenticated { context, peer: bound }) if *bound == peer => {
                context.check(|| now).is_ok().then(|| context.clone())
            }
            _ => None,
        }
    }

    /// The account whose password the credentials of a request are to prove; `None` if there is nothing to verify.
    pub(crate) fn account_to_verify(&self, head: &RequestHead, now: Now) -> Option<ClaimedName> {
        let authorization = Credentials::of(head).authorization()?;
        let mechanism =
            self.mechanism(&authorization).filter(|mechanism| self.accepts_mechanism(*mechanism))?;
        if self.verified_context(&authorization, now).is_some() {
            return None;
        }
        ClaimedName::in_header(mechanism, authorization.credentials)
    }

    /// Verifies the credentials of a request of the client `peer`.
    pub(crate) fn step(&mut self, head: &RequestHead, peer: SocketAddr, env: &mut Env<'_>) -> AuthOutcome {
        let value = match Credentials::of(head) {
            Credentials::One(value) => value,
            Credentials::Absent => return self.step_without_credentials(peer, env.now),
            Credentials::Several => return AuthFailure::SeveralHeaders.into(),
        };
        let authorization = Authorization::read(value);
        let Some(mechanism) = self.mechanism(&authorization) else {
            return AuthFailure::UnknownScheme.into();
        };
        if !self.accepts_mechanism(mechanism) {
            return AuthFailure::SchemeNotAccepted(mechanism).into();
        }
        let outcome = match mechanism.scope() {
            Scope::Request => self.verify_request(mechanism, &authorization, env),
            Scope::Connection => self.continue_handshake(mechanism, &authorization, peer, env),
        };
        outcome.unwrap_or_else(|refusal| AuthFailure::from(refusal).into())
    }

    /// A request without credentials has the context of the connection.
    fn step_without_credentials(&mut self, peer: SocketAddr, now: Now) -> AuthOutcome {
        match &self.state {
            State::Authenticated { context, peer: bound } if *bound == peer => match context.check(|| now) {
                Ok(()) => AuthOutcome::Authenticated { context: context.clone(), fresh: false, token: None },
                Err(why) => AuthOutcome::ContextEnded(context.clone(), why),
            },
            _ => {
                self.state = State::Unauthenticated;
                AuthOutcome::NoCredentials
            }
        }
    }

    /// Verifies credentials that each request carries.
    fn verify_request(
        &mut self,
        mechanism: Mechanism,
        authorization: &Authorization<'_>,
        env: &mut Env<'_>,
    ) -> Result<AuthOutcome, AuthError> {
        if let Some(context) = self.verified_context(authorization, env.now) {
            return Ok(AuthOutcome::Authenticated { context: context.clone(), fresh: false, token: None });
        }
        let mut acceptor = self.acceptor(mechanism)?;
        match acceptor.step(&authorization.token(mechanism)?, env.now, env.random)? {
            Step::Done { token, context, .. } => {
                let credentials = Zeroizing::new(authorization.credentials.to_vec());
                self.verified =
                    Some(VerifiedCredentials { mechanism, credentials, context: context.clone() });
                let token = token.map(|token| http_auth::header(mechanism, &token));
                Ok(AuthOutcome::Authenticated { context, fresh: true, token })
            }
            Step::Continue(_) => Err(AuthError::OutOfOrder { expected: "complete credentials" }),
        }
    }

    /// Processes the next token of a handshake, or begins one.
    fn continue_handshake(
        &mut self,
        mechanism: Mechanism,
        authorization: &Authorization<'_>,
        peer: SocketAddr,
        env: &mut Env<'_>,
    ) -> Result<AuthOutcome, AuthError> {
        let state = std::mem::replace(&mut self.state, State::Unauthenticated);
        let token = authorization.token(mechanism)?;
        let mut acceptor = match state {
            State::Handshake { acceptor, mechanism: begun, peer: bound }
                if begun == mechanism && bound == peer =>
            {
                acceptor
            }
            _ => self.acceptor(mechanism)?,
        };
        Ok(match acceptor.step(&token, env.now, env.random)? {
            Step::Continue(token) => {
                self.state = State::Handshake { acceptor, mechanism, peer };
                AuthOutcome::Continue(http_auth::header(mechanism, &token))
            }
            Step::Done { token, context, .. } => {
                self.state = State::Authenticated { context: context.clone(), peer };
                let token = token.map(|token| http_auth::header(mechanism, &token));
                AuthOutcome::Authenticated { context, fresh: true, token }
            }
        })
    }

    fn acceptor(&self, mechanism: Mechanism) -> Result<Box<dyn Acceptor>, AuthError> {
        mechanism.acceptor(&self.config.acceptor, Channel::http(self.connection.bindings))
    }

    /// Adds the challenges of the accepted mechanisms to `head`.
    pub(crate) fn add_challenges(&self, head: &mut ResponseHead) {
        let accepted = self.config.mechanisms.iter().filter(|mechanism| self.accepts_mechanism(**mechanism));
        for challenge in accepted.filter_map(|mechanism| mechanism.http_challenge()) {
            head.fields.push("WWW-Authenticate", challenge);
        }
    }
}

//! Authentication of clients: by the credentials of a request (Basic), or by a handshake on the connection (NTLM,
//! Negotiate).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::header::{AUTHORIZATION, HeaderMap};
use identity::http_auth::{self, Authorization};
use identity::{
    Acceptor, AcceptorConfig, AuthError, Channel, ChannelBindings, Mechanism, OsRandom, Scope,
    SecurityContext, Step,
};

/// How the clients of a listener authenticate.
#[derive(Clone)]
pub(super) struct AuthConfig {
    pub(super) acceptor: Arc<AcceptorConfig>,
    /// The mechanisms, in the order in which they are offered.
    pub(super) mechanisms: Vec<Mechanism>,
    /// The channel bindings of the connections; `None` without TLS.
    pub(super) bindings: Option<ChannelBindings>,
}

impl AuthConfig {
    /// All mechanisms that are implemented; Basic only if `basic`.
    pub(super) fn new(acceptor: Arc<AcceptorConfig>, bindings: Option<ChannelBindings>, basic: bool) -> Self {
        let mechanisms = Mechanism::ALL.into_iter();
        let mechanisms = mechanisms.filter(|one| one.has_ends() && (basic || *one != Mechanism::BASIC));
        Self { acceptor, mechanisms: mechanisms.collect(), bindings }
    }

    /// The values of `WWW-Authenticate` in a refusal, one for each mechanism (RFC 9110 11.6.1).
    pub(super) fn challenges(&self) -> impl Iterator<Item = &'static str> {
        self.mechanisms.iter().filter_map(|mechanism| mechanism.http_challenge())
    }
}

/// The authentication of one connection.
pub(super) struct ConnectionAuth {
    config: AuthConfig,
    state: Mutex<State>,
}

enum State {
    Unauthenticated,
    Handshake(Mechanism, Box<dyn Acceptor>),
    /// The connection is that of this user.
    Authenticated(SecurityContext),
}

/// The outcome for one request.
pub(super) enum Outcome {
    /// The request is that of this user. The token, if there is one, is sent with the response.
    Authenticated(SecurityContext, Option<String>),
    /// The handshake continues with this challenge.
    Continue(String),
    /// The client must authenticate.
    Refused(Option<AuthError>),
}

impl ConnectionAuth {
    pub(super) fn new(config: AuthConfig) -> Self {
        Self { config, state: Mutex::new(State::Unauthenticated) }
    }

    pub(super) const fn config(&self) -> &AuthConfig {
        &self.config
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Authenticates a request with these headers.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Outcome {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => self.by_connection(),
            (Some(value), None) => {
                let authorization = Authorization::read(value.as_bytes());
                match self.by_credentials(&authorization) {
                    Ok(outcome) => outcome,
                    Err(error) => Outcome::Refused(Some(error)),
                }
            }
            (Some(_), Some(_)) => Outcome::Refused(None),
        }
    }

    fn by_connection(&self) -> Outcome {
        let mut state = self.lock();
        match &*state {
            State::Authenticated(context) if context.check(net::clock::now).is_ok() => {
                Outcome::Authenticated(context.clone(), None)
            }
            _ => {
                *state = State::Unauthenticated;
                Outcome::Refused(None)
            }
        }
    }

    fn by_credentials(&self, authorization: &Authorization<'_>) -> Result<Outcome, AuthError> {
        let mechanism = authorization.among(&self.config.mechanisms).ok_or(AuthError::NoMechanism)?;
        let acceptor = || mechanism.acceptor(&self.config.acceptor, Channel::http(self.config.bindings));
        if mechanism.scope() == Scope::Request {
            let step =
                acceptor()?.step(&authorization.token(mechanism)?, net::clock::now(), &mut OsRandom)?;
            return match step {
                Step::Done { token, context, .. } => {
                    let token = token.map(|token| http_auth::header(mechanism, &token));
                    Ok(Outcome::Authenticated(context, token))
                }
                Step::Continue(_) => Err(AuthError::OutOfOrder { expected: "complete credentials" }),
            };
        }
        let mut state = self.lock();
        let begun = std::mem::replace(&mut *state, State::Unauthenticated);
        let token = authorization.token(mechanism)?;
        let mut acceptor = match begun {
            State::Handshake(of, acceptor) if of == mechanism => acceptor,
            _ => acceptor()?,
        };
        match acceptor.step(&token, net::clock::now(), &mut OsRandom)? {
            Step::Continue(token) => {
                *state = State::Handshake(mechanism, acceptor);
                Ok(Outcome::Continue(http_auth::header(mechanism, &token)))
            }
            Step::Done { token, context, .. } => {
                *state = State::Authenticated(context.clone());
                let token = token.map(|token| http_auth::header(mechanism, &token));
                Ok(Outcome::Authenticated(context, token))
            }
        }
    }
}

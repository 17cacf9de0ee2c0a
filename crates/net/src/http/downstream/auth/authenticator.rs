//! Authenticates the requests of one client connection, by local accounts or by pass-through, with a back-off.

use std::net::SocketAddr;
use std::sync::Arc;

use http1::{RequestHead, ResponseHead};
use identity::{ClaimedName, SecurityContext, pass_through};
use wire::Now;

use crate::auth_limit::{Attempt, AuthLimiter};
use crate::error_chain::ErrorChain;
use crate::http::downstream::auth::failure::{AuthFailure, FailureResponse};
use crate::http::downstream::auth::local::{ConnectionAuth, ConnectionTraits, HttpAuthConfig};
use crate::http::downstream::auth::outcome::AuthOutcome;
use crate::http::downstream::auth::request::{AuthRequest, Env};
use crate::http::downstream::respond;
use crate::http::pass_through::authenticator::{ExpectedConnection, PassThroughAuth};
use crate::http::pass_through::pending::{ConnectionUse, PendingProbe, Step};
use crate::http::pass_through::response::ProbeResult;
use crate::http::pass_through::step;
use crate::upstream_error::{UpstreamAuthError, UpstreamError};

/// The text of a response that asks the client to authenticate.
const AUTHENTICATE: &str = "sign in\n";

/// Authenticates the requests of one client connection.
pub(crate) struct Authenticator {
    config: HttpAuthConfig,
    method: Method,
    /// The context of anonymous requests, created with the first of them.
    anonymous: Option<SecurityContext>,
    /// The attempt to authenticate that the current request makes.
    attempt: Option<Attempt>,
}

/// Where credentials are verified.
enum Method {
    /// In the proxy, against its accounts.
    Local(ConnectionAuth),
    /// By the server.
    PassThrough(PassThroughAuth),
}

impl Authenticator {
    /// The authenticator of a new connection. With `pass_through`, the server verifies the clients' credentials.
    pub(crate) fn new(
        config: &HttpAuthConfig,
        pass_through: Option<&Arc<pass_through::Config>>,
        connection: ConnectionTraits,
    ) -> Self {
        let method = match pass_through {
            None => Method::Local(ConnectionAuth::new(config, connection)),
            Some(pass_through) => {
                let accepts_secrets = config.accepts_secrets(connection.tls);
                Method::PassThrough(PassThroughAuth::new(pass_through, accepts_secrets, connection.shared))
            }
        };
        Self { config: config.clone(), method, anonymous: None, attempt: None }
    }

    /// Whether the server verifies the clients' credentials.
    pub(crate) const fn is_pass_through(&self) -> bool {
        matches!(self.method, Method::PassThrough(_))
    }

    /// The context of a request of the client `peer` whose credentials were verified with an earlier request.
    pub(crate) fn authenticated(
        &self,
        head: &RequestHead,
        peer: SocketAddr,
        now: Now,
    ) -> Option<SecurityContext> {
        match &self.method {
            Method::Local(connection) => connection.authenticated(head, peer, now),
            Method::PassThrough(_) => None,
        }
    }

    /// The state in which the upstream connection has to be for `begin`, if that matters.
    pub(crate) const fn expected_connection(&self) -> Option<ExpectedConnection<'_>> {
        match &self.method {
            Method::Local(_) => None,
            Method::PassThrough(pass_through) => pass_through.expected_connection(),
        }
    }

    /// The account whose password the credentials of a request are to prove; `None` if there is nothing to verify.
    pub(crate) fn account_to_verify(&self, request: &AuthRequest<'_>, now: Now) -> Option<ClaimedName> {
        match &self.method {
            Method::Local(connection) => connection.account_to_verify(request.head, now),
            Method::PassThrough(pass_through) => {
                pass_through.account_to_verify(request.head, request.rules.mapi, now)
            }
        }
    }

    /// Begins to authenticate a request, which makes an `attempt` if there is an `account_to_verify`. `as_expected`
    /// says whether the upstream connection is in the state that `expected_connection` names.
    pub(crate) fn begin(
        &mut self,
        request: &AuthRequest<'_>,
        attempt: Option<Attempt>,
        as_expected: bool,
        limit: &AuthLimiter,
        env: &mut Env<'_>,
    ) -> Step {
        self.attempt = attempt;
        let step = match &mut self.method {
            Method::Local(connection) => {
                Step::Done(connection.step(request.head, request.peer, env), ConnectionUse::Keep)
            }
            Method::PassThrough(pass_through) => step::begin(pass_through, request, as_expected, env.now),
        };
        self.conclude(step, request, limit, env)
    }

    /// Continues with the response to the probe that `begin` or `resume` returned with `pending`.
    pub(crate) fn resume(
        &mut self,
        pending: PendingProbe,
        response: ProbeResult,
        request: &AuthRequest<'_>,
        limit: &AuthLimiter,
        env: &mut Env<'_>,
    ) -> Step {
        let step = match &mut self.method {
            Method::PassThrough(pass_through) => step::resume(pass_through, pending, response, request, env),
            Method::Local(_) => Step::Done(AuthOutcome::NoCredentials, ConnectionUse::Keep),
        };
        self.conclude(step, request, limit, env)
    }

    /// Counts the outcome for the back-off, and admits requests without credentials that are served without.
    fn conclude(
        &mut self,
        step: Step,
        request: &AuthRequest<'_>,
        limit: &AuthLimiter,
        env: &Env<'_>,
    ) -> Step {
        let Step::Done(outcome, connection) = step else { return step };
        let attempt = self.attempt.take();
        count(limit, &outcome, attempt, request.peer, self.is_pass_through(), env);
        let outcome = match outcome {
            AuthOutcome::NoCredentials if request.rules.may_be_anonymous => {
                AuthOutcome::Anonymous(self.anonymous.get_or_insert_with(|| self.config.anonymous()).clone())
            }
            outcome => outcome,
        };
        Step::Done(outcome, connection)
    }

    /// Appends the response to a request that `outcome` does not admit.
    pub(crate) fn respond(&self, out: &mut Vec<u8>, request: &RequestHead, outcome: &AuthOutcome) {
        let failure = match outcome {
            AuthOutcome::Failed(failure) => failure.response(),
            AuthOutcome::Continue(token) => {
                return respond::to(out, request, 401, AUTHENTICATE, |head| {
                    head.fields.push("WWW-Authenticate", token.clone());
                });
            }
            _ => FailureResponse::Challenge,
        };
        match failure {
            FailureResponse::Challenge => self.challenge(out, request),
            FailureResponse::Status(status) => {
                respond::to(out, request, status, "authentication is not possible at present\n", |_| ());
            }
            FailureResponse::UpstreamFailed(why) => respond::upstream_failed(out, request, why),
            FailureResponse::RetryAfter(throttled) => {
                let status = if throttled.is_busy() { 503 } else { 429 };
                let seconds = throttled.retry_after.as_secs().saturating_add(1);
                let text = format!(
                    "{throttled}: try again in {seconds} s\n
"
                );
                respond::to(out, request, status, &text, |head| {
                    head.fields.push("Retry-After", seconds.to_string());
                });
            }
        }
    }

    /// Appends a response that asks the client to authenticate.
    pub(crate) fn challenge(&self, out: &mut Vec<u8>, request: &RequestHead) {
        respond::to(out, request, 401, AUTHENTICATE, |head| self.add_challenges(head));
    }

    fn add_challenges(&self, head: &mut ResponseHead) {
        match &self.method {
            Method::Local(connection) => connection.add_challenges(head),
            Method::PassThrough(pass_through) => pass_through.add_challenges(head),
        }
    }

    /// Succeeds if another upstream connection may be opened for `context`.
    ///
    /// # Errors
    /// If a handshake authenticated `context` on the connection that was closed. Only the client can authenticate a new
    /// one.
    pub(crate) fn check_reconnect(&mut self, context: &SecurityContext) -> Result<(), UpstreamError> {
        if let Method::PassThrough(pass_through) = &mut self.method
            && pass_through.is_pinned(context)
        {
            pass_through.end_authentication(None);
            let why = "the server closed the connection that the client had signed in on";
            return Err(UpstreamAuthError::client_must_authenticate(why).into());
        }
        Ok(())
    }

    /// The server responded to a request with 401. With pass-through authentication, the client has to authenticate
    /// again.
    pub(crate) fn rejected_by_server(&mut self, head: &ResponseHead) -> Option<UpstreamError> {
        let Method::PassThrough(pass_through) = &mut self.method else { return None };
        pass_through.end_authentication(Some(&head.fields));
        let why = "the server requires the client to authenticate again";
        Some(UpstreamAuthError::client_must_authenticate(why).into())
    }
}

/// Counts an outcome for the back-off. Without an `attempt`, the credentials claim no account.
fn count(
    limit: &AuthLimiter,
    outcome: &AuthOutcome,
    attempt: Option<Attempt>,
    peer: SocketAddr,
    is_pass_through: bool,
    env: &Env<'_>,
) {
    let now = env.instant;
    let failure = match (outcome, attempt) {
        (AuthOutcome::Failed(failure), Some(attempt)) => {
            let why = ErrorChain(failure);
            return match failure.response() {
                FailureResponse::Challenge => attempt.failed(why, now),
                // Credentials that did not reach the server are not a guess at a password.
                _ if matches!(failure, AuthFailure::NoAuthenticationRequired) => attempt.unsent(why, now),
                FailureResponse::Status(_) => attempt.unproven(why, now),
                FailureResponse::UpstreamFailed(error) if !error.is_outage() => attempt.unproven(why, now),
                FailureResponse::UpstreamFailed(_) | FailureResponse::RetryAfter(_) => attempt.release(now),
            };
        }
        (AuthOutcome::Authenticated { context, fresh: true, .. }, Some(attempt)) => {
            return attempt.succeeded(context.principal(), now);
        }
        (AuthOutcome::Continue(_), Some(attempt)) if is_pass_through => {
            return attempt.unproven("the server continued the handshake after the client's name", now);
        }
        (_, Some(attempt)) => return attempt.release(now),
        (AuthOutcome::Failed(failure), None) => failure,
        (_, None) => return,
    };
    let why = ErrorChain(failure);
    match failure.response() {
        FailureResponse::Challenge | FailureResponse::Status(_) => limit.failed_unnamed(peer, why, now),
        FailureResponse::UpstreamFailed(error) if !error.is_outage() => {
            limit.failed_unnamed(peer, why, now);
        }
        FailureResponse::UpstreamFailed(_) | FailureResponse::RetryAfter(_) => {}
    }
}

//! The verification of a client's credentials with a protected resource.

use std::sync::Arc;

use identity::pass_through::{
    AuthAttempt, Authenticated, AwaitsResponse, Checked, CredentialsAccepted, OtherProbe, Outcome, ProofError,
};
use identity::{AuthError, Scope, http_auth};

use crate::http::downstream::auth::failure::AuthFailure;
use crate::http::downstream::auth::outcome::AuthOutcome;
use crate::http::downstream::auth::request::{AuthRequest, Credentials, Env};
use crate::http::pass_through::authenticator::{PassThroughAuth, State, probe_covers};
use crate::http::pass_through::pending::{
    ConnectionUse, PendingProbe, ProbeConnection, ProbeRequest, Purpose, Step, Verification,
};
use crate::http::pass_through::protected::ProtectedResource;
use crate::http::pass_through::response::ProbeResponse;
use crate::http::pass_through::search::search;
use crate::upstream_error::UpstreamError;

/// Sends the client's credentials about `resource`: the first ones of an attempt, or the next token of a handshake.
///
/// # Errors
/// If they name no user or are out of order. Then they are not sent to the server.
pub(super) fn send_credentials(
    sign_in: AuthAttempt,
    resource: Arc<ProtectedResource>,
    first: bool,
    request: &AuthRequest<'_>,
) -> Result<Step, AuthFailure> {
    let mechanism = sign_in.mechanism();
    let (Credentials::One(value), Some(authorization)) =
        (Credentials::of(request.head), Credentials::of(request.head).authorization())
    else {
        return Err(AuthFailure::SeveralHeaders);
    };
    let sent = sign_in.send(authorization.credentials)?;
    let connection = if first { ProbeConnection::Unauthenticated } else { ProbeConnection::Current };
    let verification = Box::new(Verification { mechanism, resource, token: None, persistent: true });
    let in_handshake = mechanism.scope() == Scope::Connection;
    let head = head(&verification, request, Some(value))?;
    let pending = PendingProbe::Credentials { sent, verification, first };
    Ok(Step::Probe(Box::new(ProbeRequest { connection, head, in_handshake }), pending))
}

/// The head of the probe of `verification`, with `authorization`.
fn head(
    verification: &Verification,
    request: &AuthRequest<'_>,
    authorization: Option<&[u8]>,
) -> Result<http1::RequestHead, AuthFailure> {
    let head = verification.resource.probe.head(request, authorization);
    head.ok_or_else(|| UpstreamError::protocol("probe cannot be written as a request").into())
}

/// A probe of `verification` on `connection`, with `authorization`.
fn probe(
    verification: &Verification,
    request: &AuthRequest<'_>,
    connection: ProbeConnection,
    authorization: Option<&[u8]>,
) -> Result<Box<ProbeRequest>, AuthFailure> {
    let head = head(verification, request, authorization)?;
    Ok(Box::new(ProbeRequest { connection, head, in_handshake: false }))
}

impl Verification {
    /// Takes the response to the client's credentials.
    pub(super) fn credentials_response(
        mut self: Box<Self>,
        sent: AwaitsResponse,
        response: &ProbeResponse,
        auth: &mut PassThroughAuth,
        request: &AuthRequest<'_>,
        env: &Env<'_>,
    ) -> Result<Step, AuthFailure> {
        self.token = response.token(self.mechanism);
        let outcome = sent.on_response(&response.evidence(self.token.as_deref()), env.now);
        self.advance(outcome, response, auth, request)
    }

    /// Takes the response to a probe on an authenticated connection, or to the credentials for another resource.
    pub(super) fn confirmed(
        self: Box<Self>,
        sent: AwaitsResponse,
        response: &ProbeResponse,
        auth: &mut PassThroughAuth,
        request: &AuthRequest<'_>,
        env: &Env<'_>,
    ) -> Result<Step, AuthFailure> {
        let outcome = sent.on_response(&response.evidence(None), env.now);
        self.advance(outcome, response, auth, request)
    }

    /// Continues with the `outcome` that `response` shows.
    fn advance(
        mut self: Box<Self>,
        outcome: Outcome,
        response: &ProbeResponse,
        auth: &mut PassThroughAuth,
        request: &AuthRequest<'_>,
    ) -> Result<Step, AuthFailure> {
        let mechanism = self.mechanism;
        self.persistent = response.persistent;
        match outcome {
            Outcome::Continue(sign_in) if self.persistent => {
                let token = self.token.take().map(|token| http_auth::header(mechanism, &token));
                auth.state = State::Handshake(Box::new(sign_in), self.resource);
                Ok(Step::Done(AuthOutcome::Continue(token.unwrap_or_default()), ConnectionUse::Keep))
            }
            Outcome::Repeat(again) if self.persistent => {
                // The handshake authenticated the connection, so that the probe needs no credentials.
                let probe = probe(&self, request, ProbeConnection::Current, None)?;
                Ok(Step::Probe(probe, PendingProbe::Confirmation { sent: again.send(), verification: self }))
            }
            Outcome::Continue(_) | Outcome::Repeat(_) => Err(AuthFailure::ConnectionNotPersistent(mechanism)),
            Outcome::OtherProbe(inconclusive) => {
                let tried = self.resource.tried;
                search(request, tried, Purpose::Verify { inconclusive, verification: self })
            }
            Outcome::Accepted(taken) => {
                let probe = probe(&self, request, ProbeConnection::Separate, None)?;
                Ok(Step::Probe(probe, PendingProbe::WithoutCredentials { taken, verification: self }))
            }
            Outcome::Rejected(AuthError::RejectedByPeer) => Err(AuthFailure::RejectedByServer(mechanism)),
            Outcome::Rejected(refusal) => Err(refusal.into()),
            Outcome::Inconclusive => {
                Err(AuthFailure::UnexpectedStatus { mechanism, status: response.head.status() })
            }
        }
    }

    /// Continues with another `resource`, after the response about an earlier one was inconclusive.
    pub(super) fn continue_with(
        mut self: Box<Self>,
        inconclusive: OtherProbe,
        resource: Arc<ProtectedResource>,
        request: &AuthRequest<'_>,
    ) -> Result<Step, AuthFailure> {
        let scope = self.mechanism.scope();
        let connection = match (self.persistent, scope) {
            (true, _) => ProbeConnection::Current,
            (false, Scope::Request) => ProbeConnection::Unauthenticated,
            (false, Scope::Connection) => return Err(AuthFailure::ConnectionNotPersistent(self.mechanism)),
        };
        self.resource = resource;
        let sent = inconclusive.with_probe(&self.resource.rejection)?;
        let authorization = match Credentials::of(request.head) {
            Credentials::One(value) if scope == Scope::Request => Some(value),
            _ => None,
        };
        let probe = probe(&self, request, connection, authorization)?;
        Ok(Step::Probe(probe, PendingProbe::Confirmation { sent, verification: self }))
    }

    /// Takes the response to a probe without credentials, which has to be rejected.
    pub(super) fn rejected_without(
        self: Box<Self>,
        taken: CredentialsAccepted,
        response: &ProbeResponse,
        auth: &mut PassThroughAuth,
        request: &AuthRequest<'_>,
        env: &mut Env<'_>,
    ) -> Result<Step, AuthFailure> {
        match taken.on_unauthenticated_response(&response.evidence(None), env.now, env.random)? {
            Checked::Authenticated(accepted) => self.accept(accepted, auth, request),
            Checked::Control(control) => {
                let authorization = Some(control.authorization().as_bytes());
                let probe = probe(&self, request, ProbeConnection::Separate, authorization)?;
                Ok(Step::Probe(probe, PendingProbe::RandomCredentials { control, verification: self }))
            }
        }
    }

    /// The credentials are verified: authenticates their client for `request`.
    pub(super) fn accept(
        self,
        accepted: Authenticated,
        auth: &mut PassThroughAuth,
        request: &AuthRequest<'_>,
    ) -> Result<Step, AuthFailure> {
        // Whatever request the attempt began with, this one is admitted only with the proof that it requires.
        if !probe_covers(accepted.probe(), request.rules.mapi) {
            return Err(ProofError::NotMapiHttp.into());
        }
        let context = accepted.context().clone();
        match (self.mechanism.scope(), self.persistent) {
            (Scope::Connection, true) => {
                auth.state = State::Authenticated(context.clone(), accepted.probe());
            }
            (Scope::Connection, false) => return Err(AuthFailure::ConnectionNotPersistent(self.mechanism)),
            (Scope::Request, _) => auth.accepted = Some(accepted),
        }
        let token = self.token.map(|token| http_auth::header(self.mechanism, &token));
        let connection = if self.persistent { ConnectionUse::Own } else { ConnectionUse::Close };
        Ok(Step::Done(AuthOutcome::Authenticated { context, fresh: true, token }, connection))
    }
}

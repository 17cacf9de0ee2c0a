//! The state machine of pass-through authentication: [`begin`] with each request, and [`resume`] with the response to
//! each probe, up to [`Step::Done`].

use std::mem;
use std::sync::Arc;

use identity::Mechanism;
use identity::http_auth::Authorization;
use identity::pass_through::AuthAttempt;
use wire::Now;

use crate::http::downstream::auth::failure::AuthFailure;
use crate::http::downstream::auth::outcome::AuthOutcome;
use crate::http::downstream::auth::request::{AuthRequest, Credentials, Env};
use crate::http::pass_through::authenticator::{PassThroughAuth, State, probe_covers};
use crate::http::pass_through::challenges::Challenges;
use crate::http::pass_through::pending::{ConnectionUse, PendingProbe, Purpose, Step};
use crate::http::pass_through::protected::ProtectedResource;
use crate::http::pass_through::response::ProbeResult;
use crate::http::pass_through::search::{Found, challenge, known_resource, search};
use crate::http::pass_through::verify::send_credentials;

/// Begins to authenticate a request. `as_expected` says whether the upstream connection is in the state that
/// [`PassThroughAuth::expected_connection`] names.
pub(crate) fn begin(
    auth: &mut PassThroughAuth,
    request: &AuthRequest<'_>,
    as_expected: bool,
    now: Now,
) -> Step {
    auth.latest = None;
    let step = match Credentials::of(request.head) {
        Credentials::Absent => without_credentials(auth, request, as_expected, now),
        Credentials::One(value) => {
            with_credentials(auth, &Authorization::read(value), request, as_expected, now)
        }
        Credentials::Several => reject(auth, request, AuthFailure::SeveralHeaders, now),
    };
    conclude(auth, step)
}

/// Continues with the response to a probe.
pub(crate) fn resume(
    auth: &mut PassThroughAuth,
    pending: PendingProbe,
    response: ProbeResult,
    request: &AuthRequest<'_>,
    env: &mut Env<'_>,
) -> Step {
    let step = advance(auth, pending, response, request, env);
    conclude(auth, step)
}

/// Turns a failure into an outcome, and remembers whose request it was.
fn conclude(auth: &mut PassThroughAuth, step: Result<Step, AuthFailure>) -> Step {
    let step = step.unwrap_or_else(|failure| {
        auth.state = State::Unauthenticated;
        if matches!(failure, AuthFailure::Inconclusive(_)) {
            // The server no longer responds as it did when the resources were found.
            auth.resources.clear();
        }
        Step::Done(failure.into(), ConnectionUse::Close)
    });
    if let Step::Done(AuthOutcome::Authenticated { context, .. }, _) = &step {
        auth.latest = Some(context.clone());
    }
    step
}

/// Ends a handshake, or the authentication of the upstream connection. Returns what becomes of the connection.
fn reset(auth: &mut PassThroughAuth) -> ConnectionUse {
    match mem::replace(&mut auth.state, State::Unauthenticated) {
        State::Unauthenticated => ConnectionUse::Keep,
        State::Handshake(..) | State::Authenticated(..) => ConnectionUse::Close,
    }
}

/// Rejects credentials because of `failure`, with a challenge.
fn reject(
    auth: &mut PassThroughAuth,
    request: &AuthRequest<'_>,
    failure: AuthFailure,
    now: Now,
) -> Result<Step, AuthFailure> {
    auth.state = State::Unauthenticated;
    challenge(auth, request, failure.into(), ConnectionUse::Close, now)
}

fn without_credentials(
    auth: &mut PassThroughAuth,
    request: &AuthRequest<'_>,
    as_expected: bool,
    now: Now,
) -> Result<Step, AuthFailure> {
    if let State::Authenticated(context, kind) = &auth.state
        && as_expected
        && probe_covers(*kind, request.rules.mapi)
        && context.check(|| now).is_ok()
    {
        let outcome = AuthOutcome::Authenticated { context: context.clone(), fresh: false, token: None };
        return Ok(Step::Done(outcome, ConnectionUse::Keep));
    }
    let connection = reset(auth);
    if request.rules.may_be_anonymous {
        return Ok(Step::Done(AuthOutcome::NoCredentials, connection));
    }
    challenge(auth, request, AuthOutcome::NoCredentials, connection, now)
}

fn with_credentials(
    auth: &mut PassThroughAuth,
    authorization: &Authorization<'_>,
    request: &AuthRequest<'_>,
    as_expected: bool,
    now: Now,
) -> Result<Step, AuthFailure> {
    let Some(mechanism) = authorization.mechanism() else {
        return reject(auth, request, AuthFailure::UnknownScheme, now);
    };
    if !auth.accepts_mechanism(mechanism) {
        return reject(auth, request, AuthFailure::SchemeNotAccepted(mechanism), now);
    }
    let accepted = auth.accepted_context(mechanism, authorization.credentials, request.rules.mapi, now);
    if let Some(context) = accepted.cloned() {
        let outcome = AuthOutcome::Authenticated { context, fresh: false, token: None };
        return Ok(Step::Done(outcome, reset(auth)));
    }
    match mem::replace(&mut auth.state, State::Unauthenticated) {
        State::Handshake(sign_in, resource) if sign_in.mechanism() == mechanism => {
            if !as_expected {
                return reject(auth, request, AuthFailure::ClosedInHandshake, now);
            }
            if !probe_covers(resource.probe.kind(), request.rules.mapi) {
                return reject(auth, request, AuthFailure::BegunForOtherRequest, now);
            }
            send_credentials(*sign_in, resource, false, request)
        }
        State::Unauthenticated | State::Handshake(..) | State::Authenticated(..) => {
            match known_resource(auth, request, now) {
                Some(resource) => begin_attempt(auth, resource, mechanism, None, request, now),
                None => search(request, 0, Purpose::Attempt { mechanism, offered: None }),
            }
        }
    }
}

/// Begins an attempt by `mechanism` with `resource`, or with a later candidate, if the server does not offer the
/// mechanism for it. `offered` are the challenges of the first resource that was found.
fn begin_attempt(
    auth: &PassThroughAuth,
    resource: Arc<ProtectedResource>,
    mechanism: Mechanism,
    offered: Option<Challenges>,
    request: &AuthRequest<'_>,
    now: Now,
) -> Result<Step, AuthFailure> {
    if !resource.offers(mechanism, now) {
        let offered = offered.unwrap_or_else(|| resource.challenges.clone());
        return search(request, resource.tried, Purpose::Attempt { mechanism, offered: Some(offered) });
    }
    let sign_in = AuthAttempt::new(&auth.config, mechanism, &resource.rejection, now)?;
    send_credentials(sign_in, resource, true, request)
}

/// Takes the response to a probe.
fn advance(
    auth: &mut PassThroughAuth,
    pending: PendingProbe,
    response: ProbeResult,
    request: &AuthRequest<'_>,
    env: &mut Env<'_>,
) -> Result<Step, AuthFailure> {
    let response = match response {
        Ok(response) => response,
        // Only the client can begin another handshake, on another connection.
        Err(error) if error.closed && matches!(pending, PendingProbe::Credentials { first: false, .. }) => {
            return reject(auth, request, AuthFailure::ClosedInHandshake, env.now);
        }
        Err(error) => return Err(error.why.into()),
    };
    match pending {
        PendingProbe::Search(search) => match search.resume(auth, &response, request, env.now)? {
            Found::Next(step) => Ok(step),
            Found::Protected(resource, purpose) => found(auth, resource, purpose, request, env.now),
        },
        PendingProbe::Credentials { sent, verification, .. } => {
            verification.credentials_response(sent, &response, auth, request, env)
        }
        PendingProbe::Confirmation { sent, verification } => {
            verification.confirmed(sent, &response, auth, request, env)
        }
        PendingProbe::WithoutCredentials { taken, verification } => {
            verification.rejected_without(taken, &response, auth, request, env)
        }
        PendingProbe::RandomCredentials { control, verification } => {
            verification.accept(control.on_response(&response.evidence(None), env.now)?, auth, request)
        }
    }
}

/// Continues with a protected `resource` that was found for `purpose`.
fn found(
    auth: &PassThroughAuth,
    resource: Arc<ProtectedResource>,
    purpose: Purpose,
    request: &AuthRequest<'_>,
    now: Now,
) -> Result<Step, AuthFailure> {
    match purpose {
        Purpose::Challenge(outcome) => Ok(Step::Done(outcome, ConnectionUse::Keep)),
        Purpose::Attempt { mechanism, offered } => {
            begin_attempt(auth, resource, mechanism, offered, request, now)
        }
        Purpose::Verify { inconclusive, verification } if resource.offers(verification.mechanism, now) => {
            verification.continue_with(inconclusive, resource, request)
        }
        purpose @ Purpose::Verify { .. } => search(request, resource.tried, purpose),
    }
}

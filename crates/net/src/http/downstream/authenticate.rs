//! Authenticates each request of a client connection: performs the I/O for its [`Authenticator`], reports the outcome,
//! and writes the response to a request that is not admitted.

use std::net::SocketAddr;
use std::sync::Arc;

use http1::{Framing, RequestHead};
use identity::{OsRandom, SecurityContext};

use crate::auth_limit::{Attempt, Throttled};
use crate::clock;
use crate::gate::FailedRequest;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::auth::authenticator::Authenticator;
use crate::http::downstream::auth::failure::{AuthFailure, FailureResponse};
use crate::http::downstream::auth::outcome::AuthOutcome;
use crate::http::downstream::auth::request::{AuthRequest, Env};
use crate::http::downstream::connection::{AtShutdown, Downstream, WaitLimits};
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::downstream::request_rules::RequestRules;
use crate::http::downstream::respond;
use crate::http::pass_through::pending::{ConnectionUse, Step};
use crate::http::pass_through::transport;
use crate::http::server_only::Cookies;
use crate::http::upstream::connection::UpstreamSlot;
use crate::tcp::connection_limit::ConnectionLimit;

/// The result of authenticating a request.
pub(crate) enum Authentication {
    /// The request is admitted.
    Admitted(RequestContext),
    /// The proxy responded to the request itself. Contains whether the connection stays open.
    Responded(KeepAlive),
}

/// Authenticates the request with this `head`, to whose service `rules` apply.
pub(crate) async fn authenticate(
    authenticator: &mut Authenticator,
    downstream: &mut Downstream,
    upstream: &mut UpstreamSlot,
    head: Box<RequestHead>,
    rules: RequestRules,
) -> Result<Authentication, ConnectionError> {
    let peer = downstream.config.trusted_proxies.client(downstream.peer, &head.fields);
    if let Some(context) = authenticator.authenticated(&head, peer, clock::now()) {
        if let Err(limit) = downstream.set_client(&context) {
            return Ok(Authentication::Responded(refuse_connection(
                downstream,
                head,
                (peer, &context),
                limit,
            )));
        }
        return Ok(admitted(authenticator, context, None, head, peer, rules));
    }
    Box::pin(verify(authenticator, downstream, upstream, head, peer, rules)).await
}

fn admitted(
    authenticator: &Authenticator,
    context: SecurityContext,
    token: Option<String>,
    head: Box<RequestHead>,
    peer: SocketAddr,
    rules: RequestRules,
) -> Authentication {
    let cookies = if rules.mapi {
        Cookies::OfSession
    } else if authenticator.is_pass_through() && !context.is_anonymous() {
        Cookies::OfClient
    } else {
        Cookies::None
    };
    let is_head = head.method() == "HEAD";
    Authentication::Admitted(RequestContext { context, peer, head, is_head, token, cookies })
}

/// Verifies a request's credentials, and reports the outcome.
async fn verify(
    authenticator: &mut Authenticator,
    downstream: &mut Downstream,
    upstream: &mut UpstreamSlot,
    mut head: Box<RequestHead>,
    peer: SocketAddr,
    rules: RequestRules,
) -> Result<Authentication, ConnectionError> {
    let config = Arc::clone(&downstream.config);
    let outcome = {
        let UpstreamSlot { connection, forwarding } = upstream;
        let request = AuthRequest { head: &head, peer, rules, forwarding, upstream: &config.upstream };
        match begin_attempt(authenticator, &request, downstream).await? {
            Ok(attempt) => run(authenticator, &request, attempt, connection, downstream).await?,
            Err(throttled) => AuthFailure::from(throttled).into(),
        }
    };
    report(&outcome, &config, peer);
    match outcome {
        AuthOutcome::Authenticated { context, token, .. } => {
            if let Err(limit) = downstream.set_client(&context) {
                return Ok(Authentication::Responded(refuse_connection(
                    downstream,
                    head,
                    (peer, &context),
                    limit,
                )));
            }
            Ok(admitted(authenticator, context, token, head, peer, rules))
        }
        AuthOutcome::Anonymous(context) => Ok(admitted(authenticator, context, None, head, peer, rules)),
        outcome => {
            let closes_upstream = match &outcome {
                AuthOutcome::ContextEnded(..) => true,
                AuthOutcome::Failed(failure) => matches!(failure, AuthFailure::Upstream(_)),
                _ => false,
            };
            if closes_upstream {
                upstream.close();
            }
            reject(authenticator, downstream, &mut head, &outcome).await.map(Authentication::Responded)
        }
    }
}

/// Begins the attempt that a request makes, if its credentials claim an account. It may wait for the outcomes of others
/// or for its turn, until the client closes the connection.
async fn begin_attempt(
    // Exclusive, since handshakes are not `Sync`.
    authenticator: &mut Authenticator,
    request: &AuthRequest<'_>,
    downstream: &mut Downstream,
) -> Result<Result<Option<Attempt>, Throttled>, ConnectionError> {
    let Some(account) = authenticator.account_to_verify(request, clock::now()) else { return Ok(Ok(None)) };
    let limit = Arc::clone(&downstream.config.auth_limiter);
    let limits = WaitLimits { at_shutdown: AtShutdown::Ends, ..WaitLimits::REQUEST };
    Ok(downstream.wait_within(limits, limit.begin(request.peer, &account)).await?.map(Some))
}

/// Runs the state machine of `authenticator` for a request: sends its probes, up to the outcome. A guess at a password
/// remains in flight if the client closes its connection, so that it counts.
async fn run(
    authenticator: &mut Authenticator,
    request: &AuthRequest<'_>,
    attempt: Option<Attempt>,
    slot: &mut transport::Slot,
    downstream: &mut Downstream,
) -> Result<AuthOutcome, ConnectionError> {
    let config = Arc::clone(&downstream.config);
    let limits = WaitLimits { watches_client: attempt.is_none(), ..WaitLimits::REQUEST };
    let as_expected = match authenticator.expected_connection() {
        Some(expected) => transport::is_as_expected(slot, expected).await,
        None => true,
    };
    let limit = &config.auth_limiter;
    let mut step =
        authenticator.begin(request, attempt, as_expected, limit, &mut Env::current(&mut OsRandom));
    loop {
        match step {
            Step::Probe(probe, pending) => {
                let response = transport::send(&probe, slot, &config.upstream);
                let response = downstream.wait_within(limits, response).await?;
                let mut random = OsRandom;
                let env = &mut Env::current(&mut random);
                step = authenticator.resume(pending, response, request, limit, env);
            }
            Step::Done(outcome, connection_use) => {
                match (connection_use, &outcome) {
                    (ConnectionUse::Keep, _) => {}
                    (ConnectionUse::Own, AuthOutcome::Authenticated { context, .. }) => {
                        if let Some(connection) = slot {
                            connection.set_owner(&config.upstream, context);
                        }
                    }
                    (ConnectionUse::Own | ConnectionUse::Close, _) => *slot = None,
                }
                return Ok(outcome);
            }
        }
    }
}

/// Reports an outcome to the observer and the log. The back-off logs failed attempts itself.
fn report(outcome: &AuthOutcome, config: &HttpListenerConfig, peer: SocketAddr) {
    match outcome {
        AuthOutcome::Authenticated { context, fresh: true, .. } => {
            let (account, level) = (context.principal(), context.level());
            tracing::debug!(client = %peer, %account, ?level, "client authenticated");
            config.observer.authenticated(context, peer);
        }
        AuthOutcome::ContextEnded(context, why) => {
            config.log.context_unusable(peer, context.principal(), why);
        }
        AuthOutcome::Failed(AuthFailure::Upstream(why)) => {
            let lost =
                FailedRequest { client: peer, user: None, operation: "authentication", is_wait: false };
            config.log_upstream_failure(why, &lost);
        }
        AuthOutcome::Failed(failure) => config.observer.client_refused(peer, &failure.to_string()),
        AuthOutcome::Authenticated { .. }
        | AuthOutcome::Anonymous(_)
        | AuthOutcome::Continue(_)
        | AuthOutcome::NoCredentials => {}
    }
}

/// Responds to the request of a client whose user would have more connections than are free, and closes the connection.
#[cold]
fn refuse_connection(
    downstream: &mut Downstream,
    mut head: Box<RequestHead>,
    (peer, context): (SocketAddr, &SecurityContext),
    limit: ConnectionLimit,
) -> KeepAlive {
    downstream.config.log.user_connection_refused(peer, context.principal(), limit);
    head.close();
    let out = downstream.response_to(&mut head);
    respond::too_busy(&mut out.bytes, &head, None);
    KeepAlive::No
}

/// Responds to a request that `outcome` does not admit. During a handshake the connection has to stay open, so the
/// request's body is read, after `100 Continue` if the client waits for that; otherwise only a short one is. The
/// response to a throttled client is delayed, and its connection is closed, so that each attempt needs a new one; the
/// connection of a trusted reverse proxy carries other clients' requests, and stays open.
async fn reject(
    // Exclusive, since handshakes are not `Sync`.
    authenticator: &mut Authenticator,
    downstream: &mut Downstream,
    head: &mut RequestHead,
    outcome: &AuthOutcome,
) -> Result<KeepAlive, ConnectionError> {
    let is_shared = downstream.config.trusted_proxies.is_shared(downstream.peer);
    let throttled = match outcome {
        AuthOutcome::Failed(failure) => match failure.response() {
            FailureResponse::RetryAfter(throttled) if !is_shared => Some(throttled.delay()),
            _ => None,
        },
        _ => None,
    };
    if let Some(delay) = throttled {
        downstream.delay(delay).await?;
    }
    downstream.in_handshake = matches!(outcome, AuthOutcome::Continue(_));
    if throttled.is_some() {
        head.close();
    }
    if downstream.in_handshake && downstream.framing == Framing::Chunked {
        // Whether the body is too long to be read is known only at its end.
        downstream.send_continue().await?;
        downstream.skip_body().await?;
    }
    if downstream.in_handshake && !downstream.closes_after_response() {
        downstream.send_continue().await?;
    }
    let out = downstream.response_to(head);
    authenticator.respond(&mut out.bytes, head, outcome);
    Ok(KeepAlive::of(head))
}

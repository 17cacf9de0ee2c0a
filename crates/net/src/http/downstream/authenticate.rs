//! Authenticates each request, or answers it with what is to be proven.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http1::{RequestHead, ResponseHead};
use identity::{ChannelBindings, ClaimedName, SecurityContext};
use mapi::autodiscover::Dialect;
use tokio::time::Instant;

use crate::auth_limit::AuthLimit;
use crate::gate::Lost;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::auth::local::{Connection, SignedIn};
use crate::http::downstream::connection::Downstream;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::downstream::routes::Route;
use crate::http::passthrough::authenticator::{Relayed, Request};
use crate::http::server_only::Cookies;
use crate::http::upstream::slot::UpstreamSlot;
use crate::upstream_error::{AuthError, UpstreamError};

/// How long the answer to a request waits whose credentials are not checked.
const HELD: Duration = Duration::from_secs(1);

/// What people get to read who have to sign in.
const SIGN_IN: &str = "sign in\n";

/// How the clients of a listener sign in, for one connection.
pub(crate) struct Authenticator {
    method: Method,
    /// The context of its anonymous requests.
    anonymous: Option<SecurityContext>,
}

/// Where the clients' credentials are checked.
enum Method {
    /// Here, against our accounts.
    Local(Connection),
    /// At the server, by passing them through.
    Passthrough(Relayed),
}

impl Authenticator {
    /// The sign-in of one connection of a listener; `bindings` are those of its TLS, where it is `protected` by TLS. It
    /// may be `shared` by several clients behind a front server.
    pub(crate) fn new(
        config: &HttpListenerConfig,
        protected: bool,
        shared: bool,
        bindings: Option<ChannelBindings>,
    ) -> Self {
        let method = match config.upstream.identity.pass_through() {
            None => Method::Local(Connection::new(&config.sign_in, protected, shared, bindings)),
            Some(relayed) => {
                Method::Passthrough(Relayed::new(relayed, config.sign_in.is_safe(protected), shared))
            }
        };
        Self { method, anonymous: None }
    }

    /// Authenticates the request with this `head`; where it was answered with what is to be proven instead, says how the
    /// connection goes on.
    pub(crate) async fn authenticate(
        &mut self,
        downstream: &mut Downstream,
        upstream: &mut UpstreamSlot,
        head: RequestHead,
        route: Route,
    ) -> Result<Result<RequestContext, KeepAlive>, ConnectionError> {
        let peer = downstream.config.peers.client(downstream.peer, &head.fields);
        if let Some(context) = self.known(&head, peer) {
            downstream.permit.signed_in();
            downstream.pace.is_signed_in();
            return Ok(Ok(self.request(context, None, head, peer, route)));
        }
        Box::pin(self.sign_in(downstream, upstream, head, peer, route)).await
    }

    /// Who sends a request whose credentials were checked with an earlier one.
    fn known(&self, head: &RequestHead, peer: SocketAddr) -> Option<SecurityContext> {
        match &self.method {
            Method::Local(connection) => connection.known(&head.fields, peer),
            Method::Passthrough(_) => None,
        }
    }

    fn request(
        &self,
        context: SecurityContext,
        token: Option<String>,
        head: RequestHead,
        peer: SocketAddr,
        route: Route,
    ) -> RequestContext {
        let cookies = match (route, &self.method) {
            (Route::Mapi, _) => Cookies::OfSession,
            (_, Method::Passthrough(_)) if !context.is_anonymous() => Cookies::OfClient,
            _ => Cookies::None,
        };
        let (is_head, keep) = (head.method() == "HEAD", head.keeps_alive());
        RequestContext { context, peer, head, is_head, keep, token, cookies }
    }

    /// Checks a request's credentials, or finds out that there are none.
    async fn sign_in(
        &mut self,
        downstream: &mut Downstream,
        upstream: &mut UpstreamSlot,
        head: RequestHead,
        peer: SocketAddr,
        route: Route,
    ) -> Result<Result<RequestContext, KeepAlive>, ConnectionError> {
        // Clients ask without signing in where their mailbox is, and servers answer.
        let reads = matches!(head.method(), "GET" | "HEAD");
        let anonymous = reads && route == Route::Autodiscover(Dialect::Json);
        let mapi = route == Route::Mapi;
        let name = match &self.method {
            Method::Local(connection) => connection.unproven(&head.fields),
            Method::Passthrough(relayed) => relayed.unproven(&head.fields, mapi),
        };
        let config = Arc::clone(&downstream.config);
        if let Some(name) = &name
            && let Err(wait) = config.auth_limit.check(peer, name, Instant::now())
        {
            return limited(downstream, &head, peer, wait).await.map(Err);
        }
        let signed_in = match &mut self.method {
            Method::Local(connection) => connection.step(&head.fields, peer),
            Method::Passthrough(relayed) => {
                let UpstreamSlot { connection: link, forwarding } = upstream;
                let upstream = &config.upstream;
                relayed.step(Request { upstream, link, head: &head, mapi, anonymous, forwarding }).await
            }
        };
        count(&config.auth_limit, &signed_in, name.as_ref(), peer);
        match self.admit(signed_in, downstream, upstream, anonymous, &head, peer) {
            Some((context, token)) => Ok(Ok(self.request(context, token, head, peer, route))),
            None => declined(downstream, &head).await.map(Err),
        }
    }

    /// Admits a client that signed in, or an anonymous one where the request may be `anonymous`: its context, and the
    /// last token of its sign-in. Answers all others with what is to be proven, or why that can't be.
    fn admit(
        &mut self,
        signed_in: SignedIn,
        downstream: &mut Downstream,
        upstream: &mut UpstreamSlot,
        anonymous: bool,
        head: &RequestHead,
        peer: SocketAddr,
    ) -> Option<(SecurityContext, Option<String>)> {
        let config = Arc::clone(&downstream.config);
        let out = &mut downstream.transport.out.bytes;
        match signed_in {
            SignedIn::As { context, fresh, token } => {
                downstream.permit.signed_in();
                downstream.pace.is_signed_in();
                if fresh {
                    tracing::debug!(%peer, user = %context.principal(), "signed in");
                    config.observer.signed_in(&context, peer);
                }
                return Some((context, token));
            }
            SignedIn::Anonymous if anonymous && !head.fields.has("authorization") => {
                let context = self.anonymous.get_or_insert_with(|| config.sign_in.anonymous());
                return Some((context.clone(), None));
            }
            SignedIn::GoOn(token) => respond::to(out, head, 401, SIGN_IN, |answer| {
                answer.fields.push("WWW-Authenticate", token);
            }),
            SignedIn::Anonymous => self.challenge(out, head),
            SignedIn::Over(context, why) => {
                tracing::info!(%peer, user = %context.principal(), "the client has to sign in anew: {why}");
                upstream.close();
                self.challenge(out, head);
            }
            SignedIn::Refused(why) => {
                config.observer.refused(peer, &why);
                self.challenge(out, head);
            }
            SignedIn::Failed(status, why) => {
                config.observer.refused(peer, &why);
                respond::to(out, head, status, "authentication is not possible at present\n", |_| ());
            }
            SignedIn::NoServer(why) => {
                upstream.close();
                let lost = Lost { peer, user: None, operation: "sign-in", is_wait: false };
                config.log_upstream_failure(&why, &lost);
                respond::upstream_failed(out, head, &why);
            }
        }
        None
    }

    /// Appends a response to a request: what is to be proven, and how.
    pub(crate) fn challenge(&self, out: &mut Vec<u8>, head: &RequestHead) {
        respond::to(out, head, 401, SIGN_IN, |answer| match &self.method {
            Method::Local(connection) => connection.offer(answer),
            Method::Passthrough(relayed) => relayed.offer(answer),
        });
    }

    /// Succeeds where another upstream connection may be made for `context`.
    ///
    /// # Errors
    /// When the client signed in by a handshake on the one that is gone: only the client can do so on another.
    pub(crate) fn check_reconnect(&mut self, context: &SecurityContext) -> Result<(), UpstreamError> {
        if let Method::Passthrough(relayed) = &mut self.method
            && relayed.is_pinned(context)
        {
            relayed.deny(None);
            let why = "the server closed the connection that the client had signed in on";
            return Err(UpstreamError::Auth(AuthError::Required(why.to_owned())));
        }
        Ok(())
    }

    /// The server answered a request with this `head`, a 401: why the client has to sign in there again; none where it
    /// is not the client that signs in there.
    pub(crate) fn refused_by_server(&mut self, head: &ResponseHead) -> Option<UpstreamError> {
        let Method::Passthrough(relayed) = &mut self.method else { return None };
        relayed.deny(Some(&head.fields));
        Some(UpstreamError::Auth(AuthError::Required(
            "the server wants the client to sign in anew".to_owned(),
        )))
    }
}

/// Counts what came of the credentials for `name` that a client at `peer` sent.
fn count(limit: &AuthLimit, signed_in: &SignedIn, name: Option<&ClaimedName>, peer: SocketAddr) {
    let now = Instant::now();
    match (signed_in, name) {
        (SignedIn::Refused(why), name) => limit.failed(peer, name, why, now),
        (SignedIn::Failed(_, why), name) => limit.unclear(peer, name, why, now),
        // Credentials that did not reach the server are no guess.
        (SignedIn::NoServer(why), name) if !why.is_outage() => {
            limit.unclear(peer, name, &why.to_string(), now);
        }
        (SignedIn::As { fresh: true, .. }, Some(name)) => limit.succeeded(peer, name, now),
        _ => {}
    }
}

/// Answers a request whose credentials are not checked, since too many before them were wrong. The connection of a
/// client is held for a moment before, and is closed, so that it has to make another for its next guess.
async fn limited(
    downstream: &mut Downstream,
    head: &RequestHead,
    peer: SocketAddr,
    wait: Duration,
) -> Result<KeepAlive, ConnectionError> {
    downstream.config.observer.refused(peer, "too many failed sign-ins");
    let is_shared = downstream.config.peers.speaks_for_others(downstream.peer.ip());
    let Downstream { shutdown, timer, .. } = downstream;
    if !is_shared {
        let until = Instant::now() + wait.min(HELD);
        poll_fn(|task| match shutdown.poll(task) {
            Poll::Ready(_) => Poll::Ready(Err(ConnectionError::Stopped)),
            Poll::Pending => timer.poll(task, until).map(Ok),
        })
        .await?;
    }
    let out = &mut downstream.transport.out.bytes;
    respond::to(out, head, 429, "too many failed sign-ins\n", |answer| {
        answer.fields.push("Retry-After", wait.as_secs().saturating_add(1).to_string());
        if !is_shared && head.keeps_alive() {
            answer.fields.push("Connection", "close");
        }
    });
    if is_shared { declined(downstream, head).await } else { Ok(KeepAlive::No) }
}

/// How the connection goes on after a request was answered with what is to be proven: during a handshake it has to
/// stay, and so the body has to come.
async fn declined(downstream: &mut Downstream, head: &RequestHead) -> Result<KeepAlive, ConnectionError> {
    downstream.invite().await?;
    Ok(KeepAlive::of(head))
}

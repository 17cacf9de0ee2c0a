//! Authenticates each request, or answers it with what is to be proven.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use http1::RequestHead;
use identity::SecurityContext;
use mapi::autodiscover::Dialect;
use tokio::time::Instant;

use crate::gate::Lost;
use crate::http::downstream::auth::SignedIn;
use crate::http::downstream::connection::Client;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::downstream::routes::Route;
use crate::http::passthrough::session::Request;
use crate::http::server_only::Cookies;

/// How long the answer to a request waits whose credentials are not checked.
const HELD: Duration = Duration::from_secs(1);

/// What people get to read who have to sign in.
const SIGN_IN: &str = "sign in\n";

impl Client {
    /// Who sends the request; where that has been answered with what is to be proven, how the connection goes on.
    pub(super) async fn who(
        &mut self,
        head: &RequestHead,
        route: Route,
    ) -> Result<Result<RequestContext, KeepAlive>, ConnectionError> {
        let peer = self.config.peers.client(self.peer, &head.fields);
        // Clients ask without signing in where their mailbox is, and servers answer.
        let reads = matches!(head.method(), "GET" | "HEAD");
        let anonymous = reads && route == Route::Autodiscover(Dialect::Json);
        let name = match &self.relayed {
            None => self.sign_in.unproven(&head.fields),
            Some(relayed) => relayed.unproven(&head.fields, route == Route::Mapi),
        };
        if let Some(name) = &name
            && let Err(wait) = self.config.auth_limit.check(peer, name, Instant::now())
        {
            return self.limited(head, peer, wait).await.map(Err);
        }
        let signed_in = match &mut self.relayed {
            None => self.sign_in.step(&head.fields, peer),
            Some(relayed) => {
                let (link, upstream) = (&mut self.link, &self.config.upstream);
                let mapi = route == Route::Mapi;
                let forwarding = &self.forwarding;
                // What it has to say and to ask waits, and so does the rest of the connection.
                Box::pin(relayed.step(Request { upstream, link, head, mapi, anonymous, forwarding })).await
            }
        };
        match (&signed_in, &name) {
            (SignedIn::Refused(why), name) => {
                self.config.auth_limit.failed(peer, name.as_ref(), why, Instant::now());
            }
            (SignedIn::Failed(_, why), name) => {
                self.config.auth_limit.unclear(peer, name.as_ref(), why, Instant::now());
            }
            // Credentials that did not reach the server are no guess.
            (SignedIn::NoServer(why), name) if !why.is_outage() => {
                self.config.auth_limit.unclear(peer, name.as_ref(), &why.to_string(), Instant::now());
            }
            (SignedIn::As { fresh: true, .. }, Some(name)) => {
                self.config.auth_limit.succeeded(peer, name, Instant::now());
            }
            _ => {}
        }
        let Some((context, token)) = self.admit(signed_in, anonymous, head, peer) else {
            return Ok(Err(KeepAlive::Yes));
        };
        let cookies = match route {
            Route::Mapi => Cookies::OfSession,
            _ if self.relayed.is_some() && !context.is_anonymous() => Cookies::OfClient,
            _ => Cookies::None,
        };
        self.caller = Some(context.clone());
        Ok(Ok(RequestContext {
            cookies,
            context,
            peer,
            version: head.version(),
            is_head: head.method() == "HEAD",
            keep: head.keeps_alive(),
            token,
        }))
    }

    /// Answers a request whose credentials are not checked, since too many before them were wrong. The connection
    /// of a client is held for a moment before, and is closed, so that it has to make another for its next guess.
    async fn limited(
        &mut self,
        head: &RequestHead,
        peer: SocketAddr,
        wait: Duration,
    ) -> Result<KeepAlive, ConnectionError> {
        self.config.observer.refused(peer, "too many failed sign-ins");
        let is_shared = self.config.peers.speaks_for_others(self.peer.ip());
        if !is_shared {
            let until = Instant::now() + wait.min(HELD);
            poll_fn(|task| match self.stop.poll(task) {
                Poll::Ready(_) => Poll::Ready(Err(ConnectionError::Stopped)),
                Poll::Pending => self.alarm.poll(task, until).map(Ok),
            })
            .await?;
        }
        respond::to(&mut self.transport.out, head, 429, "too many failed sign-ins\n", |answer| {
            answer.fields.push("Retry-After", wait.as_secs().saturating_add(1).to_string());
            if !is_shared && head.keeps_alive() {
                answer.fields.push("Connection", "close");
            }
        });
        Ok(if is_shared { KeepAlive::Yes } else { KeepAlive::No })
    }

    /// Admits a client that signed in, or an anonymous one where the request may be `anonymous`: its context, and the last
    /// token of its sign-in. Answers everybody else with what is to be proven, or why that can't be.
    fn admit(
        &mut self,
        signed_in: SignedIn,
        anonymous: bool,
        head: &RequestHead,
        peer: SocketAddr,
    ) -> Option<(SecurityContext, Option<String>)> {
        match signed_in {
            SignedIn::As { context, fresh, token } => {
                self.place.signed_in();
                self.pace.is_signed_in();
                if fresh {
                    tracing::debug!(%peer, user = %context.principal(), "signed in");
                    self.config.observer.signed_in(&context, peer);
                }
                return Some((context, token));
            }
            SignedIn::Anonymous if anonymous && !head.fields.has("authorization") => {
                let context = self.anonymous.get_or_insert_with(|| self.config.sign_in.anonymous());
                return Some((context.clone(), None));
            }
            SignedIn::GoOn(token) => respond::to(&mut self.transport.out, head, 401, SIGN_IN, |answer| {
                answer.fields.push("WWW-Authenticate", token);
            }),
            SignedIn::Anonymous => self.deny(head),
            SignedIn::Over(context, why) => {
                tracing::info!(%peer, user = %context.principal(), "the client has to sign in anew: {why}");
                self.link = None;
                self.deny(head);
            }
            SignedIn::Refused(why) => {
                self.config.observer.refused(peer, &why);
                self.deny(head);
            }
            SignedIn::Failed(status, why) => {
                self.config.observer.refused(peer, &why);
                self.answer(status, "nobody can be signed in now\n", head);
            }
            SignedIn::NoServer(why) => {
                let lost = Lost { peer, user: None, operation: "sign-in", is_wait: false };
                self.unreachable(&why, head, &lost);
            }
        }
        None
    }

    /// Answers a request with what is to be proven, and how.
    pub(crate) fn deny(&mut self, head: &RequestHead) {
        let Self { transport, sign_in, relayed, .. } = self;
        respond::to(&mut transport.out, head, 401, SIGN_IN, |answer| match relayed {
            None => sign_in.offer(answer),
            Some(relayed) => relayed.offer(answer),
        });
    }
}

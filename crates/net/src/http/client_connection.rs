//! A client's connection together with what its requests need: its authentication and its upstream connection.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use http1::{RequestHead, ResponseHead};
use tokio::time::Instant;

use crate::error_chain::ErrorChain;
use crate::gate::FailedRequest;
use crate::http::downstream::auth::authenticator::Authenticator;
use crate::http::downstream::connection::{ClientEvent, Downstream};
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::upstream::connection::{UpstreamConnection, UpstreamSlot};
use crate::http::upstream::request_head::{BodyFraming, Rewrite};
use crate::http::upstream::response_event::ResponseEvent;
use crate::http::upstream::response_head::rewrite_urls;
use crate::tcp::accept::CHECK_INTERVAL;
use crate::upstream_error::{Retry, UpstreamAuthError, UpstreamError};

/// A client connection with all that belongs to it alone.
pub(crate) struct ClientConnection {
    pub(crate) downstream: Downstream,
    pub(crate) authenticator: Authenticator,
    pub(crate) upstream: UpstreamSlot,
}

/// Why a request was not forwarded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    /// The client's connection has to end.
    #[error(transparent)]
    Client(#[from] ConnectionError),
    /// The server did not serve the request, and nothing was sent to the client yet.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// A request that was sent.
pub(crate) struct SentRequest {
    /// The connection on which the response is received.
    pub(crate) upstream: Box<UpstreamConnection>,
    /// The head as it was sent to the server.
    pub(crate) head: RequestHead,
}

impl ClientConnection {
    /// Gets a connection to the server, and puts the request's `head`, rewritten, into its output.
    pub(crate) async fn send_head(
        &mut self,
        request: &RequestContext,
        head: &mut RequestHead,
        body: BodyFraming,
    ) -> Result<Box<UpstreamConnection>, UpstreamError> {
        request.check()?;
        let config = &self.downstream.config.upstream;
        let (context, target) = (&request.context, head.target());
        let mut upstream = if let Some(upstream) = self.upstream.reuse(config, context, target).await? {
            upstream
        } else {
            self.authenticator.check_reconnect(context)?;
            Box::pin(UpstreamConnection::open(config, context, target)).await?
        };
        let forwarding = Some(&self.upstream.forwarding);
        upstream.rewrite_request(head, &Rewrite { body, cookies: request.cookies, forwarding });
        upstream.begin_request(head, request.is_head);
        Ok(upstream)
    }

    /// Sends a whole request, with the head that `head` makes for each attempt. If the connection fails before any byte
    /// of the request was written to it, the request is sent once more, on a new connection ([`UpstreamError::retry`]).
    pub(crate) async fn send(
        &mut self,
        request: &RequestContext,
        head: impl Fn() -> RequestHead,
        framing: BodyFraming,
        body: &Bytes,
    ) -> Result<SentRequest, UpstreamError> {
        let mut is_retry = false;
        loop {
            let mut head = head();
            let mut upstream = self.send_head(request, &mut head, framing).await?;
            upstream.transport.out.push(body.clone());
            match upstream.flush(self.downstream.config.limits.handshake).await {
                Ok(_) => return Ok(SentRequest { upstream, head }),
                Err(why) if why.retry() == Retry::Unsent && !std::mem::replace(&mut is_retry, true) => {
                    let path = request.head.path();
                    tracing::debug!(client = %request.peer, path, "retrying on a new connection: {}", ErrorChain(&why));
                }
                Err(why) => return Err(why),
            }
        }
    }

    /// Waits for the next event of the response to `request`. Meanwhile the output for the client is sent, and the
    /// wait ends if the client closes its connection or its account is revoked.
    pub(crate) async fn read_response(
        &mut self,
        upstream: &mut UpstreamConnection,
        request: &RequestContext,
        until: Instant,
    ) -> Result<ResponseEvent, ConnectionError> {
        loop {
            if let Some(event) = self.ready_response(upstream, request).await? {
                return Ok(event);
            }
            if let Some(event) = self.wait_for_response(upstream, until, false).await? {
                return Ok(event);
            }
        }
    }

    /// Returns the next event of the response that has been received, or `None` if more has to be read first. Yields to
    /// the other connections of the thread, however fast the server sends, and however short its pieces are.
    pub(crate) async fn ready_response(
        &mut self,
        upstream: &mut UpstreamConnection,
        request: &RequestContext,
    ) -> Result<Option<ResponseEvent>, ConnectionError> {
        self.downstream.add_upstream_work(upstream.transport.take_work()).await?;
        if let Err(why) = request.check() {
            return Ok(Some(ResponseEvent::Failed(why)));
        }
        let mut event = upstream.received_event();
        if let Some(ResponseEvent::Head(head, _)) = &mut event {
            if head.status() == 401 {
                return Ok(Some(ResponseEvent::Failed(self.unauthorized(upstream, head))));
            }
            let config = &self.downstream.config;
            upstream.record_response(head.status());
            rewrite_urls(&mut head.fields, &config.upstream, &config.origin);
        }
        Ok(event)
    }

    /// Waits until more of the response may have been received, and returns `None` then. Returns another event that
    /// ends the wait.
    pub(crate) async fn wait_for_response(
        &mut self,
        upstream: &mut UpstreamConnection,
        until: Instant,
        ends_at_shutdown: bool,
    ) -> Result<Option<ResponseEvent>, ConnectionError> {
        self.downstream.flush().await?;
        let at = until.min(Instant::now() + CHECK_INTERVAL);
        let event = poll_fn(|task| {
            let event = self.poll_response(task, upstream, at, ends_at_shutdown);
            if event.is_pending() {
                self.downstream.work.waited();
            }
            event
        });
        let event = event.await?;
        // The deadline may only be the next check of the client's account.
        Ok(event.filter(|event| at >= until || !matches!(event, ResponseEvent::Deadline)))
    }

    fn poll_response(
        &mut self,
        task: &mut Context<'_>,
        upstream: &mut UpstreamConnection,
        until: Instant,
        ends_at_shutdown: bool,
    ) -> Poll<Result<Option<ResponseEvent>, ConnectionError>> {
        match upstream.transport.poll_fill(task) {
            // The end of the connection may be the response's end.
            Poll::Ready(Ok(_)) => return Poll::Ready(Ok(None)),
            Poll::Ready(Err(error)) => {
                let why = UpstreamError::closed(error);
                return Poll::Ready(Ok(Some(ResponseEvent::Failed(why))));
            }
            Poll::Pending => {}
        }
        self.downstream.poll_while_responding(task, until, ends_at_shutdown).map_ok(|event| match event {
            ClientEvent::Received => None,
            ClientEvent::Deadline => Some(ResponseEvent::Deadline),
            ClientEvent::Shutdown => Some(ResponseEvent::Shutdown),
        })
    }

    /// The server responded with 401: to the service account, or to the client if the client authenticates there.
    #[cold]
    fn unauthorized(&mut self, upstream: &mut UpstreamConnection, head: &ResponseHead) -> UpstreamError {
        if let Some(why) = self.authenticator.rejected_by_server(head) {
            return why;
        }
        if upstream.is_anonymous() {
            return UpstreamAuthError::client_must_authenticate(
                "the server does not serve anonymous requests",
            )
            .into();
        }
        let why = UpstreamError::from(upstream.auth_error(&head.fields));
        upstream.record_auth_failure(&why);
        why
    }

    /// Responds to `request`, which is not an operation and which the server did not serve because of `why`.
    pub(crate) fn not_served(&mut self, why: &UpstreamError, request: &mut RequestContext) -> KeepAlive {
        request.close_if(self.downstream.closes_after_response());
        self.respond_failed(why, request, &request.failed_request())
    }

    /// Responds to `request`, which failed because of `why`: with a challenge if the client has to authenticate, and
    /// otherwise with an error that does not name the server.
    #[cold]
    pub(crate) fn respond_failed(
        &mut self,
        why: &UpstreamError,
        request: &RequestContext,
        failed: &FailedRequest<'_>,
    ) -> KeepAlive {
        self.upstream.close();
        let Self { downstream, authenticator, .. } = self;
        if matches!(why, UpstreamError::Auth(UpstreamAuthError::ClientMustAuthenticate(_))) {
            downstream.config.log.client_must_authenticate(downstream.peer, failed.user, why);
            authenticator.challenge(&mut downstream.transport.out.bytes, &request.head);
        } else {
            downstream.config.log_upstream_failure(why, failed);
            respond::upstream_failed(&mut downstream.transport.out.bytes, &request.head, why);
        }
        request.keep_alive()
    }
}

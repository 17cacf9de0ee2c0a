//! A client's connection together with what its requests need: its authentication and its upstream connection.

use bytes::Bytes;
use http1::{RequestHead, ResponseHead};
use std::sync::Arc;
use tokio::time::Instant;

use crate::error_chain::ErrorChain;
use crate::gate::FailedRequest;
use crate::http::downstream::auth::authenticator::Authenticator;
use crate::http::downstream::connection::{AtShutdown, Downstream, WaitLimits, Waited};
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext, revoked};
use crate::http::downstream::respond;
use crate::http::upstream::connection::{Reuse, UpstreamConnection, UpstreamSlot};
use crate::http::upstream::request_head::{BodyFraming, Rewrite};
use crate::http::upstream::response_event::ResponseEvent;
use crate::http::upstream::response_head::rewrite_urls;
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
    Client(ConnectionError),
    /// The server did not serve the request, and nothing was sent to the client yet.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

impl From<ConnectionError> for ForwardError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Revoked => Self::Upstream(revoked()),
            error => Self::Client(error),
        }
    }
}

/// Until when the next event of a response is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseLimits {
    pub(crate) until: Instant,
    /// Whether the response ends once the proxy accepts no more requests.
    pub(crate) ends_at_shutdown: bool,
}

impl From<ResponseLimits> for WaitLimits {
    fn from(limits: ResponseLimits) -> Self {
        let at_shutdown = if limits.ends_at_shutdown { AtShutdown::Ends } else { AtShutdown::Continues };
        Self { until: Some(limits.until), at_shutdown, watches_client: true }
    }
}

/// A request to be sent to the server.
pub(crate) struct OutgoingRequest {
    pub(crate) head: Box<RequestHead>,
    pub(crate) framing: BodyFraming,
    pub(crate) body: Bytes,
}

/// A request that was sent.
pub(crate) struct SentRequest {
    /// The connection on which the response is received.
    pub(crate) upstream: Box<UpstreamConnection>,
    /// The head as it was sent to the server.
    pub(crate) head: Box<RequestHead>,
}

impl ClientConnection {
    /// Gets a connection to the server on which `request` can be sent at once.
    async fn connect(&mut self, request: &RequestContext) -> Result<Box<UpstreamConnection>, ForwardError> {
        request.check()?;
        match self.upstream.take(&request.context, request.head.target()).await {
            Some((upstream, Reuse::AtOnce)) => Ok(upstream),
            Some((upstream, Reuse::AfterAuthentication)) => {
                Box::pin(self.authenticate(request, Some(upstream))).await
            }
            None => Box::pin(self.authenticate(request, None)).await,
        }
    }

    /// Authenticates `upstream` again, or opens a new connection to the server without one.
    async fn authenticate(
        &mut self,
        request: &RequestContext,
        upstream: Option<Box<UpstreamConnection>>,
    ) -> Result<Box<UpstreamConnection>, ForwardError> {
        let config = Arc::clone(&self.downstream.config);
        let (config, context, target) = (&config.upstream, &request.context, request.head.target());
        let upstream = if let Some(mut upstream) = upstream {
            self.downstream.wait_for(upstream.reauthenticate(config, context, target)).await??;
            upstream
        } else {
            self.authenticator.check_reconnect(context)?;
            self.downstream.wait_for(UpstreamConnection::open(config, context, target)).await??
        };
        // The account may have been revoked during the wait.
        request.check()?;
        Ok(upstream)
    }

    /// Puts a request's `head`, rewritten, into the output of `upstream`.
    fn begin(
        &self,
        upstream: &mut UpstreamConnection,
        request: &RequestContext,
        head: &mut RequestHead,
        body: BodyFraming,
    ) {
        let forwarding = Some(&self.upstream.forwarding);
        upstream.rewrite_request(head, &Rewrite { body, cookies: request.cookies, forwarding });
        upstream.begin_request(head, request.is_head);
    }

    /// Gets a connection to the server, and puts the head of `request`, rewritten, into its output.
    pub(crate) async fn send_head(
        &mut self,
        request: &RequestContext,
        body: BodyFraming,
    ) -> Result<Box<UpstreamConnection>, ForwardError> {
        let mut upstream = self.connect(request).await?;
        self.begin(&mut upstream, request, &mut request.head.clone(), body);
        Ok(upstream)
    }

    /// Sends the output of `upstream`, unless the server responds meanwhile. Returns whether all was sent.
    pub(crate) async fn flush_upstream(
        &mut self,
        upstream: &mut UpstreamConnection,
    ) -> Result<bool, ForwardError> {
        // Most requests are sent at once.
        if upstream.flush_now().await {
            return Ok(true);
        }
        let limit = self.downstream.config.limits.handshake;
        Ok(self.downstream.wait_for(upstream.flush(limit)).await??)
    }

    /// Sends the whole request that `outgoing` returns for `request`. It is called for each attempt when the connection
    /// is open and authenticated, and nothing is sent if it fails. If the connection fails before any byte of the
    /// request was written to it, the request is sent once more, on a new connection ([`UpstreamError::retry`]).
    pub(crate) async fn send<E: From<ForwardError>>(
        &mut self,
        request: &RequestContext,
        outgoing: impl Fn() -> Result<OutgoingRequest, E>,
    ) -> Result<SentRequest, E> {
        let mut is_retry = false;
        loop {
            let mut upstream = self.connect(request).await?;
            let OutgoingRequest { mut head, framing, body } = outgoing()?;
            self.begin(&mut upstream, request, &mut head, framing);
            upstream.transport.out.push(body);
            match self.flush_upstream(&mut upstream).await {
                Ok(_) => return Ok(SentRequest { upstream, head }),
                Err(ForwardError::Upstream(why))
                    if why.retry() == Retry::Unsent && !std::mem::replace(&mut is_retry, true) =>
                {
                    let path = request.head.path();
                    tracing::debug!(client = %request.peer, path, "retrying on a new connection: {}", ErrorChain(&why));
                }
                Err(why) => return Err(why.into()),
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
        let limits = ResponseLimits { until, ends_at_shutdown: false };
        loop {
            if self.is_round_over(upstream)
                && let Some(end) = self.end_round(limits).await?
            {
                return Ok(end);
            }
            if let Some(event) = self.received_response(upstream, request) {
                return Ok(event);
            }
            if let Some(event) = self.wait_for_response(upstream, limits).await? {
                return Ok(event);
            }
        }
    }

    /// Whether the connection has to yield to the others of its thread, by [`Self::end_round`], before it reads more of
    /// the response: however fast the server sends, and however short its pieces are.
    pub(crate) fn is_round_over(&mut self, upstream: &mut UpstreamConnection) -> bool {
        let work = &mut self.downstream.work;
        work.add(upstream.transport.take_work());
        work.is_due()
    }

    /// Yields to the other connections of the thread. Returns the event of the response that ends it, if there is one.
    #[cold]
    pub(crate) async fn end_round(
        &mut self,
        limits: ResponseLimits,
    ) -> Result<Option<ResponseEvent>, ConnectionError> {
        ended(self.downstream.end_round(true, limits.into()).await)
    }

    /// Returns the next event of the response that has been received, or `None` if more has to be read first.
    pub(crate) fn received_response(
        &mut self,
        upstream: &mut UpstreamConnection,
        request: &RequestContext,
    ) -> Option<ResponseEvent> {
        if let Err(why) = request.check() {
            return Some(ResponseEvent::Failed(why));
        }
        let mut event = upstream.received_event();
        if let Some(ResponseEvent::Head(head, _)) = &mut event {
            if head.status() == 401 {
                return Some(ResponseEvent::Failed(self.unauthorized(upstream, head)));
            }
            let config = &self.downstream.config;
            upstream.record_response(head.status());
            rewrite_urls(&mut head.fields, &config.upstream, &config.origin);
        }
        event
    }

    /// Waits until more of the response may have been received, and returns `None` then. Returns another event that
    /// ends the wait.
    pub(crate) async fn wait_for_response(
        &mut self,
        upstream: &mut UpstreamConnection,
        limits: ResponseLimits,
    ) -> Result<Option<ResponseEvent>, ConnectionError> {
        self.downstream.flush().await?;
        let waited = self.downstream.wait(limits.into(), |_, task| upstream.transport.poll_fill(task)).await;
        match waited {
            Ok(Waited::Event(Err(error))) => Ok(Some(ResponseEvent::Failed(UpstreamError::closed(error)))),
            // The end of the connection may be the response's end.
            waited => ended(waited),
        }
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
        self.respond_failed(why, request, RequestContext::failed_request)
    }

    /// Responds to `request`, which failed because of `why`: with a challenge if the client has to authenticate, and
    /// otherwise with an error that does not name the server.
    #[cold]
    pub(crate) fn respond_failed(
        &mut self,
        why: &UpstreamError,
        request: &mut RequestContext,
        failed: impl Fn(&RequestContext) -> FailedRequest<'_>,
    ) -> KeepAlive {
        self.upstream.close();
        let Self { downstream, authenticator, .. } = self;
        let (config, peer) = (Arc::clone(&downstream.config), downstream.peer.client);
        let out = &mut downstream.response_to(&mut request.head).bytes;
        if matches!(why, UpstreamError::Auth(UpstreamAuthError::ClientMustAuthenticate(_))) {
            config.log.client_must_authenticate(peer, failed(request).user, why);
            authenticator.challenge(out, &request.head);
        } else {
            config.log_upstream_failure(why, &failed(request));
            respond::upstream_failed(out, &request.head, why);
        }
        request.keep_alive()
    }
}

/// The event of a response with which a wait ended; `None` if more of the response may have been received, or the
/// account was revoked, which is checked before the next event.
fn ended<T>(waited: Result<Waited<T>, ConnectionError>) -> Result<Option<ResponseEvent>, ConnectionError> {
    match waited {
        Ok(Waited::Event(_)) | Err(ConnectionError::Revoked) => Ok(None),
        Ok(Waited::Deadline) => Ok(Some(ResponseEvent::Deadline)),
        Ok(Waited::Shutdown) => Ok(Some(ResponseEvent::Shutdown)),
        Err(error) => Err(error),
    }
}

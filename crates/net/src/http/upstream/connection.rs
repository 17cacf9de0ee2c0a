//! Connections to the server: each belongs to one client connection and one identity. The client connection keeps it in
//! its [`UpstreamSlot`] between requests, and reuses it for the same identity only.
//!
//! The steps of a request are in files beside this one, in this order: `dial` connects, `service_auth` authenticates,
//! `request_head` rewrites a request's head, `send` sends the request, `receive` reads the response, and
//! `response_head` rewrites its head.

use std::sync::atomic::AtomicBool;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use http1::{Event, Limits, ResponseDecoder, ResponseHead};
use identity::{ChannelBindings, Identity, SecurityContext};
use tokio::time::{Instant, timeout};

use crate::gate::{AuthAttempt, AuthGrant, UpstreamProtocol};
use crate::http::transport::{FramedTransport, Stream};
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::dial::NotConnected;
use crate::http::upstream::forwarding::{Forwarding, Via};
use crate::upstream_error::UpstreamError;
use crate::upstream_identity::UpstreamCredentials;
use crate::upstream_permit::UpstreamPermit;

/// One connection to the server.
#[derive(Debug)]
pub(crate) struct UpstreamConnection {
    pub(crate) transport: FramedTransport<ResponseHead>,
    /// Its permit; `None` for a single request of the proxy's own, which does not count.
    permit: Option<UpstreamPermit>,
    /// The only identity whose requests it carries; `None` until it has carried credentials.
    owner: Option<Identity>,
    /// Whether its owner authenticates the connection, instead of each request.
    pub(super) pinned: bool,
    pub(super) handshake: ServiceHandshake,
    /// The credentials of its owner's requests; `Unauthenticated` while it has no owner.
    pub(super) credentials: UpstreamCredentials,
    /// The `Host` header of its requests.
    pub(super) host: Bytes,
    /// The channel bindings of its TLS, to which authentication is bound (RFC 5929).
    pub(super) bindings: Option<ChannelBindings>,
    /// How long the server leaves it open while it is idle, if the server announced that.
    pub(super) keep_alive: Option<Duration>,
    pub(super) last_used: Instant,
    pub(super) request: CurrentRequest,
    /// The `Authorization` header that ends the handshake, to be sent with the next request.
    pub(super) last_token: Option<String>,
    /// The authentication of the service account whose outcome the next response shows.
    pub(super) attempt: Option<AuthAttempt>,
    /// The last authentication that was accepted.
    pub(super) grant: Option<AuthGrant>,
    /// The time for connecting and authenticating.
    pub(super) timeout: Duration,
    pub(super) via: Via,
}

/// The state of the handshake by which the service account authenticates a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServiceHandshake {
    /// The account needs no handshake, or the server has served a request since.
    Settled,
    /// The last token goes with a request, and no response has shown yet that the server processed the token: a
    /// server may respond with 404, for instance, before it authenticates.
    Unproven,
    /// The server responded with this status to the first token, as to a request without credentials: it does not
    /// authenticate requests for this target. The connection is unauthenticated.
    NotRequired(u16),
}

/// The progress of the last request on a connection and its response.
#[derive(Debug, Default)]
pub(crate) struct CurrentRequest {
    /// Whether the response is not complete.
    pub(super) is_in_progress: bool,
    /// Whether it is a HEAD request.
    pub(super) is_head: bool,
    /// Whether any byte of it was sent.
    pub(super) is_begun: bool,
    /// Whether a part of it was not sent.
    pub(super) is_incomplete: bool,
    /// The head of a response that was received before the request was sent.
    pub(super) early: Option<Event<ResponseHead>>,
    /// Whether the connection may carry another request after the response; none until its final head came.
    pub(super) reusable: Option<bool>,
}

impl UpstreamConnection {
    /// A new connection without an owner, which counts for `user`; `None` before the client has authenticated.
    pub(crate) async fn connect(
        upstream: &HttpUpstream,
        user: Option<&Identity>,
    ) -> Result<Box<Self>, UpstreamError> {
        let permit = upstream.gate.permit(user)?;
        let within_tls = AtomicBool::new(false);
        let connecting = async {
            let late = |_| upstream.not_connected_in_time(&within_tls);
            Ok(timeout(upstream.timeout, upstream.connect(&within_tls)).await.map_err(late)??)
        };
        let connected = upstream.gate.connect(UpstreamProtocol::Http, connecting).await?;
        let mut connection = Self::over(upstream, connected);
        connection.permit = Some(permit);
        Ok(connection)
    }

    /// A new connection without an owner, in one attempt that disregards the gate and is not reported to it.
    pub(crate) async fn connect_once(upstream: &HttpUpstream) -> Result<Box<Self>, NotConnected> {
        let within_tls = AtomicBool::new(false);
        let late = |_| upstream.not_connected_in_time(&within_tls);
        let connected = timeout(upstream.timeout, upstream.connect(&within_tls)).await.map_err(late)??;
        Ok(Self::over(upstream, connected))
    }

    fn over(upstream: &HttpUpstream, (stream, bindings): (Stream, Option<ChannelBindings>)) -> Box<Self> {
        Box::new(Self {
            transport: FramedTransport::new(stream, ResponseDecoder::new(Limits::default())),
            permit: None,
            owner: None,
            pinned: false,
            handshake: ServiceHandshake::Settled,
            credentials: UpstreamCredentials::Unauthenticated,
            host: upstream.host_header().into(),
            bindings,
            keep_alive: None,
            last_used: Instant::now(),
            request: CurrentRequest::default(),
            last_token: None,
            attempt: None,
            grant: None,
            timeout: upstream.timeout,
            via: upstream.via.clone(),
        })
    }

    /// Whether it may carry a request of `context`: it belongs to that identity, it is idle, and the server has neither
    /// closed it nor sent a response to no request, such as 408. Does not wait.
    pub(crate) async fn is_usable_by(&mut self, context: &SecurityContext) -> bool {
        self.owner.as_ref() == Some(context.identity()) && self.is_usable().await
    }

    /// Whether a client may authenticate on it, since it has no owner.
    pub(crate) async fn is_unowned(&mut self) -> bool {
        self.owner.is_none() && !self.pinned && self.is_usable().await
    }

    /// Whether a handshake that began on it may continue.
    pub(crate) async fn is_in_handshake(&mut self) -> bool {
        self.owner.is_none() && self.pinned && self.is_usable().await
    }

    /// Whether it is idle, and the server has left it open.
    async fn is_usable(&mut self) -> bool {
        let in_time = self.keep_alive.is_none_or(|limit| self.last_used.elapsed() < limit);
        !self.request.is_in_progress && in_time && !self.transport.is_stale().await
    }

    /// Whether it may carry another request after this one: it is not known to be authenticated while its handshake
    /// is not settled, so that a 401 there would not mean that the server rejects the account.
    pub(crate) fn may_be_kept(&self) -> bool {
        self.handshake == ServiceHandshake::Settled
    }

    /// Whether it carries anonymous requests.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.owner.as_ref().is_some_and(Identity::is_anonymous)
    }

    /// A handshake begins on it: no other credentials are sent on it from now on.
    pub(crate) const fn pin(&mut self) {
        self.pinned = true;
    }

    /// `context` owns it from now on.
    pub(crate) fn set_owner(&mut self, upstream: &HttpUpstream, context: &SecurityContext) {
        if let Some(permit) = &mut self.permit {
            permit.set_owner(context.identity());
        }
        self.owner = Some(context.identity().clone());
        self.credentials = upstream.identity.for_caller(context);
    }
}

/// When a connection may carry a further request of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    AtOnce,
    /// After [`UpstreamConnection::reauthenticate`].
    AfterAuthentication,
}

/// Where a client connection keeps its idle upstream connection. There is at most one.
pub(crate) struct UpstreamSlot {
    pub(crate) connection: Option<Box<UpstreamConnection>>,
    /// The forwarding headers of the client's requests.
    pub(crate) forwarding: Forwarding,
}

impl UpstreamSlot {
    /// A slot without a connection.
    pub(crate) const fn new(forwarding: Forwarding) -> Self {
        Self { connection: None, forwarding }
    }

    /// Takes the connection out for a request of `context` for `target`. Returns none, and closes the connection, if
    /// it may not carry the request. Does not wait.
    pub(crate) async fn take(
        &mut self,
        context: &SecurityContext,
        target: &str,
    ) -> Option<(Box<UpstreamConnection>, Reuse)> {
        let mut connection = self.connection.take()?;
        if !connection.is_usable_by(context).await {
            return None;
        }
        let reuse = connection.reuse_for(target)?;
        Some((connection, reuse))
    }

    /// Takes a connection back whose response is read to its end, if it may carry another request.
    pub(crate) fn put_back(&mut self, mut connection: Box<UpstreamConnection>) {
        if connection.end_response() && connection.may_be_kept() {
            self.connection = Some(connection);
        }
    }

    /// Closes the connection, if there is one.
    pub(crate) fn close(&mut self) {
        self.connection = None;
    }

    /// Closes the connection if the server closes it or sends anything between requests, so that the next request is
    /// sent on a new one.
    pub(crate) fn poll_idle(&mut self, task: &mut Context<'_>) {
        if self.connection.as_mut().is_some_and(|connection| connection.transport.poll_fill(task).is_ready())
        {
            self.close();
        }
    }
}

//! A client connection: reads requests and writes responses, within the client's time limits.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http1::{Event, Framing, RequestDecoder, RequestHead};
use identity::SecurityContext;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::body_budget::Share;
use crate::clock;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::context::{ConnectionError, HttpTimeout};
use crate::http::downstream::minimum_rate::MinimumRate;
use crate::http::downstream::work_quota::{Turn, WorkQuota};
use crate::http::shutdown::ShutdownSignal;
use crate::http::transport::{FramedTransport, Stream, TransportError};
use crate::http::upstream::connection::UpstreamSlot;
use crate::tcp::admission::ConnectionPermit;
use crate::tcp::stream::SHUTDOWN_TIMEOUT;
use crate::timer::Timer;

/// How long the proxy waits for the rest of a request during a shutdown.
const SHUTDOWN_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may take to read its last response.
const LINGER: Duration = Duration::from_secs(2);

/// One client connection: its transport, and the limits of time that apply to it.
pub(crate) struct Downstream {
    pub(crate) config: Arc<HttpListenerConfig>,
    pub(crate) transport: FramedTransport<RequestHead>,
    /// The other end: the client, or a trusted reverse proxy.
    pub(crate) peer: SocketAddr,
    pub(crate) permit: ConnectionPermit,
    /// Whether a trusted reverse proxy opened it, which need not authenticate itself.
    is_trusted: bool,
    /// The client that authenticated last.
    client: Option<SecurityContext>,
    /// When the connection last became unauthenticated: when it was accepted, or when the client's context ended.
    unauthenticated_since: Instant,
    pub(crate) minimum_rate: MinimumRate,
    pub(crate) work: WorkQuota,
    pub(crate) shutdown: ShutdownSignal,
    pub(crate) timer: Timer,
    /// The memory that the response counts for, until the client has read it.
    pub(crate) held: Option<Share>,
    /// How the body of the request is framed.
    pub(crate) framing: Framing,
    /// Whether the request's body has not been read to its end.
    pub(crate) unread: bool,
    /// Whether the response to the request continues a handshake, which ends with the connection.
    pub(crate) in_handshake: bool,
    /// Whether the client sends the body only after `100 Continue`.
    pub(crate) expects_continue: bool,
}

/// An event on a client's connection while its response is prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientEvent {
    /// The client sent something ahead.
    Received,
    /// The given time was reached.
    Deadline,
    /// The proxy accepts no more requests.
    Shutdown,
}

impl Downstream {
    pub(crate) fn new(
        config: Arc<HttpListenerConfig>,
        stream: Stream,
        peer: SocketAddr,
        permit: ConnectionPermit,
        accepted: Instant,
        shutdown: ShutdownSignal,
    ) -> Self {
        let decoder = RequestDecoder::new(config.sizes.framing);
        Self {
            transport: FramedTransport::new(stream, decoder),
            config,
            peer,
            is_trusted: permit.is_authenticated(),
            permit,
            client: None,
            unauthenticated_since: accepted,
            minimum_rate: MinimumRate::default(),
            work: WorkQuota::new(accepted),
            shutdown,
            timer: Timer::default(),
            held: None,
            framing: Framing::None,
            unread: false,
            in_handshake: false,
            expects_continue: false,
        }
    }

    /// The client of `context` authenticated: the time limits of authenticated clients apply while the context is
    /// valid.
    pub(crate) fn set_client(&mut self, context: &SecurityContext) {
        self.permit.set_authenticated(Instant::now());
        self.minimum_rate.set_authenticated();
        if !self.client.as_ref().is_some_and(|client| client.is_same(context)) {
            self.client = Some(context.clone());
        }
    }

    /// Until when the connection may stay unauthenticated; `None` while a client is authenticated. A client whose
    /// context was revoked or has expired has the time of a new connection to authenticate again.
    fn authentication_ends(&mut self) -> Option<Instant> {
        if self.is_trusted {
            return None;
        }
        if let Some(client) = &self.client {
            if client.check(clock::now()).is_ok() {
                return None;
            }
            self.client = None;
            self.unauthenticated_since = Instant::now();
        }
        Some(self.unauthenticated_since + self.config.limits.handshake)
    }

    /// Whether a client is authenticated, or need not be.
    pub(crate) fn is_authenticated(&mut self) -> bool {
        self.authentication_ends().is_none()
    }

    /// Until when the next request may begin.
    pub(crate) fn idle_until(&mut self) -> Instant {
        self.authentication_ends().unwrap_or_else(|| Instant::now() + self.config.limits.idle)
    }

    /// Returns the head of the next request, or `None` if there is no further one. While it waits, it closes an
    /// upstream connection that the server closes.
    pub(crate) async fn next_request(
        &mut self,
        upstream: &mut UpstreamSlot,
        until: Instant,
    ) -> Result<Option<(RequestHead, Framing)>, ConnectionError> {
        while self.transport.decoder.buffered() == 0 {
            if !self.idle(upstream, until).await? {
                return Ok(None);
            }
        }
        // Requests that follow each other without a pause are never waited for.
        if self.authentication_ends().is_some_and(|end| Instant::now() >= end) {
            return Err(HttpTimeout::Authentication.into());
        }
        self.minimum_rate = MinimumRate::new(&self.config.limits);
        match self.event().await? {
            Event::Head { head, framing } => {
                self.work.begin_request();
                self.framing = framing;
                self.unread = true;
                self.in_handshake = false;
                self.expects_continue = head.expects_continue() && framing.has_body();
                Ok(Some((head, framing)))
            }
            Event::Body(_) | Event::End => Err(ConnectionError::NoHead),
        }
    }

    /// Waits for the next request. Returns false if the wait is over without one.
    async fn idle(&mut self, upstream: &mut UpstreamSlot, until: Instant) -> io::Result<bool> {
        poll_fn(|task| {
            let received = self.poll_idle(task, upstream, until);
            if received.is_pending() {
                self.work.waited();
            }
            received
        })
        .await
    }

    /// Ready with true if the client sent something, and with false if the wait is over.
    fn poll_idle(
        &mut self,
        task: &mut Context<'_>,
        upstream: &mut UpstreamSlot,
        until: Instant,
    ) -> Poll<io::Result<bool>> {
        if let Poll::Ready(filled) = self.transport.poll_fill(task) {
            return Poll::Ready(filled.map(|count| count > 0));
        }
        upstream.poll_idle(task);
        while let Poll::Ready(goes_on) = self.shutdown.poll(task) {
            if !goes_on || self.shutdown.is_requested() {
                return Poll::Ready(Ok(false));
            }
        }
        self.timer.poll(task, until).map(|()| Ok(false))
    }

    /// The next event of a request.
    pub(crate) async fn event(&mut self) -> Result<Event<RequestHead>, ConnectionError> {
        loop {
            if let Some(event) = self.received_event().await? {
                return Ok(event);
            }
            self.more().await?;
        }
    }

    /// The next event of a request that has been received; `None` if more has to be read first.
    pub(crate) async fn received_event(&mut self) -> Result<Option<Event<RequestHead>>, ConnectionError> {
        self.work.add(self.transport.take_work());
        if self.work.is_due() {
            let is_authenticated = self.is_authenticated();
            self.end_round(is_authenticated).await?;
        }
        Ok(self.transport.ready().map_err(TransportError::from)?)
    }

    /// Adds the `work` of reading a response of the server, which only rounds limit.
    pub(crate) async fn add_upstream_work(&mut self, work: u32) -> Result<(), ConnectionError> {
        self.work.add(work);
        if self.work.is_due() { self.end_round(true).await } else { Ok(()) }
    }

    /// Ends the round: yields to the other connections of the thread if this one has used up its work quota. A client
    /// that is not authenticated and has caused too much work is delayed.
    #[cold]
    async fn end_round(&mut self, is_authenticated: bool) -> Result<(), ConnectionError> {
        let unauthenticated = (!is_authenticated).then_some(&mut self.permit);
        match self.work.next(unauthenticated, Instant::now()) {
            Turn::Continue => {}
            Turn::Yield => yield_now().await,
            Turn::Delay(pause) => self.delay(pause).await?,
        }
        Ok(())
    }

    /// Waits for `delay`, or until the proxy shuts down.
    pub(crate) async fn delay(&mut self, delay: Duration) -> Result<(), ConnectionError> {
        let Self { shutdown, timer, .. } = self;
        let until = Instant::now() + delay;
        poll_fn(|task| match shutdown.poll(task) {
            Poll::Ready(_) => Poll::Ready(Err(ConnectionError::Shutdown)),
            Poll::Pending => timer.poll(task, until).map(Ok),
        })
        .await
    }

    /// Waits for more of a request. The client has the time that its [`MinimumRate`] leaves, but during a shutdown no
    /// longer than [`SHUTDOWN_REQUEST_TIMEOUT`].
    pub(crate) async fn more(&mut self) -> Result<(), ConnectionError> {
        self.more_unless(|_| false).await.map(drop)
    }

    /// Like [`Self::more`], but stops waiting when `ends` returns true, and returns false then.
    pub(crate) async fn more_unless(
        &mut self,
        mut ends: impl FnMut(&mut Context<'_>) -> bool,
    ) -> Result<bool, ConnectionError> {
        if self.transport.has_ended() {
            return Err(TransportError::Closed.into());
        }
        let begin = Instant::now();
        let in_time = begin + self.minimum_rate.left();
        let authentication_ends = self.authentication_ends();
        let in_time = authentication_ends.map_or(in_time, |end| in_time.min(end));
        let received = poll_fn(|task| {
            if ends(task) {
                return Poll::Ready(Ok(None));
            }
            if let Poll::Ready(filled) = self.transport.poll_fill(task) {
                return Poll::Ready(filled.map(Some).map_err(ConnectionError::from));
            }
            self.work.waited();
            while let Poll::Ready(goes_on) = self.shutdown.poll(task) {
                if !goes_on {
                    return Poll::Ready(Err(ConnectionError::Shutdown));
                }
            }
            let until = match self.shutdown.requested_at() {
                Some(requested) => in_time.min(requested + SHUTDOWN_REQUEST_TIMEOUT),
                None => in_time,
            };
            let is_authentication = authentication_ends.is_some_and(|end| end <= until);
            let why = if is_authentication { HttpTimeout::Authentication } else { HttpTimeout::Request };
            self.timer.poll(task, until).map(|()| Err(why.into()))
        })
        .await?;
        self.minimum_rate.record(received.unwrap_or_default(), begin.elapsed());
        Ok(received.is_some())
    }

    /// Ready when the client sends data ahead, of which a limited amount is read.
    ///
    /// # Errors
    /// When the client closed the connection.
    pub(crate) fn poll_ahead(&mut self, task: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        if self.transport.decoder.buffered() >= self.config.sizes.pipelined {
            return Poll::Pending;
        }
        self.transport.poll_fill(task).map(|filled| match filled {
            Ok(0) => Err(TransportError::Closed.into()),
            filled => filled.map(drop).map_err(ConnectionError::from),
        })
    }

    /// Ready when the client sends data, at `until`, and, if the wait `ends_at_shutdown`, when the proxy shuts down.
    /// Called while the response to the client is prepared.
    ///
    /// # Errors
    /// When the client closed the connection, or the proxy ends without waiting for requests in progress.
    pub(crate) fn poll_while_responding(
        &mut self,
        task: &mut Context<'_>,
        until: Instant,
        ends_at_shutdown: bool,
    ) -> Poll<Result<ClientEvent, ConnectionError>> {
        if let Poll::Ready(received) = self.poll_ahead(task) {
            return Poll::Ready(received.map(|()| ClientEvent::Received));
        }
        while let Poll::Ready(goes_on) = self.shutdown.poll(task) {
            if !goes_on {
                return Poll::Ready(Err(ConnectionError::Shutdown));
            }
        }
        if ends_at_shutdown && self.shutdown.is_requested() {
            return Poll::Ready(Ok(ClientEvent::Shutdown));
        }
        self.timer.poll(task, until).map(|()| Ok(ClientEvent::Deadline))
    }

    /// Sends the output to the client. An authenticated client has `handshake_seconds` for each piece, another until
    /// the end of its time for authentication.
    pub(crate) async fn flush(&mut self) -> Result<(), ConnectionError> {
        // Most output is sent at once, and needs no timer.
        if self.transport.flush_now().await? {
            return Ok(());
        }
        let end = self.authentication_ends();
        let sent = self.flush_rest();
        match end {
            Some(end) => timeout_at(end, sent).await.map_err(|_| HttpTimeout::Authentication)?,
            None => sent.await,
        }
    }

    /// Sends output that the client does not accept at once. During a shutdown, a client that accepts nothing has
    /// [`SHUTDOWN_TIMEOUT`].
    async fn flush_rest(&mut self) -> Result<(), ConnectionError> {
        let Self { transport, shutdown, timer, config, .. } = self;
        let (mut left, mut since) = (transport.out.len(), Instant::now());
        let ends = |transport: &mut FramedTransport<_>, task: &mut Context<'_>| {
            if transport.out.len() < left {
                (left, since) = (transport.out.len(), Instant::now());
            }
            while let Poll::Ready(goes_on) = shutdown.poll(task) {
                if !goes_on {
                    return true;
                }
            }
            let requested = shutdown.requested_at();
            requested.is_some_and(|at| timer.poll(task, at.max(since) + SHUTDOWN_TIMEOUT).is_ready())
        };
        let is_sent = transport.flush_unless(config.limits.handshake, ends).await?;
        if is_sent { Ok(()) } else { Err(ConnectionError::Shutdown) }
    }

    /// Lets the client read its last response, and closes the connection.
    pub(crate) async fn linger(&mut self) {
        self.transport.linger(LINGER.min(self.config.limits.handshake)).await;
    }
}

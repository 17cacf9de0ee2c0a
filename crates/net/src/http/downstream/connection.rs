//! A client connection: its state, what it waits for, and what it sends to the client, within the client's time limits.
//! Each wait of a request ends when the client closes its connection, the proxy ends, the client's account is revoked,
//! or a time limit is exceeded.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http1::{Framing, RequestDecoder, RequestHead};
use identity::SecurityContext;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::body_budget::Share;
use crate::clock;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::context::{ConnectionError, HttpTimeout};
use crate::http::downstream::minimum_rate::MinimumRate;
use crate::http::downstream::work_quota::{Turn, WorkQuota};
use crate::http::shutdown::ShutdownSignal;
use crate::http::transport::{FramedTransport, Progress, Stream, TransportError};
use crate::http::trusted_proxies::PeerAddresses;
use crate::tcp::accept::CHECK_INTERVAL;
use crate::tcp::admission::ConnectionPermit;
use crate::tcp::connection_limit::ConnectionLimit;
use crate::tcp::stream::SHUTDOWN_TIMEOUT;
use crate::timer::Timer;

/// How long a client may take to read its last response.
const LINGER: Duration = Duration::from_secs(2);

/// One client connection: its transport, and the limits of time that apply to it.
pub(crate) struct Downstream {
    pub(crate) config: Arc<HttpListenerConfig>,
    pub(crate) transport: FramedTransport<RequestHead>,
    /// The other end: the client, or a trusted reverse proxy.
    pub(crate) peer: PeerAddresses,
    pub(crate) permit: ConnectionPermit,
    /// Whether a trusted reverse proxy opened it, which need not authenticate itself.
    is_trusted: bool,
    /// The client that authenticated last.
    client: Option<SecurityContext>,
    /// The authenticated client of the request in progress: each wait ends once its account is revoked.
    pub(crate) caller: Option<SecurityContext>,
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

/// What ends a wait before its event, besides the revocation of the client's account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitLimits {
    /// The time limit; `None` if what is waited for has one.
    pub(crate) until: Option<Instant>,
    pub(crate) at_shutdown: AtShutdown,
    /// Whether the wait ends when the client closes its end, for which a limited amount of what it sends ahead is read.
    /// Not to be set while a request is read, nor while output is sent: a client may close its end after its request,
    /// and reading and writing detect the end of the connection.
    pub(crate) watches_client: bool,
}

impl WaitLimits {
    /// For a wait on behalf of an admitted request, for something that has its own time limit.
    pub(crate) const REQUEST: Self =
        Self { until: None, at_shutdown: AtShutdown::Continues, watches_client: true };
}

/// What a wait does once the proxy accepts no more requests. When the proxy ends, each wait fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtShutdown {
    /// It continues.
    Continues,
    /// It ends.
    Ends,
    /// It ends so much later.
    EndsAfter(Duration),
}

/// The end of a wait.
#[derive(Debug)]
pub(crate) enum Waited<T> {
    /// The event that was waited for.
    Event(T),
    /// The time limit was exceeded.
    Deadline,
    /// The proxy accepts no more requests.
    Shutdown,
}

impl Downstream {
    pub(crate) fn new(
        config: Arc<HttpListenerConfig>,
        stream: Stream,
        peer: PeerAddresses,
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
            caller: None,
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

    /// The client of `context` authenticated for the request in progress: the time limits of authenticated clients
    /// apply while the context is valid.
    ///
    /// # Errors
    /// If the client's user may have no further connection. Then nothing changes.
    pub(crate) fn set_client(&mut self, context: &SecurityContext) -> Result<(), ConnectionLimit> {
        if !self.client.as_ref().is_some_and(|client| client.is_same(context)) {
            let user = context.identity().user();
            self.permit.set_authenticated(user, Instant::now)?;
            self.client = Some(context.clone());
            self.permit.set_user(user);
        }
        self.caller = Some(context.clone());
        self.minimum_rate.set_authenticated();
        Ok(())
    }

    /// Until when the connection may stay unauthenticated; `None` while a client is authenticated. A client whose
    /// context was revoked or has expired has the time of a new connection to authenticate again.
    pub(crate) fn authentication_ends(&mut self) -> Option<Instant> {
        if self.is_trusted {
            return None;
        }
        if let Some(client) = &self.client {
            if client.check(clock::now).is_ok() {
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

    /// Waits until `poll` is ready, to which it passes the client's transport.
    ///
    /// # Errors
    /// If the client closed the connection, the proxy ends, the account of the client was revoked, or the connection of
    /// another user displaced this one.
    pub(crate) async fn wait<T>(
        &mut self,
        limits: WaitLimits,
        mut poll: impl FnMut(&mut FramedTransport<RequestHead>, &mut Context<'_>) -> Poll<T>,
    ) -> Result<Waited<T>, ConnectionError> {
        let mut next_check = None;
        poll_fn(|task| {
            // An event that is ready costs nothing else. Later the limits are first, since reads and writes that are
            // always ready use up what the runtime lets a task do at once.
            if next_check.is_none()
                && let Poll::Ready(event) = poll(&mut self.transport, task)
            {
                return Poll::Ready(Ok(Waited::Event(event)));
            }
            let is_first = next_check.is_none();
            let next_check = next_check.get_or_insert_with(|| Instant::now() + CHECK_INTERVAL);
            if let Poll::Ready(end) = self.poll_limits(task, limits, next_check) {
                return Poll::Ready(end);
            }
            if !is_first && let Poll::Ready(event) = poll(&mut self.transport, task) {
                return Poll::Ready(Ok(Waited::Event(event)));
            }
            self.work.waited();
            Poll::Pending
        })
        .await
    }

    /// Waits for `future`, which has its own time limit, on behalf of the request in progress.
    pub(crate) async fn wait_for<T>(
        &mut self,
        future: impl Future<Output = T>,
    ) -> Result<T, ConnectionError> {
        self.wait_within(WaitLimits::REQUEST, future).await
    }

    /// Waits for `future`, which has its own time limit.
    pub(crate) async fn wait_within<T>(
        &mut self,
        limits: WaitLimits,
        future: impl Future<Output = T>,
    ) -> Result<T, ConnectionError> {
        let mut future = pin!(future);
        match self.wait(limits, |_, task| future.as_mut().poll(task)).await? {
            Waited::Event(value) => Ok(value),
            Waited::Deadline | Waited::Shutdown => Err(ConnectionError::Shutdown),
        }
    }

    /// Waits for `delay`, unless the proxy shuts down.
    pub(crate) async fn delay(&mut self, delay: Duration) -> Result<(), ConnectionError> {
        let limits = WaitLimits {
            until: Some(Instant::now() + delay),
            at_shutdown: AtShutdown::Ends,
            watches_client: true,
        };
        let mut never = pin!(pending::<()>());
        match self.wait(limits, |_, task| never.as_mut().poll(task)).await? {
            Waited::Event(()) | Waited::Deadline => Ok(()),
            Waited::Shutdown => Err(ConnectionError::Shutdown),
        }
    }

    /// Ends the round: yields to the other connections of the thread if this one has used up its work quota. A client
    /// that is not authenticated and has caused too much work is delayed. Whatever is always ready, the limits apply at
    /// the end of a round.
    #[cold]
    pub(crate) async fn end_round(
        &mut self,
        is_authenticated: bool,
        limits: WaitLimits,
    ) -> Result<Waited<()>, ConnectionError> {
        let unauthenticated = (!is_authenticated).then_some(&mut self.permit);
        match self.work.next(unauthenticated, Instant::now()) {
            Turn::Continue => {}
            Turn::Yield => {
                let mut turn = pin!(yield_now());
                return self.wait(limits, |_, task| turn.as_mut().poll(task)).await;
            }
            Turn::Delay(pause) => {
                self.delay(pause).await?;
                if self.authentication_ends().is_some_and(|end| Instant::now() >= end) {
                    return Err(HttpTimeout::Authentication.into());
                }
            }
        }
        Ok(Waited::Event(()))
    }

    /// Ready once a limit ends the wait. Whether the account is revoked is checked now and at `next_check`; then also
    /// whether the client closed the connection after more data than is read ahead.
    fn poll_limits<T>(
        &mut self,
        task: &mut Context<'_>,
        limits: WaitLimits,
        next_check: &mut Instant,
    ) -> Poll<Result<Waited<T>, ConnectionError>> {
        if limits.watches_client {
            while let Poll::Ready(received) = self.poll_ahead(task) {
                received?;
            }
        }
        while let Poll::Ready(goes_on) = self.shutdown.poll(task) {
            if !goes_on {
                return Poll::Ready(Err(ConnectionError::Shutdown));
            }
        }
        if self.poll_displaced(task).is_ready() {
            return Poll::Ready(Err(ConnectionError::Displaced));
        }
        let shutdown_ends = match limits.at_shutdown {
            AtShutdown::Ends if self.shutdown.is_requested() => return Poll::Ready(Ok(Waited::Shutdown)),
            AtShutdown::Continues | AtShutdown::Ends => None,
            AtShutdown::EndsAfter(time) => self.shutdown.requested_at().map(|at| at + time),
        };
        loop {
            if self.caller.as_ref().is_some_and(SecurityContext::is_revoked) {
                return Poll::Ready(Err(ConnectionError::Revoked));
            }
            let check = (limits.watches_client || self.caller.is_some()).then_some(*next_check);
            let Some(first) = [limits.until, shutdown_ends, check].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            ready!(self.timer.poll(task, first));
            if limits.until.is_some_and(|until| until <= first) {
                return Poll::Ready(Ok(Waited::Deadline));
            }
            if shutdown_ends.is_some_and(|end| end <= first) {
                return Poll::Ready(Ok(Waited::Shutdown));
            }
            if limits.watches_client && self.transport.is_closed(task) {
                return Poll::Ready(Err(TransportError::Closed.into()));
            }
            *next_check = Instant::now() + CHECK_INTERVAL;
        }
    }

    /// Ready when the connection must be closed because that of another user displaced it.
    pub(crate) fn poll_displaced(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let displaced = self.permit.poll_displaced(task);
        if displaced.is_ready() {
            let user = self.client.as_ref().map(SecurityContext::principal);
            self.config.log.connection_displaced(self.peer.client, user);
        }
        displaced
    }

    /// Ready when the client sends data ahead, of which a limited amount is read.
    ///
    /// # Errors
    /// When the client closed the connection.
    fn poll_ahead(&mut self, task: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        if self.transport.decoder.buffered() >= self.config.sizes.pipelined {
            return Poll::Pending;
        }
        self.transport.poll_fill(task).map(|filled| match filled {
            Ok(0) => Err(TransportError::Closed.into()),
            filled => filled.map(drop).map_err(ConnectionError::from),
        })
    }

    /// Sends the output to the client. An authenticated client has `handshake_seconds` for each piece, another until
    /// the end of its time for authentication.
    pub(crate) async fn flush(&mut self) -> Result<(), ConnectionError> {
        // Most output is sent at once, and needs no timer.
        if self.transport.flush_now().await? { Ok(()) } else { self.flush_rest().await }
    }

    /// Sends output that the client does not accept at once. During a shutdown, a client that accepts nothing has
    /// [`SHUTDOWN_TIMEOUT`].
    async fn flush_rest(&mut self) -> Result<(), ConnectionError> {
        loop {
            let now = Instant::now();
            let since_shutdown = self.shutdown.requested_at().map_or(Duration::ZERO, |at| now - at);
            let (in_time, end) = (now + self.config.limits.handshake, self.authentication_ends());
            let limits = WaitLimits {
                until: Some(end.map_or(in_time, |end| end.min(in_time))),
                at_shutdown: AtShutdown::EndsAfter(since_shutdown + SHUTDOWN_TIMEOUT),
                watches_client: false,
            };
            match self.wait(limits, FramedTransport::poll_send).await? {
                Waited::Event(sent) => {
                    if sent? == Progress::All {
                        return Ok(());
                    }
                }
                Waited::Deadline if end.is_some() => return Err(HttpTimeout::Authentication.into()),
                Waited::Deadline => return Err(HttpTimeout::Unread.into()),
                Waited::Shutdown => return Err(ConnectionError::Shutdown),
            }
        }
    }

    /// Lets the client read its last response, and closes the connection.
    pub(crate) async fn linger(&mut self) {
        self.transport.linger(LINGER.min(self.config.limits.handshake)).await;
    }
}

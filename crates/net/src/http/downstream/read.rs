//! Reads a client's requests, heads and bodies, within the client's time limits.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http1::{Event, Framing, RequestHead};
use identity::Identity;
use mapi::mapihttp::ResponseCode;
use tokio::time::Instant;

use crate::body_budget::{MemoryLimit, Share};
use crate::http::downstream::accumulator::BodyAccumulator;
use crate::http::downstream::connection::{AtShutdown, Downstream, WaitLimits, Waited};
use crate::http::downstream::context::{ConnectionError, HttpTimeout, RequestContext};
use crate::http::downstream::minimum_rate::MinimumRate;
use crate::http::downstream::respond;
use crate::http::output::OutputBuffer;
use crate::http::transport::TransportError;
use crate::http::upstream::connection::UpstreamSlot;
use crate::http::upstream::request_head::BodyFraming;

/// How long the proxy waits for the rest of a request during a shutdown.
const SHUTDOWN_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// A chunked body up to this length is read before it is forwarded, with its length.
const SHORT_CHUNKED_BODY: usize = 64 * 1024;

/// The most bytes that the framing of a body's chunks may have beyond the limit on the body.
const CHUNK_FRAMING: usize = 64 * 1024;

/// The most bytes of a refused body that are read and dropped to keep the connection of an unauthenticated client open.
const UNAUTHENTICATED_SKIP: usize = 64 * 1024;

/// Why a body is rejected.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum BodyError {
    /// The body exceeds the limit.
    #[error("the request is too large")]
    TooLarge,
    /// The part received exceeds a limit on memory.
    #[error("{why}")]
    Full {
        /// The bytes received.
        received: usize,
        why: MemoryLimit,
    },
}

/// A body that was read as a whole, or rejected.
pub(crate) enum BufferedBody {
    /// The body, and its share of the memory that its sender may use.
    Complete(Bytes, Share),
    /// Why the body is rejected. The rest of it was not read.
    Rejected(BodyError),
}

impl Downstream {
    /// Returns the head of the next request, or `None` if there is no further one. While it waits, it closes an
    /// upstream connection that the server closes.
    pub(crate) async fn next_request(
        &mut self,
        upstream: &mut UpstreamSlot,
        until: Instant,
    ) -> Result<Option<(Box<RequestHead>, Framing)>, ConnectionError> {
        let was_sent_ahead = self.transport.decoder.buffered() > 0;
        while self.transport.decoder.buffered() == 0 {
            if !self.idle(upstream, until).await? {
                return Ok(None);
            }
        }
        // Requests that follow each other without a pause are never waited for.
        if was_sent_ahead && self.authentication_ends().is_some_and(|end| Instant::now() >= end) {
            return Err(HttpTimeout::Authentication.into());
        }
        self.caller = None;
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
    async fn idle(&mut self, upstream: &mut UpstreamSlot, until: Instant) -> Result<bool, ConnectionError> {
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
    ) -> Poll<Result<bool, ConnectionError>> {
        if let Poll::Ready(filled) = self.transport.poll_fill(task) {
            return Poll::Ready(filled.map(|count| count > 0).map_err(ConnectionError::from));
        }
        if self.poll_displaced(task).is_ready() {
            return Poll::Ready(Err(ConnectionError::Displaced));
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
            let limits = WaitLimits { watches_client: false, ..WaitLimits::REQUEST };
            let is_authenticated = self.is_authenticated();
            self.end_round(is_authenticated, limits).await?;
        }
        Ok(self.transport.ready().map_err(TransportError::from)?)
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
        let limits = WaitLimits {
            until: Some(authentication_ends.map_or(in_time, |end| in_time.min(end))),
            at_shutdown: AtShutdown::EndsAfter(SHUTDOWN_REQUEST_TIMEOUT),
            watches_client: false,
        };
        let received = self.wait(limits, |transport, task| {
            if ends(task) { Poll::Ready(Ok(None)) } else { transport.poll_fill(task).map_ok(Some) }
        });
        let received = match received.await? {
            Waited::Event(received) => received?,
            Waited::Deadline if authentication_ends.is_some_and(|end| end <= in_time) => {
                return Err(HttpTimeout::Authentication.into());
            }
            Waited::Deadline | Waited::Shutdown => return Err(HttpTimeout::Request.into()),
        };
        self.minimum_rate.record(received.unwrap_or_default(), begin.elapsed());
        Ok(received.is_some())
    }

    /// The next part of the request's body; `None` at its end.
    async fn next_body_piece(&mut self) -> Result<Option<Bytes>, ConnectionError> {
        match self.event().await? {
            Event::Body(piece) => Ok(Some(piece.into_data())),
            Event::End | Event::Head { .. } => {
                self.unread = false;
                Ok(None)
            }
        }
    }

    /// Sends `100 Continue` if the client waits for it before it sends the body.
    pub(crate) async fn send_continue(&mut self) -> Result<(), ConnectionError> {
        if std::mem::take(&mut self.expects_continue) && self.transport.decoder.buffered() == 0 {
            self.transport.out.bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        Ok(())
    }

    /// Reads the whole body of a request by `sender`.
    pub(crate) async fn body(
        &mut self,
        framing: Framing,
        sender: &Identity,
    ) -> Result<BufferedBody, ConnectionError> {
        let limit = self.config.sizes.body;
        if let Framing::Length(length) = framing
            && usize::try_from(length).map_or(true, |length| length > limit)
        {
            return Ok(BufferedBody::Rejected(BodyError::TooLarge));
        }
        self.transport.decoder.gather(limit);
        let mut whole = BodyAccumulator::default();
        let mut share = self.config.bodies.share(sender);
        let mut on_the_wire = 0;
        loop {
            match self.received_event().await? {
                Some(Event::Body(piece)) => {
                    on_the_wire += piece.wire().len();
                    let part = piece.into_data();
                    if whole.len() + part.len() > limit || on_the_wire > limit + CHUNK_FRAMING {
                        return Ok(BufferedBody::Rejected(BodyError::TooLarge));
                    }
                    whole.push(part);
                }
                Some(Event::End | Event::Head { .. }) => {
                    self.unread = false;
                    return Ok(BufferedBody::Complete(whole.take(), share));
                }
                None => self.more().await?,
            }
            let received = whole.len() + self.transport.decoder.buffered();
            if let Err(why) = share.set(received) {
                return Ok(BufferedBody::Rejected(BodyError::Full { received, why }));
            }
        }
    }

    /// Refuses the request since there is no memory for its body. `operation` names it in the log; `code` is the
    /// `X-ResponseCode` of the response if it is an operation of MAPI over HTTP.
    #[cold]
    pub(crate) fn refuse_for_memory(
        &mut self,
        request: &RequestContext,
        operation: &str,
        code: Option<ResponseCode>,
        why: MemoryLimit,
    ) {
        self.config.log.memory_limit(request.peer, request.context.principal(), operation, &why.to_string());
        respond::too_busy(&mut self.transport.out.bytes, &request.head, code);
    }

    /// Reads the beginning of a chunked body, and decides its framing upstream: by length if it is short, since not all
    /// servers accept chunks (RFC 9112 6.1), otherwise in chunks.
    pub(crate) async fn read_short_chunked(&mut self) -> Result<(Bytes, BodyFraming), ConnectionError> {
        let mut gathered = BodyAccumulator::default();
        while gathered.len() <= SHORT_CHUNKED_BODY {
            let Some(part) = self.next_body_piece().await? else {
                let length = u64::try_from(gathered.len()).unwrap_or(u64::MAX);
                return Ok((gathered.take(), BodyFraming::Length(length)));
            };
            gathered.push(part);
        }
        Ok((gathered.take(), BodyFraming::Unchanged))
    }

    /// How many bytes of a refused body are read and dropped, so that the connection can stay open.
    fn skip_limit(&mut self) -> usize {
        if self.in_handshake || self.is_authenticated() {
            self.config.sizes.body
        } else {
            UNAUTHENTICATED_SKIP
        }
    }

    /// The output, for the head of the response to the current `request`. Each response to a request begins with this
    /// call: it decides whether the connection closes after the response, which the head has to state (RFC 9112 9.6).
    pub(crate) fn response_to(&mut self, request: &mut RequestHead) -> &mut OutputBuffer {
        if self.closes_after_response() {
            request.close();
        }
        &mut self.transport.out
    }

    /// Whether the connection closes after the response to the current request, whose head is to be written: since the
    /// proxy accepts no more requests, or since the rest of the request will not be read.
    pub(crate) fn closes_after_response(&mut self) -> bool {
        self.shutdown.is_requested() || (self.unread && self.leaves_body_unread())
    }

    /// Whether the rest of the body of a refused request is not to be read: it is too long, its length is not known in
    /// advance, or the client may not send it, since it expects `100 Continue` (RFC 9110 10.1.1). A client in a
    /// handshake could not continue that on another connection.
    fn leaves_body_unread(&mut self) -> bool {
        match self.framing {
            Framing::None | Framing::UntilClose => false,
            Framing::Length(length) => {
                let is_long = usize::try_from(length).map_or(true, |length| length > self.skip_limit());
                is_long || (self.expects_continue && !self.in_handshake)
            }
            Framing::Chunked => true,
        }
    }

    /// Reads and drops the rest of a refused request. A body in chunks that is too long for that is left unread.
    pub(crate) async fn skip_body(&mut self) -> Result<(), ConnectionError> {
        let mut left = self.skip_limit();
        while let Event::Body(piece) = self.event().await? {
            match left.checked_sub(piece.wire().len()) {
                Some(rest) => left = rest,
                None => return Ok(()),
            }
        }
        self.unread = false;
        Ok(())
    }
}

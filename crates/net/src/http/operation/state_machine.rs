//! One operation by MAPI over HTTP as a state machine without I/O.
//!
//! [`begin`] takes a complete request, and returns the first [`Step`]. Each step is a type that owns the operation, and
//! each transition consumes it. The caller therefore decides when a transition happens, and the types in which order:
//!
//! ```text
//! begin ─▶ Step::Send(Sending) ── sent ──▶ Receiving, takes events until a ResponseEnd ── end ──▶ Step
//!                              ── failed ▶ Step
//!          Step::Wait(Waiting) ── work_done, deadline ──▶ Step
//!          Step::Done(Done): the response is in the output buffer
//! ```
//!
//! Time, random numbers and the buffer for the client's bytes are passed with each call, as an [`Env`]. What is to be
//! logged is kept in the operation, as [`Event`]s.

use std::task::{Context, Poll};

use bytes::Bytes;
use engine::{
    AwaitsUpstream, AwaitsWork, CookieTable, Engine, Envelope, Finished, Incoming, Next, OperationKey,
    Outcome, Refusal, RefusalKind, response_code,
};
use http1::{Framing, Piece, RequestHead, ResponseHead};
use identity::Random;
use tokio::time::Instant;
use wire::{Endian, Now};

use crate::body_budget::{MemoryLimit, Share};
use crate::http::client_connection::ResponseLimits;
use crate::http::downstream::context::{KeepAlive, RequestContext};
use crate::http::downstream::work_quota::WorkQuota;
use crate::http::operation::http_operation::{Done, Event, HttpOperation, Settings};
use crate::http::operation::late_response::LateResponse;
use crate::http::operation::local_response;
use crate::http::operation::request::{SentAhead, cookies};
use crate::http::operation::response::UpstreamResponse;
use crate::http::output::OutputBuffer;
use crate::http::upstream::response_event::ResponseEvent;
use crate::upstream_error::{Timeout, UpstreamError};

/// The clock, the random numbers and the output that a transition uses.
pub(crate) struct Env<'a> {
    /// Few transitions need the time.
    pub(crate) clock: fn() -> Instant,
    pub(crate) random: &'a mut dyn Random,
    /// The bytes for the client are appended here.
    pub(crate) out: &'a mut OutputBuffer,
    /// Whether the connection closes after the response.
    pub(crate) closes: bool,
    /// The work of decoding is added here.
    pub(crate) work: &'a mut WorkQuota,
}

/// What to do next with an operation.
#[must_use = "an operation that is dropped is aborted"]
pub(crate) enum Step {
    /// Send a request to the server.
    Send(Sending),
    /// Wait until the deferred work of a module is done.
    Wait(Waiting),
    /// The operation is over.
    Done(Done),
}

/// Why no more of the server's response is read.
pub(crate) enum ResponseEnd {
    /// It is complete.
    Complete,
    /// It will not become complete, or cannot be used.
    Failed(UpstreamError),
    /// There is no memory for it.
    MemoryFull(MemoryLimit),
    /// A limit on the sessions of the user is reached, as the text states.
    TooBusy(String),
    /// The session ended before the head was received, whose cookies may be those of another session.
    SessionEnded(Refusal),
    /// The proxy stops, and the operation is a wait for notifications.
    Shutdown,
}

/// An operation whose request is complete.
pub(crate) struct Arrived {
    pub(crate) request: RequestContext,
    pub(crate) key: OperationKey,
    pub(crate) body: Bytes,
    /// The memory that the body counts for.
    pub(crate) share: Share,
    /// When it was complete, by both clocks.
    pub(crate) at: Now,
    pub(crate) since: Instant,
    pub(crate) settings: Settings,
}

/// A request that the engine did not accept as an operation. Its response is in the output buffer.
pub(crate) struct NotBegun {
    pub(crate) request: RequestContext,
    pub(crate) key: OperationKey,
    pub(crate) request_size: usize,
    pub(crate) refusal: Refusal,
    pub(crate) keep_alive: KeepAlive,
}

/// Begins an operation of a session in `sessions`.
///
/// # Errors
/// If the engine does not accept it.
pub(crate) fn begin(
    engine: &Engine,
    sessions: &CookieTable,
    arrived: Arrived,
    env: &mut Env<'_>,
) -> Result<Step, Box<NotBegun>> {
    let Arrived { mut request, key, body, share, at, since, settings } = arrived;
    if env.closes {
        request.head.close();
    }
    let request_size = body.len();
    let incoming = Incoming {
        envelope: Envelope::MAPI_HTTP,
        key,
        stub: body,
        endian: Endian::Little,
        context: request.context.clone(),
        peer: request.peer,
        at,
    };
    match engine.begin_by_cookie(sessions, incoming, &cookies(&request.head)) {
        Ok(next) => {
            let is_wait = next.flight().is_notification_wait();
            let operation = HttpOperation::new(request, key, is_wait, share, settings, since);
            Ok(proceed(Box::new(operation), next, env))
        }
        Err(refusal) => {
            let code = response_code(refusal.kind);
            let keep_alive = local_response::refuse(&mut env.out.bytes, &request, code);
            Err(Box::new(NotBegun { request, key, request_size, refusal, keep_alive }))
        }
    }
}

/// The next step, as the engine decided.
fn proceed(operation: Box<HttpOperation>, mut next: Next, env: &mut Env<'_>) -> Step {
    env.work.add(next.take_work());
    match next {
        Next::Forward(call) => Sending::begin(operation, call, env),
        Next::Defer(work) => {
            let limit = (env.clock)() + work.time_limit();
            Step::Wait(Waiting { operation, work, limit })
        }
        Next::Done(finished) => Step::Done(operation.finish(finished, env.out)),
    }
}

/// A step in which the operation is not over.
pub(crate) trait Unfinished: Sized {
    fn into_parts(self) -> (Box<HttpOperation>, Next);

    /// Aborts the operation, since its client has disconnected.
    fn abandon(self) -> (Box<HttpOperation>, Finished) {
        let (mut operation, next) = self.into_parts();
        operation.response = None;
        (operation, next.abort(Refusal::new(RefusalKind::Failed, "the client disconnected")))
    }
}

/// A request that is to be sent to the server: the operation, or what a module sends ahead of it.
#[must_use = "an operation that is dropped is aborted"]
pub(crate) struct Sending {
    operation: Box<HttpOperation>,
    call: AwaitsUpstream,
}

impl Sending {
    fn begin(mut operation: Box<HttpOperation>, call: AwaitsUpstream, env: &mut Env<'_>) -> Step {
        operation.ahead = match call.ahead().map(|key| SentAhead::new(key, env.random)).transpose() {
            Ok(ahead) => ahead,
            Err(why) => return Step::Done(operation.fail(Next::Forward(call), why, env.out)),
        };
        Step::Send(Self { operation, call })
    }

    /// The client's request.
    pub(crate) const fn request(&self) -> &RequestContext {
        &self.operation.request
    }

    /// The head, with the newest cookies of the session, and the body to send now.
    ///
    /// # Errors
    /// If the request may not be sent any more.
    pub(crate) fn message(&self) -> Result<(Box<RequestHead>, Bytes), Refusal> {
        let body = self.call.stub_to_send()?;
        let mut head = self.operation.request.head.clone();
        if let Some(ahead) = &self.operation.ahead {
            ahead.apply_to(&mut head);
        }
        if let Some(newest) = self.call.cookies_to_send(|| cookies(&self.operation.request.head)) {
            head.fields.remove("cookie");
            if !newest.is_empty() {
                head.fields.push("Cookie", newest);
            }
        }
        // Modules cannot read a compressed response.
        head.fields.remove("accept-encoding");
        Ok((head, body))
    }

    /// The request was sent, with this `head`.
    pub(crate) fn sent(mut self, head: Box<RequestHead>, now: Instant) -> Receiving {
        if self.operation.ahead.is_none() {
            self.operation.sent = Some(head);
        }
        self.call.drop_stub();
        let limit = now + self.operation.settings.call_limit;
        Receiving { operation: self.operation, call: self.call, limit }
    }

    /// The request could not be sent.
    pub(crate) fn failed(self, why: UpstreamError, env: &mut Env<'_>) -> Step {
        Step::Done(self.operation.fail(Next::Forward(self.call), why, env.out))
    }

    /// The request may not be sent any more.
    #[cold]
    pub(crate) fn refused(self, refusal: Refusal, env: &mut Env<'_>) -> Step {
        Step::Done(self.operation.finish(Next::Forward(self.call).abort(refusal), env.out))
    }
}

impl Unfinished for Sending {
    fn into_parts(self) -> (Box<HttpOperation>, Next) {
        (self.operation, Next::Forward(self.call))
    }
}

/// An operation whose request was sent: the server's response is read, up to a limit.
#[must_use = "an operation that is dropped is aborted"]
pub(crate) struct Receiving {
    operation: Box<HttpOperation>,
    call: AwaitsUpstream,
    limit: Instant,
}

impl Receiving {
    /// The client's request.
    pub(crate) const fn request(&self) -> &RequestContext {
        &self.operation.request
    }

    /// Until when to wait for the next event. Meanwhile the client gets a keep-alive, unless the server's own reach it.
    /// A wait for notifications, which may end at any time, ends once the proxy accepts no more requests.
    pub(crate) fn limits(&self) -> ResponseLimits {
        let HttpOperation { response, is_wait, ahead, pending, .. } = &*self.operation;
        let sends_pending = pending.begun || ahead.is_some();
        let is_whole = response.as_ref().is_some_and(|response| response.body.is_done());
        ResponseLimits {
            until: if sends_pending { pending.due(self.limit) } else { self.limit },
            ends_at_shutdown: *is_wait && ahead.is_none() && !is_whole,
        }
    }

    /// Appends to `out` the part of the response that may be sent before it is complete. To be called before waiting.
    pub(crate) fn stream(&mut self, out: &mut OutputBuffer) {
        let HttpOperation { response, ahead, unidentified, .. } = &mut *self.operation;
        if let Some(response) = response.as_mut().filter(|_| ahead.is_none() && unidentified.is_none()) {
            response.stream(out);
        }
    }

    /// Whether the response opens a session, unless it refuses the operation.
    fn opens_session(&self) -> bool {
        let HttpOperation { key, ahead, .. } = &*self.operation;
        matches!(key, OperationKey::Http(_, request_type) if request_type.begins_session()) && ahead.is_none()
    }

    /// The next event of the response. Returns why no more is read; `None` to read on.
    #[must_use = "no event follows the end"]
    pub(crate) fn event(&mut self, event: ResponseEvent, env: &mut Env<'_>) -> Option<ResponseEnd> {
        self.operation.close_if(env.closes);
        match event {
            ResponseEvent::Head(head, framing) => self.head(head, framing).err(),
            ResponseEvent::Piece(piece) => self.piece(piece).err(),
            ResponseEvent::End => Some(ResponseEnd::Complete),
            ResponseEvent::Deadline => {
                let now = (env.clock)();
                if now >= self.limit {
                    let limit = Timeout::Response(self.operation.settings.call_limit);
                    return Some(ResponseEnd::Failed(limit.into()));
                }
                self.operation.send_pending(now, env.out);
                None
            }
            ResponseEvent::Shutdown => Some(ResponseEnd::Shutdown),
            ResponseEvent::MemoryFull(full) => Some(ResponseEnd::MemoryFull(full)),
            ResponseEvent::Failed(why) => Some(ResponseEnd::Failed(why)),
        }
    }

    fn head(&mut self, mut head: Box<ResponseHead>, framing: Framing) -> Result<(), ResponseEnd> {
        if let Err(refusal) = self.operation.bind_cookies(&mut self.call, &mut head) {
            let why = refusal.why.into_owned();
            match refusal.kind {
                RefusalKind::TooBusy => return Err(ResponseEnd::TooBusy(why)),
                RefusalKind::NoSession => {
                    return Err(ResponseEnd::SessionEnded(Refusal::new(refusal.kind, why)));
                }
                _ if !self.opens_session() => return Err(ResponseEnd::Failed(UpstreamError::protocol(why))),
                _ => self.operation.unidentified = Some(why),
            }
        }
        let HttpOperation { request, response, pending, ahead, unidentified, .. } = &mut *self.operation;
        let mut begun = UpstreamResponse::new(head, framing, request);
        if unidentified.is_some() {
            // They may be those of another identity.
            begun.head.fields.remove("set-cookie");
        }
        begun.begun = pending.begun && ahead.is_none();
        begun.pending_sent = begun.begun;
        *response = Some(begun);
        Ok(())
    }

    fn piece(&mut self, piece: Piece) -> Result<(), ResponseEnd> {
        let HttpOperation { settings, response, .. } = &mut *self.operation;
        let Some(response) = response else { return Ok(()) };
        response.add(piece, settings.response_limit).map_err(|error| ResponseEnd::Failed(error.into()))?;
        self.hold(0).map_err(ResponseEnd::MemoryFull)
    }

    /// Counts the memory of the response: its pieces, and the `buffered` bytes of a piece that is not complete, which
    /// may be almost the whole response.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub(crate) fn hold(&mut self, buffered: usize) -> Result<(), MemoryLimit> {
        let HttpOperation { share, response, earlier_memory, .. } = &mut *self.operation;
        let Some(share) = share else { return Ok(()) };
        let pieces = response.as_ref().map_or(0, UpstreamResponse::memory);
        share.set(earlier_memory.saturating_add(pieces).saturating_add(buffered))
    }

    /// The response to a Connect or Bind of which no head was received, and for which the client does not wait any
    /// more.
    #[cold]
    pub(crate) fn take_late(&mut self) -> Option<LateResponse> {
        let HttpOperation { request, response, ahead, .. } = &*self.operation;
        if response.is_some() || ahead.is_some() {
            return None;
        }
        let opening = self.call.take_opening()?;
        let (target, cookies) = (request.head.target().to_owned(), request.cookies);
        Some(LateResponse { opening, target, cookies, limit: self.limit })
    }

    /// The next step, after the `end` of the response.
    pub(crate) fn end(self, end: ResponseEnd, env: &mut Env<'_>) -> Step {
        match end {
            ResponseEnd::Complete => self.complete(env),
            ResponseEnd::Failed(why) => self.fail(why, env),
            ResponseEnd::MemoryFull(full) => self.too_busy(Event::MemoryFull(full), full.into(), env),
            ResponseEnd::TooBusy(why) => {
                let error = UpstreamError::protocol(why.clone());
                self.too_busy(Event::TooBusy { why }, error, env)
            }
            ResponseEnd::SessionEnded(refusal) => {
                Step::Done(self.operation.finish(Next::Forward(self.call).abort(refusal), env.out))
            }
            ResponseEnd::Shutdown => self.end_wait(env),
        }
    }

    fn complete(mut self, env: &mut Env<'_>) -> Step {
        let Some(response) = &mut self.operation.response else {
            return self.fail(UpstreamError::protocol("a response without a head"), env);
        };
        let outcome = match response.outcome() {
            Ok(stub) => Outcome::Response { stub, endian: Endian::Little },
            Err(refusal) => {
                if refusal.http_status().is_some() {
                    self.operation.events.push(Event::NotMapiHttp(refusal));
                }
                Outcome::Refused(refusal)
            }
        };
        if let Some(why) = self.operation.unidentified.take()
            && !is_refusal(&outcome)
        {
            return self.fail(UpstreamError::protocol(why), env);
        }
        if self.operation.ahead.is_some() {
            // Modules may read it until the operation ends.
            if let Outcome::Response { stub, .. } = &outcome {
                self.operation.earlier_memory = self.operation.earlier_memory.saturating_add(stub.len());
            }
            self.operation.response = None;
        }
        let next = self.call.resume(outcome, env.random);
        proceed(self.operation, next, env)
    }

    #[cold]
    fn fail(self, why: UpstreamError, env: &mut Env<'_>) -> Step {
        Step::Done(self.operation.fail(Next::Forward(self.call), why, env.out))
    }

    /// Refuses the operation since its response exceeds a limit. `event` is for the log, and `error` for a response of
    /// which a part was sent.
    #[cold]
    fn too_busy(self, event: Event, error: UpstreamError, env: &mut Env<'_>) -> Step {
        Step::Done(self.operation.refuse_as_too_busy(Next::Forward(self.call), (event, error), env.out))
    }

    /// Ends a wait for notifications, without one, since the proxy stops.
    #[cold]
    fn end_wait(self, env: &mut Env<'_>) -> Step {
        let next = match self.call.end_notification_wait() {
            Some(outcome) => self.call.resume(outcome, env.random),
            None => Next::Forward(self.call),
        };
        let finished = match next {
            Next::Done(finished) => finished,
            next => next.abort(Refusal::new(RefusalKind::Failed, "the proxy stops")),
        };
        Step::Done(self.operation.end_wait(finished, env.out))
    }
}

/// Whether the server refuses a Connect or Bind: by a code in the head, or by `StatusCode` or `ErrorCode`, with which
/// the body begins ([MS-OXCMAPIHTTP] 2.2.4.1.2, 2.2.5.1.2).
fn is_refusal(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Response { stub, .. } => stub.first_chunk().is_some_and(|codes| *codes != [0; 8]),
        _ => true,
    }
}

impl Unfinished for Receiving {
    fn into_parts(self) -> (Box<HttpOperation>, Next) {
        (self.operation, Next::Forward(self.call))
    }
}

/// An operation that waits for the deferred work of a module, up to a limit.
#[must_use = "an operation that is dropped is aborted"]
pub(crate) struct Waiting {
    operation: Box<HttpOperation>,
    work: AwaitsWork,
    limit: Instant,
}

impl Waiting {
    /// Ready once the work is done.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.work.poll(task)
    }

    /// Until when to wait for it.
    pub(crate) fn until(&self) -> Instant {
        self.operation.pending.due(self.limit)
    }

    /// The work is done.
    pub(crate) fn work_done(mut self, env: &mut Env<'_>) -> Step {
        self.operation.close_if(env.closes);
        let next = self.work.resume();
        proceed(self.operation, next, env)
    }

    /// The operation ends before the work is done.
    #[cold]
    pub(crate) fn failed(self, why: UpstreamError, env: &mut Env<'_>) -> Step {
        Step::Done(self.operation.fail(Next::Defer(self.work), why, env.out))
    }

    /// The time [`until`](Self::until) is reached: a keep-alive is due, or the work takes too long.
    pub(crate) fn deadline(mut self, env: &mut Env<'_>) -> Step {
        let now = (env.clock)();
        if now >= self.limit {
            return self.work_done(env);
        }
        self.operation.close_if(env.closes);
        self.operation.send_pending(now, env.out);
        Step::Wait(self)
    }
}

impl Unfinished for Waiting {
    fn into_parts(self) -> (Box<HttpOperation>, Next) {
        (self.operation, Next::Defer(self.work))
    }
}

//! One operation by MAPI over HTTP as a state machine without I/O: what happened comes in, what is to be done comes out.
//!
//! Bytes for the client go to an output buffer that is passed in, and time is a parameter.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use engine::{
    AwaitsUpstream, Envelope, Incoming, OperationKey, Refusal, RefusalKind, Rejected, Reply, response_code,
};
use http1::{Framing, Head as _, Piece, RequestHead, ResponseHead};
use mapi::mapihttp::ResponseCode;
use mapi::mapihttp::headers::{CONTENT_TYPE, X_PENDING_PERIOD};
use tokio::time::Instant;
use wire::{Endian, FileTime};

use crate::body_budget::{Full, Share};
use crate::gate::FailedRequest;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::body::Whole;
use crate::http::downstream::context::{KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::operation::http_operation::{InFlight, Need};
use crate::http::operation::local_response;
use crate::http::operation::pending::{PendingKeepAlive, end, end_refused};
use crate::http::operation::request::{ask_ahead, cookies};
use crate::http::operation::response::UpstreamResponse;
use crate::http::output::OutputBuffer;
use crate::http::upstream::response_event::ResponseEvent;
use crate::upstream_error::UpstreamError;

/// What happened since the last [`Action`].
#[derive(Debug)]
pub(crate) enum Input {
    /// The request was sent; its head as the server gets it.
    Sent(RequestHead),
    /// The next event of the server's response, or why none comes. [`ResponseEvent::Failed`] is also said of a request
    /// that could not be sent.
    Response(ResponseEvent),
    /// The work is done that [`Action::WaitForWork`] waits for.
    WorkDone,
    /// It is not done by the given time.
    WorkDeadline,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send this request to the server, then [`Input::Sent`].
    Send { head: RequestHead, body: Bytes },
    /// Read the next event of the response, up to `until`, then [`Input::Response`]. Before waiting for it, call
    /// [`Exchange::stream`]. [`ResponseEvent::Shutdown`] is wanted where it `ends_at_shutdown`.
    Read { until: Instant, ends_at_shutdown: bool },
    /// Wait until [`Exchange::poll_work`] is ready, up to `until`.
    WaitForWork { until: Instant },
    /// The response is complete in the output buffer.
    Done(KeepAlive),
    /// The server did not serve the request, and nothing was sent to the client yet.
    Unserved(UpstreamError),
    /// The server failed; the response ends with an error behind the keep-alive chunks that were sent.
    Failed(UpstreamError),
    /// The response broke off, and the client's connection ends within it.
    Abort(UpstreamError),
}

/// An operation from its whole request to its whole response. Dropped before that it is given up: its client is gone.
pub(crate) struct Exchange {
    in_flight: InFlight,
    pending: PendingKeepAlive,
    state: State,
    /// Whether the server's response is to what a module asked ahead, and not to the client's own request.
    ahead: bool,
    /// The server's response, as far as it is here.
    response: Option<UpstreamResponse>,
    /// So much memory counts for the request.
    of_request: usize,
}

/// What an exchange waits for.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Deferred work of a module, up to `limit`.
    Work { limit: Instant },
    /// That the request is sent.
    Sending,
    /// More of the response, up to `limit`.
    Response { limit: Instant },
    /// Nothing more.
    Done,
}

impl Exchange {
    /// Takes in an operation whose request is whole, at `now`, which is `at` by the calendar.
    ///
    /// # Errors
    /// When the engine rejects it: it has been answered, and says how the connection goes on.
    pub(crate) fn begin(
        config: Arc<HttpListenerConfig>,
        request: RequestContext,
        key: OperationKey,
        (body, share): Whole,
        now: Instant,
        at: FileTime,
        out: &mut OutputBuffer,
    ) -> Result<(Box<Self>, Action), KeepAlive> {
        let request_size = body.len();
        let incoming = Incoming {
            envelope: Envelope::MapiHttp,
            key,
            stub: body,
            endian: Endian::Little,
            context: request.context.clone(),
            peer: request.peer,
            at,
        };
        match config.engine.begin_by_cookie(&config.sessions, incoming, &cookies(&request.head)) {
            Ok(next) => {
                let of_request = share.counted();
                let pending = PendingKeepAlive::new(config.pending, &request, key, now);
                let (in_flight, need) = InFlight::new(config, next, request, now, share);
                // Behind a pointer: what is moved from one wait to the next is copied each time.
                let mut exchange = Box::new(Self {
                    of_request,
                    in_flight,
                    pending,
                    state: State::Done,
                    ahead: false,
                    response: None,
                });
                let action = exchange.proceed(need, now, out);
                Ok((exchange, action))
            }
            Err(refusal) => {
                rejected(&config, &request, key, request_size, &refusal);
                let user = request.context.principal();
                let code = response_code(refusal.kind);
                if refusal.kind == RefusalKind::TooBusy {
                    config.log.session_limit(request.peer, user, &refusal.why);
                } else {
                    config.log.operation_refused(request.peer, user, key.name(), code, &refusal.why);
                }
                Err(local_response::refuse(&mut out.bytes, &request, code))
            }
        }
    }

    /// The client's request.
    pub(crate) const fn request(&self) -> &RequestContext {
        &self.in_flight.request
    }

    /// The operation as one that is lost.
    pub(crate) fn failed_request(&self) -> FailedRequest<'_> {
        self.in_flight.failed_request()
    }

    /// What request and response count as held in memory, until the client has read the response.
    pub(crate) const fn take_share(&mut self) -> Option<Share> {
        self.in_flight.share.take()
    }

    /// Ready once the work is done that a module deferred.
    pub(crate) fn poll_work(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.in_flight.poll_work(task)
    }

    /// Appends to `out` what of the response may be sent before it is whole.
    pub(crate) fn stream(&mut self, out: &mut OutputBuffer) {
        if let Some(response) = self.response.as_mut().filter(|_| !self.ahead) {
            response.stream(out);
        }
    }

    /// Goes on with what happened by `now`. What the client gets is appended to `out`.
    pub(crate) fn step(&mut self, input: Input, now: Instant, out: &mut OutputBuffer) -> Action {
        match (self.state, input) {
            (_, Input::Response(ResponseEvent::Failed(why))) => self.failed(why, out),
            (State::Sending, Input::Sent(head)) => self.sent(head, now),
            (State::Response { limit }, Input::Response(event)) => match event {
                ResponseEvent::Head(head, framing) => self.response_head(head, framing, limit, out),
                ResponseEvent::Piece(piece) => self.response_piece(piece, limit, out),
                ResponseEvent::End => self.response_end(now, out),
                ResponseEvent::Deadline if now < limit => {
                    self.send_pending(now, out);
                    self.read(limit)
                }
                ResponseEvent::Shutdown => self.end_wait(out),
                other => self.failed(other.failure(), out),
            },
            (State::Work { limit }, Input::WorkDeadline) if now < limit => {
                self.send_pending(now, out);
                Action::WaitForWork { until: self.pending.due(limit) }
            }
            (State::Work { .. }, Input::WorkDone | Input::WorkDeadline) => {
                let need = self.in_flight.work_done();
                self.proceed(need, now, out)
            }
            (state, input) => {
                let why = format!("{input:?} does not follow {state:?}");
                self.failed(UpstreamError::Protocol(why), out)
            }
        }
    }

    /// Does what the engine wants.
    fn proceed(&mut self, need: Need, now: Instant, out: &mut OutputBuffer) -> Action {
        match need {
            Need::Work(limit) => {
                let limit = now + limit;
                self.state = State::Work { limit };
                Action::WaitForWork { until: self.pending.due(limit) }
            }
            Need::Upstream(stub) => self.send(stub, out),
            Need::Reply => self.finish(out),
        }
    }

    /// Sends the operation, or what a module asks ahead of it.
    fn send(&mut self, body: Bytes, out: &mut OutputBuffer) -> Action {
        let request = &self.in_flight.request;
        let call = self.in_flight.call();
        let mut head = request.head.clone();
        let ahead = call.and_then(AwaitsUpstream::ahead);
        self.ahead = ahead.is_some();
        if let Some(Err(why)) = ahead.map(|key| ask_ahead(&mut head, key)) {
            return self.failed(why, out);
        }
        if let Some(newest) = call.and_then(|call| call.cookies_to_send(&cookies(&request.head))) {
            head.fields.remove("cookie");
            if !newest.is_empty() {
                head.fields.push("Cookie", newest);
            }
        }
        // The modules read the response.
        head.fields.remove("accept-encoding");
        self.state = State::Sending;
        Action::Send { head, body }
    }

    fn sent(&mut self, head: RequestHead, now: Instant) -> Action {
        if !self.ahead {
            self.in_flight.sent = Some(head);
        }
        self.read(now + self.in_flight.config.upstream.call_limit)
    }

    /// Reads more of the response, up to `limit`; meanwhile the client gets a keep-alive, unless the server's own reach
    /// it.
    fn read(&mut self, limit: Instant) -> Action {
        self.state = State::Response { limit };
        let until = if self.pending.begun || self.ahead { self.pending.due(limit) } else { limit };
        // A wait for notifications may end at any time: it does not keep the proxy from stopping.
        let whole = self.response.as_ref().is_some_and(|response| response.body.is_done());
        let ends_at_shutdown = self.in_flight.is_wait && !self.ahead && !whole;
        Action::Read { until, ends_at_shutdown }
    }

    fn response_head(
        &mut self,
        mut head: ResponseHead,
        framing: Framing,
        limit: Instant,
        out: &mut OutputBuffer,
    ) -> Action {
        let begun = self.pending.begun;
        if let Err(refusal) = self.in_flight.learn_cookies(&mut head, !begun && !self.ahead) {
            return self.failed(UpstreamError::Protocol(refusal.why.into_owned()), out);
        }
        let mut response = UpstreamResponse::new(head, framing, &self.in_flight.request);
        response.begun = begun && !self.ahead;
        response.pending_sent = response.begun;
        self.response = Some(response);
        self.read(limit)
    }

    fn response_piece(&mut self, piece: Piece, limit: Instant, out: &mut OutputBuffer) -> Action {
        let InFlight { config, share, .. } = &mut self.in_flight;
        let Some(response) = &mut self.response else { return self.read(limit) };
        if let Err(error) = response.take(piece, config.sizes.answer) {
            return self.failed(error.into(), out);
        }
        if let Some(share) = share.as_mut().filter(|_| !self.ahead)
            && let Err(full) = share.set(self.of_request.saturating_add(response.memory()))
        {
            return self.no_room(full, out);
        }
        self.read(limit)
    }

    fn response_end(&mut self, now: Instant, out: &mut OutputBuffer) -> Action {
        let Self { response, in_flight, .. } = self;
        let need = response.as_mut().map(|response| in_flight.responded(response));
        if self.ahead {
            self.response = None;
        }
        match need {
            Some(need) => self.proceed(need, now, out),
            None => self.failed(UpstreamError::Protocol("a response without a head".to_owned()), out),
        }
    }

    /// Sends the client the keep-alive that is due: behind the server's head, where that is here already.
    #[cold]
    fn send_pending(&mut self, now: Instant, out: &mut OutputBuffer) {
        let Self { pending, response, in_flight, ahead, .. } = self;
        let (out, request) = (&mut out.bytes, &in_flight.request);
        if let Some(response) = response.as_mut().filter(|_| !pending.begun && !*ahead) {
            response.begin_pending(out, pending);
        } else if !std::mem::replace(&mut pending.begun, true)
            && let Some(mut head) = local_response::own_head(request, ResponseCode::Success, CONTENT_TYPE)
        {
            head.fields.push(X_PENDING_PERIOD, pending.period.as_millis().to_string());
            head.fields.push("Transfer-Encoding", "chunked");
            respond::connection(&mut head, &request.head);
            head.write(out);
        }
        pending.send(now, out);
    }

    /// The operation is done: sends what the engine made of it.
    fn finish(&mut self, out: &mut OutputBuffer) -> Action {
        self.state = State::Done;
        let Self { response, in_flight, .. } = self;
        let Some(response) = response else {
            self.in_flight.report(None);
            let begun = self.pending.begun;
            return Action::Done(self.reply(begun, out));
        };
        let Some(finished) = in_flight.finished() else { return Action::Done(KeepAlive::No) };
        if let Reply::Refused(refusal) = finished.reply() {
            in_flight.log_refusal(response_code(refusal.kind), &refusal.why);
        }
        let keep_alive = response.send(out, finished.reply(), &in_flight.request);
        in_flight.report(Some(response));
        Action::Done(keep_alive)
    }

    /// Answers an operation that has no response of the server's; behind tags where the response has `begun`.
    fn reply(&self, begun: bool, out: &mut OutputBuffer) -> KeepAlive {
        let (out, request) = (&mut out.bytes, &self.in_flight.request);
        let Some(finished) = self.in_flight.finished() else { return KeepAlive::No };
        let code = match finished.reply() {
            Reply::Response(stub) if begun => {
                end(out, &[], stub);
                return request.keep_alive();
            }
            Reply::Response(stub) => return local_response::success(out, request, stub),
            refused => {
                let code = refused.response_code();
                self.in_flight.log_refusal(code, &refused.why().unwrap_or_default());
                code
            }
        };
        if begun {
            end_refused(out, code);
            return request.keep_alive();
        }
        local_response::refuse(out, request, code)
    }

    /// The operation came to nothing: the server can't be reached, or broke off.
    #[cold]
    fn failed(&mut self, why: UpstreamError, out: &mut OutputBuffer) -> Action {
        self.state = State::Done;
        self.in_flight.give_up(&why.to_string());
        if self.response.as_ref().is_some_and(|response| response.begun && !response.pending_sent) {
            return Action::Abort(why);
        }
        if !self.pending.begun {
            return Action::Unserved(why);
        }
        end_refused(&mut out.bytes, ResponseCode::UnknownFailure);
        Action::Failed(why)
    }

    /// Refuses the operation since there is no room in memory for its response. A response of which a part was sent is
    /// cut short.
    #[cold]
    fn no_room(&mut self, full: Full, out: &mut OutputBuffer) -> Action {
        self.state = State::Done;
        let why = full.to_string();
        self.in_flight.give_up(&why);
        if self.response.as_ref().is_some_and(|response| response.begun) {
            return Action::Abort(full.into());
        }
        let InFlight { config, request, key, .. } = &self.in_flight;
        let (user, operation) = (request.context.principal(), key.name());
        config.log.memory_limit(request.peer, user, operation, &why);
        let code = response_code(RefusalKind::TooBusy);
        respond::too_busy(&mut out.bytes, &request.head, Some(code));
        Action::Done(KeepAlive::No)
    }

    /// Answers a wait for notifications, without one, since the proxy stops.
    #[cold]
    fn end_wait(&mut self, out: &mut OutputBuffer) -> Action {
        self.state = State::Done;
        self.in_flight.wait_ended();
        self.in_flight.report(None);
        let begun = self.pending.begun || self.response.as_ref().is_some_and(|response| response.begun);
        self.reply(begun, out);
        Action::Done(KeepAlive::No)
    }
}

/// Reports an operation that never got into the engine.
pub(crate) fn rejected(
    config: &HttpListenerConfig,
    request: &RequestContext,
    key: OperationKey,
    request_size: usize,
    refusal: &Refusal,
) {
    config.observer.rejected(&Rejected {
        context: &request.context,
        peer: request.peer,
        envelope: Envelope::MapiHttp,
        operation: key.name(),
        request_size,
        refusal,
    });
}

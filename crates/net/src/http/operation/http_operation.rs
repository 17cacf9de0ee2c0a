//! The state of an operation of MAPI over HTTP that all its steps share: its HTTP messages, its keep-alive, its end.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use engine::{
    AwaitsUpstream, Eviction, Finished, HttpMessageKind, HttpMessages, Next, OperationKey, Refusal,
    RefusalKind, Reply, UpstreamRefusal, response_code,
};
use http1::{Head as _, RequestHead, ResponseHead};
use mapi::mapihttp::ResponseCode;
use mapi::mapihttp::headers::{CONTENT_TYPE, X_PENDING_PERIOD};
use tokio::time::Instant;

use crate::body_budget::{MemoryLimit, Share};
use crate::error_chain::ErrorChain;
use crate::gate::FailedRequest;
use crate::http::downstream::context::{KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::operation::local_response;
use crate::http::operation::pending::{Pending, PendingKeepAlive, end_refused};
use crate::http::operation::request::SentAhead;
use crate::http::operation::response::{UpstreamResponse, check, set_cookies};
use crate::http::output::OutputBuffer;
use crate::upstream_error::UpstreamError;

/// The limits of an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) pending: Pending,
    /// How long the server may take for a response.
    pub(crate) call_limit: Duration,
    /// The longest response, in bytes.
    pub(crate) response_limit: usize,
}

/// An event of an operation that is to be logged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The user's session that was idle for longest was ended, because the limit of the configuration key is reached.
    SessionEvicted(&'static str),
    /// The operation is refused.
    Refused { code: ResponseCode, why: String },
    /// The operation is refused because a limit is reached.
    TooBusy { why: String },
    /// The server's response is not one of MAPI over HTTP.
    NotMapiHttp(UpstreamRefusal),
    /// There is no memory for the response.
    MemoryFull(MemoryLimit),
}

/// An operation, with the HTTP messages received so far.
pub(crate) struct HttpOperation {
    pub(crate) request: RequestContext,
    pub(crate) key: OperationKey,
    /// Whether it waits for notifications, which may end at any time.
    pub(crate) is_wait: bool,
    pub(crate) settings: Settings,
    pub(crate) pending: PendingKeepAlive,
    /// A module's request ahead of the client's, while that is the one sent to the server.
    pub(crate) ahead: Option<SentAhead>,
    /// The request's head as it was sent to the server.
    pub(crate) sent: Option<Box<RequestHead>>,
    /// The part of the server's response that has been received.
    pub(crate) response: Option<UpstreamResponse>,
    /// The memory that the request's body and the response count for.
    pub(crate) share: Option<Share>,
    /// How many bytes of the share are for the request's body and for responses to requests ahead.
    pub(crate) earlier_memory: usize,
    /// Why the response is not forwarded unless it refuses the operation: no cookie in its head identifies the session
    /// that it would open.
    pub(crate) unidentified: Option<String>,
    pub(crate) events: Vec<Event>,
}

/// An operation that is over. Its response, if there is one, is in the output buffer.
pub(crate) struct Done {
    pub(crate) operation: Box<HttpOperation>,
    pub(crate) finished: Finished,
    pub(crate) end: End,
}

/// How an operation ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The response is complete.
    Complete(KeepAlive),
    /// The server did not serve the request, and nothing was sent to the client yet.
    NotServed(UpstreamError),
    /// The server failed; the response ends with an error after the keep-alive that was sent.
    Failed(UpstreamError),
    /// The response is cut off, and the client's connection has to end within it.
    CutShort(UpstreamError),
}

/// The part of the response that was sent to the client.
enum SentPart {
    None,
    /// A keep-alive that the proxy made, which a refusal may follow.
    KeepAlive,
    /// The beginning of the server's response.
    Upstream,
}

impl HttpOperation {
    pub(crate) fn new(
        request: RequestContext,
        key: OperationKey,
        is_wait: bool,
        share: Share,
        settings: Settings,
        now: Instant,
    ) -> Self {
        Self {
            pending: PendingKeepAlive::new(settings.pending, &request, key, now),
            request,
            key,
            is_wait,
            settings,
            ahead: None,
            sent: None,
            response: None,
            earlier_memory: share.counted(),
            share: Some(share),
            unidentified: None,
            events: Vec::new(),
        }
    }

    /// The description of the operation for the log if it fails.
    pub(crate) fn failed_request(&self) -> FailedRequest<'_> {
        FailedRequest {
            client: self.request.peer,
            user: Some(self.request.context.principal()),
            operation: self.key.name(),
            is_wait: self.is_wait,
        }
    }

    /// Makes the response close the connection if `closes`.
    pub(crate) fn close_if(&mut self, closes: bool) {
        if closes && self.request.head.keeps_alive() {
            self.request.head.close();
            if let Some(response) = &mut self.response {
                response.close();
            }
        }
    }

    /// Binds the cookies that the server sets in the `head` of its response to `call` to the session. A head that is
    /// sent to the client gets also the cookies of earlier heads that were not sent to it; otherwise the cookies are
    /// kept for the next head that is. A session for which there is no room is ended at the server.
    pub(crate) fn bind_cookies(
        &mut self,
        call: &mut AwaitsUpstream,
        head: &mut ResponseHead,
    ) -> Result<(), Refusal> {
        let cookies = self.request.cookies;
        let set = || set_cookies(head, cookies);
        let bound = call.bind_cookies(set()).inspect_err(|_| {
            if let Some(opening) = call.take_opening().filter(|_| check(head).is_ok()) {
                opening.opened(self.request.head.target(), set);
            }
        });
        match bound? {
            Eviction::None => {}
            Eviction::PerUser => self.events.push(Event::SessionEvicted("clients.sessions_per_user")),
            Eviction::Total => self.events.push(Event::SessionEvicted("clients.sessions")),
        }
        call.keep_logoff_cookies(self.request.head.target(), set());
        if self.pending.begun || self.ahead.is_some() {
            call.add_pending_cookies(set())?;
        } else {
            for missing in call.take_pending_cookies(set()) {
                head.fields.push("Set-Cookie", missing);
            }
        }
        Ok(())
    }

    /// Sends the client the keep-alive that is due, after the server's head if that was received.
    #[cold]
    pub(crate) fn send_pending(&mut self, now: Instant, out: &mut OutputBuffer) {
        let Self { pending, response, request, ahead, .. } = self;
        let out = &mut out.bytes;
        if let Some(response) = response.as_mut().filter(|_| !pending.begun && ahead.is_none()) {
            response.begin_pending(out, pending);
        } else if !std::mem::replace(&mut pending.begun, true)
            && let Some(mut head) = local_response::local_head(request, ResponseCode::Success, CONTENT_TYPE)
        {
            head.fields.push(X_PENDING_PERIOD, pending.period.as_millis().to_string());
            head.fields.push("Transfer-Encoding", "chunked");
            respond::connection(&mut head, &request.head);
            head.write(out);
        }
        pending.send(now, out);
    }

    /// Responds with the result of the operation in the engine.
    pub(crate) fn finish(mut self: Box<Self>, finished: Finished, out: &mut OutputBuffer) -> Done {
        let Self { response, request, events, .. } = &mut *self;
        let keep_alive = match response {
            Some(response) => {
                if let Reply::Refused(refusal) = finished.reply() {
                    events.push(refused(finished.reply(), Cow::Borrowed(&refusal.why)));
                }
                response.send(out, finished.reply(), request, !finished.flight().is_session_ended())
            }
            None => self.respond(finished.reply(), self.pending.begun, out),
        };
        self.end(finished, End::Complete(keep_alive))
    }

    /// Responds without a response of the server, after the keep-alive if the response has `begun`.
    fn respond(&mut self, reply: &Reply, begun: bool, out: &mut OutputBuffer) -> KeepAlive {
        if let Some(why) = reply.why() {
            self.events.push(refused(reply, why));
        }
        local_response::reply(&mut out.bytes, &self.request, reply, begun)
    }

    /// The operation failed: the server cannot be reached, or its response cannot be used.
    #[cold]
    pub(crate) fn fail(self: Box<Self>, next: Next, why: UpstreamError, out: &mut OutputBuffer) -> Done {
        let end = match self.sent_part() {
            SentPart::None => End::NotServed,
            SentPart::KeepAlive => {
                end_refused(&mut out.bytes, ResponseCode::UnknownFailure);
                End::Failed
            }
            SentPart::Upstream => End::CutShort,
        };
        self.give_up(next, ErrorChain(&why).to_string(), end(why))
    }

    /// Refuses the operation since its response exceeds a limit, with `event` for the log. A response of which the
    /// server's beginning was sent is cut off because of `error`.
    #[cold]
    pub(crate) fn refuse_as_too_busy(
        mut self: Box<Self>,
        next: Next,
        (event, error): (Event, UpstreamError),
        out: &mut OutputBuffer,
    ) -> Done {
        let why = error.to_string();
        let code = response_code(RefusalKind::TooBusy);
        let keep_alive = match self.sent_part() {
            SentPart::None => {
                self.request.head.close();
                respond::too_busy(&mut out.bytes, &self.request.head, Some(code));
                KeepAlive::No
            }
            SentPart::KeepAlive => {
                end_refused(&mut out.bytes, code);
                self.request.keep_alive()
            }
            SentPart::Upstream => return self.give_up(next, why, End::CutShort(error)),
        };
        self.events.push(event);
        self.give_up(next, why, End::Complete(keep_alive))
    }

    fn sent_part(&self) -> SentPart {
        let response = self.response.as_ref();
        if self.pending.begun || response.is_some_and(|response| response.pending_sent) {
            SentPart::KeepAlive
        } else if response.is_some_and(|response| response.begun) {
            SentPart::Upstream
        } else {
            SentPart::None
        }
    }

    /// Ends a wait for notifications since the proxy stops.
    pub(crate) fn end_wait(mut self: Box<Self>, finished: Finished, out: &mut OutputBuffer) -> Done {
        let response = self.response.take();
        let begun = self.pending.begun || response.is_some_and(|response| response.begun);
        self.respond(finished.reply(), begun, out);
        self.end(finished, End::Complete(KeepAlive::No))
    }

    fn give_up(mut self: Box<Self>, next: Next, why: String, end: End) -> Done {
        self.response = None;
        self.end(next.abort(Refusal::new(RefusalKind::Failed, why)), end)
    }

    fn end(self: Box<Self>, finished: Finished, end: End) -> Done {
        Done { operation: self, finished, end }
    }
}

fn refused(reply: &Reply, why: Cow<'_, str>) -> Event {
    let why = why.into_owned();
    match reply {
        Reply::Refused(Refusal { kind: RefusalKind::TooBusy, .. }) => Event::TooBusy { why },
        _ => Event::Refused { code: reply.response_code(), why },
    }
}

/// The HTTP messages of the operation, for the observer.
impl HttpMessages for HttpOperation {
    fn target(&self) -> &str {
        self.request.head.target()
    }

    fn fields(&self, leg: HttpMessageKind, each: &mut dyn FnMut(&str, &[u8])) -> bool {
        let fields = match leg {
            HttpMessageKind::ClientRequest => Some(&self.request.head.fields),
            HttpMessageKind::UpstreamRequest => self.sent.as_ref().map(|head| &head.fields),
            HttpMessageKind::UpstreamResponse => {
                self.response.as_ref().map(|response| &response.received_head.fields)
            }
            HttpMessageKind::ClientResponse => self.response.as_ref().map(|response| &response.head.fields),
        };
        fields.inspect(|fields| fields.iter().for_each(|field| each(field.name, field.value))).is_some()
    }

    fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.received_head.status())
    }

    fn before_payload(&self) -> &[u8] {
        self.response.as_ref().map_or(b"", |response| response.body.prefix())
    }

    fn refused(&self) -> Option<(ResponseCode, Bytes)> {
        self.response.as_ref()?.refusal()
    }
}

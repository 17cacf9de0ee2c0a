//! An operation in the engine, with its HTTP messages as the observer sees them.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use engine::{
    AwaitsUpstream, Finished, GaveWay, HttpExchange, HttpLeg, Next, OperationKey, Outcome, Refusal,
    RefusalKind, UpstreamRefusal,
};
use http1::{RequestHead, ResponseHead};
use identity::OsRandom;
use mapi::mapihttp::ResponseCode;
use tokio::time::Instant;
use wire::Endian;

use crate::body_budget::Share;
use crate::gate::FailedRequest;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::context::RequestContext;
use crate::http::operation::response::UpstreamResponse;

/// What is logged of a session that gave way to a new one of the same user.
const LONGEST_IDLE: &str =
    "clients.sessions_per_user is reached, and the session that was idle for longest was ended";

/// An operation in flight. Dropped before it is over, it is given up: its client is gone.
pub(crate) struct InFlight {
    pub(crate) config: Arc<HttpListenerConfig>,
    pub(crate) request: RequestContext,
    pub(crate) key: OperationKey,
    /// Whether it waits for notifications, which may end at any time.
    pub(crate) is_wait: bool,
    /// What it waits for, or how it ended.
    next: Option<Next>,
    since: Instant,
    /// Whether the observer has seen how it ended.
    is_reported: bool,
    /// The request's head as it went to the server.
    pub(crate) sent: Option<RequestHead>,
    /// What the request's body and the response count as held in memory.
    pub(crate) share: Option<Share>,
}

/// What an operation needs next.
#[derive(Debug)]
pub(crate) enum Need {
    /// This body is sent to the server: of the operation itself, or of what a module sends ahead of it.
    Upstream(Bytes),
    /// A module's work, which may take so long.
    Work(Duration),
    /// A reply to the client ([`InFlight::finished`]).
    Reply,
}

impl InFlight {
    /// An operation with what it needs.
    pub(crate) fn new(
        config: Arc<HttpListenerConfig>,
        next: Next,
        request: RequestContext,
        since: Instant,
        share: Share,
    ) -> (Self, Need) {
        let flight = next.flight();
        let (key, is_wait) = (flight.operation.key(), flight.is_wait());
        let mut in_flight = Self {
            config,
            request,
            key,
            is_wait,
            next: None,
            since,
            is_reported: false,
            sent: None,
            share: Some(share),
        };
        let need = in_flight.enter(next);
        (in_flight, need)
    }

    fn enter(&mut self, next: Next) -> Need {
        match self.next.insert(next) {
            Next::Relay(call) => Need::Upstream(call.take_stub()),
            Next::Defer(work) => Need::Work(work.limit()),
            Next::Done(_) => Need::Reply,
        }
    }

    /// The operation, while it waits for the server.
    pub(crate) const fn call(&self) -> Option<&AwaitsUpstream> {
        match &self.next {
            Some(Next::Relay(call)) => Some(call),
            _ => None,
        }
    }

    /// The operation, once it is over.
    pub(crate) const fn finished(&self) -> Option<&Finished> {
        match &self.next {
            Some(Next::Done(finished)) => Some(finished),
            _ => None,
        }
    }

    /// Ready once the module's work is done.
    pub(crate) fn poll_work(&mut self, task: &mut Context<'_>) -> Poll<()> {
        match &mut self.next {
            Some(Next::Defer(work)) => work.poll(task),
            _ => Poll::Ready(()),
        }
    }

    /// Hands the operation, which is over, to the observer once. `response` is the server's, where there is one.
    pub(crate) fn report(&mut self, response: Option<&UpstreamResponse>) {
        if let Some(Next::Done(finished)) = &self.next
            && !std::mem::replace(&mut self.is_reported, true)
        {
            let exchange = Messages { original: &self.request.head, sent: self.sent.as_ref(), response };
            self.config.observer.finished_by_http(finished, self.since.elapsed(), &exchange);
        }
    }

    /// Logs once that the operation was refused here.
    pub(crate) fn log_refusal(&self, code: ResponseCode, why: &str) {
        let Self { config, request, key, .. } = self;
        config.log.operation_refused(request.peer, request.context.principal(), key.name(), code, why);
    }

    /// It as a request that is lost.
    pub(crate) fn failed_request(&self) -> FailedRequest<'_> {
        FailedRequest {
            client: self.request.peer,
            user: Some(self.request.context.principal()),
            operation: self.key.name(),
            is_wait: self.is_wait,
        }
    }

    /// Learns the cookies that the server sets in `head`. Where the client gets to see that head, those are
    /// added to it that it has not seen of earlier ones; else these are left to one that it sees.
    pub(crate) fn learn_cookies(&mut self, head: &mut ResponseHead, is_seen: bool) -> Result<(), Refusal> {
        let Some(Next::Relay(call)) = &mut self.next else { return Ok(()) };
        let set = || head.fields.all("set-cookie").filter_map(|value| std::str::from_utf8(value).ok());
        if call.learn_cookies(set())? == GaveWay::LongestIdle {
            let (peer, user) = (self.request.peer, self.request.context.principal());
            self.config.log.session_limit(peer, user, LONGEST_IDLE);
        }
        call.remember_cookies(self.request.head.target(), set());
        if is_seen {
            for missing in call.seen(set()) {
                head.fields.push("Set-Cookie", missing);
            }
        } else {
            call.unseen(set());
        }
        Ok(())
    }

    /// Goes on with the server's response, which is whole now.
    pub(crate) fn responded(&mut self, response: &mut UpstreamResponse) -> Need {
        self.resume(match response.outcome() {
            Ok(stub) => Outcome::Response { stub, endian: Endian::Little },
            Err(code) => Outcome::Refused(UpstreamRefusal::ResponseCode(code)),
        })
    }

    /// Goes on with what a module's deferred work came to.
    pub(crate) fn work_done(&mut self) -> Need {
        match self.next.take() {
            Some(Next::Defer(work)) => self.enter(work.resume()),
            next => self.out_of_turn(next),
        }
    }

    /// Goes on as if the server had ended the wait for notifications that this is.
    pub(crate) fn wait_ended(&mut self) {
        if let Some(outcome) = self.call().and_then(AwaitsUpstream::end_wait) {
            self.resume(outcome);
        }
        if self.finished().is_none() {
            self.give_up("the proxy stops");
        }
    }

    fn resume(&mut self, outcome: Outcome) -> Need {
        match self.next.take() {
            Some(Next::Relay(call)) => self.enter(call.resume(outcome, &mut OsRandom)),
            next => self.out_of_turn(next),
        }
    }

    #[cold]
    fn out_of_turn(&mut self, next: Option<Next>) -> Need {
        let refusal = || Refusal::new(RefusalKind::Failed, "the operation does not wait for this");
        self.next = next.map(|next| Next::Done(next.give_up(refusal())));
        Need::Reply
    }

    /// Gives the operation up because of `why`.
    pub(crate) fn give_up(&mut self, why: &str) {
        if !self.is_reported
            && let Some(next) = self.next.take()
        {
            self.next = Some(Next::Done(next.give_up(Refusal::new(RefusalKind::Failed, why.to_owned()))));
            self.report(None);
        }
    }
}

/// The HTTP messages around an operation, for the observer.
struct Messages<'a> {
    original: &'a RequestHead,
    sent: Option<&'a RequestHead>,
    response: Option<&'a UpstreamResponse>,
}

impl HttpExchange for Messages<'_> {
    fn target(&self) -> &str {
        self.original.target()
    }

    fn fields(&self, leg: HttpLeg, each: &mut dyn FnMut(&str, &[u8])) -> bool {
        let fields = match leg {
            HttpLeg::Asked => Some(&self.original.fields),
            HttpLeg::Sent => self.sent.map(|head| &head.fields),
            HttpLeg::Came => self.response.map(|response| &response.came.fields),
            HttpLeg::Answered => self.response.map(|response| &response.head.fields),
        };
        fields.inspect(|fields| fields.iter().for_each(|field| each(field.name, field.value))).is_some()
    }

    fn status(&self) -> Option<u16> {
        self.response.map(|response| response.came.status())
    }

    fn before_payload(&self) -> &[u8] {
        self.response.map_or(b"", |response| response.body.prefix())
    }

    fn refused(&self) -> Option<(ResponseCode, Bytes)> {
        self.response?.refusal()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.give_up("the client is gone");
    }
}

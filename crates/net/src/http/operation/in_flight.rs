//! An operation in the engine, with its HTTP messages as the observer sees them.

use std::sync::Arc;

use bytes::Bytes;
use engine::{Flight, GaveWay, HttpExchange, HttpLeg, Next, Refusal};
use http1::{RequestHead, ResponseHead};
use mapi::mapihttp::ResponseCode;
use tokio::time::Instant;

use crate::body_budget::Share;
use crate::gate::Lost;
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::context::RequestContext;
use crate::http::operation::response::UpstreamResponse;

/// What is logged of a session that gave way to a new one of the same user.
const LONGEST_IDLE: &str =
    "clients.sessions_per_user is reached, and the session that was idle for longest was ended";

/// An operation that is on its way. Dropped before it is done, it is given up: its client is gone.
pub(crate) struct InFlight {
    pub(crate) config: Arc<HttpListenerConfig>,
    pub(crate) flight: Flight,
    pub(crate) request: RequestContext,
    since: Instant,
    done: bool,
    /// The request's head as it went to the server.
    pub(crate) sent: Option<RequestHead>,
    /// What the request's body and the response count as held in memory.
    pub(crate) share: Option<Share>,
}

impl InFlight {
    pub(crate) const fn new(
        config: Arc<HttpListenerConfig>,
        flight: Flight,
        request: RequestContext,
        since: Instant,
        share: Share,
    ) -> Self {
        Self { config, flight, request, since, done: false, sent: None, share: Some(share) }
    }

    /// Reports what the client gets to the observer. `response` is the server's, where there is one.
    pub(crate) fn finish(&mut self, next: &Next, response: Option<&UpstreamResponse>) {
        if !std::mem::replace(&mut self.done, true) {
            let exchange = Messages { original: &self.request.head, sent: self.sent.as_ref(), response };
            self.config.observer.finished_by_http(&self.flight, next, self.since.elapsed(), &exchange);
        }
    }

    /// Logs once that the operation was refused here.
    pub(crate) fn log_refusal(&self, code: ResponseCode, why: &str) {
        let Self { config, request, flight, .. } = self;
        let (user, operation) = (request.context.principal(), flight.operation.key().name());
        config.log.operation_refused(request.peer, user, operation, code, why);
    }

    /// It as a request that is lost.
    pub(crate) fn lost(&self) -> Lost<'_> {
        let operation = &self.flight.operation;
        Lost {
            peer: operation.peer(),
            user: Some(self.flight.context().principal()),
            operation: operation.key().name(),
            is_wait: self.flight.is_wait(),
        }
    }

    /// Learns the cookies that the server sets in `head`. Where the client gets to see that head, those are
    /// added to it that it has not seen of earlier ones; else these are left to one that it sees.
    pub(crate) fn learn_cookies(&mut self, head: &mut ResponseHead, is_seen: bool) -> Result<(), Refusal> {
        let Self { config, flight, .. } = self;
        let set = || head.fields.all("set-cookie").filter_map(|value| std::str::from_utf8(value).ok());
        if config.engine.learn_cookies(&config.sessions, flight, set())? == GaveWay::LongestIdle {
            let (peer, user) = (flight.operation.peer(), flight.context().principal());
            config.log.sessions_full(peer, user, LONGEST_IDLE);
        }
        config.sessions.remember(flight, self.request.head.target(), set());
        if is_seen {
            for missing in flight.seen(set()) {
                head.fields.push("Set-Cookie", missing);
            }
        } else {
            flight.unseen(set());
        }
        Ok(())
    }

    /// Goes on with the server's response, which is whole now.
    pub(crate) fn responded(&mut self, response: &mut UpstreamResponse) -> Next {
        let Self { config, flight, .. } = self;
        match response.outcome() {
            Ok(payload) => config.engine.resume_by_cookie(&config.sessions, flight, payload),
            Err(code) => config.engine.refused_by_upstream(&config.sessions, flight, code),
        }
    }

    /// Goes on with what a module's deferred work came to.
    pub(crate) fn work_done(&mut self) -> Next {
        let Self { config, flight, .. } = self;
        config.engine.resume_deferred_by_cookie(&config.sessions, flight)
    }

    /// Goes on as if the server had ended the wait for notifications that this is.
    pub(crate) fn wait_ended(&mut self) -> Next {
        let Self { config, flight, .. } = self;
        let payload = config.engine.end_wait(flight).unwrap_or_default();
        config.engine.resume_by_cookie(&config.sessions, flight, payload)
    }

    /// Gives the operation up because of `why`.
    pub(crate) fn give_up(&mut self, why: &str) {
        if !self.done {
            let next = self.config.engine.give_up_by_cookie(&self.config.sessions, &mut self.flight, why);
            self.finish(&next, None);
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

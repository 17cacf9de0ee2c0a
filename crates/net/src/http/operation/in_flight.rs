//! An operation on its way by HTTP, and what of it whoever watches may see.

use std::sync::Arc;

use bytes::Bytes;
use engine::{Flight, GaveWay, HttpExchange, HttpLeg, Next, Refusal};
use http1::{RequestHead, ResponseHead};
use mapi::mapihttp::ResponseCode;
use tokio::time::Instant;

use crate::body_budget::Share;
use crate::gate::Lost;
use crate::http::config::HttpListenerConfig;
use crate::http::operation::response::UpstreamResponse;

/// What is logged of a session that gave way to a new one of the same user.
const LONGEST_IDLE: &str =
    "clients.sessions_per_user is reached, and the session that was idle for longest was ended";

/// An operation that is on its way. Dropped before it is done, it is given up: its client is gone.
pub(crate) struct InFlight {
    pub(crate) config: Arc<HttpListenerConfig>,
    pub(crate) flight: Flight,
    pub(crate) since: Instant,
    pub(crate) done: bool,
    /// The request's head as it came.
    pub(crate) original: RequestHead,
    /// The request's head as it went to the server.
    pub(crate) sent: Option<RequestHead>,
    /// What the request's body and its answer count as held in memory.
    pub(crate) share: Share,
}

impl InFlight {
    /// Says what the client gets, to whoever watches. `coming` is the server's answer, where there is one.
    pub(crate) fn finish(&mut self, next: &Next, coming: Option<&UpstreamResponse>) {
        if !std::mem::replace(&mut self.done, true) {
            let exchange = Exchange { original: &self.original, sent: self.sent.as_ref(), coming };
            self.config.observer.finished_by_http(&self.flight, next, self.since.elapsed(), &exchange);
        }
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
        config.sessions.remember(flight, self.original.target(), set());
        if is_seen {
            for missing in flight.seen(set()) {
                head.fields.push("Set-Cookie", missing);
            }
        } else {
            flight.unseen(set());
        }
        Ok(())
    }

    /// Lets the engine have the server's answer, which is whole now.
    pub(crate) fn through_engine(&mut self, coming: &mut UpstreamResponse) -> Next {
        let Self { config, flight, .. } = self;
        match coming.outcome() {
            Ok(payload) => config.engine.resume_by_cookie(&config.sessions, flight, payload),
            Err(code) => config.engine.refused_by_upstream(&config.sessions, flight, code),
        }
    }

    pub(crate) fn give_up(&mut self, why: &str) {
        if !self.done {
            let next = self.config.engine.give_up_by_cookie(&self.config.sessions, &mut self.flight, why);
            self.finish(&next, None);
        }
    }
}

/// What whoever watches may see of the HTTP around an operation.
struct Exchange<'a> {
    original: &'a RequestHead,
    sent: Option<&'a RequestHead>,
    coming: Option<&'a UpstreamResponse>,
}

impl HttpExchange for Exchange<'_> {
    fn target(&self) -> &str {
        self.original.target()
    }

    fn fields(&self, leg: HttpLeg, each: &mut dyn FnMut(&str, &[u8])) -> bool {
        let fields = match leg {
            HttpLeg::Asked => Some(&self.original.fields),
            HttpLeg::Sent => self.sent.map(|head| &head.fields),
            HttpLeg::Came => self.coming.map(|coming| &coming.came.fields),
            HttpLeg::Answered => self.coming.map(|coming| &coming.head.fields),
        };
        fields.inspect(|fields| fields.iter().for_each(|field| each(field.name, field.value))).is_some()
    }

    fn status(&self) -> Option<u16> {
        self.coming.map(|coming| coming.came.status())
    }

    fn before_payload(&self) -> &[u8] {
        self.coming.map_or(b"", |coming| coming.body.prefix())
    }

    fn refused(&self) -> Option<(ResponseCode, Bytes)> {
        self.coming?.refusal()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.give_up("the client is gone");
    }
}

//! An operation on its way by HTTP, and what of it whoever watches may see.

use std::sync::Arc;

use engine::{Flight, HttpExchange, HttpLeg, Next};
use http::RequestHead;
use tokio::time::Instant;

use super::coming::Coming;
use super::front::HttpFront;

/// An operation that is on its way. Dropped before it is done, it is given up: its client is gone.
pub(super) struct Airborne {
    pub(super) front: Arc<HttpFront>,
    pub(super) flight: Flight,
    pub(super) since: Instant,
    pub(super) done: bool,
    /// The request's head as it came.
    pub(super) original: RequestHead,
    /// The request's head as it went to the server.
    pub(super) sent: Option<RequestHead>,
}

impl Airborne {
    /// Says what the client gets, to whoever watches. `coming` is the server's answer, where there is one.
    pub(super) fn finish(&mut self, next: &Next, coming: Option<&Coming>) {
        if !std::mem::replace(&mut self.done, true) {
            let exchange = Exchange { original: &self.original, sent: self.sent.as_ref(), coming };
            self.front.observer.finished_by_http(&self.flight, next, self.since.elapsed(), &exchange);
        }
    }

    pub(super) fn give_up(&mut self, why: &str) {
        if !self.done {
            let next = self.front.engine.give_up_by_cookie(&self.front.sessions, &mut self.flight, why);
            self.finish(&next, None);
        }
    }
}

/// What whoever watches may see of the HTTP around an operation.
struct Exchange<'a> {
    original: &'a RequestHead,
    sent: Option<&'a RequestHead>,
    coming: Option<&'a Coming>,
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
}

impl Drop for Airborne {
    fn drop(&mut self) {
        self.give_up("the client is gone");
    }
}

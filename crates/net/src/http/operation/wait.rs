//! Waits for a module's work or for the server, and sends the client `PENDING` meanwhile.

use std::future::poll_fn;
use std::time::Duration;

use engine::{Next, response_code};
use http1::{Event, Framing, Head as _, RequestHead, ResponseHead};
use mapi::mapihttp::ResponseCode;
use mapi::mapihttp::headers::{CONTENT_TYPE, X_PENDING_PERIOD};
use tokio::time::{Instant, sleep_until};

use crate::http::downstream::connection::Client;
use crate::http::downstream::context::{Asked, Gone, Then};
use crate::http::operation::in_flight::Airborne;
use crate::http::operation::pending::{Told, end, refuse};
use crate::http::operation::response::Coming;
use crate::http::transport::Broken;
use crate::http::upstream::connection::Link;
use crate::upstream_error::UpstreamError;

impl Client {
    /// Waits until the work is done that the operation waits for, or for `limit`. What the client is told
    /// meanwhile goes behind the head of `coming`, where there is an answer already that the work is about.
    pub(crate) async fn wait_for_work(
        &mut self,
        asked: &Asked,
        airborne: &mut Airborne,
        told: &mut Told,
        mut coming: Option<&mut Coming>,
        limit: Duration,
    ) -> Result<(), Gone> {
        let until = Instant::now() + limit;
        loop {
            self.flush().await?;
            let room = self.wire.decoder.waiting() < self.front.sizes.ahead;
            let at = told.due(until);
            let Self { wire, stop, .. } = self;
            tokio::select! {
                biased;
                () = poll_fn(|task| airborne.flight.poll_work(task)) => return Ok(()),
                filled = wire.fill(), if room => if filled? == 0 {
                    return Err(Gone::Client(Broken::Closed));
                },
                () = poll_fn(|task| stop.poll_end(task)) => return Err(Gone::Stopped),
                () = sleep_until(at) => match &mut coming {
                    _ if at >= until => return Ok(()),
                    Some(coming) => {
                        coming.begin_to_tell(&mut wire.out, told);
                        told.tag(&mut wire.out);
                    }
                    None => self.tell(asked, airborne, told),
                },
            }
        }
    }

    /// Tells the client that we are at work, before there is an answer.
    pub(super) fn tell(&mut self, asked: &Asked, airborne: &Airborne, told: &mut Told) {
        if !std::mem::replace(&mut told.begun, true)
            && let Some(mut head) = answer_head(&airborne.original, asked)
        {
            head.fields.push(X_PENDING_PERIOD, told.pending.period.as_millis().to_string());
            head.fields.push("Transfer-Encoding", "chunked");
            crate::http::downstream::respond::connection(&mut head, &airborne.original);
            head.write(&mut self.wire.out);
        }
        told.tag(&mut self.wire.out);
    }

    /// The next event of the answer. Where the client was told that we are at work, it goes on being told.
    pub(crate) async fn answered_telling(
        &mut self,
        link: &mut Link,
        until: Instant,
        (asked, airborne, told): (&Asked, &Airborne, &mut Told),
    ) -> Result<Result<Event<ResponseHead>, UpstreamError>, Gone> {
        loop {
            let at = if told.begun { told.due(until) } else { until };
            match self.answered(link, at).await? {
                Err(UpstreamError::Late) if at < until => self.tell(asked, airborne, told),
                other => return Ok(other),
            }
        }
    }

    /// The head of the answer that counts, likewise. `silent` says that the server's answer does not go on to
    /// the client as it comes, so that nobody but us can tell it anything.
    pub(crate) async fn head_telling(
        &mut self,
        link: &mut Link,
        until: Instant,
        silent: bool,
        (asked, airborne, told): (&Asked, &Airborne, &mut Told),
    ) -> Result<Result<(ResponseHead, Framing), UpstreamError>, Gone> {
        loop {
            let at = if told.begun || silent { told.due(until) } else { until };
            match self.answer_head(link, at).await? {
                Err(UpstreamError::Late) if at < until => self.tell(asked, airborne, told),
                other => return Ok(other),
            }
        }
    }

    /// Answers what came to nothing: the server can't be reached, or broke off.
    pub(crate) fn fail(&mut self, why: &UpstreamError, airborne: &mut Airborne, told: &Told) -> Then {
        airborne.give_up(&why.to_string());
        if !told.begun {
            return self.unreachable(why, &airborne.original, &airborne.lost());
        }
        self.upstream_failed(why, &airborne.lost());
        self.link = None;
        refuse(&mut self.wire.out, ResponseCode::UnknownFailure);
        Then::Close
    }

    /// Answers an operation that the server never saw, to a client that was told already that we are at work.
    pub(crate) fn answer_told(&mut self, asked: &Asked, airborne: &Airborne, next: &Next) -> Then {
        match next {
            Next::Reply { stub } => end(&mut self.wire.out, &[], stub),
            Next::Fault { status, why } => {
                let code = response_code(*status);
                self.log_refusal(asked, airborne.flight.operation.key().name(), code, why);
                refuse(&mut self.wire.out, code);
            }
            Next::Relay { .. } | Next::Defer { .. } => {
                refuse(&mut self.wire.out, ResponseCode::UnknownFailure);
            }
        }
        if asked.keep { Then::Next } else { Then::Close }
    }
}

/// The head of an answer that went well as far as we know, without what frames it.
fn answer_head(original: &RequestHead, asked: &Asked) -> Option<ResponseHead> {
    crate::http::operation::own_head(original, asked, ResponseCode::Success, CONTENT_TYPE)
}

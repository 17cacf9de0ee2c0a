//! Waits for a module's work or for the server, and sends the client `PENDING` meanwhile.

use std::future::poll_fn;
use std::time::Duration;

use engine::{Next, response_code};
use http1::{Event, Framing, Head as _, RequestHead, ResponseHead};
use mapi::mapihttp::ResponseCode;
use mapi::mapihttp::headers::{CONTENT_TYPE, X_PENDING_PERIOD};
use tokio::time::{Instant, sleep_until};

use crate::http::downstream::connection::Client;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::operation::in_flight::InFlight;
use crate::http::operation::pending::{PendingKeepAlive, end, refuse};
use crate::http::operation::response::UpstreamResponse;
use crate::http::transport::TransportError;
use crate::http::upstream::connection::UpstreamConnection;
use crate::upstream_error::UpstreamError;

impl Client {
    /// Waits until the work is done that the operation waits for, or for `limit`. What the client is told
    /// meanwhile goes behind the head of `coming`, where there is an answer already that the work is about.
    pub(crate) async fn wait_for_work(
        &mut self,
        request: &RequestContext,
        airborne: &mut InFlight,
        told: &mut PendingKeepAlive,
        mut coming: Option<&mut UpstreamResponse>,
        limit: Duration,
    ) -> Result<(), ConnectionError> {
        let until = Instant::now() + limit;
        loop {
            self.flush().await?;
            let room = self.transport.decoder.waiting() < self.config.sizes.ahead;
            let at = told.due(until);
            let Self { transport, stop, .. } = self;
            tokio::select! {
                biased;
                () = poll_fn(|task| airborne.flight.poll_work(task)) => return Ok(()),
                filled = transport.fill(), if room => if filled? == 0 {
                    return Err(ConnectionError::Client(TransportError::Closed));
                },
                () = poll_fn(|task| stop.poll_end(task)) => return Err(ConnectionError::Stopped),
                () = sleep_until(at) => match &mut coming {
                    _ if at >= until => return Ok(()),
                    Some(coming) => {
                        coming.begin_to_tell(&mut transport.out, told);
                        told.tag(&mut transport.out);
                    }
                    None => self.tell(request, airborne, told),
                },
            }
        }
    }

    /// Tells the client that we are at work, before there is an answer.
    pub(super) fn tell(
        &mut self,
        request: &RequestContext,
        airborne: &InFlight,
        told: &mut PendingKeepAlive,
    ) {
        if !std::mem::replace(&mut told.begun, true)
            && let Some(mut head) = answer_head(&airborne.original, request)
        {
            head.fields.push(X_PENDING_PERIOD, told.pending.period.as_millis().to_string());
            head.fields.push("Transfer-Encoding", "chunked");
            crate::http::downstream::respond::connection(&mut head, &airborne.original);
            head.write(&mut self.transport.out);
        }
        told.tag(&mut self.transport.out);
    }

    /// The next event of the answer. Where the client was told that we are at work, it goes on being told.
    pub(crate) async fn answered_telling(
        &mut self,
        link: &mut UpstreamConnection,
        until: Instant,
        (request, airborne, told): (&RequestContext, &InFlight, &mut PendingKeepAlive),
    ) -> Result<Result<Event<ResponseHead>, UpstreamError>, ConnectionError> {
        loop {
            let at = if told.begun { told.due(until) } else { until };
            match self.answered(link, at).await? {
                Err(UpstreamError::Late) if at < until => self.tell(request, airborne, told),
                other => return Ok(other),
            }
        }
    }

    /// The head of the answer that counts, likewise. `silent` says that the server's answer does not go on to
    /// the client as it comes, so that nobody but us can tell it anything.
    pub(crate) async fn head_telling(
        &mut self,
        link: &mut UpstreamConnection,
        until: Instant,
        silent: bool,
        (request, airborne, told): (&RequestContext, &InFlight, &mut PendingKeepAlive),
    ) -> Result<Result<(ResponseHead, Framing), UpstreamError>, ConnectionError> {
        loop {
            let at = if told.begun || silent { told.due(until) } else { until };
            match self.answer_head(link, at).await? {
                Err(UpstreamError::Late) if at < until => self.tell(request, airborne, told),
                other => return Ok(other),
            }
        }
    }

    /// Answers what came to nothing: the server can't be reached, or broke off.
    pub(crate) fn fail(
        &mut self,
        why: &UpstreamError,
        airborne: &mut InFlight,
        told: &PendingKeepAlive,
    ) -> KeepAlive {
        airborne.give_up(&why.to_string());
        if !told.begun {
            return self.unreachable(why, &airborne.original, &airborne.lost());
        }
        self.upstream_failed(why, &airborne.lost());
        self.link = None;
        refuse(&mut self.transport.out, ResponseCode::UnknownFailure);
        KeepAlive::No
    }

    /// Answers an operation that the server never saw, to a client that was told already that we are at work.
    pub(crate) fn answer_told(
        &mut self,
        request: &RequestContext,
        airborne: &InFlight,
        next: &Next,
    ) -> KeepAlive {
        match next {
            Next::Reply { stub } => end(&mut self.transport.out, &[], stub),
            Next::Fault { status, why } => {
                let code = response_code(*status);
                self.log_refusal(request, airborne.flight.operation.key().name(), code, why);
                refuse(&mut self.transport.out, code);
            }
            Next::Relay { .. } | Next::Defer { .. } => {
                refuse(&mut self.transport.out, ResponseCode::UnknownFailure);
            }
        }
        if request.keep { KeepAlive::Yes } else { KeepAlive::No }
    }
}

/// The head of an answer that went well as far as we know, without what frames it.
fn answer_head(original: &RequestHead, request: &RequestContext) -> Option<ResponseHead> {
    crate::http::operation::own_head(original, request, ResponseCode::Success, CONTENT_TYPE)
}

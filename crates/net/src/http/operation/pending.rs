//! What takes time here, and what the client is told meanwhile ([MS-OXCMAPIHTTP] 2.2.7, 3.2.5.2).

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use engine::{Next, OperationKey, response_code};
use http::{Event, Framing, Head as _, RequestHead, ResponseHead, Version};
use identity::{OsRandom, Random as _};
use mapi::mapihttp::headers::{
    CONTENT_TYPE, Counted, ERROR_CONTENT_TYPE, X_PENDING_PERIOD, X_REQUEST_ID, X_REQUEST_TYPE,
    X_RESPONSE_CODE,
};
use mapi::mapihttp::{MetaTag, ResponseCode, prefix};
use tokio::time::{Instant, sleep_until};
use wire::Guid;

use crate::http::downstream::connection::{Asked, Client, Gone, Then};
use crate::http::operation::in_flight::Airborne;
use crate::http::operation::response::Coming;
use crate::http::transport::Broken;
use crate::http::upstream::connection::Link;
use crate::upstream_error::UpstreamError;

/// When clients are told that we are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// After how long for the first time: what is done sooner is answered as if it had taken no time.
    pub first: Duration,
    /// How often from then on.
    pub period: Duration,
}

impl Default for Pending {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), period: Duration::from_secs(15) }
    }
}

/// What the client of an operation was told while we took time.
#[derive(Debug)]
pub(crate) struct Told {
    pending: Pending,
    /// Whether it can be told anything: an older version has no chunks. Nor is who opens a session, whose
    /// cookies stand in the head of the answer.
    able: bool,
    next: Instant,
    /// The head of the answer was sent, and it was ours.
    pub(crate) begun: bool,
    processing: bool,
}

impl Told {
    pub(crate) fn new(pending: Pending, asked: &Asked, key: OperationKey, since: Instant) -> Self {
        let opens = matches!(key, OperationKey::Http(_, kind) if kind.begins_session());
        let able = asked.version == Version::Http11 && !asked.is_head && !opens;
        Self { pending, able, next: since + pending.first, begun: false, processing: false }
    }

    /// When something is to be done, `until` at the latest.
    fn due(&self, until: Instant) -> Instant {
        if self.able { self.next.min(until) } else { until }
    }

    /// Says that we are at work.
    fn tag(&mut self, out: &mut Vec<u8>) {
        let said = std::mem::replace(&mut self.processing, true);
        http::chunk(out, if said { MetaTag::Pending } else { MetaTag::Processing }.line());
        self.next = Instant::now() + self.pending.period;
    }

    /// The server said that it is at work.
    pub(crate) fn was_said(&mut self) {
        self.processing = true;
    }
}

/// What stands behind tags that were sent: `DONE`, what the server says in headers behind it, and the payload.
pub(crate) fn end(out: &mut Vec<u8>, late: &[(&str, &str)], payload: &[u8]) {
    let mut last = prefix(&[MetaTag::Done], late).unwrap_or_default();
    last.extend_from_slice(payload);
    http::chunk(out, &last);
    out.extend_from_slice(http::LAST_CHUNK);
}

/// The same where there is no payload but a refusal.
pub(crate) fn refuse(out: &mut Vec<u8>, code: ResponseCode) {
    let number = code.0.to_string();
    end(out, &[(X_RESPONSE_CODE, number.as_str()), ("Content-Type", ERROR_CONTENT_TYPE)], b"");
}

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
    fn tell(&mut self, asked: &Asked, airborne: &Airborne, told: &mut Told) {
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

    /// Asks the server what a module wants to know ahead of the client's own request; says how that goes on.
    pub(crate) async fn ask_ahead(
        &mut self,
        asked: &Asked,
        airborne: &mut Airborne,
        told: &mut Told,
        stub: Bytes,
    ) -> Result<Result<Next, UpstreamError>, Gone> {
        let Some(OperationKey::Http(_, request_type)) = airborne.flight.asks_ahead() else {
            let why = "a remote call is asked ahead by HTTP";
            return Ok(Err(UpstreamError::Protocol(why.to_owned())));
        };
        let mut guid = [0; 16];
        if let Err(error) = OsRandom.fill(&mut guid) {
            return Ok(Err(UpstreamError::Protocol(error.to_string())));
        }
        let mut head = airborne.original.clone();
        head.fields.set(X_REQUEST_TYPE, request_type.name());
        head.fields.set(X_REQUEST_ID, Counted { guid: Guid::from_le(guid), counter: 1 }.to_string());
        let mut link = match self.send_operation(asked, airborne, &mut head, stub).await {
            Ok(link) => link,
            Err(why) => return Ok(Err(why)),
        };
        let until = Instant::now() + self.front.upstream.call_limit;
        let telling = (asked, &*airborne, &mut *told);
        let (mut head, framing) = match self.head_telling(&mut link, until, true, telling).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        if let Err(refusal) = airborne.learn_cookies(&mut head, false) {
            return Ok(Err(UpstreamError::Protocol(refusal.why.into_owned())));
        }
        let mut coming = Coming::new(head, framing, asked);
        loop {
            let at = told.due(until);
            let event = match self.answered(&mut link, at).await? {
                Err(UpstreamError::Late) if at < until => {
                    self.tell(asked, airborne, told);
                    continue;
                }
                event => event,
            };
            let taken = |event| coming.take(event, self.front.sizes.answer).map_err(UpstreamError::Protocol);
            match event.and_then(taken) {
                Ok(true) => break,
                Ok(false) => {}
                Err(why) => return Ok(Err(why)),
            }
        }
        if link.done(&coming.came, framing) {
            self.link = Some(link);
        }
        Ok(Ok(coming.through_engine(airborne)))
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

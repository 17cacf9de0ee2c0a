//! MAPI over HTTP ([MS-OXCMAPIHTTP]): requests through the engine, answers back as they come.

pub(crate) mod ahead;
pub(crate) mod disconnect;
pub(crate) mod in_flight;
pub(crate) mod pending;
pub(crate) mod response;
pub(crate) mod wait;

use std::sync::Arc;

use bytes::Bytes;
use engine::{
    Envelope, FaultStatus, Incoming, Next, OperationKey, Refusal, TurnedAway, explanation, response_code,
};
use http1::{Framing, Head as _, RequestHead, ResponseHead};
use mapi::mapihttp::headers::{
    CONTENT_TYPE, ERROR_CONTENT_TYPE, X_CLIENT_INFO, X_REQUEST_ID, X_REQUEST_TYPE, X_RESPONSE_CODE,
};
use mapi::mapihttp::{Endpoint, MetaTag, RequestType, ResponseCode, prefix};
use tokio::time::Instant;
use wire::Endian;

use crate::clock;
use crate::http::downstream::body::{NotTaken, Whole};
use crate::http::downstream::connection::Client;
use crate::http::downstream::context::{Asked, Gone, Then};
use crate::http::downstream::respond;
use crate::http::forward::lost;
use crate::http::operation::in_flight::Airborne;
use crate::http::operation::pending::Told;
use crate::http::operation::response::Coming;
use crate::http::upstream::connection::Link;
use crate::http::upstream::request::Body;
use crate::upstream_error::UpstreamError;

impl Client {
    /// Brings an operation through the engine, to the server and back.
    pub(crate) async fn operation(
        &mut self,
        asked: Asked,
        original: RequestHead,
        framing: Framing,
    ) -> Result<Then, Gone> {
        let key = match operation_key(&original) {
            Ok(key) => key,
            Err((code, why)) => return Ok(self.refuse(&original, &asked, asked_for(&original), code, why)),
        };
        self.invite().await?;
        let whole = match self.body(framing, asked.context.identity()).await? {
            Ok(whole) => whole,
            Err(why @ NotTaken::TooLarge) => {
                self.refuse(&original, &asked, key.name(), ResponseCode::TooLarge, &why.to_string());
                return Ok(Then::Close);
            }
            Err(NotTaken::Full { came, why }) => {
                let (status, why) = (FaultStatus::RPC_S_SERVER_TOO_BUSY, why.to_string());
                let then = self.too_busy(&original, &asked, key.name(), Some(response_code(status)), &why);
                self.turned_away(&asked, key, came, &Refusal { status, why: why.into() });
                return Ok(then);
            }
        };
        if let Err(why) = self.check_caller() {
            return Ok(self.not_served(&why, &asked, &original));
        }
        let (mut airborne, next) = match self.take_off(&asked, key, original, whole) {
            Ok(begun) => begun,
            Err(then) => return Ok(then),
        };
        let front = Arc::clone(&self.front);
        let mut head = airborne.original.clone();
        let mut told = Told::new(front.pending, &asked, key, airborne.since);
        let mut next = next;
        loop {
            next = match next {
                Next::Defer { limit } => {
                    Box::pin(self.wait_for_work(&asked, &mut airborne, &mut told, None, limit)).await?;
                    front.engine.resume_deferred_by_cookie(&front.sessions, &mut airborne.flight)
                }
                Next::Relay { stub, .. } if airborne.flight.asks_ahead().is_some() => {
                    match Box::pin(self.ask_ahead(&asked, &mut airborne, &mut told, stub)).await? {
                        Ok(next) => next,
                        Err(why) => return Ok(self.fail(&why, &mut airborne, &told)),
                    }
                }
                Next::Relay { stub, .. } => {
                    return match self.send_operation(&asked, &airborne, &mut head, stub).await {
                        Ok(link) => {
                            airborne.sent = Some(head);
                            self.come_back(link, &asked, airborne, told).await
                        }
                        Err(why) => Ok(self.fail(&why, &mut airborne, &told)),
                    };
                }
                next => {
                    airborne.finish(&next, None);
                    let then = if told.begun {
                        self.answer_told(&asked, &airborne, &next)
                    } else {
                        self.answer_here(&airborne, &asked, next)
                    };
                    return Ok(then);
                }
            };
        }
    }

    /// Brings an operation into the engine. What is done with it is said, or that it has been answered.
    fn take_off(
        &mut self,
        asked: &Asked,
        key: OperationKey,
        original: RequestHead,
        (body, share): Whole,
    ) -> Result<(Box<Airborne>, Next), Then> {
        let front = Arc::clone(&self.front);
        let since = Instant::now();
        let request_size = body.len();
        let incoming = Incoming {
            envelope: Envelope::MapiHttp,
            key,
            stub: body,
            endian: Endian::Little,
            context: asked.context.clone(),
            peer: asked.peer,
            at: clock::now(),
        };
        let begun = front.engine.begin_by_cookie(&front.sessions, incoming, &cookies(&original));
        let (flight, next) = match begun {
            Ok(begun) => begun,
            Err(refusal) => {
                self.turned_away(asked, key, request_size, &refusal);
                if refusal.status == FaultStatus::RPC_S_SERVER_TOO_BUSY {
                    front.log.sessions_full(asked.peer, asked.context.principal(), &refusal.why);
                }
                let code = response_code(refusal.status);
                return Err(self.refuse(&original, asked, key.name(), code, &refusal.why));
            }
        };
        // Behind a pointer: what is moved from one wait to the next is copied each time.
        Ok((Box::new(Airborne { front, flight, since, done: false, original, sent: None, share }), next))
    }

    /// Sends what the operation asks of the server, or what is asked ahead of it: `head` without what is ours
    /// to say, and the body.
    pub(crate) async fn send_operation(
        &mut self,
        asked: &Asked,
        airborne: &Airborne,
        head: &mut RequestHead,
        stub: Bytes,
    ) -> Result<Box<Link>, UpstreamError> {
        if let Some(newest) = airborne.flight.cookies_to_send(&cookies(&airborne.original)) {
            head.fields.remove("cookie");
            if !newest.is_empty() {
                head.fields.push("Cookie", newest);
            }
        }
        head.fields.remove("accept-encoding");
        let length = u64::try_from(stub.len()).unwrap_or(u64::MAX);
        self.send_head(asked, head, Body::Length(length)).await?;
        let mut link = self.link.take().ok_or_else(lost)?;
        link.wire.send(stub);
        link.flush(self.front.limits.handshake).await?;
        Ok(link)
    }

    /// Brings the answer back. It is streamed as long as the server says that it is at work, and passes the
    /// engine when it is whole.
    async fn come_back(
        &mut self,
        mut link: Box<Link>,
        asked: &Asked,
        mut airborne: Box<Airborne>,
        mut told: Told,
    ) -> Result<Then, Gone> {
        let until = Instant::now() + self.front.upstream.call_limit;
        // A wait for notifications may end at any time: it does not keep us from stopping.
        let is_wait = airborne.flight.is_wait();
        let stops = self.stop.begins();
        tokio::pin!(stops);
        let telling = (asked, &*airborne, &mut told);
        let answer = tokio::select! {
            biased;
            answer = self.head_telling(&mut link, until, false, telling) => Some(answer?),
            () = &mut stops, if is_wait => None,
        };
        let (mut head, framing) = match answer {
            Some(Ok(answer)) => answer,
            Some(Err(why)) => return Ok(self.fail(&why, &mut airborne, &told)),
            None => return Ok(self.end_wait(asked, &mut airborne, &told, None)),
        };
        if let Err(refusal) = airborne.learn_cookies(&mut head, !told.begun) {
            let why = UpstreamError::Protocol(refusal.why.into_owned());
            return Ok(self.fail(&why, &mut airborne, &told));
        }
        link.wire.decoder.gather(self.front.sizes.answer);
        let mut coming = Box::new(Coming::new(head, framing, asked));
        coming.told = told.begun;
        coming.begun = told.begun;
        let of_request = airborne.share.counted();
        loop {
            let event = if let Ok(Some(event)) = link.wire.ready() {
                Ok(event)
            } else {
                coming.stream(&mut self.wire);
                let may_end = is_wait && !coming.body.is_done();
                let answer = tokio::select! {
                    biased;
                    answer = self.answered_telling(&mut link, until, (asked, &airborne, &mut told)) => Some(answer?),
                    () = &mut stops, if may_end => None,
                };
                match answer {
                    Some(answer) => answer,
                    None => return Ok(self.end_wait(asked, &mut airborne, &told, Some(&coming))),
                }
            };
            let taken = |event| coming.take(event, self.front.sizes.answer).map_err(UpstreamError::from);
            match event.and_then(taken) {
                Ok(true) => break,
                Ok(false) => {
                    let held = of_request.saturating_add(coming.memory());
                    if let Err(why) = airborne.share.set(held) {
                        return self.no_room(&why.to_string(), asked, &mut airborne, &coming);
                    }
                }
                Err(why) if coming.begun && !coming.told => {
                    airborne.give_up(&why.to_string());
                    return Err(self.cut_short(&why, &airborne.lost()));
                }
                Err(why) => return Ok(self.fail(&why, &mut airborne, &told)),
            }
        }
        let mut next = airborne.through_engine(&mut coming);
        while let Next::Defer { limit } = next {
            Box::pin(self.wait_for_work(asked, &mut airborne, &mut told, Some(&mut coming), limit)).await?;
            let Airborne { front, flight, .. } = &mut *airborne;
            next = front.engine.resume_deferred_by_cookie(&front.sessions, flight);
        }
        if let Next::Fault { status, why } = &next
            && !coming.is_refused_by_server()
        {
            let operation = airborne.flight.operation.key().name();
            self.log_refusal(asked, operation, response_code(*status), why);
        }
        let then = coming.send(&mut self.wire, &next, asked);
        airborne.finish(&next, Some(&coming));
        if link.done(&coming.came, framing) {
            self.link = Some(link);
        }
        let none = self.front.bodies.share(asked.context.identity());
        self.held = Some(std::mem::replace(&mut airborne.share, none));
        Ok(then)
    }

    /// Refuses an operation for whose answer there is no room in memory, because of `why`. An answer of which a part
    /// was sent is cut short.
    fn no_room(
        &mut self,
        why: &str,
        asked: &Asked,
        airborne: &mut Airborne,
        coming: &Coming,
    ) -> Result<Then, Gone> {
        airborne.give_up(why);
        let (original, operation) = (&airborne.original, airborne.flight.operation.key().name());
        if coming.begun {
            self.front.log.memory_full(asked.peer, asked.context.principal(), operation, why);
            return Err(Gone::CutShort(why.to_owned()));
        }
        let code = response_code(FaultStatus::RPC_S_SERVER_TOO_BUSY);
        Ok(self.too_busy(original, asked, operation, Some(code), why))
    }

    /// Answers a wait for notifications, without one, since the proxy stops. `coming` is what came of the server's
    /// answer.
    fn end_wait(
        &mut self,
        asked: &Asked,
        airborne: &mut Airborne,
        told: &Told,
        coming: Option<&Coming>,
    ) -> Then {
        let front = Arc::clone(&self.front);
        let payload = front.engine.end_wait(&airborne.flight).unwrap_or_default();
        let next = front.engine.resume_by_cookie(&front.sessions, &mut airborne.flight, payload);
        airborne.finish(&next, None);
        self.link = None;
        if told.begun || coming.is_some_and(|coming| coming.begun) {
            self.answer_told(asked, airborne, &next);
        } else {
            self.answer_here(airborne, asked, next);
        }
        Then::Close
    }

    fn turned_away(&self, asked: &Asked, key: OperationKey, request_size: usize, refusal: &Refusal) {
        self.front.observer.turned_away(&TurnedAway {
            context: &asked.context,
            peer: asked.peer,
            envelope: Envelope::MapiHttp,
            operation: key.name(),
            request_size,
            status: refusal.status,
            why: &refusal.why,
        });
    }

    /// Answers an operation that the server never saw.
    fn answer_here(&mut self, airborne: &Airborne, asked: &Asked, next: Next) -> Then {
        let (original, operation) = (&airborne.original, airborne.flight.operation.key().name());
        match next {
            Next::Reply { stub } => {
                let before = prefix(&[MetaTag::Processing, MetaTag::Done], &[]).unwrap_or_default();
                let body = [&before[..], &stub].concat();
                self.own(original, asked, ResponseCode::Success, CONTENT_TYPE, &body)
            }
            Next::Fault { status, why } => {
                self.refuse(original, asked, operation, response_code(status), &why)
            }
            Next::Relay { .. } | Next::Defer { .. } => {
                self.refuse(original, asked, operation, ResponseCode::UnknownFailure, "lost")
            }
        }
    }

    /// Logs once that an operation was refused here: whose it was, and why.
    pub(crate) fn log_refusal(&self, asked: &Asked, operation: &str, code: ResponseCode, why: &str) {
        self.front.log.operation_refused(asked.peer, asked.context.principal(), operation, code, why);
    }

    /// Refuses an operation: an answer that says so, and not why.
    fn refuse(
        &mut self,
        original: &RequestHead,
        asked: &Asked,
        operation: &str,
        code: ResponseCode,
        why: &str,
    ) -> Then {
        self.log_refusal(asked, operation, code, why);
        self.own(original, asked, code, ERROR_CONTENT_TYPE, explanation(code).as_bytes())
    }

    /// Answers in our own words.
    fn own(
        &mut self,
        original: &RequestHead,
        asked: &Asked,
        code: ResponseCode,
        kind: &'static str,
        body: &[u8],
    ) -> Then {
        let Some(mut head) = own_head(original, asked, code, kind) else { return Then::Close };
        head.fields.push("Content-Length", body.len().to_string());
        respond::connection(&mut head, original);
        head.write(&mut self.wire.out);
        self.wire.out.extend_from_slice(body);
        if asked.keep { Then::Next } else { Then::Close }
    }
}

/// What a request says that it asks for, where that is no operation.
fn asked_for(head: &RequestHead) -> &str {
    const MOST: usize = 64;
    let said = head.fields.text(X_REQUEST_TYPE).unwrap_or("unknown");
    if said.len() > MOST { "unknown" } else { said }
}

/// The head of an answer in our own words, without what frames it.
pub(crate) fn own_head(
    original: &RequestHead,
    asked: &Asked,
    code: ResponseCode,
    kind: &'static str,
) -> Option<ResponseHead> {
    let mut head = ResponseHead::new(200, "OK")?;
    head.fields.push("Cache-Control", "private");
    head.fields.push("Content-Type", kind);
    for name in [X_REQUEST_TYPE, X_REQUEST_ID, X_CLIENT_INFO] {
        if let Some(value) = original.fields.get(name) {
            head.fields.push(name, Bytes::copy_from_slice(value));
        }
    }
    head.fields.push(X_RESPONSE_CODE, code.0.to_string());
    if let Some(token) = &asked.token {
        head.fields.push("WWW-Authenticate", token.clone());
    }
    Some(head)
}

/// The values of a request's `Cookie` headers.
fn cookies(head: &RequestHead) -> Vec<&[u8]> {
    head.fields.all("cookie").collect()
}

/// Which operation a request asks for; otherwise what is wrong with it ([MS-OXCMAPIHTTP] 2.2.3.3.3).
fn operation_key(head: &RequestHead) -> Result<OperationKey, (ResponseCode, &'static str)> {
    let endpoint = Endpoint::of_path(head.path()).ok_or((ResponseCode::InvalidPath, "no such endpoint"))?;
    if head.method() != "POST" {
        return Err((ResponseCode::InvalidVerb, "a method other than POST"));
    }
    let mut types = head.fields.all(X_REQUEST_TYPE);
    let name = match (types.next(), types.next()) {
        (None, _) => return Err((ResponseCode::MissingHeader, "no X-RequestType")),
        (Some(_), Some(_)) => return Err((ResponseCode::InvalidHeader, "more than one X-RequestType")),
        (Some(name), None) => name,
    };
    let request_type = std::str::from_utf8(name).ok().and_then(RequestType::parse);
    let request_type = request_type.filter(|request_type| endpoint.operation(*request_type).is_some());
    let request_type = request_type.ok_or((ResponseCode::InvalidRequestType, "no such request type"))?;
    Ok(OperationKey::Http(endpoint, request_type))
}

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
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::forward::lost;
use crate::http::operation::in_flight::InFlight;
use crate::http::operation::pending::PendingKeepAlive;
use crate::http::operation::response::UpstreamResponse;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request::Body;
use crate::upstream_error::UpstreamError;

impl Client {
    /// Brings an operation through the engine, to the server and back.
    pub(crate) async fn operation(
        &mut self,
        request: RequestContext,
        original: RequestHead,
        framing: Framing,
    ) -> Result<KeepAlive, ConnectionError> {
        let key = match operation_key(&original) {
            Ok(key) => key,
            Err((code, why)) => return Ok(self.refuse(&original, &request, asked_for(&original), code, why)),
        };
        self.invite().await?;
        let whole = match self.body(framing, request.context.identity()).await? {
            Ok(whole) => whole,
            Err(why @ NotTaken::TooLarge) => {
                self.refuse(&original, &request, key.name(), ResponseCode::TooLarge, &why.to_string());
                return Ok(KeepAlive::No);
            }
            Err(NotTaken::Full { came, why }) => {
                let (status, why) = (FaultStatus::RPC_S_SERVER_TOO_BUSY, why.to_string());
                let then = self.too_busy(&original, &request, key.name(), Some(response_code(status)), &why);
                self.turned_away(&request, key, came, &Refusal { status, why: why.into() });
                return Ok(then);
            }
        };
        if let Err(why) = self.check_caller() {
            return Ok(self.not_served(&why, &request, &original));
        }
        let (mut airborne, next) = match self.take_off(&request, key, original, whole) {
            Ok(begun) => begun,
            Err(then) => return Ok(then),
        };
        let config = Arc::clone(&self.config);
        let mut head = airborne.original.clone();
        let mut told = PendingKeepAlive::new(config.pending, &request, key, airborne.since);
        let mut next = next;
        loop {
            next = match next {
                Next::Defer { limit } => {
                    Box::pin(self.wait_for_work(&request, &mut airborne, &mut told, None, limit)).await?;
                    config.engine.resume_deferred_by_cookie(&config.sessions, &mut airborne.flight)
                }
                Next::Relay { stub, .. } if airborne.flight.asks_ahead().is_some() => {
                    match Box::pin(self.ask_ahead(&request, &mut airborne, &mut told, stub)).await? {
                        Ok(next) => next,
                        Err(why) => return Ok(self.fail(&why, &mut airborne, &told)),
                    }
                }
                Next::Relay { stub, .. } => {
                    return match self.send_operation(&request, &airborne, &mut head, stub).await {
                        Ok(link) => {
                            airborne.sent = Some(head);
                            self.come_back(link, &request, airborne, told).await
                        }
                        Err(why) => Ok(self.fail(&why, &mut airborne, &told)),
                    };
                }
                next => {
                    airborne.finish(&next, None);
                    let then = if told.begun {
                        self.answer_told(&request, &airborne, &next)
                    } else {
                        self.answer_here(&airborne, &request, next)
                    };
                    return Ok(then);
                }
            };
        }
    }

    /// Brings an operation into the engine. What is done with it is said, or that it has been answered.
    fn take_off(
        &mut self,
        request: &RequestContext,
        key: OperationKey,
        original: RequestHead,
        (body, share): Whole,
    ) -> Result<(Box<InFlight>, Next), KeepAlive> {
        let config = Arc::clone(&self.config);
        let since = Instant::now();
        let request_size = body.len();
        let incoming = Incoming {
            envelope: Envelope::MapiHttp,
            key,
            stub: body,
            endian: Endian::Little,
            context: request.context.clone(),
            peer: request.peer,
            at: clock::now(),
        };
        let begun = config.engine.begin_by_cookie(&config.sessions, incoming, &cookies(&original));
        let (flight, next) = match begun {
            Ok(begun) => begun,
            Err(refusal) => {
                self.turned_away(request, key, request_size, &refusal);
                if refusal.status == FaultStatus::RPC_S_SERVER_TOO_BUSY {
                    config.log.sessions_full(request.peer, request.context.principal(), &refusal.why);
                }
                let code = response_code(refusal.status);
                return Err(self.refuse(&original, request, key.name(), code, &refusal.why));
            }
        };
        // Behind a pointer: what is moved from one wait to the next is copied each time.
        Ok((Box::new(InFlight { config, flight, since, done: false, original, sent: None, share }), next))
    }

    /// Sends what the operation asks of the server, or what is asked ahead of it: `head` without what is ours
    /// to say, and the body.
    pub(crate) async fn send_operation(
        &mut self,
        request: &RequestContext,
        airborne: &InFlight,
        head: &mut RequestHead,
        stub: Bytes,
    ) -> Result<Box<UpstreamConnection>, UpstreamError> {
        if let Some(newest) = airborne.flight.cookies_to_send(&cookies(&airborne.original)) {
            head.fields.remove("cookie");
            if !newest.is_empty() {
                head.fields.push("Cookie", newest);
            }
        }
        head.fields.remove("accept-encoding");
        let length = u64::try_from(stub.len()).unwrap_or(u64::MAX);
        self.send_head(request, head, Body::Length(length)).await?;
        let mut link = self.link.take().ok_or_else(lost)?;
        link.transport.send(stub);
        link.flush(self.config.limits.handshake).await?;
        Ok(link)
    }

    /// Brings the answer back. It is streamed as long as the server says that it is at work, and passes the
    /// engine when it is whole.
    async fn come_back(
        &mut self,
        mut link: Box<UpstreamConnection>,
        request: &RequestContext,
        mut airborne: Box<InFlight>,
        mut told: PendingKeepAlive,
    ) -> Result<KeepAlive, ConnectionError> {
        let until = Instant::now() + self.config.upstream.call_limit;
        // A wait for notifications may end at any time: it does not keep us from stopping.
        let is_wait = airborne.flight.is_wait();
        let stops = self.stop.begins();
        tokio::pin!(stops);
        let telling = (request, &*airborne, &mut told);
        let answer = tokio::select! {
            biased;
            answer = self.head_telling(&mut link, until, false, telling) => Some(answer?),
            () = &mut stops, if is_wait => None,
        };
        let (mut head, framing) = match answer {
            Some(Ok(answer)) => answer,
            Some(Err(why)) => return Ok(self.fail(&why, &mut airborne, &told)),
            None => return Ok(self.end_wait(request, &mut airborne, &told, None)),
        };
        if let Err(refusal) = airborne.learn_cookies(&mut head, !told.begun) {
            let why = UpstreamError::Protocol(refusal.why.into_owned());
            return Ok(self.fail(&why, &mut airborne, &told));
        }
        link.transport.decoder.gather(self.config.sizes.answer);
        let mut coming = Box::new(UpstreamResponse::new(head, framing, request));
        coming.told = told.begun;
        coming.begun = told.begun;
        let of_request = airborne.share.counted();
        loop {
            let event = if let Ok(Some(event)) = link.transport.ready() {
                Ok(event)
            } else {
                coming.stream(&mut self.transport);
                let may_end = is_wait && !coming.body.is_done();
                let answer = tokio::select! {
                    biased;
                    answer = self.answered_telling(&mut link, until, (request, &airborne, &mut told)) => Some(answer?),
                    () = &mut stops, if may_end => None,
                };
                match answer {
                    Some(answer) => answer,
                    None => return Ok(self.end_wait(request, &mut airborne, &told, Some(&coming))),
                }
            };
            let taken = |event| coming.take(event, self.config.sizes.answer).map_err(UpstreamError::from);
            match event.and_then(taken) {
                Ok(true) => break,
                Ok(false) => {
                    let held = of_request.saturating_add(coming.memory());
                    if let Err(why) = airborne.share.set(held) {
                        return self.no_room(&why.to_string(), request, &mut airborne, &coming);
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
            Box::pin(self.wait_for_work(request, &mut airborne, &mut told, Some(&mut coming), limit)).await?;
            let InFlight { config, flight, .. } = &mut *airborne;
            next = config.engine.resume_deferred_by_cookie(&config.sessions, flight);
        }
        if let Next::Fault { status, why } = &next
            && !coming.is_refused_by_server()
        {
            let operation = airborne.flight.operation.key().name();
            self.log_refusal(request, operation, response_code(*status), why);
        }
        let then = coming.send(&mut self.transport, &next, request);
        airborne.finish(&next, Some(&coming));
        if link.done(&coming.came, framing) {
            self.link = Some(link);
        }
        let none = self.config.bodies.share(request.context.identity());
        self.held = Some(std::mem::replace(&mut airborne.share, none));
        Ok(then)
    }

    /// Refuses an operation for whose answer there is no room in memory, because of `why`. An answer of which a part
    /// was sent is cut short.
    fn no_room(
        &mut self,
        why: &str,
        request: &RequestContext,
        airborne: &mut InFlight,
        coming: &UpstreamResponse,
    ) -> Result<KeepAlive, ConnectionError> {
        airborne.give_up(why);
        let (original, operation) = (&airborne.original, airborne.flight.operation.key().name());
        if coming.begun {
            self.config.log.memory_full(request.peer, request.context.principal(), operation, why);
            return Err(ConnectionError::CutShort(why.to_owned()));
        }
        let code = response_code(FaultStatus::RPC_S_SERVER_TOO_BUSY);
        Ok(self.too_busy(original, request, operation, Some(code), why))
    }

    /// Answers a wait for notifications, without one, since the proxy stops. `coming` is what came of the server's
    /// answer.
    fn end_wait(
        &mut self,
        request: &RequestContext,
        airborne: &mut InFlight,
        told: &PendingKeepAlive,
        coming: Option<&UpstreamResponse>,
    ) -> KeepAlive {
        let config = Arc::clone(&self.config);
        let payload = config.engine.end_wait(&airborne.flight).unwrap_or_default();
        let next = config.engine.resume_by_cookie(&config.sessions, &mut airborne.flight, payload);
        airborne.finish(&next, None);
        self.link = None;
        if told.begun || coming.is_some_and(|coming| coming.begun) {
            self.answer_told(request, airborne, &next);
        } else {
            self.answer_here(airborne, request, next);
        }
        KeepAlive::No
    }

    fn turned_away(
        &self,
        request: &RequestContext,
        key: OperationKey,
        request_size: usize,
        refusal: &Refusal,
    ) {
        self.config.observer.turned_away(&TurnedAway {
            context: &request.context,
            peer: request.peer,
            envelope: Envelope::MapiHttp,
            operation: key.name(),
            request_size,
            status: refusal.status,
            why: &refusal.why,
        });
    }

    /// Answers an operation that the server never saw.
    fn answer_here(&mut self, airborne: &InFlight, request: &RequestContext, next: Next) -> KeepAlive {
        let (original, operation) = (&airborne.original, airborne.flight.operation.key().name());
        match next {
            Next::Reply { stub } => {
                let before = prefix(&[MetaTag::Processing, MetaTag::Done], &[]).unwrap_or_default();
                let body = [&before[..], &stub].concat();
                self.own(original, request, ResponseCode::Success, CONTENT_TYPE, &body)
            }
            Next::Fault { status, why } => {
                self.refuse(original, request, operation, response_code(status), &why)
            }
            Next::Relay { .. } | Next::Defer { .. } => {
                self.refuse(original, request, operation, ResponseCode::UnknownFailure, "lost")
            }
        }
    }

    /// Logs once that an operation was refused here: whose it was, and why.
    pub(crate) fn log_refusal(
        &self,
        request: &RequestContext,
        operation: &str,
        code: ResponseCode,
        why: &str,
    ) {
        self.config.log.operation_refused(request.peer, request.context.principal(), operation, code, why);
    }

    /// Refuses an operation: an answer that says so, and not why.
    fn refuse(
        &mut self,
        original: &RequestHead,
        request: &RequestContext,
        operation: &str,
        code: ResponseCode,
        why: &str,
    ) -> KeepAlive {
        self.log_refusal(request, operation, code, why);
        self.own(original, request, code, ERROR_CONTENT_TYPE, explanation(code).as_bytes())
    }

    /// Answers in our own words.
    fn own(
        &mut self,
        original: &RequestHead,
        request: &RequestContext,
        code: ResponseCode,
        kind: &'static str,
        body: &[u8],
    ) -> KeepAlive {
        let Some(mut head) = own_head(original, request, code, kind) else { return KeepAlive::No };
        head.fields.push("Content-Length", body.len().to_string());
        respond::connection(&mut head, original);
        head.write(&mut self.transport.out);
        self.transport.out.extend_from_slice(body);
        if request.keep { KeepAlive::Yes } else { KeepAlive::No }
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
    request: &RequestContext,
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
    if let Some(token) = &request.token {
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

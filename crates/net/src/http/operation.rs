//! MAPI over HTTP ([MS-OXCMAPIHTTP]): requests through the engine, answers back as they come.

use std::sync::Arc;

use bytes::Bytes;
use engine::{
    Envelope, Flight, HttpExchange, HttpLeg, Incoming, Next, OperationKey, Refusal, TurnedAway, response_code,
};
use http::{Event, Framing, Head as _, RequestHead, ResponseHead};
use mapi::http::headers::{
    CONTENT_TYPE, ERROR_CONTENT_TYPE, X_CLIENT_INFO, X_REQUEST_ID, X_REQUEST_TYPE, X_RESPONSE_CODE,
    is_mapi_http,
};
use mapi::http::{Endpoint, MetaTag, RequestType, ResponseBody, ResponseCode, prefix};
use tokio::time::Instant;
use wire::Endian;

use super::answers;
use super::body::Gathered;
use super::connection::{Asked, Client, Gone, Then};
use super::exchange::{Coding, adapt_answer};
use super::front::HttpFront;
use super::io::Wire;
use super::told::{self, Told};
use super::upstream::Link;
use crate::clock;

/// An operation that is on its way. Dropped before it is done, it is given up: its client is gone.
pub(super) struct Airborne {
    front: Arc<HttpFront>,
    pub(super) flight: Flight,
    since: Instant,
    done: bool,
    /// The request's head as it came.
    pub(super) original: RequestHead,
    /// The request's head as it went to the server.
    sent: Option<RequestHead>,
}

impl Airborne {
    /// Says what the client gets, to whoever watches. `coming` is the server's answer, where there is one.
    fn finish(&mut self, next: &Next, coming: Option<&Coming>) {
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

/// An answer of the server's, as far as it is here.
pub(super) struct Coming {
    head: ResponseHead,
    pub(super) came: ResponseHead,
    /// What its head says of the operation.
    code: ResponseCode,
    framing: Framing,
    coding: Coding,
    /// What came and was not sent yet, as it came.
    held: Vec<http::Piece>,
    /// How many of these may be sent: whole chunks that say no more than that the server is at work.
    ready: usize,
    /// Bytes of content among these.
    ready_content: usize,
    /// Bytes of content that were sent.
    sent: usize,
    begun: bool,
    body: ResponseBody,
    payload: Gathered,
    /// The payload, once it is whole.
    whole: Bytes,
    /// Bytes of content so far.
    content: usize,
    malformed: bool,
    /// The server refused the operation as such.
    refused: Option<ResponseCode>,
    /// The client was told by us that somebody is at work: what is sent of the body is not its beginning as it came.
    told: bool,
}

impl Client {
    /// Brings an operation through the engine, to the server and back.
    pub(super) async fn operation(
        &mut self,
        asked: Asked,
        original: RequestHead,
        framing: Framing,
    ) -> Result<Then, Gone> {
        let key = match operation_key(&original) {
            Ok(key) => key,
            Err((code, why)) => return Ok(self.refuse(&original, &asked, code, why)),
        };
        self.invite().await?;
        let Some(body) = self.body(framing).await? else {
            self.refuse(&original, &asked, ResponseCode::TooLarge, "the request is too large");
            return Ok(Then::Close);
        };
        let (mut airborne, next) = match self.take_off(&asked, key, original, body) {
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
                        self.answer_told(&asked, &next)
                    } else {
                        self.answer_here(&airborne.original, &asked, next)
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
        body: Bytes,
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
                let code = response_code(refusal.status);
                return Err(self.refuse(&original, asked, code, &refusal.why));
            }
        };
        // Behind a pointer: what is moved from one wait to the next is copied each time.
        Ok((Box::new(Airborne { front, flight, since, done: false, original, sent: None }), next))
    }

    /// Sends what the operation asks of the server, or what is asked ahead of it: `head` without what is ours to say,
    /// and the body.
    pub(super) async fn send_operation(
        &mut self,
        asked: &Asked,
        airborne: &Airborne,
        head: &mut RequestHead,
        stub: Bytes,
    ) -> Result<Box<Link>, String> {
        if matches!(airborne.flight.operation.key(), OperationKey::Http(_, kind) if kind.begins_session()) {
            // Nobody brings a session along into which another is to be opened.
            head.fields.remove("cookie");
        } else if let Some(newest) = airborne.flight.cookies_to_send(&cookies(&airborne.original)) {
            head.fields.remove("cookie");
            head.fields.push("Cookie", newest);
        }
        head.fields.remove("accept-encoding");
        self.send_head(asked, head, u64::try_from(stub.len()).ok()).await?;
        let mut link = self.link.take().ok_or("lost")?;
        link.wire.send(stub);
        link.wire.flush(self.front.limits.handshake).await.map_err(|error| error.to_string())?;
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
        let front = Arc::clone(&self.front);
        let until = Instant::now() + front.upstream.call_limit;
        let telling = (asked, &*airborne, &mut told);
        let (mut head, framing) = match self.head_telling(&mut link, until, false, telling).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(self.fail(&why, &mut airborne, &told)),
        };
        let set = || head.fields.all("set-cookie").filter_map(|value| std::str::from_utf8(value).ok());
        if let Err(refusal) = front.engine.learn_cookies(&front.sessions, &airborne.flight, set()) {
            tracing::warn!("upstream: {}", refusal.why);
            return Ok(self.fail(&refusal.why, &mut airborne, &told));
        }
        if told.begun {
            airborne.flight.unseen(set());
        } else {
            for missing in airborne.flight.seen(set()) {
                head.fields.push("Set-Cookie", missing);
            }
        }
        link.wire.decoder.gather(front.sizes.answer);
        let mut coming = Box::new(Coming::new(head, framing, asked));
        coming.told = told.begun;
        coming.begun = told.begun;
        loop {
            let event = if let Ok(Some(event)) = link.wire.ready() {
                Ok(event)
            } else {
                coming.stream(&mut self.wire);
                self.answered_telling(&mut link, until, (asked, &airborne, &mut told)).await?
            };
            let gone_on = match event {
                Ok(Event::Body(piece)) => {
                    let taken = coming.take(piece, front.sizes.answer);
                    taken.then_some(()).ok_or_else(|| "the answer is too large".to_owned())
                }
                Ok(Event::End) => break,
                Ok(Event::Head { .. }) => Ok(()),
                Err(why) => Err(why),
            };
            match gone_on {
                Ok(()) => {}
                Err(why) if coming.begun && !coming.told => {
                    airborne.give_up(&why);
                    return Err(Gone::CutShort(why));
                }
                Err(why) => return Ok(self.fail(&why, &mut airborne, &told)),
            }
        }
        let mut next = coming.through_engine(&mut airborne);
        while let Next::Defer { limit } = next {
            Box::pin(self.wait_for_work(asked, &mut airborne, &mut told, Some(&mut coming), limit)).await?;
            next = front.engine.resume_deferred_by_cookie(&front.sessions, &mut airborne.flight);
        }
        let then = coming.send(&mut self.wire, &next, asked);
        airborne.finish(&next, Some(&coming));
        if link.done(&coming.came, framing) {
            self.link = Some(link);
        }
        Ok(then)
    }

    fn turned_away(&self, asked: &Asked, key: OperationKey, request_size: usize, refusal: &Refusal) {
        tracing::info!(peer = %asked.peer, "refused: {}", refusal.why);
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
    fn answer_here(&mut self, original: &RequestHead, asked: &Asked, next: Next) -> Then {
        match next {
            Next::Reply { stub } => {
                let before = prefix(&[MetaTag::Processing, MetaTag::Done], &[]).unwrap_or_default();
                let body = [&before[..], &stub].concat();
                self.own(original, asked, ResponseCode::Success, CONTENT_TYPE, &body)
            }
            Next::Fault { status, why } => self.refuse(original, asked, response_code(status), &why),
            Next::Relay { .. } | Next::Defer { .. } => {
                self.refuse(original, asked, ResponseCode::UnknownFailure, "lost")
            }
        }
    }

    /// Refuses an operation: an answer that says so, and not why.
    fn refuse(&mut self, original: &RequestHead, asked: &Asked, code: ResponseCode, why: &str) -> Then {
        tracing::info!(peer = %asked.peer, user = %asked.context.principal(), "X-ResponseCode {}: {why}", code.0);
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
        answers::connection(&mut head, original);
        head.write(&mut self.wire.out);
        self.wire.out.extend_from_slice(body);
        if asked.keep { Then::Next } else { Then::Close }
    }
}

/// The head of an answer in our own words, without what frames it.
pub(super) fn own_head(
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
fn cookies(head: &RequestHead) -> Vec<&str> {
    head.fields.all("cookie").filter_map(|value| std::str::from_utf8(value).ok()).collect()
}

/// Which operation a request asks for; otherwise what is wrong with it.
fn operation_key(head: &RequestHead) -> Result<OperationKey, (ResponseCode, &'static str)> {
    let endpoint = Endpoint::of_path(head.path()).ok_or((ResponseCode::InvalidPath, "no such endpoint"))?;
    if head.method() != "POST" {
        return Err((ResponseCode::InvalidVerb, "a method other than POST"));
    }
    let mut types = head.fields.all(X_REQUEST_TYPE);
    let (Some(name), None) = (types.next(), types.next()) else {
        return Err((ResponseCode::MissingHeader, "not exactly one X-RequestType"));
    };
    let request_type = std::str::from_utf8(name).ok().and_then(RequestType::parse);
    let request_type = request_type.filter(|request_type| endpoint.operation(*request_type).is_some());
    let request_type = request_type.ok_or((ResponseCode::InvalidRequestType, "no such request type"))?;
    Ok(OperationKey::Http(endpoint, request_type))
}

fn explanation(code: ResponseCode) -> String {
    format!(
        "<html><head><title>MAPI over HTTP</title></head><body><p>X-ResponseCode {}</p></body></html>\r\n",
        code.0
    )
}

/// Whether an answer is one of the operation's own, which has a payload.
fn code(head: &ResponseHead) -> ResponseCode {
    let said = head.fields.text(X_RESPONSE_CODE).and_then(ResponseCode::parse);
    let fits = head.status() == 200 && head.fields.text("content-type").is_some_and(is_mapi_http);
    match (said, fits) {
        (Some(ResponseCode::Success) | None, true) => ResponseCode::Success,
        (Some(ResponseCode::Success) | None, false) => ResponseCode::UnknownFailure,
        (Some(code), _) => code,
    }
}

impl Coming {
    pub(super) fn new(head: ResponseHead, framing: Framing, asked: &Asked) -> Self {
        let came = head.clone();
        let mut head = head;
        let coding = adapt_answer(&mut head, framing, asked);
        if !asked.keep && !head.fields.has_token("connection", "close") {
            head.fields.push("Connection", "close");
        }
        Self {
            code: code(&came),
            head,
            came,
            framing,
            coding,
            held: Vec::new(),
            ready: 0,
            ready_content: 0,
            sent: 0,
            begun: false,
            body: ResponseBody::new(),
            payload: Gathered::default(),
            whole: Bytes::new(),
            content: 0,
            malformed: false,
            refused: None,
            told: false,
        }
    }

    /// Takes a piece in. False where the answer is longer than `limit`.
    pub(super) fn take(&mut self, piece: http::Piece, limit: usize) -> bool {
        self.content = self.content.saturating_add(piece.data().len());
        if self.content > limit {
            return false;
        }
        if self.code == ResponseCode::Success && !self.malformed {
            let data = piece.clone().into_data();
            let mut rest = &data[..];
            loop {
                match self.body.next(&mut rest) {
                    Ok(Some(mapi::http::BodyEvent::Payload(bytes))) => {
                        self.payload.push(data.slice_ref(bytes));
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => {
                        self.malformed = true;
                        break;
                    }
                }
            }
        }
        let ends = piece.ends_chunk();
        self.held.push(piece);
        if ends && !self.body.is_done() && !self.malformed && self.code == ResponseCode::Success {
            self.ready = self.held.len();
            self.ready_content = self.content;
        }
        true
    }

    /// Sends what says that the server is at work.
    fn stream(&mut self, wire: &mut Wire<RequestHead>) {
        if self.ready == 0 || self.told || self.coding != Coding::AsItCame || self.framing != Framing::Chunked
        {
            return;
        }
        self.begin(&mut wire.out);
        for piece in self.held.drain(..self.ready) {
            wire.send(piece.into_wire());
        }
        self.ready = 0;
        self.sent = self.ready_content;
    }

    /// Sends the head, if it was not, for an answer that we say we are at work on.
    pub(super) fn begin_to_tell(&mut self, out: &mut Vec<u8>, told: &mut Told) {
        if self.sent > 0 {
            told.was_said();
        }
        if !self.begun && self.framing != Framing::Chunked {
            self.head.fields.remove("content-length");
            self.head.fields.set("Transfer-Encoding", "chunked");
        }
        self.told = true;
        self.begin(out);
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.head.write(out);
        }
    }

    /// Lets the engine have the answer that is whole now.
    pub(super) fn through_engine(&mut self, airborne: &mut Airborne) -> Next {
        let Airborne { front, flight, .. } = airborne;
        let code = match (self.code, self.body.response_code()) {
            (ResponseCode::Success, Some(late)) => late,
            (code, _) => code,
        };
        let malformed = self.malformed || !self.body.in_payload();
        let code =
            if code == ResponseCode::Success && malformed { ResponseCode::InvalidResponse } else { code };
        if code != ResponseCode::Success {
            self.refused = Some(code);
            return front.engine.refused_by_upstream(&front.sessions, flight, code);
        }
        self.whole = self.payload.take();
        front.engine.resume_by_cookie(&front.sessions, flight, self.whole.clone())
    }

    /// Sends the rest of the answer, or what modules made of it.
    fn send(&mut self, wire: &mut Wire<RequestHead>, next: &Next, asked: &Asked) -> Then {
        let as_it_came = match next {
            Next::Reply { stub } => stub.as_ptr() == self.whole.as_ptr() && stub.len() == self.whole.len(),
            Next::Fault { .. } => self.refused.is_some(),
            Next::Relay { .. } | Next::Defer { .. } => false,
        };
        match next {
            Next::Reply { stub } if self.told => {
                let late: Vec<(&str, &str)> = self.body.headers().collect();
                told::end(&mut wire.out, &late, stub);
            }
            Next::Fault { status, .. } if self.told => {
                told::refuse(&mut wire.out, self.refused.unwrap_or_else(|| response_code(*status)));
            }
            _ if as_it_came && self.coding == Coding::AsItCame => {
                self.begin(&mut wire.out);
                for piece in self.held.drain(..) {
                    wire.send(piece.into_wire());
                }
            }
            _ if as_it_came => {
                let content: Vec<u8> = self.held.iter().flat_map(http::Piece::data).copied().collect();
                self.anew(&mut wire.out, &content);
            }
            Next::Reply { stub } => {
                let content = self.body.with_payload(stub);
                self.anew(&mut wire.out, &content);
            }
            Next::Fault { status, .. } => self.refuse(&mut wire.out, response_code(*status)),
            Next::Relay { .. } | Next::Defer { .. } => {}
        }
        let close = (self.coding == Coding::UntilClose && !self.told) || !asked.keep;
        if close { Then::Close } else { Then::Next }
    }

    /// Says that the operation was refused, in a header behind what was sent already where there is something.
    fn refuse(&mut self, out: &mut Vec<u8>, code: ResponseCode) {
        if self.begun {
            told::refuse(out, code);
        } else {
            // The cookies that the server set are the client's next ones, whatever becomes of the answer.
            self.head.fields.set("Content-Type", ERROR_CONTENT_TYPE);
            self.head.fields.set(X_RESPONSE_CODE, code.0.to_string());
            self.anew(out, explanation(code).as_bytes());
        }
    }

    /// Sends other content than what came; what was sent of it already is its beginning.
    fn anew(&mut self, out: &mut Vec<u8>, content: &[u8]) {
        let chunked = self.framing == Framing::Chunked && self.coding == Coding::AsItCame;
        if !chunked {
            self.head.fields.remove("transfer-encoding");
            self.head.fields.set("Content-Length", content.len().to_string());
        }
        self.begin(out);
        let rest = content.get(self.sent..).unwrap_or_default();
        if chunked {
            http::chunk(out, rest);
            out.extend_from_slice(http::LAST_CHUNK);
        } else {
            out.extend_from_slice(rest);
        }
    }
}

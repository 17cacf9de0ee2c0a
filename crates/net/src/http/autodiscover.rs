//! Autodiscover: requests go to the server as they are, answers pass the modules. Both are read as a whole, so that
//! they can be recorded.

use bytes::Bytes;
use engine::{Discovery, HttpExchange, HttpLeg};
use http1::{Event, Framing, Head as _, Limits, RequestHead, ResponseDecoder, ResponseHead};
use mapi::autodiscover::Dialect;
use tokio::time::Instant;

use crate::http::downstream::body::NotTaken;
use crate::http::downstream::connection::Client;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::exchange::{Coding, adapt_answer};
use crate::http::forward::lost;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request::Body;
use crate::upstream_error::UpstreamError;

/// A request of Autodiscover with what came of it so far.
struct Discovering {
    since: Instant,
    dialect: Dialect,
    /// The request's head as it came.
    original: RequestHead,
    asked: Bytes,
    /// The request's head as it went to the server.
    sent: Option<RequestHead>,
    /// The server's answer, as it came.
    came: Option<(ResponseHead, Bytes)>,
}

impl Client {
    /// Brings a request of Autodiscover to the server and the answer back.
    pub(crate) async fn discover(
        &mut self,
        request: RequestContext,
        original: RequestHead,
        framing: Framing,
        dialect: Dialect,
    ) -> Result<KeepAlive, ConnectionError> {
        tracing::debug!(peer = %request.peer, user = %request.context.principal(), path = original.path(), "relayed");
        let since = Instant::now();
        self.invite().await?;
        // Its share is given back when all is done.
        let (body, _share) = match self.body(framing, request.context.identity()).await? {
            Ok(whole) => whole,
            Err(NotTaken::TooLarge) => {
                self.answer(413, "the request is too large\n", &original);
                return Ok(KeepAlive::No);
            }
            Err(NotTaken::Full { why, .. }) => {
                return Ok(self.too_busy(&original, &request, "Autodiscover", None, &why.to_string()));
            }
        };
        let mut under_way = Discovering { since, dialect, original, asked: body, sent: None, came: None };
        match self.discovered(&request, framing, &mut under_way).await? {
            Ok(then) => Ok(then),
            Err(why) => {
                let from = self.transport.out.len();
                let then = self.not_served(&why, &request, &under_way.original);
                let own = self.transport.out.get(from..).unwrap_or_default();
                if let Some((head, body)) = read(own, request.is_head) {
                    self.observe(&request, &under_way, &head, &body);
                }
                Ok(if request.keep { then } else { KeepAlive::No })
            }
        }
    }

    /// Brings it there and back; says why not where the server can't be asked or its answer can't be used.
    async fn discovered(
        &mut self,
        request: &RequestContext,
        framing: Framing,
        under_way: &mut Discovering,
    ) -> Result<Result<KeepAlive, UpstreamError>, ConnectionError> {
        let mut head = under_way.original.clone();
        // The modules read the answer.
        head.fields.remove("accept-encoding");
        let length = u64::try_from(under_way.asked.len()).unwrap_or(u64::MAX);
        let body = if framing == Framing::None { Body::AsItCame } else { Body::Length(length) };
        if let Err(why) = self.send_head(request, &mut head, body).await {
            return Ok(Err(why));
        }
        let Some(mut link) = self.link.take() else { return Ok(Err(lost())) };
        under_way.sent = Some(head);
        link.transport.send(under_way.asked.clone());
        if let Err(why) = link.flush(self.config.limits.handshake).await {
            return Ok(Err(why));
        }
        // A server that stops reading may have answered already, with 413 or 401.
        // For who has not signed in, no connection is held longer than signing in may take.
        let limit = self.config.upstream.call_limit;
        let limit = if self.place.is_signed_in() { limit } else { limit.min(self.config.limits.handshake) };
        let until = Instant::now() + limit;
        let (head, framing, body) = match self.whole_answer(request, &mut link, until).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        let keep =
            link.done(&head, framing) && (!request.is_head || UpstreamConnection::outlives_head(&head));
        let (came, body) = under_way.came.insert((head, body));
        let changed = match self.through_modules(request, under_way.dialect, came, body) {
            Ok(changed) => changed,
            Err(why) => return Ok(Err(why)),
        };
        let (answer, then) = adapted(came.clone(), framing, request, changed.len());
        answer.write(&mut self.transport.out);
        if !request.is_head {
            self.transport.out.extend_from_slice(&changed);
        }
        self.link = (keep && then == KeepAlive::Yes).then_some(link);
        self.observe(request, under_way, &answer, &changed);
        Ok(Ok(then))
    }

    /// The answer, as it came.
    async fn whole_answer(
        &mut self,
        request: &RequestContext,
        link: &mut UpstreamConnection,
        until: Instant,
    ) -> Result<Result<(ResponseHead, Framing, Bytes), UpstreamError>, ConnectionError> {
        // Until the client has read it.
        let mut share = self.config.bodies.share(request.context.identity());
        let (head, framing) = match self.answer_head(link, until).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        let mut body = Vec::new();
        loop {
            match self.answered(link, until).await? {
                Ok(Event::Body(piece)) => body.extend_from_slice(piece.data()),
                Ok(Event::End) => {
                    self.held = Some(share);
                    return Ok(Ok((head, framing, body.into())));
                }
                Ok(Event::Head { .. }) => {}
                Err(why) => return Ok(Err(why)),
            }
            if body.len() > self.config.sizes.body {
                let why = "an answer of Autodiscover that is too large";
                return Ok(Err(UpstreamError::Protocol(why.to_owned())));
            }
            if let Err(full) = share.set(body.len()) {
                return Ok(Err(full.into()));
            }
        }
    }

    /// The body of an answer as the modules make it.
    fn through_modules(
        &self,
        request: &RequestContext,
        dialect: Dialect,
        head: &ResponseHead,
        body: &Bytes,
    ) -> Result<Bytes, UpstreamError> {
        if head.status() != 200 || request.is_head {
            return Ok(body.clone());
        }
        if head.fields.text("content-encoding").is_some_and(|coding| coding != "identity") {
            return Err(UpstreamError::Protocol("an answer of Autodiscover that is packed".to_owned()));
        }
        let changed = self.config.engine.autodiscover(dialect, body, &request.context);
        changed
            .map(|changed| changed.map_or_else(|| body.clone(), Bytes::from))
            .map_err(|refusal| UpstreamError::Protocol(refusal.why.into_owned()))
    }

    /// Reports the exchange to the observer.
    fn observe(
        &self,
        request: &RequestContext,
        under_way: &Discovering,
        answer: &ResponseHead,
        body: &Bytes,
    ) {
        self.config.observer.discovered(&Discovery {
            context: &request.context,
            peer: request.peer,
            method: under_way.original.method(),
            request: &under_way.asked,
            came: under_way.came.as_ref().map(|(_, body)| body),
            status: answer.status(),
            answer: body,
            elapsed: under_way.since.elapsed(),
            exchange: &Exchange { under_way, answer },
        });
    }
}

/// The head with which an answer goes to the client, its body having `length` bytes, and how the connection goes on.
fn adapted(
    mut head: ResponseHead,
    framing: Framing,
    request: &RequestContext,
    length: usize,
) -> (ResponseHead, KeepAlive) {
    let coding = adapt_answer(&mut head, framing, request);
    if !request.is_head && (framing.has_body() || length > 0) {
        head.fields.remove("transfer-encoding");
        head.fields.set("Content-Length", length.to_string());
    }
    let close = !request.keep || (request.is_head && coding == Coding::UntilClose);
    if close {
        head.fields.set("Connection", "close");
    }
    (head, if close { KeepAlive::No } else { KeepAlive::Yes })
}

/// An answer of our own, read once more.
fn read(own: &[u8], bodiless: bool) -> Option<(ResponseHead, Bytes)> {
    let mut decoder = ResponseDecoder::new(Limits::default());
    decoder.expect(bodiless);
    decoder.receive(own);
    let Ok(Some(Event::Head { head, .. })) = decoder.poll() else { return None };
    let mut body = Vec::new();
    while let Ok(Some(Event::Body(piece))) = decoder.poll() {
        body.extend_from_slice(piece.data());
    }
    Some((head, body.into()))
}

/// The HTTP messages of the exchange, for the observer.
struct Exchange<'a> {
    under_way: &'a Discovering,
    answer: &'a ResponseHead,
}

impl HttpExchange for Exchange<'_> {
    fn target(&self) -> &str {
        self.under_way.original.target()
    }

    fn fields(&self, leg: HttpLeg, each: &mut dyn FnMut(&str, &[u8])) -> bool {
        let fields = match leg {
            HttpLeg::Asked => Some(&self.under_way.original.fields),
            HttpLeg::Sent => self.under_way.sent.as_ref().map(|head| &head.fields),
            HttpLeg::Came => self.under_way.came.as_ref().map(|(head, _)| &head.fields),
            HttpLeg::Answered => Some(&self.answer.fields),
        };
        fields.inspect(|fields| fields.iter().for_each(|field| each(field.name, field.value))).is_some()
    }

    fn status(&self) -> Option<u16> {
        self.under_way.came.as_ref().map(|(head, _)| head.status())
    }

    fn before_payload(&self) -> &[u8] {
        b""
    }
}

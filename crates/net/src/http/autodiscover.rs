//! Autodiscover: requests go to the server as they are, answers pass the modules. Both are read as a whole, so that
//! they can be recorded.

use bytes::Bytes;
use engine::{Discovery, HttpMessageKind, HttpMessages};
use http1::{Event, Framing, Head as _, Limits, RequestHead, ResponseDecoder, ResponseHead};
use mapi::autodiscover::Dialect;
use tokio::time::Instant;

use crate::http::config::HttpListenerConfig;
use crate::http::connection::{ClientConnection, SentRequest};
use crate::http::downstream::body::NotTaken;
use crate::http::downstream::connection::Downstream;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request_head::BodyFraming;
use crate::http::upstream::response_event::ResponseEvent;
use crate::http::upstream::response_head::{Coding, rewrite_response};
use crate::upstream_error::UpstreamError;

/// A request of Autodiscover with what came of it so far.
struct Discovering {
    since: Instant,
    dialect: Dialect,
    request: RequestContext,
    asked: Bytes,
    /// The request's head as it went to the server.
    sent: Option<RequestHead>,
    /// The server's answer, as it came.
    came: Option<(ResponseHead, Bytes)>,
}

/// Brings a request of Autodiscover to the server and the answer back.
pub(crate) async fn discover(
    client: &mut ClientConnection,
    request: RequestContext,
    framing: Framing,
    dialect: Dialect,
) -> Result<KeepAlive, ConnectionError> {
    tracing::debug!(client = %request.peer, account = %request.context.principal(), path = request.head.path(), "relayed");
    let since = Instant::now();
    let downstream = &mut client.downstream;
    downstream.invite().await?;
    // Its share is given back when all is done.
    let (body, _share) = match downstream.body(framing, request.context.identity()).await? {
        Ok(whole) => whole,
        Err(why) => {
            not_taken(downstream, &request, &why);
            return Ok(KeepAlive::No);
        }
    };
    let mut under_way = Discovering { since, dialect, request, asked: body, sent: None, came: None };
    match discovered(client, framing, &mut under_way).await? {
        Ok(keep_alive) => Ok(keep_alive),
        Err(why) => {
            let from = client.downstream.transport.out.bytes.len();
            let keep_alive = client.not_served(&why, &under_way.request);
            let own = client.downstream.transport.out.bytes.get(from..).unwrap_or_default();
            if let Some((head, body)) = read(own, under_way.request.is_head) {
                under_way.observe(&client.downstream.config, &head, &body);
            }
            Ok(keep_alive)
        }
    }
}

/// Answers a request whose body is not taken.
fn not_taken(downstream: &mut Downstream, request: &RequestContext, why: &NotTaken) {
    match why {
        NotTaken::TooLarge => {
            let out = &mut downstream.transport.out.bytes;
            respond::to(out, &request.head, 413, "the request is too large\n", |_| ());
        }
        NotTaken::Full { why, .. } => {
            downstream.refuse_for_memory(request, "Autodiscover", None, *why);
        }
    }
}

/// Brings it there and back; says why not where the server can't be asked or its answer can't be used.
async fn discovered(
    client: &mut ClientConnection,
    framing: Framing,
    under_way: &mut Discovering,
) -> Result<Result<KeepAlive, UpstreamError>, ConnectionError> {
    let head = || {
        let mut head = under_way.request.head.clone();
        // The modules read the response.
        head.fields.remove("accept-encoding");
        head
    };
    let length = u64::try_from(under_way.asked.len()).unwrap_or(u64::MAX);
    let body = if framing == Framing::None { BodyFraming::Unchanged } else { BodyFraming::Length(length) };
    let mut upstream = match client.send(&under_way.request, head, body, &under_way.asked).await {
        Ok(SentRequest { upstream, head }) => {
            under_way.sent = Some(head);
            upstream
        }
        Err(why) => return Ok(Err(why)),
    };
    let limits = client.downstream.config.limits;
    // A server that stops reading may have answered already, with 413 or 401.
    // For who has not signed in, no connection is held longer than signing in may take.
    let limit = client.downstream.config.upstream.call_limit;
    let limit = if client.downstream.permit.is_authenticated() { limit } else { limit.min(limits.handshake) };
    let until = Instant::now() + limit;
    let (head, framing, body) = match whole_response(client, &under_way.request, &mut upstream, until).await?
    {
        Ok(answer) => answer,
        Err(why) => return Ok(Err(why)),
    };
    let (came, body) = under_way.came.insert((head, body));
    let config = &client.downstream.config;
    let changed = match through_modules(config, &under_way.request, under_way.dialect, came, body) {
        Ok(changed) => changed,
        Err(why) => return Ok(Err(why)),
    };
    let (answer, keep_alive) = adapted(came.clone(), framing, &under_way.request, changed.len());
    let out = &mut client.downstream.transport.out.bytes;
    answer.write(out);
    if !under_way.request.is_head {
        out.extend_from_slice(&changed);
    }
    if keep_alive == KeepAlive::Yes {
        client.upstream.put_back(upstream);
    }
    under_way.observe(&client.downstream.config, &answer, &changed);
    Ok(Ok(keep_alive))
}

/// The response, as it came.
async fn whole_response(
    client: &mut ClientConnection,
    request: &RequestContext,
    upstream: &mut UpstreamConnection,
    until: Instant,
) -> Result<Result<(ResponseHead, Framing, Bytes), UpstreamError>, ConnectionError> {
    // Until the client has read it.
    let mut share = client.downstream.config.bodies.share(request.context.identity());
    let (head, framing) = match client.read_response(upstream, request, until).await? {
        ResponseEvent::Head(head, framing) => (head, framing),
        other => return Ok(Err(other.failure())),
    };
    let mut body = Vec::new();
    loop {
        match client.read_response(upstream, request, until).await? {
            ResponseEvent::Piece(piece) => body.extend_from_slice(piece.data()),
            ResponseEvent::End => {
                client.downstream.held = Some(share);
                return Ok(Ok((head, framing, body.into())));
            }
            other => return Ok(Err(other.failure())),
        }
        if body.len() > client.downstream.config.sizes.body {
            let why = "an answer of Autodiscover that is too large";
            return Ok(Err(UpstreamError::protocol(why)));
        }
        if let Err(full) = share.set(body.len()) {
            return Ok(Err(full.into()));
        }
    }
}

/// The body of an answer as the modules make it.
fn through_modules(
    config: &HttpListenerConfig,
    request: &RequestContext,
    dialect: Dialect,
    head: &ResponseHead,
    body: &Bytes,
) -> Result<Bytes, UpstreamError> {
    if head.status() != 200 || request.is_head {
        return Ok(body.clone());
    }
    if head.fields.text("content-encoding").is_some_and(|coding| coding != "identity") {
        return Err(UpstreamError::protocol("an answer of Autodiscover that is packed"));
    }
    let changed = config.engine.autodiscover(dialect, body, &request.context);
    changed
        .map(|changed| changed.map_or_else(|| body.clone(), Bytes::from))
        .map_err(|refusal| UpstreamError::protocol(refusal.why.into_owned()))
}

impl Discovering {
    /// Reports the exchange to the observer.
    fn observe(&self, config: &HttpListenerConfig, answer: &ResponseHead, body: &Bytes) {
        config.observer.autodiscover_finished(&Discovery {
            context: &self.request.context,
            peer: self.request.peer,
            method: self.request.head.method(),
            request: &self.asked,
            upstream_response: self.came.as_ref().map(|(_, body)| body),
            status: answer.status(),
            response: body,
            elapsed: self.since.elapsed(),
            messages: &Exchange { under_way: self, answer },
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
    let coding = rewrite_response(&mut head, framing, request);
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

impl HttpMessages for Exchange<'_> {
    fn target(&self) -> &str {
        self.under_way.request.head.target()
    }

    fn fields(&self, leg: HttpMessageKind, each: &mut dyn FnMut(&str, &[u8])) -> bool {
        let fields = match leg {
            HttpMessageKind::ClientRequest => Some(&self.under_way.request.head.fields),
            HttpMessageKind::UpstreamRequest => self.under_way.sent.as_ref().map(|head| &head.fields),
            HttpMessageKind::UpstreamResponse => self.under_way.came.as_ref().map(|(head, _)| &head.fields),
            HttpMessageKind::ClientResponse => Some(&self.answer.fields),
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

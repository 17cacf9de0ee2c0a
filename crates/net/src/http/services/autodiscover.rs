//! Autodiscover: requests are forwarded unchanged, responses pass the modules. Both are read as a whole, so that they
//! can be recorded.

use bytes::Bytes;
use engine::{Discovery, HttpMessageKind, HttpMessages};
use http1::{Event, Framing, Head as _, Limits, RequestHead, ResponseDecoder, ResponseHead};
use mapi::autodiscover::Dialect;
use tokio::time::Instant;

use crate::http::client_connection::{ClientConnection, ForwardError, OutgoingRequest, SentRequest};
use crate::http::config::HttpListenerConfig;
use crate::http::downstream::connection::Downstream;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext, revoked};
use crate::http::downstream::read::{BodyError, BufferedBody};
use crate::http::downstream::respond;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request_head::BodyFraming;
use crate::http::upstream::response_event::ResponseEvent;
use crate::http::upstream::response_head::{Coding, rewrite_response};
use crate::upstream_error::{Timeout, UpstreamError};

/// An Autodiscover request in progress, with the messages received so far.
struct Exchange {
    since: Instant,
    dialect: Dialect,
    request: RequestContext,
    body: Bytes,
    /// The request's head as it was sent to the server.
    sent: Option<Box<RequestHead>>,
    /// The server's response as it was received.
    received: Option<(ResponseHead, Bytes)>,
}

/// Forwards a request of Autodiscover, and sends the response back through the modules.
pub(crate) async fn discover(
    client: &mut ClientConnection,
    mut request: RequestContext,
    framing: Framing,
    dialect: Dialect,
) -> Result<KeepAlive, ConnectionError> {
    tracing::debug!(
        client = %request.peer, account = %request.context.principal(), path = request.head.path(),
        "forwarding request of Autodiscover"
    );
    let since = Instant::now();
    let downstream = &mut client.downstream;
    downstream.send_continue().await?;
    // The share is returned to the budget once the response is sent.
    let (body, _share) = match downstream.body(framing, request.context.identity()).await {
        Ok(BufferedBody::Complete(body, share)) => (body, share),
        Err(ConnectionError::Revoked) => return Ok(client.not_served(&revoked(), &mut request)),
        Err(why) => return Err(why),
        Ok(BufferedBody::Rejected(why)) => {
            request.head.close();
            refuse_body(downstream, &mut request, &why);
            return Ok(KeepAlive::No);
        }
    };
    let mut exchange = Exchange { since, dialect, request, body, sent: None, received: None };
    match forward_request(client, framing, &mut exchange).await {
        Ok(keep_alive) => Ok(keep_alive),
        Err(ForwardError::Client(error)) => Err(error),
        Err(ForwardError::Upstream(why)) => {
            let from = client.downstream.transport.out.bytes.len();
            let keep_alive = client.not_served(&why, &mut exchange.request);
            let own = client.downstream.transport.out.bytes.get(from..).unwrap_or_default();
            if let Some((head, body)) = decode(own, exchange.request.is_head) {
                exchange.observe(&client.downstream.config, &head, &body);
            }
            Ok(keep_alive)
        }
    }
}

/// Refuses a request whose body is not accepted.
#[cold]
fn refuse_body(downstream: &mut Downstream, request: &mut RequestContext, why: &BodyError) {
    match why {
        BodyError::TooLarge => {
            let out = downstream.response_to(&mut request.head);
            respond::to(&mut out.bytes, &request.head, 413, "the request is too large\n", |_| ());
        }
        BodyError::Full { why, .. } => {
            downstream.refuse_for_memory(request, "Autodiscover", None, *why);
        }
    }
}

/// Sends the request, and responds with the server's response, which the modules may have changed.
async fn forward_request(
    client: &mut ClientConnection,
    framing: Framing,
    exchange: &mut Exchange,
) -> Result<KeepAlive, ForwardError> {
    let length = u64::try_from(exchange.body.len()).unwrap_or(u64::MAX);
    let framing = if framing == Framing::None { BodyFraming::Unchanged } else { BodyFraming::Length(length) };
    let outgoing = || {
        let mut head = exchange.request.head.clone();
        // Modules cannot read a compressed response.
        head.fields.remove("accept-encoding");
        Ok::<_, ForwardError>(OutgoingRequest { head, framing, body: exchange.body.clone() })
    };
    let sent = client.send(&exchange.request, outgoing).await?;
    let SentRequest { mut upstream, head } = sent;
    exchange.sent = Some(head);
    // An unauthenticated client occupies a connection no longer than `clients.handshake_seconds`.
    let is_authenticated = client.downstream.is_authenticated();
    let config = &client.downstream.config;
    let (limit, handshake) = (config.upstream.call_limit, config.limits.handshake);
    let limit = if is_authenticated || limit <= handshake {
        Timeout::Response(limit)
    } else {
        Timeout::Unauthenticated(handshake)
    };
    let (head, framing, body) = receive(client, &exchange.request, &mut upstream, limit).await?;
    let (head, body) = exchange.received.insert((head, body));
    let config = &client.downstream.config;
    let changed = through_modules(config, &exchange.request, exchange.dialect, head, body)?;
    let out = &mut client.downstream.response_to(&mut exchange.request.head).bytes;
    let (head, keep_alive) = rewritten(head.clone(), framing, &exchange.request, changed.len());
    head.write(out);
    if !exchange.request.is_head {
        out.extend_from_slice(&changed);
    }
    if keep_alive == KeepAlive::Yes {
        client.upstream.put_back(upstream);
    }
    exchange.observe(&client.downstream.config, &head, &changed);
    Ok(keep_alive)
}

/// The complete response, as it was received.
async fn receive(
    client: &mut ClientConnection,
    request: &RequestContext,
    upstream: &mut UpstreamConnection,
    limit: Timeout,
) -> Result<(ResponseHead, Framing, Bytes), ForwardError> {
    let until = Instant::now() + limit.duration();
    // The share is returned when the client has read the response.
    let mut share = client.downstream.config.bodies.share(request.context.identity());
    let (head, framing) = match client.read_response(upstream, request, until).await? {
        ResponseEvent::Head(head, framing) => (*head, framing),
        other => return Err(other.failure(limit).into()),
    };
    let mut body = Vec::new();
    loop {
        match client.read_response(upstream, request, until).await? {
            ResponseEvent::Piece(piece) => body.extend_from_slice(piece.data()),
            ResponseEvent::End => {
                client.downstream.held = Some(share);
                return Ok((head, framing, body.into()));
            }
            other => return Err(other.failure(limit).into()),
        }
        let limit = client.downstream.config.sizes.body;
        if body.len() > limit {
            let why = format!("response of Autodiscover exceeds {limit} bytes");
            return Err(UpstreamError::protocol(why).into());
        }
        share.set(body.len()).map_err(UpstreamError::from)?;
    }
}

/// Passes the body of a response through the modules, and returns the result.
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
        return Err(UpstreamError::protocol("compressed response of Autodiscover"));
    }
    let changed = config.engine.autodiscover(dialect, body, &request.context);
    changed
        .map(|changed| changed.map_or_else(|| body.clone(), Bytes::from))
        .map_err(|refusal| UpstreamError::protocol(refusal.why.into_owned()))
}

impl Exchange {
    /// Reports the request to the observer, with the response that is sent to the client.
    fn observe(&self, config: &HttpListenerConfig, response: &ResponseHead, body: &Bytes) {
        config.observer.autodiscover_finished(&Discovery {
            context: &self.request.context,
            peer: self.request.peer,
            method: self.request.head.method(),
            request: &self.body,
            upstream_response: self.received.as_ref().map(|(_, body)| body),
            status: response.status(),
            response: body,
            elapsed: self.since.elapsed(),
            messages: &Messages { exchange: self, response },
        });
    }
}

/// Rewrites the head of a response for the client, whose body has `length` bytes. Returns how the connection continues.
fn rewritten(
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
    let close = !request.head.keeps_alive() || (request.is_head && coding == Coding::UntilClose);
    if close {
        head.fields.set("Connection", "close");
    }
    (head, if close { KeepAlive::No } else { KeepAlive::Yes })
}

/// Decodes a response that the proxy made.
fn decode(own: &[u8], bodiless: bool) -> Option<(ResponseHead, Bytes)> {
    let mut decoder = ResponseDecoder::new(Limits::default());
    decoder.expect(bodiless);
    decoder.receive(own);
    let Ok(Some(Event::Head { head, .. })) = decoder.poll() else { return None };
    let mut body = Vec::new();
    while let Ok(Some(Event::Body(piece))) = decoder.poll() {
        body.extend_from_slice(piece.data());
    }
    Some((*head, body.into()))
}

/// The HTTP messages of a request, for the observer.
struct Messages<'a> {
    exchange: &'a Exchange,
    response: &'a ResponseHead,
}

impl HttpMessages for Messages<'_> {
    fn target(&self) -> &str {
        self.exchange.request.head.target()
    }

    fn fields(&self, leg: HttpMessageKind, each: &mut dyn FnMut(&str, &[u8])) -> bool {
        let fields = match leg {
            HttpMessageKind::ClientRequest => Some(&self.exchange.request.head.fields),
            HttpMessageKind::UpstreamRequest => self.exchange.sent.as_ref().map(|head| &head.fields),
            HttpMessageKind::UpstreamResponse => {
                self.exchange.received.as_ref().map(|(head, _)| &head.fields)
            }
            HttpMessageKind::ClientResponse => Some(&self.response.fields),
        };
        fields.inspect(|fields| fields.iter().for_each(|field| each(field.name, field.value))).is_some()
    }

    fn status(&self) -> Option<u16> {
        self.exchange.received.as_ref().map(|(head, _)| head.status())
    }

    fn before_payload(&self) -> &[u8] {
        b""
    }
}

//! Forwards requests that are not operations to the server, and the responses to the client, unchanged.

use bytes::Bytes;
use http1::{Event, Framing, Head as _};
use tokio::time::Instant;

use crate::http::client_connection::{ClientConnection, ForwardError, OutgoingRequest};
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request_head::BodyFraming;
use crate::http::upstream::response_event::ResponseEvent;
use crate::http::upstream::response_head::{Coding, rewrite_response};
use crate::upstream_error::Timeout;

/// How many bytes of a response are collected before they are sent.
const FLUSH_THRESHOLD: usize = 64 * 1024;

/// Forwards a request and its response.
pub(crate) async fn forward(
    client: &mut ClientConnection,
    mut request: RequestContext,
    framing: Framing,
) -> Result<KeepAlive, ConnectionError> {
    tracing::debug!(
        client = %request.peer, account = %request.context.principal(), path = request.head.path(),
        "forwarding request"
    );
    client.downstream.send_continue().await?;
    match forward_request(client, &mut request, framing).await {
        Ok(keep_alive) => Ok(keep_alive),
        Err(ForwardError::Client(error)) => Err(error),
        Err(ForwardError::Upstream(why)) => Ok(client.not_served(&why, &mut request)),
    }
}

async fn forward_request(
    client: &mut ClientConnection,
    request: &mut RequestContext,
    framing: Framing,
) -> Result<KeepAlive, ForwardError> {
    let (beginning, framing_of_body) = match framing {
        Framing::Chunked => client.downstream.read_short_chunked().await?,
        Framing::Length(length) => (Bytes::new(), BodyFraming::Length(length)),
        Framing::None | Framing::UntilClose => (Bytes::new(), BodyFraming::Unchanged),
    };
    let chunked = framing == Framing::Chunked && framing_of_body == BodyFraming::Unchanged;
    let mut upstream = if matches!(framing, Framing::None | Framing::Length(0)) {
        let outgoing = || {
            let (head, body) = (request.head.clone(), beginning.clone());
            Ok::<_, ForwardError>(OutgoingRequest { head, framing: framing_of_body, body })
        };
        client.send(request, outgoing).await?.upstream
    } else {
        client.send_head(request, framing_of_body).await?
    };
    if chunked {
        http1::write_chunk(&mut upstream.transport.out.bytes, &beginning);
    } else {
        upstream.transport.out.push(beginning);
    }
    let is_sent = send_body(client, &mut upstream, request, chunked).await?;
    if !is_sent && client.downstream.unread {
        request.head.close();
    }
    let keep_alive = send_back(client, &mut upstream, request).await?;
    if keep_alive == KeepAlive::Yes {
        client.upstream.put_back(upstream);
    }
    Ok(keep_alive)
}

/// Sends the rest of a request's body as it is received, in chunks if it is `chunked`. Returns false if the server
/// responds, or closes the connection, before it has the whole body. Fails if the account of the client is revoked.
async fn send_body(
    client: &mut ClientConnection,
    upstream: &mut UpstreamConnection,
    request: &RequestContext,
    chunked: bool,
) -> Result<bool, ForwardError> {
    while client.downstream.unread {
        let downstream = &mut client.downstream;
        let out = &mut upstream.transport.out;
        match downstream.received_event().await? {
            Some(Event::Body(piece)) if chunked => http1::write_chunk(&mut out.bytes, piece.data()),
            Some(Event::Body(piece)) => out.push(piece.into_data()),
            Some(Event::End | Event::Head { .. }) => {
                downstream.unread = false;
                if chunked {
                    out.bytes.extend_from_slice(http1::LAST_CHUNK);
                }
            }
            None => {
                if !client.flush_upstream(upstream).await? {
                    return Ok(false);
                }
                let downstream = &mut client.downstream;
                if !downstream.more_unless(|task| upstream.has_responded(task)).await? {
                    return Ok(false);
                }
                request.check()?;
            }
        }
    }
    client.flush_upstream(upstream).await
}

/// Sends the response to the client as it is received. Once its head was sent, a failure of the server ends the
/// client's connection.
async fn send_back(
    client: &mut ClientConnection,
    upstream: &mut UpstreamConnection,
    request: &mut RequestContext,
) -> Result<KeepAlive, ForwardError> {
    let limit = client.downstream.config.upstream.call_limit;
    let (mut head, framing) = match client.read_response(upstream, request, Instant::now() + limit).await? {
        ResponseEvent::Head(head, framing) => (head, framing),
        other => return Err(other.failure(Timeout::Response(limit)).into()),
    };
    let out = client.downstream.response_to(&mut request.head);
    let coding = rewrite_response(&mut head, framing, request);
    let close = coding == Coding::UntilClose || !request.head.keeps_alive();
    if close {
        head.fields.push("Connection", "close");
    }
    head.write(&mut out.bytes);
    loop {
        let event = client.read_response(upstream, request, Instant::now() + limit).await?;
        let out = &mut client.downstream.transport.out;
        match event {
            ResponseEvent::Piece(piece) => match coding {
                Coding::Unchanged => out.push(piece.into_wire()),
                Coding::Chunked => http1::write_chunk(&mut out.bytes, piece.data()),
                Coding::UntilClose => out.push(piece.into_data()),
            },
            ResponseEvent::End => break,
            other => {
                let (config, why) = (&client.downstream.config, other.failure(Timeout::Response(limit)));
                let error = config.response_cut_short(&why, &request.failed_request());
                return Err(ForwardError::Client(error));
            }
        }
        if out.len() > FLUSH_THRESHOLD {
            client.downstream.flush().await?;
        }
    }
    if coding == Coding::Chunked {
        client.downstream.transport.out.bytes.extend_from_slice(http1::LAST_CHUNK);
    }
    Ok(if close { KeepAlive::No } else { KeepAlive::Yes })
}

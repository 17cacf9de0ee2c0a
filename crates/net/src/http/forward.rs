//! Forwards requests that are no operation to the server, and the responses to the client, as they are.

use bytes::Bytes;
use http1::{Event, Framing, Head as _};
use tokio::time::Instant;

use crate::http::connection::ClientConnection;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::transport::TransportError;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request_head::BodyFraming;
use crate::http::upstream::response_event::ResponseEvent;
use crate::http::upstream::response_head::{Coding, rewrite_response};
use crate::upstream_error::UpstreamError;

/// So much of a response is collected before it is sent.
const AT_ONCE: usize = 64 * 1024;

/// Forwards a request to the server and its response back, as they are.
pub(crate) async fn forward(
    client: &mut ClientConnection,
    request: RequestContext,
    framing: Framing,
) -> Result<KeepAlive, ConnectionError> {
    tracing::debug!(client = %request.peer, account = %request.context.principal(), path = request.head.path(), "relayed");
    client.downstream.invite().await?;
    let (beginning, body) = match framing {
        Framing::Chunked => client.downstream.beginning().await?,
        Framing::Length(length) => (Bytes::new(), BodyFraming::Length(length)),
        Framing::None | Framing::UntilClose => (Bytes::new(), BodyFraming::Unchanged),
    };
    let chunked = framing == Framing::Chunked && body == BodyFraming::Unchanged;
    let begun = if matches!(framing, Framing::None | Framing::Length(0)) {
        client.send(&request, || request.head.clone(), body, &beginning).await.map(|sent| sent.upstream)
    } else {
        client.send_head(&request, &mut request.head.clone(), body).await
    };
    let mut upstream = match begun {
        Ok(upstream) => upstream,
        Err(why) => return Ok(client.not_served(&why, &request)),
    };
    if chunked {
        http1::chunk(&mut upstream.transport.out.bytes, &beginning);
    } else {
        upstream.transport.out.push(beginning);
    }
    let sent = match send_body(client, &mut upstream, &request, chunked).await? {
        Ok(sent) => sent,
        Err(why) => return Ok(client.not_served(&why, &request)),
    };
    // A server that takes no more may have answered already: that it is too much, or whom it wants to sign in.
    let returned = send_back(client, &mut upstream, &request).await?;
    if sent && returned == Returned::Whole(KeepAlive::Yes) {
        client.upstream.put_back(upstream);
    }
    Ok(match returned {
        Returned::Whole(keep_alive) | Returned::NotServed(keep_alive) => keep_alive,
    })
}

/// Sends the rest of a request, as it comes, in chunks or as it is, as long as its sender's account is not revoked.
/// False where the server took no more before it had all of it.
async fn send_body(
    client: &mut ClientConnection,
    upstream: &mut UpstreamConnection,
    request: &RequestContext,
    chunked: bool,
) -> Result<Result<bool, UpstreamError>, ConnectionError> {
    let downstream = &mut client.downstream;
    let limit = downstream.config.limits.handshake;
    while downstream.unread {
        let out = &mut upstream.transport.out;
        match downstream.transport.ready().map_err(TransportError::from)? {
            Some(Event::Body(piece)) if chunked => http1::chunk(&mut out.bytes, piece.data()),
            Some(Event::Body(piece)) => out.push(piece.into_data()),
            Some(Event::End | Event::Head { .. }) => {
                downstream.unread = false;
                if chunked {
                    out.bytes.extend_from_slice(http1::LAST_CHUNK);
                }
            }
            None => {
                match upstream.flush(limit).await {
                    Ok(true) => {}
                    other => return Ok(other),
                }
                downstream.more().await?;
                if let Err(why) = request.check() {
                    return Ok(Err(why));
                }
            }
        }
    }
    Ok(upstream.flush(limit).await)
}

/// What the client got, and how its connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Returned {
    /// The server's response.
    Whole(KeepAlive),
    /// An error in its place.
    NotServed(KeepAlive),
}

/// Sends the response to the client as it comes.
async fn send_back(
    client: &mut ClientConnection,
    upstream: &mut UpstreamConnection,
    request: &RequestContext,
) -> Result<Returned, ConnectionError> {
    let patience = client.downstream.config.upstream.call_limit;
    let (mut head, framing) = match client.read_response(upstream, request, Instant::now() + patience).await?
    {
        ResponseEvent::Head(head, framing) => (head, framing),
        other => return Ok(Returned::NotServed(client.not_served(&other.failure(), request))),
    };
    let coding = rewrite_response(&mut head, framing, request);
    let close = coding == Coding::UntilClose || !request.keep;
    if close {
        head.fields.push("Connection", "close");
    }
    head.write(&mut client.downstream.transport.out.bytes);
    loop {
        let event = client.read_response(upstream, request, Instant::now() + patience).await?;
        let out = &mut client.downstream.transport.out;
        match event {
            ResponseEvent::Piece(piece) => match coding {
                Coding::Unchanged => out.push(piece.into_wire()),
                Coding::Chunked => http1::chunk(&mut out.bytes, piece.data()),
                Coding::UntilClose => out.push(piece.into_data()),
            },
            ResponseEvent::End => break,
            other => {
                let config = &client.downstream.config;
                return Err(config.response_cut_short(&other.failure(), &request.failed_request()));
            }
        }
        if out.len() > AT_ONCE {
            client.downstream.flush().await?;
        }
    }
    if coding == Coding::Chunked {
        client.downstream.transport.out.bytes.extend_from_slice(http1::LAST_CHUNK);
    }
    Ok(Returned::Whole(if close { KeepAlive::No } else { KeepAlive::Yes }))
}

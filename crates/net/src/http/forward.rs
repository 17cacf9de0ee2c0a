//! Requests that are no operation: to the server and back as they are.

use bytes::Bytes;
use http1::{Event, Framing, Head as _, RequestHead};
use tokio::time::Instant;

use crate::http::downstream::connection::Client;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::exchange::{Coding, adapt_answer};
use crate::http::transport::TransportError;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::request::Body;
use crate::upstream_error::UpstreamError;

impl Client {
    /// Brings a request to the server and the answer back, as they are.
    pub(crate) async fn relay(
        &mut self,
        request: RequestContext,
        mut head: RequestHead,
        framing: Framing,
    ) -> Result<KeepAlive, ConnectionError> {
        let original = head.clone();
        tracing::debug!(peer = %request.peer, user = %request.context.principal(), path = head.path(), "relayed");
        self.invite().await?;
        let (beginning, body) = match framing {
            Framing::Chunked => self.beginning().await?,
            Framing::Length(length) => (Bytes::new(), Body::Length(length)),
            Framing::None | Framing::UntilClose => (Bytes::new(), Body::AsItCame),
        };
        if let Err(why) = self.send_head(&request, &mut head, body).await {
            return Ok(self.not_served(&why, &request, &original));
        }
        let Some(mut link) = self.link.take() else {
            return Ok(self.not_served(&lost(), &request, &original));
        };
        let chunked = framing == Framing::Chunked && body == Body::AsItCame;
        if chunked {
            http1::chunk(&mut link.transport.out, &beginning);
        } else {
            link.transport.send(beginning);
        }
        let sent = match self.send_body(&mut link, chunked).await? {
            Ok(sent) => sent,
            Err(why) => return Ok(self.not_served(&why, &request, &original)),
        };
        // A server that takes no more may have answered already: that it is too much, or whom it wants to sign in.
        let then = self.bring_back(&mut link, &request, &original).await?;
        if let Some(keep) = then {
            self.link = (keep && sent).then_some(link);
            return Ok(if request.keep { KeepAlive::Yes } else { KeepAlive::No });
        }
        Ok(KeepAlive::No)
    }

    /// Sends the rest of a request, as it comes, in chunks or as it is, as long as its sender's account is not revoked.
    /// False where the server took no more before it had all of it.
    async fn send_body(
        &mut self,
        link: &mut UpstreamConnection,
        chunked: bool,
    ) -> Result<Result<bool, UpstreamError>, ConnectionError> {
        let limit = self.config.limits.handshake;
        while self.unread {
            match self.transport.ready().map_err(TransportError::from)? {
                Some(Event::Body(piece)) if chunked => http1::chunk(&mut link.transport.out, piece.data()),
                Some(Event::Body(piece)) => link.transport.send(piece.into_data()),
                Some(Event::End | Event::Head { .. }) => {
                    self.unread = false;
                    if chunked {
                        link.transport.out.extend_from_slice(http1::LAST_CHUNK);
                    }
                }
                None => {
                    match link.flush(limit).await {
                        Ok(true) => {}
                        other => return Ok(other),
                    }
                    self.more().await?;
                    if let Err(why) = self.check_caller() {
                        return Ok(Err(why));
                    }
                }
            }
        }
        Ok(link.flush(limit).await)
    }

    /// Brings an answer back as it comes. Says whether the connection to the server may be used again; none
    /// where the client's has to be closed.
    async fn bring_back(
        &mut self,
        link: &mut UpstreamConnection,
        request: &RequestContext,
        original: &RequestHead,
    ) -> Result<Option<bool>, ConnectionError> {
        let patience = self.config.upstream.call_limit;
        let (mut head, framing) = match self.answer_head(link, Instant::now() + patience).await? {
            Ok(answer) => answer,
            Err(why) => {
                return Ok((self.not_served(&why, request, original) == KeepAlive::Yes).then_some(false));
            }
        };
        let came = head.clone();
        let coding = adapt_answer(&mut head, framing, request);
        let close = coding == Coding::UntilClose || !request.keep;
        if close {
            head.fields.push("Connection", "close");
        }
        head.write(&mut self.transport.out);
        loop {
            match self.answered(link, Instant::now() + patience).await? {
                Ok(Event::Body(piece)) => match coding {
                    Coding::AsItCame => self.transport.send(piece.into_wire()),
                    Coding::Chunked => http1::chunk(&mut self.transport.out, piece.data()),
                    Coding::UntilClose => self.transport.send(piece.into_data()),
                },
                Ok(Event::End) => break,
                Ok(Event::Head { .. }) => {}
                Err(why) => return Err(self.cut_short(&why, &request.lost(original))),
            }
            if self.transport.queued() > AT_ONCE {
                self.flush().await?;
            }
        }
        if coding == Coding::Chunked {
            self.transport.out.extend_from_slice(http1::LAST_CHUNK);
        }
        let keep =
            link.done(&came, framing) && (!request.is_head || UpstreamConnection::outlives_head(&came));
        Ok((!close).then_some(keep))
    }
}

/// There is no connection where one was made just now.
pub(crate) fn lost() -> UpstreamError {
    UpstreamError::Closed("the connection is lost".to_owned())
}

/// So much of an answer is collected before it is sent.
const AT_ONCE: usize = 64 * 1024;

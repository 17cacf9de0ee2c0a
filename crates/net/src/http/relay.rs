//! Requests that are no operation: to the server and back as they are, but for Autodiscover's answers.

use std::io;

use bytes::Bytes;
use http::{Event, Framing, Head as _, RequestHead, ResponseHead};
use mapi::autodiscover::Dialect;
use tokio::time::Instant;

use super::connection::{Asked, Client, Gone, Then};
use super::exchange::{Coding, adapt_answer};
use super::io::Broken;
use super::upstream::{Body, Link};

impl Client {
    /// Brings a request to the server and the answer back, as they are.
    pub(super) async fn relay(
        &mut self,
        asked: Asked,
        mut head: RequestHead,
        framing: Framing,
    ) -> Result<Then, Gone> {
        let original = head.clone();
        tracing::debug!(peer = %asked.peer, user = %asked.context.principal(), path = head.path(), "relayed");
        if Dialect::of_target(head.target()).is_some() {
            head.fields.remove("accept-encoding");
        }
        self.invite().await?;
        let (beginning, body) = match framing {
            Framing::Chunked => self.beginning().await?,
            Framing::Length(length) => (Bytes::new(), Body::Length(length)),
            Framing::None | Framing::UntilClose => (Bytes::new(), Body::AsItCame),
        };
        if let Err(why) = self.send_head(&asked, &mut head, body).await {
            return Ok(self.unreachable(&why, &original));
        }
        let Some(mut link) = self.link.take() else { return Ok(self.unreachable("lost", &original)) };
        let chunked = framing == Framing::Chunked && body == Body::AsItCame;
        if chunked {
            http::chunk(&mut link.wire.out, &beginning);
        } else {
            link.wire.send(beginning);
        }
        let sent = self.send_body(&mut link, chunked).await?;
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::TimedOut
        {
            return Ok(self.unreachable(&error.to_string(), &original));
        }
        // A server that takes no more may have answered already: that it is too much, or whom it wants to sign in.
        let then = self.bring_back(&mut link, &asked, &original).await?;
        if let Some(keep) = then {
            self.link = (keep && sent.is_ok()).then_some(link);
            return Ok(if asked.keep { Then::Next } else { Then::Close });
        }
        Ok(Then::Close)
    }

    /// Sends the rest of a request, as it comes, in chunks or as it is; says why not where the server does not take
    /// it.
    async fn send_body(&mut self, link: &mut Link, chunked: bool) -> Result<io::Result<()>, Gone> {
        let limit = self.front.limits.handshake;
        while self.unread {
            match self.wire.ready().map_err(Broken::from)? {
                Some(Event::Body(piece)) if chunked => http::chunk(&mut link.wire.out, piece.data()),
                Some(Event::Body(piece)) => link.wire.send(piece.into_data()),
                Some(Event::End | Event::Head { .. }) => {
                    self.unread = false;
                    if chunked {
                        link.wire.out.extend_from_slice(http::LAST_CHUNK);
                    }
                }
                None => {
                    if let Err(error) = link.wire.flush(limit).await {
                        return Ok(Err(error));
                    }
                    self.more().await?;
                }
            }
        }
        Ok(link.wire.flush(limit).await)
    }

    /// Brings an answer back as it comes. Says whether the connection to the server may be used again; none
    /// where the client's has to be closed.
    async fn bring_back(
        &mut self,
        link: &mut Link,
        asked: &Asked,
        original: &RequestHead,
    ) -> Result<Option<bool>, Gone> {
        let patience = self.front.upstream.call_limit;
        let (mut head, framing) = match self.answer_head(link, Instant::now() + patience).await? {
            Ok(answer) => answer,
            Err(why) => {
                return Ok((self.unreachable(&why, original) == Then::Next).then_some(false));
            }
        };
        if let Some(dialect) = Dialect::of_target(original.target())
            && head.status() == 200
            && !asked.is_head
        {
            return self.discovered(link, asked, original, (head, framing), dialect).await;
        }
        let came = head.clone();
        let coding = adapt_answer(&mut head, framing, asked);
        let close = coding == Coding::UntilClose || !asked.keep;
        if close {
            head.fields.push("Connection", "close");
        }
        head.write(&mut self.wire.out);
        loop {
            match self.answered(link, Instant::now() + patience).await? {
                Ok(Event::Body(piece)) => match coding {
                    Coding::AsItCame => self.wire.send(piece.into_wire()),
                    Coding::Chunked => http::chunk(&mut self.wire.out, piece.data()),
                    Coding::UntilClose => self.wire.send(piece.into_data()),
                },
                Ok(Event::End) => break,
                Ok(Event::Head { .. }) => {}
                Err(why) => return Err(Gone::CutShort(why)),
            }
            if self.wire.queued() > AT_ONCE {
                self.flush().await?;
            }
        }
        if coding == Coding::Chunked {
            self.wire.out.extend_from_slice(http::LAST_CHUNK);
        }
        let keep = link.done(&came, framing) && (!asked.is_head || Link::outlives_head(&came));
        Ok((!close).then_some(keep))
    }

    /// Brings an answer of Autodiscover back, as the modules make it.
    async fn discovered(
        &mut self,
        link: &mut Link,
        asked: &Asked,
        original: &RequestHead,
        (mut head, framing): (ResponseHead, Framing),
        dialect: Dialect,
    ) -> Result<Option<bool>, Gone> {
        let until = Instant::now() + self.front.upstream.call_limit;
        let came = head.clone();
        let mut body = Vec::new();
        loop {
            match self.answered(link, until).await? {
                Ok(Event::Body(piece)) => body.extend_from_slice(piece.data()),
                Ok(Event::End) => break,
                Ok(Event::Head { .. }) => {}
                Err(why) => return Ok((self.unreachable(&why, original) == Then::Next).then_some(false)),
            }
            if body.len() > self.front.sizes.body {
                let why = "an answer of Autodiscover that is too large";
                return Ok((self.unreachable(why, original) == Then::Next).then_some(false));
            }
        }
        let keep = link.done(&came, framing);
        let coded = came.fields.text("content-encoding").is_some_and(|coding| coding != "identity");
        let changed = match self.front.engine.autodiscover(dialect, &body, &asked.context) {
            _ if coded => Err("an answer of Autodiscover that is packed".into()),
            Ok(changed) => Ok(changed),
            Err(refusal) => Err(refusal.why),
        };
        let body = match changed {
            Ok(changed) => changed.unwrap_or(body),
            Err(why) => return Ok((self.unreachable(&why, original) == Then::Next).then_some(keep)),
        };
        adapt_answer(&mut head, framing, asked);
        head.fields.remove("transfer-encoding");
        head.fields.set("Content-Length", body.len().to_string());
        if !asked.keep {
            head.fields.set("Connection", "close");
        }
        head.write(&mut self.wire.out);
        if !asked.is_head {
            self.wire.out.extend_from_slice(&body);
        }
        Ok(asked.keep.then_some(keep))
    }
}

/// So much of an answer is collected before it is sent.
const AT_ONCE: usize = 64 * 1024;

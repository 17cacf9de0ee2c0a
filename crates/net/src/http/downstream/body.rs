//! Reads the body of a client's request.

use bytes::Bytes;
use http1::{Event, Framing};
use identity::Identity;
use mapi::mapihttp::ResponseCode;

use crate::body_budget::{MemoryLimit, Share};
use crate::http::downstream::accumulator::BodyAccumulator;
use crate::http::downstream::connection::Downstream;
use crate::http::downstream::context::{ConnectionError, KeepAlive, RequestContext};
use crate::http::downstream::respond;
use crate::http::transport::TransportError;
use crate::http::upstream::request_head::BodyFraming;

/// So much of a body in chunks is waited for, to say how long it is.
const SHORT: usize = 64 * 1024;

/// Why a body is not taken.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum NotTaken {
    /// It is over the limit.
    #[error("the request is too large")]
    TooLarge,
    /// There is no room in memory for as much of it as came.
    #[error("{why}")]
    Full {
        /// Bytes of it that came.
        came: usize,
        why: MemoryLimit,
    },
}

/// A whole body, and its share of the memory that its sender may have.
pub(crate) type Whole = (Bytes, Share);

impl Downstream {
    /// The next part of the request's body; none at its end.
    async fn part(&mut self) -> Result<Option<Bytes>, ConnectionError> {
        match self.event().await? {
            Event::Body(piece) => Ok(Some(piece.into_data())),
            Event::End | Event::Head { .. } => {
                self.unread = false;
                Ok(None)
            }
        }
    }

    /// Sends `100 Continue` to a client that sends the body only after it.
    pub(crate) async fn invite(&mut self) -> Result<(), ConnectionError> {
        if std::mem::take(&mut self.expects_continue) && self.transport.decoder.waiting() == 0 {
            self.transport.out.bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        Ok(())
    }

    /// The whole body of a request of `sender`'s, or why it is not taken.
    pub(crate) async fn body(
        &mut self,
        framing: Framing,
        sender: &Identity,
    ) -> Result<Result<Whole, NotTaken>, ConnectionError> {
        let limit = self.config.sizes.body;
        if let Framing::Length(length) = framing
            && usize::try_from(length).map_or(true, |length| length > limit)
        {
            return Ok(Err(NotTaken::TooLarge));
        }
        self.transport.decoder.gather(limit);
        let mut whole = BodyAccumulator::default();
        let mut share = self.config.bodies.share(sender);
        loop {
            match self.transport.ready().map_err(TransportError::from)? {
                Some(Event::Body(piece)) => {
                    let part = piece.into_data();
                    if whole.len() + part.len() > limit {
                        return Ok(Err(NotTaken::TooLarge));
                    }
                    whole.push(part);
                }
                Some(Event::End | Event::Head { .. }) => {
                    self.unread = false;
                    return Ok(Ok((whole.take(), share)));
                }
                None => self.more().await?,
            }
            let came = whole.len() + self.transport.decoder.waiting();
            if let Err(why) = share.set(came) {
                return Ok(Err(NotTaken::Full { came, why }));
            }
        }
    }

    /// Refuses the request since there is no memory for its body: `operation` for the log, and its `code` if it is one by
    /// MAPI over HTTP.
    #[cold]
    pub(crate) fn refuse_for_memory(
        &mut self,
        request: &RequestContext,
        operation: &str,
        code: Option<ResponseCode>,
        why: MemoryLimit,
    ) {
        self.config.log.memory_limit(request.peer, request.context.principal(), operation, &why.to_string());
        respond::too_busy(&mut self.transport.out.bytes, &request.head, code);
    }

    /// The beginning of a body in chunks, and how the whole of it goes on: by its length where it is short, since not
    /// all servers take chunks (RFC 9112 6.1), and else in chunks as it comes.
    pub(crate) async fn beginning(&mut self) -> Result<(Bytes, BodyFraming), ConnectionError> {
        let mut gathered = BodyAccumulator::default();
        while gathered.len() <= SHORT {
            let Some(part) = self.part().await? else {
                let length = u64::try_from(gathered.len()).unwrap_or(u64::MAX);
                return Ok((gathered.take(), BodyFraming::Length(length)));
            };
            gathered.push(part);
        }
        Ok((gathered.take(), BodyFraming::Unchanged))
    }

    /// Reads what is left of a request that was answered without its body, if it is not too much.
    pub(crate) async fn skip_body(&mut self) -> Result<KeepAlive, ConnectionError> {
        self.flush().await?;
        let mut left = self.config.sizes.body;
        while let Some(part) = self.part().await? {
            match left.checked_sub(part.len()) {
                Some(rest) => left = rest,
                None => return Ok(KeepAlive::No),
            }
        }
        Ok(KeepAlive::Yes)
    }
}

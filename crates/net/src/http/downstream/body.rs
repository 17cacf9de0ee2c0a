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
use crate::http::upstream::request_head::BodyFraming;

/// A chunked body up to this length is read before it is forwarded, with its length.
const SHORT: usize = 64 * 1024;

/// The most bytes that the framing of a body's chunks may have beyond the limit on the body.
const CHUNK_FRAMING: usize = 64 * 1024;

/// The most bytes of a refused body that are read and dropped to keep the connection of an unauthenticated client open.
const UNAUTHENTICATED_SKIP: usize = 64 * 1024;

/// Why a body is rejected.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum BodyError {
    /// The body exceeds the limit.
    #[error("the request is too large")]
    TooLarge,
    /// The part received exceeds a limit on memory.
    #[error("{why}")]
    Full {
        /// The bytes received.
        received: usize,
        why: MemoryLimit,
    },
}

/// A body that was read as a whole, or rejected.
pub(crate) enum BufferedBody {
    /// The body, and its share of the memory that its sender may use.
    Complete(Bytes, Share),
    /// Why the body is rejected. The rest of it was not read.
    Rejected(BodyError),
}

impl Downstream {
    /// The next part of the request's body; `None` at its end.
    async fn next_body_piece(&mut self) -> Result<Option<Bytes>, ConnectionError> {
        match self.event().await? {
            Event::Body(piece) => Ok(Some(piece.into_data())),
            Event::End | Event::Head { .. } => {
                self.unread = false;
                Ok(None)
            }
        }
    }

    /// Sends `100 Continue` if the client waits for it before it sends the body.
    pub(crate) async fn send_continue(&mut self) -> Result<(), ConnectionError> {
        if std::mem::take(&mut self.expects_continue) && self.transport.decoder.buffered() == 0 {
            self.transport.out.bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        Ok(())
    }

    /// Reads the whole body of a request by `sender`.
    pub(crate) async fn body(
        &mut self,
        framing: Framing,
        sender: &Identity,
    ) -> Result<BufferedBody, ConnectionError> {
        let limit = self.config.sizes.body;
        if let Framing::Length(length) = framing
            && usize::try_from(length).map_or(true, |length| length > limit)
        {
            return Ok(BufferedBody::Rejected(BodyError::TooLarge));
        }
        self.transport.decoder.gather(limit);
        let mut whole = BodyAccumulator::default();
        let mut share = self.config.bodies.share(sender);
        let mut on_the_wire = 0;
        loop {
            match self.received_event().await? {
                Some(Event::Body(piece)) => {
                    on_the_wire += piece.wire().len();
                    let part = piece.into_data();
                    if whole.len() + part.len() > limit || on_the_wire > limit + CHUNK_FRAMING {
                        return Ok(BufferedBody::Rejected(BodyError::TooLarge));
                    }
                    whole.push(part);
                }
                Some(Event::End | Event::Head { .. }) => {
                    self.unread = false;
                    return Ok(BufferedBody::Complete(whole.take(), share));
                }
                None => self.more().await?,
            }
            let received = whole.len() + self.transport.decoder.buffered();
            if let Err(why) = share.set(received) {
                return Ok(BufferedBody::Rejected(BodyError::Full { received, why }));
            }
        }
    }

    /// Refuses the request since there is no memory for its body. `operation` names it in the log; `code` is the
    /// `X-ResponseCode` of the response if it is an operation of MAPI over HTTP.
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

    /// Reads the beginning of a chunked body, and decides its framing upstream: by length if it is short, since not all
    /// servers accept chunks (RFC 9112 6.1), otherwise in chunks.
    pub(crate) async fn read_short_chunked(&mut self) -> Result<(Bytes, BodyFraming), ConnectionError> {
        let mut gathered = BodyAccumulator::default();
        while gathered.len() <= SHORT {
            let Some(part) = self.next_body_piece().await? else {
                let length = u64::try_from(gathered.len()).unwrap_or(u64::MAX);
                return Ok((gathered.take(), BodyFraming::Length(length)));
            };
            gathered.push(part);
        }
        Ok((gathered.take(), BodyFraming::Unchanged))
    }

    /// How many bytes of a refused body are read and dropped, so that the connection can stay open. A client in a
    /// handshake could not continue it on another connection.
    fn skip_limit(&mut self) -> usize {
        if self.in_handshake || self.is_authenticated() {
            self.config.sizes.body
        } else {
            UNAUTHENTICATED_SKIP
        }
    }

    /// Whether the connection closes after the response to the current request, whose head is to be written: since the
    /// proxy accepts no more requests, or since the rest of the request will not be read (RFC 9112 9.6).
    pub(crate) fn closes_after_response(&mut self) -> bool {
        self.shutdown.is_requested() || (self.unread && self.leaves_body_unread())
    }

    /// Whether the rest of the body of a refused request is not to be read: it is too long, its length is not known in
    /// advance, or the client may not send it, since it expects `100 Continue` (RFC 9110 10.1.1). A client in a
    /// handshake could not continue that on another connection.
    fn leaves_body_unread(&mut self) -> bool {
        match self.framing {
            Framing::None | Framing::UntilClose => false,
            Framing::Length(length) => {
                let is_long = usize::try_from(length).map_or(true, |length| length > self.skip_limit());
                is_long || (self.expects_continue && !self.in_handshake)
            }
            Framing::Chunked => !self.in_handshake,
        }
    }

    /// Reads and drops the rest of a request that was refused without its body. The connection closes if that is too
    /// long, which only a body in chunks within a handshake can be.
    pub(crate) async fn skip_body(&mut self) -> Result<KeepAlive, ConnectionError> {
        self.flush().await?;
        let mut left = self.skip_limit();
        while let Event::Body(piece) = self.event().await? {
            match left.checked_sub(piece.wire().len()) {
                Some(rest) => left = rest,
                None => return Ok(KeepAlive::No),
            }
        }
        self.unread = false;
        Ok(KeepAlive::Yes)
    }
}

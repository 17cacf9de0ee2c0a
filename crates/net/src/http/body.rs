//! The body of a client's request.

use bytes::{Bytes, BytesMut};
use http::{Event, Framing};

use super::connection::{Client, Gone, Then};
use super::upstream::Body;

/// So much of a body in chunks is waited for, to say how long it is.
const SHORT: usize = 64 * 1024;

impl Client {
    /// The next part of the request's body; none at its end.
    async fn part(&mut self) -> Result<Option<Bytes>, Gone> {
        match self.event().await? {
            Event::Body(piece) => Ok(Some(piece.into_data())),
            Event::End | Event::Head { .. } => {
                self.unread = false;
                Ok(None)
            }
        }
    }

    /// Tells a client to go on that waits for that before it sends its body.
    pub(super) async fn invite(&mut self) -> Result<(), Gone> {
        if std::mem::take(&mut self.waits) && self.wire.decoder.waiting() == 0 {
            self.wire.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        Ok(())
    }

    /// The whole body; none where it is over the limit.
    pub(super) async fn body(&mut self, framing: Framing) -> Result<Option<Bytes>, Gone> {
        let limit = self.front.sizes.body;
        if let Framing::Length(length) = framing
            && usize::try_from(length).map_or(true, |length| length > limit)
        {
            return Ok(None);
        }
        self.wire.decoder.gather(limit);
        let mut whole = Gathered::default();
        while let Some(part) = self.part().await? {
            if whole.len() + part.len() > limit {
                return Ok(None);
            }
            whole.push(part);
        }
        Ok(Some(whole.take()))
    }

    /// The beginning of a body in chunks, and how the whole of it goes on: by its length where it is short, since not
    /// all servers take chunks (RFC 9112 6.1), and else in chunks as it comes.
    pub(super) async fn beginning(&mut self) -> Result<(Bytes, Body), Gone> {
        let mut gathered = Gathered::default();
        while gathered.len() <= SHORT {
            let Some(part) = self.part().await? else {
                let length = u64::try_from(gathered.len()).unwrap_or(u64::MAX);
                return Ok((gathered.take(), Body::Length(length)));
            };
            gathered.push(part);
        }
        Ok((gathered.take(), Body::AsItCame))
    }

    /// Reads what is left of a request that was answered without its body, if it is not too much.
    pub(super) async fn skip_body(&mut self) -> Result<Then, Gone> {
        self.flush().await?;
        let mut left = self.front.sizes.body;
        while let Some(part) = self.part().await? {
            match left.checked_sub(part.len()) {
                Some(rest) => left = rest,
                None => return Ok(Then::Close),
            }
        }
        Ok(Then::Next)
    }
}

/// What comes in parts and is to be one. Most of it comes in one part, which is then not copied.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    pub(super) fn push(&mut self, part: Bytes) {
        if self.len() == 0 {
            self.first = part;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&part);
    }

    /// All of it; nothing is left.
    pub(super) fn take(&mut self) -> Bytes {
        if self.all.is_empty() { std::mem::take(&mut self.first) } else { self.all.split().freeze() }
    }
}

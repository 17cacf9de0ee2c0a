//! A connection that HTTP messages pass on, whatever is under it.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http1::{Decoder, Event, Head};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

use crate::upstream_error::UpstreamError;

/// A connection, plain or within TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn poll_read(&mut self, task: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(task, buffer),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(task, buffer),
        }
    }

    /// Reads into `buffer` as far as there is room in it.
    fn poll_read_into(&mut self, task: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => pin!(stream.read_buf(buffer)).poll(task),
            Self::Tls(stream) => pin!(stream.read_buf(buffer)).poll(task),
        }
    }

    fn poll_write(&mut self, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(task, bytes),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(task, bytes),
        }
    }

    fn poll_write_all(&mut self, task: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(task, parts),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(task, parts),
        }
    }

    fn poll_flush(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(task),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(task),
        }
    }

    fn poll_shutdown(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(task),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(task),
        }
    }
}

/// Bytes that are read at once.
const AT_ONCE: usize = 16 * 1024;

/// More than this is not kept of an output buffer between two messages.
const KEPT: usize = 4 * 1024;

/// What is shorter is sent sooner copied than by itself.
const SHORT: usize = 4 * 1024;

/// So many parts are handed over at once.
const PARTS: usize = 16;

/// One end of a connection: what arrives as messages, and what is to be sent.
#[derive(Debug)]
pub(crate) struct FramedTransport<H> {
    stream: Stream,
    pub(crate) decoder: Decoder<H>,
    /// Long parts that are to be sent first.
    parts: Vec<Bytes>,
    /// What is to be sent behind them.
    pub(crate) out: Vec<u8>,
    ended: bool,
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    /// The network's fault.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What the peer sends is no message.
    #[error(transparent)]
    Message(#[from] http1::Error),
    /// The peer closed it where more was due.
    #[error("the connection was closed")]
    Closed,
}

impl From<TransportError> for UpstreamError {
    fn from(broken: TransportError) -> Self {
        match broken {
            TransportError::Io(_)
            | TransportError::Closed
            | TransportError::Message(http1::Error::CutOff) => Self::Closed(broken.to_string()),
            TransportError::Message(_) => Self::Protocol(broken.to_string()),
        }
    }
}

impl<H: Head> FramedTransport<H> {
    pub(crate) fn new(stream: Stream, decoder: Decoder<H>) -> Self {
        Self { stream, decoder, parts: Vec::new(), out: Vec::new(), ended: false }
    }

    /// Puts `bytes` behind what is to be sent.
    pub(crate) fn send(&mut self, bytes: Bytes) {
        if bytes.len() < SHORT {
            self.out.extend_from_slice(&bytes);
            return;
        }
        if !self.out.is_empty() {
            self.parts.push(std::mem::take(&mut self.out).into());
        }
        self.parts.push(bytes);
    }

    /// How many bytes are to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum::<usize>() + self.out.len()
    }

    /// Reads what there is, at least something; zero at the end. Nothing is lost where this is dropped.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|task| self.poll_fill(task)).await
    }

    /// The same, to be polled. Where nothing long is to come the buffer lives on the stack for this call
    /// only: an idle connection has none.
    pub(crate) fn poll_fill(&mut self, task: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let read = if let Some(room) = self.decoder.room() {
            ready!(self.stream.poll_read_into(task, room))
        } else {
            let mut bytes = [MaybeUninit::uninit(); AT_ONCE];
            let mut buffer = ReadBuf::uninit(&mut bytes);
            let read = ready!(self.stream.poll_read(task, &mut buffer));
            self.decoder.receive(buffer.filled());
            read.map(|()| buffer.filled().len())
        };
        // A peer that ends TLS by closing the connection cuts nothing off: messages say where they end.
        let count = match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            other => other?,
        };
        if count == 0 {
            self.ended = true;
            self.decoder.close();
        }
        Poll::Ready(Ok(count))
    }

    /// Whether the peer sends no more.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// What is there now without waiting for more.
    pub(crate) fn ready(&mut self) -> Result<Option<Event<H>>, http1::Error> {
        self.decoder.poll()
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Result<Event<H>, TransportError> {
        loop {
            if let Some(event) = self.decoder.poll()? {
                return Ok(event);
            }
            if self.ended {
                return Err(TransportError::Closed);
            }
            self.fill().await?;
        }
    }

    /// Whether the peer closed the connection, or sent something that nobody asked for. Does not wait.
    pub(crate) async fn is_stale(&mut self) -> bool {
        let read = poll_fn(|task| Poll::Ready(self.poll_fill(task))).await;
        read.is_ready() || !self.decoder.is_between()
    }

    /// Sends what is to be sent; each time that the peer takes nothing it has `limit` to take more.
    pub(crate) async fn flush(&mut self, limit: Duration) -> io::Result<()> {
        self.flush_unless(limit, |_, _| false).await.map(|_| ())
    }

    /// The same, given up where `ends` says so while the peer takes nothing. Says whether all was sent.
    pub(crate) async fn flush_unless(
        &mut self,
        limit: Duration,
        mut ends: impl FnMut(&mut Self, &mut Context<'_>) -> bool,
    ) -> io::Result<bool> {
        let late = || io::Error::new(io::ErrorKind::TimedOut, "the peer does not read");
        let mut sent = 0;
        while self.queued() > sent {
            // Most of what is sent fits into the socket's buffer: then no timer is needed.
            let at_once = poll_fn(|task| Poll::Ready(self.poll_send(task, sent))).await;
            let count = match at_once {
                Poll::Ready(count) => count?,
                Poll::Pending => {
                    let more = poll_fn(|task| match self.poll_send(task, sent) {
                        Poll::Pending if ends(self, task) => Poll::Ready(Ok(None)),
                        polled => polled.map_ok(Some),
                    });
                    match timeout(limit, more).await.map_err(|_| late())?? {
                        Some(count) => count,
                        None => return Ok(false),
                    }
                }
            };
            sent = self.forget(sent + count);
        }
        self.out.clear();
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        if matches!(self.stream, Stream::Tls(_)) {
            let rest = poll_fn(|task| match self.stream.poll_flush(task) {
                Poll::Pending if ends(self, task) => Poll::Ready(Ok(false)),
                polled => polled.map_ok(|()| true),
            });
            return timeout(limit, rest).await.map_err(|_| late())?;
        }
        Ok(true)
    }

    /// Sends some of what is to be sent, behind the first `sent` bytes of `out`, all of which are sent only
    /// where there are no parts.
    fn poll_send(&mut self, task: &mut Context<'_>, sent: usize) -> Poll<io::Result<usize>> {
        let Self { stream, parts, out, .. } = self;
        if parts.is_empty() {
            return stream.poll_write(task, out.get(sent..).unwrap_or_default());
        }
        let mut slices = [IoSlice::new(&[]); PARTS];
        for (slice, part) in slices.iter_mut().zip(parts.iter().map(|part| &part[..]).chain([&out[..]])) {
            *slice = IoSlice::new(part);
        }
        let count = PARTS.min(parts.len() + 1);
        stream.poll_write_all(task, slices.get(..count).unwrap_or_default())
    }

    /// Forgets the first `sent` bytes of the parts; what of them is `out`'s is returned.
    fn forget(&mut self, mut sent: usize) -> usize {
        let mut whole = 0;
        for part in &mut self.parts {
            let taken = sent.min(part.len());
            part.advance(taken);
            sent -= taken;
            if !part.is_empty() {
                break;
            }
            whole += 1;
        }
        self.parts.drain(..whole);
        sent
    }

    /// Says that no more will be sent, and lets the peer read what was: for a moment what it still sends is
    /// taken and thrown away, since unread bytes would make its machine lose our last answer.
    pub(crate) async fn linger(&mut self, limit: Duration) {
        let mut thrown_away = 0;
        let rest = async {
            poll_fn(|task| self.stream.poll_shutdown(task)).await?;
            while thrown_away < LINGERING_BYTES && !self.ended {
                let read = poll_fn(|task| {
                    let mut bytes = [MaybeUninit::uninit(); AT_ONCE];
                    let mut buffer = ReadBuf::uninit(&mut bytes);
                    ready!(self.stream.poll_read(task, &mut buffer))?;
                    Poll::Ready(io::Result::Ok(buffer.filled().len()))
                });
                match read.await? {
                    0 => break,
                    count => thrown_away += count,
                }
            }
            io::Result::Ok(())
        };
        let _ = timeout(limit, rest).await;
    }
}

/// So much is thrown away at most of what a client sends after its last answer.
const LINGERING_BYTES: usize = 1 << 20;

//! A connection that carries HTTP messages, with or without TLS.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use http1::{Decoder, Event, Head};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

use crate::http::downstream::work_quota;
use crate::http::output::{OutputBuffer, PARTS};
use crate::tcp::stream::SendError;
use crate::upstream_error::UpstreamError;

/// A byte stream, with or without TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A pipe to a test, in place of a socket.
    #[cfg(test)]
    Memory(crate::http::memory_stream::MemoryStream),
}

impl Stream {
    fn poll_read(&mut self, task: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(task, buffer),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(task, buffer),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_read(task, buffer),
        }
    }

    /// Reads into `buffer`, up to its capacity.
    fn poll_read_into(&mut self, task: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => pin!(stream.read_buf(buffer)).poll(task),
            Self::Tls(stream) => pin!(stream.read_buf(buffer)).poll(task),
            #[cfg(test)]
            Self::Memory(stream) => pin!(stream.read_buf(buffer)).poll(task),
        }
    }

    fn poll_write(&mut self, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(task, bytes),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(task, bytes),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_write(task, bytes),
        }
    }

    fn poll_write_all(&mut self, task: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(task, parts),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(task, parts),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_write_vectored(task, parts),
        }
    }

    fn poll_flush(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(task),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(task),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_flush(task),
        }
    }

    /// Whether the peer has closed its end, even if data precedes that and was not read yet.
    fn is_closed(&mut self, task: &mut Context<'_>) -> bool {
        let socket = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
            #[cfg(test)]
            Self::Memory(stream) => return stream.is_closed(task),
        };
        let ready = pin!(socket.ready(Interest::READABLE)).poll(task);
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    fn poll_shutdown(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(task),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(task),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(task),
        }
    }
}

/// The most bytes that one read takes.
const READ_SIZE: usize = 16 * 1024;

/// One end of a connection: decodes what is received, and sends the output.
#[derive(Debug)]
pub(crate) struct FramedTransport<H> {
    stream: Stream,
    pub(crate) decoder: Decoder<H>,
    /// The bytes to send.
    pub(crate) out: OutputBuffer,
    ended: bool,
    /// The work of reading and decoding since [`Self::take_work`].
    work: u32,
}

/// Why a connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    /// The network failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer sent an invalid message.
    #[error(transparent)]
    Message(#[from] http1::Error),
    /// The peer closed the connection in the middle of a message.
    #[error("connection closed by the peer")]
    Closed,
}

impl From<TransportError> for UpstreamError {
    fn from(broken: TransportError) -> Self {
        match broken {
            TransportError::Io(_)
            | TransportError::Closed
            | TransportError::Message(http1::Error::CutOff) => Self::closed(broken),
            TransportError::Message(_) => Self::protocol(broken),
        }
    }
}

impl<H: Head> FramedTransport<H> {
    pub(crate) fn new(stream: Stream, decoder: Decoder<H>) -> Self {
        Self { stream, decoder, out: OutputBuffer::default(), ended: false, work: 0 }
    }

    /// Waits for bytes, and reads them. Returns how many, which is zero at the end. It may be dropped without losing
    /// any.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|task| self.poll_fill(task)).await
    }

    /// Reads bytes if there are any. Unless a long body is expected the buffer is on the stack for this call only, so
    /// that an idle connection has none.
    pub(crate) fn poll_fill(&mut self, task: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let read = if let Some(room) = self.decoder.read_buffer() {
            ready!(self.stream.poll_read_into(task, room))
        } else {
            let mut bytes = [MaybeUninit::uninit(); READ_SIZE];
            let mut buffer = ReadBuf::uninit(&mut bytes);
            let read = ready!(self.stream.poll_read(task, &mut buffer));
            self.decoder.receive(buffer.filled());
            read.map(|()| buffer.filled().len())
        };
        // A peer may end TLS by closing the connection: the end of a message is determined by its framing.
        let count = match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            other => other?,
        };
        if count == 0 {
            self.ended = true;
            self.decoder.close();
        }
        let is_tls = matches!(self.stream, Stream::Tls(_));
        self.work = self.work.saturating_add(work_quota::of_read(count, is_tls));
        Poll::Ready(Ok(count))
    }

    /// Whether the peer has closed its end, even if data precedes that and was not read yet. Does not wait.
    pub(crate) fn is_closed(&mut self, task: &mut Context<'_>) -> bool {
        self.stream.is_closed(task)
    }

    /// Whether the peer has closed its end, up to which all was read.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next event that has been received, if there is one.
    pub(crate) fn ready(&mut self) -> Result<Option<Event<H>>, http1::Error> {
        self.work = self.work.saturating_add(work_quota::PIECE);
        self.decoder.poll()
    }

    /// The work of reading and decoding since the last call, in units of the [`work_quota`].
    pub(crate) const fn take_work(&mut self) -> u32 {
        std::mem::replace(&mut self.work, 0)
    }

    /// Waits for the next event. Yields to the other connections of the thread, however fast the peer sends.
    pub(crate) async fn event(&mut self) -> Result<Event<H>, TransportError> {
        loop {
            if self.work >= work_quota::ROUND {
                self.work = 0;
                yield_now().await;
            }
            if let Some(event) = self.ready()? {
                return Ok(event);
            }
            if self.ended {
                return Err(TransportError::Closed);
            }
            self.fill().await?;
        }
    }

    /// Whether the peer closed the connection, or sent something between messages. Does not wait.
    pub(crate) async fn is_stale(&mut self) -> bool {
        let read = poll_fn(|task| Poll::Ready(self.poll_fill(task))).await;
        read.is_ready() || !self.decoder.is_between_messages()
    }

    /// Sends the output, for which the caller has a time limit.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while poll_fn(|task| self.poll_send(task)).await? == Progress::Some {}
        Ok(())
    }

    /// Sends the output until `ends` returns true while the peer does not read. The peer has `limit` for each part of
    /// the output. Returns whether all was sent.
    pub(crate) async fn flush_unless(
        &mut self,
        limit: Duration,
        mut ends: impl FnMut(&mut Self, &mut Context<'_>) -> bool,
    ) -> Result<bool, SendError> {
        loop {
            let more = poll_fn(|task| match self.poll_send(task) {
                Poll::Pending if ends(self, task) => Poll::Ready(Ok(None)),
                polled => polled.map_ok(Some),
            });
            match timeout(limit, more).await.map_err(|_| SendError::NotRead)?? {
                Some(Progress::Some) => {}
                Some(Progress::All) => return Ok(true),
                None => return Ok(false),
            }
        }
    }

    /// Sends as much as the socket's buffer takes now, which is usually all. Returns whether it was all.
    pub(crate) async fn flush_now(&mut self) -> io::Result<bool> {
        poll_fn(|task| {
            loop {
                match self.poll_send(task) {
                    Poll::Ready(Ok(Progress::Some)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    sent => return Poll::Ready(Ok(sent.is_ready())),
                }
            }
        })
        .await
    }

    /// Sends a part of the output.
    pub(crate) fn poll_send(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Progress>> {
        let Self { stream, out, .. } = self;
        if out.is_empty() {
            out.reset();
            return match stream {
                Stream::Plain(_) => Poll::Ready(Ok(Progress::All)),
                Stream::Tls(_) => stream.poll_flush(task).map_ok(|()| Progress::All),
                #[cfg(test)]
                Stream::Memory(_) => Poll::Ready(Ok(Progress::All)),
            };
        }
        let count = if let Some(bytes) = out.single() {
            ready!(stream.poll_write(task, bytes))?
        } else {
            let mut slices = [IoSlice::new(&[]); PARTS];
            let count = out.slices(&mut slices);
            ready!(stream.poll_write_all(task, slices.get(..count).unwrap_or_default()))?
        };
        out.advance(count);
        Poll::Ready(Ok(Progress::Some))
    }

    /// Closes the sending side, and lets the peer read the last response. What it still sends is read and dropped for a
    /// moment, since unread bytes would make its kernel discard that response.
    pub(crate) async fn linger(&mut self, limit: Duration) {
        let mut dropped = 0;
        let rest = async {
            poll_fn(|task| self.stream.poll_shutdown(task)).await?;
            while dropped < LINGERING_BYTES && !self.ended {
                let read = poll_fn(|task| {
                    let mut bytes = [MaybeUninit::uninit(); READ_SIZE];
                    let mut buffer = ReadBuf::uninit(&mut bytes);
                    ready!(self.stream.poll_read(task, &mut buffer))?;
                    Poll::Ready(io::Result::Ok(buffer.filled().len()))
                });
                match read.await? {
                    0 => break,
                    count => dropped += count,
                }
                // Yields to the other connections of the thread.
                yield_now().await;
            }
            io::Result::Ok(())
        };
        let _ = timeout(limit, rest).await;
    }
}

/// The progress of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A part was sent.
    Some,
    /// All was sent.
    All,
}

/// The most bytes that are dropped of what a client sends after its last response.
const LINGERING_BYTES: usize = 1 << 20;

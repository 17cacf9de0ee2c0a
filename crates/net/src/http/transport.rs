//! A connection that carries HTTP messages, plain or within TLS.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use http1::{Decoder, Event, Head};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

use crate::http::output::{OutputBuffer, PARTS};
use crate::upstream_error::UpstreamError;

/// A connection, plain or within TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A pipe to a test, in place of a socket.
    #[cfg(test)]
    Memory(crate::http::memory::MemoryStream),
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

    /// Reads into `buffer` as far as there is room in it.
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

    fn poll_shutdown(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(task),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(task),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(task),
        }
    }
}

/// Bytes that are read at once.
const AT_ONCE: usize = 16 * 1024;

/// One end of a connection: what arrives as messages, and what is to be sent.
#[derive(Debug)]
pub(crate) struct FramedTransport<H> {
    stream: Stream,
    pub(crate) decoder: Decoder<H>,
    /// What is to be sent.
    pub(crate) out: OutputBuffer,
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
            | TransportError::Message(http1::Error::CutOff) => Self::closed(broken),
            TransportError::Message(_) => Self::protocol(broken),
        }
    }
}

impl<H: Head> FramedTransport<H> {
    pub(crate) fn new(stream: Stream, decoder: Decoder<H>) -> Self {
        Self { stream, decoder, out: OutputBuffer::default(), ended: false }
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

    /// Whether the peer closed the connection, or sent something without a request. Does not wait.
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
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the peer does not read");
        loop {
            let more = poll_fn(|task| match self.poll_send(task) {
                Poll::Pending if ends(self, task) => Poll::Ready(Ok(Progress::GivenUp)),
                polled => polled,
            });
            match timeout(limit, more).await.map_err(late)?? {
                Progress::Some => {}
                Progress::All => return Ok(true),
                Progress::GivenUp => return Ok(false),
            }
        }
    }

    /// Sends what the socket's buffer takes now, which is most often all of it. Says whether it was.
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

    /// Sends some of what is to be sent.
    fn poll_send(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Progress>> {
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

/// What came of sending.
enum Progress {
    /// Some was sent.
    Some,
    /// All was sent.
    All,
    /// The rest is not sent.
    GivenUp,
}

/// So much is thrown away at most of what a client sends after its last answer.
const LINGERING_BYTES: usize = 1 << 20;

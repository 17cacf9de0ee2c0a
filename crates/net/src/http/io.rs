//! A connection that HTTP messages pass on, whatever is under it.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Decoder, Event, Head};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

/// A connection, plain or within TLS.
#[derive(Debug)]
pub(super) enum Stream {
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

    fn poll_write(&mut self, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(task, bytes),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(task, bytes),
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

/// One end of a connection: what arrives as messages, and what is to be sent.
#[derive(Debug)]
pub(super) struct Wire<H> {
    stream: Stream,
    pub(super) decoder: Decoder<H>,
    /// What is to be sent next.
    pub(super) out: Vec<u8>,
    ended: bool,
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The network's fault.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What the peer sends is no message.
    #[error(transparent)]
    Message(#[from] http::Error),
    /// The peer closed it where more was due.
    #[error("the connection was closed")]
    Closed,
}

impl<H: Head> Wire<H> {
    pub(super) fn new(stream: Stream, decoder: Decoder<H>) -> Self {
        Self { stream, decoder, out: Vec::new(), ended: false }
    }

    /// Reads what there is, at least something; zero at the end. Nothing is lost where this is dropped.
    pub(super) async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|task| self.poll_fill(task)).await
    }

    /// The same, to be polled. The buffer lives on the stack for this call only: an idle connection has none.
    fn poll_fill(&mut self, task: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let mut bytes = [MaybeUninit::uninit(); AT_ONCE];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        let read = ready!(self.stream.poll_read(task, &mut buffer));
        // A peer that ends TLS by closing the connection cuts nothing off: messages say where they end.
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            other => other?,
        }
        let filled = buffer.filled();
        if filled.is_empty() {
            self.ended = true;
            self.decoder.close();
        } else {
            self.decoder.receive(filled);
        }
        Poll::Ready(Ok(filled.len()))
    }

    /// What is there now without waiting for more.
    pub(super) fn ready(&mut self) -> Result<Option<Event<H>>, http::Error> {
        self.decoder.poll()
    }

    /// The next event.
    pub(super) async fn event(&mut self) -> Result<Event<H>, Broken> {
        loop {
            if let Some(event) = self.decoder.poll()? {
                return Ok(event);
            }
            if self.ended {
                return Err(Broken::Closed);
            }
            self.fill().await?;
        }
    }

    /// Whether the peer closed the connection, or sent something that nobody asked for. Does not wait.
    pub(super) async fn is_stale(&mut self) -> bool {
        let read = poll_fn(|task| Poll::Ready(self.poll_fill(task))).await;
        read.is_ready() || !self.decoder.is_between()
    }

    /// Sends `out`; each time that the peer takes nothing it has `limit` to take more.
    pub(super) async fn flush(&mut self, limit: Duration) -> io::Result<()> {
        let Self { stream, out, .. } = self;
        let mut sent = 0;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "the peer does not read");
        while let Some(rest) = out.get(sent..).filter(|rest| !rest.is_empty()) {
            // Most of what is sent fits into the socket's buffer: then no timer is needed.
            let at_once = poll_fn(|task| Poll::Ready(stream.poll_write(task, rest))).await;
            sent += match at_once {
                Poll::Ready(count) => count?,
                Poll::Pending => timeout(limit, poll_fn(|task| stream.poll_write(task, rest)))
                    .await
                    .map_err(|_| late())??,
            };
        }
        out.clear();
        if out.capacity() > KEPT {
            *out = Vec::new();
        }
        if matches!(stream, Stream::Tls(_)) {
            timeout(limit, poll_fn(|task| stream.poll_flush(task))).await.map_err(|_| late())??;
        }
        Ok(())
    }

    /// Says that no more will be sent, and lets the peer read what was: for a moment what it still sends is
    /// taken and thrown away, since unread bytes would make its machine lose our last answer.
    pub(super) async fn linger(&mut self, limit: Duration) {
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

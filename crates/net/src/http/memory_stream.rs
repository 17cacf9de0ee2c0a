//! An in-memory byte stream in place of a socket, for tests.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// How many bytes a connection holds in each direction, as the buffers of a socket do.
pub(crate) const PIPE: usize = 64 * 1024;

/// The proxy's end of a connection in place of a socket.
#[derive(Debug)]
pub(crate) struct MemoryStream {
    pipe: DuplexStream,
    /// How many more bytes it accepts before it fails.
    takes: Arc<AtomicUsize>,
}

impl From<DuplexStream> for MemoryStream {
    fn from(pipe: DuplexStream) -> Self {
        Self { pipe, takes: Arc::new(AtomicUsize::new(usize::MAX)) }
    }
}

impl MemoryStream {
    /// Whether the other end is closed: a write fails then, even one of no bytes.
    pub(crate) fn is_closed(&mut self, task: &mut Context<'_>) -> bool {
        matches!(Pin::new(&mut self.pipe).poll_write(task, &[]), Poll::Ready(Err(_)))
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(task, buffer)
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let takes = self.takes.load(Ordering::Relaxed);
        if takes == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let some = bytes.get(..takes).unwrap_or(bytes);
        let count = ready!(Pin::new(&mut self.pipe).poll_write(task, some))?;
        self.takes.fetch_sub(count, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(task)
    }
}

/// The server as the proxy connects to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryServer(Arc<Mutex<Listening>>);

#[derive(Debug, Default)]
struct Listening {
    is_unreachable: bool,
    /// The server's ends of connections that it has not taken yet.
    accepted: Vec<(DuplexStream, Arc<AtomicUsize>)>,
}

impl MemoryServer {
    /// Opens a connection to the server; `None` while it is unreachable.
    pub(crate) fn connect(&self) -> Option<MemoryStream> {
        let mut listening = self.0.lock().unwrap();
        if listening.is_unreachable {
            return None;
        }
        let (near, far) = tokio::io::duplex(PIPE);
        let near = MemoryStream::from(near);
        listening.accepted.push((far, Arc::clone(&near.takes)));
        Some(near)
    }

    pub(crate) fn set_unreachable(&self) {
        self.0.lock().unwrap().is_unreachable = true;
    }

    pub(crate) fn take_accepted(&self) -> Vec<(DuplexStream, Arc<AtomicUsize>)> {
        std::mem::take(&mut self.0.lock().unwrap().accepted)
    }
}

//! Reading and writing a connection.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// Bytes that are read at once.
const AT_ONCE: usize = 16 * 1024;

/// How long a client that takes nothing of what it is sent is waited for once the proxy stops.
const WHILE_STOPPING: Duration = Duration::from_secs(2);

/// Makes a new connection fit for calls: what is sent is not held back to go with what follows, and a peer
/// whose machine is gone without a word is noticed within two minutes, also while nothing is to be sent.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_mins(1))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Reads what has arrived and hands it to `take`; ready with how many bytes that were, zero at the stream's
/// end. The buffer lives on the stack for this call only, so that an idle connection has none.
pub(crate) fn poll_read(
    stream: &mut TcpStream,
    task: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut bytes = [MaybeUninit::uninit(); AT_ONCE];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    ready!(Pin::new(stream).poll_read(task, &mut buffer))?;
    let filled = buffer.filled();
    if !filled.is_empty() {
        take(filled);
    }
    Poll::Ready(Ok(filled.len()))
}

/// Sends of `bytes` what the peer takes at once; how many these are.
pub(crate) fn send_now(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        match stream.try_write(rest) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Sends all of `bytes`; each time that the peer takes nothing it has `limit` to take more, or less once `stop` is true.
pub(crate) async fn send(
    stream: &TcpStream,
    mut bytes: &[u8],
    limit: Duration,
    stop: &mut watch::Receiver<bool>,
) -> io::Result<()> {
    loop {
        bytes = bytes.get(send_now(stream, bytes)?..).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        // Also where the sender is gone.
        let stopping = *stop.borrow() || stop.has_changed().is_err();
        let limit = if stopping { limit.min(WHILE_STOPPING) } else { limit };
        tokio::select! {
            ready = timeout(limit, stream.writable()) => match ready {
                Ok(ready) => ready?,
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")),
            },
            _ = stop.wait_for(|stop| *stop), if !stopping => {}
        }
    }
}

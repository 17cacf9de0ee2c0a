//! [`ClientStream`], the byte stream of a client; options of sockets, and writing.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a peer may read nothing while the proxy shuts down.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Sets the options of a new connection: `TCP_NODELAY`, and keepalive, which detects a peer that disappeared without
/// closing the connection within two minutes, also while nothing is sent.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_mins(1))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// A client's byte stream: a TCP connection, or one that another envelope carries. It sends the bytes written to it
/// without [`AsyncWrite::poll_flush`], and dropping it closes it.
pub(crate) trait ClientStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ClientStream for S {}

/// Writes `bytes`, and advances them past those that were written; ready once all were.
pub(crate) fn poll_send(
    stream: &mut (impl AsyncWrite + Unpin),
    task: &mut Context<'_>,
    bytes: &mut impl Buf,
) -> Poll<io::Result<()>> {
    while bytes.has_remaining() {
        let count = ready!(Pin::new(&mut *stream).poll_write(task, bytes.chunk()))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        bytes.advance(count);
    }
    Poll::Ready(Ok(()))
}

/// Sends as much of `bytes` as the connection accepts at once. Returns the rest.
pub(crate) async fn send_now<'a>(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: &'a [u8],
) -> io::Result<&'a [u8]> {
    poll_fn(|task| match poll_send(stream, task, &mut bytes) {
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        _ => Poll::Ready(Ok(bytes)),
    })
    .await
}

/// Why not all was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer read nothing for its time limit.
    #[error("the peer does not read within the time limit")]
    NotRead,
}

/// Sends all of `bytes`. The peer has `limit` to read each further part, or [`SHUTDOWN_TIMEOUT`] once `shutdown` is
/// true.
pub(crate) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
    limit: Duration,
    shutdown: &mut watch::Receiver<bool>,
) -> Result<(), SendError> {
    while !bytes.is_empty() {
        // Also if the sender was dropped.
        let stopping = *shutdown.borrow() || shutdown.has_changed().is_err();
        let limit = if stopping { limit.min(SHUTDOWN_TIMEOUT) } else { limit };
        let before = bytes.len();
        // The limit begins anew with each part that was written.
        let part = poll_fn(|task| match poll_send(stream, task, &mut bytes) {
            Poll::Pending if bytes.len() < before => Poll::Ready(Ok(())),
            sent => sent,
        });
        tokio::select! {
            sent = timeout(limit, part) => match sent {
                Ok(sent) => sent?,
                Err(_) if stopping => {
                    return Err(io::Error::from(io::ErrorKind::TimedOut).into());
                }
                Err(_) => return Err(SendError::NotRead),
            },
            _ = shutdown.wait_for(|shutdown| *shutdown), if !stopping => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn the_time_limit_of_a_peer_begins_anew_with_each_part_that_it_reads() {
        let (mut stream, mut peer) = duplex(4);
        let (_sender, mut shutdown) = watch::channel(false);
        let limit = Duration::from_secs(1);
        let reading = async {
            for _ in 0..4 {
                tokio::time::sleep(limit * 2 / 5).await;
                peer.read_exact(&mut [0; 4]).await.unwrap();
            }
        };
        let (sent, ()) = tokio::join!(send(&mut stream, b"sixteen bytes ..", limit, &mut shutdown), reading);
        sent.unwrap();
        let error = send(&mut stream, b"five!", limit / 10, &mut shutdown).await.unwrap_err();
        assert!(matches!(error, SendError::NotRead), "{error}");
    }

    #[tokio::test]
    async fn send_now_returns_the_bytes_that_the_socket_does_not_accept_at_once() {
        let (mut stream, _peer) = duplex(4);
        assert_eq!(send_now(&mut stream, b"123456").await.unwrap(), b"56");
        assert_eq!(send_now(&mut stream, b"56").await.unwrap(), b"56");
    }
}

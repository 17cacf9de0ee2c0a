//! Reading and writing a connection.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Bytes that are read at once.
const AT_ONCE: usize = 16 * 1024;

/// Reads what has arrived and hands it to `take`; ready with how many bytes that were, zero at the stream's end.
/// The buffer lives on the stack for this call only, so that an idle connection has none.
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

/// Sends all of `bytes`; each time that the peer takes nothing it has `limit` to take more.
pub(crate) async fn send(stream: &TcpStream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    loop {
        match stream.try_write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                match timeout(limit, stream.writable()).await {
                    Ok(ready) => ready?,
                    Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")),
                }
            }
            Err(error) => return Err(error),
        }
        if bytes.is_empty() {
            return Ok(());
        }
    }
}

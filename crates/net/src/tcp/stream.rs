//! Socket options, and writing.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a client may take nothing of what is sent to it once the proxy shuts down.
const DURING_SHUTDOWN: Duration = Duration::from_secs(2);

/// Sets the options of a new connection: `TCP_NODELAY`, and keepalive, by which a peer that is gone without closing the
/// connection is noticed within two minutes, also while nothing is sent.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_mins(1))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Sends as much of `bytes` as the peer takes at once. Returns how many bytes that were.
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

/// Sends all of `bytes`. Each time that the peer takes nothing it has `limit` to take more, or less once `shutdown` is
/// true.
pub(crate) async fn send(
    stream: &TcpStream,
    mut bytes: &[u8],
    limit: Duration,
    shutdown: &mut watch::Receiver<bool>,
) -> io::Result<()> {
    loop {
        bytes = bytes.get(send_now(stream, bytes)?..).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        // Also where the sender is gone.
        let stopping = *shutdown.borrow() || shutdown.has_changed().is_err();
        let limit = if stopping { limit.min(DURING_SHUTDOWN) } else { limit };
        tokio::select! {
            ready = timeout(limit, stream.writable()) => match ready {
                Ok(ready) => ready?,
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")),
            },
            _ = shutdown.wait_for(|shutdown| *shutdown), if !stopping => {}
        }
    }
}

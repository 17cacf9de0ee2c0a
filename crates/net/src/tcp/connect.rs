//! Resolves a server's name and connects to one of its addresses.

use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::tcp::stream::prepare;

/// The time limit for one address of several, so that an address that does not respond leaves time for the next.
const PER_ADDRESS: Duration = Duration::from_secs(2);

/// Why a server's name has no address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The lookup failed.
    #[error("cannot resolve {host}: {source}")]
    Lookup {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The name exists, but has no address.
    #[error("{0} has no address")]
    NoAddress(String),
}

/// Why there is no connection to any of a server's addresses.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {}", list(.0))]
pub struct ConnectError(Vec<(SocketAddr, AttemptError)>);

/// Why there is no connection to one address.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("{0}")]
    Failed(#[from] io::Error),
    #[error("no response within {} s", .0.as_secs())]
    Timeout(Duration),
}

fn list(attempts: &[(SocketAddr, AttemptError)]) -> String {
    let mut text = String::new();
    for (address, error) in attempts {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma}{address}: {error}");
    }
    text
}

/// Connects to the first of `addresses` that accepts a connection. Each address has [`PER_ADDRESS`], except for the
/// last, which the caller limits.
pub(crate) async fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let mut failures = Vec::new();
    for (number, address) in addresses.iter().enumerate() {
        let connected = if number + 1 == addresses.len() {
            connect_one(*address).await
        } else {
            connect_within(*address, PER_ADDRESS).await
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push((*address, error)),
        }
    }
    Err(ConnectError(failures))
}

/// Connects to the `cached` address, within [`PER_ADDRESS`]; if that fails, or no address is cached, to the first
/// address that `lookup` finds and that accepts a connection.
pub(crate) async fn connect<E: From<ConnectError>>(
    cached: Option<SocketAddr>,
    lookup: impl Future<Output = Result<Vec<SocketAddr>, E>>,
) -> Result<TcpStream, E> {
    if let Some(address) = cached
        && let Ok(stream) = connect_within(address, PER_ADDRESS).await
    {
        return Ok(stream);
    }
    Ok(connect_any(&lookup.await?).await?)
}

async fn connect_within(address: SocketAddr, limit: Duration) -> Result<TcpStream, AttemptError> {
    timeout(limit, connect_one(address)).await.unwrap_or(Err(AttemptError::Timeout(limit)))
}

async fn connect_one(address: SocketAddr) -> Result<TcpStream, AttemptError> {
    let stream = TcpStream::connect(address).await?;
    prepare(&stream)?;
    Ok(stream)
}

/// The addresses of `host`, each with `port`, in the order in which they should be tried.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<_> =
        found.map_err(|source| ResolveError::Lookup { host: host.to_owned(), source })?.collect();
    if found.is_empty() { Err(ResolveError::NoAddress(host.to_owned())) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    #[tokio::test]
    async fn the_next_address_is_tried_if_one_refuses_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        // The listener there is closed.
        let gone = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let bad = gone.local_addr().unwrap();
        drop(gone);
        let stream = connect_any(&[bad, good]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        let why = connect_any(&[bad, bad]).await.unwrap_err().to_string();
        assert_eq!(why.matches(&bad.to_string()).count(), 2, "{why}");
    }

    #[tokio::test]
    async fn an_address_that_does_not_respond_leaves_time_for_the_next() {
        // A connection that exceeds the backlog of a listener gets no response.
        let silent = TcpSocket::new_v4().unwrap();
        silent.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let silent = silent.listen(0).unwrap();
        let full = silent.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(100), TcpStream::connect(full)).await {
            filling.push(stream);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let stream = timeout(PER_ADDRESS * 2, connect_any(&[full, good])).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn the_server_is_looked_up_again_only_if_the_cached_address_refuses_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let bad = closed.local_addr().unwrap();
        drop(closed);
        let fail = async { Err(ConnectError(Vec::new())) };
        assert_eq!(connect(Some(good), fail).await.unwrap().peer_addr().unwrap(), good);
        let lookup = async { Ok::<_, ConnectError>(vec![bad, good]) };
        assert_eq!(connect(Some(bad), lookup).await.unwrap().peer_addr().unwrap(), good);
        let none = async { Ok::<_, ConnectError>(vec![good]) };
        assert_eq!(connect(None, none).await.unwrap().peer_addr().unwrap(), good);
    }
}

//! Resolves a server's name and connects to one of its addresses.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one address of several may take: who does not answer by then leaves time for the next.
pub(crate) const EACH: Duration = Duration::from_secs(2);

/// A connection to the first of `addresses` that takes one.
pub(crate) async fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut failures = Vec::new();
    for (number, address) in addresses.iter().enumerate() {
        let connect = TcpStream::connect(address);
        let connected = if number + 1 == addresses.len() {
            connect.await.map_err(|error| error.to_string())
        } else {
            match timeout(EACH, connect).await {
                Ok(connected) => connected.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {} s", EACH.as_secs())),
            }
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(why) => failures.push(format!("{address}: {why}")),
        }
    }
    Err(format!("can't connect to {}", failures.join(", ")))
}

/// The addresses of `host`, each with `port`, in the order in which they should be tried.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<_> = found.map_err(|error| format!("can't resolve {host}: {error}"))?.collect();
    if found.is_empty() { Err(format!("{host} has no address")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_next_address_is_tried_where_one_takes_no_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        // Nobody listens where somebody did just now.
        let gone = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let bad = gone.local_addr().unwrap();
        drop(gone);
        let stream = connect_any(&[bad, good]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        let why = connect_any(&[bad, bad]).await.unwrap_err();
        assert_eq!(why.matches(&bad.to_string()).count(), 2, "{why}");
    }
}

//! Detects an upstream that is the proxy itself, which would be a request loop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::config::Config;

/// The upstream is one of the proxy's own listeners.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {}", self.why())]
pub(crate) struct UpstreamLoop {
    key: &'static str,
    host: String,
    address: SocketAddr,
    listener: SocketAddr,
}

impl UpstreamLoop {
    /// The key that names the server.
    pub(crate) const fn key(&self) -> &'static str {
        self.key
    }

    /// The error, and what to do.
    pub(crate) fn why(&self) -> String {
        let Self { key, host, address, listener } = self;
        format!(
            "request loop: {host} ({address}) is an address of this proxy's own listener {listener}; set {key} to the address of the mail server"
        )
    }
}

/// The time limit for resolving a name. A name that is not resolved by then is not checked.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Checks that no server of `config` is one of its listeners, as far as their names can be resolved.
///
/// # Errors
/// If one is.
pub(crate) async fn check(config: &Config) -> Result<(), UpstreamLoop> {
    find(config).await.into_iter().next().map_or(Ok(()), Err)
}

/// The servers of `config` that are one of its listeners, as far as their names can be resolved.
pub(crate) async fn find(config: &Config) -> Vec<UpstreamLoop> {
    let listeners: Vec<SocketAddr> = config.listen.addresses().map(|(_, address)| address).collect();
    let rpc = config.upstream.rpc.as_ref().map(|server| ("upstream.rpc", server.host(), server.port()));
    let http =
        config.upstream.http.as_ref().map(|server| ("upstream.http", server.host.as_str(), server.port));
    let mut own = Vec::new();
    for (key, host, port) in rpc.into_iter().chain(http) {
        // If no listener has the port, the name need not be resolved.
        if listeners.iter().all(|listener| listener.port() != port) {
            continue;
        }
        let resolved = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((host, port))).await;
        let Ok(Ok(addresses)) = resolved else { continue };
        let looping = addresses.into_iter().find_map(|address| {
            let listener = listeners.iter().find(|listener| reaches(address, **listener))?;
            Some(UpstreamLoop { key, host: host.to_owned(), address, listener: *listener })
        });
        own.extend(looping);
    }
    own
}

/// Whether a connection to `address` reaches `listener`.
fn reaches(address: SocketAddr, listener: SocketAddr) -> bool {
    let (ip, own) = (address.ip().to_canonical(), listener.ip().to_canonical());
    if address.port() != listener.port() {
        return false;
    }
    // A connection to the unspecified address reaches this machine.
    let to_unspecified = ip.is_unspecified() && (own.is_unspecified() || own.is_loopback());
    let by_unspecified = own.is_unspecified() && (ip.is_ipv4() || own.is_ipv6()) && is_of_this_machine(ip);
    ip == own || to_unspecified || by_unspecified
}

/// Whether `ip` is an address of this machine: then it is also the source address of a socket that is
/// connected to it. No packet is sent.
fn is_of_this_machine(ip: IpAddr) -> bool {
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    ip.is_loopback() || source.is_ok_and(|source| source.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_reaches_a_listener_is_found() {
        let is = |address: &str, listener: &str| reaches(address.parse().unwrap(), listener.parse().unwrap());
        for (address, listener) in [
            ("127.0.0.9:80", "127.0.0.9:80"),
            ("[::ffff:127.0.0.9]:80", "127.0.0.9:80"),
            ("127.0.0.9:80", "0.0.0.0:80"),
            ("127.0.0.9:80", "[::]:80"),
            ("[::1]:80", "[::]:80"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("0.0.0.0:80", "0.0.0.0:80"),
        ] {
            assert!(is(address, listener), "{address} at {listener}");
        }
        for (address, listener) in [
            ("127.0.0.9:80", "127.0.0.9:81"),
            ("127.0.0.8:80", "127.0.0.9:80"),
            ("192.0.2.1:80", "0.0.0.0:80"),
            ("192.0.2.1:80", "[::]:80"),
            ("[::1]:80", "0.0.0.0:80"),
        ] {
            assert!(!is(address, listener), "{address} at {listener}");
        }
    }
}

//! Detects an upstream that is the proxy itself, to which each request would lead back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::config::Config;

/// The upstream is one of the proxy's own listeners.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {}", self.why())]
pub(crate) struct OwnAddress {
    key: &'static str,
    host: String,
    address: SocketAddr,
    listener: SocketAddr,
}

impl OwnAddress {
    /// The key that names the server.
    pub(crate) const fn key(&self) -> &'static str {
        self.key
    }

    /// What is wrong with it, and what to do.
    pub(crate) fn why(&self) -> String {
        let Self { host, address, listener, .. } = self;
        format!("{host} is {address}, where this proxy itself listens ({listener}); name the server instead")
    }
}

/// How long a name may take to be resolved. A name that is not resolved by then is not checked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Checks that no server of `config` is one of its listeners, as far as their names can be resolved.
///
/// # Errors
/// Where one is.
pub(crate) async fn check(config: &Config) -> Result<(), OwnAddress> {
    find(config).await.into_iter().next().map_or(Ok(()), Err)
}

/// The servers of `config` that are one of its listeners, as far as their names can be resolved.
pub(crate) async fn find(config: &Config) -> Vec<OwnAddress> {
    let listeners: Vec<SocketAddr> = config.listen.addresses().map(|(_, address)| address).collect();
    let calls = config.upstream.rpc.as_ref().map(|server| ("upstream.rpc", server.host(), server.port()));
    let http =
        config.upstream.http.as_ref().map(|server| ("upstream.http", server.host.as_str(), server.port));
    let mut own = Vec::new();
    for (key, host, port) in calls.into_iter().chain(http) {
        // If no listener has the port, the name need not be resolved.
        if listeners.iter().all(|listener| listener.port() != port) {
            continue;
        }
        let resolved = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
        let Ok(Ok(addresses)) = resolved else { continue };
        let taken = addresses.into_iter().find_map(|address| {
            let listener = listeners.iter().find(|listener| is_taken_by(address, **listener))?;
            Some(OwnAddress { key, host: host.to_owned(), address, listener: *listener })
        });
        own.extend(taken);
    }
    own
}

/// Whether a connection to `address` comes to `listener`.
fn is_taken_by(address: SocketAddr, listener: SocketAddr) -> bool {
    let (ip, own) = (address.ip().to_canonical(), listener.ip().to_canonical());
    if address.port() != listener.port() {
        return false;
    }
    // Who connects to the unspecified address comes to this machine.
    let here = ip.is_unspecified() && (own.is_unspecified() || own.is_loopback());
    let everywhere = own.is_unspecified() && (ip.is_ipv4() || own.is_ipv6()) && is_of_this_machine(ip);
    ip == own || here || everywhere
}

/// Whether `ip` is an address of this machine: then it is also where packets to it come from. None are sent.
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
    fn a_listener_is_known_by_whatever_address_leads_to_it() {
        let is =
            |address: &str, listener: &str| is_taken_by(address.parse().unwrap(), listener.parse().unwrap());
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

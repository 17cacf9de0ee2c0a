//! Load balancers and reverse proxies that are trusted to name the client.

use std::net::{IpAddr, SocketAddr};

use http1::Fields;

use crate::tcp::network::Network;

/// The load balancers and reverse proxies that are trusted to name the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Load balancers that begin each connection with a PROXY header, version 1 or 2.
    pub proxy_protocol: Vec<Network>,
    /// Reverse proxies whose `X-Forwarded-For` is trusted.
    pub forwarded_for: Vec<Network>,
}

/// The addresses of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerAddresses {
    /// The other end of the TCP connection.
    pub(crate) socket: SocketAddr,
    /// The client: the address in the PROXY header, if there is one, otherwise the same.
    pub(crate) client: SocketAddr,
}

impl TrustedProxies {
    fn is_reverse_proxy(&self, address: IpAddr) -> bool {
        self.forwarded_for.iter().any(|network| network.contains(address))
    }

    /// The end of the connection of `peer` that sends the requests: the other end of the TCP connection if that is a
    /// reverse proxy, otherwise the client for which a load balancer opened the connection.
    pub(crate) fn sender(&self, peer: PeerAddresses) -> SocketAddr {
        if self.is_reverse_proxy(peer.socket.ip()) { peer.socket } else { peer.client }
    }

    /// Whether a reverse proxy sends the requests on the connection of `peer`, so that they may be those of several
    /// clients.
    pub(crate) fn is_shared(&self, peer: PeerAddresses) -> bool {
        self.is_reverse_proxy(self.sender(peer).ip())
    }

    /// The client of a request that was received from `peer`: the last address in `X-Forwarded-For` if a reverse proxy
    /// sent it, the one before it if that is a reverse proxy too, and so on. Earlier entries are client-supplied and
    /// untrusted.
    pub(crate) fn client(&self, peer: PeerAddresses, fields: &Fields) -> SocketAddr {
        if !self.is_shared(peer) {
            return peer.client;
        }
        let names: Vec<&[u8]> = fields.all("x-forwarded-for").flat_map(http1::tokens).collect();
        let mut client = peer.client;
        for name in names.into_iter().rev() {
            let Some(address) = address(name) else { break };
            client = SocketAddr::new(address, 0);
            if !self.is_reverse_proxy(address) {
                break;
            }
        }
        client
    }
}

/// An entry of `X-Forwarded-For`, with a port or without.
fn address(name: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(name).ok()?;
    let address = match text.parse::<SocketAddr>() {
        Ok(address) => address.ip(),
        Err(_) => text.trim_matches(['[', ']']).parse().ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_named_by_trusted_proxies_only() {
        let proxies =
            TrustedProxies { forwarded_for: vec!["10.0.0.1".parse().unwrap()], ..TrustedProxies::default() };
        let mut fields = Fields::default();
        assert!(fields.push("X-Forwarded-For", "1.2.3.4, 5.6.7.8"));
        let peer = |socket: &str, client: &str| PeerAddresses {
            socket: socket.parse().unwrap(),
            client: client.parse().unwrap(),
        };
        let client =
            |address: &str, fields: &Fields| proxies.client(peer(address, address), fields).to_string();
        assert_eq!(client("10.0.0.1:99", &fields), "5.6.7.8:0");
        assert_eq!(client("[::ffff:10.0.0.1]:99", &fields), "5.6.7.8:0");
        assert_eq!(client("10.0.0.2:99", &fields), "10.0.0.2:99");
        assert!(fields.set("x-forwarded-for", "[2001:db8::1]:5"));
        assert_eq!(client("10.0.0.1:99", &fields), "[2001:db8::1]:0");
        // With a PROXY header of the reverse proxy, or of a load balancer before it.
        assert!(fields.set("x-forwarded-for", "1.2.3.4, 5.6.7.8"));
        for (socket, named) in [("10.0.0.1:99", "9.9.9.9:1"), ("10.0.0.9:99", "10.0.0.1:1")] {
            let peer = peer(socket, named);
            assert!(proxies.is_shared(peer), "{socket} {named}");
            assert_eq!(proxies.sender(peer).ip().to_string(), "10.0.0.1");
            assert_eq!(proxies.client(peer, &fields).to_string(), "5.6.7.8:0");
            assert_eq!(proxies.client(peer, &Fields::default()).to_string(), named);
        }
        let through = peer("10.0.0.9:99", "9.9.9.9:1");
        assert!(!proxies.is_shared(through));
        assert_eq!(proxies.sender(through), through.client);
        assert_eq!(proxies.client(through, &fields), through.client);
        // Two reverse proxies, one before the other.
        assert!(fields.set("x-forwarded-for", "1.2.3.4, 5.6.7.8, 10.0.0.1"));
        assert_eq!(client("10.0.0.1:99", &fields), "5.6.7.8:0");
        assert!(fields.set("x-forwarded-for", "unknown"));
        assert_eq!(client("10.0.0.1:99", &fields), "10.0.0.1:99");
    }
}

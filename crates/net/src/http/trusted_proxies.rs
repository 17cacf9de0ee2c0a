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

impl TrustedProxies {
    /// Whether `peer` is a reverse proxy, so that its connections may carry the requests of several clients.
    pub(crate) fn is_reverse_proxy(&self, peer: IpAddr) -> bool {
        self.forwarded_for.iter().any(|network| network.contains(peer))
    }

    /// The client of a request that came from `peer`: the last address in `X-Forwarded-For` if `peer` is a reverse
    /// proxy, the one before it if that is one too, and so on. Earlier entries are client-supplied and untrusted.
    pub(crate) fn client(&self, peer: SocketAddr, fields: &Fields) -> SocketAddr {
        if !self.is_reverse_proxy(peer.ip()) {
            return peer;
        }
        let names: Vec<&[u8]> = fields.all("x-forwarded-for").flat_map(http1::tokens).collect();
        let mut client = peer;
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
        let client = |peer: &str, fields: &Fields| proxies.client(peer.parse().unwrap(), fields).to_string();
        assert_eq!(client("10.0.0.1:99", &fields), "5.6.7.8:0");
        assert_eq!(client("[::ffff:10.0.0.1]:99", &fields), "5.6.7.8:0");
        assert_eq!(client("10.0.0.2:99", &fields), "10.0.0.2:99");
        assert!(fields.set("x-forwarded-for", "[2001:db8::1]:5"));
        assert_eq!(client("10.0.0.1:99", &fields), "[2001:db8::1]:0");
        // Two reverse proxies, one before the other.
        assert!(fields.set("x-forwarded-for", "1.2.3.4, 5.6.7.8, 10.0.0.1"));
        assert_eq!(client("10.0.0.1:99", &fields), "5.6.7.8:0");
        assert!(fields.set("x-forwarded-for", "unknown"));
        assert_eq!(client("10.0.0.1:99", &fields), "10.0.0.1:99");
    }
}

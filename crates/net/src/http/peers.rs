//! Front servers that we trust to say for whom they connect.

use std::net::{IpAddr, SocketAddr};

use http1::Fields;

use crate::tcp::network::Network;

/// Whose word is taken for where a client connects from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers {
    /// Those that begin each connection with a PROXY header, version 1 or 2.
    pub proxy_protocol: Vec<Network>,
    /// Those whose `X-Forwarded-For` is believed.
    pub forwarded_for: Vec<Network>,
}

impl Peers {
    /// Whether `peer` may have requests of several clients on one connection.
    pub(crate) fn speaks_for_others(&self, peer: IpAddr) -> bool {
        self.forwarded_for.iter().any(|network| network.contains(peer))
    }

    /// For which client a request is that came from `peer`: the last address in `X-Forwarded-For` is the one
    /// that our peer itself saw. Where that is a front server too, the one before it is what it saw. Earlier
    /// entries are client-supplied and untrusted.
    pub(crate) fn client(&self, peer: SocketAddr, fields: &Fields) -> SocketAddr {
        if !self.speaks_for_others(peer.ip()) {
            return peer;
        }
        let named: Vec<&[u8]> = fields.all("x-forwarded-for").flat_map(http1::tokens).collect();
        let mut known = peer;
        for name in named.into_iter().rev() {
            let Some(address) = address(name) else { break };
            known = SocketAddr::new(address, 0);
            if !self.speaks_for_others(address) {
                break;
            }
        }
        known
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
    fn only_named_peers_are_believed() {
        let peers = Peers { forwarded_for: vec!["10.0.0.1".parse().unwrap()], ..Peers::default() };
        let mut fields = Fields::default();
        assert!(fields.push("X-Forwarded-For", "1.2.3.4, 5.6.7.8"));
        let client = |peer: &str, fields: &Fields| peers.client(peer.parse().unwrap(), fields).to_string();
        assert_eq!(client("10.0.0.1:99", &fields), "5.6.7.8:0");
        assert_eq!(client("[::ffff:10.0.0.1]:99", &fields), "5.6.7.8:0");
        assert_eq!(client("10.0.0.2:99", &fields), "10.0.0.2:99");
        assert!(fields.set("x-forwarded-for", "[2001:db8::1]:5"));
        assert_eq!(client("10.0.0.1:99", &fields), "[2001:db8::1]:0");
        // Two front servers, one before the other.
        assert!(fields.set("x-forwarded-for", "1.2.3.4, 5.6.7.8, 10.0.0.1"));
        assert_eq!(client("10.0.0.1:99", &fields), "5.6.7.8:0");
        assert!(fields.set("x-forwarded-for", "unknown"));
        assert_eq!(client("10.0.0.1:99", &fields), "10.0.0.1:99");
    }
}

//! Front servers that we trust to say for whom they connect.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::Fields;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::network::Network;

/// Whose word is taken for where a client connects from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers {
    /// Those that begin each connection with a PROXY header, version 1 or 2.
    pub proxy_protocol: Vec<Network>,
    /// Those whose `X-Forwarded-For` is believed.
    pub forwarded_for: Vec<Network>,
}

impl Peers {
    pub(super) fn speaks_proxy(&self, peer: IpAddr) -> bool {
        self.proxy_protocol.iter().any(|network| network.contains(peer))
    }

    /// Whether `peer` may have requests of several clients on one connection.
    pub(super) fn speaks_for_others(&self, peer: IpAddr) -> bool {
        self.forwarded_for.iter().any(|network| network.contains(peer))
    }

    /// For which client a request is that came from `peer`: the last address in `X-Forwarded-For` is the one
    /// that our peer itself saw. Where that is a front server too, the one before it is what it saw. Earlier
    /// entries are client-supplied and untrusted.
    pub(super) fn client(&self, peer: SocketAddr, fields: &Fields) -> SocketAddr {
        if !self.speaks_for_others(peer.ip()) {
            return peer;
        }
        let named: Vec<&[u8]> = fields.all("x-forwarded-for").flat_map(http::tokens).collect();
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

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1.
const LONGEST_LINE: usize = 107;

/// The longest header of version 2 that is taken, behind its first 16 bytes.
const LONGEST: usize = 2048;

/// Reads a PROXY header, and not a byte more. None where it says that the peer connects for itself.
///
/// # Errors
/// When there is none, or it can't be read.
pub(super) async fn proxy_header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        let mut rest = [0; 4];
        stream.read_exact(&mut rest).await?;
        let [command, family, high, low] = rest;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > LONGEST {
            return Err(bad("too long"));
        }
        let mut addresses = vec![0; length];
        stream.read_exact(&mut addresses).await?;
        return binary(command, family, &addresses);
    }
    let mut line = start.to_vec();
    while line.last() != Some(&b'\n') {
        if line.len() >= LONGEST_LINE {
            return Err(bad("too long"));
        }
        line.push(stream.read_u8().await?);
    }
    text(&line)
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the PROXY header: {why}"))
}

fn binary(command: u8, family: u8, addresses: &[u8]) -> io::Result<Option<SocketAddr>> {
    let port = |at: usize| addresses.get(at..at + 2).map(|port| u16::from_be_bytes([port[0], port[1]]));
    match (command, family) {
        (0x20, _) | (0x21, 0) => Ok(None),
        (0x21, 0x11) => {
            let ip = addresses.first_chunk::<4>().map(|ip| IpAddr::from(Ipv4Addr::from(*ip)));
            let address = ip.zip(port(8)).map(|(ip, port)| SocketAddr::new(ip, port));
            address.map(Some).ok_or_else(|| bad("too short"))
        }
        (0x21, 0x21) => {
            let ip = addresses.first_chunk::<16>().map(|ip| IpAddr::from(Ipv6Addr::from(*ip)).to_canonical());
            let address = ip.zip(port(32)).map(|(ip, port)| SocketAddr::new(ip, port));
            address.map(Some).ok_or_else(|| bad("too short"))
        }
        _ => Err(bad("an unknown command or family")),
    }
}

fn text(line: &[u8]) -> io::Result<Option<SocketAddr>> {
    let line = line.strip_suffix(b"\r\n").ok_or_else(|| bad("not a line"))?;
    let line = std::str::from_utf8(line).map_err(|_| bad("not text"))?;
    let mut words = line.split(' ');
    if words.next() != Some("PROXY") {
        return Err(bad("there is none"));
    }
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        return Ok(None);
    }
    let words: Vec<&str> = words.collect();
    let [source, destination, port, _] = words.as_slice() else { return Err(bad("not four fields")) };
    let parse = |text: &str| text.parse::<IpAddr>().map_err(|_| bad("no address"));
    let (source, destination) = (parse(source)?, parse(destination)?);
    let fits = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    let port = port.parse().map_err(|_| bad("no port"))?;
    if fits { Ok(Some(SocketAddr::new(source.to_canonical(), port))) } else { Err(bad("another family")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(Option<SocketAddr>, Vec<u8>), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut stream = std::io::Cursor::new(bytes.to_vec());
        let header = runtime.block_on(proxy_header(&mut stream)).map_err(|error| error.to_string())?;
        let at = usize::try_from(stream.position()).unwrap();
        Ok((header, bytes[at..].to_vec()))
    }

    #[test]
    fn both_versions_are_read_and_not_a_byte_more() {
        let rest = b"GET / HTTP/1.1\r\n".to_vec();
        let v1 = |line: &str| read(&[line.as_bytes(), &rest].concat());
        let four = "10.1.2.3:4000".parse().unwrap();
        assert_eq!(v1("PROXY TCP4 10.1.2.3 10.0.0.1 4000 443\r\n"), Ok((Some(four), rest.clone())));
        let six = "[2001:db8::1]:4000".parse().unwrap();
        assert_eq!(v1("PROXY TCP6 2001:db8::1 ::2 4000 443\r\n"), Ok((Some(six), rest.clone())));
        assert_eq!(v1("PROXY UNKNOWN\r\n"), Ok((None, rest.clone())));
        let v2 = |command: u8, family: u8, body: &[u8]| {
            let head =
                [&SIGNATURE[..], &[command, family, 0, u8::try_from(body.len()).unwrap()], body].concat();
            read(&[head, rest.clone()].concat())
        };
        let body = [10, 1, 2, 3, 10, 0, 0, 1, 15, 160, 1, 187];
        assert_eq!(v2(0x21, 0x11, &body), Ok((Some(four), rest.clone())));
        assert_eq!(v2(0x21, 0x11, &[&body[..], &[4, 0, 1, 9]].concat()), Ok((Some(four), rest.clone())));
        assert_eq!(v2(0x20, 0, &[]), Ok((None, rest.clone())));
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for bad in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PROXY TCP4 10.1.2.3 10.0.0.1 4000\r\n",
            "PROXY TCP4 ::1 ::2 4000 443\r\n",
            "PROXY TCP4 10.1.2.3 10.0.0.1 4000 443\n",
            "PROXY TCP4 x y 1 2\r\n",
            "PROXY TCP4",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(read(&[b"PROXY TCP4 ".to_vec(), vec![b' '; 200]].concat()).is_err());
        assert!(read(&[&SIGNATURE[..], &[0x21, 0x11, 0, 4, 1, 2, 3, 4]].concat()).is_err());
        assert!(read(&[&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat()).is_err());
        assert!(read(&[&SIGNATURE[..], &[0x11, 0x11, 0, 0]].concat()).is_err());
    }

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

//! The PROXY protocol, versions 1 and 2, by which a load balancer names the client that it connects for
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use engine::Observer;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::event_log::EventLog;
use crate::tcp::admission::ConnectionPermit;
use crate::tcp::connection_limit::ConnectionLimit;
use crate::tcp::network::Network;

/// The first bytes of version 2 (section 2.2).
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, in bytes (section 2.1).
const LONGEST_LINE: usize = 107;

/// The longest header of version 2 that is accepted, without its first 16 bytes. Addresses take 216 bytes at most; the
/// TLVs after them are skipped.
const LONGEST: usize = 2048;

/// Why a PROXY header cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    /// The connection ended before its first byte, as in a health check.
    #[error("connection closed before its first byte")]
    Nothing,
    /// The connection ended within the header.
    #[error("connection closed within the PROXY header: {0}")]
    Broken(#[from] io::Error),
    /// The bytes are not a header.
    #[error("invalid PROXY header: {0}")]
    Invalid(&'static str),
}

/// Why a connection is closed because of its PROXY header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The required header is missing or cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The client that the header names has too many connections.
    #[error("{limit}")]
    Limit {
        /// The client.
        client: SocketAddr,
        /// The limit that is reached.
        limit: ConnectionLimit,
    },
}

impl ClientError {
    /// Logs and reports the error for the connection from the load balancer `peer`.
    pub(crate) fn report(&self, peer: SocketAddr, log: &EventLog, observer: &dyn Observer) {
        match self {
            Self::Header(error @ HeaderError::Nothing) => tracing::debug!(client = %peer, "{error}"),
            Self::Header(error) => log.client_error(peer, &error.to_string()),
            Self::Limit { client, limit } => {
                log.connection_refused(*client, Some(peer), *limit);
                observer.client_refused(*client, &limit.to_string());
            }
        }
    }
}

/// Whether connections from `peer` begin with a header.
pub(crate) fn speaks_proxy(load_balancers: &[Network], peer: IpAddr) -> bool {
    load_balancers.iter().any(|network| network.contains(peer))
}

/// The client of a new connection from `peer`; `permit` counts for that client from now on. If `peer` is one of
/// `load_balancers`, the connection begins with a header: exactly its bytes are read.
///
/// # Errors
/// If the required header is missing or invalid, or the client has too many connections.
pub(crate) async fn client_address(
    stream: &mut (impl AsyncRead + Unpin),
    peer: SocketAddr,
    permit: &mut ConnectionPermit,
    load_balancers: &[Network],
) -> Result<SocketAddr, ClientError> {
    if !speaks_proxy(load_balancers, peer.ip()) {
        return Ok(peer);
    }
    let Some(client) = proxy_header(stream).await? else { return Ok(peer) };
    permit.count_for(client.ip()).map_err(|limit| ClientError::Limit { client, limit })?;
    Ok(client)
}

/// Reads a header. Returns `None` if it names no client: the load balancer connects for itself, or by a protocol
/// without addresses.
async fn proxy_header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, HeaderError> {
    let mut start = [0; 12];
    let (first, rest) = start.split_at_mut(1);
    if !stream.read(first).await.is_ok_and(|count| count > 0) {
        return Err(HeaderError::Nothing);
    }
    stream.read_exact(rest).await?;
    if start == SIGNATURE {
        let mut rest = [0; 4];
        stream.read_exact(&mut rest).await?;
        let [command, family, high, low] = rest;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > LONGEST {
            return Err(HeaderError::Invalid("too long"));
        }
        let mut addresses = vec![0; length];
        stream.read_exact(&mut addresses).await?;
        return binary(command, family, &addresses);
    }
    if !start.starts_with(b"PROXY ") {
        return Err(HeaderError::Invalid("missing"));
    }
    let mut line = start.to_vec();
    while line.last() != Some(&b'\n') {
        if line.len() >= LONGEST_LINE {
            return Err(HeaderError::Invalid("too long"));
        }
        line.push(stream.read_u8().await?);
    }
    text(&line)
}

/// Decodes version 2 after its signature: version and command, family and protocol, and the bytes that its length
/// covers. Families and protocols other than TCP over IP are treated as unspecified (section 2.2).
fn binary(command: u8, family: u8, addresses: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let port = |at: usize| addresses.get(at..at + 2).map(|port| u16::from_be_bytes([port[0], port[1]]));
    let (ip, port) = match (command, family) {
        (0x20, _) | (0x21, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => return Ok(None),
        (0x21, 0x11) => (addresses.first_chunk::<4>().map(|ip| IpAddr::from(Ipv4Addr::from(*ip))), port(8)),
        (0x21, 0x21) => {
            (addresses.first_chunk::<16>().map(|ip| Ipv6Addr::from(*ip).to_canonical()), port(32))
        }
        _ => return Err(HeaderError::Invalid("unknown command or family")),
    };
    let address = ip.zip(port).map(|(ip, port)| SocketAddr::new(ip, port));
    address.map(Some).ok_or(HeaderError::Invalid("too short"))
}

/// Version 1: `PROXY`, family, both addresses, both ports.
fn text(line: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let bad = HeaderError::Invalid;
    let line = line.strip_suffix(b"\r\n").ok_or_else(|| bad("line without end"))?;
    let line = std::str::from_utf8(line).map_err(|_| bad("not text"))?;
    let mut words = line.split(' ').skip(1);
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        return Ok(None);
    }
    let words: Vec<&str> = words.collect();
    let [source, destination, source_port, destination_port] = words.as_slice() else {
        return Err(bad("wrong number of fields"));
    };
    let parse = |text: &str| text.parse::<IpAddr>().map_err(|_| bad("invalid address"));
    let (source, destination) = (parse(source)?, parse(destination)?);
    let fits = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    let port = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits).ok_or_else(|| bad("invalid port"))
    };
    let (port, _) = (port(source_port)?, port(destination_port)?);
    if fits {
        Ok(Some(SocketAddr::new(source.to_canonical(), port)))
    } else {
        Err(bad("address of another family"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(Option<SocketAddr>, Vec<u8>), HeaderError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut stream = std::io::Cursor::new(bytes.to_vec());
        let header = runtime.block_on(proxy_header(&mut stream))?;
        let at = usize::try_from(stream.position()).unwrap();
        Ok((header, bytes[at..].to_vec()))
    }

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    #[test]
    fn exactly_the_header_is_read_in_both_versions() {
        let rest = b"GET / HTTP/1.1\r\n".to_vec();
        let expect = |header: &[u8], client: Option<SocketAddr>| {
            let (found, left) = read(&[header, &rest].concat()).unwrap();
            assert_eq!((found, &left), (client, &rest), "{header:?}");
        };
        let four: Option<SocketAddr> = Some("10.1.2.3:4000".parse().unwrap());
        expect(b"PROXY TCP4 10.1.2.3 10.0.0.1 4000 443\r\n", four);
        expect(b"PROXY TCP6 2001:db8::1 ::2 4000 443\r\n", Some("[2001:db8::1]:4000".parse().unwrap()));
        expect(b"PROXY UNKNOWN\r\n", None);
        let body = [10, 1, 2, 3, 10, 0, 0, 1, 15, 160, 1, 187];
        expect(&v2(0x21, 0x11, &body), four);
        expect(&v2(0x21, 0x11, &[&body[..], &[4, 0, 1, 9]].concat()), four);
        let six = [&[0; 10][..], &[0xff, 0xff, 10, 1, 2, 3], &[0; 16], &[15, 160, 1, 187]].concat();
        expect(&v2(0x21, 0x21, &six), four);
        // LOCAL, also with addresses; unspecified; UNIX.
        expect(&v2(0x20, 0, &[]), None);
        expect(&v2(0x20, 0x11, &body), None);
        expect(&v2(0x21, 0, &[1; 2048]), None);
        expect(&v2(0x21, 0x31, &[b'/'; 216]), None);
    }

    #[test]
    fn an_invalid_header_is_an_error() {
        for bad in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PROXY TCP4 10.1.2.3 10.0.0.1 4000\r\n",
            "PROXY TCP4 ::1 ::2 4000 443\r\n",
            "PROXY TCP4 10.1.2.3 10.0.0.1 4000 443\n",
            "PROXY TCP4 x y 1 2\r\n",
            "PROXY TCP4 10.1.2.3 10.0.0.1 +4000 443\r\n",
            "PROXY TCP4 10.1.2.3 10.0.0.1 4000 \r\n",
            "PROXY TCP4",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad:?}");
        }
        let endless = [b"PROXY TCP4 ".to_vec(), vec![b' '; 200]].concat();
        assert!(matches!(read(&endless), Err(HeaderError::Invalid("too long"))));
        assert!(read(&v2(0x21, 0x11, &[1, 2, 3, 4])).is_err());
        // Refused before the announced bytes are received.
        let longest = [&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat();
        assert!(matches!(read(&longest), Err(HeaderError::Invalid("too long"))));
        for (command, family) in [(0x11, 0x11), (0x22, 0x11), (0x21, 0x41), (0x21, 0x13)] {
            assert!(read(&v2(command, family, &[0; 216])).is_err(), "{command} {family}");
        }
        assert!(matches!(read(b""), Err(HeaderError::Nothing)));
        assert!(matches!(read(b"\r\n\r\n"), Err(HeaderError::Broken(_))));
    }
}

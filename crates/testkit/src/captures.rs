//! The recordings in `tests/captures`, read from their packs.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::Value;

/// A pcapng of three TLS connections between a client and a server of OpenSSL, with their keys.
pub const TLS: &[u8] = include_bytes!("../../../tests/captures/tls.pcapng");

/// A pcap of nine connections between a client and a server of Samba, protected by Kerberos.
pub const KERBEROS: &[u8] = include_bytes!("../../../tests/captures/kerberos.pcap");

/// The keytab of the server of [`KERBEROS`].
pub const KEYTAB: &[u8] = include_bytes!("../../../tests/captures/kerberos.keytab");

/// The bytes of a request and its response: start line, headers, body with its framing.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// The number of its files in the recording.
    pub number: u32,
    /// The label that the recording client gave it, such as `ems-Connect`.
    pub label: String,
    /// The bytes from the client.
    pub request: Vec<u8>,
    /// The bytes from the server; empty if it sent nothing.
    pub response: Vec<u8>,
    /// Its line in the index, or null.
    pub index: Value,
}

/// The bytes of a TCP connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Its name in the recording, such as `emsmdb-lvl0-c00`.
    pub name: String,
    /// The bytes from the client.
    pub to_server: Vec<u8>,
    /// The bytes from the server.
    pub to_client: Vec<u8>,
    /// The times at which each side sent, and how many bytes: a list of `[seconds, ">" or "<", bytes]`.
    pub timing: Value,
}

/// The recording of RPC over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcOverHttp {
    /// The channels of whole sessions.
    pub connections: Vec<Connection>,
    /// Requests that were refused, and probes. They have no number and no line in an index.
    pub exchanges: Vec<Exchange>,
}

/// A parsed HTTP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpMessage {
    /// The first line, without its end.
    pub start_line: String,
    /// The headers, in order and case.
    pub headers: Vec<(String, String)>,
    /// The body, without the framing of chunks.
    pub body: Vec<u8>,
    /// The lengths of the chunks, without the last, empty one; `None` for a body without chunks.
    pub chunks: Option<Vec<usize>>,
}

const MAPIHTTP: &[u8] = include_bytes!("../../../tests/captures/mapihttp.tar.gz");
const MAPIHTTP_COMPRESSED: &[u8] = include_bytes!("../../../tests/captures/mapihttp-compressed.tar.gz");
const RPC_OVER_HTTP: &[u8] = include_bytes!("../../../tests/captures/rpc-over-http.tar.gz");

/// MAPI over HTTP and Autodiscover, in the order of the recording.
///
/// # Panics
/// If the pack cannot be read.
pub fn mapihttp() -> Vec<Exchange> {
    exchanges(&unpacked(MAPIHTTP))
}

/// The same with a server that compresses.
///
/// # Panics
/// If the pack cannot be read.
pub fn mapihttp_compressed() -> Vec<Exchange> {
    exchanges(&unpacked(MAPIHTTP_COMPRESSED))
}

/// RPC over HTTP.
///
/// # Panics
/// If the pack cannot be read.
pub fn rpc_over_http() -> RpcOverHttp {
    let files = unpacked(RPC_OVER_HTTP);
    let connections = files.iter().filter_map(|(file, to_server)| {
        let name = file.strip_suffix(".c2s.http")?;
        let other = |suffix: &str| files.get(&format!("{name}{suffix}")).cloned().unwrap_or_default();
        Some(Connection {
            name: name.to_owned(),
            to_server: to_server.clone(),
            to_client: other(".s2c.http"),
            timing: serde_json::from_slice(&other(".timing.json")).expect("a connection has its timing"),
        })
    });
    RpcOverHttp { connections: connections.collect(), exchanges: exchanges(&files) }
}

impl Exchange {
    /// The parsed request.
    ///
    /// # Panics
    /// If it is no HTTP message.
    pub fn http_request(&self) -> HttpMessage {
        HttpMessage::read(&self.request).expect("a request is an HTTP message")
    }

    /// The parsed response; `None` if the server sent nothing.
    ///
    /// # Panics
    /// If it is no HTTP message.
    pub fn http_response(&self) -> Option<HttpMessage> {
        (!self.response.is_empty())
            .then(|| HttpMessage::read(&self.response).expect("a response is an HTTP message"))
    }

    /// The number and the label, which are the name of its files.
    pub fn name(&self) -> String {
        format!("{:04}-{}", self.number, self.label)
    }
}

impl HttpMessage {
    /// The value of the first header of this name, ignoring case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// Parses a complete message; `None` if that fails. Bytes after its end are ignored.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let start_line = lines.next()?.to_owned();
        let headers: Option<Vec<_>> = lines
            .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
            .collect();
        let rest = &bytes[end + 4..];
        let mut message = Self { start_line, headers: headers?, body: Vec::new(), chunks: None };
        if message.header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            let (body, chunks) = dechunked(rest)?;
            message.body = body;
            message.chunks = Some(chunks);
        } else if let Some(length) = message.header("Content-Length") {
            message.body = rest.get(..length.parse().ok()?)?.to_vec();
        }
        Some(message)
    }
}

fn dechunked(mut rest: &[u8]) -> Option<(Vec<u8>, Vec<usize>)> {
    let (mut body, mut chunks) = (Vec::new(), Vec::new());
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some((body, chunks));
        }
        body.extend_from_slice(rest.get(..size)?);
        chunks.push(size);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

/// The files of a pack, by their names without the folder.
fn unpacked(pack: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(pack));
    let entries = archive.entries().expect("a pack is an archive");
    let read = entries.map(|entry| {
        let mut entry = entry.expect("an archive holds files");
        let path = entry.path().expect("a file has a path");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a file has a name").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("a file is whole");
        (name, bytes)
    });
    read.collect()
}

fn exchanges(files: &BTreeMap<String, Vec<u8>>) -> Vec<Exchange> {
    let index = files.get("index.jsonl").map(Vec::as_slice).unwrap_or_default();
    let index: BTreeMap<u64, Value> = serde_json::Deserializer::from_slice(index)
        .into_iter::<Value>()
        .map(|line| {
            let line = line.expect("a line of the index is JSON");
            (line["n"].as_u64().expect("a line of the index has a number"), line)
        })
        .collect();
    let exchanges = files.iter().filter_map(|(file, request)| {
        let name = file.strip_suffix(".req.http")?;
        let numbered =
            name.split_once('-').and_then(|(number, label)| Some((number.parse::<u32>().ok()?, label)));
        let (number, label) = numbered.unwrap_or((0, name));
        let line = numbered.and_then(|(number, _)| index.get(&u64::from(number)));
        Some(Exchange {
            number,
            label: label.to_owned(),
            request: request.clone(),
            response: files.get(&format!("{name}.resp.http")).cloned().unwrap_or_default(),
            index: line.cloned().unwrap_or_default(),
        })
    });
    exchanges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_is_complete() {
        for (exchanges, count) in [(mapihttp(), 440), (mapihttp_compressed(), 90)] {
            assert_eq!(exchanges.len(), count);
            for (number, exchange) in (0..).zip(&exchanges) {
                assert_eq!(exchange.number, number);
                if !exchange.index.is_null() {
                    assert_eq!(exchange.index["label"], *exchange.label);
                }
                exchange.http_request();
                let length = exchange.http_response().map(|response| response.body.len());
                if let Some(indexed) = exchange.index["resp_body"].as_u64().filter(|_| length.is_some()) {
                    assert_eq!(length, usize::try_from(indexed).ok(), "{}", exchange.name());
                }
            }
        }
        let rpc = rpc_over_http();
        assert_eq!((rpc.connections.len(), rpc.exchanges.len()), (8, 13));
        for connection in &rpc.connections {
            let listed = connection.timing.as_array().map(Vec::as_slice).unwrap_or_default();
            let sent =
                |side| listed.iter().filter(move |part| part[1] == side).filter_map(|part| part[2].as_u64());
            assert_eq!(sent(">").sum::<u64>(), connection.to_server.len() as u64, "{}", connection.name);
            assert_eq!(sent("<").sum::<u64>(), connection.to_client.len() as u64, "{}", connection.name);
        }
    }
}

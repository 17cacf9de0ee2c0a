//! The headers about the path of a request: `X-Forwarded-For` and similar ones, `Forwarded` (RFC 7239), and `Via` (RFC
//! 9110 7.6.3), by which request loops are detected.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http1::{Fields, ReadyField};
use identity::{Random, RandomError};

use crate::http::server_only::{AllowedSender, allowed_sender};

/// The name of this process in `Via`, which is unique, so that a request loop is detected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// Its value is [`VERSION`], then the name. It is never `None`, since hexadecimal digits are valid in a field.
    field: Option<ReadyField>,
}

/// The HTTP version in which requests are received.
const VERSION: &str = "1.1 ";

impl Via {
    /// A new name.
    ///
    /// # Errors
    /// If the source of random numbers fails.
    pub fn new(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 8];
        random.fill(&mut bytes)?;
        let value = format!("{VERSION}mapiproxy-{:016x}", u64::from_be_bytes(bytes));
        Ok(Self { field: ReadyField::new("Via", value) })
    }

    /// Adds `Via` to the fields of a request.
    pub(crate) fn add_to(&self, fields: &mut Fields) {
        if let Some(field) = &self.field {
            fields.add(field);
        }
    }

    /// Whether a request with these fields was sent by this process.
    pub(crate) fn is_in(&self, fields: &Fields) -> bool {
        let value = self.field.as_ref().map_or(&[][..], ReadyField::value);
        let name = value.get(VERSION.len()..).unwrap_or_default();
        fields.all("via").flat_map(http1::tokens).any(|passed| {
            passed.split(u8::is_ascii_whitespace).nth(1).is_some_and(|by| by.eq_ignore_ascii_case(name))
        })
    }
}

/// The forwarding headers of the requests of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Forwarding {
    /// Whether the connection is one of a trusted proxy.
    trusted: bool,
    /// The headers to add; `None` if the configuration turns them off.
    own: Option<OwnFields>,
}

/// The fields that each request of a connection gets, made once.
#[derive(Debug, Clone)]
struct OwnFields {
    address: ReadyField,
    proto: ReadyField,
    host: ReadyField,
    /// An element of `Forwarded`.
    forwarded: ReadyField,
}

impl OwnFields {
    /// `None` if `host` is not valid in a field.
    fn new(peer: SocketAddr, proto: &'static str, host: &str) -> Option<Self> {
        let ip = peer.ip().to_canonical();
        let node = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            // A colon has to be quoted (RFC 7239 6).
            IpAddr::V6(ip) => format!("\"[{ip}]\""),
        };
        let forwarded = format!("for={node};host=\"{host}\";proto={proto}");
        // One allocation, so that each request uses few cache lines of its connection.
        let address = ip.to_string();
        let mut values = Bytes::from([&address, host, &forwarded].concat());
        let address = values.split_to(address.len());
        let host = values.split_to(host.len());
        Some(Self {
            address: ReadyField::new("X-Forwarded-For", address)?,
            proto: ReadyField::new("X-Forwarded-Proto", proto)?,
            host: ReadyField::new("X-Forwarded-Host", host)?,
            forwarded: ReadyField::new("Forwarded", values)?,
        })
    }
}

impl Forwarding {
    /// The headers for a connection from `peer`, if they are `enabled`. `origin` is the beginning of the proxy's URLs.
    pub(crate) fn new(peer: SocketAddr, trusted: bool, tls: bool, origin: &str, enabled: bool) -> Self {
        let proto = if tls { "https" } else { "http" };
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        let own = if enabled { OwnFields::new(peer, proto, host) } else { None };
        Self { trusted, own }
    }

    /// Whether the forwarding headers of requests are kept.
    pub(crate) const fn keeps(&self) -> bool {
        self.trusted && self.own.is_some()
    }

    /// Adds the headers to the `fields` of a request that the proxy makes for a client's request with the fields `of`.
    pub(crate) fn pass_on(&self, of: &Fields, fields: &mut Fields) {
        if self.keeps() {
            let kept =
                of.iter().filter(|field| allowed_sender(field.name.as_bytes()) == AllowedSender::Proxy);
            for field in kept {
                fields.push(field.name.to_owned(), field.value.to_vec());
            }
        }
        self.add_to(fields);
    }

    /// Adds the headers to a request's `fields`, after those of a trusted proxy. Untrusted ones have been removed
    /// already.
    pub(crate) fn add_to(&self, fields: &mut Fields) {
        let Some(OwnFields { address, proto, host, forwarded }) = &self.own else { return };
        if !self.trusted {
            for field in [address, proto, host, forwarded] {
                fields.add(field);
            }
            return;
        }
        appended(fields, address);
        for field in [proto, host] {
            if !fields.has(field.name()) {
                fields.add(field);
            }
        }
        // A trusted proxy without it names the client in another header: a `Forwarded` would name the proxy as the
        // client.
        if fields.has("forwarded") {
            appended(fields, forwarded);
        }
    }
}

/// Appends the value of `own` to the list of the fields with its name, which become one field.
fn appended(fields: &mut Fields, own: &ReadyField) {
    let name = own.name();
    let before: Vec<&[u8]> =
        fields.all(name).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty()).collect();
    let mut list = before.join(&b", "[..]);
    if !list.is_empty() {
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(own.value());
    fields.set(name, list);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(fields: &Fields) -> Vec<String> {
        fields
            .iter()
            .map(|field| format!("{}: {}", field.name, String::from_utf8_lossy(field.value)))
            .collect()
    }

    #[test]
    fn a_client_is_added_and_a_trusted_proxy_is_added_behind_its_client() {
        let peer = "[::ffff:192.0.2.1]:99".parse().unwrap();
        let mut fields = Fields::default();
        let origin = "https://mail.lab.test:8443";
        Forwarding::new(peer, false, true, origin, true).add_to(&mut fields);
        assert_eq!(
            said(&fields),
            [
                "X-Forwarded-For: 192.0.2.1",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Host: mail.lab.test:8443",
                "Forwarded: for=192.0.2.1;host=\"mail.lab.test:8443\";proto=https",
            ]
        );
        let mut fields = Fields::default();
        for (name, value) in [
            ("X-Forwarded-For", "1.2.3.4"),
            ("X-Forwarded-Proto", "https"),
            ("x-forwarded-for", "5.6.7.8"),
            ("Forwarded", "for=5.6.7.8"),
        ] {
            assert!(fields.push(name, value));
        }
        let trusted = Forwarding::new("[2001:db8::1]:99".parse().unwrap(), true, false, origin, true);
        assert!(trusted.keeps());
        trusted.add_to(&mut fields);
        assert_eq!(
            said(&fields),
            [
                "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 2001:db8::1",
                "X-Forwarded-Proto: https",
                "Forwarded: for=5.6.7.8, for=\"[2001:db8::1]\";host=\"mail.lab.test:8443\";proto=http",
                "X-Forwarded-Host: mail.lab.test:8443",
            ]
        );
        let mut fields = Fields::default();
        trusted.add_to(&mut fields);
        assert!(!fields.has("forwarded"), "{:?}", said(&fields));
        let mut fields = Fields::default();
        let disabled = Forwarding::new(peer, true, true, origin, false);
        disabled.add_to(&mut fields);
        assert!(fields.is_empty() && !disabled.keeps());
    }

    #[test]
    fn a_request_of_the_proxy_has_the_headers_of_the_request_that_it_is_made_for() {
        let mut of = Fields::default();
        for (name, value) in [("X-Forwarded-For", "1.2.3.4"), ("X-Real-IP", "1.2.3.4"), ("Accept", "*/*")] {
            assert!(of.push(name, value));
        }
        let said_by = |trusted: bool, enabled: bool| {
            let mut fields = Fields::default();
            let peer = "192.0.2.1:99".parse().unwrap();
            Forwarding::new(peer, trusted, true, "https://a", enabled).pass_on(&of, &mut fields);
            said(&fields).into_iter().filter(|line| line.contains(".2.")).collect::<Vec<_>>()
        };
        assert_eq!(said_by(true, true), ["X-Forwarded-For: 1.2.3.4, 192.0.2.1", "X-Real-IP: 1.2.3.4"]);
        assert_eq!(
            said_by(false, true),
            ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1;host=\"a\";proto=https"]
        );
        assert_eq!(said_by(true, false), [""; 0]);
    }

    #[test]
    fn a_request_loop_is_detected() {
        let own = Via::new(&mut identity::OsRandom).unwrap();
        let other = Via::new(&mut identity::OsRandom).unwrap();
        let mut fields = Fields::default();
        assert!(fields.push("Via", "1.0 balancer (a comment), 1.1 mapiproxy"));
        other.add_to(&mut fields);
        assert!(!own.is_in(&fields) && other.is_in(&fields));
        own.add_to(&mut fields);
        assert!(own.is_in(&fields));
    }
}

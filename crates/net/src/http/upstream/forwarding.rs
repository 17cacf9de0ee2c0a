//! The headers that name the path of a request to the server: `X-Forwarded-For` and the like, `Forwarded` (RFC 7239),
//! and `Via` (RFC 9110 7.6.3), by which a request that comes back to us is known.

use std::net::{IpAddr, SocketAddr};

use http1::{Fields, ReadyField};
use identity::{Random, RandomError};

use crate::http::server_only::{Speaker, speaker};

/// The name under which this process stands in `Via`: unlike that of any other, so that a request which leads back
/// here is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// Its value is [`VERSION`], then the name. There always is one: hexadecimal digits are fit for a field.
    field: Option<ReadyField>,
}

/// The version by which requests come to us.
const VERSION: &str = "1.1 ";

impl Via {
    /// A new name.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn new(random: &mut dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 8];
        random.fill(&mut bytes)?;
        let value = format!("{VERSION}mapiproxy-{:016x}", u64::from_be_bytes(bytes));
        Ok(Self { field: ReadyField::new("Via", value) })
    }

    /// Says in a request's fields that it passed here.
    pub(crate) fn add_to(&self, fields: &mut Fields) {
        if let Some(field) = &self.field {
            fields.add(field);
        }
    }

    /// Whether a request with these fields passed here before.
    pub(crate) fn is_in(&self, fields: &Fields) -> bool {
        let value = self.field.as_ref().map_or(&[][..], ReadyField::value);
        let name = value.get(VERSION.len()..).unwrap_or_default();
        fields.all("via").flat_map(http1::tokens).any(|passed| {
            passed.split(u8::is_ascii_whitespace).nth(1).is_some_and(|by| by.eq_ignore_ascii_case(name))
        })
    }
}

/// What is said of the requests of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Forwarding {
    /// Whether the connection comes from a proxy whose word about its clients is taken.
    trusted: bool,
    /// What we set; none where forwarding headers are off.
    said: Option<Said>,
}

/// The fields that each request of a connection gets, made once.
#[derive(Debug, Clone)]
struct Said {
    address: ReadyField,
    proto: ReadyField,
    host: ReadyField,
    /// An element of `Forwarded`.
    forwarded: ReadyField,
}

impl Said {
    /// None where `host` can't stand in a field.
    fn new(peer: SocketAddr, proto: &'static str, host: &str) -> Option<Self> {
        let ip = peer.ip().to_canonical();
        let node = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            // A colon is only in quotes (RFC 7239 6).
            IpAddr::V6(ip) => format!("\"[{ip}]\""),
        };
        let forwarded = format!("for={node};host=\"{host}\";proto={proto}");
        Some(Self {
            address: ReadyField::new("X-Forwarded-For", ip.to_string())?,
            proto: ReadyField::new("X-Forwarded-Proto", proto)?,
            host: ReadyField::new("X-Forwarded-Host", host.to_owned())?,
            forwarded: ReadyField::new("Forwarded", forwarded)?,
        })
    }
}

impl Forwarding {
    /// For a connection from `peer`, which is `trusted` or not and within TLS or not; `origin` is what our URLs begin
    /// with. `tells` says whether forwarding headers are set.
    pub(crate) fn new(peer: SocketAddr, trusted: bool, tls: bool, origin: &str, tells: bool) -> Self {
        let proto = if tls { "https" } else { "http" };
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        let said = if tells { Said::new(peer, proto, host) } else { None };
        Self { trusted, said }
    }

    /// Whether fields by which proxies say where a client is are taken from the connection's other end.
    pub(crate) const fn keeps(&self) -> bool {
        self.trusted && self.said.is_some()
    }

    /// Says in the `fields` of a request of ours what the client's request, which it is made for and whose fields are
    /// `of`, says when it goes to the server.
    pub(crate) fn pass_on(&self, of: &Fields, fields: &mut Fields) {
        if self.keeps() {
            let said = of.iter().filter(|field| speaker(field.name.as_bytes()) == Speaker::Proxy);
            for field in said {
                fields.push(field.name.to_owned(), field.value.to_vec());
            }
        }
        self.add_to(fields);
    }

    /// Adds our word to a request's `fields`, of which those that can't be believed are gone already: behind that of a
    /// trusted proxy, and else alone.
    pub(crate) fn add_to(&self, fields: &mut Fields) {
        let Some(Said { address, proto, host, forwarded }) = &self.said else { return };
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
        // A trusted proxy that says nothing in it has the client elsewhere: ours alone would name the proxy as such.
        if fields.has("forwarded") {
            appended(fields, forwarded);
        }
    }
}

/// Puts what `own` says at the end of the list that the fields of its name are, which are one field then.
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
    fn a_client_is_named_and_a_trusted_proxy_stands_behind_its_client() {
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
        let silent = Forwarding::new(peer, true, true, origin, false);
        silent.add_to(&mut fields);
        assert!(fields.is_empty() && !silent.keeps());
    }

    #[test]
    fn a_request_of_ours_says_what_the_one_says_that_it_is_made_for() {
        let mut of = Fields::default();
        for (name, value) in [("X-Forwarded-For", "1.2.3.4"), ("X-Real-IP", "1.2.3.4"), ("Accept", "*/*")] {
            assert!(of.push(name, value));
        }
        let said_by = |trusted: bool, tells: bool| {
            let mut fields = Fields::default();
            let peer = "192.0.2.1:99".parse().unwrap();
            Forwarding::new(peer, trusted, true, "https://a", tells).pass_on(&of, &mut fields);
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
    fn a_request_that_passed_here_is_known() {
        let ours = Via::new(&mut identity::OsRandom).unwrap();
        let other = Via::new(&mut identity::OsRandom).unwrap();
        let mut fields = Fields::default();
        assert!(fields.push("Via", "1.0 front (a comment), 1.1 mapiproxy"));
        other.add_to(&mut fields);
        assert!(!ours.is_in(&fields) && other.is_in(&fields));
        ours.add_to(&mut fields);
        assert!(ours.is_in(&fields));
    }
}

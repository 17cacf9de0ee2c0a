use std::fmt;
use std::net::Ipv6Addr;

use net::Location;
use serde::Deserialize;

/// A text that names no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no server: expected {expected}")]
pub(crate) struct NoServer {
    text: String,
    expected: &'static str,
}

/// A host by its name, by an IPv4 address, or by an IPv6 address in brackets (RFC 3986 3.2.2), which are taken off;
/// none where it is none of these.
fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
        return Some(address.to_string());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!text.is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}

/// A host, and the port that stands behind it; none where it can't be read.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    match text.rsplit_once(':') {
        // Colons in brackets are an address's own.
        Some((name, digits)) if !digits.contains(']') => Some((host(name)?, Some(port(digits)?))),
        _ => Some((host(text)?, None)),
    }
}

fn port(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|port| *port != 0)
}

/// A server by HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Url {
    /// Whether within TLS.
    pub(crate) tls: bool,
    /// Its name or address; an IPv6 address has no brackets.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
}

impl TryFrom<String> for Url {
    type Error = NoServer;

    fn try_from(text: String) -> Result<Self, NoServer> {
        let rest = text.strip_suffix('/').unwrap_or(&text);
        let read = match (rest.strip_prefix("https://"), rest.strip_prefix("http://")) {
            (Some(rest), _) => Some((true, rest)),
            (None, Some(rest)) => Some((false, rest)),
            (None, None) => None,
        };
        let read = read.and_then(|(tls, rest)| Some((tls, host_and_port(rest)?)));
        let expected = "https://host or https://host:port, or http://, with an IPv6 address in brackets";
        let (tls, (host, port)) = read.ok_or(NoServer { text, expected })?;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { tls, host, port })
    }
}

impl fmt::Display for Url {
    /// As URLs there begin: without a slash at the end, and without the usual port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, host, port } = self;
        let (scheme, usual) = if *tls { ("https", 443) } else { ("http", 80) };
        let bracketed = host.contains(':');
        let (open, close) = if bracketed { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{host}{close}")?;
        if *port == usual { Ok(()) } else { write!(f, ":{port}") }
    }
}

/// Where a server's services are found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Binding(Location);

impl Binding {
    /// The server's name or address.
    pub(crate) fn host(&self) -> &str {
        match &self.0 {
            Location::Mapper { host, .. } | Location::Fixed { host, .. } => host,
        }
    }

    /// The port that is asked first: the endpoint mapper's, or the services' own.
    pub(crate) const fn port(&self) -> u16 {
        match &self.0 {
            Location::Mapper { port, .. } | Location::Fixed { port, .. } => *port,
        }
    }
}

impl From<Binding> for Location {
    fn from(binding: Binding) -> Self {
        binding.0
    }
}

/// What stands before a host and a port in brackets (C706 3.1.1).
const FIXED: &str = "ncacn_ip_tcp:";

impl TryFrom<String> for Binding {
    type Error = NoServer;

    fn try_from(text: String) -> Result<Self, NoServer> {
        let location = match text.strip_prefix(FIXED) {
            Some(rest) => fixed(rest),
            None => {
                host_and_port(&text).map(|(host, port)| Location::Mapper { host, port: port.unwrap_or(135) })
            }
        };
        let expected = "a host, host:port, or ncacn_ip_tcp:host[port], with an IPv6 address in brackets";
        location.map(Self).ok_or(NoServer { text, expected })
    }
}

/// A host with a port in brackets behind it.
fn fixed(text: &str) -> Option<Location> {
    let (name, digits) = text.strip_suffix(']')?.rsplit_once('[')?;
    Some(Location::Fixed { host: host(name)?, port: port(digits)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls() {
        let read = |text: &str| Url::try_from(text.to_owned()).map(|url| (url.tls, url.host, url.port)).ok();
        assert_eq!(read("https://exch.lab.test"), Some((true, "exch.lab.test".to_owned(), 443)));
        assert_eq!(read("http://10.0.0.1:8080/"), Some((false, "10.0.0.1".to_owned(), 8080)));
        assert_eq!(read("http://[::1]:18099"), Some((false, "::1".to_owned(), 18099)));
        assert_eq!(read("https://[2001:DB8:0::1]/"), Some((true, "2001:db8::1".to_owned(), 443)));
        for bad in [
            "exch",
            "https://",
            "https://a/mapi",
            "ftp://a",
            "https://a:0",
            "https://a b",
            "https://u@a",
            "https://::1",
            "https://[::1",
            "https://[::1]x",
            "https://[::1]:",
            "https://[::1%eth0]",
            "https://[1.2.3.4]",
            "https://[]",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn urls_are_written_as_they_are_read() {
        for url in
            ["https://mail.lab.test", "http://10.0.0.1:8080", "https://[2001:db8::1]:8443", "http://[::1]"]
        {
            assert_eq!(Url::try_from(url.to_owned()).unwrap().to_string(), url);
        }
        assert_eq!(Url::try_from("https://a:443/".to_owned()).unwrap().to_string(), "https://a");
    }

    #[test]
    fn reads_bindings() {
        let read = |text: &str| Binding::try_from(text.to_owned()).ok();
        let mapper = |host: &str, port| Some(Binding(Location::Mapper { host: host.to_owned(), port }));
        assert_eq!((read("exch"), read("exch:1135")), (mapper("exch", 135), mapper("exch", 1135)));
        assert_eq!((read("[::1]"), read("[::1]:1135")), (mapper("::1", 135), mapper("::1", 1135)));
        let fixed = |host: &str| Some(Binding(Location::Fixed { host: host.to_owned(), port: 6001 }));
        assert_eq!(read("ncacn_ip_tcp:10.0.0.1[6001]"), fixed("10.0.0.1"));
        assert_eq!(read("ncacn_ip_tcp:[2001:db8::1][6001]"), fixed("2001:db8::1"));
        for bad in [
            "",
            ":135",
            "a b",
            "ncacn_ip_tcp:h",
            "ncacn_ip_tcp:h[0]",
            "h:99999",
            "ncacn_np:h[1]",
            "::1",
            "[::1",
            "ncacn_ip_tcp:[::1]",
            "ncacn_ip_tcp:[::1][0]",
            "ncacn_ip_tcp:::1[6001]",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

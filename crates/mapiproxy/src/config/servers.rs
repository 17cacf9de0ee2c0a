//! Names, addresses and URLs of servers in the configuration.

use std::fmt;

use net::Location;
use serde::Deserialize;

use super::hosts::{HostFault, host};

/// A text that does not name a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {what}: {fault}; expected {expected}")]
pub(crate) struct NoServer {
    text: String,
    /// What is expected, in a word or two.
    what: &'static str,
    fault: ServerFault,
    expected: &'static str,
}

/// Why a text does not name a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServerFault {
    /// A URL without a scheme.
    #[error("https:// or http:// is missing")]
    Scheme,
    /// A URL where a host is expected.
    #[error("it is a URL")]
    Url,
    /// More than a host and a port.
    #[error("{0:?} after host and port is not allowed")]
    Path(String),
    /// A user before the host.
    #[error("a user name before the host is not allowed")]
    User,
    /// An invalid port.
    #[error("{0:?} is not a port from 1 to 65535")]
    Port(String),
    /// No port, although one is required.
    #[error("the port in brackets after the host is missing")]
    NoPort,
    /// No host.
    #[error(transparent)]
    Host(#[from] HostFault),
}

/// A host, and the port that follows it.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), ServerFault> {
    match text.rsplit_once(':') {
        // Colons in brackets belong to an address; others may belong to an address without brackets.
        Some((name, digits)) if !digits.contains(']') && (!name.contains(':') || name.starts_with('[')) => {
            Ok((host(name)?, Some(port(digits)?)))
        }
        Some(_) if !text.starts_with('[') => Err(HostFault::Brackets.into()),
        _ => Ok((host(text)?, None)),
    }
}

fn port(digits: &str) -> Result<u16, ServerFault> {
    let read = digits.parse().ok().filter(|port| *port != 0);
    read.ok_or_else(|| ServerFault::Port(digits.to_owned()))
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

const URL: &str = "https://host or https://host:port (or http://), for example https://exch.lab.test";

/// Whether a URL is within TLS, and its host and port. Scheme and host may have any case (RFC 3986 3.1,
/// 3.2.2).
fn read_url(text: &str) -> Result<(bool, (String, Option<u16>)), ServerFault> {
    let (scheme, rest) = text.split_once("://").ok_or(ServerFault::Scheme)?;
    let tls = if scheme.eq_ignore_ascii_case("https") {
        true
    } else if scheme.eq_ignore_ascii_case("http") {
        false
    } else {
        return Err(ServerFault::Scheme);
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if let Some((_, more)) = rest.find(['/', '?', '#']).and_then(|at| rest.split_at_checked(at)) {
        return Err(ServerFault::Path(more.to_owned()));
    }
    if rest.contains('@') {
        return Err(ServerFault::User);
    }
    Ok((tls, host_and_port(rest)?))
}

impl TryFrom<String> for Url {
    type Error = NoServer;

    fn try_from(text: String) -> Result<Self, NoServer> {
        Self::parse(text, "server", URL)
    }
}

impl Url {
    fn parse(text: String, what: &'static str, expected: &'static str) -> Result<Self, NoServer> {
        let (tls, (host, port)) =
            read_url(&text).map_err(|fault| NoServer { text, what, fault, expected })?;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { tls, host, port })
    }
}

/// The URL by which clients reach the proxy.
pub(super) fn public_url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let expected = "https://host or https://host:port (or http://), for example https://mail.lab.test";
    let url = Url::parse(String::deserialize(deserializer)?, "URL of the proxy", expected);
    url.map(Some).map_err(serde::de::Error::custom)
}

impl fmt::Display for Url {
    /// The beginning of URLs there: without a slash at the end, and without the default port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, host, port } = self;
        let (scheme, usual) = if *tls { ("https", 443) } else { ("http", 80) };
        let bracketed = host.contains(':');
        let (open, close) = if bracketed { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{host}{close}")?;
        if *port == usual { Ok(()) } else { write!(f, ":{port}") }
    }
}

/// The address of a server's services.
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

    /// The port to which the proxy connects first: that of the endpoint mapper, or of the services.
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

/// The prefix of a host with a port in brackets (C706 3.1.1).
const FIXED: &str = "ncacn_ip_tcp:";

impl TryFrom<String> for Binding {
    type Error = NoServer;

    fn try_from(text: String) -> Result<Self, NoServer> {
        let location = if text.contains("://") { Err(ServerFault::Url) } else { location(&text) };
        location.map(Self).map_err(|fault| NoServer { text, what: "server", fault, expected: BINDING })
    }
}

const BINDING: &str = "a host, host:port, or ncacn_ip_tcp:host[port], for example exch.lab.test";

fn location(text: &str) -> Result<Location, ServerFault> {
    // A protocol sequence may have any case.
    let is_fixed = text.get(..FIXED.len()).is_some_and(|start| start.eq_ignore_ascii_case(FIXED));
    if let Some(rest) = text.get(FIXED.len()..).filter(|_| is_fixed) {
        return fixed(rest);
    }
    let (host, port) = host_and_port(text)?;
    Ok(Location::Mapper { host, port: port.unwrap_or(135) })
}

/// A host followed by a port in brackets.
fn fixed(text: &str) -> Result<Location, ServerFault> {
    let (name, digits) =
        text.strip_suffix(']').and_then(|text| text.rsplit_once('[')).ok_or(ServerFault::NoPort)?;
    // The brackets may be those of an IPv6 address.
    let port = port(digits).map_err(|fault| if name.is_empty() { ServerFault::NoPort } else { fault })?;
    Ok(Location::Fixed { host: host(name)?, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed() {
        let read = |text: &str| Url::try_from(text.to_owned()).map(|url| (url.tls, url.host, url.port)).ok();
        assert_eq!(read("https://exch.lab.test"), Some((true, "exch.lab.test".to_owned(), 443)));
        assert_eq!(read("http://10.0.0.1:8080/"), Some((false, "10.0.0.1".to_owned(), 8080)));
        assert_eq!(read("http://[::1]:18099"), Some((false, "::1".to_owned(), 18099)));
        assert_eq!(read("https://[2001:DB8:0::1]/"), Some((true, "2001:db8::1".to_owned(), 443)));
        for (text, host, port) in [
            ("HTTPS://Exch.LAB.test", "exch.lab.test", 443),
            ("Https://exch.lab.test.:443/", "exch.lab.test", 443),
            ("hTTps://[2001:DB8::1]:8443", "2001:db8::1", 8443),
        ] {
            assert_eq!(read(text), Some((true, host.to_owned(), port)), "{text}");
        }
        for (bad, says) in [
            ("exch", "https:// or http:// is missing"),
            ("https://a/mapi", "\"/mapi\" after host and port is not allowed"),
            ("https://a:70000", "\"70000\" is not a port from 1 to 65535"),
            ("https://u@a", "a user name before the host is not allowed"),
            ("https://2001:db8::1", "an IPv6 address must be in brackets"),
            ("https://10.0.0.999", "looks like an IPv4 address, but is not valid"),
            ("https://exch..test", "a label between dots has 1 to 63 characters"),
            ("https://b\u{fc}ro.test", "is not ASCII: write the encoded name (xn--...)"),
            ("https://*.lab.test", "'*' is not allowed in a host name"),
        ] {
            let why = Url::try_from(bad.to_owned()).unwrap_err().to_string();
            let expected =
                "expected https://host or https://host:port (or http://), for example https://exch.lab.test";
            assert!(why.contains(says) && why.ends_with(expected), "{why}");
        }
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
    fn a_displayed_url_is_parsed_as_the_same_url() {
        for url in
            ["https://mail.lab.test", "http://10.0.0.1:8080", "https://[2001:db8::1]:8443", "http://[::1]"]
        {
            assert_eq!(Url::try_from(url.to_owned()).unwrap().to_string(), url);
        }
        assert_eq!(Url::try_from("https://a:443/".to_owned()).unwrap().to_string(), "https://a");
    }

    #[test]
    fn bindings_are_parsed() {
        let read = |text: &str| Binding::try_from(text.to_owned()).ok();
        let mapper = |host: &str, port| Some(Binding(Location::Mapper { host: host.to_owned(), port }));
        assert_eq!((read("exch"), read("exch:1135")), (mapper("exch", 135), mapper("exch", 1135)));
        assert_eq!((read("[::1]"), read("[::1]:1135")), (mapper("::1", 135), mapper("::1", 1135)));
        assert_eq!(read("Exch.LAB.test."), mapper("exch.lab.test", 135));
        let fixed = |host: &str| Some(Binding(Location::Fixed { host: host.to_owned(), port: 6001 }));
        assert_eq!(read("ncacn_ip_tcp:10.0.0.1[6001]"), fixed("10.0.0.1"));
        assert_eq!(read("NCACN_IP_TCP:10.0.0.1[6001]"), fixed("10.0.0.1"));
        let url = Binding::try_from("https://exch".to_owned()).unwrap_err().to_string();
        assert!(
            url.contains("it is a URL; expected a host, host:port, or ncacn_ip_tcp:host[port], for example "),
            "{url}"
        );
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

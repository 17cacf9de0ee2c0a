//! Where an answer sends a client: to us, where it would send it to the server.

use std::net::Ipv6Addr;

use http1::Fields;

use crate::http::upstream::config::HttpUpstream;

/// Turns the addresses in an answer's head that name the server into ours, which begin with `origin`.
/// Elsewhere a server may send whom it likes.
pub(crate) fn ours(fields: &mut Fields, upstream: &HttpUpstream, origin: &str) {
    for name in ["location", "content-location"] {
        let changed = fields.text(name).and_then(|value| turned(value, &upstream.host, origin));
        if let Some(changed) = changed {
            fields.set(name, changed);
        }
    }
}

/// `value` with `origin` in place of its scheme, host and port, if its host is `server`.
fn turned(value: &str, server: &str, origin: &str) -> Option<String> {
    let begins = |scheme: &str| {
        let (start, rest) = value.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let rest = ["https://", "http://", "//"].into_iter().find_map(begins)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let named = host.strip_suffix('.').unwrap_or(host);
    let (name, port) = match named.rsplit_once(':') {
        // The colons of an IPv6 address are in its brackets.
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (named, ""),
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')?.parse::<Ipv6Addr>().ok());
    let names = match address {
        Some(address) => server.parse() == Ok(address),
        None => name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case(server),
    };
    (names && port.bytes().all(|digit| digit.is_ascii_digit())).then(|| format!("{origin}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_is_turned_into_us() {
        let turned = |value| turned(value, "Exch.lab.test", "https://proxy.lab.test:8443");
        for (value, path) in [
            ("https://exch.lab.test/owa/auth?x=https://exch.lab.test/", "/owa/auth?x=https://exch.lab.test/"),
            ("HTTP://EXCH.LAB.TEST:80/ews/", "/ews/"),
            ("https://exch.lab.test:444", ""),
            ("https://exch.lab.test.?a", "?a"),
            ("https://exch.lab.test.:443/", "/"),
            ("//exch.lab.test/x", "/x"),
            ("https://user@exch.lab.test#f", "#f"),
        ] {
            assert_eq!(turned(value), Some(format!("https://proxy.lab.test:8443{path}")), "{value}");
        }
        for other in [
            "https://login.example/exch.lab.test",
            "https://exch.lab.test.evil/",
            "https://exch.lab.test@evil/",
            "/owa/",
            "owa",
            "ftp://exch.lab.test/",
            "https://exch.lab.test:x/",
            "",
        ] {
            assert_eq!(turned(other), None, "{other}");
        }
    }

    #[test]
    fn a_server_named_by_an_ipv6_address_is_turned_into_us() {
        let turned = |value| turned(value, "2001:db8::1", "https://proxy.lab.test");
        for (value, path) in [
            ("https://[2001:db8::1]/x", "/x"),
            ("http://[2001:DB8:0::1]:8080/", "/"),
            ("//[2001:db8::1]", ""),
        ] {
            assert_eq!(turned(value), Some(format!("https://proxy.lab.test{path}")), "{value}");
        }
        for other in ["https://[2001:db8::2]/x", "https://[2001:db8::1/", "https://2001:db8::1/"] {
            assert_eq!(turned(other), None, "{other}");
        }
    }
}

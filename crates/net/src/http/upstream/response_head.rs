//! Rewrites the head of a server's response for the client.

use std::net::Ipv6Addr;

use http1::{FieldAction, Fields, Framing, ResponseHead, Version};

use crate::http::downstream::context::RequestContext;
use crate::http::server_only::{is_between_servers, is_usual};
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::hop_by_hop::{is_of_connection, named_by_connection};

/// How the body of a response is sent to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it was received.
    Unchanged,
    /// In chunks that the proxy makes.
    Chunked,
    /// Up to the end of the connection.
    UntilClose,
}

/// Rewrites the server's `head` for the client: removes what concerns the connection to the server and the proxy's
/// authentication there, and what servers send to each other. Returns how the body is sent.
pub(crate) fn rewrite_response(
    head: &mut ResponseHead,
    framing: Framing,
    request: &RequestContext,
) -> Coding {
    const OF_PROXY: [&str; 4] =
        ["www-authenticate", "authentication-info", "persistent-auth", "proxy-support"];
    let named = named_by_connection(&head.fields);
    // Each hop sends its own version (RFC 9112 2.3). HTTP/1.0 does not have the framing below.
    head.set_version(Version::Http11);
    head.fields.rewrite(|name, value| {
        // Most fields are one of these.
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if (is_usual(name) || is("transfer-encoding")) && named.is_empty() {
            return FieldAction::Keep;
        }
        if is("set-cookie") {
            return request.cookies.in_response(value);
        }
        let of_proxy = OF_PROXY.into_iter().any(is);
        if of_proxy || is_of_connection(name, &named) || is_between_servers(name) {
            FieldAction::Remove
        } else {
            FieldAction::Keep
        }
    });
    if let Some(token) = &request.token {
        head.fields.push("WWW-Authenticate", token.clone());
    }
    match (framing, request.version()) {
        (Framing::Chunked, Version::Http10) => {
            head.fields.remove("transfer-encoding");
            Coding::UntilClose
        }
        (Framing::UntilClose, Version::Http10) => Coding::UntilClose,
        (Framing::UntilClose, Version::Http11) => {
            head.fields.push("Transfer-Encoding", "chunked");
            Coding::Chunked
        }
        _ => {
            if request.version() == Version::Http10 && request.head.keeps_alive() {
                head.fields.push("Connection", "keep-alive");
            }
            Coding::Unchanged
        }
    }
}

/// Replaces the server's scheme, host and port in the URLs of a response's head by `origin`, the proxy's. Redirects
/// to other hosts are left unchanged.
pub(crate) fn rewrite_urls(fields: &mut Fields, upstream: &HttpUpstream, origin: &str) {
    for name in ["location", "content-location"] {
        let changed = fields.text(name).and_then(|value| rewritten(value, &upstream.host, origin));
        if let Some(changed) = changed {
            fields.set(name, changed);
        }
    }
}

/// `value` with `origin` in place of its scheme, host and port, if its host is `server`.
fn rewritten(value: &str, server: &str, origin: &str) -> Option<String> {
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
    fn only_urls_of_the_server_are_rewritten() {
        let rewritten = |value| rewritten(value, "Exch.lab.test", "https://proxy.lab.test:8443");
        for (value, path) in [
            ("https://exch.lab.test/owa/auth?x=https://exch.lab.test/", "/owa/auth?x=https://exch.lab.test/"),
            ("HTTP://EXCH.LAB.TEST:80/ews/", "/ews/"),
            ("https://exch.lab.test:444", ""),
            ("https://exch.lab.test.?a", "?a"),
            ("https://exch.lab.test.:443/", "/"),
            ("//exch.lab.test/x", "/x"),
            ("https://user@exch.lab.test#f", "#f"),
        ] {
            assert_eq!(rewritten(value), Some(format!("https://proxy.lab.test:8443{path}")), "{value}");
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
            assert_eq!(rewritten(other), None, "{other}");
        }
    }

    #[test]
    fn urls_with_the_ipv6_address_of_the_server_are_rewritten() {
        let rewritten = |value| rewritten(value, "2001:db8::1", "https://proxy.lab.test");
        for (value, path) in [
            ("https://[2001:db8::1]/x", "/x"),
            ("http://[2001:DB8:0::1]:8080/", "/"),
            ("//[2001:db8::1]", ""),
        ] {
            assert_eq!(rewritten(value), Some(format!("https://proxy.lab.test{path}")), "{value}");
        }
        for other in ["https://[2001:db8::2]/x", "https://[2001:db8::1/", "https://2001:db8::1/"] {
            assert_eq!(rewritten(other), None, "{other}");
        }
    }
}

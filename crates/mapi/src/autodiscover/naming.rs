//! Classifies the server names in Autodiscover responses, and defines the interface that replaces them.

/// How the client uses a server name in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameUse {
    /// The client connects to this server.
    Service,
    /// The client repeats its Autodiscover request at this server, which may belong to another organization.
    Redirect,
}

/// Decides which names replace those of the upstream server.
///
/// A method is called for each name in a response, and returns the replacement; `None` keeps the name.
pub trait Naming {
    /// Replaces the scheme and authority of a URL, such as `https://mail.example.org:8443`.
    fn origin(&mut self, usage: NameUse, url: &UrlParts<'_>) -> Option<String>;

    /// Replaces a host name. Exchange also sends the name of a mailbox in this field, as `GUID@domain`.
    fn host(&mut self, usage: NameUse, host: &str) -> Option<String>;

    /// Replaces a host, without a port, to which clients connect by HTTP: the `Server` of `EXPR` and `EXHTTP`
    /// ([MS-OXDSCLI] 2.2.4.1.1.2.6), and the subject of its certificate.
    fn web_host(&mut self, usage: NameUse, host: &str) -> Option<String> {
        self.host(usage, host)
    }

    /// Replaces the server's name in a distinguished name: what follows `/cn=Servers/cn=`.
    fn server(&mut self, name: &str) -> Option<String>;

    /// Returns whether clients must connect with TLS; `None` keeps the setting of the response.
    fn is_within_tls(&self) -> Option<bool> {
        None
    }

    /// Returns the authentication schemes that clients may use over HTTP, as [MS-OXDSCLI] 2.2.4.1.1.2.6.4 names them,
    /// the strongest first. If the list is empty, or contains the scheme of the response, the response keeps its
    /// scheme.
    fn auth_schemes(&self) -> &[String] {
        &[]
    }
}

/// Replaces the names of all upstream servers by that of the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyName {
    /// Scheme and authority of the proxy's URLs, such as `https://mail.example.org`.
    pub origin: String,
    /// The proxy's host name.
    pub host: String,
    /// The name that replaces a server's in distinguished names; `None` keeps the upstream's.
    pub label: Option<String>,
    /// The upstream's host names. A name that begins with `*.` covers all names with that suffix. If the list is empty,
    /// all hosts except those of redirects are treated as the upstream's.
    pub upstream: Vec<String>,
}

impl ProxyName {
    /// The host part of [`ProxyName::origin`].
    fn origin_host(&self) -> &str {
        let authority = self.origin.split_once("://").map_or(&*self.origin, |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => authority,
        }
    }

    fn covers(&self, usage: NameUse, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        let is = |known: &String| match known.strip_prefix('*') {
            Some(suffix) => ends_with_ignore_case(host, suffix),
            None => known.eq_ignore_ascii_case(host),
        };
        let is_proxy = self.host.eq_ignore_ascii_case(host);
        let any = self.upstream.is_empty() && usage == NameUse::Service;
        !is_proxy && (any || self.upstream.iter().any(is))
    }
}

fn ends_with_ignore_case(text: &str, suffix: &str) -> bool {
    let at = text.len().checked_sub(suffix.len());
    at.and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

impl Naming for ProxyName {
    fn origin(&mut self, usage: NameUse, url: &UrlParts<'_>) -> Option<String> {
        // A server may be configured with the proxy's name, under another port or scheme.
        let is_proxy = url.host.eq_ignore_ascii_case(&self.host);
        (is_proxy || self.covers(usage, url.host)).then(|| self.origin.clone())
    }

    fn host(&mut self, usage: NameUse, host: &str) -> Option<String> {
        (!host.contains('@') && self.covers(usage, host)).then(|| self.host.clone())
    }

    fn web_host(&mut self, usage: NameUse, host: &str) -> Option<String> {
        // A server may be configured with a name of the proxy that clients do not use.
        let named = self.host.eq_ignore_ascii_case(host) || self.covers(usage, host);
        (!host.contains('@') && named).then(|| self.origin_host().to_owned())
    }

    fn server(&mut self, name: &str) -> Option<String> {
        if name.contains('@') { None } else { self.label.clone() }
    }
}

/// The parts of an absolute HTTP URL. Scheme, `://`, authority and rest together are the whole URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// The scheme, in the letter case of the URL.
    pub scheme: &'a str,
    /// The text between `://` and the path: user information, host and port.
    pub authority: &'a str,
    /// The host; an IPv6 address keeps its brackets.
    pub host: &'a str,
    /// The port, if the URL has one.
    pub port: Option<u16>,
    /// Path, query and fragment.
    pub rest: &'a str,
}

impl<'a> UrlParts<'a> {
    /// Splits an absolute `http` or `https` URL; returns `None` for any other text.
    pub fn split(url: &'a str) -> Option<Self> {
        let (scheme, behind) = url.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let end = behind.find(['/', '?', '#', '\\']).unwrap_or(behind.len());
        let (authority, rest) = behind.split_at_checked(end)?;
        let named = authority.rsplit_once('@').map_or(authority, |(_, named)| named);
        let (host, port) = match named.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (named, None),
        };
        let port = match port {
            None | Some("") => None,
            Some(port) if !port.bytes().all(|byte| byte.is_ascii_digit()) => return None,
            Some(port) => Some(port.parse().ok()?),
        };
        (!host.is_empty()).then_some(Self { scheme, authority, host, port, rest })
    }
}

/// Replaces the scheme and authority of `url`; returns `None` if the URL is not changed, or is not an HTTP URL.
pub fn rewrite_url(url: &str, usage: NameUse, naming: &mut dyn Naming) -> Option<String> {
    let parts = UrlParts::split(url)?;
    let origin = naming.origin(usage, &parts)?;
    let new = format!("{}{}", origin.trim_end_matches('/'), parts.rest);
    (new != url).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_into_their_parts() {
        let url = UrlParts::split("HTTPS://user@Mail.x:8443/mapi/emsmdb/?MailboxId=a@b").unwrap();
        assert_eq!((url.scheme, url.authority), ("HTTPS", "user@Mail.x:8443"));
        assert_eq!((url.host, url.port, url.rest), ("Mail.x", Some(8443), "/mapi/emsmdb/?MailboxId=a@b"));
        let url = UrlParts::split("http://[::1]").unwrap();
        assert_eq!((url.host, url.port, url.rest), ("[::1]", None, ""));
        assert_eq!(UrlParts::split("http://[::1]:80/").unwrap().port, Some(80));
        for none in [
            "",
            "http://",
            "ftp://a/",
            "mail.x",
            "https://:1/",
            "https://a:b/",
            "https://a:99999",
            "https://a:+80",
        ] {
            assert_eq!(UrlParts::split(none), None, "{none}");
        }
    }

    #[test]
    fn only_names_of_the_upstream_are_replaced() {
        let mut proxy = ProxyName {
            origin: "https://proxy.test:8443".to_owned(),
            host: "proxy.test".to_owned(),
            label: None,
            upstream: vec!["mail.lab.test".to_owned(), "*.ex.lab.test".to_owned()],
        };
        let mut rewrite = |url: &str, usage| rewrite_url(url, usage, &mut proxy);
        for usage in [NameUse::Service, NameUse::Redirect] {
            assert_eq!(rewrite("https://Mail.Lab.Test/x?y", usage).unwrap(), "https://proxy.test:8443/x?y");
            assert_eq!(rewrite("http://a.EX.lab.test", usage).unwrap(), "https://proxy.test:8443");
            assert_eq!(rewrite("https://ex.lab.test/", usage), None);
            assert_eq!(rewrite("https://proxy.test:8443/x", usage), None);
            assert_eq!(rewrite("http://PROXY.test/x", usage).unwrap(), "https://proxy.test:8443/x");
        }
        proxy.upstream.clear();
        assert!(rewrite_url("https://any.test/", NameUse::Service, &mut proxy).is_some());
        assert!(rewrite_url("https://any.test/", NameUse::Redirect, &mut proxy).is_none());
        assert_eq!(proxy.host(NameUse::Service, "guid@lab.test"), None);
        assert_eq!(proxy.host(NameUse::Service, "any").as_deref(), Some("proxy.test"));
    }
}

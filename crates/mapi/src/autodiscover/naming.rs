//! Kinds of names in Autodiscover responses, and the interface that replaces them.

/// What a name in a response is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The client connects to it.
    Service,
    /// The client repeats its Autodiscover request there; it may belong to another organization.
    Redirect,
}

/// Decides which names replace those of the upstream server.
///
/// A method is called for each name that is found, and returns its replacement; `None` keeps the name.
pub trait Naming {
    /// The scheme and the authority of a URL, such as `https://mail.example.org:8443`.
    fn origin(&mut self, place: Place, url: &UrlParts<'_>) -> Option<String>;

    /// A host's name. Servers also give out the name of a mailbox here, as `GUID@domain`.
    fn host(&mut self, place: Place, host: &str) -> Option<String>;

    /// A host that clients connect to by HTTP, without a port: the `Server` of `EXPR` and `EXHTTP`
    /// ([MS-OXDSCLI] 2.2.4.1.1.2.6), and the subject of its certificate.
    fn web_host(&mut self, place: Place, host: &str) -> Option<String> {
        self.host(place, host)
    }

    /// The name that a distinguished name has for a server: what follows `/cn=Servers/cn=`.
    fn server(&mut self, name: &str) -> Option<String>;

    /// Whether clients connect with TLS; `None` keeps what the response says.
    fn is_within_tls(&self) -> Option<bool> {
        None
    }

    /// The authentication schemes that clients may use over HTTP, as [MS-OXDSCLI] 2.2.4.1.1.2.6.4 names them, the
    /// strongest first. If there are no schemes, or one is that of the response, the response keeps its scheme.
    fn auth_schemes(&self) -> &[String] {
        &[]
    }
}

/// One name for all of the upstream's servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyName {
    /// Scheme and authority of the proxy's URLs, such as `https://mail.example.org`.
    pub origin: String,
    /// The proxy's host name.
    pub host: String,
    /// The name of a server in distinguished names; `None` keeps them.
    pub label: Option<String>,
    /// The upstream's host names. A name that begins with `*.` covers all names with that suffix. If the list is empty,
    /// every host except that of a redirect is taken for the upstream's.
    pub upstream: Vec<String>,
}

impl ProxyName {
    /// The host of the proxy's URLs.
    fn origin_host(&self) -> &str {
        let authority = self.origin.split_once("://").map_or(&*self.origin, |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => authority,
        }
    }

    fn covers(&self, place: Place, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        let is = |known: &String| match known.strip_prefix('*') {
            Some(suffix) => ends_with_ignore_case(host, suffix),
            None => known.eq_ignore_ascii_case(host),
        };
        let is_proxy = self.host.eq_ignore_ascii_case(host);
        let any = self.upstream.is_empty() && place == Place::Service;
        !is_proxy && (any || self.upstream.iter().any(is))
    }
}

fn ends_with_ignore_case(text: &str, suffix: &str) -> bool {
    let at = text.len().checked_sub(suffix.len());
    at.and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

impl Naming for ProxyName {
    fn origin(&mut self, place: Place, url: &UrlParts<'_>) -> Option<String> {
        // A server may be configured with the proxy's name, under another port or scheme.
        let is_proxy = url.host.eq_ignore_ascii_case(&self.host);
        (is_proxy || self.covers(place, url.host)).then(|| self.origin.clone())
    }

    fn host(&mut self, place: Place, host: &str) -> Option<String> {
        (!host.contains('@') && self.covers(place, host)).then(|| self.host.clone())
    }

    fn web_host(&mut self, place: Place, host: &str) -> Option<String> {
        // A server may be configured with a name of the proxy that clients do not use.
        let named = self.host.eq_ignore_ascii_case(host) || self.covers(place, host);
        (!host.contains('@') && named).then(|| self.origin_host().to_owned())
    }

    fn server(&mut self, name: &str) -> Option<String> {
        if name.contains('@') { None } else { self.label.clone() }
    }
}

/// A URL of HTTP, taken apart. Put together again, the parts are what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// The scheme, as it came.
    pub scheme: &'a str,
    /// What stands between the scheme and the path: user, host and port.
    pub authority: &'a str,
    /// The host alone; an IPv6 address has its brackets.
    pub host: &'a str,
    /// The port, where there is one.
    pub port: Option<u16>,
    /// Path, query and fragment.
    pub rest: &'a str,
}

impl<'a> UrlParts<'a> {
    /// Splits an absolute URL of HTTP; `None` for other texts.
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
            Some(port) => Some(port.parse().ok()?),
        };
        (!host.is_empty()).then_some(Self { scheme, authority, host, port, rest })
    }
}

/// `url` with what stands in place of its scheme and authority; none if it stays as it is, or is no URL.
pub fn rewrite_url(url: &str, place: Place, naming: &mut dyn Naming) -> Option<String> {
    let parts = UrlParts::split(url)?;
    let origin = naming.origin(place, &parts)?;
    let new = format!("{}{}", origin.trim_end_matches('/'), parts.rest);
    (new != url).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = UrlParts::split("HTTPS://user@Mail.x:8443/mapi/emsmdb/?MailboxId=a@b").unwrap();
        assert_eq!((url.scheme, url.authority), ("HTTPS", "user@Mail.x:8443"));
        assert_eq!((url.host, url.port, url.rest), ("Mail.x", Some(8443), "/mapi/emsmdb/?MailboxId=a@b"));
        let url = UrlParts::split("http://[::1]").unwrap();
        assert_eq!((url.host, url.port, url.rest), ("[::1]", None, ""));
        assert_eq!(UrlParts::split("http://[::1]:80/").unwrap().port, Some(80));
        for none in ["", "http://", "ftp://a/", "mail.x", "https://:1/", "https://a:b/", "https://a:99999"] {
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
        let mut rewrite = |url: &str, place| rewrite_url(url, place, &mut proxy);
        for place in [Place::Service, Place::Redirect] {
            assert_eq!(rewrite("https://Mail.Lab.Test/x?y", place).unwrap(), "https://proxy.test:8443/x?y");
            assert_eq!(rewrite("http://a.EX.lab.test", place).unwrap(), "https://proxy.test:8443");
            assert_eq!(rewrite("https://ex.lab.test/", place), None);
            assert_eq!(rewrite("https://proxy.test:8443/x", place), None);
            assert_eq!(rewrite("http://PROXY.test/x", place).unwrap(), "https://proxy.test:8443/x");
        }
        proxy.upstream.clear();
        assert!(rewrite_url("https://any.test/", Place::Service, &mut proxy).is_some());
        assert!(rewrite_url("https://any.test/", Place::Redirect, &mut proxy).is_none());
        assert_eq!(proxy.host(Place::Service, "guid@lab.test"), None);
        assert_eq!(proxy.host(Place::Service, "any").as_deref(), Some("proxy.test"));
    }
}

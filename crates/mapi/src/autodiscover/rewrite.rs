//! Replaces names in an Autodiscover response and keeps its other bytes.

use std::borrow::Cow;
use std::ops::Range;

use super::naming::{NameUse, Naming, rewrite_url};

/// A name that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The name of the XML element, setting or JSON key that contained the value.
    pub name: String,
    /// The value in the upstream's response.
    pub before: String,
    /// The value in the response to the client.
    pub after: String,
}

/// A response whose names were replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten<'a> {
    /// The bytes of the response; borrowed if nothing was replaced.
    pub bytes: Cow<'a, [u8]>,
    /// The replacements, in the order of the document.
    pub replaced: Vec<Replaced>,
}

/// Replaces parts of a document, in order from its beginning.
pub(super) struct Edits<'a> {
    body: &'a [u8],
    out: Vec<u8>,
    done: usize,
    replaced: Vec<Replaced>,
}

impl<'a> Edits<'a> {
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self { body, out: Vec::new(), done: 0, replaced: Vec::new() }
    }

    /// Replaces `span`, which must follow all spans that were replaced before, by `encoded`.
    pub(super) fn replace(&mut self, span: Range<usize>, encoded: &str, what: Replaced) {
        self.out.extend_from_slice(self.body.get(self.done..span.start).unwrap_or_default());
        self.out.extend_from_slice(encoded.as_bytes());
        self.done = span.end;
        self.replaced.push(what);
    }

    pub(super) fn finish(mut self) -> Rewritten<'a> {
        if self.replaced.is_empty() {
            return Rewritten { bytes: Cow::Borrowed(self.body), replaced: self.replaced };
        }
        self.out.extend_from_slice(self.body.get(self.done..).unwrap_or_default());
        Rewritten { bytes: Cow::Owned(self.out), replaced: self.replaced }
    }
}

/// The kind of name that an element or setting contains, if the value itself does not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A host name, as in `Server`.
    Host,
    /// The name of a host to which clients connect by HTTP.
    WebHost,
    /// The subject of a server's certificate, as in `CertPrincipalName`.
    Principal,
    /// The authentication scheme of clients over HTTP, as in `AuthPackage`.
    AuthScheme,
    /// Whether TLS is required, as in `SSL`.
    Tls,
    /// A URL, a distinguished name, or a value without a server's name.
    Other,
}

/// The prefix of a certificate's subject ([MS-OXDSCLI] 2.2.4.1.1.2.6.8).
const PRINCIPAL: &str = "msstd:";

/// The prefix of a server's name in a distinguished name.
const SERVERS: &str = "/cn=servers/cn=";

/// Returns `value` with the proxy's names in place of the upstream's; `None` if it contains no name of the upstream.
pub(super) fn value(value: &str, kind: Kind, usage: NameUse, naming: &mut dyn Naming) -> Option<String> {
    let trimmed = value.trim();
    let new = if kind == Kind::AuthScheme {
        auth_scheme(trimmed, naming.auth_schemes())?
    } else if kind == Kind::Tls {
        within_tls(trimmed, naming.is_within_tls()?)?.to_owned()
    } else if trimmed.contains("://") {
        rewrite_url(trimmed, usage, naming)?
    } else if trimmed.starts_with('/') {
        distinguished_name(trimmed, naming)?
    } else if kind == Kind::Principal {
        let (prefix, host) = trimmed.split_at_checked(PRINCIPAL.len())?;
        let is_principal = prefix.eq_ignore_ascii_case(PRINCIPAL);
        let host = is_principal.then(|| host_name(host, |name| naming.web_host(usage, name))).flatten()?;
        format!("{prefix}{host}")
    } else if kind == Kind::Host && !trimmed.is_empty() {
        host_name(trimmed, |name| naming.host(usage, name))?
    } else if kind == Kind::WebHost && !trimmed.is_empty() {
        host_name(trimmed, |name| naming.web_host(usage, name))?
    } else {
        return None;
    };
    (new != trimmed).then(|| value.replacen(trimmed, &new, 1))
}

/// Returns the authentication scheme that replaces that of the `response`: the strongest of `offered`, in the same
/// capitalization. `None` keeps the scheme of the response.
fn auth_scheme(response: &str, offered: &[String]) -> Option<String> {
    let best = offered.first()?;
    if response.is_empty() || offered.iter().any(|scheme| scheme.eq_ignore_ascii_case(response)) {
        return None;
    }
    let is_capital = response.starts_with(|first: char| first.is_ascii_uppercase());
    let (first, rest) = best.split_at_checked(usize::from(is_capital))?;
    Some(first.to_ascii_uppercase() + rest)
}

/// Returns `tls` as a Boolean in the same notation as that of the `response`; `None` if the notation is unknown.
fn within_tls(response: &str, tls: bool) -> Option<&'static str> {
    let kinds = [("Off", "On"), ("False", "True"), ("off", "on"), ("false", "true")];
    let is = |known: &str| known == response;
    let kind = kinds.into_iter().find(|(no, yes)| is(no) || is(yes)).or_else(|| {
        let is = |known: &str| known.eq_ignore_ascii_case(response);
        kinds.into_iter().find(|(no, yes)| is(no) || is(yes))
    });
    kind.map(|(no, yes)| if tls { yes } else { no })
}

/// Replaces a host name by what `named` returns for it, and keeps its port.
fn host_name(host: &str, named: impl FnOnce(&str) -> Option<String>) -> Option<String> {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            named(name).map(|new| format!("{new}:{port}"))
        }
        _ => named(host),
    }
}

/// Replaces the server names in a distinguished name.
fn distinguished_name(dn: &str, naming: &mut dyn Naming) -> Option<String> {
    let lower = dn.to_ascii_lowercase();
    let mut out = String::new();
    let mut done = 0;
    while let Some(found) = lower.get(done..).and_then(|rest| rest.find(SERVERS)) {
        let start = done.saturating_add(found).saturating_add(SERVERS.len());
        let rest = dn.get(start..).unwrap_or_default();
        let old = rest.split('/').next().unwrap_or_default();
        out.push_str(dn.get(done..start).unwrap_or_default());
        let new = if old.is_empty() { None } else { naming.server(old) };
        out.push_str(new.as_deref().unwrap_or(old));
        done = start.saturating_add(old.len());
    }
    out.push_str(dn.get(done..).unwrap_or_default());
    (out != dn).then_some(out)
}

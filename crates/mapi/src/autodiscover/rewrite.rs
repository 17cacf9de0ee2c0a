//! Edits names in Autodiscover responses in place.

use std::borrow::Cow;
use std::ops::Range;

use super::naming::{Naming, Place, rewrite_url};

/// A name that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The element, the setting or the key whose value it stood in.
    pub name: String,
    /// The value as it came.
    pub before: String,
    /// The value as it goes on.
    pub after: String,
}

/// An answer with other names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten<'a> {
    /// Its bytes: those that came, if nothing was replaced.
    pub bytes: Cow<'a, [u8]>,
    /// What was replaced, in order.
    pub replaced: Vec<Replaced>,
}

/// Replaces parts of a document, one after the other from its beginning.
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

    /// Puts `encoded` in place of `span`, which must lie behind all that were replaced before.
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

/// What kind of name a value is, where that cannot be seen from the value itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A host's name, as in `Server`.
    Host,
    /// The name of a host that clients connect to by HTTP.
    WebHost,
    /// Who a server's certificate has to be for, as in `CertPrincipalName`.
    Principal,
    /// By what clients sign in over HTTP, as in `AuthPackage`.
    SignIn,
    /// Whether TLS is needed, as in `SSL`.
    Tls,
    /// A URL or a distinguished name, or nothing that names a server.
    Other,
}

/// What stands in front of the name of whom a certificate is for ([MS-OXDSCLI] 2.2.4.1.1.2.6.8).
const PRINCIPAL: &str = "msstd:";

/// What stands in front of a server's name in a distinguished name.
const SERVERS: &str = "/cn=servers/cn=";

/// `value` with the proxy's names in place of the upstream's; `None` if it has no name of the upstream.
pub(super) fn value(value: &str, kind: Kind, place: Place, naming: &mut dyn Naming) -> Option<String> {
    let trimmed = value.trim();
    let new = if kind == Kind::SignIn {
        auth_scheme(trimmed, naming.auth_schemes())?
    } else if kind == Kind::Tls {
        within_tls(trimmed, naming.is_within_tls()?)?.to_owned()
    } else if trimmed.contains("://") {
        rewrite_url(trimmed, place, naming)?
    } else if trimmed.starts_with('/') {
        distinguished_name(trimmed, naming)?
    } else if kind == Kind::Principal {
        let (prefix, host) = trimmed.split_at_checked(PRINCIPAL.len())?;
        let is_principal = prefix.eq_ignore_ascii_case(PRINCIPAL);
        let host = is_principal.then(|| host_name(host, |name| naming.web_host(place, name))).flatten()?;
        format!("{prefix}{host}")
    } else if kind == Kind::Host && !trimmed.is_empty() {
        host_name(trimmed, |name| naming.host(place, name))?
    } else if kind == Kind::WebHost && !trimmed.is_empty() {
        host_name(trimmed, |name| naming.web_host(place, name))?
    } else {
        return None;
    };
    (new != trimmed).then(|| value.replacen(trimmed, &new, 1))
}

/// The authentication scheme that replaces that of the `response`: the strongest of `offered`, capitalized alike.
/// `None` keeps the scheme of the response.
fn auth_scheme(response: &str, offered: &[String]) -> Option<String> {
    let best = offered.first()?;
    if response.is_empty() || offered.iter().any(|scheme| scheme.eq_ignore_ascii_case(response)) {
        return None;
    }
    let is_capital = response.starts_with(|first: char| first.is_ascii_uppercase());
    let (first, rest) = best.split_at_checked(usize::from(is_capital))?;
    Some(first.to_ascii_uppercase() + rest)
}

/// The same kind of yes or no as an answer `said`, for whether TLS is needed.
fn within_tls(said: &str, tls: bool) -> Option<&'static str> {
    let kinds = [("Off", "On"), ("False", "True"), ("off", "on"), ("false", "true")];
    let is = |known: &str| known == said;
    let kind = kinds.into_iter().find(|(no, yes)| is(no) || is(yes)).or_else(|| {
        let is = |known: &str| known.eq_ignore_ascii_case(said);
        kinds.into_iter().find(|(no, yes)| is(no) || is(yes))
    });
    kind.map(|(no, yes)| if tls { yes } else { no })
}

/// What `named` puts in place of a host's name, with the port behind it that there may be.
fn host_name(host: &str, named: impl FnOnce(&str) -> Option<String>) -> Option<String> {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            named(name).map(|new| format!("{new}:{port}"))
        }
        _ => named(host),
    }
}

/// Replaces the servers in a distinguished name.
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

//! Headers and cookies that only servers and trusted proxies may send, and that are removed from requests of clients;
//! those that servers send to each other also from responses.
//!
//! The front end of Exchange sends the back end headers and cookies with the authenticated user and the server of a
//! request, and trusts those that it receives. Other servers trust headers about the client's address, its certificate,
//! or the requested path.

use std::sync::LazyLock;

use http1::FieldAction;

/// Who may send a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AllowedSender {
    /// Any client.
    Client,
    /// A trusted proxy: the field describes the client's address and connection.
    Proxy,
    /// Only the server itself.
    Server,
}

/// The prefixes of names, in lower case, of fields that Exchange's servers send to each other: the authenticated user,
/// and the server of a request. In responses they name servers, too.
const EXCHANGE: &[&str] = &[
    "x-commonaccesstoken",
    "x-common-access",
    "x-be",
    "x-anonresource",
    "x-isfrom",
    "x-cafe",
    "x-sourcecafe",
    "x-sourceserver",
    "x-feserver",
    "x-diaginfo",
    "x-feproxy",
    "x-feefz",
    "x-calculated",
    "x-target",
    "x-wlid",
    "wlid-",
    "msexch",
    "x-msexch",
    "x-ms-exchange",
    "x-rps-",
    "x-security",
    "x-serialized",
    "x-ext-",
    "x-owa-proxy",
    "x-ecp-proxy",
    "x-ews-proxy",
    "x-eas-proxy",
    "x-accountforest",
    "x-routing",
    "x-internal",
    "x-backend",
    "x-impersonat",
    "x-mailboxdatabase",
    "x-databaseguid",
    "x-servertoserver",
];

/// The prefixes of names of fields that web servers and their modules trust: another path or method, a certificate or a
/// user that was authenticated elsewhere.
const WEB: &[&str] = &[
    "x-original",
    "x-rewrite",
    "x-http-method",
    "x-method-override",
    "x-http-path",
    "x-http-host",
    "x-path",
    "x-uri",
    "x-host",
    "x-arr-",
    "x-iis-",
    "iis-",
    "x-proxy",
    "proxy",
    "wl-",
    "client-cert",
    "x-client-cert",
    "x-client-verify",
    "x-client-dn",
    "x-client-s-dn",
    "x-client-i-dn",
    "x-client-subject",
    "x-client-issuer",
    "x-client-san",
    "x-client-serial",
    "x-client-fingerprint",
    "x-clientcert",
    "x-forwarded-client-cert",
    "x-cert",
    "x-ssl",
    "ssl-",
    "x-tls-",
    "remote-",
    "x-remote-",
    "x-auth",
    "x-sso",
    "x-ms-client-principal",
    "x-ms-token",
    "x-webauth",
    "auth-",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-login",
    "x-forwarded-access",
    "x-forwarded-preferred",
    "x-user",
    "x-logon",
    "logon-",
    "x-login",
    "x-principal",
    "x-credential",
    "x-consumer",
    "x-identity",
    "sm-",
    "oam-",
    "iv-",
    "shib-",
    "x-shib",
    "oidc-",
    "x-oidc",
    "x-amzn-oidc",
    "x-amzn-mtls",
    "x-goog-iap",
    "x-goog-authenticated",
    "x-pomerium",
    "x-vouch",
    "tailscale-",
    "mellon-",
    "x-saml",
    "cas-",
    "x-cas-",
];

/// Fields that clients send although their names begin with one of these prefixes: Outlook names the mailbox of a
/// request, which authenticates nothing.
const CLIENTS: [&str; 1] = ["x-user-identity"];

/// The prefixes of names of fields in which proxies describe the client's address and connection.
const FORWARDING: &[&str] = &[
    "forwarded",
    "x-forward",
    "x-real-",
    "x-client-ip",
    "x-clientip",
    "client-ip",
    "x-cluster-client",
    "x-originating",
    "x-source-ip",
    "true-client",
    "cf-",
    "fastly-client",
    "x-azure-",
    "x-envoy-",
    "front-end-https",
    "x-scheme",
    "x-url-scheme",
    "x-ms-forwarded",
    "x-ms-proxy",
    "x-ms-adfs",
];

/// The length of the longest prefix, in bytes.
const LONGEST: usize = 24;

/// Who may send the field called `name`. Servers that turn fields into variables equate `_` with `-`, and some every
/// character that is neither a letter nor a digit.
pub(crate) fn allowed_sender(name: &[u8]) -> AllowedSender {
    if is_usual(name) { AllowedSender::Client } else { looked_up(name) }
}

/// Whether Exchange's servers send the field called `name` to each other only. In a response it may name a server,
/// which clients must not see and do not need.
pub(crate) fn is_between_servers(name: &[u8]) -> bool {
    static EXCHANGE_ONLY: LazyLock<Prefixes> = LazyLock::new(|| Prefixes::new(&[EXCHANGE]));
    !is_usual(name) && EXCHANGE_ONLY.has_prefix_of(Start::of(name))
}

/// Whether the field called `name` is one that nearly all requests or responses have, and that is in no list.
pub(crate) fn is_usual(name: &[u8]) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    match name.len() {
        4 => is("date"),
        6 => is("accept") || is("server"),
        10 => is("user-agent"),
        11 => is("x-requestid"),
        12 => is("content-type") || is("x-clientinfo"),
        13 => is("x-requesttype"),
        14 => is("content-length") || is("x-responsecode"),
        15 => is("x-pendingperiod"),
        16 => is("x-expirationinfo"),
        19 => is("x-clientapplication") || is("x-serverapplication"),
        _ => false,
    }
}

/// Fields that control MAPI over HTTP, or how a body is encoded. The proxy reads them by these names; a server that
/// equates other characters with `-` would read another value from another spelling. The decoder of HTTP refuses
/// other spellings of the fields that frame a message.
const CONTROL: [&str; 17] = [
    "content-type",
    "content-encoding",
    "x-requesttype",
    "x-requestid",
    "x-clientinfo",
    "x-clientapplication",
    "x-clientcanhandle",
    "x-clientstatistics",
    "x-responsecode",
    "x-pendingperiod",
    "x-expirationinfo",
    "x-elapsedtime",
    "x-deviceinfo",
    "x-serverapplication",
    "x-anchormailbox",
    "x-mapihttpcapability",
    "x-user-identity",
];

/// Whether `name`, whose start is `start`, is a field of [`CONTROL`] with another character for a `-`.
fn is_respelled_control(name: &[u8], start: Start) -> bool {
    let is_control = |known: &str| known.len() == name.len() && Start::of(known.as_bytes()) == start;
    !is_plain(name) && CONTROL.iter().any(|known| is_control(known))
}

/// Whether `name` consists of letters, digits and dashes, as names of fields usually do.
fn is_plain(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Who may send a field according to the lists.
fn looked_up(name: &[u8]) -> AllowedSender {
    static SERVER: LazyLock<Prefixes> = LazyLock::new(|| Prefixes::new(&[EXCHANGE, WEB]));
    static PROXY: LazyLock<Prefixes> = LazyLock::new(|| Prefixes::new(&[FORWARDING]));
    let start = Start::of(name);
    if SERVER.has_prefix_of(start) {
        let is_clients = CLIENTS.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()));
        if is_clients { AllowedSender::Client } else { AllowedSender::Server }
    } else if PROXY.has_prefix_of(start) {
        // Trusted proxies write dashes. A field in another spelling was sent by the client, and forwarded by the proxy.
        if is_plain(name) { AllowedSender::Proxy } else { AllowedSender::Server }
    } else if is_respelled_control(name, start) {
        AllowedSender::Server
    } else {
        AllowedSender::Client
    }
}

/// The first [`LONGEST`] bytes of a name in lower case, with a dash for each byte that is neither letter nor digit,
/// padded with zeros, as numbers that sort as names do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Start([u64; LONGEST / 8]);

impl Start {
    fn of(name: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = if from.is_ascii_alphanumeric() { from.to_ascii_lowercase() } else { b'-' };
        }
        Self::packed(bytes)
    }

    /// All bits set of the first `length` bytes.
    fn mask(length: usize) -> Self {
        Self::packed(std::array::from_fn(|place| if place < length { 0xff } else { 0 }))
    }

    fn packed(bytes: [u8; LONGEST]) -> Self {
        let mut words = bytes.as_chunks().0.iter();
        Self(std::array::from_fn(|_| words.next().map_or(0, |word| u64::from_be_bytes(*word))))
    }
}

/// A prefix of names, and a mask of the bits of a name's start that are compared with it.
#[derive(Debug, Clone, Copy)]
struct Prefix {
    start: Start,
    mask: Start,
}

impl Prefix {
    fn matches(&self, name: Start) -> bool {
        let parts = self.start.0.iter().zip(self.mask.0).zip(name.0);
        parts.fold(0, |differ, ((start, mask), name)| differ | (start ^ (name & mask))) == 0
    }
}

/// Sorted prefixes, none of which begins with another: only the last one that is not greater than a name can be its
/// prefix.
#[derive(Debug)]
struct Prefixes(Vec<Prefix>);

impl Prefixes {
    fn new(lists: &[&[&str]]) -> Self {
        let names = lists.iter().copied().flatten().map(|name| name.as_bytes());
        let mut all: Vec<Prefix> =
            names.map(|name| Prefix { start: Start::of(name), mask: Start::mask(name.len()) }).collect();
        all.sort_by_key(|one| one.start);
        // A prefix that begins with another one is redundant.
        all.dedup_by(|longer, shorter| shorter.matches(longer.start));
        Self(all)
    }

    fn has_prefix_of(&self, name: Start) -> bool {
        let behind = self.0.partition_point(|one| one.start <= name);
        self.0.get(..behind).and_then(<[_]>::last).is_some_and(|last| last.matches(name))
    }
}

/// Which cookies are forwarded between a client and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookies {
    /// Those of a session of MAPI over HTTP, whose identity the engine checks.
    OfSession,
    /// Those that the server set for the client, which authenticated there.
    OfClient,
    /// None: the server sets them for the service account, which all clients share.
    None,
}

/// Cookies by which a front end of Exchange determines the server of a request, or the authenticated user; and one that
/// replaces a parameter of the query.
const ROUTING: [&str; 5] =
    ["x-beresource", "x-anonresource", "x-anonresource-backend", "x-commonaccesstoken", "email"];

/// The prefix of the cookies of Exchange's forms-based authentication, which would replace the client's own
/// credentials.
const FORM: &[u8] = b"cadata";

/// The cookie in which a front end stores its back end. A forged one redirects the front end; in a session of MAPI over
/// HTTP it is one that the server set.
const BACK_END: &str = "x-backendcookie";

impl Cookies {
    /// Whether the cookie called `name` is forwarded.
    fn passes(self, name: &[u8]) -> bool {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let is_of_form = name.get(..FORM.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORM));
        match self {
            _ if is_of_form || ROUTING.into_iter().any(is) => false,
            Self::OfSession => true,
            Self::OfClient => !is(BACK_END),
            Self::None => false,
        }
    }

    /// Whether a pair `name=value` of a `Cookie` field is forwarded. Some servers separate cookies also by commas.
    fn forwards(self, pair: &[u8]) -> bool {
        pair.split(|byte| *byte == b',').map(name_of).all(|name| self.passes(name))
    }

    /// The action for a `Cookie` field with this value in a request.
    pub(crate) fn in_request(self, value: &[u8]) -> FieldAction {
        let pairs = || {
            let mut rest = Some(value);
            std::iter::from_fn(move || {
                let (pair, after) = split_at(rest?, b';');
                rest = after;
                Some(pair)
            })
        };
        let passes = |pair: &&[u8]| self.forwards(pair);
        if self != Self::None && pairs().all(|pair| passes(&pair)) {
            return FieldAction::Keep;
        }
        let kept: Vec<&[u8]> =
            pairs().filter(passes).map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()).collect();
        if kept.is_empty() { FieldAction::Remove } else { FieldAction::Replace(kept.join(&b"; "[..]).into()) }
    }

    /// The action for a `Set-Cookie` field with this value in a response.
    pub(crate) fn in_response(self, value: &[u8]) -> FieldAction {
        if self.accepts_set_cookie(value) { FieldAction::Keep } else { FieldAction::Remove }
    }

    /// Whether the cookie that a `Set-Cookie` field with this value sets is sent to the client: only if it is also
    /// forwarded when the client sends it.
    pub(crate) fn accepts_set_cookie(self, value: &[u8]) -> bool {
        self.forwards(split_at(value, b';').0)
    }
}

/// The name of the cookie in a pair `name=value`, without blanks and control characters of any character set at its
/// ends, which ASP.NET removes.
fn name_of(pair: &[u8]) -> &[u8] {
    let name = split_at(pair, b'=').0;
    let begin = name.iter().position(u8::is_ascii_graphic).unwrap_or(name.len());
    let end = name.iter().rposition(u8::is_ascii_graphic).map_or(begin, |last| last + 1);
    name.get(begin..end).unwrap_or_default()
}

/// The part of `text` before the first `separator`, and that after it; `None` if there is no separator.
fn split_at(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let at = memchr::memchr(separator, text).unwrap_or(text.len());
    let (before, after) = text.split_at_checked(at).unwrap_or((text, &[]));
    (before, after.split_first().map(|(_, after)| after))
}

#[cfg(test)]
mod tests;

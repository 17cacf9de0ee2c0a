//! Request sequencing for cookie-based sessions, where the proxy delays a request or sends another one ahead of it.
//!
//! A server may set a new cookie in each response of a session, and the next request has to contain it. A client
//! receives it in the head of the response. If that head was already sent, because the client receives `PENDING`, or
//! if the cookie was set in the response to a request that a module sent ahead, the client is stale: its next request
//! contains the old cookie. The new one is kept as a pending cookie of the session, and replaces the old one in the
//! client's next request. A pending cookie is used once: a second request with the old cookie is forwarded unchanged,
//! and the server refuses it as it would without the proxy.

use std::fmt;

use mapi::mapihttp::cookies::{Cookie, SetCookie, cookies};

use crate::session::SharedSession;
use crate::sessions::fingerprint::Fingerprint;

/// A cookie that the client has not received.
#[derive(Clone)]
pub(crate) struct PendingCookie {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The attributes in its `Set-Cookie` header, without the first semicolon.
    attributes: String,
}

impl fmt::Debug for PendingCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The cookies of a request, and how they are forwarded.
#[derive(Debug, Default)]
pub(crate) struct RequestCookies {
    /// The fingerprints of the cookies in the request: of the name, and of name and value.
    pub(crate) sent: Vec<(Fingerprint, Fingerprint)>,
    /// The fingerprints of the names of cookies that were not set for the session. They are not forwarded.
    pub(crate) unknown: Vec<Fingerprint>,
    /// Cookies that the client has not received. They are forwarded in place of the client's.
    pub(crate) pending: Vec<PendingCookie>,
    /// Whether the request is part of the session's sequence. A request outside of the sequence, such as a wait for
    /// notifications, is forwarded with the newest cookies, and adds no pending cookies when it ends, which may be
    /// much later.
    pub(crate) in_sequence: bool,
    /// The session of the same identity that the session opened by this request replaces.
    pub(crate) replaces: Option<SharedSession>,
}

impl PendingCookie {
    /// An estimate of its memory, in bytes.
    fn memory(&self) -> usize {
        [&self.name, &self.value, &self.attributes].map(String::capacity).iter().sum::<usize>()
            + size_of::<StaleCookie>()
    }
}

impl RequestCookies {
    pub(crate) const EMPTY: Self = Self {
        sent: Vec::new(),
        unknown: Vec::new(),
        pending: Vec::new(),
        in_sequence: false,
        replaces: None,
    };
}

/// A cookie of a stale client, and the pending cookie that replaces it.
#[derive(Debug)]
pub(crate) struct StaleCookie {
    /// The fingerprint of the name.
    name: Fingerprint,
    /// The fingerprint of the client's cookie; `None` if it has no cookie with this name.
    value: Option<Fingerprint>,
    pending: PendingCookie,
}

/// The sequence of a session's requests, and the cookies that its client has not received.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    stale: Vec<StaleCookie>,
    /// The number of the operation that locks the sequence.
    locked_by: Option<u64>,
}

impl Sequence {
    /// Whether an operation locks the sequence, so that other requests of the sequence are refused.
    pub(crate) const fn is_locked(&self) -> bool {
        self.locked_by.is_some()
    }

    /// The pending cookies that replace or extend the cookies `sent` in a request. Each is used for one request of
    /// the sequence.
    pub(crate) fn take_pending(
        &mut self,
        sent: &[(Fingerprint, Fingerprint)],
        in_sequence: bool,
    ) -> Vec<PendingCookie> {
        if self.stale.is_empty() {
            return Vec::new();
        }
        let has =
            |stale: &StaleCookie| sent.iter().find(|(name, _)| *name == stale.name).map(|(_, pair)| *pair);
        let pending = self.stale.iter().filter(|stale| has(stale) == stale.value);
        let pending = pending.map(|stale| stale.pending.clone()).collect();
        if in_sequence {
            self.stale.clear();
        }
        pending
    }

    /// Keeps the pending cookies of `request`, and unlocks the sequence if `operation` locks it.
    pub(crate) fn operation_ended(
        &mut self,
        operation: u64,
        request: &mut RequestCookies,
        fingerprint: impl Fn(&str) -> Fingerprint,
    ) {
        if self.locked_by == Some(operation) {
            self.locked_by = None;
        }
        let unseen = std::mem::take(&mut request.pending);
        for pending in unseen.into_iter().filter(|_| request.in_sequence) {
            let name = fingerprint(&pending.name);
            let stale = request.sent.iter().find(|(other, _)| *other == name).map(|(_, pair)| *pair);
            self.stale.retain(|stale| stale.name != name);
            self.stale.push(StaleCookie { name, value: stale, pending });
        }
    }

    /// Locks the sequence for `operation`: other requests of the sequence are refused meanwhile.
    pub(crate) fn lock_sequence(&mut self, operation: u64) {
        self.locked_by.get_or_insert(operation);
    }

    /// An estimate of the memory of the pending cookies, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.stale.iter().map(|stale| stale.pending.memory()).sum()
    }

    /// The fingerprints of the stale cookies that the client still has.
    pub(crate) fn stale(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        self.stale.iter().filter_map(|stale| stale.value)
    }
}

impl RequestCookies {
    /// Adds pending cookies, which the client does not receive in the head of a response. `set` are the values of
    /// `Set-Cookie` headers.
    pub(crate) fn add_pending_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) {
        if !self.in_sequence {
            return;
        }
        for set in set.map(SetCookie::parse).filter(|set| !set.is_removal()) {
            let pending = &mut self.pending;
            pending.retain(|known| known.name != set.cookie.name);
            pending.push(PendingCookie {
                name: set.cookie.name.to_owned(),
                value: set.cookie.value.to_owned(),
                attributes: set.attributes.to_owned(),
            });
        }
    }

    /// An estimate of the memory of the pending cookies, in bytes.
    pub(crate) fn pending_memory(&self) -> usize {
        self.pending.iter().map(PendingCookie::memory).sum()
    }

    /// Takes the pending cookies, to add them to a response to the client whose `Set-Cookie` headers have the values
    /// `set`. Returns the values of the `Set-Cookie` headers to add.
    pub(crate) fn take_pending_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) -> Vec<String> {
        if self.pending.is_empty() || !self.in_sequence {
            return Vec::new();
        }
        let set: Vec<&str> = set.map(|set| SetCookie::parse(set).cookie.name).collect();
        let pending = std::mem::take(&mut self.pending);
        let missing = pending.into_iter().filter(|pending| !set.contains(&pending.name.as_str()));
        missing
            .map(|PendingCookie { name, value, attributes }| {
                if attributes.is_empty() {
                    format!("{name}={value}")
                } else {
                    format!("{name}={value};{attributes}")
                }
            })
            .collect()
    }

    /// The value of the one `Cookie` header to send to the upstream. `sent` are the values of the client's `Cookie`
    /// headers. `None` if these can be forwarded unchanged; empty if no cookie may be sent. Cookies that were not set
    /// for the session are left out, and pending cookies are added. A Connect or Bind is sent with the cookies of the
    /// session that it replaces, unless that has ended meanwhile.
    pub(crate) fn cookies_to_send<'a>(&self, sent: impl FnOnce() -> Vec<&'a [u8]>) -> Option<String> {
        let RequestCookies { sent: fingerprints, unknown, pending, replaces, .. } = self;
        if replaces.as_ref().is_some_and(SharedSession::is_closed) {
            return Some(String::new());
        }
        if pending.is_empty() && unknown.is_empty() {
            return None;
        }
        let sent = sent();
        let newest = |name: &str| pending.iter().find(|pending| pending.name.eq_ignore_ascii_case(name));
        let from_client = || utf8_values(&sent).flat_map(cookies).zip(fingerprints);
        let known = from_client().filter(|(_, (name, _))| !unknown.contains(name));
        let mut all: Vec<String> = known
            .map(|(Cookie { name, value }, _)| {
                format!("{name}={}", newest(name).map_or(value, |pending| &pending.value))
            })
            .collect();
        let missing = pending.iter().filter(|pending| {
            !from_client().any(|(cookie, _)| cookie.name.eq_ignore_ascii_case(&pending.name))
        });
        all.extend(missing.map(|pending| format!("{}={}", pending.name, pending.value)));
        Some(all.join("; "))
    }
}

/// The values of `Cookie` headers that are valid UTF-8.
pub(crate) fn utf8_values<'a>(sent: &[&'a [u8]]) -> impl Iterator<Item = &'a str> {
    sent.iter().filter_map(|value| std::str::from_utf8(value).ok())
}

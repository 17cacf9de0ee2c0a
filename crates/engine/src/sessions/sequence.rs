//! Request sequencing for cookie-based sessions, where the proxy delays a request or sends another one ahead of it.
//!
//! A server sets a new cookie with each request of a session, and the next request has to bring it. A client
//! learns of it in the head of the response. Where that head has left already, since the client was sent PENDING,
//! or where the cookie came with a request that a module sent ahead, the client is stale: its next request brings the
//! cookie from before. The new one is kept as pending with the session, and put into the client's next request in
//! place of the old one. It is given out once: a request that brings the old cookie a second time passes with that,
//! and is refused by the server as it would be without the proxy.

use std::fmt;

use mapi::mapihttp::cookies::{Cookie, SetCookie, cookies};

use crate::sessions::fingerprint::Fingerprint;

/// A cookie that the client has not seen.
#[derive(Clone)]
pub(crate) struct PendingCookie {
    pub(crate) name: String,
    pub(crate) value: String,
    /// What follows in its `Set-Cookie` header.
    attributes: String,
}

impl fmt::Debug for PendingCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The cookies of a request, and what becomes of them.
#[derive(Debug, Default)]
pub(crate) struct RequestCookies {
    /// What stands for the cookies that it came with: for their names, and for names and values.
    pub(crate) sent: Vec<(Fingerprint, Fingerprint)>,
    /// The names of those among them that the session was never given.
    pub(crate) unknown: Vec<Fingerprint>,
    /// What the client has not seen; it goes to the upstream in place of what the client sent.
    pub(crate) pending: Vec<PendingCookie>,
    /// Whether the request is part of the session's sequence. One beside it is sent with what is newest when it
    /// arrives, and leaves no pending cookies when it ends, which may be long after.
    pub(crate) in_sequence: bool,
    /// The session of the same identity that the one which it opens takes the place of.
    pub(crate) replaces: Option<u64>,
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

/// A cookie that a stale client brings, with the pending one that replaces it.
#[derive(Debug)]
pub(crate) struct StaleCookie {
    /// What stands for the name.
    name: Fingerprint,
    /// What stands for the cookie that the client has; none where it has none of this name.
    value: Option<Fingerprint>,
    pending: PendingCookie,
}

/// The sequence of a session's requests, and the cookies that its client has not seen.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    stale: Vec<StaleCookie>,
    /// The operation that holds the sequence.
    locked_by: Option<u64>,
}

impl Sequence {
    /// Whether requests of the sequence are refused, since one of them is held.
    pub(crate) const fn is_locked(&self) -> bool {
        self.locked_by.is_some()
    }

    /// What a request that came with `sent` has to bring besides or instead. It is given to one request
    /// of the sequence.
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

    /// Keeps what the client that sent `request` has not seen, and lets the others go on where `operation` held them.
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

    /// Holds the sequence for `operation`: other requests of it are refused meanwhile.
    pub(crate) fn lock_sequence(&mut self, operation: u64) {
        self.locked_by.get_or_insert(operation);
    }

    /// The values that clients have though they are not the newest.
    pub(crate) fn stale(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        self.stale.iter().filter_map(|stale| stale.value)
    }
}

impl RequestCookies {
    /// The upstream `set` these cookies, and the client will not see them in the head of an answer.
    pub(crate) fn hold_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) {
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

    /// The client gets an answer whose head sets these cookies: the values of the `Set-Cookie` headers that
    /// have to stand there as well, since the client has not seen them.
    pub(crate) fn take_held_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) -> Vec<String> {
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

    /// The value of the one `Cookie` header that goes to the upstream in place of `sent`, the values of those
    /// that the client sent; none where these can go as they are, and empty where none of them may go. What
    /// the session was never given stays here, and what the client has not seen goes along. A request that
    /// opens a session brings what the one was given that it replaces.
    pub(crate) fn cookies_to_send(&self, sent: &[&[u8]]) -> Option<String> {
        let RequestCookies { sent: fingerprints, unknown, pending, .. } = self;
        if pending.is_empty() && unknown.is_empty() {
            return None;
        }
        let newest = |name: &str| pending.iter().find(|pending| pending.name.eq_ignore_ascii_case(name));
        let brought = || utf8_values(sent).flat_map(cookies).zip(fingerprints);
        let known = brought().filter(|(_, (name, _))| !unknown.contains(name));
        let mut all: Vec<String> = known
            .map(|(Cookie { name, value }, _)| {
                format!("{name}={}", newest(name).map_or(value, |pending| &pending.value))
            })
            .collect();
        let missing = pending
            .iter()
            .filter(|pending| !brought().any(|(cookie, _)| cookie.name.eq_ignore_ascii_case(&pending.name)));
        all.extend(missing.map(|pending| format!("{}={}", pending.name, pending.value)));
        Some(all.join("; "))
    }
}

/// The values of `Cookie` headers that are text.
pub(crate) fn utf8_values<'a>(sent: &[&'a [u8]]) -> impl Iterator<Item = &'a str> {
    sent.iter().filter_map(|value| std::str::from_utf8(value).ok())
}

//! Whose turn it is in a session that is known by cookies, where we take time over a request or ask something
//! ahead.
//!
//! A server sets a new cookie with each request of a session, which the next one has to bring. A client
//! learns of it in the head of the answer. Where that head has left already, since the client was told that
//! we are at work, or where something was asked ahead and nothing came of the client's own request, the
//! client is behind: it brings the cookie from before once more. What it has not seen is kept for the
//! session, and put into its next request in place of what it brings. It is given out once: a request that
//! brings the old cookie a second time passes with that, and is refused by the server as it would be without
//! us.

use std::fmt;

use mapi::mapihttp::cookies::{Cookie, SetCookie, cookies};

use crate::sessions::fingerprint::Fingerprint;

/// A cookie that the client has not seen.
#[derive(Clone)]
pub(crate) struct Fresh {
    pub(crate) name: String,
    pub(crate) value: String,
    /// What follows in its `Set-Cookie` header.
    attributes: String,
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a request says of its session's turns.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// What stands for the cookies that it came with: for their names, and for names and values.
    pub(crate) sent: Vec<(Fingerprint, Fingerprint)>,
    /// The names of those among them that the session was never given.
    pub(crate) strange: Vec<Fingerprint>,
    /// What the client has not seen; it goes to the upstream in place of what the client sent.
    pub(crate) fresh: Vec<Fresh>,
    /// Whether the request takes its turn. One that goes on beside the others is sent with what is newest
    /// when it comes, and says nothing of turns when it is over: that may be long after.
    pub(crate) ordered: bool,
    /// The session of the same identity that the one which it opens takes the place of.
    pub(crate) replaces: Option<u64>,
}

impl Turn {
    pub(crate) const NONE: Self =
        Self { sent: Vec::new(), strange: Vec::new(), fresh: Vec::new(), ordered: false, replaces: None };
}

/// A cookie that a client brings, with what it has to bring instead.
#[derive(Debug)]
pub(crate) struct Behind {
    /// What stands for the name.
    name: Fingerprint,
    /// What stands for the cookie that the client has; none where it has none of this name.
    stale: Option<Fingerprint>,
    fresh: Fresh,
}

/// What clients of a session have not seen.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    behind: Vec<Behind>,
    /// The operation that the others have to wait for.
    held_by: Option<u64>,
}

impl Turns {
    /// Whether a request that takes its turn has to wait.
    pub(crate) const fn is_held(&self) -> bool {
        self.held_by.is_some()
    }

    /// What a request that came with `sent` has to bring besides or instead. It is given to one request that
    /// takes its turn.
    pub(crate) fn catch_up(&mut self, sent: &[(Fingerprint, Fingerprint)], takes_turn: bool) -> Vec<Fresh> {
        if self.behind.is_empty() {
            return Vec::new();
        }
        let has =
            |behind: &Behind| sent.iter().find(|(name, _)| *name == behind.name).map(|(_, whole)| *whole);
        let fresh = self.behind.iter().filter(|behind| has(behind) == behind.stale);
        let fresh = fresh.map(|behind| behind.fresh.clone()).collect();
        if takes_turn {
            self.behind.clear();
        }
        fresh
    }

    /// Keeps what the client that sent `turn` has not seen, and lets the others go on where it held them.
    pub(crate) fn over(&mut self, operation: u64, turn: &mut Turn, print: impl Fn(&str) -> Fingerprint) {
        if self.held_by == Some(operation) {
            self.held_by = None;
        }
        let unseen = std::mem::take(&mut turn.fresh);
        for fresh in unseen.into_iter().filter(|_| turn.ordered) {
            let name = print(&fresh.name);
            let stale = turn.sent.iter().find(|(other, _)| *other == name).map(|(_, whole)| *whole);
            self.behind.retain(|behind| behind.name != name);
            self.behind.push(Behind { name, stale, fresh });
        }
    }

    /// Lets the requests that take their turn wait for `operation`.
    pub(crate) fn hold(&mut self, operation: u64) {
        self.held_by.get_or_insert(operation);
    }

    /// The values that clients have though they are not the newest.
    pub(crate) fn stale(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        self.behind.iter().filter_map(|behind| behind.stale)
    }
}

impl Turn {
    /// The upstream `set` these cookies, and the client will not see them in the head of an answer.
    pub(crate) fn unseen<'a>(&mut self, set: impl Iterator<Item = &'a str>) {
        if !self.ordered {
            return;
        }
        for set in set.map(SetCookie::parse).filter(|set| !set.is_removal()) {
            let fresh = &mut self.fresh;
            fresh.retain(|known| known.name != set.cookie.name);
            fresh.push(Fresh {
                name: set.cookie.name.to_owned(),
                value: set.cookie.value.to_owned(),
                attributes: set.attributes.to_owned(),
            });
        }
    }

    /// The client gets an answer whose head sets these cookies: the values of the `Set-Cookie` headers that
    /// have to stand there as well, since the client has not seen them.
    pub(crate) fn seen<'a>(&mut self, set: impl Iterator<Item = &'a str>) -> Vec<String> {
        if self.fresh.is_empty() || !self.ordered {
            return Vec::new();
        }
        let set: Vec<&str> = set.map(|set| SetCookie::parse(set).cookie.name).collect();
        let fresh = std::mem::take(&mut self.fresh);
        let missing = fresh.into_iter().filter(|fresh| !set.contains(&fresh.name.as_str()));
        missing
            .map(|Fresh { name, value, attributes }| {
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
        let Turn { sent: prints, strange, fresh, .. } = self;
        if fresh.is_empty() && strange.is_empty() {
            return None;
        }
        let newest = |name: &str| fresh.iter().find(|fresh| fresh.name.eq_ignore_ascii_case(name));
        let brought = || texts(sent).flat_map(cookies).zip(prints);
        let known = brought().filter(|(_, (print, _))| !strange.contains(print));
        let mut all: Vec<String> = known
            .map(|(Cookie { name, value }, _)| {
                format!("{name}={}", newest(name).map_or(value, |fresh| &fresh.value))
            })
            .collect();
        let missing = fresh
            .iter()
            .filter(|fresh| !brought().any(|(cookie, _)| cookie.name.eq_ignore_ascii_case(&fresh.name)));
        all.extend(missing.map(|fresh| format!("{}={}", fresh.name, fresh.value)));
        Some(all.join("; "))
    }
}

/// The values of `Cookie` headers that are text.
pub(crate) fn texts<'a>(sent: &[&'a [u8]]) -> impl Iterator<Item = &'a str> {
    sent.iter().filter_map(|value| std::str::from_utf8(value).ok())
}

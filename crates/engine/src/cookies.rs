//! Sessions that are known by cookies, as MAPI over HTTP has them.
//!
//! The upstream's own cookies go to clients and come back: they are long and random, and mean nothing here.
//! What counts is whose they are. Each cookie that the upstream sets belongs to the session that it was set
//! for, and so to one identity; presented by another identity, or with another session's cookies beside it,
//! it is refused. Cookies that the session was not given do not go to the upstream, which may read them in
//! another way than we do. Where the upstream knows all clients as one account, nothing but this keeps them
//! apart.

use std::collections::{HashMap, VecDeque, hash_map};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::Identity;
use mapi::http::cookies::{Cookie, SetCookie};
use mapi::http::{Endpoint, ResponseCode};
use wire::FileTime;

use crate::session::SharedSession;
use crate::turns::{Turn, Turns};

/// How many values of a cookie are remembered: requests of one session overtake one another, so that what one
/// of them brings may have been replaced meanwhile.
const VALUES: usize = 16;

/// How many cookies a session may have.
const COOKIES: usize = 32;

/// How many sessions one identity may have at an endpoint.
const SESSIONS_OF_ONE: usize = 1024;

/// How many sessions there may be in all.
const SESSIONS: usize = 100_000;

/// Sessions by cookie.
#[derive(Debug, Default)]
pub struct CookieTable {
    /// Two keyed hashes of a cookie stand for it: its value is a secret that need not be kept.
    hashers: [RandomState; 2],
    inner: Mutex<Inner>,
}

pub(crate) type Print = [u64; 2];

#[derive(Debug, Default)]
struct Inner {
    by_cookie: HashMap<(Endpoint, Print), u64>,
    entries: HashMap<u64, Entry>,
    /// How many of the entries are whose.
    counts: HashMap<(Endpoint, Identity), usize>,
}

#[derive(Debug)]
struct Entry {
    session: SharedSession,
    endpoint: Endpoint,
    identity: Identity,
    cookies: Vec<(Print, VecDeque<Print>)>,
    used: FileTime,
    under_way: usize,
    turns: Turns,
}

/// A session that was found, and what a request of it has to say of turns.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) session: Option<SharedSession>,
    pub(crate) turn: Turn,
}

impl Inner {
    /// Remembers that the session has this value of a cookie, and forgets its oldest one where there are many.
    fn learn(
        &mut self,
        key: (Endpoint, Print),
        id: u64,
        name: Print,
        turn: &Turn,
    ) -> Result<(), &'static str> {
        let whole = key.1;
        if self.by_cookie.get(&key).is_some_and(|owner| *owner != id) {
            return Err("the upstream set a cookie that is another session's");
        }
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        let Entry { cookies, turns, .. } = entry;
        let known = cookies.iter().position(|(known, _)| *known == name);
        if known.is_none() && cookies.len() < COOKIES {
            cookies.push((name, VecDeque::new()));
        }
        let place = known.or_else(|| cookies.len().checked_sub(1));
        let Some((_, values)) = place.and_then(|place| cookies.get_mut(place)) else { return Ok(()) };
        if values.contains(&whole) {
            return Ok(());
        }
        values.push_back(whole);
        self.by_cookie.insert(key, id);
        // What the client has now, and may have to bring once more, is not forgotten.
        let pinned = |value: &Print| {
            turns.stale().any(|stale| stale == *value) || turn.sent.iter().any(|(_, sent)| sent == value)
        };
        let oldest = values.iter().position(|value| !pinned(value)).unwrap_or_default();
        if values.len() > VALUES
            && let Some(old) = values.remove(oldest)
        {
            self.by_cookie.remove(&(key.0, old));
        }
        Ok(())
    }

    /// Takes a session out, with what leads to it.
    fn take(&mut self, id: u64) -> Option<SharedSession> {
        let Entry { session, endpoint, identity, cookies, .. } = self.entries.remove(&id)?;
        for whole in cookies.iter().flat_map(|(_, values)| values) {
            self.by_cookie.remove(&(endpoint, *whole));
        }
        if let hash_map::Entry::Occupied(mut count) = self.counts.entry((endpoint, identity)) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(session)
    }
}

/// A name that is the same in whatever case: some servers tell cookies apart by case, and some do not.
struct AnyCase<'a>(&'a str);

impl Hash for AnyCase<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Hashed in pieces, which are the same for the same length.
        for piece in self.0.as_bytes().chunks(32) {
            let mut lower = [0; 32];
            if let Some(lower) = lower.get_mut(..piece.len()) {
                lower.copy_from_slice(piece);
                lower.make_ascii_lowercase();
                state.write(lower);
            }
        }
        state.write_u8(0xFF);
    }
}

/// Why cookies lead to no session.
pub(crate) type NotFound = (ResponseCode, &'static str);

impl CookieTable {
    /// The session that these cookies are of; none where none of them is known.
    pub(crate) fn find<'a>(
        &self,
        endpoint: Endpoint,
        identity: &Identity,
        cookies: impl Iterator<Item = Cookie<'a>>,
        takes_turn: bool,
        now: FileTime,
    ) -> Result<Found, NotFound> {
        let prints: Vec<(Print, Print)> = cookies.map(|cookie| self.prints(cookie)).collect();
        let mut inner = self.lock();
        let mut owners = prints.iter().filter_map(|(_, whole)| inner.by_cookie.get(&(endpoint, *whole)));
        let Some(owner) = owners.next().copied() else {
            let unknown = (ResponseCode::ContextNotFound, "the cookies are of no session that is open");
            return if prints.is_empty() { Ok(Found::default()) } else { Err(unknown) };
        };
        if owners.any(|other| *other != owner) {
            return Err((ResponseCode::InvalidContextCookie, "the cookies are of several sessions"));
        }
        let Some(entry) = inner.entries.get_mut(&owner) else { return Ok(Found::default()) };
        if entry.identity != *identity {
            return Err((ResponseCode::NoPrivilege, "the cookies are of another identity's session"));
        }
        // A name that the upstream gave the session stands for one of the values that it gave with it.
        let foreign = prints.iter().any(|(name, whole)| {
            entry.cookies.iter().any(|(known, values)| known == name && !values.contains(whole))
        });
        if foreign {
            return Err((
                ResponseCode::InvalidContextCookie,
                "a cookie has a value that the session never had",
            ));
        }
        if takes_turn && entry.turns.is_held() {
            return Err((ResponseCode::InvalidSequence, "another request of the session is under way"));
        }
        entry.used = now;
        entry.under_way = entry.under_way.saturating_add(1);
        let fresh = entry.turns.catch_up(&prints, takes_turn);
        let is_known = |(name, _): &(Print, Print)| entry.cookies.iter().any(|(known, _)| known == name);
        let strange = prints.iter().filter(|cookie| !is_known(cookie)).map(|(name, _)| *name).collect();
        Ok(Found {
            session: Some(entry.session.clone()),
            turn: Turn { sent: prints, strange, fresh, ordered: takes_turn },
        })
    }

    /// Whether `identity` may open no more sessions.
    pub(crate) fn is_full_for(&self, endpoint: Endpoint, identity: &Identity) -> bool {
        let inner = self.lock();
        let own = inner.counts.get(&(endpoint, identity.clone())).copied().unwrap_or_default();
        inner.entries.len() >= SESSIONS || own >= SESSIONS_OF_ONE
    }

    /// Takes in a session that one of its `identity` opens.
    pub(crate) fn open(
        &self,
        endpoint: Endpoint,
        session: &SharedSession,
        identity: &Identity,
        now: FileTime,
    ) {
        let mut guard = self.lock();
        let Inner { entries, counts, .. } = &mut *guard;
        entries.entry(session.id()).or_insert_with(|| {
            let count = counts.entry((endpoint, identity.clone())).or_default();
            *count = count.saturating_add(1);
            Entry {
                session: session.clone(),
                endpoint,
                identity: identity.clone(),
                cookies: Vec::new(),
                used: now,
                under_way: 1,
                turns: Turns::default(),
            }
        });
    }

    /// Takes note of what the upstream set for a session, if it is still here. A cookie of another session's
    /// does not become its own.
    pub(crate) fn learn<'a>(
        &self,
        endpoint: Endpoint,
        id: u64,
        turn: &Turn,
        set: impl Iterator<Item = SetCookie<'a>>,
    ) -> Result<(), &'static str> {
        for set in set {
            let (name, whole) = self.prints(set.cookie);
            self.lock().learn((endpoint, whole), id, name, turn)?;
        }
        Ok(())
    }

    /// Lets the requests of the session that take their turn wait for `operation`.
    pub(crate) fn hold(&self, id: u64, operation: u64) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.turns.hold(operation);
        }
    }

    /// An operation of the session is done, of whose `turn` the client may not have seen everything.
    pub(crate) fn done(&self, id: u64, operation: u64, turn: &mut Turn, now: FileTime) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.under_way = entry.under_way.saturating_sub(1);
            entry.used = entry.used.max(now);
            entry.turns.over(operation, turn, |name| self.print(name));
        }
    }

    /// Whether the session is here.
    pub(crate) fn holds(&self, id: u64) -> bool {
        self.lock().entries.contains_key(&id)
    }

    /// Forgets a session and its cookies.
    pub(crate) fn remove(&self, id: u64) {
        self.lock().take(id);
    }

    /// Takes out the sessions that nobody used for `idle`.
    pub(crate) fn take_idle(&self, now: FileTime, idle: Duration) -> Vec<SharedSession> {
        let late =
            |entry: &Entry| entry.under_way == 0 && now > entry.used && entry.used.distance(now) > idle;
        let mut inner = self.lock();
        let ids: Vec<u64> =
            inner.entries.iter().filter(|(_, entry)| late(entry)).map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| inner.take(id)).collect()
    }

    /// Takes out all sessions.
    pub(crate) fn take_all(&self) -> Vec<SharedSession> {
        let inner = std::mem::take(&mut *self.lock());
        inner.entries.into_values().map(|entry| entry.session).collect()
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What stands for the cookie's name, and for name and value.
    fn prints(&self, cookie: Cookie<'_>) -> (Print, Print) {
        let Cookie { name, value } = cookie;
        (self.print(name), self.hashers.each_ref().map(|h| h.hash_one((AnyCase(name), value))))
    }

    fn print(&self, name: &str) -> Print {
        self.hashers.each_ref().map(|h| h.hash_one(AnyCase(name)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_cookie_is_the_same_whatever_the_case_of_its_name_and_no_other() {
        let table = CookieTable::default();
        let letters = "Mapi\u{e9}Context".repeat(8);
        let mut all = HashSet::new();
        for end in (0..=letters.len()).filter(|end| letters.is_char_boundary(*end)) {
            let (name, value) = letters.split_at(end);
            let prints = table.prints(Cookie { name, value });
            for other in [name.to_ascii_uppercase(), name.to_ascii_lowercase()] {
                assert_eq!(table.prints(Cookie { name: &other, value }), prints, "{name}");
            }
            // Name and value one after the other are the same each time.
            assert!(all.insert(prints.0) && all.insert(prints.1), "{name}");
        }
    }
}

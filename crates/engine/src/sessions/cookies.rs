//! Sessions that are known by cookies, as MAPI over HTTP has them.
//!
//! The upstream's own cookies go to clients and come back: they are long and random, and mean nothing here.
//! Each cookie that the upstream sets belongs to the sessions that it was set for. One that was set for a
//! single session identifies it, and so its identity: presented by another identity, or beside a cookie that
//! identifies another session, it is refused. One that was set for several sessions, as the name of a server
//! that a load balancer chose, identifies none: each of them may present it, beside a cookie that identifies
//! the session. An answer that would leave a session without a cookie that identifies it is refused. Cookies
//! that the session was not given do not go to the upstream, which may read them in another way than we do.
//! Where the upstream knows all clients as one account, nothing but this keeps them apart.
//!
//! A Connect or Bind may bring the cookies of the session that it replaces ([MS-OXCMAPIHTTP] 3.2.5.6). Those go
//! to the upstream only where they identify a session of the same identity, which ends when the new one is open.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque, hash_map};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::Identity;
use mapi::mapihttp::cookies::{Cookie, SetCookie};
use mapi::mapihttp::{Endpoint, ResponseCode};
use wire::FileTime;

use crate::session::SharedSession;
use crate::sessions::abandoned::{Kept, Queue};
use crate::sessions::cookie_owners::{Key, Owners};
use crate::sessions::sequence::{Turn, Turns};

/// How many values of a cookie are remembered: requests of one session overtake one another, so that what one
/// of them brings may have been replaced meanwhile.
const VALUES: usize = 16;

/// How many cookies a session may have.
const COOKIES: usize = 32;

/// How many sessions there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Of one identity: at an endpoint of MAPI over HTTP; or by context handles of remote calls.
    pub per_identity: usize,
    /// In all, of MAPI over HTTP.
    pub all: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { per_identity: 1024, all: 100_000 }
    }
}

/// Sessions by cookie.
#[derive(Debug, Default)]
pub struct CookieTable {
    limits: SessionLimits,
    /// Whether sessions that end here are to be ended at the server too.
    pub(crate) ends_at_server: bool,
    /// Two keyed hashes of a cookie stand for it: its value is a secret that need not be kept.
    hashers: [RandomState; 2],
    inner: Mutex<Inner>,
}

pub(crate) type Print = [u64; 2];

#[derive(Debug, Default)]
struct Inner {
    owners: Owners,
    entries: HashMap<u64, Entry>,
    /// Which of the entries are whose.
    by_identity: HashMap<(Endpoint, Identity), HashSet<u64>>,
    /// What is to be ended at the server.
    abandoned: Queue,
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
    kept: Kept,
}

/// A session that was found, and what a request of it has to say of turns.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) session: Option<SharedSession>,
    pub(crate) turn: Turn,
}

impl Inner {
    /// Whether the session `id` can be given these cookies: it has, and each other session keeps, one that
    /// identifies it. What the session has that it `replaces` is its own.
    fn may_have(&self, id: u64, given: &[Key], replaces: Option<u64>) -> Result<(), &'static str> {
        let is_own = |owner| owner == id || Some(owner) == replaces;
        let entry = self.entries.get(&id);
        let identifies =
            |key: &Key| self.owners.identified_by(*key).map_or_else(|| !self.owners.knows(*key), is_own);
        if !given.iter().any(identifies) && !entry.is_some_and(|entry| self.is_identified(id, entry, &[])) {
            return Err("the upstream set no cookie that tells the session from others");
        }
        let others = given.iter().filter_map(|key| self.owners.identified_by(*key));
        let mut others = others.filter(|owner| !is_own(*owner));
        let lost = |owner: u64| {
            self.entries.get(&owner).is_some_and(|other| !self.is_identified(owner, other, given))
        };
        if others.any(lost) {
            return Err("the upstream set a cookie that is the only one of another session");
        }
        Ok(())
    }

    /// Whether a cookie other than `without` identifies the session.
    fn is_identified(&self, id: u64, entry: &Entry, without: &[Key]) -> bool {
        let keys = entry.cookies.iter().flat_map(|(_, values)| values).map(|value| (entry.endpoint, *value));
        keys.filter(|key| !without.contains(key)).any(|key| self.owners.identified_by(key) == Some(id))
    }

    /// Remembers that the session has this value of a cookie, and forgets its oldest one where there are many.
    fn learn(&mut self, key: Key, id: u64, name: Print, turn: &Turn) {
        let whole = key.1;
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let Entry { cookies, turns, .. } = entry;
        let known = cookies.iter().position(|(known, _)| *known == name);
        if known.is_none() && cookies.len() < COOKIES {
            cookies.push((name, VecDeque::new()));
        }
        let place = known.or_else(|| cookies.len().checked_sub(1));
        let Some((_, values)) = place.and_then(|place| cookies.get_mut(place)) else { return };
        if values.contains(&whole) {
            return;
        }
        values.push_back(whole);
        self.owners.add(key, id);
        // What the client has now, and may have to bring once more, is not forgotten.
        let pinned = |value: &Print| {
            turns.stale().any(|stale| stale == *value) || turn.sent.iter().any(|(_, sent)| sent == value)
        };
        let oldest = values.iter().position(|value| !pinned(value)).unwrap_or_default();
        if values.len() > VALUES
            && let Some(old) = values.remove(oldest)
        {
            self.owners.remove((key.0, old), id);
        }
    }

    /// Of the sessions `own` the one that gives way to a new one: the one that it `replaces`, or the one that was
    /// idle for longest. None where each has a request under way.
    fn oldest(&self, own: &HashSet<u64>, replaces: Option<u64>) -> Option<u64> {
        let entries = own.iter().filter_map(|id| Some((*id, self.entries.get(id)?)));
        let replaced = |id: u64| Some(id) == replaces;
        let may_go = entries.filter(|(id, entry)| entry.under_way == 0 || replaced(*id));
        may_go.min_by_key(|(id, entry)| (Reverse(replaced(*id)), entry.used)).map(|(id, _)| id)
    }

    /// Takes a session out which the server still has.
    fn abandon(&mut self, id: u64) -> Option<SharedSession> {
        let entry = self.entries.get_mut(&id)?;
        self.abandoned.push(entry.endpoint, std::mem::take(&mut entry.kept));
        self.take(id)
    }

    /// Takes a session out, with what leads to it.
    fn take(&mut self, id: u64) -> Option<SharedSession> {
        let Entry { session, endpoint, identity, cookies, .. } = self.entries.remove(&id)?;
        for whole in cookies.iter().flat_map(|(_, values)| values) {
            self.owners.remove((endpoint, *whole), id);
        }
        if let hash_map::Entry::Occupied(mut own) = self.by_identity.entry((endpoint, identity)) {
            own.get_mut().remove(&id);
            if own.get().is_empty() {
                own.remove();
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

/// Why a session can't be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error(
        "the user has as many sessions as clients.sessions_per_user allows, each with a request under way"
    )]
    OfIdentity,
    #[error("there are as many sessions as clients.sessions allows")]
    InAll,
}

impl CookieTable {
    /// A table that holds so many sessions.
    pub fn new(limits: SessionLimits) -> Self {
        Self { limits, ..Self::default() }
    }

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
        let unknown = (ResponseCode::ContextNotFound, "the cookies are of no session that is open");
        let mut owners =
            prints.iter().filter_map(|(_, whole)| inner.owners.identified_by((endpoint, *whole)));
        let Some(owner) = owners.next() else {
            return if prints.is_empty() { Ok(Found::default()) } else { Err(unknown) };
        };
        if owners.any(|other| other != owner) {
            return Err((ResponseCode::InvalidContextCookie, "the cookies are of several sessions"));
        }
        let Inner { owners, entries, .. } = &mut *inner;
        let Some(entry) = entries.get_mut(&owner) else { return Err(unknown) };
        if entry.identity != *identity {
            // The rest of the cookies of a session that is over, beside what a load balancer set for both.
            let is_over = prints.iter().any(|(_, whole)| !owners.knows((endpoint, *whole)));
            let of_other = (ResponseCode::NoPrivilege, "the cookies are of another identity's session");
            return Err(if is_over { unknown } else { of_other });
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
            turn: Turn { sent: prints, strange, fresh, ordered: takes_turn, replaces: None },
        })
    }

    /// What a request says that opens a session and came with `cookies`: which session of the same identity it
    /// replaces. Only what that one was given goes to the upstream.
    pub(crate) fn find_replaced<'a>(
        &self,
        endpoint: Endpoint,
        identity: &Identity,
        cookies: impl Iterator<Item = Cookie<'a>>,
    ) -> Turn {
        let sent: Vec<(Print, Print)> = cookies.map(|cookie| self.prints(cookie)).collect();
        let inner = self.lock();
        let mut owners = sent.iter().filter_map(|(_, whole)| inner.owners.identified_by((endpoint, *whole)));
        let first = owners.next();
        let owner = first.filter(|first| owners.all(|other| other == *first));
        let entry = owner.and_then(|id| inner.entries.get(&id)).filter(|entry| entry.identity == *identity);
        let given = |whole: &Print, name: &Print| {
            entry.is_some_and(|entry| {
                entry.cookies.iter().any(|(known, values)| known == name && values.contains(whole))
            })
        };
        // A name goes or stays as a whole: the upstream may take any of its values.
        let strange =
            sent.iter().filter(|(name, whole)| !given(whole, name)).map(|(name, _)| *name).collect();
        let replaces = owner.filter(|_| entry.is_some());
        Turn { sent, strange, replaces, ..Turn::NONE }
    }

    /// Whether `identity` may open no more sessions: none of those that it has can give way to a new one.
    pub(crate) fn has_room(
        &self,
        endpoint: Endpoint,
        identity: &Identity,
        replaces: Option<u64>,
    ) -> Result<(), Full> {
        self.room(&self.lock(), endpoint, identity, replaces).map(drop)
    }

    /// The session that has to give way to a new one of `identity`; none where there is room.
    fn room(
        &self,
        inner: &Inner,
        endpoint: Endpoint,
        identity: &Identity,
        replaces: Option<u64>,
    ) -> Result<Option<u64>, Full> {
        let own = inner.by_identity.get(&(endpoint, identity.clone()));
        let is_full = inner.entries.len() >= self.limits.all;
        if !is_full && own.map_or(0, HashSet::len) < self.limits.per_identity {
            return Ok(None);
        }
        let full = if is_full { Full::InAll } else { Full::OfIdentity };
        own.and_then(|own| inner.oldest(own, replaces)).map(Some).ok_or(full)
    }

    /// Takes in a session that one of its `identity` opens. Returns the one that gives way to it, where the
    /// identity has as many as it may.
    pub(crate) fn open(
        &self,
        endpoint: Endpoint,
        session: &SharedSession,
        identity: &Identity,
        replaces: Option<u64>,
        now: FileTime,
    ) -> Result<Option<SharedSession>, Full> {
        let mut guard = self.lock();
        if guard.entries.contains_key(&session.id()) {
            return Ok(None);
        }
        let gone = self.room(&guard, endpoint, identity, replaces)?;
        // The server itself ends what is replaced.
        let gone = gone.and_then(|id| if Some(id) == replaces { guard.take(id) } else { guard.abandon(id) });
        let Inner { entries, by_identity, .. } = &mut *guard;
        entries.entry(session.id()).or_insert_with(|| {
            by_identity.entry((endpoint, identity.clone())).or_default().insert(session.id());
            Entry {
                session: session.clone(),
                endpoint,
                identity: identity.clone(),
                cookies: Vec::new(),
                used: now,
                under_way: 1,
                turns: Turns::default(),
                kept: Kept::default(),
            }
        });
        Ok(gone)
    }

    /// Takes note of what the upstream set for a session, if it is still here: of all of it or, where a session
    /// would be left without a cookie that identifies it, of nothing.
    pub(crate) fn learn<'a>(
        &self,
        endpoint: Endpoint,
        id: u64,
        turn: &Turn,
        set: impl Iterator<Item = SetCookie<'a>>,
    ) -> Result<(), &'static str> {
        let set: Vec<(Print, Key)> = set
            .map(|set| self.prints(set.cookie))
            .map(|(name, whole)| (name, (endpoint, whole)))
            .take(COOKIES * VALUES)
            .collect();
        let mut inner = self.lock();
        if set.is_empty() || !inner.entries.contains_key(&id) {
            return Ok(());
        }
        let given: Vec<Key> = set.iter().map(|(_, key)| *key).collect();
        inner.may_have(id, &given, turn.replaces)?;
        for (name, key) in set {
            inner.learn(key, id, name, turn);
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

    /// Forgets a session and its cookies. Returns it where it was here.
    pub(crate) fn remove(&self, id: u64) -> Option<SharedSession> {
        self.lock().take(id)
    }

    /// Forgets a session, which the server still has, and its cookies.
    pub(crate) fn abandon(&self, id: u64) {
        self.lock().abandon(id);
    }

    /// Lets `act` on what is kept of a session to end it at the server.
    pub(crate) fn with_kept(&self, id: u64, act: impl FnOnce(&mut Kept)) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            act(&mut entry.kept);
        }
    }

    /// Lets `act` on what is to be ended at the server.
    pub(crate) fn with_abandoned<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        act(&mut self.lock().abandoned)
    }

    /// Takes out the sessions that nobody used for `idle`.
    pub(crate) fn take_idle(&self, now: FileTime, idle: Duration) -> Vec<SharedSession> {
        let late =
            |entry: &Entry| entry.under_way == 0 && now > entry.used && entry.used.distance(now) > idle;
        let mut inner = self.lock();
        let ids: Vec<u64> =
            inner.entries.iter().filter(|(_, entry)| late(entry)).map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| inner.abandon(id)).collect()
    }

    /// Takes out the sessions whose security context was revoked.
    pub(crate) fn take_revoked(&self) -> Vec<SharedSession> {
        let all: Vec<_> =
            self.lock().entries.iter().map(|(id, entry)| (*id, entry.session.clone())).collect();
        // A session that is in use is not waited for while the table is locked.
        let revoked = all.into_iter().filter(|(_, session)| session.is_revoked());
        revoked.filter_map(|(id, _)| self.lock().abandon(id)).collect()
    }

    /// Takes out all sessions.
    pub(crate) fn take_all(&self) -> Vec<SharedSession> {
        let mut inner = self.lock();
        inner.owners.clear();
        inner.by_identity.clear();
        std::mem::take(&mut inner.entries).into_values().map(|entry| entry.session).collect()
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
        // The name is hashed once for both.
        let both = self.hashers.each_ref().map(|hasher| {
            let mut state = hasher.build_hasher();
            AnyCase(name).hash(&mut state);
            let name = state.finish();
            value.hash(&mut state);
            (name, state.finish())
        });
        (both.map(|(name, _)| name), both.map(|(_, whole)| whole))
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
                assert_eq!(table.print(&other), prints.0, "{name}");
            }
            // Name and value one after the other are the same each time.
            assert!(all.insert(prints.0) && all.insert(prints.1), "{name}");
        }
    }
}

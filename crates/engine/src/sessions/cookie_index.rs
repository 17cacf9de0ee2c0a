//! The state of a cookie table, which its lock protects: sessions and their cookies.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque, hash_map};
use std::time::Duration;

use foldhash::fast::RandomState;
use identity::{Identity, UserKey};
use mapi::mapihttp::Endpoint;

use crate::session::SharedSession;
use crate::sessions::cookie_owners::{Key, Owners};
use crate::sessions::fingerprint::Fingerprint;
use crate::sessions::opening_counts::OpeningCounts;
use crate::sessions::orphaned::{LogoffData, OrphanQueue};
use crate::sessions::sequence::{RequestCookies, Sequence};
use crate::user_memory::{MemoryLimit, MemoryShare};

/// How many values of one cookie are kept for a session. Requests of a session may overtake one another, so a request
/// may have a value that was replaced meanwhile.
pub(crate) const VALUES: usize = 16;

/// The maximum number of cookies, by name, of a session.
pub(crate) const COOKIES: usize = 32;

/// An estimate of the memory of a value in [`Entry::cookies`] and in [`Owners`], in bytes.
const VALUE_BYTES: usize = 160;

/// How much of the cookies is not counted for each session, in bytes: a session with the few cookies of usual servers
/// costs no memory of the user.
const UNCOUNTED: usize = 8192;

/// The sessions of a cookie table, by number, user and cookie.
#[derive(Debug, Default)]
pub(crate) struct CookieIndex {
    pub(crate) owners: Owners,
    pub(crate) entries: HashMap<u64, Entry, RandomState>,
    /// The sessions of each user, of all impersonation levels together, for the limit.
    pub(crate) by_user: HashMap<(Endpoint, UserKey), HashSet<u64>>,
    /// The sessions that are being opened, and are not in the table.
    pub(crate) opening: OpeningCounts,
    /// The sessions to be ended at the server.
    pub(crate) orphaned: OrphanQueue,
}

/// Numbers of sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionCounts {
    pub(crate) of_user: usize,
    pub(crate) all: usize,
}

/// A session with its cookies.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) session: SharedSession,
    pub(crate) endpoint: Endpoint,
    pub(crate) identity: Identity,
    pub(crate) cookies: Vec<SessionCookie>,
    /// When the last request was received, by the monotonic clock.
    pub(crate) last_used: Duration,
    pub(crate) in_progress: usize,
    pub(crate) sequence: Sequence,
    pub(crate) logoff: LogoffData,
    /// The memory of the cookies in the limits of the user.
    share: MemoryShare,
}

impl Entry {
    /// A session whose first operation is in progress, without cookies. Those are counted in `share`.
    pub(crate) fn new(
        session: &SharedSession,
        endpoint: Endpoint,
        identity: &Identity,
        share: MemoryShare,
        now: Duration,
    ) -> Self {
        Self {
            session: session.clone(),
            endpoint,
            identity: identity.clone(),
            cookies: Vec::new(),
            last_used: now,
            in_progress: 1,
            sequence: Sequence::default(),
            logoff: LogoffData::default(),
            share: share.beyond(UNCOUNTED),
        }
    }

    /// Counts the memory of the cookies, and `more` bytes that are to be kept.
    ///
    /// # Errors
    /// If it exceeds a limit.
    pub(crate) fn count(&mut self, more: usize) -> Result<(), MemoryLimit> {
        let values: usize = self.cookies.iter().map(|cookie| cookie.values.len()).sum();
        let texts = self.sequence.memory().saturating_add(self.logoff.memory());
        let bytes = values.saturating_mul(VALUE_BYTES).saturating_add(texts).saturating_add(more);
        self.share.reserve(bytes)?;
        // What an operation in progress is to keep may be counted by another one.
        if self.in_progress == 0 {
            self.share.shrink(bytes);
        }
        Ok(())
    }

    /// The newest value of each cookie.
    fn newest(&self) -> impl Iterator<Item = (&SessionCookie, Key)> {
        self.cookies.iter().filter_map(|cookie| Some((cookie, (self.endpoint, *cookie.values.back()?))))
    }
}

/// A cookie of a session.
#[derive(Debug)]
pub(crate) struct SessionCookie {
    pub(crate) name: Fingerprint,
    is_context: bool,
    /// The fingerprints of its name with each value that the upstream set, the newest last.
    pub(crate) values: VecDeque<Fingerprint>,
}

/// A cookie that a response sets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GivenCookie {
    pub(crate) name: Fingerprint,
    pub(crate) key: Key,
    /// Whether servers find a session by its value
    /// ([`is_context_cookie`](crate::sessions::context_cookie::is_context_cookie)).
    pub(crate) is_context: bool,
}

/// The cookies of a response would leave a session without a cookie that identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotIdentified {
    #[error("no cookie in the upstream's response identifies the session")]
    Own,
    #[error("the upstream's response sets the only cookie that identifies another session")]
    Other,
}

impl CookieIndex {
    /// Checks whether the cookies `given` can be bound to the session `id`: afterwards that session and each other
    /// one must have a cookie that identifies it. The cookies of the session that it `replaces` count as its own.
    pub(crate) fn check_identifiable(
        &self,
        id: u64,
        given: &[GivenCookie],
        replaces: Option<u64>,
    ) -> Result<(), NotIdentified> {
        let is_own = |owner| owner == id || Some(owner) == replaces;
        let entry = self.entries.get(&id);
        let identifies = |GivenCookie { key, .. }: &GivenCookie| {
            self.owners.identified_by(*key).map_or_else(|| !self.owners.contains(*key), is_own)
        };
        if !given.iter().any(identifies) && !entry.is_some_and(|entry| self.is_identified(id, entry, &[])) {
            return Err(NotIdentified::Own);
        }
        let others = given.iter().filter_map(|given| self.owners.identified_by(given.key));
        let mut others = others.filter(|owner| !is_own(*owner));
        let lost = |owner: u64| {
            self.entries.get(&owner).is_some_and(|other| !self.is_identified(owner, other, given))
        };
        if others.any(lost) {
            return Err(NotIdentified::Other);
        }
        Ok(())
    }

    /// Cookies among `given` that sessions of another identity than that of the session `id` have identify no session
    /// from now on: either a load balancer sets the cookie for all, or the server has forgotten these sessions and
    /// gives the value to another one. Removes and returns the sessions that the server has forgotten, since their
    /// identity must not act in the session of another: those with one of the session context cookies, and those that
    /// none of their newest cookies identifies any more.
    pub(crate) fn share(&mut self, id: u64, given: &[GivenCookie]) -> Vec<SharedSession> {
        let Some(identity) = self.entries.get(&id).map(|entry| entry.identity.clone()) else {
            return Vec::new();
        };
        let (mut forgotten, mut unsure) = (Vec::new(), Vec::new());
        for GivenCookie { key, is_context, .. } in given {
            let owner = self.owners.owner(*key).and_then(|owner| self.entries.get(&owner));
            if owner.is_none_or(|owner| owner.identity == identity) {
                continue;
            }
            if *is_context {
                forgotten.extend(self.owners.reissue(*key));
            } else {
                unsure.extend(self.owners.share(*key));
            }
        }
        // Only after all cookies are marked: a session whose own cookie is not among them remains.
        let is_identified = |id: u64, entry: &Entry| {
            entry.newest().any(|(_, key)| self.owners.identified_by(key) == Some(id))
        };
        unsure.retain(|id| self.entries.get(id).is_some_and(|entry| !is_identified(*id, entry)));
        forgotten.extend(unsure);
        forgotten.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Removes and returns the sessions that the server replaced by the new session `id` of the same identity: those
    /// whose newest session context cookie is among the cookies `given` to the new one, which has no others.
    pub(crate) fn remove_superseded(&mut self, id: u64, given: &[GivenCookie]) -> Vec<SharedSession> {
        let Some(new) = self.entries.get(&id).filter(|new| new.cookies.is_empty()) else {
            return Vec::new();
        };
        let own = self.by_user.get(&(new.endpoint, new.identity.user().clone()));
        let is_superseded = |other: &Entry| {
            other.identity == new.identity
                && other
                    .newest()
                    .any(|(cookie, key)| cookie.is_context && given.iter().any(|given| given.key == key))
        };
        let superseded = own
            .into_iter()
            .flatten()
            .copied()
            .filter(|other| *other != id && self.entries.get(other).is_some_and(is_superseded));
        let superseded: Vec<u64> = superseded.collect();
        superseded.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Whether a cookie other than `without` identifies the session.
    fn is_identified(&self, id: u64, entry: &Entry, without: &[GivenCookie]) -> bool {
        let values = entry.cookies.iter().flat_map(|cookie| &cookie.values);
        let mut keys = values.map(|value| (entry.endpoint, *value));
        let is_left = |key: &Key| without.iter().all(|given| given.key != *key);
        keys.any(|key| is_left(&key) && self.owners.identified_by(key) == Some(id))
    }

    /// Binds a value of a cookie to the session. Removes the oldest value of the cookie if there are more than
    /// [`VALUES`].
    pub(crate) fn bind(&mut self, given: GivenCookie, id: u64, request: &RequestCookies) {
        let GivenCookie { name, key, is_context } = given;
        let pair = key.1;
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let Entry { cookies, sequence, .. } = entry;
        let known = cookies.iter().position(|known| known.name == name);
        if known.is_none() && cookies.len() < COOKIES {
            cookies.push(SessionCookie { name, is_context, values: VecDeque::new() });
        }
        let place = known.or_else(|| cookies.len().checked_sub(1));
        let Some(SessionCookie { values, .. }) = place.and_then(|place| cookies.get_mut(place)) else {
            return;
        };
        if values.back() == Some(&pair) {
            return;
        }
        let earlier = values.iter().position(|value| *value == pair);
        values.push_back(pair);
        if let Some(earlier) = earlier {
            values.remove(earlier);
            return;
        }
        self.owners.add(key, id);
        // Values that the client has now and may send again are kept.
        let pinned = |value: &Fingerprint| {
            sequence.stale().any(|stale| stale == *value)
                || request.sent.iter().any(|(_, sent)| sent == value)
        };
        let oldest = values.iter().position(|value| !pinned(value)).unwrap_or_default();
        if values.len() > VALUES
            && let Some(old) = values.remove(oldest)
        {
            self.owners.remove((key.0, old), id);
        }
    }

    /// Counts the sessions that cannot end in favour of a new one of `user`, with those that are being opened.
    pub(crate) fn room(&self, endpoint: Endpoint, user: &UserKey, replaces: Option<u64>) -> SessionCounts {
        let own = self.by_user.get(&(endpoint, user.clone()));
        let may_end = own.map_or(0, |own| self.may_end(own, replaces).count());
        let of_user = own.map_or(0, HashSet::len).saturating_sub(may_end);
        SessionCounts {
            of_user: of_user.saturating_add(self.opening.of_user(endpoint, user)),
            all: self.entries.len().saturating_sub(may_end).saturating_add(self.opening.all),
        }
    }

    /// Adds a session.
    pub(crate) fn insert(&mut self, entry: Entry) {
        let (id, key) = (entry.session.id(), (entry.endpoint, entry.identity.user().clone()));
        self.entries.entry(id).or_insert(entry);
        self.by_user.entry(key).or_default().insert(id);
    }

    /// The sessions among `own`, those of a user, that may end in favour of a new one: those without a request in
    /// progress, and the one that this `replaces`.
    fn may_end(&self, own: &HashSet<u64>, replaces: Option<u64>) -> impl Iterator<Item = (u64, &Entry)> {
        let entries = own.iter().filter_map(|id| Some((*id, self.entries.get(id)?)));
        entries.filter(move |(id, entry)| entry.in_progress == 0 || Some(*id) == replaces)
    }

    /// Selects, among the sessions `own` of a user, the one to end in favour of a new one: the one that this
    /// `replaces`, otherwise the one that was idle for longest. `None` if each has a request in progress.
    pub(crate) fn longest_idle(&self, own: &HashSet<u64>, replaces: Option<u64>) -> Option<u64> {
        let key = |(id, entry): &(u64, &Entry)| (Reverse(Some(*id) == replaces), entry.last_used);
        self.may_end(own, replaces).min_by_key(key).map(|(id, _)| id)
    }

    /// Removes a session that the server still has, and queues it to be ended there, unless its cookies belong to
    /// another session too.
    pub(crate) fn abandon(&mut self, id: u64) -> Option<SharedSession> {
        let entry = self.entries.get_mut(&id)?;
        let (endpoint, logoff) = (entry.endpoint, std::mem::take(&mut entry.logoff));
        let identifying = self.identifying(id);
        if !identifying.is_empty() && !identifying.iter().any(|key| self.owners.has_other(*key, id)) {
            self.orphaned.push(endpoint, logoff, &identifying);
        }
        self.remove(id)
    }

    /// The newest cookies by which the server finds the session: its session context cookies, or if it has none, those
    /// that identify it.
    fn identifying(&self, id: u64) -> Vec<Key> {
        let newest = || self.entries.get(&id).into_iter().flat_map(Entry::newest);
        let contexts: Vec<Key> =
            newest().filter(|(cookie, _)| cookie.is_context).map(|(_, key)| key).collect();
        if !contexts.is_empty() {
            return contexts;
        }
        newest().map(|(_, key)| key).filter(|key| self.owners.identified_by(*key) == Some(id)).collect()
    }

    /// Removes a session and its cookies.
    pub(crate) fn remove(&mut self, id: u64) -> Option<SharedSession> {
        let Entry { session, endpoint, identity, cookies, .. } = self.entries.remove(&id)?;
        session.close();
        for pair in cookies.iter().flat_map(|cookie| &cookie.values) {
            self.owners.remove((endpoint, *pair), id);
        }
        if let hash_map::Entry::Occupied(mut own) = self.by_user.entry((endpoint, identity.user().clone())) {
            own.get_mut().remove(&id);
            if own.get().is_empty() {
                own.remove();
            }
        }
        Some(session)
    }
}

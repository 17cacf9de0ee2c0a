//! The sessions of a cookie table with their cookies, under the table's lock.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque, hash_map};

use identity::{Identity, UserKey};
use mapi::mapihttp::Endpoint;
use wire::FileTime;

use crate::session::SharedSession;
use crate::sessions::cookie_owners::{Key, Owners};
use crate::sessions::fingerprint::Fingerprint;
use crate::sessions::orphaned::{LogoffData, OrphanQueue};
use crate::sessions::sequence::{RequestCookies, Sequence};

/// How many values of a cookie are remembered: requests of one session overtake one another, so that what one
/// of them brings may have been replaced meanwhile.
pub(crate) const VALUES: usize = 16;

/// How many cookies a session may have.
pub(crate) const COOKIES: usize = 32;

/// What a cookie table knows of its sessions.
#[derive(Debug, Default)]
pub(crate) struct CookieIndex {
    pub(crate) owners: Owners,
    pub(crate) entries: HashMap<u64, Entry>,
    /// The sessions of each user: those of all of its identities count together.
    pub(crate) by_user: HashMap<(Endpoint, UserKey), HashSet<u64>>,
    /// What is to be ended at the server.
    pub(crate) orphaned: OrphanQueue,
}

/// A session with what leads to it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) session: SharedSession,
    pub(crate) endpoint: Endpoint,
    pub(crate) identity: Identity,
    pub(crate) cookies: Vec<(Fingerprint, VecDeque<Fingerprint>)>,
    pub(crate) last_used: FileTime,
    pub(crate) in_progress: usize,
    pub(crate) sequence: Sequence,
    pub(crate) logoff: LogoffData,
}

/// Cookies of a response that would leave a session without a cookie that identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotIdentified {
    #[error("no cookie in the upstream's response identifies the session")]
    Own,
    #[error("the upstream's response sets the only cookie that identifies another session")]
    Other,
}

impl CookieIndex {
    /// Whether the session `id` can be given these cookies: it has, and each other session keeps, one that
    /// identifies it. What the session has that it `replaces` is its own.
    pub(crate) fn check_identifiable(
        &self,
        id: u64,
        given: &[Key],
        replaces: Option<u64>,
    ) -> Result<(), NotIdentified> {
        let is_own = |owner| owner == id || Some(owner) == replaces;
        let entry = self.entries.get(&id);
        let identifies =
            |key: &Key| self.owners.identified_by(*key).map_or_else(|| !self.owners.contains(*key), is_own);
        if !given.iter().any(identifies) && !entry.is_some_and(|entry| self.is_identified(id, entry, &[])) {
            return Err(NotIdentified::Own);
        }
        let others = given.iter().filter_map(|key| self.owners.identified_by(*key));
        let mut others = others.filter(|owner| !is_own(*owner));
        let lost = |owner: u64| {
            self.entries.get(&owner).is_some_and(|other| !self.is_identified(owner, other, given))
        };
        if others.any(lost) {
            return Err(NotIdentified::Other);
        }
        Ok(())
    }

    /// Whether a cookie other than `without` identifies the session.
    fn is_identified(&self, id: u64, entry: &Entry, without: &[Key]) -> bool {
        let keys = entry.cookies.iter().flat_map(|(_, values)| values).map(|value| (entry.endpoint, *value));
        keys.filter(|key| !without.contains(key)).any(|key| self.owners.identified_by(key) == Some(id))
    }

    /// Remembers that the session has this value of a cookie, and forgets its oldest one where there are many.
    pub(crate) fn bind(&mut self, key: Key, id: u64, name: Fingerprint, request: &RequestCookies) {
        let pair = key.1;
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let Entry { cookies, sequence, .. } = entry;
        let known = cookies.iter().position(|(known, _)| *known == name);
        if known.is_none() && cookies.len() < COOKIES {
            cookies.push((name, VecDeque::new()));
        }
        let place = known.or_else(|| cookies.len().checked_sub(1));
        let Some((_, values)) = place.and_then(|place| cookies.get_mut(place)) else { return };
        if values.contains(&pair) {
            return;
        }
        values.push_back(pair);
        self.owners.add(key, id);
        // What the client has now, and may have to bring once more, is not forgotten.
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

    /// Of the sessions `own` the one that gives way to a new one: the one that it `replaces`, or the one that was
    /// idle for longest. None where each has a request under way.
    pub(crate) fn longest_idle(&self, own: &HashSet<u64>, replaces: Option<u64>) -> Option<u64> {
        let entries = own.iter().filter_map(|id| Some((*id, self.entries.get(id)?)));
        let replaced = |id: u64| Some(id) == replaces;
        let may_go = entries.filter(|(id, entry)| entry.in_progress == 0 || replaced(*id));
        may_go.min_by_key(|(id, entry)| (Reverse(replaced(*id)), entry.last_used)).map(|(id, _)| id)
    }

    /// Takes a session out which the server still has.
    pub(crate) fn abandon(&mut self, id: u64) -> Option<SharedSession> {
        let entry = self.entries.get_mut(&id)?;
        self.orphaned.push(entry.endpoint, std::mem::take(&mut entry.logoff));
        self.remove(id)
    }

    /// Takes a session out, with what leads to it.
    pub(crate) fn remove(&mut self, id: u64) -> Option<SharedSession> {
        let Entry { session, endpoint, identity, cookies, .. } = self.entries.remove(&id)?;
        for pair in cookies.iter().flat_map(|(_, values)| values) {
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

//! Maps each cookie to the sessions for which it was set.

use std::collections::{HashMap, HashSet, VecDeque, hash_map};

use foldhash::fast::RandomState;
use mapi::mapihttp::Endpoint;

use crate::sessions::fingerprint::Fingerprint;

/// A cookie of an endpoint: the fingerprint of its name and value.
pub(crate) type Key = (Endpoint, Fingerprint);

/// How many cookies of several identities are remembered that no session has any more.
const REMEMBERED: usize = 1024;

#[derive(Debug)]
enum Owner {
    /// The cookie was set for one session: it identifies that session.
    One(u64),
    /// The cookie was set for several sessions of one identity: it identifies none.
    Several(HashSet<u64>),
    /// The cookie was set for sessions of several identities, such as by a load balancer: it identifies none. So many
    /// sessions have it.
    Shared(usize),
    /// The cookie is a session context cookie, and was set for sessions of several identities, one after the other: it
    /// identifies none. These sessions, of the last identity, have it.
    Reissued(HashSet<u64>),
}

/// The sessions for which the upstream set each cookie.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    cookies: HashMap<Key, Owner, RandomState>,
    /// Cookies of several identities that no session had at some time, the oldest first.
    unused: VecDeque<Key>,
}

impl Owners {
    /// Whether the cookie was set for any session.
    pub(crate) fn contains(&self, key: Key) -> bool {
        self.cookies.contains_key(&key)
    }

    /// The session that the cookie identifies: the only one for which it was set.
    pub(crate) fn identified_by(&self, key: Key) -> Option<u64> {
        match self.cookies.get(&key)? {
            Owner::One(id) => Some(*id),
            Owner::Several(_) | Owner::Shared(_) | Owner::Reissued(_) => None,
        }
    }

    /// A session of the only identity that has the cookie.
    pub(crate) fn owner(&self, key: Key) -> Option<u64> {
        match self.cookies.get(&key)? {
            Owner::One(id) => Some(*id),
            Owner::Several(ids) | Owner::Reissued(ids) => ids.iter().next().copied(),
            Owner::Shared(_) => None,
        }
    }

    /// Records that the cookie is set for a session of another identity too: it identifies no session from now on.
    /// Returns the session that it identified until now.
    pub(crate) fn share(&mut self, key: Key) -> Option<u64> {
        let owner = self.cookies.get_mut(&key)?;
        let (count, identified) = match owner {
            Owner::One(id) => (1, Some(*id)),
            Owner::Several(ids) => (ids.len(), None),
            Owner::Shared(_) | Owner::Reissued(_) => return None,
        };
        *owner = Owner::Shared(count);
        identified
    }

    /// Records that the session context cookie is set for a session of another identity: it identifies no session from
    /// now on. Returns the sessions that have had it until now, which are to be removed.
    pub(crate) fn reissue(&mut self, key: Key) -> HashSet<u64> {
        let Some(owner) = self.cookies.get_mut(&key) else { return HashSet::new() };
        let ids = match owner {
            Owner::One(id) => HashSet::from([*id]),
            Owner::Several(ids) | Owner::Reissued(ids) => ids.clone(),
            Owner::Shared(_) => return HashSet::new(),
        };
        *owner = Owner::Reissued(ids.clone());
        ids
    }

    /// Whether the cookie belongs to a session other than `id`. A cookie that is set for all belongs to none.
    pub(crate) fn has_other(&self, key: Key, id: u64) -> bool {
        match self.cookies.get(&key) {
            Some(Owner::One(owner)) => *owner != id,
            Some(Owner::Several(ids) | Owner::Reissued(ids)) => ids.iter().any(|owner| *owner != id),
            Some(Owner::Shared(_)) | None => false,
        }
    }

    /// Records that the cookie was set for the session `id`, after [`Self::share`] if that has another identity than
    /// the earlier ones.
    pub(crate) fn add(&mut self, key: Key, id: u64) {
        match self.cookies.entry(key) {
            hash_map::Entry::Vacant(place) => {
                place.insert(Owner::One(id));
            }
            hash_map::Entry::Occupied(mut place) => match place.get_mut() {
                Owner::One(first) if *first == id => {}
                Owner::One(first) => {
                    let both = HashSet::from([*first, id]);
                    place.insert(Owner::Several(both));
                }
                Owner::Several(ids) | Owner::Reissued(ids) => {
                    ids.insert(id);
                }
                Owner::Shared(count) => *count += 1,
            },
        }
    }

    /// Removes the cookie from the session `id`, which has it. If one other session is left that has the cookie, it
    /// identifies that one, unless sessions of several identities have had it.
    pub(crate) fn remove(&mut self, key: Key, id: u64) {
        let hash_map::Entry::Occupied(mut place) = self.cookies.entry(key) else { return };
        match place.get_mut() {
            Owner::One(only) if *only == id => {
                place.remove();
            }
            Owner::One(_) => {}
            Owner::Several(ids) => {
                ids.remove(&id);
                let mut left = ids.iter();
                if let (Some(last), None) = (left.next().copied(), left.next()) {
                    place.insert(Owner::One(last));
                }
            }
            Owner::Shared(count) => {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.remember(key);
                }
            }
            Owner::Reissued(ids) => {
                if ids.remove(&id) && ids.is_empty() {
                    self.remember(key);
                }
            }
        }
    }

    /// Keeps a cookie that no session has, in place of the oldest one.
    fn remember(&mut self, key: Key) {
        self.unused.push_back(key);
        if self.unused.len() > REMEMBERED
            && let Some(oldest) = self.unused.pop_front()
            && let hash_map::Entry::Occupied(place) = self.cookies.entry(oldest)
            && match place.get() {
                Owner::Shared(count) => *count == 0,
                Owner::Reissued(ids) => ids.is_empty(),
                Owner::One(_) | Owner::Several(_) => false,
            }
        {
            place.remove();
        }
    }

    /// Removes all cookies.
    pub(crate) fn clear(&mut self) {
        self.cookies.clear();
        self.unused.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_identifies_a_session_while_no_other_has_it() {
        let mut owners = Owners::default();
        let key = (Endpoint::Emsmdb, [1, 2]);
        assert_eq!((owners.contains(key), owners.identified_by(key)), (false, None));
        owners.add(key, 1);
        owners.add(key, 1);
        assert_eq!(owners.identified_by(key), Some(1));
        owners.add(key, 2);
        owners.add(key, 3);
        owners.remove(key, 9);
        owners.remove(key, 1);
        assert_eq!((owners.contains(key), owners.identified_by(key)), (true, None));
        assert_eq!(owners.identified_by((Endpoint::Nspi, [1, 2])), None);
        owners.remove(key, 3);
        owners.remove(key, 3);
        assert_eq!(owners.identified_by(key), Some(2));
        owners.remove(key, 2);
        assert!(!owners.contains(key));
    }

    #[test]
    fn a_cookie_of_several_identities_identifies_no_session_while_it_is_remembered() {
        let mut owners = Owners::default();
        let key = |number: usize| (Endpoint::Emsmdb, [u64::try_from(number).unwrap(), 0]);
        owners.add(key(0), 1);
        assert_eq!(
            (owners.owner(key(0)), owners.share(key(0)), owners.share(key(0))),
            (Some(1), Some(1), None)
        );
        owners.remove(key(0), 1);
        owners.add(key(0), 2);
        assert_eq!((owners.contains(key(0)), owners.identified_by(key(0))), (true, None));
        owners.remove(key(0), 2);
        for number in 1..REMEMBERED {
            assert!(owners.contains(key(0)), "{number}");
            owners.add(key(number), 3);
            owners.share(key(number));
            owners.remove(key(number), 3);
        }
        assert!(owners.cookies.len() <= REMEMBERED && owners.unused.len() == REMEMBERED);
        owners.add(key(0), 4);
        assert_eq!(owners.identified_by(key(0)), Some(4));
    }

    #[test]
    fn a_session_context_cookie_that_is_set_anew_identifies_no_session_while_it_is_remembered() {
        let mut owners = Owners::default();
        let key = |number: usize| (Endpoint::Emsmdb, [u64::try_from(number).unwrap(), 0]);
        // Each time the sessions of the last identity are returned, to be removed.
        for (earlier, later) in [(vec![1, 2], 3), (vec![3], 4)] {
            for id in &earlier {
                owners.add(key(0), *id);
            }
            assert_eq!(owners.reissue(key(0)), earlier.iter().copied().collect());
            for id in &earlier {
                owners.remove(key(0), *id);
            }
            owners.add(key(0), later);
            assert_eq!((owners.owner(key(0)), owners.identified_by(key(0))), (Some(later), None));
            assert!(owners.has_other(key(0), 1) && !owners.has_other(key(0), later));
        }
        owners.remove(key(0), 4);
        assert!(owners.contains(key(0)));
        for number in 1..=REMEMBERED {
            owners.add(key(number), 5);
            owners.reissue(key(number));
            owners.remove(key(number), 5);
        }
        assert!(!owners.contains(key(0)) && owners.cookies.len() <= REMEMBERED);
    }
}

//! Maps each cookie to the sessions for which it was set.

use std::collections::{HashMap, HashSet, hash_map};

use mapi::mapihttp::Endpoint;

use crate::sessions::fingerprint::Fingerprint;

/// A cookie of an endpoint: the fingerprint of its name and value.
pub(crate) type Key = (Endpoint, Fingerprint);

#[derive(Debug)]
enum Owner {
    /// The cookie was set for one session: it identifies that session.
    One(u64),
    /// The cookie was set for several sessions, such as by a load balancer: it identifies none.
    Several(HashSet<u64>),
}

/// The sessions for which the upstream set each cookie.
#[derive(Debug, Default)]
pub(crate) struct Owners(HashMap<Key, Owner>);

impl Owners {
    /// Whether the cookie was set for any session.
    pub(crate) fn contains(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }

    /// The session that the cookie identifies: the only one for which it was set.
    pub(crate) fn identified_by(&self, key: Key) -> Option<u64> {
        match self.0.get(&key)? {
            Owner::One(id) => Some(*id),
            Owner::Several(_) => None,
        }
    }

    /// Records that the cookie was set for the session `id`.
    pub(crate) fn add(&mut self, key: Key, id: u64) {
        match self.0.entry(key) {
            hash_map::Entry::Vacant(place) => {
                place.insert(Owner::One(id));
            }
            hash_map::Entry::Occupied(mut place) => match place.get_mut() {
                Owner::One(first) if *first == id => {}
                Owner::One(first) => {
                    let both = HashSet::from([*first, id]);
                    place.insert(Owner::Several(both));
                }
                Owner::Several(ids) => {
                    ids.insert(id);
                }
            },
        }
    }

    /// Removes the cookie from the session `id`. If one other session is left that has the cookie, it identifies that
    /// one.
    pub(crate) fn remove(&mut self, key: Key, id: u64) {
        let hash_map::Entry::Occupied(mut place) = self.0.entry(key) else { return };
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
        }
    }

    /// Removes all cookies.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
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
}

//! The connections on which a client has authenticated, which users share.

use std::net::IpAddr;

use identity::{FairShares, UserKey};
use tokio::sync::oneshot;

use crate::tcp::connection_limit::ConnectionLimit;
use crate::tcp::ranking::Ranking;

/// Who an authenticated connection counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// The user who authenticated on it last.
    User(UserKey),
    /// A trusted reverse proxy, whose connections carry requests of many users.
    ReverseProxy,
}

/// The authenticated connections. A user may have as many as are then free.
///
/// If none is free, the first connection of a user displaces another one: the newest of the user with the most, or, if
/// no user has several, of the network and address with the most. However many names a client authenticates with, its
/// own connections are displaced until its address has as few as others. A connection does not displace another one if
/// its own user or address would then have the most.
#[derive(Debug)]
pub(super) struct Authenticated {
    shares: FairShares<Owner>,
    by_user: Ranking<UserKey, ()>,
    by_address: Ranking<IpAddr, oneshot::Sender<()>>,
}

impl Authenticated {
    /// No connections, of at most `limit`, which users with one connection each can use up.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            shares: FairShares::new(limit.saturating_add(1)),
            by_user: Ranking::new(),
            by_address: Ranking::new(),
        }
    }

    /// Adds the connection `id` from `address`, on which `user` authenticated. Identifiers ascend. The receiver
    /// resolves when the connection is displaced, from when on it does not count any more.
    ///
    /// # Errors
    /// The limit that is reached. Then nothing changes.
    pub(super) fn insert(
        &mut self,
        id: u64,
        user: &UserKey,
        address: IpAddr,
    ) -> Result<oneshot::Receiver<()>, ConnectionLimit> {
        let owner = Owner::User(user.clone());
        let is_free = self.shares.take(&owner, 1);
        if !is_free {
            if self.shares.of(&owner) > 0 {
                return Err(ConnectionLimit::PerUser);
            }
            self.shares.add(&owner, 1);
        }
        let (signal, displaced) = oneshot::channel();
        self.by_user.insert(number(id), user.clone(), ());
        self.by_address.insert(number(id), address, signal);
        if !is_free {
            let has_several = self.by_user.most() > 1;
            let most = if has_several { self.by_user.first() } else { self.by_address.first() };
            let signal = most.and_then(|number| self.remove_number(number));
            if most == Some(number(id)) {
                return Err(ConnectionLimit::All);
            }
            // The connection may have ended by itself.
            let _ = signal.map(|signal| signal.send(()));
        }
        Ok(displaced)
    }

    /// Adds a connection of a trusted reverse proxy, which is not displaced.
    pub(super) fn add_reverse_proxy(&mut self) {
        self.shares.add(&Owner::ReverseProxy, 1);
    }

    /// Counts the connection `id` of the user `from` for `user`. A connection that was displaced is about to be closed,
    /// and counts for none.
    ///
    /// # Errors
    /// If the user would have more connections than are then free. Then nothing changes.
    pub(super) fn transfer(
        &mut self,
        id: u64,
        from: &UserKey,
        user: &UserKey,
    ) -> Result<(), ConnectionLimit> {
        if self.by_user.contains(number(id)) {
            let [from, to] = [from, user].map(|user| Owner::User(user.clone()));
            if !self.shares.try_transfer(&from, &to, 1) {
                return Err(ConnectionLimit::PerUser);
            }
            self.by_user.remove(number(id));
            self.by_user.insert(number(id), user.clone(), ());
        }
        Ok(())
    }

    /// Removes the connection `id` of `owner`, which has ended.
    pub(super) fn remove(&mut self, id: u64, owner: &Owner) {
        match owner {
            Owner::User(_) => drop(self.remove_number(number(id))),
            Owner::ReverseProxy => self.shares.give_back(owner, 1),
        }
    }

    /// Removes the connection with this number in the rankings, unless it was displaced.
    fn remove_number(&mut self, number: u64) -> Option<oneshot::Sender<()>> {
        let (user, ()) = self.by_user.remove(number)?;
        self.shares.give_back(&Owner::User(user), 1);
        self.by_address.remove(number).map(|(_, signal)| signal)
    }

    /// The number of connections that users and reverse proxies share.
    #[cfg(test)]
    pub(super) fn all(&self) -> usize {
        assert_eq!(self.by_user.len(), self.by_address.len());
        self.shares.all()
    }
}

/// The number of a connection in the rankings, in which the lowest one is closed first: the newest.
const fn number(id: u64) -> u64 {
    u64::MAX - id
}

#[cfg(test)]
mod tests {
    use testkit::caller;

    use super::*;

    /// Connections, each with its identifier and what it receives if it is displaced.
    type Held = Vec<(u64, Owner, oneshot::Receiver<()>)>;

    fn user(name: &str) -> UserKey {
        caller(name).identity().user().clone()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Adds connections of `name` until one is refused, at most `most`; returns that limit.
    fn fill(
        shared: &mut Authenticated,
        held: &mut Held,
        (name, from): (&str, IpAddr),
        most: usize,
    ) -> Option<ConnectionLimit> {
        for _ in 0..most {
            let id = u64::try_from(held.len()).unwrap();
            match shared.insert(id, &user(name), from) {
                Ok(displaced) => held.push((id, Owner::User(user(name)), displaced)),
                Err(limit) => return Some(limit),
            }
        }
        None
    }

    /// Which connections were displaced since the last call; their tasks close them.
    fn take_displaced(shared: &mut Authenticated, held: &mut Held) -> Vec<usize> {
        let displaced = held.iter_mut().map(|(_, _, displaced)| displaced.try_recv().is_ok());
        let displaced: Vec<usize> =
            displaced.enumerate().filter_map(|(at, is_displaced)| is_displaced.then_some(at)).collect();
        for at in &displaced {
            shared.remove(held[*at].0, &held[*at].1);
        }
        displaced
    }

    #[test]
    fn the_first_connection_of_a_user_displaces_the_newest_one_of_the_user_with_the_most() {
        let (mut shared, mut held) = (Authenticated::new(10), Vec::new());
        let here = address("192.0.2.1");
        for (name, share) in [("alice", 5), ("bob", 3), ("carol", 1), ("dave", 1)] {
            let before = held.len();
            assert_eq!(fill(&mut shared, &mut held, (name, here), 10), Some(ConnectionLimit::PerUser));
            assert_eq!(held.len() - before, share, "{name}");
        }
        assert_eq!((shared.all(), take_displaced(&mut shared, &mut held)), (10, Vec::new()));
        for (name, displaced) in [("erin", 4), ("frank", 3), ("grace", 7), ("heidi", 2)] {
            assert_eq!(fill(&mut shared, &mut held, (name, here), 1), None, "{name}");
            assert_eq!(take_displaced(&mut shared, &mut held), [displaced], "{name}");
            assert_eq!(shared.all(), 10);
        }
        assert_eq!(fill(&mut shared, &mut held, ("erin", here), 1), Some(ConnectionLimit::PerUser));
    }

    #[test]
    fn names_of_one_address_or_network_leave_a_connection_to_a_user_of_another_one() {
        let names: [fn(usize) -> String; 3] = [
            |_| "192.0.2.1".to_owned(),
            |at| format!("192.0.2.{}", at % 256),
            |at| format!("2001:db8:0:{at:x}::"),
        ];
        for from in names {
            let (mut shared, mut held) = (Authenticated::new(100), Vec::new());
            for at in 0..100 {
                fill(&mut shared, &mut held, (&format!("D{at}\\alice"), address(&from(at))), 100);
            }
            take_displaced(&mut shared, &mut held);
            assert_eq!((shared.all(), shared.by_user.most()), (100, 1));
            // The networks get equally many connections, whichever name is the next.
            for at in 0..60 {
                let client = (&*format!("user{at}"), address("198.51.100.1"));
                let refused = fill(&mut shared, &mut held, client, 1);
                assert_eq!(refused, (at >= 50).then_some(ConnectionLimit::All), "{at}");
                let name = (&*format!("E{at}\\alice"), address(&from(at)));
                let refused = fill(&mut shared, &mut held, name, 1);
                assert_eq!(refused, Some(ConnectionLimit::All), "{at}");
                let displaced = take_displaced(&mut shared, &mut held);
                let is_own = |at: &usize| held[*at].1 != Owner::User(user("user0"));
                assert!(displaced.len() == usize::from(at < 50) && displaced.iter().all(is_own), "{at}");
                assert_eq!(shared.all(), 100);
            }
        }
    }

    #[test]
    fn connections_of_reverse_proxies_are_not_displaced() {
        let (mut shared, mut held) = (Authenticated::new(2), Vec::new());
        shared.add_reverse_proxy();
        shared.add_reverse_proxy();
        let here = address("192.0.2.1");
        assert_eq!(fill(&mut shared, &mut held, ("alice", here), 1), Some(ConnectionLimit::All));
        shared.remove(0, &Owner::ReverseProxy);
        assert_eq!(fill(&mut shared, &mut held, ("alice", here), 1), None);
        assert_eq!(fill(&mut shared, &mut held, ("bob", here), 1), Some(ConnectionLimit::All));
        shared.remove(0, &held[0].1);
        shared.remove(0, &Owner::ReverseProxy);
        assert!(shared.all() == 0 && shared.by_user.is_unused() && shared.by_address.is_unused());
    }
}

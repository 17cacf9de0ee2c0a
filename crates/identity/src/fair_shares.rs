//! Shares of a limit for users.

use std::collections::HashMap;
use std::hash::Hash;

/// Whether a user who then has `own` has at most as much as is then free, if all users together then have `all` of
/// `limit`: the first user may take up to half of the limit, a second one then up to a quarter. Taking never uses up a
/// limit of two or more, so that something is left for another user.
pub const fn is_fair_share(own: usize, all: usize, limit: usize) -> bool {
    own.saturating_add(all) <= limit
}

/// Counts what users have of something that is limited, in fair shares ([`is_fair_share`]).
#[derive(Debug)]
pub struct FairShares<K> {
    limit: usize,
    all: usize,
    by_user: HashMap<K, usize>,
}

impl<K: Eq + Hash + Clone> FairShares<K> {
    /// Shares of `limit`, of which no user has anything.
    pub fn new(limit: usize) -> Self {
        Self { limit, all: 0, by_user: HashMap::new() }
    }

    /// What all users have together.
    pub const fn all(&self) -> usize {
        self.all
    }

    /// What `user` has.
    pub fn of(&self, user: &K) -> usize {
        self.by_user.get(user).copied().unwrap_or_default()
    }

    /// Counts `amount` for `user`. Returns `false`, and counts nothing, if the user would have more than is then free.
    #[must_use]
    pub fn take(&mut self, user: &K, amount: usize) -> bool {
        let own = self.of(user).saturating_add(amount);
        let all = self.all.saturating_add(amount);
        let is_fair = is_fair_share(own, all, self.limit);
        if is_fair {
            self.all = all;
            self.by_user.insert(user.clone(), own);
        }
        is_fair
    }

    /// Counts `amount` for `user`, even if that user then has more than is free.
    pub fn add(&mut self, user: &K, amount: usize) {
        self.all = self.all.saturating_add(amount);
        let own = self.by_user.entry(user.clone()).or_default();
        *own = own.saturating_add(amount);
    }

    /// Counts `amount` of `from` for `to`, even if that user then has more than is free.
    pub fn transfer(&mut self, from: &K, to: &K, amount: usize) {
        self.give_back(from, amount);
        self.add(to, amount);
    }

    /// Counts `amount` of `from` for `to`. Returns `false`, and changes nothing, if that user would have more than is
    /// then free.
    #[must_use]
    pub fn try_transfer(&mut self, from: &K, to: &K, amount: usize) -> bool {
        self.give_back(from, amount);
        let is_fair = self.take(to, amount);
        if !is_fair {
            self.add(from, amount);
        }
        is_fair
    }

    /// Stops counting `amount` for `user`.
    pub fn give_back(&mut self, user: &K, amount: usize) {
        self.all = self.all.saturating_sub(amount);
        if let Some(own) = self.by_user.get_mut(user) {
            *own = own.saturating_sub(amount);
            if *own == 0 {
                self.by_user.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one at a time until the share of `user` is used up, and returns how many.
    fn fill(shares: &mut FairShares<u8>, user: u8) -> usize {
        std::iter::from_fn(|| shares.take(&user, 1).then_some(())).count()
    }

    #[test]
    fn a_user_may_have_as_much_as_is_free() {
        let mut shares = FairShares::new(100);
        assert_eq!(fill(&mut shares, 1), 50);
        assert_eq!(fill(&mut shares, 2), 25);
        assert!(!shares.take(&1, 1), "more than is free now");
        assert!(shares.take(&3, 12) && !shares.take(&3, 1));
        assert_eq!(shares.all(), 87);
    }

    #[test]
    fn the_limit_is_never_exceeded_and_leaves_something_for_another_user() {
        for limit in [0, 1, 2, 7, 1000] {
            let mut shares = FairShares::new(limit);
            for user in 0..50 {
                fill(&mut shares, user);
                assert!(shares.all() <= limit);
            }
            assert!(!shares.take(&60, limit + 1));
        }
        let mut shares = FairShares::new(1000);
        for user in 0..8 {
            assert!(fill(&mut shares, user) > 0, "{user}");
        }
    }

    #[test]
    fn a_user_may_use_again_whatever_was_given_back_or_transferred() {
        let mut shares = FairShares::new(10);
        assert!(shares.take(&1, 5) && !shares.take(&1, 1));
        shares.transfer(&1, &2, 4);
        assert_eq!(shares.all(), 5);
        assert!(!shares.take(&2, 1) && shares.take(&1, 1));
        assert!(!shares.try_transfer(&1, &2, 2), "user 2 would have 6, and 4 are free");
        assert!(shares.try_transfer(&1, &3, 2) && shares.try_transfer(&3, &1, 2));
        assert_eq!((shares.all(), shares.by_user.len()), (6, 2));
        shares.give_back(&1, 2);
        shares.give_back(&2, 4);
        assert_eq!((shares.all(), shares.by_user.len()), (0, 0));
    }
}

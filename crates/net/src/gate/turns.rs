//! Queues users who wait for an attempt.
//!
//! It holds no requests, in contrast to the queues of the pool (`identity::pool::fair_queue`) and of sign-ins
//! (`auth_limit::queue`): each request finds out by itself how many users are before its own, since an outcome of one
//! may let all continue or fail all, and the order depends on the outcomes of earlier attempts.

use identity::UserKey;
use tokio::time::Instant;

use super::delay::MAX_AUTH_BACKOFF;

/// The most users that are kept.
const MOST: usize = 256;

/// Users who wait for an attempt, and users whose last attempt had no outcome. The latter get another attempt only if
/// no other user waits. Otherwise a few users with slow requests could hold all attempts.
#[derive(Debug, Default)]
pub(super) struct Turns {
    users: Vec<UserTurn>,
    /// The number of the last arrival.
    arrivals: u64,
}

#[derive(Debug)]
struct UserTurn {
    user: UserKey,
    /// How many requests wait.
    waiting: usize,
    /// When the user began to wait, or began the last attempt, in order of arrival.
    arrival: u64,
    /// When the last attempt ended or ran out of time, if it had no outcome.
    unsettled: Option<Instant>,
}

impl UserTurn {
    const fn is_needed(&self) -> bool {
        self.waiting > 0 || self.unsettled.is_some()
    }
}

/// The position of a user: smaller ones are first.
type Position = (Option<Instant>, u64);

impl Turns {
    /// A request of `user` waits from now on. Returns whether the request is registered. If it is not, every registered
    /// user with equal priority is before it.
    pub(super) fn enter(&mut self, user: &UserKey, now: Instant) -> bool {
        let arrival = self.next_arrival();
        let Some(turn) = self.entry(user, now) else { return false };
        if turn.waiting == 0 {
            turn.arrival = arrival;
        }
        turn.waiting += 1;
        true
    }

    /// A registered request of `user` waits no longer.
    pub(super) fn leave(&mut self, user: &UserKey) {
        if let Some(turn) = self.find(user) {
            turn.waiting = turn.waiting.saturating_sub(1);
        }
        self.users.retain(UserTurn::is_needed);
    }

    /// An attempt for `user` begins. Other requests of the user arrive again.
    pub(super) fn begin(&mut self, user: &UserKey) {
        let arrival = self.next_arrival();
        if let Some(turn) = self.find(user) {
            turn.arrival = arrival;
        }
    }

    /// The attempt for `user` ended at `at`, or ran out of time, without an outcome.
    pub(super) fn unsettled(&mut self, user: &UserKey, at: Instant) {
        if let Some(turn) = self.entry(user, at) {
            turn.unsettled = Some(at);
        }
    }

    /// The attempt for `user` had an outcome.
    pub(super) fn settled(&mut self, user: &UserKey) {
        if let Some(turn) = self.find(user) {
            turn.unsettled = None;
        }
        self.users.retain(UserTurn::is_needed);
    }

    /// How many users are before `user`, without those for whom an attempt is `in_progress`.
    pub(super) fn before(&self, user: &UserKey, in_progress: impl Fn(&UserKey) -> bool) -> usize {
        let own = self.position(user);
        let is_before = |turn: &&UserTurn| {
            turn.waiting > 0
                && (turn.unsettled, turn.arrival) < own
                && turn.user != *user
                && !in_progress(&turn.user)
        };
        self.users.iter().filter(is_before).count()
    }

    fn position(&self, user: &UserKey) -> Position {
        let own = self.users.iter().find(|turn| turn.user == *user);
        own.map_or((None, u64::MAX), |turn| {
            (turn.unsettled, if turn.waiting > 0 { turn.arrival } else { u64::MAX })
        })
    }

    fn find(&mut self, user: &UserKey) -> Option<&mut UserTurn> {
        self.users.iter_mut().find(|turn| turn.user == *user)
    }

    const fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// The entry of `user`. `None` if there is no space for another user who waits.
    fn entry(&mut self, user: &UserKey, now: Instant) -> Option<&mut UserTurn> {
        for turn in &mut self.users {
            turn.unsettled = turn.unsettled.filter(|at| now < *at + MAX_AUTH_BACKOFF);
        }
        self.users.retain(|turn| turn.is_needed() || turn.user == *user);
        if let Some(index) = self.users.iter().position(|turn| turn.user == *user) {
            return self.users.get_mut(index);
        }
        if self.users.len() >= MOST {
            // Of the users who do not wait, the one whose attempt is longest ago is removed.
            let idle = self.users.iter().enumerate().filter(|(_, turn)| turn.waiting == 0);
            let (index, _) = idle.min_by_key(|(_, turn)| turn.unsettled)?;
            self.users.swap_remove(index);
        }
        self.users.push(UserTurn { user: user.clone(), waiting: 0, arrival: 0, unsettled: None });
        self.users.last_mut()
    }
}

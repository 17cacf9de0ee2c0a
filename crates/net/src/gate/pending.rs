//! Serializes authentications while it is unknown whether the upstream accepts the account.

use std::time::Duration;

use identity::UserKey;
use tokio::time::Instant;

use super::turns::Turns;

/// The longest time that an authentication of unknown outcome delays others.
const LONGEST: Duration = Duration::from_secs(5);

/// The users for whom authentications are made at a time, so that a slow request of one does not delay all others.
const USERS: usize = 2;

/// The authentications in progress while it is unknown whether the upstream accepts the account: one for each of
/// [`USERS`], at all services together, since each may send a wrong password.
#[derive(Debug, Default)]
pub(super) struct PendingAttempts {
    attempts: Vec<PendingAttempt>,
    /// The number of the last attempt.
    numbers: u64,
    turns: Turns,
}

#[derive(Debug)]
struct PendingAttempt {
    number: u64,
    user: UserKey,
    /// The account is failing: this attempt checks whether it still does.
    retries: bool,
    /// Until when others wait for it.
    until: Instant,
}

impl PendingAttempts {
    /// Begins an attempt for `user` and returns its number. The error is the time until which to wait at most.
    pub(super) fn begin(&mut self, user: &UserKey, retries: bool, now: Instant) -> Result<u64, Instant> {
        self.remove_late(now);
        if let Some(own) = self.attempts.iter().find(|attempt| attempt.user == *user) {
            return Err(own.until);
        }
        if !self.is_next(user) {
            // If an attempt is free, a user who is before this one begins it now.
            let ends = self.attempts.iter().map(|attempt| attempt.until);
            return Err(ends.min().unwrap_or(now + LONGEST));
        }
        self.numbers += 1;
        self.turns.begin(user);
        self.attempts.push(PendingAttempt {
            number: self.numbers,
            user: user.clone(),
            retries,
            until: now + LONGEST,
        });
        Ok(self.numbers)
    }

    /// Removes the attempts that ran out of time.
    fn remove_late(&mut self, now: Instant) {
        for late in self.attempts.extract_if(.., |attempt| attempt.until <= now) {
            self.turns.unsettled(&late.user, late.until);
        }
    }

    /// A request of `user` waits from now on. Returns whether [`Self::leave`] must be called.
    pub(super) fn enter(&mut self, user: &UserKey, now: Instant) -> bool {
        self.turns.enter(user, now)
    }

    /// A request of `user` waits no longer. Returns whether another user may begin an attempt instead.
    pub(super) fn leave(&mut self, user: &UserKey, now: Instant) -> bool {
        self.remove_late(now);
        let was_next = self.is_next(user) && !self.is_in_progress(user);
        self.turns.leave(user);
        was_next
    }

    /// Whether fewer users are before `user` than attempts are free.
    fn is_next(&self, user: &UserKey) -> bool {
        self.turns.before(user, |user| self.is_in_progress(user)) + self.attempts.len() < USERS
    }

    fn is_in_progress(&self, user: &UserKey) -> bool {
        self.attempts.iter().any(|attempt| attempt.user == *user)
    }

    /// Whether an attempt is in progress that checks whether the account still fails.
    pub(super) fn is_retrying(&self, now: Instant) -> bool {
        self.attempts.iter().any(|attempt| attempt.retries && now < attempt.until)
    }

    /// Whether the last attempt for `user` had no outcome.
    pub(super) fn is_unsettled(&self, user: &UserKey, now: Instant) -> bool {
        let is_late = |attempt: &PendingAttempt| attempt.until <= now && attempt.user == *user;
        self.turns.is_unsettled(user) || self.attempts.iter().any(is_late)
    }

    /// The attempt `number` of `user` ended. `is_settled`: with an outcome.
    pub(super) fn end(&mut self, number: u64, user: &UserKey, is_settled: bool, now: Instant) {
        self.attempts.retain(|attempt| attempt.number != number);
        if is_settled {
            self.turns.settled(user);
        } else {
            self.turns.unsettled(user, now);
        }
    }

    /// Attempts with an old password delay no other attempt.
    pub(super) fn clear(&mut self) {
        self.attempts.clear();
    }
}

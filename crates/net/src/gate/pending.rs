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
/// [`USERS`], at all services together, since each may send a wrong password, and one of the proxy itself, which probes
/// the account.
#[derive(Debug, Default)]
pub(super) struct PendingAttempts {
    attempts: Vec<PendingAttempt>,
    /// The number of the probe, and until when others wait for it.
    probe: Option<(u64, Instant)>,
    /// The number of the last attempt.
    numbers: u64,
    turns: Turns,
}

#[derive(Debug)]
struct PendingAttempt {
    number: u64,
    user: UserKey,
    /// Until when others wait for it.
    until: Instant,
}

/// The number of attempts that exceeded their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Late {
    pub(super) users: u32,
    pub(super) probe: bool,
}

impl PendingAttempts {
    /// Begins an attempt for `user` and returns its number. The error is the time until which to wait at most.
    pub(super) fn begin(&mut self, user: &UserKey, now: Instant) -> Result<u64, Instant> {
        if let Some(own) = self.attempts.iter().find(|attempt| attempt.user == *user) {
            return Err(own.until);
        }
        if !self.is_next(user) {
            // If an attempt is free, a user before this one in the queue begins it now.
            return Err(self.first_ends(now));
        }
        self.numbers += 1;
        self.turns.begin(user);
        self.attempts.push(PendingAttempt { number: self.numbers, user: user.clone(), until: now + LONGEST });
        Ok(self.numbers)
    }

    /// Begins a probe and returns its number. The error is the time until which to wait at most.
    pub(super) fn begin_probe(&mut self, now: Instant) -> Result<u64, Instant> {
        if let Some((_, until)) = self.probe {
            return Err(until);
        }
        self.numbers += 1;
        self.probe = Some((self.numbers, now + LONGEST));
        Ok(self.numbers)
    }

    /// The probe `number` ended. Returns whether others waited for it.
    pub(super) fn end_probe(&mut self, number: u64) -> bool {
        self.probe.take_if(|(pending, _)| *pending == number).is_some()
    }

    /// How many attempts of users are in progress.
    pub(super) fn in_progress(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// The latest time at which the first attempt of a user ends.
    pub(super) fn first_ends(&self, now: Instant) -> Instant {
        self.attempts.iter().map(|attempt| attempt.until).min().unwrap_or(now + LONGEST)
    }

    /// Removes the attempts that exceeded their time.
    pub(super) fn remove_late(&mut self, now: Instant) -> Late {
        let mut users = 0;
        for late in self.attempts.extract_if(.., |attempt| attempt.until <= now) {
            self.turns.unsettled(&late.user, late.until);
            users += 1;
        }
        Late { users, probe: self.probe.take_if(|(_, until)| *until <= now).is_some() }
    }

    /// A request of `user` waits from now on. Returns whether [`Self::leave`] must be called.
    pub(super) fn enter(&mut self, user: &UserKey, now: Instant) -> bool {
        self.turns.enter(user, now)
    }

    /// A request of `user` waits no longer. Returns whether another user may begin an attempt instead.
    pub(super) fn leave(&mut self, user: &UserKey) -> bool {
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

    /// The attempt `number` of `user` ended; with an outcome if `is_settled`. Returns whether it was within its time.
    pub(super) fn end(&mut self, number: u64, user: &UserKey, is_settled: bool, now: Instant) -> bool {
        let before = self.attempts.len();
        self.attempts.retain(|attempt| attempt.number != number);
        if is_settled {
            self.turns.settled(user);
        } else {
            self.turns.unsettled(user, now);
        }
        self.attempts.len() < before
    }

    /// Removes the attempts, which used an old password and must not delay others.
    pub(super) fn clear(&mut self) {
        self.attempts.clear();
        self.probe = None;
    }
}

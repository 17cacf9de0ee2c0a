//! Serializes authentications while it is unknown whether the upstream accepts the account.

use std::time::Duration;

use identity::UserKey;
use tokio::time::Instant;

/// The longest time that an authentication of unknown outcome delays others.
const LONGEST: Duration = Duration::from_secs(5);

/// The users for whom authentications are made at a time, so that a slow request of one does not delay all others.
const USERS: usize = 2;

/// The authentications in progress while it is unknown whether the upstream accepts the account: one for each of
/// [`USERS`].
#[derive(Debug, Default)]
pub(super) struct PendingAttempts {
    attempts: Vec<PendingAttempt>,
    /// The number of the last attempt.
    numbers: u64,
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
        self.attempts.retain(|attempt| now < attempt.until);
        if let Some(own) = self.attempts.iter().find(|attempt| attempt.user == *user) {
            return Err(own.until);
        }
        if let Some(first) = self.attempts.iter().map(|attempt| attempt.until).min()
            && self.attempts.len() >= USERS
        {
            return Err(first);
        }
        self.numbers += 1;
        self.attempts.push(PendingAttempt {
            number: self.numbers,
            user: user.clone(),
            retries,
            until: now + LONGEST,
        });
        Ok(self.numbers)
    }

    /// Whether an attempt is in progress that checks whether the account still fails.
    pub(super) fn is_retrying(&self, now: Instant) -> bool {
        self.attempts.iter().any(|attempt| attempt.retries && now < attempt.until)
    }

    pub(super) fn end(&mut self, number: u64) {
        self.attempts.retain(|attempt| attempt.number != number);
    }

    pub(super) fn clear(&mut self) {
        self.attempts.clear();
    }
}

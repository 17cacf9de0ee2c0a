//! Serializes authentications while the outcome of one is unknown.

use std::time::Duration;

use identity::Identity;
use tokio::time::Instant;

/// The longest time that an authentication of unknown outcome delays others.
const LONGEST: Duration = Duration::from_secs(5);

/// The users for whom authentications are made at a time, so that a slow request of one does not delay all others.
const USERS: usize = 2;

/// The authentications in progress while it is unknown whether the upstream accepts the account: one for each of
/// [`USERS`].
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: Vec<Turn>,
    /// How many there were so far.
    numbers: u64,
}

#[derive(Debug)]
struct Turn {
    number: u64,
    user: Identity,
    /// The account is refused: this attempt checks whether it still is.
    retries: bool,
    /// Until when others wait for it.
    until: Instant,
}

impl Turns {
    /// Begins one for `user` and returns its number. The error is the time until which to wait at most.
    pub(super) fn begin(&mut self, user: &Identity, retries: bool, now: Instant) -> Result<u64, Instant> {
        self.turns.retain(|turn| now < turn.until);
        if let Some(own) = self.turns.iter().find(|turn| turn.user == *user) {
            return Err(own.until);
        }
        if let Some(first) = self.turns.iter().map(|turn| turn.until).min()
            && self.turns.len() >= USERS
        {
            return Err(first);
        }
        self.numbers += 1;
        self.turns.push(Turn { number: self.numbers, user: user.clone(), retries, until: now + LONGEST });
        Ok(self.numbers)
    }

    /// Whether an attempt is in progress that checks whether the account is still refused.
    pub(super) fn is_retrying(&self, now: Instant) -> bool {
        self.turns.iter().any(|turn| turn.retries && now < turn.until)
    }

    pub(super) fn end(&mut self, number: u64) {
        self.turns.retain(|turn| turn.number != number);
    }

    pub(super) fn clear(&mut self) {
        self.turns.clear();
    }
}

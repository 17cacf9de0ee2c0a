//! Serializes authentications while the outcome of one is unknown.

use std::time::Duration;

use identity::Identity;
use tokio::time::Instant;

/// How long one sign-in of unknown outcome keeps others waiting.
const LONGEST: Duration = Duration::from_secs(5);

/// For how many users sign-ins are made at a time: one whose requests take long keeps no other waiting.
const USERS: usize = 2;

/// The sign-ins under way while it is not known whether the upstream accepts the account: one for each of [`USERS`].
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: Vec<Turn>,
    /// How many there were.
    numbers: u64,
}

#[derive(Debug)]
struct Turn {
    number: u64,
    user: Identity,
    /// The account is refused there: this tries again whether it still is.
    retries: bool,
    /// When others need not wait for it any more.
    until: Instant,
}

impl Turns {
    /// The number of a new one for `user`; an error says until when to wait at most.
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

    /// Whether it is being tried again somewhere whether the account is still refused.
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

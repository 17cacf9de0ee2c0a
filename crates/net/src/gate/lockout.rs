//! Limits attempts with a service account while it is unknown whether the server accepts it, so that failed attempts do
//! not lock the account in its domain.

use std::time::Duration;

use tokio::time::Instant;

use super::delay::{MAX_AUTH_BACKOFF, MIN_AUTH_BACKOFF};
use crate::upstream_error::UpstreamError;

/// After how many authentications without an outcome the account is probed. One is usual: its client closed the
/// connection, for example.
const UNSETTLED: u32 = 2;

/// By how much the delay after a probe that failed grows with the next.
const DELAY_GROWTH: u32 = 10;

/// The limits on authentications that may count against the lockout threshold of the service account's domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutLimits {
    /// How many authentications in a row may fail before a pause. At least 2: one of a user and one of the proxy.
    pub attempts: u32,
    /// The pause after the last of them: the time after which the domain resets its count of failures, or longer.
    pub pause: Duration,
}

impl Default for LockoutLimits {
    /// Limits for a domain that locks an account at the 5th failure and resets its count after 30 minutes at the
    /// latest. One of the failures is left for a password that is replaced during the pause and may be wrong too.
    fn default() -> Self {
        Self { attempts: 3, pause: Duration::from_mins(30) }
    }
}

/// The authentications with one password since the server last accepted it.
#[derive(Debug)]
pub(super) struct Lockout {
    limits: LockoutLimits,
    /// The server has accepted the password.
    is_accepted: bool,
    /// How many authentications have failed since then.
    failed: u32,
    /// The last failure.
    last: Option<(Instant, UpstreamError)>,
    /// How many authentications without an outcome there were. They count as failed if another one fails.
    unsettled: u32,
    /// An authentication for a user has failed since the last probe, or several have had no outcome.
    is_doubtful: bool,
    /// When the next probe is due if the server refuses the account, and the delay before it.
    refused: Option<(Instant, Duration)>,
    /// After probes without an outcome: until when no other one begins, and the delay. Users wait for a probe.
    probe_delay: Option<(Instant, Duration)>,
}

/// The authentications that may be attempted next.
#[derive(Debug)]
pub(super) enum NextAttempt {
    /// All users may authenticate, at the same time.
    Any,
    /// As many authentications as are left may be in progress for users, who take turns.
    Users(u32),
    /// Only the proxy may authenticate, by a probe.
    Probe,
    /// None.
    Refused(UpstreamError),
}

impl Lockout {
    pub(super) fn new(limits: LockoutLimits) -> Self {
        let limits = LockoutLimits { attempts: limits.attempts.max(2), ..limits };
        Self {
            limits,
            is_accepted: false,
            failed: 0,
            last: None,
            unsettled: 0,
            is_doubtful: false,
            refused: None,
            probe_delay: None,
        }
    }

    pub(super) const fn limits(&self) -> LockoutLimits {
        self.limits
    }

    /// Whether the server has accepted the password, though it may have failed since.
    pub(super) const fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// Whether the account counts as refused for all users.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Why the last authentication failed, if the server has accepted none since.
    pub(super) fn error(&self) -> Option<&UpstreamError> {
        self.last.as_ref().map(|(_, error)| error)
    }

    /// The authentications that may be attempted at `now`.
    pub(super) fn next(&mut self, now: Instant) -> NextAttempt {
        if let (Some((due, _)), Some(error)) = (self.refused, self.error()) {
            return if now < due { NextAttempt::Refused(error.clone()) } else { NextAttempt::Probe };
        }
        if self.is_reset(now) {
            self.failed = 0;
        }
        let is_delayed = self.probe_delay.is_some_and(|(until, _)| now < until);
        if is_delayed {
            self.unsettled = self.unsettled.min(UNSETTLED - 1);
        }
        if self.is_doubtful && !is_delayed {
            NextAttempt::Probe
        } else if self.is_accepted && self.failed == 0 {
            NextAttempt::Any
        } else {
            NextAttempt::Users(self.limits.attempts.saturating_sub(self.failed))
        }
    }

    /// Whether the domain has reset its count of failures.
    fn is_reset(&self, now: Instant) -> bool {
        self.last.as_ref().is_none_or(|(at, _)| now >= *at + self.limits.pause)
    }

    /// Whether a probe may begin while `in_progress` authentications of users may still fail.
    pub(super) const fn permits_probe(&self, in_progress: u32) -> bool {
        self.refused.is_some() || self.failed.saturating_add(in_progress) < self.limits.attempts
    }

    /// The server accepted the account in a probe or in a request of a user. Returns whether this changes
    /// which authentications may be attempted.
    pub(super) fn accepted(&mut self, is_probe: bool) -> bool {
        if is_probe {
            self.probe_delay = None;
        }
        let is_known = self.is_accepted && self.failed == 0 && !self.is_doubtful;
        (self.is_accepted, self.failed, self.last, self.unsettled) = (true, 0, None, 0);
        (self.is_doubtful, self.refused) = (false, None);
        !is_known
    }

    /// The server refused the password in an authentication that began while all users were permitted. There may be
    /// any number of them; they are counted as at most `attempts - 1`, so that a probe can still be made.
    pub(super) fn failed_of_many(&mut self, error: &UpstreamError, now: Instant) {
        if !self.is_refused() {
            self.failed = self.failed.saturating_add(1).min(self.limits.attempts.saturating_sub(1));
            self.is_doubtful = true;
        }
        self.last = Some((now, error.clone()));
    }

    /// The server refused the password in a probe or in a request of a user.
    pub(super) fn failed(&mut self, is_probe: bool, error: &UpstreamError, now: Instant) {
        self.failed = self.failed.saturating_add(1).saturating_add(std::mem::take(&mut self.unsettled));
        self.last = Some((now, error.clone()));
        let pause = self.limits.pause;
        if is_probe {
            self.probe_delay = None;
        }
        if self.failed >= self.limits.attempts {
            self.refused = Some((now + pause, pause));
        } else if is_probe {
            let delay = self.refused.map_or(MIN_AUTH_BACKOFF, |(_, delay)| delay * DELAY_GROWTH).min(pause);
            self.refused = Some((now + delay, delay));
        } else {
            self.is_doubtful = true;
        }
    }

    /// An authentication for a user had no outcome, so that it may have failed.
    pub(super) const fn unsettled(&mut self) {
        self.unsettled = self.unsettled.saturating_add(1);
        self.is_doubtful |= self.unsettled >= UNSETTLED;
    }

    /// A probe had no outcome: for a time, which doubles with each such probe, only authentications of users are made.
    /// A success of a user does not end this time, as it does not show that the next probe will have an outcome.
    pub(super) fn probe_unsettled(&mut self, now: Instant) {
        let delay = self.probe_delay.map_or(MIN_AUTH_BACKOFF, |(_, last)| (last * 2).min(MAX_AUTH_BACKOFF));
        self.probe_delay = Some((now + delay, delay));
        self.is_doubtful = false;
        self.unsettled = self.unsettled.min(UNSETTLED - 1);
        if let Some((_, delay)) = self.refused {
            self.refused = (!self.is_reset(now)).then_some((now + delay, delay));
        }
    }

    /// Makes a probe due now, unless the last authentication was just before. The administrator may have corrected the
    /// account at the server.
    pub(super) fn retry(&mut self, now: Instant) {
        let is_recent = self.last.as_ref().is_some_and(|(at, _)| now < *at + MIN_AUTH_BACKOFF);
        if let Some((due, _)) = self.refused.as_mut().filter(|_| !is_recent) {
            *due = now;
        }
    }

    /// The password was replaced. Failures of the old one still count in the domain: the new one has the attempts that
    /// are left, and at least one.
    pub(super) fn reset(&mut self) {
        self.failed = self.failed.min(self.limits.attempts.saturating_sub(1));
        (self.is_accepted, self.refused, self.probe_delay) = (false, None, None);
        self.is_doubtful = self.failed > 0;
    }
}

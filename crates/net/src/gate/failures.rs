//! Authentication failures of the service account, by user.

use std::time::Duration;

use identity::UserKey;
use tokio::time::Instant;

use super::delay::{MAX_AUTH_BACKOFF, MIN_AUTH_BACKOFF};
use crate::upstream_error::UpstreamError;

/// The most failures that are kept. The failure whose delay ends first is removed for another.
const MOST: usize = 256;

/// Users in whose requests authentication of the service account failed. Servers respond with 401 if the password of
/// the account is wrong, and also if the account may not access what the user requests. Therefore a failure delays
/// the requests of this user only.
#[derive(Debug, Default)]
pub(super) struct UserFailures(Vec<UserFailure>);

#[derive(Debug)]
struct UserFailure {
    user: UserKey,
    /// The index of the service at which the account failed.
    service: usize,
    /// Whether the failure applies to all services, as long as none has accepted the account.
    everywhere: bool,
    error: UpstreamError,
    /// When the next authentication for this user is permitted, and the delay after the last.
    next: Instant,
    delay: Duration,
    /// The account has succeeded there for this user since. This does not end the delay: requests that fail and succeed
    /// in turn would cost all users a probe each time.
    succeeded: bool,
}

impl UserFailure {
    /// When the failure is forgotten: the next one then has the delay of a first one.
    fn ends(&self) -> Instant {
        self.next + if self.succeeded { self.delay.max(MIN_AUTH_BACKOFF) } else { MAX_AUTH_BACKOFF }
    }
}

/// A failure in a request of `user` at `service`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) user: &'a UserKey,
    pub(super) service: usize,
    pub(super) error: &'a UpstreamError,
    /// The minimum delay until the next authentication for this user.
    pub(super) delay: Duration,
    pub(super) everywhere: bool,
}

impl UserFailures {
    /// Why no authentication is permitted at `now` for `user` at `service`. `is_accepted`: a service has
    /// accepted the account.
    pub(super) fn blocking_error(
        &self,
        user: &UserKey,
        service: usize,
        is_accepted: bool,
        now: Instant,
    ) -> Option<&UpstreamError> {
        let holds = |failure: &&UserFailure| {
            let is_there = failure.service == service || (failure.everywhere && !is_accepted);
            is_there && now < failure.next && failure.user == *user
        };
        self.0.iter().find(holds).map(|failure| &failure.error)
    }

    /// Adds a failure. Returns how long no authentication is permitted for this user.
    pub(super) fn add(&mut self, added: &Failure<'_>, now: Instant) -> Duration {
        self.0.retain(|failure| now < failure.ends());
        let Failure { user, service, error, delay, everywhere } = *added;
        let is_known = |failure: &UserFailure| failure.service == service && failure.user == *user;
        if let Some(failure) = self.0.iter_mut().find(|failure| is_known(failure)) {
            failure.delay = (failure.delay * 2).clamp(MIN_AUTH_BACKOFF, MAX_AUTH_BACKOFF).max(delay);
            failure.next = now + failure.delay;
            (failure.error, failure.everywhere, failure.succeeded) = (error.clone(), everywhere, false);
            return failure.delay;
        }
        if self.0.len() >= MOST
            && let Some((first, _)) = self.0.iter().enumerate().min_by_key(|(_, failure)| failure.next)
        {
            self.0.swap_remove(first);
        }
        self.0.push(UserFailure {
            user: user.clone(),
            service,
            everywhere,
            error: error.clone(),
            next: now + delay,
            delay,
            succeeded: false,
        });
        delay
    }

    /// Whether the account failed for `user` at `service`, although it may have been accepted since.
    pub(super) fn contains(&self, user: &UserKey, service: usize) -> bool {
        self.0.iter().any(|failure| failure.service == service && failure.user == *user)
    }

    /// The account was accepted for `user` at `service`.
    pub(super) fn succeeded(&mut self, user: &UserKey, service: usize) {
        for failure in self.0.iter_mut().filter(|failure| failure.service == service && failure.user == *user)
        {
            failure.succeeded = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

//! Authentication failures of the service account, by user.

use std::time::Duration;

use identity::UserKey;
use tokio::time::Instant;

use super::delay::{MAX_AUTH_BACKOFF, MIN_AUTH_BACKOFF};
use crate::upstream_error::UpstreamError;

/// The most failures that are kept. The failure whose delay ends first is removed for another.
const MOST: usize = 256;

/// Users in whose requests authentication of the service account failed. Servers respond with 401 if the password of
/// the account is wrong, and also if the account may not access what the user requests. Therefore a failure affects
/// other users only if it is repeated for them.
#[derive(Debug, Default)]
pub(super) struct UserFailures(Vec<UserFailure>);

#[derive(Debug)]
struct UserFailure {
    user: UserKey,
    /// The index of the service at which the account failed.
    service: usize,
    /// No service has accepted the account yet: the failure applies to all services that have not accepted it.
    everywhere: bool,
    error: UpstreamError,
    /// When the next authentication for this user is permitted, and the delay after the last.
    next: Instant,
    delay: Duration,
    /// No authentication succeeded there since, for any user.
    counts: bool,
    /// The account succeeded there after a failure for this user: further failures are about what the user requests,
    /// and count for no other user.
    about_user: bool,
    /// The account succeeded there for this user since: the next failure is like the first.
    succeeded: bool,
}

/// A failure in a request of `user` at `service`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) user: &'a UserKey,
    pub(super) service: usize,
    pub(super) error: &'a UpstreamError,
    /// The minimum delay until the next authentication for this user.
    pub(super) delay: Duration,
    /// Whether the delay for this user doubles; it does not while the account fails for all users.
    pub(super) grows: bool,
    pub(super) everywhere: bool,
}

impl UserFailures {
    /// Why no authentication is permitted at `now` for `user` at `service`. `is_accepted`: the service accepted the
    /// account before.
    pub(super) fn blocking_error(
        &self,
        user: &UserKey,
        service: usize,
        is_accepted: bool,
        now: Instant,
    ) -> Option<&UpstreamError> {
        let holds = |failure: &&UserFailure| {
            let is_there = failure.service == service || (failure.everywhere && !is_accepted);
            is_there && now < failure.next && !failure.succeeded && failure.user == *user
        };
        self.0.iter().find(holds).map(|failure| &failure.error)
    }

    /// Adds a failure. Returns how long no authentication is permitted for this user.
    pub(super) fn add(&mut self, added: &Failure<'_>, now: Instant) -> Duration {
        self.0.retain(|failure| now < failure.next + MAX_AUTH_BACKOFF);
        let Failure { user, service, error, delay, grows, everywhere } = *added;
        let is_known = |failure: &UserFailure| failure.service == service && failure.user == *user;
        if let Some(failure) = self.0.iter_mut().find(|failure| is_known(failure)) {
            if std::mem::take(&mut failure.succeeded) {
                (failure.delay, failure.next) = (delay, now + delay);
            } else if grows {
                failure.delay = (failure.delay * 2).clamp(MIN_AUTH_BACKOFF, MAX_AUTH_BACKOFF).max(delay);
                failure.next = now + failure.delay;
            }
            failure.error = error.clone();
            failure.everywhere = everywhere;
            failure.counts = !failure.about_user;
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
            counts: true,
            about_user: false,
            succeeded: false,
        });
        delay
    }

    /// Whether the account failed at `service`, or everywhere, for at least `users` users, and was not accepted
    /// since.
    pub(super) fn count_reaches(&self, users: usize, service: usize) -> bool {
        let mut found: Vec<&UserKey> = Vec::with_capacity(users);
        for failure in self.0.iter().filter(|failure| failure.counts) {
            if (failure.service == service || failure.everywhere) && !found.contains(&&failure.user) {
                found.push(&failure.user);
            }
            if found.len() >= users {
                return true;
            }
        }
        false
    }

    /// Whether the account failed for `user` at `service`, or everywhere, and was not accepted since.
    pub(super) fn counts(&self, user: &UserKey, service: usize) -> bool {
        let is_about = |failure: &UserFailure| {
            (failure.service == service || failure.everywhere) && failure.user == *user
        };
        self.0.iter().any(|failure| failure.counts && is_about(failure))
    }

    /// Whether the account failed for `user` at `service`, although it may have been accepted since.
    pub(super) fn contains(&self, user: &UserKey, service: usize) -> bool {
        self.0.iter().any(|failure| failure.service == service && failure.user == *user)
    }

    /// The account was accepted for `user` at `service`: earlier failures affect only the users for whom they were.
    /// Unless the account `was_failing` for all users until now, so do further failures for these users.
    pub(super) fn accepted(&mut self, user: &UserKey, service: usize, was_failing: bool) {
        for failure in &mut self.0 {
            failure.everywhere = false;
            if failure.service == service {
                failure.counts = false;
                failure.about_user |= !was_failing;
                failure.succeeded |= failure.user == *user;
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

//! Backoff for an account that the upstream does not accept.

use std::time::Duration;

use identity::SecurityContext;
use tokio::time::Instant;

use super::account_log::{log_failing, log_suspended};
use super::delay::{MAX_AUTH_BACKOFF, MIN_AUTH_BACKOFF};
use super::failures::{Failure, UserFailures};
use super::pending::PendingAttempts;
use super::protocol::UpstreamProtocol;
use super::proven_users::ProvenUsers;
use super::service::{Service, State};
use crate::error_chain::ErrorChain;
use crate::log_rate_limit::LogRateLimit;
use crate::upstream_error::UpstreamError;

/// The most services that are tracked, more than an upstream has. Further services share the last entry.
const MAX_SERVICES: usize = 32;

/// The number of users for whom an account must fail at a service until it counts as failing for all users, if the
/// service has never accepted the account.
const FAILING_USERS_IF_UNTESTED: usize = 2;

/// The number of users for whom it must fail, with no success in between, if the service accepted the account before.
const FAILING_USERS_IF_ACCEPTED: usize = 3;

/// The state of the service account.
#[derive(Debug, Default)]
pub(super) struct ServiceAccount {
    services: Vec<Service>,
    /// Incremented with each new password: the outcome of an authentication with an old one is ignored.
    password: u64,
    pending: PendingAttempts,
    failures: UserFailures,
    proven: ProvenUsers,
    /// When the account began to fail at a service, and how many requests failed because of it. A new password does
    /// not reset it.
    outage: Option<(Instant, u64)>,
    suspended: LogRateLimit,
}

/// A permitted authentication.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    service: usize,
    user: SecurityContext,
    password: u64,
    pending: Option<u64>,
}

impl Ticket {
    /// The ticket after its outcome is known: other authentications do not wait for it.
    pub(super) fn not_pending(self) -> Self {
        Self { pending: None, ..self }
    }

    /// The failure of the authentication, which delays nothing by itself.
    fn failure<'a>(&'a self, error: &'a UpstreamError) -> Failure<'a> {
        Failure {
            user: self.user.identity().user(),
            service: self.service,
            error,
            delay: Duration::ZERO,
            grows: true,
            everywhere: false,
        }
    }
}

/// Whether an authentication is permitted.
#[derive(Debug)]
pub(super) enum Admitted {
    Yes(Ticket),
    /// Not before another authentication ends, or this time.
    Wait(Instant),
}

/// The outcome of an authentication.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'a> {
    Accepted,
    Failed(&'a UpstreamError),
    Unknown,
}

impl ServiceAccount {
    /// Permits an authentication at `now` for a request of `user`. The error is why the account failed before.
    pub(super) fn admit(
        &mut self,
        protocol: UpstreamProtocol,
        name: &str,
        user: &SecurityContext,
        now: Instant,
    ) -> Result<Admitted, UpstreamError> {
        let index = self.service(protocol, name);
        let is_accepted = matches!(self.services[index].state, State::Accepted | State::Suspect);
        if let Some(error) = self.failures.blocking_error(user.identity().user(), index, is_accepted, now) {
            if let Some((_, refused)) = self.outage.as_mut().filter(|_| !is_accepted) {
                *refused += 1;
            }
            return Err(error.clone());
        }
        let retries = match &self.services[index].state {
            State::Accepted => return Ok(Admitted::Yes(self.ticket(index, user, None))),
            State::Failing { confirmed: false, .. } if self.can_confirm(user, index) => true,
            State::Failing { error, next, delay, .. }
                if now < *next + self.waits_longer(user, index, *delay, now)
                    || self.pending.is_retrying(now) =>
            {
                let error = error.clone();
                self.count_failed_request(now);
                return Err(error);
            }
            State::Failing { .. } => true,
            State::Untested | State::Suspect => false,
        };
        Ok(match self.pending.begin(user.identity().user(), retries, now) {
            Ok(number) => Admitted::Yes(self.ticket(index, user, Some(number))),
            Err(until) => Admitted::Wait(until),
        })
    }

    fn ticket(&self, service: usize, user: &SecurityContext, pending: Option<u64>) -> Ticket {
        Ticket { service, user: user.clone(), password: self.password, pending }
    }

    /// Whether the next authentication for `user` shows if a service that accepted the account before fails for all
    /// users: the account succeeded for this user there, and never failed.
    fn can_confirm(&self, user: &SecurityContext, index: usize) -> bool {
        let user = user.identity().user();
        self.proven.contains(user, index) && !self.failures.contains(user, index)
    }

    /// How much longer a user waits for the next authentication if the account failed in requests of that user
    /// before, or the last attempt had no outcome. Otherwise a few users could block the account for all users.
    fn waits_longer(&self, user: &SecurityContext, index: usize, delay: Duration, now: Instant) -> Duration {
        let user = user.identity().user();
        let is_later = self.failures.counts(user, index) || self.pending.is_unsettled(user, now);
        if is_later { delay / 2 } else { Duration::ZERO }
    }

    /// A request of `user` waits from now on. Returns whether [`Self::leave`] must be called.
    pub(super) fn enter(&mut self, user: &SecurityContext, now: Instant) -> bool {
        self.pending.enter(user.identity().user(), now)
    }

    /// A request of `user` waits no longer. Returns whether another waiting request may proceed.
    pub(super) fn leave(&mut self, user: &SecurityContext, now: Instant) -> bool {
        self.pending.leave(user.identity().user(), now)
    }

    fn service(&mut self, protocol: UpstreamProtocol, name: &str) -> usize {
        let known =
            |service: &Service| service.protocol == protocol && service.name.eq_ignore_ascii_case(name);
        if let Some(index) = self.services.iter().position(known) {
            return index;
        }
        if self.services.len() >= MAX_SERVICES {
            return MAX_SERVICES - 1;
        }
        // A password that failed at another service is not used here before that service accepts it.
        let refused = self.services.iter().find_map(|service| match &service.state {
            State::Failing { error, next, delay, .. } if error.is_password() => Some(State::Failing {
                error: error.clone(),
                next: *next,
                delay: *delay,
                confirmed: true,
                inherited: true,
            }),
            _ => None,
        });
        let state = refused.unwrap_or(State::Untested);
        self.services.push(Service { protocol, name: name.into(), state });
        self.services.len() - 1
    }

    /// Records the outcome of the authentication `ticket`. Returns whether waiting requests may proceed.
    pub(super) fn record_auth(&mut self, ticket: &Ticket, outcome: Outcome<'_>, now: Instant) -> bool {
        if let Some(number) = ticket.pending {
            let is_settled = !matches!(outcome, Outcome::Unknown);
            self.pending.end(number, ticket.user.identity().user(), is_settled, now);
        }
        let mut changes = ticket.pending.is_some();
        if ticket.password == self.password {
            match outcome {
                Outcome::Accepted => changes |= self.accepted(ticket, now),
                Outcome::Failed(error) => {
                    self.failed(ticket, error, now);
                    changes = true;
                }
                Outcome::Unknown => {}
            }
        }
        changes
    }

    fn accepted(&mut self, ticket: &Ticket, now: Instant) -> bool {
        let user = ticket.user.identity().user();
        let service = &mut self.services[ticket.service];
        let was_failing = matches!(service.state, State::Failing { confirmed: true, .. });
        self.failures.accepted(user, ticket.service, was_failing);
        self.proven.add(user, ticket.service);
        if matches!(service.state, State::Accepted) {
            return false;
        }
        service.state = State::Accepted;
        for service in &mut self.services {
            if let State::Failing { inherited: true, .. } = service.state {
                service.state = State::Untested;
            }
        }
        let is_refused = |service: &Service| matches!(service.state, State::Failing { .. });
        if self.services.iter().any(is_refused) {
            return true;
        }
        if let Some((since, refused)) = self.outage.take() {
            let seconds = now.duration_since(since).as_secs();
            tracing::info!(seconds, failed = refused, "upstream accepts the service account again");
        }
        true
    }

    fn failed(&mut self, ticket: &Ticket, error: &UpstreamError, now: Instant) {
        match self.services[ticket.service].state {
            // This authentication began before the account failed for all users.
            State::Failing { .. } if ticket.pending.is_none() => {}
            State::Failing { next, delay, confirmed, .. } => {
                self.failed_again(ticket, error, (next, delay, confirmed), now);
            }
            State::Accepted | State::Suspect => self.failed_after_success(ticket, error, now),
            State::Untested => self.failed_untested(ticket, error, now),
        }
    }

    /// The service has never accepted the account. The failure suspends the user, and all users if it is the second
    /// one's.
    fn failed_untested(&mut self, ticket: &Ticket, error: &UpstreamError, now: Instant) {
        let is_first = !self.failures.count_reaches(1, ticket.service);
        let (delay, everywhere) = (MIN_AUTH_BACKOFF, error.is_password());
        self.failures.add(&Failure { delay, everywhere, ..ticket.failure(error) }, now);
        self.count_failed_request(now);
        if is_first {
            log_failing(&self.services[ticket.service], error);
        }
        if self.failures.count_reaches(FAILING_USERS_IF_UNTESTED, ticket.service) {
            self.fail_for_all(ticket.service, error, MIN_AUTH_BACKOFF, true, now);
        }
    }

    /// The service accepted the account before. A user's second failure suspends that user. Failures of several users
    /// suspend all others but those for whom the account succeeded there, until it fails for one of these too.
    fn failed_after_success(&mut self, ticket: &Ticket, error: &UpstreamError, now: Instant) {
        let delay = self.failures.add(&ticket.failure(error), now);
        let service = &mut self.services[ticket.service];
        if self.failures.counts(ticket.user.identity().user(), ticket.service) {
            service.state = State::Suspect;
        }
        if self.failures.count_reaches(FAILING_USERS_IF_ACCEPTED, ticket.service) {
            log_failing(service, error);
            self.count_failed_request(now);
            let has_failed = |user: &_| self.failures.contains(user, ticket.service);
            let confirmed = self.proven.of(ticket.service).all(has_failed);
            self.fail_for_all(ticket.service, error, MIN_AUTH_BACKOFF, confirmed, now);
        } else if delay == MIN_AUTH_BACKOFF {
            if let Some(suppressed) = self.suspended.pass(now) {
                log_suspended(service, ticket.user.principal(), error, suppressed);
            }
        } else {
            tracing::debug!(service = %service.name, "authentication of the service account failed at the upstream: {}", ErrorChain(error));
        }
    }

    /// The account still fails, or fails also for a user for whom it had succeeded.
    fn failed_again(
        &mut self,
        ticket: &Ticket,
        error: &UpstreamError,
        (next, delay, was_confirmed): (Instant, Duration, bool),
        now: Instant,
    ) {
        let confirmed = was_confirmed || self.can_confirm(&ticket.user, ticket.service);
        let delay = if now < next { delay } else { (delay * 2).min(MAX_AUTH_BACKOFF) };
        tracing::debug!(service = %self.services[ticket.service].name, ?delay, "upstream still does not accept the service account: {}", ErrorChain(error));
        self.failures.add(&Failure { grows: false, ..ticket.failure(error) }, now);
        self.count_failed_request(now);
        self.fail_for_all(ticket.service, error, delay, confirmed, now);
    }

    fn count_failed_request(&mut self, now: Instant) {
        self.outage.get_or_insert((now, 0)).1 += 1;
    }

    /// Suspends authentication for `delay` at the service `index`, and, if the password is wrong, at services that
    /// have not accepted it. Services that have become suspect.
    fn fail_for_all(
        &mut self,
        index: usize,
        error: &UpstreamError,
        delay: Duration,
        confirmed: bool,
        now: Instant,
    ) {
        let failing = |inherited, confirmed| {
            let (error, next) = (error.clone(), now + delay);
            State::Failing { error, next, delay, confirmed, inherited }
        };
        let is_password = error.is_password();
        for (number, service) in self.services.iter_mut().enumerate() {
            match service.state {
                _ if number == index => service.state = failing(false, confirmed),
                State::Untested if is_password => service.state = failing(true, true),
                State::Failing { error: ref held, inherited, confirmed, .. }
                    if is_password && held.is_password() =>
                {
                    service.state = failing(inherited, confirmed);
                }
                State::Accepted if is_password => service.state = State::Suspect,
                State::Untested | State::Accepted | State::Suspect | State::Failing { .. } => {}
            }
        }
    }

    /// The password changed: earlier outcomes do not count.
    pub(super) fn reset(&mut self) {
        self.password += 1;
        self.pending.clear();
        self.failures.clear();
        self.proven.clear();
        for service in &mut self.services {
            service.state = State::Untested;
        }
    }
}

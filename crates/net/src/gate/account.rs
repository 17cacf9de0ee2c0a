//! Backoff for an account that the upstream does not accept.

use std::time::Duration;

use identity::SecurityContext;
use tokio::time::Instant;

use super::delay::{FIRST_DELAY, LONGEST_DELAY};
use super::failures::{Failure, UserFailures};
use super::pending::PendingAttempts;
use super::protocol::UpstreamProtocol;
use crate::error_chain::ErrorChain;
use crate::log_rate_limit::LogRateLimit;
use crate::upstream_error::UpstreamError;

/// The most services that are tracked, more than an upstream has. Further services share the last entry.
const MOST_SERVICES: usize = 32;

/// The number of users in whose requests an account that was never accepted must fail until it counts as failing for all.
const USERS_IF_UNTESTED: usize = 2;

/// The same number for an account that was accepted before.
const USERS_IF_ACCEPTED: usize = 3;

/// The state of the service account.
#[derive(Debug, Default)]
pub(super) struct ServiceAccount {
    services: Vec<Service>,
    /// Incremented with each new password: the outcome of an authentication with an old one is ignored.
    password: u64,
    pending: PendingAttempts,
    failures: UserFailures,
    /// When the account began to fail at a service, and how many requests failed because of it. A new password does not
    /// reset it.
    outage: Option<(Instant, u64)>,
    suspended: LogRateLimit,
}

/// A part of the upstream that configures authentication for itself: an interface, or a virtual directory of HTTP.
#[derive(Debug)]
struct Service {
    protocol: UpstreamProtocol,
    name: Box<str>,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Not accepted yet.
    Untested,
    Accepted,
    /// Failed after it had been accepted.
    Suspect,
    /// Fails for all users.
    Failing {
        error: UpstreamError,
        next: Instant,
        delay: Duration,
        /// Inherited from another service, at which the same password failed.
        inherited: bool,
    },
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
        let Some(service) = self.services.get(index) else {
            return Err(UpstreamError::protocol("unknown service"));
        };
        let is_accepted = matches!(service.state, State::Accepted | State::Suspect);
        if let Some(error) = self.failures.against(user.identity().user(), index, is_accepted, now) {
            if let Some((_, refused)) = self.outage.as_mut().filter(|_| !is_accepted) {
                *refused += 1;
            }
            return Err(error.clone());
        }
        let pending = match &service.state {
            State::Accepted => None,
            State::Failing { error, next, delay, .. }
                if now < *next + self.waits_longer(user, index, *delay) || self.pending.is_retrying(now) =>
            {
                self.outage.get_or_insert((now, 0)).1 += 1;
                return Err(error.clone());
            }
            State::Untested | State::Suspect | State::Failing { .. } => {
                let retries = matches!(service.state, State::Failing { .. });
                match self.pending.begin(user.identity().user(), retries, now) {
                    Ok(number) => Some(number),
                    Err(until) => return Ok(Admitted::Wait(until)),
                }
            }
        };
        Ok(Admitted::Yes(Ticket { service: index, user: user.clone(), password: self.password, pending }))
    }

    /// How much longer a user waits for the next authentication if the account failed in requests of that user before.
    /// Otherwise a few users could block the account for all users.
    fn waits_longer(&self, user: &SecurityContext, index: usize, delay: Duration) -> Duration {
        if self.failures.counts(user.identity().user(), index) { delay / 2 } else { Duration::ZERO }
    }

    fn service(&mut self, protocol: UpstreamProtocol, name: &str) -> usize {
        let known =
            |service: &Service| service.protocol == protocol && service.name.eq_ignore_ascii_case(name);
        if let Some(index) = self.services.iter().position(known) {
            return index;
        }
        if self.services.len() >= MOST_SERVICES {
            return MOST_SERVICES - 1;
        }
        // A password that failed at another service is not used here before that service accepts it.
        let refused = self.services.iter().find_map(|service| match &service.state {
            State::Failing { error, next, delay, .. } if error.is_password() => {
                Some(State::Failing { error: error.clone(), next: *next, delay: *delay, inherited: true })
            }
            _ => None,
        });
        let state = refused.unwrap_or(State::Untested);
        self.services.push(Service { protocol, name: name.into(), state });
        self.services.len() - 1
    }

    /// Records the outcome of the authentication `ticket`. Returns whether waiting requests may proceed.
    pub(super) fn record_auth(&mut self, ticket: &Ticket, outcome: Outcome<'_>, now: Instant) -> bool {
        if let Some(number) = ticket.pending {
            self.pending.end(number);
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
        self.failures.accepted(ticket.user.identity().user(), ticket.service);
        let Some(service) = self.services.get_mut(ticket.service) else { return false };
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
        let Some(service) = self.services.get_mut(ticket.service) else { return };
        let is_password = error.is_password();
        let mut failure = Failure {
            user: ticket.user.identity().user(),
            service: ticket.service,
            error,
            delay: Duration::ZERO,
            grows: true,
            everywhere: false,
        };
        let is_first = match &service.state {
            // This authentication began before the account failed for all users.
            State::Failing { .. } if ticket.pending.is_none() => return,
            State::Failing { delay, .. } => {
                let delay = (*delay * 2).min(LONGEST_DELAY);
                tracing::debug!(service = %service.name, ?delay, "upstream still does not accept the service account: {}", ErrorChain(error));
                failure.grows = false;
                self.failures.add(&failure, now);
                self.outage.get_or_insert((now, 0)).1 += 1;
                self.fail_for_all(ticket.service, error, delay, now);
                return;
            }
            State::Accepted => {
                service.state = State::Suspect;
                tracing::debug!(service = %service.name, "authentication of the service account failed at the upstream: {}", ErrorChain(error));
                self.failures.add(&failure, now);
                return;
            }
            State::Suspect => false,
            State::Untested => {
                (failure.delay, failure.everywhere) = (FIRST_DELAY, is_password);
                !self.failures.count_reaches(1, ticket.service)
            }
        };
        let is_untested = matches!(service.state, State::Untested);
        let delay = self.failures.add(&failure, now);
        let is_for_all = self
            .failures
            .count_reaches(if is_untested { USERS_IF_UNTESTED } else { USERS_IF_ACCEPTED }, ticket.service);
        if is_untested || is_for_all {
            self.outage.get_or_insert((now, 0)).1 += 1;
        }
        if is_first || (is_for_all && !is_untested) {
            self.log_failing(ticket.service, error);
        } else if !is_untested && delay == FIRST_DELAY {
            self.log_suspended(ticket, error, now);
        }
        if is_for_all {
            self.fail_for_all(ticket.service, error, FIRST_DELAY, now);
        }
    }

    /// Permits no authentication for `delay` at the service `index`, and at services that have not accepted the account.
    fn fail_for_all(&mut self, index: usize, error: &UpstreamError, delay: Duration, now: Instant) {
        let refused =
            |inherited| State::Failing { error: error.clone(), next: now + delay, delay, inherited };
        let is_password = error.is_password();
        for (number, service) in self.services.iter_mut().enumerate() {
            match service.state {
                _ if number == index => service.state = refused(false),
                State::Untested if is_password => service.state = refused(true),
                State::Failing { error: ref held, inherited, .. } if is_password && held.is_password() => {
                    service.state = refused(inherited);
                }
                State::Accepted if is_password => service.state = State::Suspect,
                State::Untested | State::Accepted | State::Suspect | State::Failing { .. } => {}
            }
        }
    }

    fn log_failing(&self, index: usize, error: &UpstreamError) {
        let Some(Service { protocol, name, .. }) = self.services.get(index) else { return };
        tracing::warn!(
            key = protocol.key(),
            service = %name,
            "upstream does not accept the service account: {}; correct the account or its password file, and send \
             SIGHUP; the next authentication is attempted in {} s, and requests until then fail",
            ErrorChain(error),
            FIRST_DELAY.as_secs()
        );
    }

    fn log_suspended(&self, ticket: &Ticket, error: &UpstreamError, now: Instant) {
        let Some(Service { protocol, name, .. }) = self.services.get(ticket.service) else { return };
        let Some(suppressed) = self.suspended.pass(now) else { return };
        tracing::warn!(
            key = protocol.key(),
            service = %name,
            account = %ticket.user.principal(),
            suppressed,
            "upstream does not accept the service account in requests of this user, but accepted it before: {}; requests \
             of this user fail until the next attempt in {} s, requests of other users continue",
            ErrorChain(error),
            FIRST_DELAY.as_secs()
        );
    }

    /// The password changed: earlier outcomes do not count.
    pub(super) fn reset(&mut self) {
        self.password += 1;
        self.pending.clear();
        self.failures.clear();
        for service in &mut self.services {
            service.state = State::Untested;
        }
    }
}

//! Decides which authentications with the service account are permitted. ARCHITECTURE.md states the rule and its
//! bounds.

use std::time::Duration;

use identity::SecurityContext;
use tokio::time::Instant;

use super::account_log::{log_failing, log_suspended};
use super::delay::MIN_AUTH_BACKOFF;
use super::failures::{Failure, UserFailures};
use super::lockout::{Lockout, LockoutLimits, NextAttempt};
use super::pending::PendingAttempts;
use super::protocol::UpstreamProtocol;
use super::proven_users::ProvenUsers;
use super::service::Service;
use crate::error_chain::ErrorChain;
use crate::log_rate_limit::LogRateLimit;
use crate::upstream_error::UpstreamError;

/// The most services that are tracked, more than an upstream has. Further services share the last entry.
const MAX_SERVICES: usize = 32;

/// The state of the service account.
#[derive(Debug)]
pub(super) struct ServiceAccount {
    services: Vec<Service>,
    /// Incremented with each new password: the outcome of an authentication with an old one is ignored.
    password: u64,
    pending: PendingAttempts,
    lockout: Lockout,
    failures: UserFailures,
    proven: ProvenUsers,
    /// When the account began to fail, and how many requests failed because of it. A new password does not reset it.
    outage: Option<(Instant, u64)>,
    suspended: LogRateLimit,
}

impl Default for ServiceAccount {
    fn default() -> Self {
        Self::new(LockoutLimits::default())
    }
}

/// A permitted authentication.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    service: usize,
    /// The user for whose request it is; none for a probe.
    user: Option<SecurityContext>,
    password: u64,
    /// The number of the attempt, for whose outcome others wait.
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
    /// Not yet: the proxy first has to find out by a probe whether the server accepts the account.
    Probe(Ticket),
    /// Not yet: wait until another authentication ends, at most until this time.
    Wait(Instant),
}

/// The outcome of an authentication.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'a> {
    Accepted,
    Failed(&'a UpstreamError),
    /// The credentials were sent, and the server's response is not known.
    Unknown,
    /// The server did not evaluate the credentials.
    NotEvaluated,
}

impl ServiceAccount {
    /// An account whose state is unknown.
    pub(super) fn new(limits: LockoutLimits) -> Self {
        Self {
            services: Vec::new(),
            password: 0,
            pending: PendingAttempts::default(),
            lockout: Lockout::new(limits),
            failures: UserFailures::default(),
            proven: ProvenUsers::default(),
            outage: None,
            suspended: LogRateLimit::default(),
        }
    }

    /// Permits an authentication at `now` for a request of `user`. The error is why the account failed before.
    pub(super) fn admit(
        &mut self,
        protocol: UpstreamProtocol,
        name: &str,
        user: &SecurityContext,
        now: Instant,
    ) -> Result<Admitted, UpstreamError> {
        let service = self.service(protocol, name);
        let key = user.identity().user();
        self.remove_late(now);
        let is_accepted = self.lockout.is_accepted();
        if let Some(error) = self.failures.blocking_error(key, service, is_accepted, now) {
            let error = error.clone();
            self.count_failed_request();
            return Err(error);
        }
        let ticket = |password, pending| Ticket { service, user: Some(user.clone()), password, pending };
        let left = match self.lockout.next(now) {
            NextAttempt::Any => return Ok(Admitted::Yes(ticket(self.password, None))),
            NextAttempt::Probe => return Ok(self.begin_probe(service, now)),
            NextAttempt::Refused(error) => {
                self.count_failed_request();
                return Err(error);
            }
            NextAttempt::Users(left) => left,
        };
        // The last attempt is reserved for a user for whom the account succeeded before, whose outcome is the most
        // conclusive.
        let is_reserved = !self.proven.is_empty() && !self.is_proven(user, service);
        let left = left.saturating_sub(u32::from(is_reserved));
        if self.pending.in_progress() >= left {
            return match self.lockout.error() {
                Some(error) if self.pending.in_progress() == 0 => {
                    let error = error.clone();
                    self.count_failed_request();
                    Err(error)
                }
                _ => Ok(Admitted::Wait(self.pending.first_ends(now))),
            };
        }
        Ok(match self.pending.begin(key, now) {
            Ok(number) => Admitted::Yes(ticket(self.password, Some(number))),
            Err(until) => Admitted::Wait(until),
        })
    }

    fn begin_probe(&mut self, service: usize, now: Instant) -> Admitted {
        if !self.lockout.permits_probe(self.pending.in_progress()) {
            return Admitted::Wait(self.pending.first_ends(now));
        }
        match self.pending.begin_probe(now) {
            Ok(number) => Admitted::Probe(Ticket {
                service,
                user: None,
                password: self.password,
                pending: Some(number),
            }),
            Err(until) => Admitted::Wait(until),
        }
    }

    /// Records authentications that exceeded their time as without an outcome.
    fn remove_late(&mut self, now: Instant) {
        let late = self.pending.remove_late(now);
        for _ in 0..late.users {
            self.lockout.unsettled();
        }
        if late.probe {
            self.lockout.probe_unsettled(now);
        }
    }

    /// Whether the account succeeded for `user` at the service, and never failed.
    fn is_proven(&self, user: &SecurityContext, service: usize) -> bool {
        let user = user.identity().user();
        self.proven.contains(user, service) && !self.failures.contains(user, service)
    }

    /// A request of `user` waits from now on. Returns whether [`Self::leave`] must be called.
    pub(super) fn enter(&mut self, user: &SecurityContext, now: Instant) -> bool {
        self.pending.enter(user.identity().user(), now)
    }

    /// A request of `user` waits no longer. Returns whether another waiting request may proceed.
    pub(super) fn leave(&mut self, user: &SecurityContext, now: Instant) -> bool {
        self.remove_late(now);
        self.pending.leave(user.identity().user())
    }

    fn service(&mut self, protocol: UpstreamProtocol, name: &str) -> usize {
        let known =
            |service: &Service| service.protocol == protocol && service.name.eq_ignore_ascii_case(name);
        if let Some(index) = self.services.iter().position(known) {
            return index;
        }
        if self.services.len() < MAX_SERVICES {
            self.services.push(Service { protocol, name: name.into() });
        }
        self.services.len() - 1
    }

    /// Records the outcome of the authentication `ticket`. Returns whether waiting requests may proceed.
    pub(super) fn record_auth(&mut self, ticket: &Ticket, outcome: Outcome<'_>, now: Instant) -> bool {
        let was_awaited = self.end_pending(ticket, outcome, now);
        if ticket.password != self.password {
            return was_awaited;
        }
        match outcome {
            Outcome::Accepted => self.accepted(ticket, now) || was_awaited,
            Outcome::Failed(error) => {
                self.failed(ticket, error, now);
                true
            }
            Outcome::Unknown | Outcome::NotEvaluated if ticket.user.is_none() => {
                if was_awaited {
                    self.lockout.probe_unsettled(now);
                }
                was_awaited
            }
            Outcome::Unknown if was_awaited => {
                self.lockout.unsettled();
                true
            }
            Outcome::Unknown | Outcome::NotEvaluated => was_awaited,
        }
    }

    /// Returns whether others waited for the authentication `ticket`.
    fn end_pending(&mut self, ticket: &Ticket, outcome: Outcome<'_>, now: Instant) -> bool {
        let Some(number) = ticket.pending else { return false };
        let Some(user) = &ticket.user else { return self.pending.end_probe(number) };
        let is_settled = matches!(outcome, Outcome::Accepted | Outcome::Failed(_));
        self.pending.end(number, user.identity().user(), is_settled, now)
    }

    fn accepted(&mut self, ticket: &Ticket, now: Instant) -> bool {
        if self.lockout.is_refused() {
            // The failures concerned the account.
            self.failures.clear();
        }
        if let Some(user) = &ticket.user {
            self.failures.succeeded(user.identity().user(), ticket.service);
            self.proven.add(user.identity().user(), ticket.service);
        }
        if let Some((since, refused)) = self.outage.take() {
            let seconds = now.duration_since(since).as_secs();
            tracing::info!(seconds, failed = refused, "upstream accepts the service account again");
        }
        self.lockout.accepted(ticket.user.is_none())
    }

    fn failed(&mut self, ticket: &Ticket, error: &UpstreamError, now: Instant) {
        let was_accepted = self.lockout.is_accepted();
        let suspended = ticket.user.as_ref().map(|user| {
            let delay = if was_accepted { Duration::ZERO } else { MIN_AUTH_BACKOFF };
            let (user, service) = (user.identity().user(), ticket.service);
            let everywhere = !was_accepted && error.is_password();
            self.failures.add(&Failure { user, service, error, delay, everywhere }, now)
        });
        if error.is_password() {
            match ticket.pending {
                Some(_) => self.lockout.failed(ticket.user.is_none(), error, now),
                None => self.lockout.failed_of_many(error, now),
            }
        } else if ticket.user.is_none() {
            self.lockout.probe_unsettled(now);
        }
        let service = &self.services[ticket.service];
        if !was_accepted || self.lockout.is_refused() {
            if self.outage.is_none() {
                log_failing(service, error, self.lockout.limits());
            }
            self.outage.get_or_insert((now, 0)).1 += u64::from(ticket.user.is_some());
        } else if let (Some(MIN_AUTH_BACKOFF), Some(user)) = (suspended, &ticket.user)
            && let Some(suppressed) = self.suspended.pass(now)
        {
            log_suspended(service, user.principal(), error, suppressed);
        }
        tracing::debug!(service = %service.name, is_probe = ticket.user.is_none(), "authentication of the service account failed at the upstream: {}", ErrorChain(error));
    }

    /// Counts a request that is refused without an authentication during an outage.
    fn count_failed_request(&mut self) {
        if let Some((_, failed)) = &mut self.outage {
            *failed += 1;
        }
    }

    /// The same password was read again, after which an account that failed is tried once more.
    pub(super) fn retry(&mut self, now: Instant) {
        self.lockout.retry(now);
    }

    /// The password changed: earlier outcomes do not count.
    pub(super) fn reset(&mut self) {
        self.password += 1;
        self.pending.clear();
        self.lockout.reset();
        self.failures.clear();
        self.proven.clear();
    }
}

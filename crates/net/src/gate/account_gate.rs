//! The shared state of an account at the upstream: whether the upstream accepts it, and who may authenticate with it next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use identity::SecurityContext;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::account::{Admitted, Outcome, ServiceAccount, Ticket};
use super::lock::lock;
use super::protocol::UpstreamProtocol;
use crate::upstream_error::{Timeout, UpstreamError};

/// The state of one account at the upstream, shared by all connections that authenticate with it.
#[derive(Debug, Default)]
pub struct AccountGate {
    account: Mutex<ServiceAccount>,
    /// Incremented when an authentication is refused, or the password changes: until the next time, an authentication that
    /// was accepted needs no permission.
    changes: AtomicU64,
    /// Notified when an authentication has ended, or the password changed.
    auth_ended: Notify,
}

impl AccountGate {
    /// The gate of an account that the upstream has neither accepted nor refused.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The password of the account changed: what is known of the old one is discarded. To be called once the new
    /// one is in use.
    pub fn password_changed(&self) {
        let mut account = lock(&self.account);
        self.changes.fetch_add(1, Ordering::AcqRel);
        account.reset();
        drop(account);
        self.auth_ended.notify_waiters();
    }

    /// Permits one authentication with the account for a request of `user` to `service` of the upstream by `protocol`.
    /// Until the account was accepted there is one at a time for a user, and for two users at most: others wait for the
    /// outcome, for `limit` at most.
    pub(crate) async fn begin_auth(
        self: &Arc<Self>,
        protocol: UpstreamProtocol,
        service: &str,
        user: &SecurityContext,
        limit: Duration,
    ) -> Result<AuthAttempt, UpstreamError> {
        let admit = || lock(&self.account).admit(protocol, service, user, Instant::now());
        let permitted =
            |ticket| AuthAttempt { gate: Arc::clone(self), service: service.into(), ticket: Some(ticket) };
        // An account that is accepted does not wait.
        if let Admitted::Yes(ticket) = admit()? {
            return Ok(permitted(ticket));
        }
        let until = Instant::now() + limit;
        loop {
            let auth_ended = self.auth_ended.notified();
            tokio::pin!(auth_ended);
            // From here on no outcome is missed.
            auth_ended.as_mut().enable();
            let attempt_ends = match admit()? {
                Admitted::Yes(ticket) => return Ok(permitted(ticket)),
                Admitted::Wait(attempt_ends) => attempt_ends,
            };
            if Instant::now() >= until {
                return Err(Timeout::Auth(limit).into());
            }
            let _ = timeout_at(attempt_ends.min(until), auth_ended).await;
        }
    }

    /// Takes note of what became of a sign-in; returns how many changes there were by then.
    fn record_auth(&self, ticket: &Ticket, outcome: Outcome<'_>) -> u64 {
        let mut account = lock(&self.account);
        if matches!(outcome, Outcome::Refused(_)) {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        let changed = account.record_auth(ticket, outcome, Instant::now());
        let changes = self.changes.load(Ordering::Acquire);
        drop(account);
        if changed {
            self.auth_ended.notify_waiters();
        }
        changes
    }
}

/// An authentication with the account. If it is dropped before its outcome is recorded, it has no effect on the state of
/// the account.
#[derive(Debug)]
pub(crate) struct AuthAttempt {
    gate: Arc<AccountGate>,
    service: Box<str>,
    ticket: Option<Ticket>,
}

impl AuthAttempt {
    /// The server accepted it: what further sign-ins for the same user and service may rest on.
    pub(crate) fn succeeded(mut self) -> Option<AuthGrant> {
        let ticket = self.ticket.take()?;
        let changes = self.gate.record_auth(&ticket, Outcome::Accepted);
        let (gate, service) = (Arc::clone(&self.gate), std::mem::take(&mut self.service));
        Some(AuthGrant { gate, service, ticket: ticket.not_pending(), changes })
    }

    /// The server refused it.
    pub(crate) fn failed(mut self, why: &UpstreamError) {
        if let Some(ticket) = self.ticket.take() {
            self.gate.record_auth(&ticket, Outcome::Refused(why));
        }
    }
}

impl Drop for AuthAttempt {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.gate.record_auth(&ticket, Outcome::Unknown);
        }
    }
}

/// A sign-in that the server accepted. As long as none is refused, another one for the same user and service would be
/// permitted, and that it is accepted would change nothing: neither has to be asked.
#[derive(Debug)]
pub(crate) struct AuthGrant {
    gate: Arc<AccountGate>,
    service: Box<str>,
    ticket: Ticket,
    changes: u64,
}

impl AuthGrant {
    /// Whether another sign-in at `service` needs no permission.
    pub(crate) fn allows(&self, service: &str) -> bool {
        self.service.eq_ignore_ascii_case(service)
            && self.gate.changes.load(Ordering::Acquire) == self.changes
    }

    /// Another sign-in that it covers, where its outcome matters: it was refused.
    pub(crate) fn into_attempt(self) -> AuthAttempt {
        let Self { gate, service, ticket, .. } = self;
        AuthAttempt { gate, service, ticket: Some(ticket) }
    }
}

//! The shared state of an account at the upstream: whether the upstream accepts it, and which request may
//! authenticate next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use identity::SecurityContext;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::account::{Admitted, Outcome, ServiceAccount, Ticket};
use super::lock::lock;
use super::lockout::LockoutLimits;
use super::protocol::UpstreamProtocol;
use crate::upstream_error::{Timeout, UpstreamError};

/// The state of one account at the upstream, shared by all connections that authenticate with it.
#[derive(Debug, Default)]
pub struct AccountGate {
    account: Mutex<ServiceAccount>,
    /// Incremented when an authentication fails, or the password changes. While it stays the same, an [`AuthGrant`]
    /// is valid.
    changes: AtomicU64,
    /// Notified when an authentication has ended, or the password changed.
    auth_ended: Notify,
}

impl AccountGate {
    /// The gate of an account whose state is unknown.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Like [`Self::new`], with the limits for the lockout policy of the account's domain.
    pub fn with_limits(limits: LockoutLimits) -> Arc<Self> {
        let account = Mutex::new(ServiceAccount::new(limits));
        Arc::new(Self { account, ..Self::default() })
    }

    /// The password was read again and is the same: an account that the server did not accept is tried once more.
    pub fn password_unchanged(&self) {
        lock(&self.account).retry(Instant::now());
        self.auth_ended.notify_waiters();
    }

    /// Discards the state of the old password. To be called once the new password is in use.
    pub fn password_changed(&self) {
        let mut account = lock(&self.account);
        self.changes.fetch_add(1, Ordering::AcqRel);
        account.reset();
        drop(account);
        self.auth_ended.notify_waiters();
    }

    /// Permits one authentication with the account for a request of `user` to `service` of the upstream by `protocol`.
    /// Until the account is accepted, one authentication at a time is permitted for a user, and for two users at most;
    /// other requests wait for the outcome, for `limit` at most. The users who wait take turns. After a failure `probe`
    /// is called with an attempt of the proxy's own, which has to show whether the server accepts the account.
    pub(crate) async fn begin_auth(
        self: &Arc<Self>,
        protocol: UpstreamProtocol,
        service: &str,
        user: &SecurityContext,
        limit: Duration,
        probe: impl Fn(AuthAttempt) + Send,
    ) -> Result<AuthAttempt, UpstreamError> {
        let admit = || lock(&self.account).admit(protocol, service, user, Instant::now());
        let permitted = |ticket| AuthAttempt {
            gate: Arc::clone(self),
            service: service.into(),
            ticket: Some(ticket),
            is_sent: false,
        };
        // If the account is accepted, requests do not wait.
        match admit()? {
            Admitted::Yes(ticket) => return Ok(permitted(ticket)),
            Admitted::Probe(ticket) => probe(permitted(ticket)),
            Admitted::Wait(_) => {}
        }
        let until = Instant::now() + limit;
        let _waiting = WaitingRequest::new(self, user);
        loop {
            let auth_ended = self.auth_ended.notified();
            tokio::pin!(auth_ended);
            // Outcomes after this wake the task.
            auth_ended.as_mut().enable();
            let attempt_ends = match admit()? {
                Admitted::Yes(ticket) => return Ok(permitted(ticket)),
                Admitted::Probe(ticket) => {
                    probe(permitted(ticket));
                    continue;
                }
                Admitted::Wait(attempt_ends) => attempt_ends,
            };
            if Instant::now() >= until {
                return Err(Timeout::Auth(limit).into());
            }
            let _ = timeout_at(attempt_ends.min(until), auth_ended).await;
        }
    }

    /// Records the outcome of an authentication. Returns the number of changes so far.
    fn record_auth(&self, ticket: &Ticket, outcome: Outcome<'_>) -> u64 {
        let mut account = lock(&self.account);
        if matches!(outcome, Outcome::Failed(_)) {
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

/// A request that waits for an attempt, until it is dropped.
#[derive(Debug)]
struct WaitingRequest<'a> {
    gate: &'a AccountGate,
    user: &'a SecurityContext,
    is_registered: bool,
}

impl<'a> WaitingRequest<'a> {
    fn new(gate: &'a AccountGate, user: &'a SecurityContext) -> Self {
        let is_registered = lock(&gate.account).enter(user, Instant::now());
        Self { gate, user, is_registered }
    }
}

impl Drop for WaitingRequest<'_> {
    fn drop(&mut self) {
        if self.is_registered && lock(&self.gate.account).leave(self.user, Instant::now()) {
            self.gate.auth_ended.notify_waiters();
        }
    }
}

/// An authentication with the account. If it is dropped before its outcome is recorded although the credentials were
/// sent, the account may have failed.
#[derive(Debug)]
pub(crate) struct AuthAttempt {
    gate: Arc<AccountGate>,
    service: Box<str>,
    ticket: Option<Ticket>,
    /// Whether the server may have evaluated the credentials.
    is_sent: bool,
}

impl AuthAttempt {
    /// Records that the credentials are sent.
    pub(crate) const fn sent(&mut self) {
        self.is_sent = true;
    }

    /// The server responded, and the response does not show whether it accepted the credentials or evaluated them.
    pub(crate) fn undecided(mut self) {
        self.is_sent = false;
    }

    /// The server accepted the authentication. Returns a grant for further authentications of the same user at the
    /// service.
    pub(crate) fn succeeded(mut self) -> Option<AuthGrant> {
        let ticket = self.ticket.take()?;
        let changes = self.gate.record_auth(&ticket, Outcome::Accepted);
        let (gate, service) = (Arc::clone(&self.gate), std::mem::take(&mut self.service));
        Some(AuthGrant { gate, service, ticket: ticket.not_pending(), changes })
    }

    /// The authentication failed because of `why`.
    pub(crate) fn failed(mut self, why: &UpstreamError) {
        if let Some(ticket) = self.ticket.take() {
            self.gate.record_auth(&ticket, Outcome::Failed(why));
        }
    }
}

impl Drop for AuthAttempt {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let outcome = if self.is_sent { Outcome::Unknown } else { Outcome::NotEvaluated };
            self.gate.record_auth(&ticket, outcome);
        }
    }
}

/// An authentication that the server accepted. Until one fails, further authentications for the same user and service
/// need no permission, and their success need not be recorded.
#[derive(Debug)]
pub(crate) struct AuthGrant {
    gate: Arc<AccountGate>,
    service: Box<str>,
    ticket: Ticket,
    changes: u64,
}

impl AuthGrant {
    /// Whether another authentication at `service` needs no permission.
    pub(crate) fn allows(&self, service: &str) -> bool {
        self.service.eq_ignore_ascii_case(service)
            && self.gate.changes.load(Ordering::Acquire) == self.changes
    }

    /// An attempt for a further authentication, to record that it failed.
    pub(crate) fn into_attempt(self) -> AuthAttempt {
        let Self { gate, service, ticket, .. } = self;
        AuthAttempt { gate, service, ticket: Some(ticket), is_sent: true }
    }
}

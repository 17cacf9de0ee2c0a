//! The shared state of the upstream: whether it can be reached, and whether it accepts the service account. Attempts that
//! are bound to fail are not made for each operation, and each outage is logged when it begins and when it ends.

mod account;
mod delay;
mod doubts;
mod losses;
mod reach;
mod road;
#[cfg(test)]
mod tests;
mod turns;

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use identity::SecurityContext;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use self::account::{Account, Admitted, Outcome, Ticket};
use self::losses::Losses;
pub(crate) use self::losses::Lost;
use self::reach::{Change, Reach};
pub(crate) use self::road::Road;
use crate::task::spawn_system;
use crate::upstream_error::{Timeout, UpstreamError};

/// The state of one upstream, shared by all connections to it.
#[derive(Debug, Default)]
pub struct Gate {
    rpc: Mutex<State>,
    http: Mutex<State>,
    account: Mutex<Account>,
    /// Incremented when an authentication is refused, or the password changes: until the next time, an authentication that
    /// was accepted needs no permission.
    changes: AtomicU64,
    /// Notified when an authentication has ended, or the password changed.
    settled: Notify,
}

/// The state of the upstream by one protocol.
#[derive(Debug, Default)]
struct State {
    reach: Reach,
    losses: Losses,
}

impl State {
    /// An attempt to connect succeeded, or failed because of `error`.
    fn settle(&mut self, attempt: reach::Attempt, road: Road, error: Option<&UpstreamError>) {
        let now = Instant::now();
        match self.reach.settle(attempt, road, error, now) {
            // Logged before the line that says that the outage is over.
            Some(Change::Up(outage)) => {
                self.losses.log(road, now);
                outage.log(road);
            }
            Some(Change::Down(error)) if !self.losses.unreachable(&error) => reach::log_begin(road, &error),
            Some(Change::Down(_)) | None => {}
        }
    }
}

impl Gate {
    /// The gate of an upstream whose state is unknown.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The password of the service account changed: what is known of the old one is discarded. To be called once the new
    /// one is in use.
    pub fn password_changed(&self) {
        let mut account = lock(&self.account);
        self.changes.fetch_add(1, Ordering::AcqRel);
        account.reset();
        drop(account);
        self.settled.notify_waiters();
    }

    /// Connects by `road` within `limit`, unless the upstream is down and the next attempt is not due.
    pub(crate) async fn connect<T>(
        &self,
        road: Road,
        limit: Duration,
        connecting: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        let state = self.state(road);
        let attempt = lock(state).reach.begin(Instant::now())?;
        let attempt = Connecting { state, attempt: Some(attempt) };
        let late = || format!("can't connect: no answer within {} s", limit.as_secs());
        let connected =
            timeout(limit, connecting).await.unwrap_or_else(|_| Err(UpstreamError::Connect(late())));
        attempt.settle(road, connected.as_ref().err());
        connected
    }

    /// Permits one authentication with the service account for a request of `user` to `service` of the upstream by `road`.
    /// Until the account was accepted there is one at a time for a user, and for two users at most: others wait for the
    /// outcome, for `limit` at most.
    pub(crate) async fn sign_in(
        self: &Arc<Self>,
        road: Road,
        service: &str,
        user: &SecurityContext,
        limit: Duration,
    ) -> Result<SignInAttempt, UpstreamError> {
        let admit = || lock(&self.account).admit(road, service, user, Instant::now());
        let permitted =
            |ticket| SignInAttempt { gate: Arc::clone(self), service: service.into(), ticket: Some(ticket) };
        // An account that is accepted does not wait.
        if let Admitted::Yes(ticket) = admit()? {
            return Ok(permitted(ticket));
        }
        let until = Instant::now() + limit;
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            // From here on no outcome is missed.
            settled.as_mut().enable();
            let turn_ends = match admit()? {
                Admitted::Yes(ticket) => return Ok(permitted(ticket)),
                Admitted::Wait(turn_ends) => turn_ends,
            };
            if Instant::now() >= until {
                return Err(Timeout::Auth(limit).into());
            }
            let _ = timeout_at(turn_ends.min(until), settled).await;
        }
    }

    /// Counts a request that was active by `road` when the upstream closed its connection, because of `why`. Those of
    /// about a second are logged together.
    pub(crate) fn lost(self: &Arc<Self>, road: Road, lost: &Lost<'_>, why: &str) {
        let Lost { peer, operation, .. } = *lost;
        tracing::debug!(%peer, user = lost.user.map(tracing::field::display), operation, "upstream: {why}");
        let Some(collected) = lock(self.state(road)).losses.add(lost, why, Instant::now()) else { return };
        let gate = Arc::clone(self);
        spawn_system(async move {
            tokio::time::sleep(collected).await;
            gate.log_losses(road);
        });
    }

    /// Logs the requests that were lost and are not logged yet.
    pub fn report(&self) {
        self.log_losses(Road::Rpc);
        self.log_losses(Road::Http);
    }

    fn log_losses(&self, road: Road) {
        lock(self.state(road)).losses.log(road, Instant::now());
    }

    const fn state(&self, road: Road) -> &Mutex<State> {
        match road {
            Road::Rpc => &self.rpc,
            Road::Http => &self.http,
        }
    }

    /// Takes note of what became of a sign-in; returns how many changes there were by then.
    fn settle(&self, ticket: &Ticket, outcome: Outcome<'_>) -> u64 {
        let mut account = lock(&self.account);
        if matches!(outcome, Outcome::Refused(_)) {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        let settled = account.settle(ticket, outcome, Instant::now());
        let changes = self.changes.load(Ordering::Acquire);
        drop(account);
        if settled {
            self.settled.notify_waiters();
        }
        changes
    }
}

/// A connection attempt. If it is dropped before it is settled, it has no effect on the state of the upstream.
struct Connecting<'a> {
    state: &'a Mutex<State>,
    attempt: Option<reach::Attempt>,
}

impl Connecting<'_> {
    fn settle(mut self, road: Road, error: Option<&UpstreamError>) {
        if let Some(attempt) = self.attempt.take() {
            lock(self.state).settle(attempt, road, error);
        }
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            lock(self.state).reach.forget(attempt);
        }
    }
}

/// An authentication with the service account. If it is dropped before it is settled, it has no effect on the state of
/// the account.
#[derive(Debug)]
pub(crate) struct SignInAttempt {
    gate: Arc<Gate>,
    service: Box<str>,
    ticket: Option<Ticket>,
}

impl SignInAttempt {
    /// The server accepted it: what further sign-ins for the same user and service may rest on.
    pub(crate) fn accepted(mut self) -> Option<AcceptedSignIn> {
        let ticket = self.ticket.take()?;
        let changes = self.gate.settle(&ticket, Outcome::Accepted);
        let (gate, service) = (Arc::clone(&self.gate), std::mem::take(&mut self.service));
        Some(AcceptedSignIn { gate, service, ticket: ticket.settled(), changes })
    }

    /// The server refused it.
    pub(crate) fn refused(mut self, why: &UpstreamError) {
        if let Some(ticket) = self.ticket.take() {
            self.gate.settle(&ticket, Outcome::Refused(why));
        }
    }
}

impl Drop for SignInAttempt {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.gate.settle(&ticket, Outcome::Unknown);
        }
    }
}

/// A sign-in that the server accepted. As long as none is refused, another one for the same user and service would be
/// permitted, and that it is accepted would change nothing: neither has to be asked.
#[derive(Debug)]
pub(crate) struct AcceptedSignIn {
    gate: Arc<Gate>,
    service: Box<str>,
    ticket: Ticket,
    changes: u64,
}

impl AcceptedSignIn {
    /// Whether another sign-in at `service` needs no permission.
    pub(crate) fn covers(&self, service: &str) -> bool {
        self.service.eq_ignore_ascii_case(service)
            && self.gate.changes.load(Ordering::Acquire) == self.changes
    }

    /// Another sign-in that it covers, where its outcome matters: it was refused.
    pub(crate) fn again(self) -> SignInAttempt {
        let Self { gate, service, ticket, .. } = self;
        SignInAttempt { gate, service, ticket: Some(ticket) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

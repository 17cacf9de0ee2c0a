//! The shared state of the upstream: whether it can be reached ([`Gate`]), and whether it accepts an account ([`AccountGate`]). Attempts that
//! are bound to fail are not made for each operation, and each outage is logged when it begins and when it ends.

mod account;
mod account_gate;
mod delay;
mod doubts;
mod lock;
mod losses;
mod reach;
mod road;
#[cfg(test)]
mod tests;
mod turns;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, timeout};

pub use self::account_gate::AccountGate;
pub(crate) use self::account_gate::{AcceptedSignIn, SignInAttempt};
use self::lock::lock;
use self::losses::Losses;
pub(crate) use self::losses::Lost;
use self::reach::{Change, Reach};
pub(crate) use self::road::Road;
use crate::task::spawn_system;
use crate::upstream_error::UpstreamError;

/// The state of one upstream, shared by all connections to it.
#[derive(Debug, Default)]
pub struct Gate {
    rpc: Mutex<State>,
    http: Mutex<State>,
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

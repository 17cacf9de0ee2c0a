//! Circuit breakers for the upstream: [`Gate`] for connections, [`AccountGate`] for authentication with an account.
//!
//! While an upstream is unreachable, or does not accept the account, requests fail at once, and attempts back off.
//! The log has one line when an outage begins and one when it ends.

mod account;
mod account_gate;
mod account_log;
#[cfg(test)]
mod account_simulation;
#[cfg(test)]
mod account_tests;
mod delay;
mod failures;
mod interrupted;
mod lock;
mod lockout;
mod pending;
mod protocol;
mod proven_users;
mod reachability;
mod service;
#[cfg(test)]
mod tests;
mod turns;

use std::future::Future;
use std::sync::{Arc, Mutex};

use identity::Identity;
use tokio::time::Instant;

pub use self::account_gate::AccountGate;
pub(crate) use self::account_gate::{AuthAttempt, AuthGrant};
pub(crate) use self::interrupted::FailedRequest;
use self::interrupted::InterruptedRequests;
use self::lock::lock;
pub use self::lockout::LockoutLimits;
pub(crate) use self::protocol::UpstreamProtocol;
use self::reachability::{Change, Reachability};
use crate::error_chain::ErrorChain;
use crate::task::spawn_system;
use crate::upstream_error::UpstreamError;
use crate::upstream_permit::{UpstreamConnections, UpstreamPermit};

/// The reachability of one upstream, and the number of connections to it, shared by all of these.
#[derive(Debug)]
pub struct Gate {
    rpc: Mutex<State>,
    http: Mutex<State>,
    connections: Arc<UpstreamConnections>,
}

/// The state of the upstream for one protocol.
#[derive(Debug, Default)]
struct State {
    reachability: Reachability,
    interrupted: InterruptedRequests,
    /// When a connection was opened last.
    connected: Option<Instant>,
}

impl State {
    /// An attempt to connect succeeded, or failed because of `error`.
    fn record_connect(
        &mut self,
        attempt: reachability::Attempt,
        protocol: UpstreamProtocol,
        error: Option<&UpstreamError>,
    ) {
        let now = Instant::now();
        if error.is_none() {
            self.connected = Some(now);
        }
        match self.reachability.record(attempt, protocol, error, now) {
            // These requests failed before the outage ended, so that their line comes first.
            Some(Change::Up(outage)) => {
                self.interrupted.log(protocol, now);
                outage.log(protocol);
            }
            Some(Change::Down(error)) if !self.interrupted.unreachable(&error) => {
                reachability::log_begin(protocol, &error);
            }
            Some(Change::Down(_)) | None => {}
        }
    }
}

impl Gate {
    /// The gate of an upstream whose state is unknown.
    pub fn new() -> Arc<Self> {
        Self::with_limit(usize::MAX)
    }

    /// The gate of an upstream whose state is unknown, to which there may be at most `connections`. Users share them:
    /// one user may have at most as many as are then free.
    pub fn with_limit(connections: usize) -> Arc<Self> {
        let connections = UpstreamConnections::new(connections);
        Arc::new(Self { rpc: Mutex::default(), http: Mutex::default(), connections })
    }

    /// A permit for a connection for `owner`; `None` before its client has authenticated.
    ///
    /// # Errors
    /// [`UpstreamError::TooManyConnections`] if the owner would have more connections than are free.
    pub(crate) fn permit(&self, owner: Option<&Identity>) -> Result<UpstreamPermit, UpstreamError> {
        self.connections.permit(owner)
    }

    /// Connects by `protocol`, unless the upstream is down and the next attempt is not due. `connecting` limits its own
    /// time.
    pub(crate) async fn connect<T>(
        &self,
        protocol: UpstreamProtocol,
        connecting: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        let state = self.state(protocol);
        let attempt = lock(state).reachability.begin(Instant::now())?;
        let attempt = Connecting { state, attempt: Some(attempt) };
        let connected = connecting.await;
        attempt.record(protocol, connected.as_ref().err());
        connected
    }

    /// Whether a connection was opened by `protocol` after `time`.
    pub(crate) fn has_connected_since(&self, protocol: UpstreamProtocol, time: Instant) -> bool {
        lock(self.state(protocol)).connected.is_some_and(|connected| connected > time)
    }

    /// Records a request that failed with `error` because the upstream closed its connection. The requests of about a
    /// second are logged in one line.
    pub(crate) fn record_interrupted(
        self: &Arc<Self>,
        protocol: UpstreamProtocol,
        request: &FailedRequest<'_>,
        error: &UpstreamError,
    ) {
        let FailedRequest { client, operation, .. } = *request;
        tracing::debug!(
            %client, account = request.user.map(tracing::field::display), operation,
            "upstream: request failed: {}", ErrorChain(error)
        );
        let added = lock(self.state(protocol)).interrupted.add(request, error, Instant::now());
        let Some(collected) = added else { return };
        let gate = Arc::clone(self);
        spawn_system(async move {
            tokio::time::sleep(collected).await;
            gate.log_interrupted_by(protocol);
        });
    }

    /// Logs the interrupted requests that are not logged yet.
    pub fn log_interrupted(&self) {
        self.log_interrupted_by(UpstreamProtocol::Rpc);
        self.log_interrupted_by(UpstreamProtocol::Http);
    }

    fn log_interrupted_by(&self, protocol: UpstreamProtocol) {
        lock(self.state(protocol)).interrupted.log(protocol, Instant::now());
    }

    const fn state(&self, protocol: UpstreamProtocol) -> &Mutex<State> {
        match protocol {
            UpstreamProtocol::Rpc => &self.rpc,
            UpstreamProtocol::Http => &self.http,
        }
    }
}

/// A connection attempt. If it is dropped before its outcome is recorded, it has no effect on the state of the
/// upstream.
struct Connecting<'a> {
    state: &'a Mutex<State>,
    attempt: Option<reachability::Attempt>,
}

impl Connecting<'_> {
    fn record(mut self, protocol: UpstreamProtocol, error: Option<&UpstreamError>) {
        if let Some(attempt) = self.attempt.take() {
            lock(self.state).record_connect(attempt, protocol, error);
        }
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            lock(self.state).reachability.abandon(attempt);
        }
    }
}

//! Collects requests that were interrupted when the upstream closed their connections, to log them in one line.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use identity::Principal;
use tokio::time::Instant;

use super::protocol::UpstreamProtocol;
use super::reachability::BACKOFF_NOTE;
use crate::error_chain::ErrorChain;
use crate::upstream_error::UpstreamError;

/// How long interrupted requests are collected, from the first one on, before they are logged in one line.
const COLLECTED: Duration = Duration::from_secs(1);

/// The least time between two such lines.
const BETWEEN: Duration = Duration::from_secs(10);

/// The most connections that one line counts.
const MOST_CONNECTIONS: usize = 1 << 16;

/// A request that failed, as log lines describe it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedRequest<'a> {
    /// The client's connection.
    pub(crate) client: SocketAddr,
    /// The user; none during authentication.
    pub(crate) user: Option<&'a Principal>,
    /// The operation, or the path of an HTTP request.
    pub(crate) operation: &'a str,
    /// Whether it is a wait for notifications.
    pub(crate) is_wait: bool,
}

/// Requests that were interrupted because the upstream closed their connections. When a server fails there are many
/// of them, so they are counted and logged in one line.
#[derive(Debug, Default)]
pub(super) struct InterruptedRequests {
    pending: Option<Pending>,
    /// When a line was logged last.
    logged: Option<Instant>,
}

/// Interrupted requests that are not logged yet.
#[derive(Debug)]
struct Pending {
    requests: u64,
    waits: u64,
    connections: HashSet<SocketAddr>,
    /// The first of them.
    client: SocketAddr,
    user: Option<Principal>,
    operation: String,
    error: UpstreamError,
    /// Why the upstream is unreachable, if that was found since.
    unreachable: Option<UpstreamError>,
}

impl InterruptedRequests {
    /// Counts `request`, which failed because of `error`. For the first one, returns the time after which the line has
    /// to be logged.
    pub(super) fn add(
        &mut self,
        request: &FailedRequest<'_>,
        error: &UpstreamError,
        now: Instant,
    ) -> Option<Duration> {
        let is_first = self.pending.is_none();
        let pending = self.pending.get_or_insert_with(|| Pending {
            requests: 0,
            waits: 0,
            connections: HashSet::new(),
            client: request.client,
            user: request.user.cloned(),
            operation: request.operation.to_owned(),
            error: error.clone(),
            unreachable: None,
        });
        pending.requests += 1;
        pending.waits += u64::from(request.is_wait);
        if pending.connections.len() < MOST_CONNECTIONS {
            pending.connections.insert(request.client);
        }
        let since = |logged| BETWEEN.saturating_sub(now.duration_since(logged));
        is_first.then(|| self.logged.map_or(COLLECTED, |logged| since(logged).max(COLLECTED)))
    }

    /// The upstream is unreachable. Returns whether interrupted requests wait to be logged: then their line
    /// reports the outage.
    pub(super) fn unreachable(&mut self, error: &UpstreamError) -> bool {
        let Some(pending) = &mut self.pending else { return false };
        pending.unreachable = Some(error.clone());
        true
    }

    /// Logs the requests that are not logged yet.
    pub(super) fn log(&mut self, protocol: UpstreamProtocol, now: Instant) {
        let Some(pending) = self.pending.take() else { return };
        self.logged = Some(now);
        let Pending { requests, waits, connections, client, user, operation, error, unreachable } = pending;
        let (connections, key) = (connections.len(), protocol.key());
        let account = user.as_ref().map(tracing::field::display);
        let error = ErrorChain(&error);
        if let Some(unreachable) = &unreachable {
            tracing::warn!(
                key, requests, waits, connections, %client, account, operation,
                "upstream is unreachable: {}; before that it closed connections with requests in flight: {error}; check \
                 {key} and the server; {BACKOFF_NOTE}", ErrorChain(unreachable)
            );
        } else {
            tracing::warn!(
                key, requests, waits, connections, %client, account, operation,
                "upstream closed connections with requests in flight: {error}; check whether the server was restarted or \
                 has crashed"
            );
        }
    }
}

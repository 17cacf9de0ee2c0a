//! Rate-limited log lines for events that peers can cause at any rate.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use identity::Principal;
use mapi::mapihttp::ResponseCode;
use tokio::time::Instant;

use crate::gate::FailedRequest;
use crate::log_rate_limit::LogRateLimit;
use crate::upstream_error::UpstreamError;

/// The log lines that clients and the upstream can cause at any rate. Each kind is rate-limited.
#[derive(Debug, Default)]
pub struct EventLog {
    accept_failed: LogRateLimit,
    rejected: LogRateLimit,
    made_room: LogRateLimit,
    misbehaved: LogRateLimit,
    sessions_full: LogRateLimit,
    memory_full: LogRateLimit,
    refused: LogRateLimit,
    looped: LogRateLimit<1, 60>,
    cut_short: LogRateLimit,
    upstream_failed: LogRateLimit,
    denied_there: LogRateLimit,
}

impl EventLog {
    /// A connection can't be accepted.
    pub(crate) fn accept_failed(&self, error: &io::Error) {
        if let Some(left_out) = self.accept_failed.pass(Instant::now()) {
            tracing::error!(left_out, "can't accept a connection: {error}");
        }
    }

    /// A client's connection exceeds a limit.
    pub(crate) fn connection_refused(&self, peer: SocketAddr, why: &str) {
        if let Some(left_out) = self.rejected.pass(Instant::now()) {
            tracing::warn!(%peer, left_out, "rejected: {why}");
        }
    }

    /// An unauthenticated connection was closed to make room for another.
    pub(crate) fn connection_evicted(&self, peer: SocketAddr) {
        if let Some(left_out) = self.made_room.pass(Instant::now()) {
            tracing::warn!(%peer, left_out, "closed an unauthenticated connection to make room for this client: \
                clients.unauthenticated_percent or clients.connections is reached");
        }
    }

    /// A client broke the protocol.
    pub(crate) fn client_error(&self, peer: SocketAddr, why: &str) {
        if let Some(left_out) = self.misbehaved.pass(Instant::now()) {
            tracing::info!(%peer, left_out, "client: {why}");
        }
    }

    /// A client's connection had to be closed in the middle of the upstream's answer.
    pub(crate) fn response_interrupted(
        &self,
        FailedRequest { client: peer, user, operation, .. }: &FailedRequest<'_>,
        why: &UpstreamError,
    ) {
        if let Some(left_out) = self.cut_short.pass(Instant::now()) {
            let user = user.map(tracing::field::display);
            tracing::warn!(%peer, user, operation, left_out, "upstream: an answer broke off, and the client's connection with it: {why}");
        }
    }

    /// A request to the upstream failed. During an outage, whose begin and end are logged, it is logged at debug level.
    pub(crate) fn request_failed(&self, lost: &FailedRequest<'_>, why: &UpstreamError) {
        if why.is_outage() {
            tracing::debug!(peer = %lost.client, operation = lost.operation, "{}: {why}", why.side());
        } else {
            let FailedRequest { client: peer, user, operation, .. } = lost;
            if let Some(left_out) = self.upstream_failed.pass(Instant::now()) {
                let user = user.map(tracing::field::display);
                tracing::warn!(%peer, user, operation, left_out, "{}: {why}", why.side());
            }
        }
    }

    /// A request of `user` for which the upstream requires the client to authenticate.
    pub(crate) fn client_must_authenticate(
        &self,
        peer: SocketAddr,
        user: Option<&Principal>,
        why: &UpstreamError,
    ) {
        if let Some(left_out) = self.denied_there.pass(Instant::now()) {
            let user = user.map(tracing::field::display);
            tracing::info!(%peer, user, left_out, "{}: {why}", why.side());
        }
    }

    /// A user has as many sessions as the limit permits; `what` was done about it.
    pub(crate) fn session_limit(&self, peer: SocketAddr, user: &Principal, what: &str) {
        if let Some(left_out) = self.sessions_full.pass(Instant::now()) {
            tracing::warn!(%peer, %user, left_out, "too many sessions: {what}");
        }
    }

    /// A user's request exceeds a limit on memory.
    pub(crate) fn memory_limit(&self, peer: SocketAddr, user: &Principal, operation: &str, why: &str) {
        if let Some(left_out) = self.memory_full.pass(Instant::now()) {
            tracing::warn!(%peer, %user, operation, left_out, "refused as too busy, for lack of memory: {why}");
        }
    }

    /// An operation of MAPI over HTTP is refused.
    pub(crate) fn operation_refused(
        &self,
        peer: SocketAddr,
        user: &Principal,
        operation: &str,
        code: ResponseCode,
        why: &str,
    ) {
        if let Some(left_out) = self.refused.pass(Instant::now()) {
            tracing::info!(%peer, %user, operation, code = code.0, left_out, "refused: {why}");
        }
    }

    /// A remote call is refused.
    pub(crate) fn call_refused(&self, peer: SocketAddr, user: &Principal, why: &dyn fmt::Display) {
        if let Some(left_out) = self.refused.pass(Instant::now()) {
            tracing::info!(%peer, %user, left_out, "refused: {why}");
        }
    }

    /// A request of this proxy came back to it: the server that `key` names leads here.
    pub(crate) fn request_loop(&self, peer: SocketAddr, key: &str) {
        if let Some(left_out) = self.looped.pass(Instant::now()) {
            tracing::error!(%peer, left_out, "request loop: {key} leads back to this proxy; name the server");
        }
    }
}

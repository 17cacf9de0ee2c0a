//! Calls that fail at the upstream, and the log lines of calls for which clients get faults.

use std::net::SocketAddr;

use engine::{Finished, Flight, Outcome, Refusal, RefusalKind, Reply, UpstreamRefusal, fault_status};
use identity::Principal;
use rpc::pdu::FaultStatus;
use tracing::field::display;

use super::{RelayConnection, RpcRelay};
use crate::error_chain::ErrorChain;
use crate::gate::{FailedRequest, UpstreamProtocol};
use crate::rpc::handler::RpcReply;
use crate::rpc::pending_calls::{ClientCall, PendingCall};
use crate::rpc::upstream_auth::{fault, rejects_account};
use crate::rpc::upstream_call::{Progress, engine_outcome};
use crate::upstream_error::{Retry, UpstreamAuthError, UpstreamError, cause};

impl RelayConnection {
    /// The upstream responded to the call `tag` with the fault `status`, which may guarantee that it did not execute
    /// the call.
    pub(super) fn on_fault(
        &mut self,
        tag: u64,
        (status, did_not_execute): (FaultStatus, bool),
        replies: &mut Vec<RpcReply>,
    ) {
        let Some(pending) = self.pending.sent_mut(tag) else { return };
        // The upstream rejects the account of the proxy, not that of the client, which has authenticated: the client
        // gets the fault of a failed call. A handshake that ends with AUTH3 has no response, so that the fault of the
        // first call rejects the account.
        if rejects_account(status) && self.upstreams.authenticates(&pending.call.upstream) {
            let denied = UpstreamAuthError::AccessDenied(cause(fault(status))).into();
            let progress = if did_not_execute { Progress::SentNotExecuted } else { Progress::MaybeExecuted };
            return self.on_failure(tag, &denied, progress, replies);
        }
        pending.call.did_not_execute = did_not_execute;
        self.resume(tag, Outcome::Refused(UpstreamRefusal::Fault(status)), replies);
    }

    /// The call `tag` failed with its connection. If nothing of the call was sent and `error` permits it, the call is
    /// sent once more, on a new connection.
    pub(super) fn on_failure(
        &mut self,
        tag: u64,
        error: &UpstreamError,
        progress: Progress,
        replies: &mut Vec<RpcReply>,
    ) {
        let Some(PendingCall { operation, call: client }) = self.pending.sent_mut(tag) else { return };
        let (key, flight) = (client.upstream.clone(), operation.flight());
        self.relay.upstream.endpoints.forget(key.0);
        let outcome = engine_outcome(error, progress);
        if progress == Progress::Unsent && flight.is_session_ended() {
            // The call ends as those that the client makes afterwards.
            let why = "the session ended before the call was sent to the server";
            return self.on_refused(tag, Refusal::new(RefusalKind::NoSession, why), replies);
        }
        if progress == Progress::Unsent
            && error.retry() == Retry::Unsent
            && !std::mem::replace(&mut client.retried, true)
        {
            let operation = flight.operation.name();
            tracing::debug!(operation, "retrying on a new connection: {}", ErrorChain(error));
            let caller = flight.context().clone();
            return self.send_on_association(&key, &caller, tag);
        }
        self.relay.log_failure(flight, error);
        client.is_failure_logged = true;
        self.upstreams.drop_idle(&key);
        self.resume(tag, outcome, replies);
    }

    /// Logs why the client gets a fault. Failures at the upstream were logged when they occurred.
    pub(super) fn log_failed_call(&self, call: &ClientCall, finished: &Finished) {
        let flight = finished.flight();
        let (client, account) = (flight.operation.peer(), flight.context().principal());
        let operation = flight.operation.name();
        match finished.reply() {
            Reply::Refused(refusal) if !call.is_failure_logged => {
                self.relay.log_refusal((client, account), operation, refusal);
            }
            reply => {
                let (why, fault) = (reply.why().unwrap_or_default(), reply.fault().map(display));
                tracing::debug!(%client, %account, operation, fault, "upstream: RPC call failed: {why}");
            }
        }
    }
}

impl RpcRelay {
    /// Logs that the engine, a module or a limit refuses a call of a client.
    pub(super) fn log_refusal(
        &self,
        (client, user): (SocketAddr, &Principal),
        operation: &str,
        refusal: &Refusal,
    ) {
        if refusal.kind == RefusalKind::TooBusy {
            self.log.too_busy(client, user, operation, &refusal.why);
        } else {
            self.log.call_refused(client, user, operation, fault_status(refusal.kind), &refusal.why);
        }
    }

    /// Logs that a call of `flight` failed.
    fn log_failure(&self, flight: &Flight, error: &UpstreamError) {
        let (peer, operation) = (flight.operation.peer(), flight.operation.name());
        let user = Some(flight.context().principal());
        let lost = FailedRequest { client: peer, user, operation, is_wait: flight.is_notification_wait() };
        if matches!(error, UpstreamError::Closed { .. }) {
            self.upstream.gate.record_interrupted(UpstreamProtocol::Rpc, &lost, error);
        } else {
            self.log.request_failed(&lost, error);
        }
    }
}

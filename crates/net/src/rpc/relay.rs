//! The relay: a client's calls through the engine to the upstream, on connections of the client's own.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{
    AwaitsUpstream, CALL_FAILED, Conversation, Engine, Envelope, Finished, Flight, Incoming, Interface, Next,
    Observer, OperationKey, Outcome, Refusal, RefusalKind, Rejected, UpstreamRefusal, fault_status,
};
use identity::{Identity, Mechanism, OsRandom, SecurityContext};
use rpc::mgmt::{self, Management};
use rpc::pdu::{AuthLevel, FaultStatus, SyntaxId};
use tokio::time::Instant;

use crate::clock;
use crate::event_log::EventLog;
use crate::gate::{FailedRequest, UpstreamProtocol};
use crate::rpc::association_group::Group;
use crate::rpc::call::{CallEnd, Outgoing, Progress, outcome};
use crate::rpc::dial::Upstream;
use crate::rpc::endpoint_mapper::reply;
use crate::rpc::handler::{Call, Reply, RequestHandler};
use crate::rpc::pending_calls::{ClientCall, InFlight, InFlightTable};
use crate::rpc::resolver::syntax;
use crate::rpc::upstream_associations::UpstreamConnections;
use crate::rpc::upstream_auth::{is_refusal, refusal};
use crate::upstream_error::{Retry, UpstreamAuthError, UpstreamError};

/// What all client connections that are relayed have in common.
pub struct RpcRelay {
    engine: Arc<Engine>,
    upstream: Upstream,
    observer: Arc<dyn Observer>,
    management: Management,
    log: EventLog,
}

impl fmt::Debug for RpcRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcRelay")
            .field("engine", &self.engine)
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

impl RpcRelay {
    /// A relay that clients know as the host `name`, through `engine` to `upstream`.
    pub fn new(
        name: &str,
        engine: Arc<Engine>,
        upstream: Upstream,
        observer: Arc<dyn Observer>,
    ) -> Arc<Self> {
        let interfaces = Self::services().chain([mgmt::INTERFACE]).collect();
        // The service principal name that MAPI clients ask for where they connect to the store.
        let principal = format!("exchangeMDB/{name}");
        let packages = Mechanism::ALL.into_iter().filter_map(Mechanism::rpc_auth_type);
        let principal_names = packages.map(|package| (u32::from(package), principal.clone())).collect();
        let management = Management { interfaces, principal_names, ..Management::default() };
        Arc::new(Self { engine, upstream, observer, management, log: EventLog::default() })
    }

    /// The interfaces that are relayed.
    pub fn services() -> impl Iterator<Item = SyntaxId> {
        Interface::ALL.into_iter().map(syntax)
    }

    /// The interfaces that clients are served whose calls have at least `minimum_level`.
    pub fn interfaces(minimum_level: AuthLevel) -> Vec<rpc::server::Interface> {
        let relayed = Self::services().map(|id| rpc::server::Interface { id, minimum_level });
        let own = rpc::server::Interface { id: mgmt::INTERFACE, minimum_level: AuthLevel::NONE };
        relayed.chain([own]).collect()
    }

    /// The request handler of one client connection, whose operations come in `envelope`.
    pub fn connection(self: &Arc<Self>, envelope: Envelope) -> RelayConnection {
        RelayConnection {
            relay: Arc::clone(self),
            envelope,
            conversations: HashMap::new(),
            upstreams: UpstreamConnections::default(),
            in_flight: InFlightTable::default(),
            ends: Vec::new(),
            checked: Instant::now(),
        }
    }
}

/// How often calls are checked for those that take too long.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// One client connection: its conversation with the engine for each identity that authenticated on it, its operations in
/// flight, and its own connections to the upstream.
pub struct RelayConnection {
    relay: Arc<RpcRelay>,
    envelope: Envelope,
    conversations: HashMap<Identity, (Conversation, Arc<Group>)>,
    upstreams: UpstreamConnections,
    in_flight: InFlightTable,
    /// Ends of calls to the upstream that are not processed yet.
    ends: Vec<CallEnd>,
    /// When calls were last checked for those that take too long.
    checked: Instant,
}

impl fmt::Debug for RelayConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayConnection").field("envelope", &self.envelope).finish_non_exhaustive()
    }
}

impl RequestHandler for RelayConnection {
    fn bound(&mut self, bind_call_id: Option<u32>) {
        self.upstreams.bound(bind_call_id);
    }

    fn call(&mut self, call: Call, replies: &mut Vec<Reply>) {
        let Some(interface) = Interface::by_uuid(call.interface.uuid) else {
            return replies
                .push(reply(call.id, self.relay.management.call(call.opnum, &call.stub, call.endian)));
        };
        let since = Instant::now();
        let Call { id, opnum, object, stub, endian, context, peer, group, .. } = call;
        let request_size = stub.len();
        let upstream = (interface, context.identity().clone());
        let conversation = || (Conversation::new(Arc::clone(group.handles())), Arc::clone(&group));
        let (conversation, _) =
            self.conversations.entry(context.identity().clone()).or_insert_with(conversation);
        let key = OperationKey::Call(interface, opnum);
        let (envelope, at) = (self.envelope, clock::now());
        let incoming = Incoming { envelope, key, stub, endian, context: context.clone(), peer, at };
        match self.relay.engine.begin(conversation, incoming) {
            Ok(next) => {
                let call = ClientCall { id, since, upstream, object, retried: false };
                self.go_on(call, next, replies);
            }
            Err(refusal) => {
                let user = context.principal();
                if refusal.kind == RefusalKind::TooBusy {
                    self.relay.log.session_limit(peer, user, &refusal.why);
                } else {
                    self.relay.log.call_refused(peer, user, &refusal.why);
                }
                self.relay.observer.rejected(&Rejected {
                    context: &context,
                    peer,
                    envelope,
                    operation: interface.operation(opnum).unwrap_or("unknown"),
                    request_size,
                    refusal: &refusal,
                });
                replies.push(Reply::Fault { id, status: fault_status(refusal.kind) });
            }
        }
    }

    fn poll(&mut self, task: &mut Context<'_>, replies: &mut Vec<Reply>) -> Poll<()> {
        self.upstreams.poll(task, &mut self.ends);
        self.check_time();
        let went_on = self.go_on_with_deferred(task, replies);
        if self.ends.is_empty() && !went_on {
            return Poll::Pending;
        }
        for end in std::mem::take(&mut self.ends) {
            match end {
                CallEnd::Response { token, stub, endian } => {
                    self.resume(token, Outcome::Response { stub, endian }, replies);
                }
                CallEnd::Fault { token, status } => self.faulted(token, status, replies),
                CallEnd::Failed { token, error, progress } => self.failed(token, &error, progress, replies),
            }
        }
        // What was sent on has to be polled for in its turn, even where nothing is for the client yet.
        Poll::Ready(())
    }

    fn stop(&mut self, replies: &mut Vec<Reply>) {
        let ended = self.in_flight.iter_sent();
        let ended = ended.filter_map(|(token, in_flight)| Some((token, in_flight.operation.end_wait()?)));
        for (token, outcome) in ended.collect::<Vec<(u64, Outcome)>>() {
            self.resume(token, outcome, replies);
        }
    }

    fn revoked(&mut self, revoked: &[SecurityContext], replies: &mut Vec<Reply>) {
        for (call, next) in self.in_flight.take_revoked() {
            let refusal = denied(next.flight().context());
            self.finish(&call, &next.give_up(refusal), replies);
        }
        for context in revoked {
            if let Some((conversation, _)) = self.conversations.get_mut(context.identity()) {
                self.relay.engine.end_revoked(conversation);
            }
        }
        let in_flight = &self.in_flight;
        self.upstreams.retain(|key| {
            let is_used = || in_flight.iter_sent().any(|(_, in_flight)| in_flight.call.upstream == *key);
            !revoked.iter().any(|context| *context.identity() == key.1) || is_used()
        });
    }

    fn end(&mut self, over: &[Arc<Group>]) {
        self.upstreams.clear();
        self.in_flight.clear();
        for (_, (mut conversation, group)) in self.conversations.drain() {
            let last = over.iter().any(|over| Arc::ptr_eq(over, &group));
            self.relay.engine.end(&mut conversation, last);
        }
    }
}

impl RelayConnection {
    /// Does what the engine wants next for `call`.
    fn go_on(&mut self, call: ClientCall, next: Next, replies: &mut Vec<Reply>) {
        // An operation whose security context was revoked meanwhile goes no further, in neither direction.
        let context = next.flight().context();
        let next = if context.is_revoked() {
            let refusal = denied(context);
            Next::Done(next.give_up(refusal))
        } else {
            next
        };
        match next {
            Next::Defer(operation) => self.in_flight.defer(InFlight { operation, call }),
            Next::Relay(operation) if self.in_flight.has_to_wait(operation.flight()) => {
                self.in_flight.hold(InFlight { operation, call });
            }
            Next::Relay(operation) => self.send(call, operation),
            Next::Done(finished) => self.finish(&call, &finished, replies),
        }
    }

    /// Sends `operation` on the upstream connection of `call`.
    fn send(&mut self, call: ClientCall, mut operation: AwaitsUpstream) {
        // What a module asks ahead is a call of its own.
        let object = call.object.filter(|_| operation.ahead().is_none());
        let (opnum, stub) = (operation.opnum(), operation.take_stub());
        let Some((_, group)) = self.conversations.get(&call.upstream.1) else { return };
        let context = operation.flight().context();
        let upstream = self.upstreams.get_or_open(&call.upstream, &self.relay.upstream, context, group);
        let token = self.in_flight.send(InFlight { operation, call });
        upstream.call(Outgoing { token, opnum, object, stub });
    }

    /// Goes on with the operation whose call `token` came to `outcome`.
    fn resume(&mut self, token: u64, outcome: Outcome, replies: &mut Vec<Reply>) {
        let Some(InFlight { operation, call }) = self.in_flight.take_sent(token) else { return };
        self.go_on(call, operation.resume(outcome, &mut OsRandom), replies);
    }

    /// Goes on with the operations whose work is done, or has to be by now, and with those that waited for them. Returns
    /// whether there were any.
    fn go_on_with_deferred(&mut self, task: &mut Context<'_>, replies: &mut Vec<Reply>) -> bool {
        let mut any = false;
        while let Some(InFlight { operation, call }) = self.in_flight.take_worked(task) {
            any = true;
            self.go_on(call, operation.resume(), replies);
            for InFlight { operation, call } in self.in_flight.take_held() {
                self.go_on(call, Next::Relay(operation), replies);
            }
        }
        any
    }

    /// Answers `call`.
    fn finish(&self, call: &ClientCall, finished: &Finished, replies: &mut Vec<Reply>) {
        let reply = finished.reply();
        if let engine::Reply::Response(stub) = reply {
            replies.push(Reply::Response { id: call.id, stub: stub.clone() });
        } else {
            let status = reply.fault().unwrap_or(CALL_FAILED);
            let why = reply.why().unwrap_or_default();
            tracing::debug!(operation = finished.flight().operation.name(), "fault {status}: {why}");
            replies.push(Reply::Fault { id: call.id, status });
        }
        self.relay.observer.finished(finished, call.since.elapsed());
    }

    /// The call `token` ended with the fault `status`.
    fn faulted(&mut self, token: u64, status: FaultStatus, replies: &mut Vec<Reply>) {
        let Some(in_flight) = self.in_flight.sent(token) else { return };
        // The upstream refuses the proxy's account, not the client, whose own sign-in was good: to it, the call failed. A
        // handshake that ends with AUTH3 is not answered, so that a refusal is the fault of the first call.
        if is_refusal(status) && self.upstreams.authenticates(&in_flight.call.upstream) {
            let denied = UpstreamAuthError::Denied(refusal(&status)).into();
            return self.failed(token, &denied, Progress::Unknown, replies);
        }
        self.resume(token, Outcome::Refused(UpstreamRefusal::Fault(status)), replies);
    }

    /// The call `token` failed with its connection. One of which nothing was sent is sent on a new connection, once,
    /// where `error` permits that.
    fn failed(&mut self, token: u64, error: &UpstreamError, progress: Progress, replies: &mut Vec<Reply>) {
        let Some(InFlight { operation, call: client }) = self.in_flight.sent(token) else { return };
        let (key, flight) = (client.upstream.clone(), operation.flight());
        self.relay.upstream.endpoints.forget(key.0);
        let outcome = outcome(error, &progress);
        if let Progress::Unsent(call) = progress
            && let Some((_, group)) = self.conversations.get(&key.1)
            && error.retry() == Retry::Unsent
            && !std::mem::replace(&mut client.retried, true)
        {
            let operation = flight.operation.name();
            tracing::debug!(operation, "retrying on a new connection: {error}");
            let upstream = self.upstreams.get_or_open(&key, &self.relay.upstream, flight.context(), group);
            return upstream.call(call);
        }
        self.relay.log_failure(flight, error);
        self.upstreams.drop_idle(&key);
        self.resume(token, outcome, replies);
    }

    /// Closes the connections on which an answer takes too long.
    fn check_time(&mut self) {
        let limit = self.relay.upstream.call_limit;
        let now = Instant::now();
        if now.duration_since(self.checked) < CHECK_EVERY.min(limit) {
            return;
        }
        self.checked = now;
        for (_, in_flight) in self.in_flight.iter_sent() {
            if now.duration_since(in_flight.call.since) > limit {
                self.upstreams.abort(&in_flight.call.upstream, limit, &mut self.ends);
            }
        }
    }
}

impl RpcRelay {
    /// Logs that a call of `flight` failed.
    fn log_failure(&self, flight: &Flight, error: &UpstreamError) {
        let (peer, operation) = (flight.operation.peer(), flight.operation.name());
        let user = Some(flight.context().principal());
        let lost = FailedRequest { client: peer, user, operation, is_wait: flight.is_wait() };
        if let UpstreamError::Closed { why, .. } = error {
            self.upstream.gate.record_interrupted(UpstreamProtocol::Rpc, &lost, why);
        } else {
            self.log.request_failed(&lost, error);
        }
    }
}

/// The refusal of a call whose security context may not be used any more.
fn denied(context: &SecurityContext) -> Refusal {
    let why = match context.check(clock::now()) {
        Err(error) => error.to_string(),
        Ok(()) => String::new(),
    };
    Refusal::new(RefusalKind::AccessDenied, why)
}

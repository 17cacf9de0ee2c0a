//! The relay: takes a client's calls through the engine to the upstream, on connections of the client's own.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{
    AwaitsUpstream, CALL_FAILED, Engine, Envelope, Finished, HandleUse, Incoming, Interface, Next, Observer,
    OperationKey, Outcome, Refusal, RefusalKind, RefusedOperation, Reply, RpcSessions, fault_status,
    handle_use,
};
use identity::{Identity, Mechanism, OsRandom, SecurityContext};
use rpc::mgmt::{self, Management};
use rpc::pdu::{AuthLevel, SyntaxId};
use tokio::time::Instant;

use crate::body_budget::MemoryLimit;
use crate::clock;
use crate::event_log::EventLog;
use crate::rpc::association_group::Group;
use crate::rpc::handler::{Call, RequestHandler, RpcReply};
use crate::rpc::pdu_quota::{DECODING, ROUND};
use crate::rpc::pending_calls::{ClientCall, PendingCall, PendingCalls};
use crate::rpc::resolver::syntax;
use crate::rpc::upstream::RpcUpstream;
use crate::rpc::upstream_associations::UpstreamAssociations;
use crate::rpc::upstream_call::{UpstreamCallResult, UpstreamKey};

mod ended_calls;
mod failed_calls;
mod lost_sessions;
mod responses;

/// The state that all relayed client connections share.
pub struct RpcRelay {
    engine: Arc<Engine>,
    upstream: RpcUpstream,
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
    /// A relay through `engine` to `upstream`, which clients know as the host `name`.
    pub fn new(
        name: &str,
        engine: Arc<Engine>,
        upstream: RpcUpstream,
        observer: Arc<dyn Observer>,
    ) -> Arc<Self> {
        let interfaces = Self::services().chain([mgmt::INTERFACE]).collect();
        // The service principal name that MAPI clients query when they connect to the store.
        let principal = format!("exchangeMDB/{name}");
        let packages = Mechanism::ALL.into_iter().filter_map(Mechanism::rpc_auth_type);
        let principal_names = packages.map(|package| (u32::from(package), principal.clone())).collect();
        engine.report_sessions_to(Arc::new(EventLog::default()));
        let management = Management { interfaces, principal_names, ..Management::default() };
        Arc::new(Self { engine, upstream, observer, management, log: EventLog::default() })
    }

    /// The relayed interfaces.
    pub fn services() -> impl Iterator<Item = SyntaxId> {
        Interface::ALL.into_iter().map(syntax)
    }

    /// The interfaces of a listener: the relayed ones for calls of at least `minimum_level`, and the management
    /// interface for all.
    pub fn interfaces(minimum_level: AuthLevel) -> Vec<rpc::server::Interface> {
        let relayed = Self::services().map(|id| rpc::server::Interface { id, minimum_level });
        let own = rpc::server::Interface { id: mgmt::INTERFACE, minimum_level: AuthLevel::NONE };
        relayed.chain([own]).collect()
    }

    /// The request handler of one client connection, whose operations are carried by `envelope`.
    pub fn connection(self: &Arc<Self>, envelope: Envelope) -> RelayConnection {
        RelayConnection {
            relay: Arc::clone(self),
            envelope,
            sessions: HashMap::new(),
            upstreams: UpstreamAssociations::new(Engine::clone(&self.engine)),
            pending: PendingCalls::default(),
            ends: Vec::new(),
            checked: Instant::now(),
            work: 0,
        }
    }
}

/// How often the time of pending calls is checked.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// A client connection: its sessions in the engine for each identity that authenticated on it, its pending calls, and
/// its own associations with the upstream.
pub struct RelayConnection {
    relay: Arc<RpcRelay>,
    envelope: Envelope,
    sessions: HashMap<Identity, (RpcSessions, Arc<Group>)>,
    upstreams: UpstreamAssociations,
    pending: PendingCalls,
    /// Results of calls to the upstream that are not processed yet.
    ends: Vec<UpstreamCallResult>,
    /// When the time of pending calls was last checked.
    checked: Instant,
    /// The units of decoding that the connection has not counted yet.
    work: u32,
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

    fn call(&mut self, call: Call, replies: &mut Vec<RpcReply>) {
        let Some(interface) = Interface::by_uuid(call.interface.uuid) else {
            return replies.push(RpcReply::from_result(
                call.id,
                self.relay.management.call(call.opnum, &call.stub, call.endian),
            ));
        };
        let Call { id, opnum, object, stub, endian, context, peer, group, .. } = call;
        let request_size = stub.len();
        let upstream = (interface, context.identity().clone());
        let sessions = || (RpcSessions::new(Arc::clone(group.handles())), Arc::clone(&group));
        let (sessions, _) = self.sessions.entry(context.identity().clone()).or_insert_with(sessions);
        let key = OperationKey::Call(interface, opnum);
        let opens = handle_use(interface, opnum) == HandleUse::Opens;
        let pending = ClientCall::new(id, upstream, opens, object);
        let (envelope, at) = (self.envelope, clock::now());
        let incoming = Incoming { envelope, key, stub, endian, context: context.clone(), peer, at };
        match self.relay.engine.begin(sessions, incoming) {
            Ok(next) => self.advance(pending, next, replies),
            Err(refusal) => {
                let refusal = match refusal.kind {
                    RefusalKind::NoSession => self.relay.no_session(&group, refusal.why),
                    _ => refusal,
                };
                let operation = interface.operation(opnum).unwrap_or("unknown");
                self.relay.log_refusal((peer, context.principal()), operation, &refusal);
                self.relay.observer.operation_refused(&RefusedOperation {
                    context: &context,
                    peer,
                    envelope,
                    operation,
                    request_size,
                    refusal: &refusal,
                });
                let status = fault_status(refusal.kind);
                replies.push(RpcReply::Fault { id, status, did_not_execute: false });
                self.add_orphaned(&group, group.handles().take_orphaned());
            }
        }
        if self.pending.late.has_unsent() {
            self.send_late();
        }
    }

    fn poll(&mut self, task: &mut Context<'_>, replies: &mut Vec<RpcReply>) -> Poll<()> {
        self.upstreams.poll(task, &mut self.pending, &mut self.ends);
        self.check_time();
        let advanced = self.advance_deferred(task, replies);
        if self.ends.is_empty() && !advanced {
            return Poll::Pending;
        }
        let mut ends = std::mem::take(&mut self.ends).into_iter();
        // The rest is left for the next round if the decoding of responses takes long.
        while !self.is_round_over()
            && let Some(end) = ends.next()
        {
            let Some(end) = self.pending.late.take_result(end) else { continue };
            match end {
                UpstreamCallResult::Response { tag, stub, endian, group } => {
                    self.on_response(tag, group, Outcome::Response { stub, endian }, replies);
                }
                UpstreamCallResult::Fault { tag, status, did_not_execute, group } => {
                    if let Some(pending) = self.pending.sent_mut(tag) {
                        pending.operation.received_in(group);
                    }
                    self.on_fault(tag, (status, did_not_execute), replies);
                }
                UpstreamCallResult::Refused { tag, refusal } => self.on_refused(tag, refusal, replies),
                UpstreamCallResult::Failed { tag, error, progress } => {
                    self.on_failure(tag, &error, progress, replies);
                }
            }
        }
        self.ends.splice(..0, ends);
        if self.pending.late.has_unsent() {
            self.send_late();
        }
        // Calls that were sent meanwhile need a poll, even if the client gets nothing yet.
        Poll::Ready(())
    }

    /// A client that gives up a call does not receive the handle that the call opens.
    fn orphaned(&mut self, id: u32, replies: &mut Vec<RpcReply>) {
        if self.pending.iter().any(|call| call.id == id && call.opens)
            && let Some((call, next, _)) = self.take_call(id)
        {
            let refusal = Refusal::new(RefusalKind::Failed, "the client has given up the call");
            self.abort_call(call, next, refusal, replies);
        }
    }

    fn take_work(&mut self) -> u64 {
        let units = self.work / DECODING;
        self.work %= DECODING;
        units.into()
    }

    fn response_bytes(&self) -> usize {
        self.bytes_of_responses()
    }

    fn held_responses(&self) -> Vec<(u32, usize)> {
        self.responses()
    }

    fn refuse_response(&mut self, id: u32, limit: MemoryLimit, replies: &mut Vec<RpcReply>) {
        self.end_for_memory(id, limit, replies);
    }

    fn shut_down(&mut self, replies: &mut Vec<RpcReply>) {
        let ended = self.pending.iter_sent();
        let ended =
            ended.filter_map(|(tag, pending)| Some((tag, pending.operation.end_notification_wait()?)));
        for (tag, outcome) in ended.collect::<Vec<(u64, Outcome)>>() {
            self.resume(tag, outcome, replies);
        }
    }

    fn revoked(&mut self, revoked: &[SecurityContext], groups: &[Arc<Group>], replies: &mut Vec<RpcReply>) {
        self.keep_openings(|_, pending| pending.operation.flight().context().is_revoked());
        for (call, next) in self.pending.take_revoked() {
            let refusal = denied(next.flight().context());
            self.respond(&call, &next.abort(refusal), replies);
        }
        for context in revoked {
            if let Some((sessions, _)) = self.sessions.get_mut(context.identity()) {
                self.relay.engine.end_revoked(sessions);
            }
        }
        for group in groups {
            self.relay.engine.end_revoked_of_group(group.handles());
            group.release_upstream();
            self.add_orphaned(group, group.handles().take_orphaned());
        }
        self.settle_late();
        let used = self.pending.iter_sent().map(|(_, pending)| pending.call.upstream.clone());
        let used: Vec<UpstreamKey> = used.collect();
        self.upstreams.retain(&mut self.pending.late, |key| {
            !revoked.iter().any(|context| *context.identity() == key.1) || used.contains(key)
        });
    }

    fn end(&mut self, closed_groups: &[Arc<Group>]) {
        for group in closed_groups {
            group.close();
        }
        self.keep_openings(|_, _| true);
        self.pending.clear();
        for (mut sessions, group) in std::mem::take(&mut self.sessions).into_values() {
            self.relay.engine.end(&mut sessions, false);
            if !group.is_over() {
                self.add_orphaned(&group, group.handles().take_orphaned());
            }
        }
        self.settle_late();
        // This includes groups of identities that made no call on this connection.
        for group in closed_groups {
            self.relay.engine.end_group(group.handles());
            group.release_upstream();
        }
        // A group with other connections keeps an association if it has handles.
        self.upstreams.retain(&mut self.pending.late, |_| false);
    }
}

impl RelayConnection {
    /// Performs the next step of the operation of `call`.
    fn advance(&mut self, call: ClientCall, mut next: Next, replies: &mut Vec<RpcReply>) {
        self.work = self.work.saturating_add(next.take_work());
        // An operation whose security context was revoked meanwhile ends here, in either direction.
        let context = next.flight().context();
        let next = if context.is_revoked() {
            let refusal = denied(context);
            Next::Done(next.abort(refusal))
        } else {
            next
        };
        match next {
            Next::Defer(operation) => self.pending.defer(PendingCall { operation, call }),
            Next::Forward(operation) => self.send(PendingCall { operation, call }),
            Next::Done(finished) => self.respond(&call, &finished, replies),
        }
    }

    /// Whether more was decoded than in one round.
    fn is_round_over(&self) -> bool {
        u64::from(self.work / DECODING) >= ROUND
    }

    /// Sends a call to the upstream, unless it has to wait for an earlier call of its session.
    fn send(&mut self, pending: PendingCall<AwaitsUpstream>) {
        let PendingCall { operation, call } = &pending;
        let (key, caller) = (call.upstream.clone(), operation.flight().context().clone());
        let opens = call.opens;
        let Some(tag) = self.pending.relay(pending) else { return };
        if opens {
            self.upstreams.close_lost(&key, &mut self.ends);
        }
        self.send_on_association(&key, &caller, tag);
    }

    /// Sends the call `tag`, or queues it until the association for `key` is bound.
    fn send_on_association(&mut self, key: &UpstreamKey, caller: &SecurityContext, tag: u64) {
        let Some((_, group)) = self.sessions.get(&key.1) else { return };
        let upstream = (key, &self.relay.upstream);
        self.upstreams.call(upstream, (caller, group), (tag, &mut self.pending), &mut self.ends);
    }

    /// Continues the operation whose call `tag` ended with `outcome`.
    fn resume(&mut self, tag: u64, outcome: Outcome, replies: &mut Vec<RpcReply>) {
        let Some(PendingCall { operation, mut call }) = self.pending.take_sent(tag) else { return };
        if let Outcome::Response { stub, .. } = &outcome {
            call.response_bytes = call.response_bytes.saturating_add(stub.len());
        }
        self.advance(call, operation.resume(outcome, &mut OsRandom), replies);
    }

    /// Continues the operations whose deferred work is done or has exceeded its time limit, and those that waited for
    /// them. Returns whether there were any.
    fn advance_deferred(&mut self, task: &mut Context<'_>, replies: &mut Vec<RpcReply>) -> bool {
        let mut any = false;
        while let Some(PendingCall { operation, call }) = self.pending.take_worked(task) {
            any = true;
            self.advance(call, operation.resume(), replies);
            self.advance_held(replies);
        }
        any
    }

    /// Responds to `call`, whose operation is over.
    fn respond(&mut self, call: &ClientCall, finished: &Finished, replies: &mut Vec<RpcReply>) {
        let reply = finished.reply();
        if let Reply::Response(stub) = reply {
            replies.push(RpcReply::Response { id: call.id, stub: stub.clone() });
        } else {
            self.log_failed_call(call, finished);
            let status = reply.fault().unwrap_or(CALL_FAILED);
            // The upstream guarantees it for its own fault, which the client gets unchanged.
            let did_not_execute = call.did_not_execute && matches!(reply, Reply::RefusedByUpstream(_));
            replies.push(RpcReply::Fault { id: call.id, status, did_not_execute });
        }
        let flight = finished.flight();
        let (client, account) = (flight.operation.peer(), flight.context().principal());
        for undecoded in flight.operation.undecoded() {
            self.relay.log.undecoded(client, account, flight.operation.name(), undecoded);
        }
        if let Some(limit) = flight.reached() {
            self.relay.log.session_limit(client, account, flight.operation.name(), limit);
        }
        self.relay.observer.finished(finished, call.since.elapsed());
        let orphaned = flight.take_orphaned();
        if !orphaned.is_empty()
            && let Some((_, group)) = self.sessions.get(&call.upstream.1)
        {
            self.add_orphaned(&Arc::clone(group), orphaned);
        }
    }
}

/// The refusal of a call whose security context was revoked or has expired.
fn denied(context: &SecurityContext) -> Refusal {
    let why = match context.check(clock::now) {
        Err(error) => error.to_string(),
        Ok(()) => String::new(),
    };
    Refusal::new(RefusalKind::AccessDenied, why)
}

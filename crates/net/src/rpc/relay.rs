//! The relay: a client's calls through the engine to the upstream, on connections of the client's own.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::Interface;
use engine::{
    AwaitsUpstream, AwaitsWork, CALL_FAILED, Conversation, Engine, Envelope, Finished, Flight, Incoming,
    Next, Observer, OperationKey, Outcome, Refusal, RefusalKind, Rejected, UpstreamRefusal, fault_status,
};
use identity::{Identity, OsRandom, SecurityContext};
use rpc::mgmt::{self, Management};
use rpc::pdu::{AuthLevel, AuthType, FaultStatus, SyntaxId};
use tokio::time::{Instant, Sleep};
use wire::Guid;

use crate::account::credentials_for;
use crate::clock;
use crate::event_log::EventLog;
use crate::gate::{Lost, Road};
use crate::reloadable::Reloadable;
use crate::rpc::association_group::Group;
use crate::rpc::call::{AssociationConfig, CallEnd, Outgoing, Progress, is_refusal, outcome, refusal};
use crate::rpc::dial::{Upstream, connect};
use crate::rpc::endpoint_mapper::reply;
use crate::rpc::handler::{Call, Reply, RequestHandler};
use crate::rpc::resolver::syntax;
use crate::rpc::upstream::UpstreamConnection;
use crate::upstream_error::{AuthError, Retry, UpstreamError};

/// What the connections of a proxy have in common.
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
    /// A proxy, known to clients as the host `name`, that brings operations through `engine` to `upstream`.
    pub fn new(
        name: &str,
        engine: Arc<Engine>,
        upstream: Upstream,
        observer: Arc<dyn Observer>,
    ) -> Arc<Self> {
        let interfaces = Self::services().chain([mgmt::INTERFACE]).collect();
        // The service principal name that MAPI clients ask for where they connect to the store.
        let principal = format!("exchangeMDB/{name}");
        let packages = [AuthType::GSS_NEGOTIATE, AuthType::WINNT];
        let principal_names = packages.map(|package| (u32::from(package.0), principal.clone())).to_vec();
        let management = Management { interfaces, principal_names, ..Management::default() };
        Arc::new(Self { engine, upstream, observer, management, log: EventLog::default() })
    }

    /// The interfaces that a proxy relays.
    pub fn services() -> impl Iterator<Item = SyntaxId> {
        Interface::ALL.into_iter().map(syntax)
    }

    /// The interfaces that a proxy serves to clients whose calls have at least `minimum_level`.
    pub fn interfaces(minimum_level: AuthLevel) -> Vec<rpc::server::Interface> {
        let relayed = Self::services().map(|id| rpc::server::Interface { id, minimum_level });
        let own = rpc::server::Interface { id: mgmt::INTERFACE, minimum_level: AuthLevel::NONE };
        relayed.chain([own]).collect()
    }

    /// The handler of one client connection, whose operations come in `envelope`.
    pub fn connection(self: &Arc<Self>, envelope: Envelope) -> RelayConnection {
        RelayConnection {
            proxy: Arc::clone(self),
            envelope,
            conversations: HashMap::new(),
            links: HashMap::new(),
            sent: HashMap::new(),
            deferred: Vec::new(),
            held: VecDeque::new(),
            client_bind: None,
            next_token: 0,
            ends: Vec::new(),
            checked: Instant::now(),
        }
    }
}

/// Whose connection to the upstream it is, and for what.
type LinkKey = (Interface, Identity);

/// A client's call in flight: the operation, which is an [`AwaitsUpstream`] or an [`AwaitsWork`], and its call.
struct InFlight<S> {
    operation: S,
    call: ClientCall,
}

/// A client's call.
struct ClientCall {
    id: u32,
    since: Instant,
    link: LinkKey,
    /// The object that the client's call is for (C706 12.6.4.9).
    object: Option<Guid>,
    /// Whether it was given to a second connection already.
    again: bool,
}

/// A call that waits for a module's work, and until when.
struct Deferred {
    in_flight: InFlight<AwaitsWork>,
    until: Pin<Box<Sleep>>,
}

impl Deferred {
    /// Ready once there is no more to wait for.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let done = self.in_flight.operation.poll(task);
        if done.is_ready() { done } else { self.until.as_mut().poll(task) }
    }
}

/// How often waiting calls are looked through for those that take too long.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// One client connection: its conversation with each identity that signed in on it, and its own connections to the
/// upstream.
pub struct RelayConnection {
    proxy: Arc<RpcRelay>,
    envelope: Envelope,
    conversations: HashMap<Identity, (Conversation, Arc<Group>)>,
    links: HashMap<LinkKey, UpstreamConnection>,
    sent: HashMap<u64, InFlight<AwaitsUpstream>>,
    /// Operations that wait for a module's work.
    deferred: Vec<Deferred>,
    /// Calls that wait for one of their session's before them, and are sent then.
    held: VecDeque<InFlight<AwaitsUpstream>>,
    /// The call id of the client's bind.
    client_bind: Option<u32>,
    next_token: u64,
    ends: Vec<CallEnd>,
    /// When waiting calls were last looked through.
    checked: Instant,
}

impl fmt::Debug for RelayConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayConnection").field("sent", &self.sent.len()).finish_non_exhaustive()
    }
}

impl RequestHandler for RelayConnection {
    fn call(&mut self, call: Call, replies: &mut Vec<Reply>) {
        let Some(interface) = Interface::by_uuid(call.interface.uuid) else {
            replies.push(reply(call.id, self.proxy.management.call(call.opnum, &call.stub, call.endian)));
            return;
        };
        self.client_bind = call.bind_call_id;
        let link = (interface, call.context.identity().clone());
        let since = Instant::now();
        let (context, request_size) = (call.context, call.stub.len());
        let group = call.group;
        let conversation = || (Conversation::new(Arc::clone(group.handles())), Arc::clone(&group));
        let (conversation, _) =
            self.conversations.entry(context.identity().clone()).or_insert_with(conversation);
        let incoming = Incoming {
            envelope: self.envelope,
            key: OperationKey::Call(interface, call.opnum),
            stub: call.stub,
            endian: call.endian,
            context: context.clone(),
            peer: call.peer,
            at: clock::now(),
        };
        match self.proxy.engine.begin(conversation, incoming) {
            Ok(next) => {
                let call = ClientCall { id: call.id, since, link, object: call.object, again: false };
                self.go_on(call, next, replies);
            }
            Err(refusal) => {
                let user = context.principal();
                if refusal.kind == RefusalKind::TooBusy {
                    self.proxy.log.sessions_full(call.peer, user, &refusal.why);
                } else {
                    self.proxy.log.refused(call.peer, user, &refusal.why);
                }
                self.proxy.observer.rejected(&Rejected {
                    context: &context,
                    peer: call.peer,
                    envelope: self.envelope,
                    operation: interface.operation(call.opnum).unwrap_or("unknown"),
                    request_size,
                    refusal: &refusal,
                });
                replies.push(Reply::Fault { id: call.id, status: fault_status(refusal.kind) });
            }
        }
    }

    fn poll(&mut self, task: &mut Context<'_>, replies: &mut Vec<Reply>) -> Poll<()> {
        for ((interface, identity), link) in &mut self.links {
            if !link.is_usable() {
                continue;
            }
            let was_bound = link.is_bound();
            let _ = link.poll(task, &mut self.ends);
            if !was_bound
                && link.is_bound()
                && let Some((_, group)) = self.conversations.get(identity)
            {
                group.set_upstream(*interface, link.group());
            }
            // A server that was started anew knows nothing of the groups it had.
            if let Some(rejected) = link.rejected_group()
                && let Some((_, group)) = self.conversations.get(identity)
            {
                group.forget_upstream(*interface, rejected);
            }
        }
        self.check_time();
        let went_on = self.deferred(task, replies);
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
        let ended = |(token, in_flight): (&u64, &InFlight<AwaitsUpstream>)| {
            Some((*token, in_flight.operation.end_wait()?))
        };
        let ended: Vec<(u64, Outcome)> = self.sent.iter().filter_map(ended).collect();
        for (token, outcome) in ended {
            self.resume(token, outcome, replies);
        }
    }

    fn revoked(&mut self, revoked: &[SecurityContext], replies: &mut Vec<Reply>) {
        for (call, next) in self.take_revoked() {
            let refusal = refused(next.flight().context());
            self.finish(&call, &next.give_up(refusal), replies);
        }
        for context in revoked {
            if let Some((conversation, _)) = self.conversations.get_mut(context.identity()) {
                self.proxy.engine.end_revoked(conversation);
            }
        }
        let sent = &self.sent;
        self.links.retain(|key, _| {
            let is_used = || sent.values().any(|in_flight| in_flight.call.link == *key);
            !revoked.iter().any(|context| *context.identity() == key.1) || is_used()
        });
    }

    fn end(&mut self, over: &[Arc<Group>]) {
        self.links.clear();
        // What is in flight is given up.
        self.sent.clear();
        self.deferred.clear();
        self.held.clear();
        for (_, (mut conversation, group)) in self.conversations.drain() {
            let last = over.iter().any(|over| Arc::ptr_eq(over, &group));
            self.proxy.engine.end(&mut conversation, last);
        }
    }
}

impl RelayConnection {
    /// Takes out the calls in flight whose security context was revoked.
    fn take_revoked(&mut self) -> Vec<(ClientCall, Next)> {
        let is_revoked = |flight: &Flight| flight.context().is_revoked();
        let sent = self.sent.extract_if(|_, in_flight| is_revoked(in_flight.operation.flight()));
        let relayed = |in_flight: InFlight<_>| (in_flight.call, Next::Relay(in_flight.operation));
        let mut taken: Vec<_> = sent.map(|(_, in_flight)| relayed(in_flight)).collect();
        let deferred =
            self.deferred.extract_if(.., |deferred| is_revoked(deferred.in_flight.operation.flight()));
        let deferred = deferred.map(|deferred| deferred.in_flight);
        taken.extend(deferred.map(|in_flight| (in_flight.call, Next::Defer(in_flight.operation))));
        for in_flight in std::mem::take(&mut self.held) {
            if is_revoked(in_flight.operation.flight()) {
                taken.push(relayed(in_flight));
            } else {
                self.held.push_back(in_flight);
            }
        }
        taken
    }

    /// Goes on with the operations whose work is done, or has to be by now, and with those that waited for
    /// them. Says whether there were any.
    fn deferred(&mut self, task: &mut Context<'_>, replies: &mut Vec<Reply>) -> bool {
        let mut any = false;
        while let Some(place) = self.deferred.iter_mut().position(|deferred| deferred.poll(task).is_ready()) {
            any = true;
            let InFlight { operation, call } = self.deferred.remove(place).in_flight;
            self.go_on(call, operation.resume(), replies);
            for InFlight { operation, call } in std::mem::take(&mut self.held) {
                self.go_on(call, Next::Relay(operation), replies);
            }
        }
        any
    }

    /// Whether one of the session's operations that came before this one waits for a module's work: what is
    /// asked of the upstream keeps its order.
    fn has_to_wait(&self, flight: &Flight) -> bool {
        let deferred = self.deferred.iter().map(|deferred| deferred.in_flight.operation.flight());
        let held = self.held.iter().map(|in_flight| in_flight.operation.flight());
        deferred.chain(held).any(|other| {
            other.session_id() == flight.session_id() && other.operation.id() < flight.operation.id()
        })
    }

    /// Breaks off the connections on which an answer takes too long.
    fn check_time(&mut self) {
        let limit = self.proxy.upstream.call_limit;
        let now = Instant::now();
        if now.duration_since(self.checked) < CHECK_EVERY.min(limit) {
            return;
        }
        self.checked = now;
        let late = |call: &&ClientCall| now.duration_since(call.since) > limit;
        for call in self.sent.values().map(|in_flight| &in_flight.call).filter(late) {
            if let Some(link) = self.links.get_mut(&call.link) {
                link.abort(limit, &mut self.ends);
            }
        }
    }

    /// A call of ours ended with the fault `status`.
    fn faulted(&mut self, token: u64, status: FaultStatus, replies: &mut Vec<Reply>) {
        let Some(in_flight) = self.sent.get(&token) else { return };
        // The upstream refuses the proxy's account, not the client, whose own sign-in was good: to it, the call
        // failed. A sign-in that ends with AUTH3 is not answered, so that a refusal is the fault of the first call.
        if is_refusal(status)
            && self.links.get(&in_flight.call.link).is_some_and(UpstreamConnection::signs_in)
        {
            let denied = AuthError::Denied(refusal(&status)).into();
            return self.failed(token, &denied, Progress::Unknown, replies);
        }
        self.resume(token, Outcome::Refused(UpstreamRefusal::Fault(status)), replies);
    }

    /// A call of ours failed with its connection. One of which nothing was sent is sent on a new connection, once,
    /// where `error` permits that.
    fn failed(&mut self, token: u64, error: &UpstreamError, progress: Progress, replies: &mut Vec<Reply>) {
        let Some(InFlight { operation, call: client }) = self.sent.get_mut(&token) else { return };
        let (key, flight) = (client.link.clone(), operation.flight());
        self.proxy.upstream.endpoints.forget(key.0);
        let outcome = outcome(error, &progress);
        if let Progress::Unsent(call) = progress
            && error.retry() == Retry::Unsent
            && !std::mem::replace(&mut client.again, true)
        {
            let context = flight.context().clone();
            let operation = flight.operation.name();
            tracing::debug!(operation, "retrying on a new connection: {error}");
            return self.link(&key, &context).call(call);
        }
        let (peer, operation) = (flight.operation.peer(), flight.operation.name());
        let user = Some(flight.context().principal());
        let lost = Lost { peer, user, operation, is_wait: flight.is_wait() };
        if let UpstreamError::Closed { why, .. } = error {
            self.proxy.upstream.gate.lost(Road::Rpc, &lost, why);
        } else {
            self.proxy.log.upstream_failed(&lost, error);
        }
        // A connection on which the proxy was refused stays refused: the next call gets a new one.
        if self.links.get(&key).is_some_and(UpstreamConnection::is_idle) {
            self.links.remove(&key);
        }
        self.resume(token, outcome, replies);
    }

    fn resume(&mut self, token: u64, outcome: Outcome, replies: &mut Vec<Reply>) {
        let Some(InFlight { operation, call }) = self.sent.remove(&token) else { return };
        self.go_on(call, operation.resume(outcome, &mut OsRandom), replies);
    }

    fn go_on(&mut self, call: ClientCall, next: Next, replies: &mut Vec<Reply>) {
        // What was in flight when its security context was revoked goes no further, in neither direction.
        let context = next.flight().context();
        let next = if context.is_revoked() {
            let refusal = refused(context);
            Next::Done(next.give_up(refusal))
        } else {
            next
        };
        match next {
            Next::Defer(operation) => {
                let until = Box::pin(tokio::time::sleep(operation.limit()));
                self.deferred.push(Deferred { in_flight: InFlight { operation, call }, until });
            }
            Next::Relay(operation) if self.has_to_wait(operation.flight()) => {
                self.held.push_back(InFlight { operation, call });
            }
            Next::Relay(operation) => self.relay(call, operation),
            Next::Done(finished) => self.finish(&call, &finished, replies),
        }
    }

    fn relay(&mut self, call: ClientCall, mut operation: AwaitsUpstream) {
        self.next_token += 1;
        let token = self.next_token;
        // What a module asks ahead is a call of its own.
        let object = call.object.filter(|_| operation.ahead().is_none());
        let (opnum, stub) = (operation.opnum(), operation.take_stub());
        let link = self.link(&call.link, operation.flight().context());
        link.call(Outgoing { token, opnum, object, stub });
        self.sent.insert(token, InFlight { operation, call });
    }

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
        self.proxy.observer.finished(finished, call.since.elapsed());
    }

    /// The connection to the upstream for `key`, which is of `caller`; a new one where there is none that stands.
    fn link(&mut self, key: &LinkKey, caller: &SecurityContext) -> &mut UpstreamConnection {
        let Self { proxy, conversations, links, client_bind, .. } = self;
        if links.get(key).is_some_and(|link| !link.is_usable()) {
            links.remove(key);
        }
        links.entry(key.clone()).or_insert_with(|| {
            let upstream = &proxy.upstream;
            let (interface, identity) = key;
            let group = conversations.get(identity).and_then(|(_, group)| group.upstream(*interface));
            let account = upstream.account.as_ref().and_then(|held| credentials_for(caller, held)).cloned();
            let config = AssociationConfig {
                interface: syntax(*interface),
                account: account.as_ref().map(Reloadable::get),
                group: group.unwrap_or(0),
                bind_id: Some(upstream.loop_marker.bind_id(*client_bind)),
                timeout: upstream.timeout,
            };
            UpstreamConnection::new(config, connect(upstream.clone(), account, *interface, caller.clone()))
        })
    }
}

/// The refusal of a call whose security context may not be used any more.
fn refused(context: &SecurityContext) -> Refusal {
    let why = match context.check(clock::now()) {
        Err(error) => error.to_string(),
        Ok(()) => String::new(),
    };
    Refusal::new(RefusalKind::AccessDenied, why)
}

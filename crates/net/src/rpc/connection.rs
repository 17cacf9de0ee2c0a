//! The clients' side: connections, sign-in, calls in, answers out.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::{Identity, OsRandom, Principal, SecurityContext, Step};
use rpc::pdu::{AuthLevel, FaultStatus, SyntaxId};
use rpc::server::{AuthOutcome, CloseReason, Event, Request, RequestSecurity, ServerAssociation, Unfinished};
use rpc::{epm, mgmt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::body_budget::{Full, SMALL, Share};
use crate::clock;
use crate::rpc::association_group::Group;
use crate::rpc::auth::{Handshake, protection, strongest};
use crate::rpc::config::RpcListenerConfig;
use crate::rpc::handler::{Call, HandlerScope, Reply, RequestHandler};
use crate::rpc::pace::Pace;
use crate::rpc::stubs::{ContextId, Stubs};
use crate::tcp::accept::CHECK_INTERVAL;
use crate::tcp::admission::{ConnectionPermit, Limits};
use crate::tcp::stream::{poll_read, send, send_now};

/// Why a client's connection was ended from here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// It broke, or the client did not read.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// The client was slower than it may be.
    #[error("{0}")]
    TooSlow(&'static str),
    /// What the client was answered and did not read takes more memory than there is for its user.
    #[error("{user} does not read answers of {bytes} bytes: {full}")]
    Unread { user: Principal, bytes: usize, full: Full },
    /// The client kept to no protocol.
    #[error("{0}")]
    Protocol(CloseReason),
}

/// One client connection.
struct Connection<B: RequestHandler> {
    config: Arc<RpcListenerConfig>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
    association: ServerAssociation,
    /// What is ended last, when the association has left its group.
    scope: HandlerScope<B>,
    contexts: HashMap<u32, SecurityContext>,
    handshakes: HashMap<u32, Handshake>,
    anonymous: Option<SecurityContext>,
    replies: Vec<Reply>,
    /// Calls that the handler has not answered yet, also those that the client gave up, and what is held of them.
    stubs: Stubs,
    /// Our own number and the client's of each call that the client waits for. A client may use the number of a
    /// call that it gave up again, before the handler has answered the first.
    waited_for: Vec<(u32, u32)>,
    last_id: u32,
    /// Since when it is as it is: no signed-in call yet, in the middle of a fragment, or idle.
    since: Instant,
    /// Whether a client has called that is signed in, or need not be.
    called: bool,
    /// Whether one has that is signed in.
    called_as_user: bool,
    /// Fragments of calls that were let in before `since`.
    fragments: u64,
    pace: Pace,
    /// Why the association is over.
    closed: Option<CloseReason>,
}

/// Serves `stream`, which was taken at `since`, until its end. When `stop` turns true, calls under way are answered and
/// no more are taken.
pub(crate) async fn serve<B: RequestHandler>(
    config: Arc<RpcListenerConfig>,
    stream: TcpStream,
    (peer, since): (SocketAddr, Instant),
    permit: ConnectionPermit,
    handler: B,
    stop: watch::Receiver<bool>,
) -> Result<(), Ended> {
    let association = ServerAssociation::new(Arc::clone(&config.rpc), Arc::clone(&config.groups) as _);
    let stubs = Stubs::new(Arc::clone(&config.bodies));
    let scope = HandlerScope { handler, members: Vec::new() };
    let mut connection = Connection {
        config,
        stream,
        peer,
        permit,
        association,
        scope,
        contexts: HashMap::new(),
        handshakes: HashMap::new(),
        anonymous: None,
        replies: Vec::new(),
        stubs,
        waited_for: Vec::new(),
        last_id: 0,
        since,
        called: false,
        called_as_user: false,
        fragments: 0,
        pace: Pace::new(Instant::now()),
        closed: None,
    };
    connection.run(stop).await
}

impl<B: RequestHandler> Connection<B> {
    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), Ended> {
        let mut tick = tokio::time::interval(tick_length(&self.config.limits));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        send(&self.stream, self.config.greeting, self.config.limits.handshake, &mut stop).await?;
        loop {
            if *stop.borrow() {
                self.scope.handler.stop(&mut self.replies);
            }
            let turn = self.pace.turn(self.association.taken(), self.is_signed_in(), Instant::now());
            self.association.allow(turn);
            self.work(&mut stop).await?;
            if self.association.is_closed() {
                return self.closed.take().map_or(Ok(()), |reason| Err(Ended::Protocol(reason)));
            }
            let stopping = *stop.borrow();
            if stopping && self.association.active_calls() == 0 {
                self.association.shutdown();
                return self.work(&mut stop).await;
            }
            let held_back = self.association.is_held_back();
            let reads = !stopping && !held_back && self.association.wants_input();
            let next_turn = self.pace.next_turn(self.is_signed_in());
            let Self { stream, association, since, called, .. } = self;
            let read = poll_fn(|task| {
                poll_read(stream, task, |bytes| {
                    // Before the first call nothing that a client sends gives it more time.
                    if *called && !association.is_mid_pdu() {
                        *since = Instant::now();
                    }
                    association.receive(bytes);
                })
            });
            tokio::select! {
                read = read, if reads => if read? == 0 {
                    return Ok(());
                },
                () = next_turn, if held_back => {}
                () = poll_fn(|task| self.scope.handler.poll(task, &mut self.replies)) => {}
                _ = tick.tick() => {
                    self.check_time()?;
                    self.check_contexts();
                }
                changed = stop.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// Does and sends what there is to do, until nothing is left. A client that does not take what is sent in
    /// time is given up: one that has signed in has that time for each piece.
    async fn work(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), Ended> {
        loop {
            self.events();
            // Each fragment of a signed-in client has its own time.
            let fragments = self.association.fragments();
            let another = std::mem::replace(&mut self.fragments, fragments) != fragments;
            if another && self.is_signed_in() {
                self.since = Instant::now();
            }
            self.hold_unfinished();
            self.answer();
            // An answer makes room for a call that waited for it.
            let output = self.association.take_output();
            if output.is_empty() {
                return Ok(());
            }
            let unread = output.get(send_now(&self.stream, &output)?..).unwrap_or_default();
            let _held = self.hold_unread(unread.len())?;
            let limit = self.config.limits.handshake;
            let sent = send(&self.stream, unread, limit, stop);
            if self.is_signed_in() {
                sent.await?;
            } else if let Ok(sent) = timeout_at(self.since + limit, sent).await {
                sent?;
            } else {
                return Err(Ended::TooSlow(
                    "it took too long to read what it was answered before signing in",
                ));
            }
        }
    }

    /// Whether a client has signed in, or called where it need not.
    fn is_signed_in(&self) -> bool {
        self.called || self.has_usable_context()
    }

    /// Whether calls can be made under one of the security contexts.
    fn has_usable_context(&self) -> bool {
        let now = clock::now();
        self.contexts.values().any(|context| context.check(now).is_ok())
    }

    /// Counts what is held of calls that have not come whole. Where that is too much for who makes them, the longest is
    /// refused.
    fn hold_unfinished(&mut self) {
        if self.association.unfinished_bytes().saturating_add(self.stubs.bytes()) <= SMALL {
            return self.stubs.release();
        }
        let mut calls: Vec<Unfinished> = self.association.unfinished().collect();
        calls.sort_unstable_by_key(|call| call.bytes);
        self.stubs.shrink(|context| calls.iter().any(|call| id_of(call.security) == context));
        while let Some(call) = calls.last().copied() {
            let id = id_of(call.security);
            let bytes = calls.iter().filter(|other| id_of(other.security) == id).map(|call| call.bytes).sum();
            let Some(context) = self.known(call.security) else {
                calls.pop();
                continue;
            };
            if let Err(full) = self.stubs.hold(id, context.identity(), bytes) {
                let (operation, why) = ("a call", full.to_string());
                self.config.log.memory_full(self.peer, context.principal(), operation, &why);
                self.association.refuse_unfinished(call.call_id, FaultStatus::NCA_S_SERVER_TOO_BUSY);
                calls.pop();
            } else {
                calls.retain(|other| id_of(other.security) != id);
            }
        }
    }

    /// Counts `bytes` of answers that the client does not read at once, until the share is dropped.
    fn hold_unread(&self, bytes: usize) -> Result<Option<Share>, Ended> {
        let Some(context) = self.contexts.values().next().or(self.anonymous.as_ref()) else {
            return Ok(None);
        };
        if bytes <= SMALL {
            return Ok(None);
        }
        let mut share = self.config.bodies.share(context.identity());
        match share.set(bytes) {
            Ok(()) => Ok(Some(share)),
            Err(full) => Err(Ended::Unread { user: context.principal().clone(), bytes, full }),
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Request(request) => self.request(request),
                Event::Authenticate { auth_context_id, auth_type, level, token, .. } => {
                    let handshake = self.handshakes.remove(&auth_context_id);
                    let handshake = handshake.or_else(|| self.config.auth.accept(auth_type));
                    let outcome = match handshake {
                        Some(handshake) => self.authenticate(auth_context_id, level, handshake, &token),
                        None => AuthOutcome::Refused,
                    };
                    if let Err(error) = self.association.auth_reply(auth_context_id, outcome) {
                        tracing::info!(peer = %self.peer, "sign-in: {error}");
                    }
                }
                Event::Closed { reason } => {
                    // Before the rejection is sent: the connection that gets it is our own.
                    if reason == CloseReason::LedBack
                        && self.config.loop_marker.as_ref().is_some_and(|marker| marker.found(Instant::now()))
                    {
                        self.config.log.looped(self.peer, "upstream.rpc");
                    }
                    self.closed = Some(reason);
                }
                Event::Orphaned { call_id } => self.waited_for.retain(|(_, theirs)| *theirs != call_id),
                Event::Cancel { .. } => {}
            }
        }
    }

    fn authenticate(
        &mut self,
        id: u32,
        level: AuthLevel,
        mut handshake: Handshake,
        token: &[u8],
    ) -> AuthOutcome {
        let name = handshake.claimed(token);
        if let Some(name) = &name
            && self.config.auth_limit.check(self.peer, name, Instant::now()).is_err()
        {
            self.config.observer.refused(self.peer, "too many failed sign-ins");
            return AuthOutcome::Refused;
        }
        match handshake.step(token, clock::now(), &mut OsRandom) {
            Ok(Step::Continue(token)) => {
                self.handshakes.insert(id, handshake);
                AuthOutcome::Continue { token }
            }
            Ok(Step::Done { context, security, .. }) if level > strongest(&*security) => {
                let user = context.principal();
                let why = format!("{user}: the handshake negotiated too little for the level {level}");
                self.config.log.misbehaved(self.peer, &why);
                self.config.observer.refused(self.peer, &why);
                AuthOutcome::TooWeak
            }
            Ok(Step::Done { token, context, security }) => {
                tracing::debug!(peer = %self.peer, user = %context.principal(), "signed in");
                self.config.observer.signed_in(&context, self.peer);
                if let Some(name) = &name {
                    self.config.auth_limit.succeeded(self.peer, name, Instant::now());
                }
                self.group(context.identity());
                self.contexts.insert(id, context);
                AuthOutcome::Done { token, protection: Some(protection(security, level)) }
            }
            Err(refusal) => {
                let why = refusal.to_string();
                self.config.auth_limit.failed(self.peer, name.as_ref(), &why, Instant::now());
                self.config.observer.refused(self.peer, &why);
                AuthOutcome::Refused
            }
        }
    }

    fn request(&mut self, request: Request) {
        let theirs = request.call_id;
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id;
        let context = self.context_of(&request);
        if let Some(context) = &context
            && is_served(context, request.interface)
        {
            self.called = true;
            self.called_as_user |= !context.is_anonymous();
            self.permit.signed_in();
        }
        self.since = if self.called { Instant::now() } else { self.since };
        let group = context.as_ref().and_then(|context| self.group(context.identity()));
        let call = context.zip(group).map(|(context, group)| Call {
            id,
            interface: request.interface,
            opnum: request.opnum,
            object: request.object,
            stub: request.stub,
            endian: request.endian,
            context,
            peer: self.peer,
            bind_call_id: self.association.bind_call_id(),
            group,
        });
        match call {
            Some(_) if self.stubs.calls() >= self.config.rpc.max_calls => {
                self.refuse(theirs, FaultStatus::NCA_S_SERVER_TOO_BUSY);
            }
            Some(call) => {
                let held = id_of(request.security);
                let unfinished = self.association.unfinished();
                let unfinished = unfinished.filter(|call| id_of(call.security) == held);
                let bytes = unfinished.map(|call| call.bytes).sum::<usize>().saturating_add(call.stub.len());
                if let Err(full) = self.stubs.hold(held, call.context.identity(), bytes) {
                    let user = call.context.principal();
                    self.config.log.memory_full(self.peer, user, "a call", &full.to_string());
                    return self.refuse(theirs, FaultStatus::NCA_S_SERVER_TOO_BUSY);
                }
                self.stubs.begin(id, held, call.stub.len());
                self.waited_for.push((id, theirs));
                self.scope.handler.call(call, &mut self.replies);
            }
            None => self.refuse(theirs, FaultStatus::ACCESS_DENIED),
        }
    }

    /// Answers a call that does not get as far as the handler.
    fn refuse(&mut self, id: u32, status: FaultStatus) {
        if let Err(error) = self.association.fault(id, status, true) {
            tracing::debug!(peer = %self.peer, "fault not sent: {error}");
        }
    }

    /// Who makes the request; none if that is not known any more.
    fn context_of(&mut self, request: &Request) -> Option<SecurityContext> {
        let context = self.known(request.security)?;
        match context.check(clock::now()) {
            Ok(()) => Some(context),
            Err(error) => {
                self.config.log.refused(self.peer, context.principal(), &error);
                None
            }
        }
    }

    /// The security context of calls that come with `security`.
    fn known(&mut self, security: Option<RequestSecurity>) -> Option<SecurityContext> {
        Some(match security {
            Some(security) => self.contexts.get(&security.auth_context_id)?.clone(),
            None => self.anonymous.get_or_insert_with(|| self.config.auth.anonymous()).clone(),
        })
    }

    /// The group of `identity` among those that have the connection's number. It is joined once the
    /// identity has signed in, not before.
    fn group(&mut self, identity: &Identity) -> Option<Arc<Group>> {
        let members = &mut self.scope.members;
        if let Some(member) = members.iter().find(|member| member.identity() == identity) {
            return Some(Arc::clone(member.group()));
        }
        let member = self.config.groups.enter(self.association.assoc_group_id()?, identity);
        let group = Arc::clone(member.group());
        members.push(member);
        Some(group)
    }

    fn answer(&mut self) {
        for reply in self.replies.drain(..) {
            let (Reply::Response { id, .. } | Reply::Fault { id, .. }) = reply;
            self.stubs.end(id);
            let Some(position) = self.waited_for.iter().position(|(ours, _)| *ours == id) else { continue };
            let (_, theirs) = self.waited_for.swap_remove(position);
            let answered = match reply {
                Reply::Response { stub, .. } => self.association.respond(theirs, &stub),
                Reply::Fault { status, .. } => self.association.fault(theirs, status, false),
            };
            if let Err(error) = answered {
                tracing::debug!(peer = %self.peer, "answer not sent: {error}");
            }
        }
    }

    /// Ends what was done under security contexts that were revoked since.
    fn check_contexts(&mut self) {
        let revoked = self.contexts.extract_if(|_, context| context.is_revoked());
        let revoked: Vec<_> = revoked.map(|(_, context)| context).collect();
        for context in &revoked {
            let (peer, user) = (self.peer, context.principal());
            tracing::info!(%peer, %user, "the client's account was revoked: its sessions end");
        }
        if !revoked.is_empty() {
            self.scope.handler.revoked(&revoked, &mut self.replies);
        }
        // A client that can make no more calls has to sign in anew in the time of one that has not signed in.
        if self.called_as_user && !self.has_usable_context() && self.association.active_calls() == 0 {
            (self.called, self.called_as_user) = (false, false);
            self.since = Instant::now();
        }
    }

    fn check_time(&self) -> Result<(), Ended> {
        let limits = &self.config.limits;
        let (limit, what) = if !self.called {
            (limits.handshake, "no signed-in call within clients.handshake_seconds")
        } else if self.association.is_mid_pdu() {
            (limits.handshake, "a fragment took more than clients.handshake_seconds")
        } else if self.association.active_calls() == 0 {
            (limits.idle, "idle for clients.idle_seconds")
        } else {
            return Ok(());
        };
        if self.since.elapsed() > limit {
            return Err(Ended::TooSlow(what));
        }
        Ok(())
    }
}

/// The number of the security context that calls come under.
fn id_of(security: Option<RequestSecurity>) -> ContextId {
    security.map(|security| security.auth_context_id)
}

/// Whether a call shows that its client is one to be served: it is signed in, or the interface's minimum level lets in
/// clients that are not. The endpoint mapper and the management interface are open to everybody and show nothing.
fn is_served(context: &SecurityContext, interface: SyntaxId) -> bool {
    !context.is_anonymous() || ![epm::INTERFACE, mgmt::INTERFACE].contains(&interface)
}

fn tick_length(limits: &Limits) -> Duration {
    (limits.handshake.min(limits.idle) / 4).clamp(Duration::from_millis(100), CHECK_INTERVAL)
}

//! One client connection: reads PDUs, hands calls to the request handler, and sends the answers.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rpc::pdu::FaultStatus;
use rpc::server::{CloseReason, Event, Request, ServerAssociation};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::rpc::config::RpcListenerConfig;
use crate::rpc::contexts::{ClientContexts, Leg};
use crate::rpc::deadlines::{Deadlines, check_interval};
use crate::rpc::handler::{Call, HandlerScope, Reply, RequestHandler};
use crate::rpc::pdu_quota::Pace;
use crate::rpc::stubs::{Stubs, Unread};
use crate::tcp::admission::ConnectionPermit;
use crate::tcp::read::poll_read;
use crate::tcp::stream::{ClientStream, send, send_now};

#[cfg(test)]
mod tests;

/// Why the proxy closed a client's connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// It broke, or the client did not read.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// The client exceeded a time limit.
    #[error("{0}")]
    TooSlow(&'static str),
    /// The client does not read its answers, and there is no memory for them.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// The client broke the protocol.
    #[error("{0}")]
    Protocol(CloseReason),
}

/// One client connection.
struct Connection<S, H: RequestHandler> {
    config: Arc<RpcListenerConfig>,
    stream: S,
    peer: SocketAddr,
    permit: ConnectionPermit,
    association: ServerAssociation,
    /// Dropped after the association has left its group.
    scope: HandlerScope<H>,
    contexts: ClientContexts,
    replies: Vec<Reply>,
    /// Calls that the handler has not answered yet, also those that the client orphaned, and the memory they hold.
    stubs: Stubs,
    /// Our own number and the client's of each call that the client waits for. A client may use the number of a call
    /// that it orphaned again, before the handler has answered the first.
    waited_for: Vec<(u32, u32)>,
    last_id: u32,
    deadlines: Deadlines,
    pace: Pace,
    /// Why the association is closed.
    closed: Option<CloseReason>,
}

/// Serves `stream`, which was accepted at `since`, until its end. When `shutdown` turns true, active calls are answered
/// and no more are accepted.
pub(crate) async fn serve<S: ClientStream, H: RequestHandler>(
    config: Arc<RpcListenerConfig>,
    stream: S,
    (peer, since): (SocketAddr, Instant),
    permit: ConnectionPermit,
    handler: H,
    shutdown: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    let mut connection = Connection {
        association: ServerAssociation::new(Arc::clone(&config.rpc), Arc::clone(&config.groups) as _),
        stubs: Stubs::new(Arc::clone(&config), peer),
        contexts: ClientContexts::new(Arc::clone(&config), peer),
        scope: HandlerScope::new(handler, Arc::clone(&config.groups)),
        config,
        stream,
        peer,
        permit,
        replies: Vec::new(),
        waited_for: Vec::new(),
        last_id: 0,
        deadlines: Deadlines::new(since),
        pace: Pace::new(Instant::now()),
        closed: None,
    };
    connection.run(shutdown).await
}

impl<S: ClientStream, H: RequestHandler> Connection<S, H> {
    async fn run(&mut self, mut shutdown: watch::Receiver<bool>) -> Result<(), ConnectionError> {
        let mut tick = interval(check_interval(&self.config.limits));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        send(&mut self.stream, self.config.greeting, self.config.limits.handshake, &mut shutdown).await?;
        loop {
            if *shutdown.borrow() {
                self.scope.handler.stop(&mut self.replies);
            }
            let turn = self.pace.turn(self.association.taken(), self.is_authenticated(), Instant::now());
            self.association.allow(turn);
            self.work(&mut shutdown).await?;
            if self.association.is_closed() {
                return self.closed.take().map_or(Ok(()), |reason| Err(ConnectionError::Protocol(reason)));
            }
            let stopping = *shutdown.borrow();
            if stopping && self.association.active_calls() == 0 {
                self.association.shutdown();
                return self.work(&mut shutdown).await;
            }
            let held_back = self.association.is_held_back();
            let reads = !stopping && !held_back && self.association.wants_input();
            let next_turn = self.pace.next_turn(self.is_authenticated());
            let Self { stream, association, deadlines, .. } = self;
            let read = poll_fn(|task| {
                poll_read(stream, task, |bytes| {
                    if !association.is_mid_pdu() {
                        deadlines.received();
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
                _ = tick.tick() => self.check()?,
                changed = shutdown.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// Processes what came and sends what there is to send, until nothing is left. A client that does not take what is
    /// sent in time loses its connection: one that is authenticated has that time for each piece.
    async fn work(&mut self, shutdown: &mut watch::Receiver<bool>) -> Result<(), ConnectionError> {
        loop {
            while let Some(event) = self.association.poll_event() {
                self.event(event);
            }
            self.deadlines.accepted(self.association.fragments(), self.is_authenticated());
            self.stubs.hold_unfinished(&mut self.association, &mut self.contexts);
            self.answer();
            // An answer makes room for a call that waited for it.
            let output = self.association.take_output();
            if output.is_empty() {
                return Ok(());
            }
            let unread = send_now(&mut self.stream, &output).await?;
            let _held = self.stubs.hold_unread(unread.len(), self.contexts.any())?;
            let limit = self.config.limits.handshake;
            let is_authenticated = self.is_authenticated();
            let sent = send(&mut self.stream, unread, limit, shutdown);
            if is_authenticated {
                sent.await?;
            } else if let Ok(sent) = timeout_at(self.deadlines.since() + limit, sent).await {
                sent?;
            } else {
                let why = "it took too long to read what it was answered before signing in";
                return Err(ConnectionError::TooSlow(why));
            }
        }
    }

    /// Whether the client is authenticated, or has called where it need not be.
    fn is_authenticated(&self) -> bool {
        self.deadlines.has_called() || self.contexts.has_usable()
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Request(request) => self.request(request),
            Event::Authenticate { auth_context_id, auth_type, level, token, .. } => {
                let leg = Leg { auth_context_id, auth_type, level, token: &token };
                let (outcome, identity) = self.contexts.authenticate(&leg);
                if let Some(identity) = identity {
                    self.scope.group(self.association.assoc_group_id(), &identity);
                }
                if let Err(error) = self.association.auth_reply(auth_context_id, outcome) {
                    tracing::info!(peer = %self.peer, "sign-in: {error}");
                }
            }
            Event::Closed { reason } => {
                // Before the rejection is sent: the connection that gets it is our own.
                if reason == CloseReason::LedBack
                    && let Some(marker) = &self.config.loop_marker
                {
                    marker.found(Instant::now());
                    self.config.log.request_loop(self.peer, "upstream.rpc");
                }
                self.closed = Some(reason);
            }
            Event::Orphaned { call_id } => self.waited_for.retain(|(_, theirs)| *theirs != call_id),
            Event::Cancel { .. } => {}
        }
    }

    /// Hands a call to the request handler.
    fn request(&mut self, request: Request) {
        if self.last_id == 0 {
            self.scope.handler.bound(self.association.bind_call_id());
        }
        self.last_id = self.last_id.wrapping_add(1).max(1);
        let (id, theirs) = (self.last_id, request.call_id);
        let context = self.contexts.usable(request.security);
        if self.deadlines.call(context.as_ref(), request.interface) {
            self.permit.signed_in();
        }
        let Some(context) = context else { return self.refuse(theirs, FaultStatus::ACCESS_DENIED) };
        let Some(group) = self.scope.group(self.association.assoc_group_id(), context.identity()) else {
            return self.refuse(theirs, FaultStatus::ACCESS_DENIED);
        };
        if self.stubs.calls() >= self.config.rpc.max_calls
            || !self.stubs.begin(id, (request.security, &context), request.stub.len(), &self.association)
        {
            return self.refuse(theirs, FaultStatus::NCA_S_SERVER_TOO_BUSY);
        }
        self.waited_for.push((id, theirs));
        let call = Call {
            id,
            interface: request.interface,
            opnum: request.opnum,
            object: request.object,
            stub: request.stub,
            endian: request.endian,
            context,
            peer: self.peer,
            group,
        };
        self.scope.handler.call(call, &mut self.replies);
    }

    /// Answers a call that does not get as far as the handler.
    fn refuse(&mut self, id: u32, status: FaultStatus) {
        if let Err(error) = self.association.fault(id, status, true) {
            tracing::debug!(peer = %self.peer, "fault not sent: {error}");
        }
    }

    /// Gives the handler's replies to the association.
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

    /// Checks the time limits, and ends what was done under security contexts that were revoked since.
    fn check(&mut self) -> Result<(), ConnectionError> {
        if let Some(limit) = self.deadlines.exceeded(&self.config.limits, &self.association) {
            return Err(ConnectionError::TooSlow(limit));
        }
        let revoked = self.contexts.take_revoked();
        if !revoked.is_empty() {
            self.scope.handler.revoked(&revoked, &mut self.replies);
        }
        if !self.contexts.has_usable() && self.association.active_calls() == 0 {
            self.deadlines.unusable();
        }
        Ok(())
    }
}

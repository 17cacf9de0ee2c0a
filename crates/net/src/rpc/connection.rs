//! A client connection: reads PDUs, hands calls to the request handler, and sends the responses.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use rpc::pdu::FaultStatus;
use rpc::server::{CloseReason, Event, Request, ResponseError, ServerAssociation};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::rpc::call_memory::{CallMemory, NewCall, UnreadResponses};
use crate::rpc::config::RpcListenerConfig;
use crate::rpc::contexts::{AuthMessage, AuthState, Authentication, ClientContexts};
use crate::rpc::deadlines::{Activity, ClientTimeout, Deadlines, check_interval};
use crate::rpc::handler::{Call, HandlerScope, RequestHandler, RpcReply};
use crate::rpc::pdu_quota::{PduQuota, ROUND};
use crate::rpc::resolver::operation_name;
use crate::tcp::admission::ConnectionPermit;
use crate::tcp::read::poll_read;
use crate::tcp::stream::{ClientStream, SendError, send, send_now};

mod limits;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tests_sign_in;

/// How many bytes of a client are read while its token waits to be verified, so that the end of its connection is seen.
/// Clients send the first call of a handshake that ends with AUTH3 at once. In bytes.
const READ_AHEAD: usize = 16 * 1024;

/// How many bytes of a response are encrypted before other connections of the thread are served, which takes about a
/// millisecond.
const SEALED_AT_ONCE: usize = 128 * 1024;

/// Why the proxy closed a client connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RpcConnectionError {
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client exceeded a time limit.
    #[error(transparent)]
    Timeout(#[from] ClientTimeout),
    /// The client does not read its responses, and no memory is left for them.
    #[error(transparent)]
    Unread(#[from] UnreadResponses),
    /// The client did not read its responses until its last security context was revoked or had expired.
    #[error(
        "did not read responses, and its sign-in ended meanwhile (account changed, or clients.context_seconds)"
    )]
    SignInEnded,
    /// The connection of another user displaced it.
    #[error("closed to admit another user")]
    Displaced,
    /// The association was closed, for example because of a protocol error.
    #[error(transparent)]
    Association(#[from] CloseReason),
}

impl From<SendError> for RpcConnectionError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Io(error) => Self::Io(error),
            SendError::NotRead => ClientTimeout::Unread.into(),
        }
    }
}

/// The state of a client connection, whose calls go to the handler `H`.
struct Connection<H: RequestHandler> {
    config: Arc<RpcListenerConfig>,
    client: SocketAddr,
    permit: ConnectionPermit,
    association: ServerAssociation,
    /// Dropped after the association has left its group.
    scope: HandlerScope<H>,
    contexts: ClientContexts,
    /// Replies of the handler that were not passed to the association yet.
    replies: Vec<RpcReply>,
    /// The memory of the calls without a reply, including those that the client orphaned.
    memory: CallMemory,
    /// The calls whose replies the client waits for.
    pending: Vec<PendingReply>,
    last_id: u32,
    /// Whether the handler knows the call id of the client's bind.
    is_bound: bool,
    /// The client's activity since the deadlines were last updated.
    activity: Activity,
    deadlines: Deadlines,
    quota: PduQuota,
    /// The work of the handler since the other connections of the thread were served, in units of the quota.
    work: u64,
    /// Why the association is closed.
    closed: Option<CloseReason>,
}

/// A call whose reply the client waits for. The handler identifies it by an id that the connection assigns, since a
/// client may reuse the call id of an orphaned call before the handler has replied to that call.
struct PendingReply {
    id: u32,
    call_id: u32,
}

/// Serves `stream`, which was accepted at `since`, until its end. When `shutdown` turns true, the connection
/// completes active calls and accepts no more.
pub(crate) async fn serve<S: ClientStream, H: RequestHandler>(
    config: Arc<RpcListenerConfig>,
    stream: S,
    (client, since): (SocketAddr, Instant),
    permit: ConnectionPermit,
    handler: H,
    shutdown: watch::Receiver<bool>,
) -> Result<(), RpcConnectionError> {
    let mut connection = Connection {
        association: ServerAssociation::new(Arc::clone(&config.rpc), Arc::clone(&config.groups) as _),
        memory: CallMemory::new(Arc::clone(&config), client),
        contexts: ClientContexts::new(Arc::clone(&config), client),
        scope: HandlerScope::new(handler, Arc::clone(&config.groups)),
        config,
        client,
        permit,
        replies: Vec::new(),
        pending: Vec::new(),
        last_id: 0,
        is_bound: false,
        activity: Activity::default(),
        deadlines: Deadlines::new(since),
        quota: PduQuota::new(Instant::now()),
        work: 0,
        closed: None,
    };
    connection.run(stream, shutdown).await
}

impl<H: RequestHandler> Connection<H> {
    async fn run<S: ClientStream>(
        &mut self,
        mut stream: S,
        mut shutdown: watch::Receiver<bool>,
    ) -> Result<(), RpcConnectionError> {
        let mut tick = interval(check_interval(&self.config.limits));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        send(&mut stream, self.config.greeting, self.config.limits.handshake, &mut shutdown).await?;
        loop {
            if *shutdown.borrow() {
                self.scope.handler.shut_down(&mut self.replies);
            }
            self.count_work();
            if self.work >= ROUND {
                self.work = 0;
                yield_now().await;
            }
            let unauthenticated = (!self.is_authenticated()).then_some(&mut self.permit);
            let quota = self.quota.next(self.association.processed(), unauthenticated, Instant::now());
            self.association.set_quota(quota);
            self.process_and_flush(&mut stream, &mut shutdown).await?;
            if self.association.is_closed() {
                return self.closed.take().map_or(Ok(()), |reason| Err(reason.into()));
            }
            let stopping = *shutdown.borrow();
            if stopping && self.association.active_calls() == 0 {
                self.association.shutdown();
                return self.process_and_flush(&mut stream, &mut shutdown).await;
            }
            let is_over_quota = self.association.is_over_quota();
            let is_waiting = self.contexts.is_waiting();
            let reads_ahead = is_waiting && self.association.buffered() < READ_AHEAD;
            let reads = !stopping && !is_over_quota && (self.association.wants_input() || reads_ahead);
            let next_quota = self.quota.wait(self.is_authenticated());
            let Self { association, activity, contexts, permit, .. } = self;
            let read = poll_fn(|task| {
                poll_read(&mut stream, task, |bytes| {
                    activity.began_pdu |= !association.is_mid_pdu();
                    association.receive(bytes);
                })
            });
            tokio::select! {
                read = read, if reads => if read? == 0 {
                    return Ok(());
                },
                () = next_quota, if is_over_quota => {}
                () = poll_fn(|task| permit.poll_displaced(task)) => return Err(self.displaced()),
                authentication = poll_fn(|task| contexts.poll(task)), if is_waiting => {
                    self.resume_handshake(authentication);
                }
                () = poll_fn(|task| {
                    let polled = self.scope.handler.poll(task, &mut self.replies);
                    let is_outdated = self.memory.is_outdated_by(self.scope.handler.response_bytes());
                    if is_outdated { Poll::Ready(()) } else { polled }
                }) => {}
                _ = tick.tick() => self.check_limits()?,
                changed = shutdown.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// Processes received PDUs and sends output, until nothing is left to do.
    async fn process_and_flush<S: ClientStream>(
        &mut self,
        stream: &mut S,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Result<(), RpcConnectionError> {
        loop {
            while let Some(event) = self.association.poll_event() {
                self.on_event(event);
            }
            let activity = std::mem::take(&mut self.activity);
            let contexts = &self.contexts;
            self.deadlines.update(activity, self.association.fragments(), || contexts.has_valid());
            let handler = (&mut self.scope.handler, &mut self.replies);
            self.memory.charge(&mut self.association, &mut self.contexts, handler);
            self.send_replies().await;
            // A reply makes room for a waiting call.
            let output = self.association.take_output();
            if output.is_empty() {
                return Ok(());
            }
            let unread = send_now(stream, &output).await?;
            self.memory.charge_unread(unread.len(), &self.association)?;
            if !unread.is_empty() {
                self.send_rest(stream, unread, shutdown).await?;
            }
        }
    }

    /// Whether the client is authenticated, or has made a call for which it need not be.
    fn is_authenticated(&self) -> bool {
        self.deadlines.has_called() || self.contexts.has_valid()
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Request(request) => self.on_request(request),
            Event::Authenticate { auth_context_id, auth_type, level, token, .. } => {
                let message = AuthMessage { auth_context_id, auth_type, level, token };
                if let Poll::Ready(authentication) = self.contexts.authenticate(message) {
                    self.resume_handshake(authentication);
                }
            }
            Event::Closed { reason } => {
                // Before the rejection is sent: this proxy itself is the client that receives it.
                if reason == CloseReason::Loop
                    && let Some(marker) = &self.config.loop_marker
                {
                    marker.record_loop(Instant::now());
                    self.config.log.request_loop(self.client, "upstream.rpc");
                }
                self.closed = Some(reason);
            }
            Event::Orphaned { call_id } => {
                for orphaned in self.pending.extract_if(.., |pending| pending.call_id == call_id) {
                    self.scope.handler.orphaned(orphaned.id, &mut self.replies);
                }
            }
            Event::Cancel { .. } => {}
        }
    }

    /// Continues a handshake after one of its messages.
    fn resume_handshake(&mut self, authentication: Authentication) {
        let Authentication { auth_context_id, outcome, identity } = authentication;
        if let Some(identity) = identity {
            self.scope.group(self.association.assoc_group_id(), &identity);
        }
        if let Err(error) = self.association.resume_handshake(auth_context_id, outcome) {
            tracing::debug!(client = %self.client, "authentication token not sent: {error}");
        }
    }

    /// Hands a call to the request handler.
    fn on_request(&mut self, request: Request) {
        if !std::mem::replace(&mut self.is_bound, true) {
            self.scope.handler.bound(self.association.bind_call_id());
        }
        let context = self.contexts.valid_context_for(request.security);
        let auth_state = AuthState::of_call(context.as_ref(), request.interface);
        if let Some(context) = context.as_ref().filter(|_| auth_state != AuthState::Unauthenticated)
            && let Err(limit) = self.permit.set_authenticated(context.identity().user(), Instant::now)
        {
            self.config.log.user_connection_refused(self.client, context.principal(), limit);
            return self.refuse(request.call_id, FaultStatus::NCA_S_SERVER_TOO_BUSY);
        }
        self.activity.called(auth_state);
        let Some(context) = context else {
            return self.refuse(request.call_id, FaultStatus::ACCESS_DENIED);
        };
        // Anonymous clients have one name, and keep the time of their addresses.
        if auth_state == AuthState::Authenticated {
            self.permit.set_user(context.identity().user());
        }
        let Some(group) = self.scope.group(self.association.assoc_group_id(), context.identity()) else {
            return self.refuse(request.call_id, FaultStatus::ACCESS_DENIED);
        };
        self.last_id = self.last_id.wrapping_add(1).max(1);
        let id = self.last_id;
        let operation = operation_name(request.interface, request.opnum);
        let (security, bytes) = (request.security, request.stub.len());
        let call = NewCall { id, security, context: &context, operation, bytes };
        if self.memory.admit(&call, &self.association).is_err() {
            return self.refuse(request.call_id, FaultStatus::NCA_S_SERVER_TOO_BUSY);
        }
        self.pending.push(PendingReply { id, call_id: request.call_id });
        let call = Call {
            id,
            interface: request.interface,
            opnum: request.opnum,
            object: request.object,
            stub: request.stub,
            endian: request.endian,
            context,
            peer: self.client,
            group,
        };
        self.scope.handler.call(call, &mut self.replies);
        self.count_work();
    }

    /// Counts the work of the handler in the quota.
    fn count_work(&mut self) {
        let work = self.scope.handler.take_work();
        self.association.count_work(work);
        self.work = self.work.saturating_add(work);
    }

    /// Responds with a fault to a call that does not reach the handler.
    fn refuse(&mut self, call_id: u32, status: FaultStatus) {
        if let Err(error) = self.association.fault(call_id, status, true) {
            tracing::debug!(client = %self.client, "fault not sent: {error}");
        }
    }

    /// Passes the handler's replies to the association.
    async fn send_replies(&mut self) {
        let Self { replies, memory, pending, association, client, .. } = self;
        for reply in replies.drain(..) {
            let (RpcReply::Response { id, .. } | RpcReply::Fault { id, .. }) = reply;
            let released = memory.release(id);
            let Some(position) = pending.iter().position(|pending| pending.id == id) else { continue };
            let before = association.output_len();
            let PendingReply { call_id, .. } = pending.swap_remove(position);
            let sent = match reply {
                RpcReply::Response { stub, .. } if stub.len() > SEALED_AT_ONCE => {
                    Box::pin(respond_in_parts(association, call_id, stub)).await
                }
                RpcReply::Response { stub, .. } => association.respond(call_id, &stub),
                RpcReply::Fault { status, did_not_execute, .. } => {
                    association.fault(call_id, status, did_not_execute)
                }
            };
            if let Some(call) = released {
                memory.add_output(call, association.output_len().saturating_sub(before));
            }
            if let Err(error) = sent {
                tracing::debug!(%client, "response not sent: {error}");
            }
        }
    }
}

/// Sends the response `stub` to a call. Between its parts, other connections of the thread are served.
async fn respond_in_parts(
    association: &mut ServerAssociation,
    call_id: u32,
    stub: Bytes,
) -> Result<(), ResponseError> {
    let mut response = association.begin_response(call_id, stub)?;
    while !association.continue_response(&mut response, SEALED_AT_ONCE)? {
        yield_now().await;
    }
    Ok(())
}

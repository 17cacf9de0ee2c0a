//! An association with the upstream: one connection, authenticated with one account, for one interface.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use engine::Interface;
use rpc::client::{CallError, ClientAssociation, ClientConfig, CloseReason, Event};
use rpc::pdu::{ContextResult, ContextResultCode, SyntaxId};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::rpc::loop_marker::BindId;
use crate::rpc::pdu_quota::ROUND;
use crate::rpc::upstream_auth::UpstreamAuth;
use crate::rpc::upstream_call::{
    BEGINNING, Connected, Progress, UpstreamCall, UpstreamCallResult, WaitingCalls,
};
use crate::service_credentials::ServiceCredentials;
use crate::tcp::read::poll_read;
use crate::tcp::stream::poll_send;
use crate::timer::Timer;
use crate::upstream_error::{RequestProgress, Timeout, UpstreamError, cause};
use crate::upstream_permit::PermittedStream;

#[cfg(test)]
mod tests;

/// The configuration of an upstream association.
#[derive(Debug, Clone)]
pub struct AssociationConfig {
    /// The interface.
    pub interface: SyntaxId,
    /// The account to authenticate with; `None` for unauthenticated calls.
    pub account: Option<Arc<ServiceCredentials>>,
    /// The upstream's association group to join; zero for a new one.
    pub group: u32,
    /// The call id of the bind, by which a loop is detected.
    pub bind_id: Option<BindId>,
    /// How long connecting and authenticating may take.
    pub timeout: Duration,
}

/// The most reads from a connection before the other connections of its thread are served.
const READS_PER_POLL: u32 = 4;

type Connecting = Pin<Box<dyn Future<Output = Result<Connected, UpstreamError>> + Send>>;

enum State {
    Connecting(Connecting),
    Open(PermittedStream),
    Broken,
}

/// An association with the upstream: [`call`](Self::call) sends a call, and [`poll`](Self::poll) connects,
/// authenticates, sends output that could not be sent at once, and returns the results of calls.
pub(crate) struct UpstreamAssociation {
    config: AssociationConfig,
    state: State,
    association: ClientAssociation,
    auth: UpstreamAuth,
    /// The tags of calls that wait until the association is bound, the connection has accepted those before them, and
    /// the server has responded to them if it takes one call at a time.
    queued: VecDeque<u64>,
    /// The callers' tags of the calls that were sent, by their call ids.
    pending: HashMap<u32, u64>,
    /// The upstream rejected the association group that the bind named.
    is_group_rejected: bool,
    /// The progress of each call if the connection is lost now: no call is sent until the upstream has responded to the
    /// bind.
    request: RequestProgress,
    /// Whether the upstream has responded to a call.
    has_responded: bool,
    /// Output of the association that was not written to the connection yet.
    output: Bytes,
    /// When the association must be bound; `None` once it is.
    deadline: Option<Instant>,
    timer: Timer,
}

impl std::fmt::Debug for UpstreamAssociation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamAssociation")
            .field("is_bound", &self.association.is_bound())
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

impl UpstreamAssociation {
    /// An association by `config`, over the connection that `connect` makes.
    pub(crate) fn new(
        config: AssociationConfig,
        connect: impl Future<Output = Result<Connected, UpstreamError>> + Send + 'static,
    ) -> Self {
        let association = ClientAssociation::new(ClientConfig {
            assoc_group_id: config.group,
            first_call_id: config.bind_id.as_ref().map_or(1, BindId::id),
            ..ClientConfig::default()
        });
        Self {
            deadline: Some(Instant::now() + config.timeout),
            timer: Timer::default(),
            auth: UpstreamAuth::new(config.account.clone()),
            config,
            state: State::Connecting(Box::pin(connect)),
            association,
            queued: VecDeque::new(),
            pending: HashMap::new(),
            is_group_rejected: false,
            request: RequestProgress::NotSent,
            has_responded: false,
            output: Bytes::new(),
        }
    }

    /// Whether calls can be made.
    pub(crate) const fn is_usable(&self) -> bool {
        !matches!(self.state, State::Broken)
    }

    /// Whether the proxy authenticates with an account.
    pub(crate) const fn has_account(&self) -> bool {
        self.auth.has_account()
    }

    /// Whether no call is queued or pending.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.queued.is_empty()
    }

    /// Whether the association is bound and authenticated.
    pub(crate) fn is_bound(&self) -> bool {
        self.association.is_bound()
    }

    /// Whether the upstream has responded to a call. Only this shows that the upstream processed the bind as a whole:
    /// a handshake that ends with AUTH3 has no response.
    pub(crate) const fn has_responded(&self) -> bool {
        self.has_responded
    }

    /// The upstream's association group; zero before the bind.
    pub(crate) fn group(&self) -> u32 {
        self.association.assoc_group_id()
    }

    /// The association group that the bind named; zero for none.
    pub(crate) const fn named_group(&self) -> u32 {
        self.config.group
    }

    /// The association group that the bind named, if the upstream rejected that group.
    pub(crate) fn rejected_group(&self) -> Option<u32> {
        self.is_group_rejected.then_some(self.config.group)
    }

    /// Sends as much of the call `tag` in `calls` as the connection accepts at once. The call stays in `calls` until
    /// the association is bound and can send it. If it fails at once, its result is in `ends`. The caller polls
    /// afterwards, which sends the rest.
    pub(crate) fn call(
        &mut self,
        tag: u64,
        calls: &mut dyn WaitingCalls,
        ends: &mut Vec<UpstreamCallResult>,
    ) {
        self.queued.push_back(tag);
        // The next poll registers the task that is woken to send the rest.
        if let Err(error) = self.send(&mut Context::from_waker(Waker::noop()), calls, ends) {
            self.fail(error, ends);
        }
    }

    /// Continues; ready once there are new results of calls in `ends`. Sends those of `calls` that were queued.
    pub(crate) fn poll(
        &mut self,
        task: &mut Context<'_>,
        calls: &mut dyn WaitingCalls,
        ends: &mut Vec<UpstreamCallResult>,
    ) -> Poll<()> {
        let before = ends.len();
        if let Err(error) = self.advance(task, calls, ends) {
            self.fail(error, ends);
        }
        if ends.len() > before { Poll::Ready(()) } else { Poll::Pending }
    }

    fn advance(
        &mut self,
        task: &mut Context<'_>,
        calls: &mut dyn WaitingCalls,
        ends: &mut Vec<UpstreamCallResult>,
    ) -> Result<(), UpstreamError> {
        if let State::Connecting(connect) = &mut self.state {
            let Poll::Ready(connected) = connect.as_mut().poll(task) else { return Ok(()) };
            let Connected { stream, permit, sign_in } = connected?;
            if let Some((account, attempt)) = sign_in {
                self.auth = UpstreamAuth::counted(account, attempt);
            }
            self.state = State::Open((stream, permit));
            self.bind()?;
        }
        // Connecting has a limit of its own.
        if let Some(deadline) = self.deadline
            && self.timer.poll(task, deadline).is_ready()
        {
            return Err(Timeout::Auth(self.config.timeout).into());
        }
        self.association.set_quota(ROUND);
        for _ in 0..READS_PER_POLL {
            self.on_events(ends)?;
            self.send(task, calls, ends)?;
            let State::Open((stream, _)) = &mut self.state else {
                return if self.queued.is_empty() {
                    Ok(())
                } else {
                    Err(UpstreamError::closed("closed before the call was sent"))
                };
            };
            if self.association.is_over_quota() {
                break;
            }
            if !self.association.wants_input() {
                return Ok(());
            }
            match poll_read(stream, task, |bytes| self.association.receive(bytes)) {
                Poll::Ready(Ok(0)) => {
                    return Err(UpstreamError::lost("the server closed the connection", self.request));
                }
                Poll::Ready(Ok(_)) => self.request = RequestProgress::MayBeExecuted,
                Poll::Ready(Err(error)) => return Err(UpstreamError::lost(error, self.request)),
                Poll::Pending => return Ok(()),
            }
        }
        task.waker().wake_by_ref();
        Ok(())
    }

    fn bind(&mut self) -> Result<(), UpstreamError> {
        let credentials = self.auth.begin()?;
        self.association.bind(&[(0, self.config.interface)], credentials).map_err(protocol)
    }

    fn on_events(&mut self, ends: &mut Vec<UpstreamCallResult>) -> Result<(), UpstreamError> {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Response(response) => {
                    self.auth.on_response();
                    self.has_responded = true;
                    if let Some(tag) = self.pending.remove(&response.call_id) {
                        ends.push(UpstreamCallResult::Response {
                            tag,
                            stub: response.stub,
                            endian: response.endian,
                            group: 0,
                        });
                    }
                }
                Event::Fault { call_id, status, did_not_execute } => {
                    self.auth.on_fault(status)?;
                    self.has_responded = true;
                    if let Some(tag) = self.pending.remove(&call_id) {
                        ends.push(UpstreamCallResult::Fault { tag, status, did_not_execute, group: 0 });
                    }
                }
                Event::AuthToken { token } => {
                    let next = self.auth.step(&token)?;
                    self.association.resume_handshake(next).map_err(protocol)?;
                }
                Event::Bound { results, .. } => self.on_bound(&results)?,
                Event::Closed { reason } => {
                    let error = self.closed_by(&reason);
                    self.is_group_rejected =
                        matches!(error, UpstreamError::Rejected { joins_group: true, .. });
                    return Err(error);
                }
                Event::Shutdown | Event::ContextsAltered { .. } => {}
            }
        }
        Ok(())
    }

    /// The upstream responded to the bind with `results`.
    fn on_bound(&mut self, results: &[(u16, ContextResult)]) -> Result<(), UpstreamError> {
        if !results.iter().any(|(_, result)| result.result == ContextResultCode::ACCEPTANCE) {
            let id = self.config.interface;
            let name = Interface::by_uuid(id.uuid).map_or("unknown", Interface::name);
            let why = format!("interface {name} ({id}) not served");
            return Err(UpstreamError::NotServed(cause(why)));
        }
        self.deadline = None;
        Ok(())
    }

    /// Why the association was closed for `reason`.
    fn closed_by(&self, reason: &CloseReason) -> UpstreamError {
        let is_rejected = matches!(reason, CloseReason::Rejected(_));
        if is_rejected
            && self.config.bind_id.as_ref().is_some_and(|bind| bind.rejection_is_loop(Instant::now()))
        {
            return UpstreamError::Loop;
        }
        self.auth.closed_by(reason).unwrap_or_else(|| {
            if is_rejected {
                UpstreamError::Rejected {
                    cause: cause(reason.to_string()),
                    joins_group: self.config.group != 0,
                }
            } else {
                UpstreamError::protocol(reason.to_string())
            }
        })
    }

    /// Sends as much output as the connection accepts, and queued calls once the association is bound. A call is taken
    /// only when the connection has accepted all calls before it and the server takes another: whether it may be sent
    /// is checked when it is taken, and could change while it waits.
    fn send(
        &mut self,
        task: &mut Context<'_>,
        calls: &mut dyn WaitingCalls,
        ends: &mut Vec<UpstreamCallResult>,
    ) -> Result<(), UpstreamError> {
        let State::Open((stream, _)) = &mut self.state else { return Ok(()) };
        loop {
            write(stream, task, &mut self.association, &mut self.output)
                .map_err(|error| UpstreamError::lost(error, self.request))?;
            if !self.output.is_empty() || !self.association.accepts_call() {
                return Ok(());
            }
            let Some(tag) = self.queued.pop_front() else { return Ok(()) };
            let UpstreamCall { opnum, object, stub } = match calls.take_to_send(tag) {
                Some(Ok(call)) => call,
                Some(Err(refusal)) => {
                    ends.push(UpstreamCallResult::Refused { tag, refusal });
                    continue;
                }
                None => continue,
            };
            match self.association.call(0, opnum, object, stub) {
                Ok(call_id) => self.pending.insert(call_id, tag),
                Err(error) => {
                    let error = protocol(error);
                    let progress = Progress::SentNotExecuted;
                    ends.push(UpstreamCallResult::Failed { tag, error: error.clone(), progress });
                    return Err(error);
                }
            };
        }
    }

    /// The bytes of all incomplete responses together.
    pub(crate) const fn unfinished_bytes(&self) -> usize {
        self.association.unfinished_bytes()
    }

    /// The incomplete responses: the tags of their calls, and how many bytes of each have arrived.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (u64, usize)> {
        let calls = self.association.unfinished();
        calls.filter_map(|(call_id, bytes)| Some((*self.pending.get(&call_id)?, bytes)))
    }

    /// Gives up the call `tag`: sends an `orphaned` PDU (C706 12.6.4.8), and discards further fragments of the
    /// response. The call has no result.
    pub(crate) fn give_up(&mut self, tag: u64) {
        for (call_id, _) in self.pending.extract_if(|_, other| *other == tag) {
            self.association.orphan(call_id);
        }
    }

    /// Ends each call of `calls` of whose response only the beginning is needed, once that has arrived and the rest has
    /// not. It is the result of the call.
    pub(crate) fn cut_off(&mut self, calls: &dyn WaitingCalls, ends: &mut Vec<UpstreamCallResult>) {
        let long = self.unfinished().filter(|(_, bytes)| *bytes >= BEGINNING).map(|(tag, _)| tag);
        let cut: Vec<u64> = long.filter(|tag| calls.needs_beginning_only(*tag)).collect();
        for tag in cut {
            let call_id =
                self.pending.iter().find_map(|(call_id, other)| (*other == tag).then_some(*call_id));
            let beginning = call_id.and_then(|call_id| self.association.beginning(call_id));
            if let Some((stub, endian)) = beginning {
                let stub = Bytes::copy_from_slice(stub.get(..BEGINNING).unwrap_or(stub));
                ends.push(UpstreamCallResult::Response { tag, stub, endian, group: 0 });
            }
            self.give_up(tag);
        }
    }

    /// The connection, if it is open.
    pub(crate) fn into_stream(self) -> Option<PermittedStream> {
        match self.state {
            State::Open(stream) => Some(stream),
            State::Connecting(_) | State::Broken => None,
        }
    }

    /// Closes the connection, because of `error`; every call on it fails.
    pub(crate) fn fail(&mut self, error: UpstreamError, ends: &mut Vec<UpstreamCallResult>) {
        self.state = State::Broken;
        self.deadline = None;
        // An upstream that rejects the account by a response has not executed what was sent. For an upstream that
        // closes the connection, this is not known.
        let progress =
            || if error.is_account() { Progress::SentNotExecuted } else { Progress::MaybeExecuted };
        let pending: Vec<_> = self.pending.drain().map(|(_, tag)| (tag, progress())).collect();
        let error = self.auth.end(error);
        let failed = |tag, progress| UpstreamCallResult::Failed { tag, error: error.clone(), progress };
        ends.extend(pending.into_iter().map(|(tag, progress)| failed(tag, progress)));
        ends.extend(self.queued.drain(..).map(|tag| failed(tag, Progress::Unsent)));
    }

    /// Every call fails because of `error`, since a response took too long. Calls that `is_kept` selects continue
    /// nevertheless, and the connection stays open for them.
    pub(crate) fn fail_except(
        &mut self,
        error: &UpstreamError,
        is_kept: impl Fn(u64) -> bool,
        ends: &mut Vec<UpstreamCallResult>,
    ) {
        let failed = |tag, progress| UpstreamCallResult::Failed { tag, error: error.clone(), progress };
        ends.extend(self.pending.values().map(|tag| failed(*tag, Progress::MaybeExecuted)));
        let unsent = self.queued.iter().filter(|tag| !is_kept(**tag));
        ends.extend(unsent.map(|tag| failed(*tag, Progress::Unsent)));
        self.give_up_except(is_kept);
    }

    /// Gives up all calls but those that `is_kept` selects, as [`give_up`](Self::give_up).
    pub(crate) fn give_up_except(&mut self, is_kept: impl Fn(u64) -> bool) {
        for (call_id, _) in self.pending.extract_if(|_, tag| !is_kept(*tag)) {
            self.association.orphan(call_id);
        }
        self.queued.retain(|tag| is_kept(*tag));
    }
}

fn protocol(error: CallError) -> UpstreamError {
    UpstreamError::protocol(error)
}

/// Sends as much of the association's output as the connection accepts.
fn write(
    stream: &mut TcpStream,
    task: &mut Context<'_>,
    association: &mut ClientAssociation,
    output: &mut Bytes,
) -> io::Result<()> {
    loop {
        if output.is_empty() {
            *output = association.take_output();
            if output.is_empty() {
                return Ok(());
            }
        }
        match poll_send(stream, task, output) {
            Poll::Ready(sent) => sent?,
            Poll::Pending => return Ok(()),
        }
    }
}

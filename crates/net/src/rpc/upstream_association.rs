//! One connection to the upstream, authenticated with one account, for one interface.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use rpc::client::{CallError, ClientAssociation, ClientConfig, CloseReason, Event};
use rpc::pdu::ContextResultCode;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::rpc::call::{AssociationConfig, CallEnd, Connected, Outgoing, Progress};
use crate::rpc::loop_marker::BindId;
use crate::rpc::upstream_auth::UpstreamAuth;
use crate::tcp::read::poll_read;
use crate::tcp::stream::poll_send;
use crate::upstream_error::{Received, Timeout, UpstreamError};

/// How often a connection reads before the other connections of its thread have their turn.
const TURN: u32 = 4;

type Connecting = Pin<Box<dyn Future<Output = Result<Connected, UpstreamError>> + Send>>;

enum State {
    Connecting(Connecting),
    Open(TcpStream),
    Broken,
}

/// One connection to the upstream: [`call`](Self::call) queues a call, and [`poll`](Self::poll) connects, authenticates,
/// sends, and returns the ends of calls.
pub(crate) struct UpstreamConnection {
    config: AssociationConfig,
    state: State,
    association: ClientAssociation,
    auth: UpstreamAuth,
    /// Calls that are not sent yet.
    waiting: VecDeque<Outgoing>,
    /// The callers' tokens of calls that were sent, by their call ids.
    calls: HashMap<u32, u64>,
    /// The upstream rejected the association group that it was asked for.
    rejected: bool,
    /// Whether the upstream has sent anything.
    received: Received,
    /// What is being sent.
    output: Bytes,
    /// When it has to be connected and authenticated; none once it is.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl std::fmt::Debug for UpstreamConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamConnection")
            .field("association", &self.association.is_bound())
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}

impl UpstreamConnection {
    /// A connection as `config` says, over what `connect` makes.
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
            deadline: Some(Box::pin(sleep(config.timeout))),
            auth: UpstreamAuth::new(config.account.clone()),
            config,
            state: State::Connecting(Box::pin(connect)),
            association,
            waiting: VecDeque::new(),
            calls: HashMap::new(),
            rejected: false,
            received: Received::Nothing,
            output: Bytes::new(),
        }
    }

    /// Whether calls can be made on it.
    pub(crate) const fn is_usable(&self) -> bool {
        !matches!(self.state, State::Broken)
    }

    /// Whether it authenticates with an account.
    pub(crate) const fn has_account(&self) -> bool {
        self.auth.has_account()
    }

    /// Whether no call on it waits for an answer.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.waiting.is_empty()
    }

    /// Whether it is connected, bound and authenticated.
    pub(crate) fn is_bound(&self) -> bool {
        self.association.is_bound()
    }

    /// The upstream's association group; zero before the bind.
    pub(crate) fn group(&self) -> u32 {
        self.association.assoc_group_id()
    }

    /// The association group that the upstream was asked for, where it rejected that.
    pub(crate) fn rejected_group(&self) -> Option<u32> {
        self.rejected.then_some(self.config.group)
    }

    /// Queues a call.
    pub(crate) fn call(&mut self, call: Outgoing) {
        self.waiting.push_back(call);
    }

    /// Continues; ready once there are new ends of calls in `ends`.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>, ends: &mut Vec<CallEnd>) -> Poll<()> {
        let before = ends.len();
        if let Err(error) = self.advance(task, ends) {
            self.give_up(error, ends);
        }
        if ends.len() > before { Poll::Ready(()) } else { Poll::Pending }
    }

    fn advance(&mut self, task: &mut Context<'_>, ends: &mut Vec<CallEnd>) -> Result<(), UpstreamError> {
        if let State::Connecting(connect) = &mut self.state {
            let Poll::Ready(connected) = connect.as_mut().poll(task) else { return Ok(()) };
            let Connected { stream, sign_in } = connected?;
            if let Some((account, attempt)) = sign_in {
                self.auth = UpstreamAuth::counted(account, attempt);
            }
            self.state = State::Open(stream);
            self.bind()?;
        }
        // What makes the connection has a limit of its own.
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(task).is_ready()
        {
            return Err(Timeout::Auth(self.config.timeout).into());
        }
        for _ in 0..TURN {
            self.events(ends)?;
            self.send_waiting()?;
            let State::Open(stream) = &mut self.state else {
                return if self.waiting.is_empty() {
                    Ok(())
                } else {
                    Err(UpstreamError::closed("the connection is lost"))
                };
            };
            let closed = |why: String, after| UpstreamError::Closed { why, after };
            write(stream, task, &mut self.association, &mut self.output)
                .map_err(|error| closed(error.to_string(), self.received))?;
            if !self.association.wants_input() {
                return Ok(());
            }
            match poll_read(stream, task, |bytes| self.association.receive(bytes)) {
                Poll::Ready(Ok(0)) => {
                    return Err(closed("the server closed the connection".to_owned(), self.received));
                }
                Poll::Ready(Ok(_)) => self.received = Received::Something,
                Poll::Ready(Err(error)) => return Err(closed(error.to_string(), self.received)),
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

    fn events(&mut self, ends: &mut Vec<CallEnd>) -> Result<(), UpstreamError> {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Response(response) => {
                    self.auth.answered();
                    if let Some(token) = self.calls.remove(&response.call_id) {
                        ends.push(CallEnd::Response { token, stub: response.stub, endian: response.endian });
                    }
                }
                Event::Fault { call_id, status, .. } => {
                    self.auth.faulted(status)?;
                    if let Some(token) = self.calls.remove(&call_id) {
                        ends.push(CallEnd::Fault { token, status });
                    }
                }
                Event::AuthToken { token } => {
                    let next = self.auth.step(&token)?;
                    self.association.resume_handshake(next).map_err(protocol)?;
                }
                Event::Bound { results, .. } => {
                    let accepted = |(_, result): &(u16, rpc::pdu::ContextResult)| {
                        result.result == ContextResultCode::ACCEPTANCE
                    };
                    if !results.iter().any(accepted) {
                        let why = format!("the server does not serve {}", self.config.interface);
                        return Err(UpstreamError::NotServed(why));
                    }
                    self.deadline = None;
                }
                Event::Closed { reason } => {
                    let error = self.closed_by(&reason);
                    self.rejected = matches!(error, UpstreamError::Rejected { joins_group: true, .. });
                    return Err(error);
                }
                Event::Shutdown | Event::ContextsAltered { .. } => {}
            }
        }
        Ok(())
    }

    /// Why the association was closed for `reason`.
    fn closed_by(&self, reason: &CloseReason) -> UpstreamError {
        let is_rejected = matches!(reason, CloseReason::Rejected(_));
        if is_rejected && self.config.bind_id.as_ref().is_some_and(|bind| bind.led_back(Instant::now())) {
            return UpstreamError::Loop;
        }
        self.auth.closed_by(reason).unwrap_or_else(|| {
            let why = reason.to_string();
            if is_rejected {
                UpstreamError::Rejected { why, joins_group: self.config.group != 0 }
            } else {
                UpstreamError::Protocol(why)
            }
        })
    }

    fn send_waiting(&mut self) -> Result<(), UpstreamError> {
        while self.association.is_bound()
            && let Some(Outgoing { token, opnum, object, stub }) = self.waiting.pop_front()
        {
            let call = self.association.call(0, opnum, object, stub).map_err(protocol)?;
            self.calls.insert(call, token);
        }
        Ok(())
    }

    /// Closes the connection, since an answer took longer than `limit`; every call on it fails.
    pub(crate) fn abort(&mut self, limit: Duration, ends: &mut Vec<CallEnd>) {
        self.give_up(Timeout::Answer(limit).into(), ends);
    }

    fn give_up(&mut self, error: UpstreamError, ends: &mut Vec<CallEnd>) {
        self.state = State::Broken;
        self.deadline = None;
        // An upstream that refuses the account by an answer has not executed what was sent; of one that closes the
        // connection that is not known.
        let refused_by_answer = error.is_account();
        let error = self.auth.end(error);
        let failed = |token, progress| CallEnd::Failed { token, error: error.clone(), progress };
        ends.extend(self.calls.drain().map(|(_, token)| {
            failed(token, if refused_by_answer { Progress::NotExecuted } else { Progress::Unknown })
        }));
        ends.extend(self.waiting.drain(..).map(|call| failed(call.token, Progress::Unsent(call))));
    }
}

fn protocol(error: CallError) -> UpstreamError {
    UpstreamError::Protocol(error.to_string())
}

/// Sends the association's output as far as the server takes it.
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

//! One connection to a server, signed in as one account, for one interface.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use identity::{Channel, Initiator, OsRandom, Refusal, SecurityContext, Step};
use rpc::client::{ClientAssociation, ClientConfig, CloseReason, Credentials, Event, NextLeg};
use rpc::pdu::{AuthLevel, AuthType, ContextResultCode, RejectReason};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::clock;
use crate::gate::SignInAttempt;
use crate::rpc::auth::{protection, strongest};
use crate::rpc::call::{
    AssociationConfig, CallEnd, Connected, Outgoing, Progress, is_denial, is_refusal, refusal, refused,
};
use crate::rpc::loop_marker::BindId;
use crate::tcp::stream::poll_read;
use crate::upstream_error::{AuthError, Received, Timeout, UpstreamError};

/// How often a link reads before the other connections of its thread have their turn.
const TURN: u32 = 4;

type Connecting = Pin<Box<dyn Future<Output = Result<Connected, UpstreamError>> + Send>>;

enum State {
    Connecting(Connecting),
    Open(TcpStream),
    Broken,
}

/// One connection to a server. Calls go in at once; what comes of them is polled for.
pub(crate) struct UpstreamConnection {
    config: AssociationConfig,
    state: State,
    association: ClientAssociation,
    initiator: Option<Box<dyn Initiator>>,
    /// Ours at the server, which counts as open while the connection lasts.
    context: Option<SecurityContext>,
    waiting: VecDeque<Outgoing>,
    calls: HashMap<u32, u64>,
    /// The server rejected the association group that it was asked for.
    rejected: bool,
    /// Whether the server has sent anything.
    received: Received,
    /// Our sign-in, as long as its outcome is unknown.
    attempt: Option<SignInAttempt>,
    /// The last leg of our sign-in was sent.
    proven: bool,
    output: Bytes,
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
    /// A link over the connection that `connect` makes within the limit of `config`, for that.
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
            config,
            state: State::Connecting(Box::pin(connect)),
            association,
            initiator: None,
            context: None,
            waiting: VecDeque::new(),
            calls: HashMap::new(),
            rejected: false,
            received: Received::Nothing,
            attempt: None,
            proven: false,
            output: Bytes::new(),
        }
    }

    /// Whether calls can still come to something.
    pub(crate) const fn is_usable(&self) -> bool {
        !matches!(self.state, State::Broken)
    }

    /// Whether it signs in with an account.
    pub(crate) const fn signs_in(&self) -> bool {
        self.config.account.is_some()
    }

    /// Whether no call waits for what comes of it.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.waiting.is_empty()
    }

    /// Whether the connection stands and we are signed in.
    pub(crate) fn is_bound(&self) -> bool {
        self.association.is_bound()
    }

    /// The server's association group; zero before the bind.
    pub(crate) fn group(&self) -> u32 {
        self.association.assoc_group_id()
    }

    /// The association group that the server was asked for, where it rejected the bind.
    pub(crate) fn rejected_group(&self) -> Option<u32> {
        self.rejected.then_some(self.config.group)
    }

    /// Makes a call.
    pub(crate) fn call(&mut self, call: Outgoing) {
        self.waiting.push_back(call);
    }

    /// Goes on; ready once there are new ends of calls in `ends`.
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
                self.config.account = Some(account);
                self.attempt = Some(attempt);
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
        let credentials = match &self.config.account {
            None => None,
            Some(account) => {
                let initiator = account.mechanism.initiator(&account.config, Channel::RPC);
                let mut initiator = initiator.map_err(|refusal| protocol(&refusal))?;
                let auth_type = account.mechanism.rpc_auth_type();
                let auth_type = auth_type.ok_or_else(|| protocol(&Refusal::NoMechanism))?;
                let first = initiator.step(&[], clock::now(), &mut OsRandom);
                let Step::Continue(token) = first.map_err(|refusal| protocol(&refusal))? else {
                    return Err(protocol(&"the handshake ended before it began"));
                };
                self.initiator = Some(initiator);
                Some(Credentials {
                    auth_type: AuthType(auth_type),
                    level: account.level,
                    auth_context_id: 0,
                    token,
                })
            }
        };
        self.association.bind(&[(0, self.config.interface)], credentials).map_err(|error| protocol(&error))
    }

    fn events(&mut self, ends: &mut Vec<CallEnd>) -> Result<(), UpstreamError> {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Response(response) => {
                    if let Some(attempt) = self.attempt.take() {
                        attempt.accepted();
                    }
                    if let Some(token) = self.calls.remove(&response.call_id) {
                        ends.push(CallEnd::Response { token, stub: response.stub, endian: response.endian });
                    }
                }
                Event::Fault { status, .. } if self.attempt.is_some() && is_refusal(status) => {
                    return Err(refused(&status));
                }
                Event::Fault { call_id, status, .. } => {
                    if let Some(attempt) = self.attempt.take() {
                        attempt.accepted();
                    }
                    if let Some(token) = self.calls.remove(&call_id) {
                        ends.push(CallEnd::Fault { token, status });
                    }
                }
                Event::AuthToken { token } => self.sign_in(&token)?,
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

    /// Why the server closed the association for `reason`.
    fn closed_by(&self, reason: &CloseReason) -> UpstreamError {
        let refuses_package =
            [RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED, RejectReason::INVALID_CHECKSUM];
        match reason {
            CloseReason::SetupFault(status) if self.initiator.is_some() && is_refusal(*status) => {
                refused(status)
            }
            CloseReason::SetupFault(status) if is_denial(*status) => {
                AuthError::Denied(reason.to_string()).into()
            }
            CloseReason::AuthenticationRefused => AuthError::Denied(reason.to_string()).into(),
            CloseReason::Rejected(_)
                if self.config.bind_id.as_ref().is_some_and(|bind| bind.led_back(Instant::now())) =>
            {
                UpstreamError::Loop
            }
            CloseReason::Rejected(reason) if refuses_package.contains(reason) => {
                AuthError::Rejected(refusal(reason)).into()
            }
            CloseReason::Rejected(_) => {
                UpstreamError::Rejected { why: reason.to_string(), joins_group: self.config.group != 0 }
            }
            reason => UpstreamError::Protocol(reason.to_string()),
        }
    }

    fn sign_in(&mut self, token: &[u8]) -> Result<(), UpstreamError> {
        let initiator =
            self.initiator.as_mut().ok_or_else(|| protocol(&"a token where none was asked for"))?;
        let next = match initiator.step(token, clock::now(), &mut OsRandom) {
            Ok(Step::Continue(token)) => NextLeg::AlterContext { token },
            Ok(Step::Done { token, context, security }) => {
                let level = self.config.account.as_ref().map_or(AuthLevel::CONNECT, |account| account.level);
                if level.effective() > Some(strongest(&*security)) {
                    let why = format!("the server's handshake negotiated too little for the level {level}");
                    return Err(AuthError::NotOffered(why).into());
                }
                self.context.replace(context);
                self.initiator = None;
                let protection = Some(protection(security, level));
                match token {
                    Some(token) => NextLeg::Auth3 { token, protection },
                    None => NextLeg::Done { protection },
                }
            }
            Err(why) => return Err(refused(&why)),
        };
        self.proven = true;
        self.association.auth_reply(next).map_err(|error| protocol(&error))
    }

    fn send_waiting(&mut self) -> Result<(), UpstreamError> {
        while self.association.is_bound()
            && let Some(Outgoing { token, opnum, object, stub }) = self.waiting.pop_front()
        {
            let call = self.association.call(0, opnum, object, stub).map_err(|error| protocol(&error))?;
            self.calls.insert(call, token);
        }
        Ok(())
    }

    /// Breaks the connection off, since an answer took longer than `limit`; every call on it fails.
    pub(crate) fn abort(&mut self, limit: Duration, ends: &mut Vec<CallEnd>) {
        self.give_up(Timeout::Answer(limit).into(), ends);
    }

    fn give_up(&mut self, mut error: UpstreamError, ends: &mut Vec<CallEnd>) {
        self.state = State::Broken;
        self.deadline = None;
        self.context.take();
        // A server that refuses the account by an answer has not executed what was sent; of one that closes the
        // connection that is not known.
        let refused_by_answer = error.is_account();
        if let Some(attempt) = self.attempt.take() {
            // Some servers refuse a sign-in by closing the connection.
            if self.proven && matches!(error, UpstreamError::Closed { .. }) {
                error = refused(&error);
            }
            if error.is_account() {
                attempt.refused(&error);
            }
        }
        let failed = |token, progress| CallEnd::Failed { token, error: error.clone(), progress };
        ends.extend(self.calls.drain().map(|(_, token)| {
            failed(token, if refused_by_answer { Progress::NotExecuted } else { Progress::Unknown })
        }));
        ends.extend(self.waiting.drain(..).map(|call| failed(call.token, Progress::Unsent(call))));
    }
}

fn protocol(why: &dyn std::fmt::Display) -> UpstreamError {
    UpstreamError::Protocol(why.to_string())
}

fn write(
    stream: &TcpStream,
    task: &mut Context<'_>,
    association: &mut ClientAssociation,
    output: &mut Bytes,
) -> io::Result<()> {
    loop {
        if output.is_empty() {
            if association.output_len() == 0 {
                return Ok(());
            }
            *output = association.take_output();
        }
        match stream.try_write(output) {
            Ok(count) => drop(output.split_to(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match stream.poll_write_ready(task) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Ok(()),
            },
            Err(error) => return Err(error),
        }
    }
}

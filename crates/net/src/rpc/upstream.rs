//! One connection to a server, signed in as one account, for one interface.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use engine::{CALL_FAILED, Outcome};
use identity::{Initiator, OsRandom, SecurityContext, Step};
use rpc::client::{ClientAssociation, ClientConfig, CloseReason, Credentials, Event, NextLeg};
use rpc::pdu::{AuthLevel, AuthType, ContextResultCode, RejectReason};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::clock;
use crate::gate::SignInAttempt;
use crate::rpc::auth::{protection, strongest};
use crate::rpc::call::{
    Broke, Connected, Done, LinkConfig, Outgoing, is_denial, is_refusal, outcome, refused,
};
use crate::rpc::loop_marker::BindId;
use crate::tcp::stream::{poll_read, prepare};
use crate::upstream_error::{Retry, UpstreamError};

/// How often a link reads before the other connections of its thread have their turn.
const TURN: u32 = 4;

type Connecting = Pin<Box<dyn Future<Output = Result<Connected, UpstreamError>> + Send>>;

enum State {
    Connecting(Connecting),
    Open(TcpStream),
    Broken,
}

/// Why a connection broke.
struct Broken {
    why: UpstreamError,
    /// What becomes of the calls that wait.
    retry: Retry,
}

impl From<UpstreamError> for Broken {
    fn from(why: UpstreamError) -> Self {
        Self { why, retry: Retry::Never }
    }
}

/// One connection to a server. Calls go in at once; what comes of them is polled for.
pub struct Link {
    config: LinkConfig,
    state: State,
    association: ClientAssociation,
    initiator: Option<Initiator>,
    /// Ours at the server, while the connection lasts.
    context: Option<SecurityContext>,
    waiting: VecDeque<Outgoing>,
    calls: HashMap<u32, u64>,
    /// The server rejected the bind.
    rejected: bool,
    /// Why the connection broke, as far as that is known.
    broke: Option<Broke>,
    /// The server said anything at all.
    heard: bool,
    /// Our sign-in, as long as its outcome is unknown.
    attempt: Option<SignInAttempt>,
    /// The last leg of our sign-in was sent.
    proven: bool,
    output: Bytes,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("association", &self.association.is_bound())
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}

impl Link {
    /// A link over the connection that `connect` makes within the limit of `config`, for that.
    pub fn new(
        config: LinkConfig,
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
            broke: None,
            heard: false,
            attempt: None,
            proven: false,
            output: Bytes::new(),
        }
    }

    /// Whether calls can still come to something.
    pub const fn is_usable(&self) -> bool {
        !matches!(self.state, State::Broken)
    }

    /// Whether it signs in with an account.
    pub const fn signs_in(&self) -> bool {
        self.config.account.is_some()
    }

    /// Whether no call waits for what comes of it.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.waiting.is_empty()
    }

    /// Whether the connection stands and we are signed in.
    pub fn is_bound(&self) -> bool {
        self.association.is_bound()
    }

    /// The server's association group; zero before the bind.
    pub fn group(&self) -> u32 {
        self.association.assoc_group_id()
    }

    /// The association group that the server was asked for, where it rejected the bind.
    pub fn rejected_group(&self) -> Option<u32> {
        (self.rejected && self.config.group != 0).then_some(self.config.group)
    }

    /// Why the connection broke, as far as that is known.
    pub(crate) const fn broke(&self) -> Option<Broke> {
        self.broke
    }

    /// As whom we are signed in.
    pub const fn context(&self) -> Option<&SecurityContext> {
        self.context.as_ref()
    }

    /// Makes a call.
    pub fn call(&mut self, call: Outgoing) {
        self.waiting.push_back(call);
    }

    /// Goes on; ready once there are new ends of calls in `done`.
    pub fn poll(&mut self, task: &mut Context<'_>, done: &mut Vec<Done>) -> Poll<()> {
        let before = done.len();
        if let Err(broken) = self.advance(task, done) {
            self.give_up(&broken, done);
        }
        if done.len() > before { Poll::Ready(()) } else { Poll::Pending }
    }

    fn advance(&mut self, task: &mut Context<'_>, done: &mut Vec<Done>) -> Result<(), Broken> {
        if let State::Connecting(connect) = &mut self.state {
            let Poll::Ready(connected) = connect.as_mut().poll(task) else { return Ok(()) };
            let Connected { stream, sign_in } = connected?;
            if let Some((account, attempt)) = sign_in {
                self.config.account = Some(account);
                self.attempt = Some(attempt);
            }
            prepare(&stream).map_err(|error| UpstreamError::Connect(error.to_string()))?;
            self.state = State::Open(stream);
            self.bind()?;
        }
        // What makes the connection has a limit of its own.
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(task).is_ready()
        {
            return Err(UpstreamError::SignInTimeout(self.config.timeout).into());
        }
        for _ in 0..TURN {
            self.events(done)?;
            self.send_waiting()?;
            let State::Open(stream) = &mut self.state else {
                return if self.waiting.is_empty() {
                    Ok(())
                } else {
                    Err(closed("the connection is lost").into())
                };
            };
            // A server that goes away before its first word has not even seen a sign-in.
            let retry = if self.heard { Retry::Never } else { Retry::Unsent };
            let lost = |why: String| Broken { why: UpstreamError::Closed(why), retry };
            write(stream, task, &mut self.association, &mut self.output)
                .map_err(|error| lost(error.to_string()))?;
            if !self.association.wants_input() {
                return Ok(());
            }
            match poll_read(stream, task, |bytes| self.association.receive(bytes)) {
                Poll::Ready(Ok(0)) => {
                    self.broke = Some(Broke::Closed);
                    return Err(lost("the server closed the connection".to_owned()));
                }
                Poll::Ready(Ok(_)) => self.heard = true,
                Poll::Ready(Err(error)) => {
                    self.broke = Some(Broke::Closed);
                    return Err(lost(error.to_string()));
                }
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
                let mut initiator = Initiator::new(account.mechanism, account.config.clone());
                let first = initiator.step(&[], clock::now(), &mut OsRandom);
                let Step::Continue(token) = first.map_err(|refusal| protocol(&refusal))? else {
                    return Err(protocol(&"the handshake ended before it began"));
                };
                self.initiator = Some(initiator);
                Some(Credentials {
                    auth_type: AuthType(account.mechanism.auth_type()),
                    level: account.level,
                    auth_context_id: 0,
                    token,
                })
            }
        };
        self.association.bind(&[(0, self.config.interface)], credentials).map_err(|error| protocol(&error))
    }

    fn events(&mut self, done: &mut Vec<Done>) -> Result<(), Broken> {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Response(response) => {
                    if let Some(attempt) = self.attempt.take() {
                        attempt.accepted();
                    }
                    if let Some(token) = self.calls.remove(&response.call_id) {
                        let outcome = Outcome::Response { stub: response.stub, endian: response.endian };
                        done.push(Done::Came { token, outcome });
                    }
                }
                Event::Fault { status, .. } if self.attempt.is_some() && is_refusal(status) => {
                    return Err(refused(&status).into());
                }
                Event::Fault { call_id, status, .. } => {
                    if let Some(attempt) = self.attempt.take() {
                        attempt.accepted();
                    }
                    if let Some(token) = self.calls.remove(&call_id) {
                        done.push(Done::Came { token, outcome: Outcome::Fault(status) });
                    }
                }
                Event::AuthToken { token } => self.sign_in(&token)?,
                Event::Bound { results, .. } => {
                    let accepted = |(_, result): &(u16, rpc::pdu::ContextResult)| {
                        result.result == ContextResultCode::ACCEPTANCE
                    };
                    if !results.iter().any(accepted) {
                        self.broke = Some(Broke::Unserved);
                        let why = format!("the server does not serve {}", self.config.interface);
                        return Err(UpstreamError::Protocol(why).into());
                    }
                    self.deadline = None;
                }
                Event::Closed { reason } => {
                    self.rejected = matches!(reason, CloseReason::Rejected(_));
                    let denied = matches!(reason, CloseReason::SetupFault(status) if is_denial(status));
                    self.broke = if self.rejected {
                        Some(Broke::Rejected)
                    } else if denied || reason == CloseReason::AuthenticationRefused {
                        Some(Broke::Refused)
                    } else {
                        None
                    };
                    // A server that was started anew knows nothing of the groups that it had.
                    let retry = if self.rejected_group().is_some() { Retry::Unsent } else { Retry::Never };
                    return Err(Broken { why: self.closed_by(&reason), retry });
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
            CloseReason::Rejected(_)
                if self.config.bind_id.as_ref().is_some_and(|bind| bind.led_back(Instant::now())) =>
            {
                UpstreamError::Loop
            }
            CloseReason::Rejected(reason) if refuses_package.contains(reason) => refused(reason),
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
                if level.effective() > Some(strongest(&security)) {
                    let why = format!("the server's handshake negotiated too little for the level {level}");
                    return Err(UpstreamError::NotOffered(why));
                }
                self.context = Some(context);
                self.initiator = None;
                let protection = Some(protection(security));
                match token {
                    Some(token) => NextLeg::Auth3 { token, protection },
                    None => NextLeg::Done { protection },
                }
            }
            Err(refusal) => {
                self.broke = Some(Broke::Refused);
                return Err(refused(&refusal));
            }
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

    /// Breaks the connection off; every call on it is lost, because of `why`.
    pub fn abort(&mut self, why: &str, done: &mut Vec<Done>) {
        self.give_up(&UpstreamError::Timeout(why.to_owned()).into(), done);
    }

    fn give_up(&mut self, Broken { why, retry }: &Broken, done: &mut Vec<Done>) {
        self.state = State::Broken;
        self.deadline = None;
        self.context = None;
        // Some servers refuse a sign-in by closing the connection.
        let is_refusal = self.proven && self.attempt.is_some() && matches!(why, UpstreamError::Closed(_));
        let refusal = is_refusal.then(|| refused(why));
        let why = refusal.as_ref().unwrap_or(why);
        if let Some(attempt) = self.attempt.take()
            && why.is_sign_in()
        {
            attempt.refused(why);
        }
        // As far as such a server says, it may have executed what was sent.
        let sent = match &refusal {
            Some(why) => Outcome::Unavailable { status: CALL_FAILED, why: why.to_string() },
            None => outcome(why),
        };
        done.extend(self.calls.drain().map(|(_, token)| Done::Came { token, outcome: sent.clone() }));
        let lost = |token| Done::Came { token, outcome: outcome(why) };
        done.extend(self.waiting.drain(..).map(|call| match retry {
            Retry::Unsent => Done::Unsent { call, why: why.clone() },
            Retry::Never => lost(call.token),
        }));
    }
}

fn closed(why: &str) -> UpstreamError {
    UpstreamError::Closed(why.to_owned())
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

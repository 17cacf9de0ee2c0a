use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use identity::{Random, SecurityContext};
use mapi::Interface;
use rpc::pdu::FaultStatus;
use wire::{Endian, Guid};

use crate::handles::{self, Bound, HandleTable, HandleUse, handle_use};
use crate::message::{Body, Message};
use crate::module::{CALL_FAILED, Refusal};
use crate::objects::{ObjectLimits, ObjectTable};
use crate::operation::{AheadAnswer, Incoming, Operation, OperationKey, Request};
use crate::session::{Session, SharedSession};
use crate::stack::{Stack, Verdict};

/// The stack, and what it takes to bring operations through it.
#[derive(Debug, Default)]
pub struct Engine {
    stack: Stack,
    numbers: AtomicU64,
}

/// What one client connection holds: the handles of its association group, and the sessions that need none.
#[derive(Debug, Default)]
pub struct Conversation {
    group: Arc<HandleTable>,
    plain: HashMap<Interface, Vec<SharedSession>>,
}

/// An operation on its way.
#[derive(Debug)]
pub struct Flight {
    /// The operation itself.
    pub operation: Operation,
    session: SharedSession,
    /// The upstream's handle that the request named, if it names one.
    handle: Option<Guid>,
    /// Ours for it.
    ours: Option<Guid>,
    ahead: Option<Ahead>,
    asked: usize,
}

#[derive(Debug)]
struct Ahead {
    module: usize,
    key: OperationKey,
}

/// What to do next with an operation.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this call to the upstream, as the caller, and come back with what it says.
    Relay {
        /// The call's number on the operation's interface.
        opnum: u16,
        /// Its request, little-endian.
        stub: Bytes,
    },
    /// Send this response to the client; the operation is done.
    Reply {
        /// The response, little-endian.
        stub: Bytes,
    },
    /// Send a fault to the client; the operation is done.
    Fault {
        /// Its status.
        status: FaultStatus,
        /// Why, for the operator.
        why: String,
    },
}

/// What came of a call to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Response {
        /// Its answer.
        stub: Bytes,
        /// The byte order of its answer.
        endian: Endian,
    },
    /// It answered with a fault.
    Fault(FaultStatus),
    /// It could not be reached, or broke off; why, for the operator.
    Lost(String),
}

impl Conversation {
    /// The conversation of a connection that belongs to the association group whose handles are in `group`.
    pub fn new(group: Arc<HandleTable>) -> Self {
        Self { group, plain: HashMap::new() }
    }

    /// The handles of the connection's association group.
    pub const fn group(&self) -> &Arc<HandleTable> {
        &self.group
    }
}

impl Engine {
    /// An engine with the modules of `stack`.
    pub const fn new(stack: Stack) -> Self {
        Self { stack, numbers: AtomicU64::new(1) }
    }

    /// The modules.
    pub const fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Takes an operation in.
    ///
    /// # Errors
    /// When there is no such operation, or no session of the caller's that it could belong to: then it never
    /// becomes one, and the caller gets a fault.
    pub fn begin(
        &self,
        conversation: &mut Conversation,
        incoming: Incoming,
    ) -> Result<(Flight, Next), Refusal> {
        let (session, bound) = self.session_of(conversation, &incoming)?;
        let mut flight = Flight {
            operation: Operation::new(self.number(), incoming),
            session,
            handle: bound.map(|(_, upstream)| upstream),
            ours: bound.map(|(ours, _)| ours),
            ahead: None,
            asked: 0,
        };
        let verdict = in_session(&mut flight, |operation, session| self.stack.request(operation, session));
        let verdict = verdict.unwrap_or_else(Verdict::Refused);
        let next = self.after(conversation, &mut flight, verdict);
        Ok((flight, next))
    }

    /// Goes on with `flight`, whose call to the upstream came to `outcome`. `random` makes handles.
    pub fn resume(
        &self,
        conversation: &mut Conversation,
        flight: &mut Flight,
        outcome: Outcome,
        random: &mut dyn Random,
    ) -> Next {
        if let Some(ahead) = flight.ahead.take() {
            return self.resume_dispatch(conversation, flight, &ahead, outcome);
        }
        match outcome {
            Outcome::Response { stub, endian } => {
                let stub = little_endian(flight.operation.key(), stub, endian)
                    .and_then(|stub| Self::exchange_handle(conversation, flight, stub, random));
                let stub = match stub {
                    Ok(stub) => stub,
                    Err(refusal) => return self.abandon(conversation, flight, refusal),
                };
                flight.operation.response = Some(Message::new(flight.operation.key(), stub, Endian::Little));
                self.respond(conversation, flight)
            }
            Outcome::Fault(status) => {
                self.fail(conversation, flight, status, "the upstream's fault".to_owned())
            }
            Outcome::Lost(why) => self.fail(conversation, flight, CALL_FAILED, why),
        }
    }

    /// Gives up an operation that is still on its way, since its client is gone. A session that it was about to
    /// open ends with it.
    pub fn give_up(&self, conversation: &Conversation, flight: &Flight) {
        self.settle(conversation, flight);
    }

    /// Ends what `conversation` holds: its own sessions, and those of its group where `last` says that it was
    /// the group's last connection.
    pub fn end(&self, conversation: &mut Conversation, last: bool) {
        for session in conversation.plain.drain().flat_map(|(_, sessions)| sessions) {
            self.end_session(&session);
        }
        if last {
            for session in conversation.group.drain() {
                self.end_session(&session);
            }
        }
    }

    /// Tells the modules that it is over.
    pub fn shutdown(&self) {
        self.stack.shutdown();
    }

    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The session that `incoming` belongs to; with the handle that it names, ours and the upstream's.
    fn session_of(
        &self,
        conversation: &mut Conversation,
        incoming: &Incoming,
    ) -> Result<(SharedSession, Option<(Guid, Guid)>), Refusal> {
        let OperationKey::Call(interface, opnum) = incoming.key else {
            return Err(Refusal::new(FaultStatus::NCA_S_OP_RNG_ERROR, "no remote call"));
        };
        if interface.operation(opnum).is_none() {
            return Err(Refusal::new(FaultStatus::NCA_S_OP_RNG_ERROR, "the interface has no such operation"));
        }
        match handle_use(interface, opnum) {
            HandleUse::Opens | HandleUse::Derives if conversation.group.is_full() => Err(Refusal::new(
                FaultStatus::RPC_S_SERVER_TOO_BUSY,
                "the association group has as many context handles as it may",
            )),
            HandleUse::None => Ok((self.plain_session(conversation, incoming), None)),
            HandleUse::Opens => Ok((SharedSession::new(self.new_session(incoming)), None)),
            _ => {
                let mismatch = |why| Refusal::new(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH, why);
                let ours = read_handle(incoming).ok_or_else(|| {
                    Refusal::new(
                        FaultStatus::RPC_X_BAD_STUB_DATA,
                        "the request is too short for its context handle",
                    )
                })?;
                let bound = conversation.group.get(ours);
                let bound =
                    bound.ok_or_else(|| mismatch("no such context handle on this association group"))?;
                if bound.interface != interface {
                    return Err(mismatch("the context handle belongs to another interface"));
                }
                if bound.session.lock().context().identity() != incoming.context.identity() {
                    return Err(mismatch("the context handle belongs to another identity"));
                }
                Ok((bound.session, Some((ours, bound.upstream))))
            }
        }
    }

    fn plain_session(&self, conversation: &mut Conversation, incoming: &Incoming) -> SharedSession {
        let sessions = conversation.plain.entry(incoming.key.interface()).or_default();
        let own =
            |session: &&SharedSession| session.lock().context().identity() == incoming.context.identity();
        if let Some(session) = sessions.iter().find(own) {
            return session.clone();
        }
        let session = SharedSession::new(self.new_session(incoming));
        sessions.push(session.clone());
        session
    }

    pub(crate) fn new_session(&self, incoming: &Incoming) -> Session {
        let objects = ObjectTable::new(ObjectLimits::default(), self.stack.reads_content());
        Session::new(
            self.number(),
            incoming.key.interface(),
            incoming.context.clone(),
            incoming.peer,
            objects,
        )
    }

    fn after(&self, conversation: &mut Conversation, flight: &mut Flight, verdict: Verdict) -> Next {
        match verdict {
            Verdict::Relay => match leaving_request(flight) {
                Ok(stub) => Next::Relay { opnum: flight.operation.opnum(), stub },
                Err(refusal) => self.abandon(conversation, flight, refusal),
            },
            Verdict::Answered => match take_answered_handle(conversation, flight) {
                Ok(()) => self.respond(conversation, flight),
                Err(refusal) => self.abandon(conversation, flight, refusal),
            },
            Verdict::Refused(refusal) => self.abandon(conversation, flight, refusal),
            Verdict::Ahead { request, module } => match ahead_stub(flight, &request) {
                Ok(stub) => {
                    let key = request.key();
                    flight.ahead = Some(Ahead { module, key });
                    flight.asked = flight.asked.saturating_add(1);
                    Next::Relay { opnum: key.call().map_or(0, |(_, opnum)| opnum), stub }
                }
                Err(refusal) => self.abandon(conversation, flight, refusal),
            },
        }
    }

    fn resume_dispatch(
        &self,
        conversation: &mut Conversation,
        flight: &mut Flight,
        ahead: &Ahead,
        outcome: Outcome,
    ) -> Next {
        let answer = match outcome {
            Outcome::Response { stub, endian } => {
                AheadAnswer::Response(Box::new(Message::new(ahead.key, stub, endian)))
            }
            Outcome::Fault(status) => AheadAnswer::Fault(status),
            Outcome::Lost(why) => return self.fail(conversation, flight, CALL_FAILED, why),
        };
        flight.operation.ahead.push(answer);
        let asked = flight.asked;
        let verdict = in_session(flight, |operation, session| {
            self.stack.dispatch(operation, session, ahead.module, asked)
        });
        let verdict = verdict.unwrap_or_else(Verdict::Refused);
        self.after(conversation, flight, verdict)
    }

    /// Brings the response back through the stack.
    fn respond(&self, conversation: &mut Conversation, flight: &mut Flight) -> Next {
        let passed = in_session(flight, |operation, session| self.stack.response(operation, session));
        if let Err(refusal) = passed.flatten() {
            forget_unseen(conversation, flight);
            return self.abandon(conversation, flight, refusal);
        }
        let leaving = flight.operation.response.as_ref().map(Message::leaving);
        let next = match leaving {
            Some(Ok((stub, _))) => Next::Reply { stub },
            Some(Err(error)) => {
                fault(Refusal::new(CALL_FAILED, format!("a module's response can't be encoded: {error}")))
            }
            None => fault(Refusal::new(CALL_FAILED, "a module took the response away")),
        };
        if matches!(next, Next::Fault { .. }) {
            forget_unseen(conversation, flight);
        }
        self.settle(conversation, flight);
        next
    }

    fn abandon(&self, conversation: &mut Conversation, flight: &mut Flight, refusal: Refusal) -> Next {
        self.settle(conversation, flight);
        fault(refusal)
    }

    fn fail(
        &self,
        conversation: &mut Conversation,
        flight: &mut Flight,
        status: FaultStatus,
        why: String,
    ) -> Next {
        self.settle(conversation, flight);
        Next::Fault { status, why }
    }

    /// Ends the session where the operation left it without a handle.
    fn settle(&self, conversation: &Conversation, flight: &Flight) {
        let (interface, opnum) = called(flight.operation.key());
        let kind = handle_use(interface, opnum);
        let may_end = matches!(kind, HandleUse::Opens | HandleUse::Passes | HandleUse::Closes);
        if may_end && !conversation.group.holds(&flight.session) {
            self.end_session(&flight.session);
        }
    }

    pub(crate) fn end_session(&self, session: &SharedSession) {
        let mut session = session.lock();
        if session.end() {
            self.stack.unbind(&mut session);
            session.clear();
        }
    }

    /// Puts our handle where the upstream's stands in the little-endian `stub`, and remembers or forgets it.
    fn exchange_handle(
        conversation: &Conversation,
        flight: &Flight,
        stub: Bytes,
        random: &mut dyn Random,
    ) -> Result<Bytes, Refusal> {
        let (interface, opnum) = called(flight.operation.key());
        let kind = handle_use(interface, opnum);
        if matches!(kind, HandleUse::None | HandleUse::Reads) {
            return Ok(stub);
        }
        let upstream = handles::read_response(interface, opnum, &stub).ok_or_else(|| {
            Refusal::new(CALL_FAILED, "the upstream's answer is too short for its context handle")
        })?;
        let group = &conversation.group;
        if upstream.is_nil() {
            if matches!(kind, HandleUse::Passes | HandleUse::Closes) {
                group.remove_session(&flight.session);
            }
            return Ok(stub);
        }
        let ours = match (kind, flight.ours) {
            (HandleUse::Passes | HandleUse::Closes, Some(ours)) if flight.handle == Some(upstream) => ours,
            (HandleUse::Passes | HandleUse::Closes, _) => {
                return Err(Refusal::new(
                    CALL_FAILED,
                    "the upstream answered with another session's context handle",
                ));
            }
            (HandleUse::Derives, _) => {
                let session = flight.session.clone();
                bind(group, random, Bound { upstream, interface: Interface::AsyncEmsmdb, session })?
            }
            _ => bind(group, random, Bound { upstream, interface, session: flight.session.clone() })?,
        };
        let mut stub = Vec::from(stub);
        handles::write_response(interface, opnum, &mut stub, ours);
        Ok(Bytes::from(stub))
    }
}

/// The remote call that an operation is. Those that came otherwise have no handles: their number is none.
pub(crate) fn called(key: OperationKey) -> (Interface, u16) {
    match key {
        OperationKey::Call(interface, opnum) => (interface, opnum),
        OperationKey::Http(endpoint, _) => (endpoint.interface(), u16::MAX),
    }
}

impl Flight {
    /// A flight whose session is known without a handle.
    pub(crate) const fn new(operation: Operation, session: SharedSession) -> Self {
        Self { operation, session, handle: None, ours: None, ahead: None, asked: 0 }
    }

    /// The session that it belongs to.
    pub(crate) const fn session(&self) -> &SharedSession {
        &self.session
    }

    /// Who asks.
    pub const fn context(&self) -> &SecurityContext {
        self.operation.context()
    }

    /// The number of the session that it belongs to.
    pub fn session_id(&self) -> u64 {
        self.session.id()
    }
}

/// Runs `hooks` with the session of `flight`. Not where that ended while the operation was on its way: what
/// modules kept for it is gone, and nobody would clear away what they kept anew.
pub(crate) fn in_session<R>(
    flight: &mut Flight,
    hooks: impl FnOnce(&mut Operation, &mut Session) -> R,
) -> Result<R, Refusal> {
    let session = flight.session.clone();
    let mut session = session.lock();
    if session.is_ended() {
        let why = "the session ended while the operation was on its way";
        return Err(Refusal::new(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH, why));
    }
    Ok(hooks(&mut flight.operation, &mut session))
}

/// Looks at the handle in an answer that a module made: it is the request's, or none, and then the session ends.
fn take_answered_handle(conversation: &Conversation, flight: &Flight) -> Result<(), Refusal> {
    let (interface, opnum) = called(flight.operation.key());
    let kind = handle_use(interface, opnum);
    let Some(response) = flight.operation.response.as_ref() else { return Ok(()) };
    if matches!(kind, HandleUse::None | HandleUse::Reads) {
        return Ok(());
    }
    let refusal = |error: wire::Error| {
        Refusal::new(CALL_FAILED, format!("a module's response can't be encoded: {error}"))
    };
    let (stub, _) = response.leaving().map_err(refusal)?;
    let handle = handles::read_response(interface, opnum, &stub).unwrap_or_default();
    match kind {
        HandleUse::Passes | HandleUse::Closes if handle.is_nil() => {
            conversation.group.remove_session(&flight.session);
            Ok(())
        }
        HandleUse::Passes | HandleUse::Closes if flight.ours == Some(handle) => Ok(()),
        HandleUse::Opens | HandleUse::Derives if handle.is_nil() => Ok(()),
        _ => Err(Refusal::new(
            CALL_FAILED,
            "a module answered with a context handle that does not stand for a session of the upstream's",
        )),
    }
}

/// Forgets the handle that an operation opened and whose client will not see it.
fn forget_unseen(conversation: &Conversation, flight: &Flight) {
    let (interface, opnum) = called(flight.operation.key());
    if handle_use(interface, opnum) == HandleUse::Opens {
        conversation.group.remove_session(&flight.session);
    }
}

/// A response's stub in little-endian, the only byte order in which we answer and exchange handles.
fn little_endian(key: OperationKey, stub: Bytes, endian: Endian) -> Result<Bytes, Refusal> {
    match endian {
        Endian::Little => Ok(stub),
        Endian::Big => crate::Response::decode(key, &stub, endian)
            .and_then(|(response, _)| response.encode())
            .map(Bytes::from)
            .map_err(|error| Refusal::new(CALL_FAILED, format!("the upstream's answer: {error}"))),
    }
}

/// Enters `bound` under a new handle of ours.
fn bind(group: &HandleTable, random: &mut dyn Random, bound: Bound) -> Result<Guid, Refusal> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).map_err(|error| Refusal::new(CALL_FAILED, error.to_string()))?;
    let ours = Guid::from_le(bytes);
    group.insert(ours, bound);
    Ok(ours)
}

fn read_handle(incoming: &Incoming) -> Option<Guid> {
    match incoming.endian {
        Endian::Little => handles::read_request(&incoming.stub),
        Endian::Big => {
            let request = Request::decode(incoming.key, &incoming.stub, incoming.endian);
            handles::read_request(&request.ok()?.0.encode().ok()?)
        }
    }
}

/// The request as it leaves: little-endian, with the upstream's handle in place of ours.
fn leaving_request(flight: &mut Flight) -> Result<Bytes, Refusal> {
    let bad = |error: wire::Error| Refusal::new(FaultStatus::RPC_X_BAD_STUB_DATA, error.to_string());
    if flight.operation.request.original_endian() == Endian::Big {
        flight.operation.request.change().map_err(bad)?;
    }
    let (stub, _) = flight.operation.request.leaving().map_err(bad)?;
    Ok(with_handle(stub, flight.handle))
}

/// A request that a module wants to send ahead, on the session's own handle.
fn ahead_stub(flight: &Flight, request: &Request) -> Result<Bytes, Refusal> {
    let stub = request.encode().map_err(|error| {
        Refusal::new(CALL_FAILED, format!("a module's request can't be encoded: {error}"))
    })?;
    let (interface, opnum) = called(request.key());
    match (handle_use(interface, opnum), flight.handle) {
        (HandleUse::None, _) => Ok(Bytes::from(stub)),
        (_, Some(handle)) => Ok(with_handle(Bytes::from(stub), Some(handle))),
        (_, None) => {
            Err(Refusal::new(CALL_FAILED, "a module asks ahead on a context handle that there is not yet"))
        }
    }
}

fn with_handle(stub: Bytes, handle: Option<Guid>) -> Bytes {
    let Some(handle) = handle else { return stub };
    let mut stub = Vec::from(stub);
    handles::write_request(&mut stub, handle);
    Bytes::from(stub)
}

fn fault(refusal: Refusal) -> Next {
    Next::Fault { status: refusal.status, why: refusal.why.into_owned() }
}

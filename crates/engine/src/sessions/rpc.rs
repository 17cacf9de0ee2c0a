//! The way of operations whose sessions are known by context handles, as remote calls have them.

use std::ops::ControlFlow;

use identity::Random;
use rpc::pdu::FaultStatus;
use wire::{Endian, Guid};

use crate::body::OperationKey;
use crate::context_handle::{HandleUse, handle_use};
use crate::engine::Engine;
use crate::flight::{Ahead, Flight, Next, Outcome, Waits, called, fault, in_session, out_of_turn};
use crate::message::Message;
use crate::operation::{AheadAnswer, Incoming, Operation};
use crate::refusal::{CALL_FAILED, Refusal};
use crate::session::SharedSession;
use crate::sessions::conversation::Conversation;
use crate::sessions::links;
use crate::sessions::sequence::RequestCookies;
use crate::sessions::translate::{
    ahead_stub, exchange_handle, forget_unseen, leaving_request, little_endian, read_handle,
    take_answered_handle, too_many_handles,
};
use crate::stack::{Passage, Verdict};

impl Engine {
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
            waits: None,
            asked: 0,
            cookies: RequestCookies::NONE,
        };
        links::unlink_others(conversation.group(), &mut flight)?;
        let verdict = in_session(&mut flight, |operation, session| self.stack().request(operation, session));
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
        match flight.waits.take() {
            Some(Waits::Ahead(ahead)) => return self.resume_dispatch(conversation, flight, &ahead, outcome),
            Some(_) => return self.abandon(conversation, flight, out_of_turn()),
            None => {}
        }
        match outcome {
            Outcome::Response { stub, endian } => {
                let stub = little_endian(flight.operation.key(), stub, endian)
                    .and_then(|stub| exchange_handle(conversation, flight, stub, random));
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
            Outcome::Unavailable { status, why } => self.fail(conversation, flight, status, why),
        }
    }

    /// Goes on with `flight`, which waited for a module's work ([`Next::Defer`]): to its end, or for as long
    /// as it may.
    pub fn resume_deferred(&self, conversation: &mut Conversation, flight: &mut Flight) -> Next {
        match flight.waits.take() {
            Some(Waits::Decision(deferred)) => {
                let verdict = self.decide(flight, deferred);
                self.after(conversation, flight, verdict)
            }
            Some(Waits::Delivery(deferred)) => {
                let passage = self.passage(flight, deferred);
                self.responded(conversation, flight, passage)
            }
            Some(Waits::Ahead(_)) | None => self.abandon(conversation, flight, out_of_turn()),
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
            for session in conversation.group().drain() {
                self.end_session(&session);
            }
        }
    }

    /// Ends those sessions of `conversation` and of its group whose security context was revoked: their handles
    /// are not known any more.
    pub fn end_revoked(&self, conversation: &mut Conversation) {
        for sessions in conversation.plain.values_mut() {
            for session in sessions.extract_if(.., |session| session.is_revoked()) {
                self.end_session(&session);
            }
        }
        for session in conversation.group().sessions().iter().filter(|session| session.is_revoked()) {
            conversation.group().remove_session(session);
            self.end_session(session);
        }
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
            HandleUse::Opens | HandleUse::Derives if conversation.group().is_full() => {
                Err(too_many_handles())
            }
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
                let bound = conversation.group().get(ours);
                let bound =
                    bound.ok_or_else(|| mismatch("no such context handle on this association group"))?;
                if bound.interface != interface {
                    return Err(mismatch("the context handle belongs to another interface"));
                }
                if bound.session.lock().context().identity() != incoming.context.identity() {
                    return Err(mismatch("the context handle belongs to another identity"));
                }
                // Who signed in anew, with an account of the same name, does not go on with it.
                if bound.session.is_revoked() {
                    conversation.group().remove_session(&bound.session);
                    self.end_session(&bound.session);
                    return Err(mismatch("the account that the context handle was opened with was revoked"));
                }
                Ok((bound.session, Some((ours, bound.upstream))))
            }
        }
    }

    fn plain_session(&self, conversation: &mut Conversation, incoming: &Incoming) -> SharedSession {
        let sessions = conversation.plain.entry(incoming.key.interface()).or_default();
        for revoked in sessions.extract_if(.., |session| session.is_revoked()) {
            self.end_session(&revoked);
        }
        sessions.retain(|session| !session.lock().is_ended());
        let own =
            |session: &&SharedSession| session.lock().context().identity() == incoming.context.identity();
        if let Some(session) = sessions.iter().find(own) {
            return session.clone();
        }
        let session = SharedSession::new(self.new_session(incoming));
        sessions.push(session.clone());
        session
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
                    flight.wait_for(Waits::Ahead(Ahead { module, key }));
                    Next::Relay { opnum: key.call().map_or(0, |(_, opnum)| opnum), stub }
                }
                Err(refusal) => self.abandon(conversation, flight, refusal),
            },
            Verdict::Defer { work, module } => match self.defer(flight, work, module, Waits::Decision) {
                Ok(next) => next,
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
            Outcome::Unavailable { status, why } => return self.fail(conversation, flight, status, why),
        };
        let verdict = self.answered_ahead(flight, ahead, answer);
        self.after(conversation, flight, verdict)
    }

    /// Brings the response back through the stack.
    fn respond(&self, conversation: &mut Conversation, flight: &mut Flight) -> Next {
        let passage = in_session(flight, |operation, session| self.stack().response(operation, session));
        self.responded(conversation, flight, passage.unwrap_or_else(Passage::Refused))
    }

    fn responded(&self, conversation: &mut Conversation, flight: &mut Flight, passage: Passage) -> Next {
        let next = match self.after_response(flight, passage) {
            ControlFlow::Continue(next) => next,
            ControlFlow::Break(deferred) => return deferred,
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
        if flight.session.lock().is_broken() {
            conversation.group().remove_session(&flight.session);
            self.end_session(&flight.session);
        } else if may_end && !conversation.group().holds(&flight.session) {
            self.end_session(&flight.session);
        }
    }
}

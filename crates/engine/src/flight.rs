//! An operation in progress, and how it goes on after the stack, the upstream or deferred work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use identity::SecurityContext;
use mapi::Interface;
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use rpc::pdu::FaultStatus;
use wire::{Endian, Guid};

use crate::body::OperationKey;
use crate::deferred::Deferred;
use crate::message::Message;
use crate::module::{Decision, Delivery};
use crate::operation::Operation;
use crate::refusal::{CALL_FAILED, Refusal, fault_status};
use crate::session::{Session, SharedSession};
use crate::sessions::sequence::RequestCookies;

/// An operation on its way.
#[derive(Debug)]
pub struct Flight {
    /// The operation itself.
    pub operation: Operation,
    pub(crate) session: SharedSession,
    /// The upstream's handle that the request named, if it names one.
    pub(crate) handle: Option<Guid>,
    /// Ours for it.
    pub(crate) ours: Option<Guid>,
    pub(crate) waits: Option<Waits>,
    /// How often modules asked ahead or deferred it.
    pub(crate) asked: usize,
    /// The cookies that it came with, and those that its client has not seen.
    pub(crate) cookies: RequestCookies,
}

/// What an operation waits for, and which module is asked again then.
#[derive(Debug)]
pub(crate) enum Waits {
    /// The upstream's answer to what a module asked ahead.
    Ahead(Ahead),
    /// Work on which depends what becomes of the request.
    Decision(Deferred<Decision>),
    /// Work on which depends what becomes of the answer.
    Delivery(Deferred<Delivery>),
}

/// What was asked ahead, for which module.
#[derive(Debug)]
pub(crate) struct Ahead {
    pub(crate) module: usize,
    pub(crate) key: OperationKey,
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
    /// Wait until [`Flight::poll_work`] is ready, but no longer than `limit`, and come back
    /// ([`Engine::resume_deferred`](crate::Engine::resume_deferred)). Dropped instead, it is given up.
    Defer {
        /// How long it may take.
        limit: Duration,
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
    /// It broke off, so that the call may have been executed; why, for the operator.
    Lost(String),
    /// It is in a state in which it executes no calls, and which is reported by itself; why, for the operator.
    Unavailable {
        /// With what status the client's call fails.
        status: FaultStatus,
        /// Why.
        why: String,
    },
}

impl Flight {
    /// A flight whose session is known without a handle.
    pub(crate) const fn new(operation: Operation, session: SharedSession) -> Self {
        Self {
            operation,
            session,
            handle: None,
            ours: None,
            waits: None,
            asked: 0,
            cookies: RequestCookies::NONE,
        }
    }

    /// Whether it waits for notifications, which may end at any time.
    pub fn is_wait(&self) -> bool {
        self.answer_to_wait().is_some()
    }

    /// The upstream's answer to a wait for notifications where there are none; see [`crate::Engine::end_wait`].
    pub(crate) const fn answer_to_wait(&self) -> Option<&'static [u8]> {
        match self.operation.key() {
            // pulFlagsOut, and the return value.
            OperationKey::Call(Interface::AsyncEmsmdb, 0) => Some(&[0; 8]),
            // StatusCode, ErrorCode, EventPending, AuxiliaryBufferSize.
            OperationKey::Http(Endpoint::Emsmdb, RequestType::NotificationWait) => Some(&[0; 16]),
            _ => None,
        }
    }

    pub(crate) fn wait_for(&mut self, waits: Waits) {
        self.waits = Some(waits);
        self.asked = self.asked.saturating_add(1);
    }

    /// Ready once the work is done that the operation waits for, and where it waits for none.
    pub fn poll_work(&mut self, task: &mut Context<'_>) -> Poll<()> {
        match &mut self.waits {
            Some(Waits::Decision(work)) => work.poll(task),
            Some(Waits::Delivery(work)) => work.poll(task),
            Some(Waits::Ahead(_)) | None => Poll::Ready(()),
        }
    }

    /// What goes to the upstream next, where that is not the operation itself but what a module asks ahead of
    /// it.
    pub const fn asks_ahead(&self) -> Option<OperationKey> {
        match &self.waits {
            Some(Waits::Ahead(ahead)) => Some(ahead.key),
            _ => None,
        }
    }

    /// The upstream `set` these cookies, and the client will not see them in the head of an answer.
    pub fn unseen<'a>(&mut self, set: impl Iterator<Item = &'a str>) {
        self.cookies.unseen(set);
    }

    /// The client gets an answer whose head sets these cookies: the values of the `Set-Cookie` headers that
    /// have to stand there as well, since the client has not seen them.
    pub fn seen<'a>(&mut self, set: impl Iterator<Item = &'a str>) -> Vec<String> {
        self.cookies.seen(set)
    }

    /// The value of the one `Cookie` header that goes to the upstream in place of `sent`, the values of those
    /// that the client sent; none where these can go as they are, and empty where none of them may go.
    pub fn cookies_to_send(&self, sent: &[&[u8]]) -> Option<String> {
        self.cookies.cookies_to_send(sent)
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

/// The remote call that an operation is. Those that came otherwise have no handles: their number is none.
pub(crate) fn called(key: OperationKey) -> (Interface, u16) {
    match key {
        OperationKey::Call(interface, opnum) => (interface, opnum),
        OperationKey::Http(endpoint, _) => (endpoint.interface(), u16::MAX),
    }
}

/// Runs `hooks` with the session of `flight`. Not where that ended while the operation was on its way: what
/// modules kept for it is gone, and nothing would clear away what they kept anew. Where a hook panics, the session
/// is broken: what was known of its objects is lost, so that it can't go on.
pub(crate) fn in_session<R>(
    flight: &mut Flight,
    hooks: impl FnOnce(&mut Operation, &mut Session) -> R,
) -> Result<R, Refusal> {
    let session = flight.session.clone();
    let mut session = session.lock();
    if session.is_ended() || session.is_broken() {
        let why = "the session ended while the operation was on its way";
        return Err(Refusal::new(FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH, why));
    }
    // What a panic leaves half done is not looked at any more: the session ends, and the operation is refused.
    let done = catch_unwind(AssertUnwindSafe(|| hooks(&mut flight.operation, &mut session)));
    done.map_err(|_| {
        session.break_off();
        let status = match flight.operation.key() {
            OperationKey::Call(..) => FaultStatus::NCA_S_FAULT_CONTEXT_MISMATCH,
            OperationKey::Http(..) => fault_status(ResponseCode::InvalidContextCookie),
        };
        Refusal::new(status, "a module's hook panicked: the session was ended")
    })
}

/// The operation is brought on with what it does not wait for.
pub(crate) fn out_of_turn() -> Refusal {
    Refusal::new(CALL_FAILED, "the operation does not wait for this")
}

pub(crate) fn fault(refusal: Refusal) -> Next {
    Next::Fault { status: refusal.status, why: refusal.why.into_owned() }
}

/// The response as it leaves for the client.
pub(crate) fn leaving_response(flight: &Flight) -> Next {
    match flight.operation.response.as_ref().map(Message::leaving) {
        Some(Ok((stub, _))) => Next::Reply { stub },
        Some(Err(error)) => {
            fault(Refusal::new(CALL_FAILED, format!("a module's response can't be encoded: {error}")))
        }
        None => fault(Refusal::new(CALL_FAILED, "a module took the response away")),
    }
}

use bytes::Bytes;
use identity::SecurityContext;
use mapi::Interface;
use rpc::pdu::FaultStatus;
use wire::{Endian, Guid};

use crate::module::Refusal;
use crate::operation::{Operation, OperationKey};
use crate::session::{Session, SharedSession};

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
    pub(crate) ahead: Option<Ahead>,
    pub(crate) asked: usize,
}

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

/// The remote call that an operation is. Those that came otherwise have no handles: their number is none.
pub(crate) fn called(key: OperationKey) -> (Interface, u16) {
    match key {
        OperationKey::Call(interface, opnum) => (interface, opnum),
        OperationKey::Http(endpoint, _) => (endpoint.interface(), u16::MAX),
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

pub(crate) fn fault(refusal: Refusal) -> Next {
    Next::Fault { status: refusal.status, why: refusal.why.into_owned() }
}

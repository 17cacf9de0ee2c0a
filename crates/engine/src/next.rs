//! What an operation in flight needs next: the upstream, a module's deferred work, or nothing any more.

use std::borrow::Cow;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use mapi::mapihttp::ResponseCode;
use rpc::pdu::FaultStatus;
use wire::Endian;

use crate::body::OperationKey;
use crate::deferred::Deferred;
use crate::flight::Flight;
use crate::module::{Decision, Delivery};
use crate::refusal::{Refusal, RefusalKind, UpstreamRefusal};
use crate::sessions::cookie_binding::{Eviction, response_code};
use crate::sessions::handle_binding::{CALL_FAILED, fault_status};

/// What to do next with an operation.
///
/// Each variant owns the operation, and going on with it consumes it: what waits for the upstream can't be resumed as
/// if it waited for a module's work, nor twice.
///
/// ```compile_fail,E0382
/// # use engine::{AwaitsUpstream, Outcome};
/// fn twice(call: AwaitsUpstream, outcome: Outcome, random: &mut dyn identity::Random) {
///     call.resume(outcome.clone(), random);
///     call.resume(outcome, random); // error[E0382]: use of moved value: `call`
/// }
/// ```
///
/// ```compile_fail,E0061
/// # use engine::{AwaitsWork, Outcome};
/// fn out_of_turn(work: AwaitsWork, outcome: Outcome, random: &mut dyn identity::Random) {
///     work.resume(outcome, random); // error[E0061]: this method takes 0 arguments
/// }
/// ```
#[derive(Debug)]
#[must_use = "an operation that is dropped is given up"]
pub enum Next {
    /// Send the call to the upstream, as the caller, and [resume](AwaitsUpstream::resume) with what came of it.
    Forward(AwaitsUpstream),
    /// Wait until the work is done, but no longer than its limit, and [resume](AwaitsWork::resume).
    Defer(AwaitsWork),
    /// Send the reply to the client; the operation is over.
    Done(Finished),
}

/// An operation that waits for the upstream: to be sent, or for the response.
#[derive(Debug)]
#[must_use = "an operation that is dropped is given up"]
pub struct AwaitsUpstream {
    pub(crate) flight: Box<Flight>,
    pub(crate) opnum: u16,
    pub(crate) stub: Bytes,
    pub(crate) ahead: Option<Ahead>,
}

/// A request that a module sent ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead {
    /// The number of the module on the stack.
    pub(crate) module: usize,
    pub(crate) key: OperationKey,
}

/// An operation that waits for a module's deferred work.
#[derive(Debug)]
#[must_use = "an operation that is dropped is given up"]
pub struct AwaitsWork {
    pub(crate) flight: Box<Flight>,
    pub(crate) work: DeferredWork,
}

/// Deferred work, by what depends on it.
#[derive(Debug)]
pub(crate) enum DeferredWork {
    /// What becomes of the request.
    Decision(Deferred<Decision>),
    /// What becomes of the response.
    Delivery(Deferred<Delivery>),
}

/// An operation that is over.
#[derive(Debug)]
pub struct Finished {
    pub(crate) flight: Box<Flight>,
    pub(crate) reply: Reply,
}

/// What the client gets in reply to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// This response, little-endian.
    Response(Bytes),
    /// A refusal by the proxy or one of its modules.
    Refused(Refusal),
    /// The upstream's refusal, as it came.
    RefusedByUpstream(UpstreamRefusal),
}

/// What came of a call to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Response {
        /// The response.
        stub: Bytes,
        /// The byte order of the response.
        endian: Endian,
    },
    /// It was refused.
    Refused(UpstreamRefusal),
    /// The connection was lost, so that the call may have been executed; why, for the operator.
    Lost(String),
    /// The upstream executes no calls at present, which is reported separately; why, for the operator.
    Unavailable {
        /// How the client's call fails.
        kind: RefusalKind,
        /// Why.
        why: String,
    },
}

impl Next {
    /// The operation.
    pub const fn flight(&self) -> &Flight {
        match self {
            Self::Forward(call) => &call.flight,
            Self::Defer(work) => &work.flight,
            Self::Done(finished) => &finished.flight,
        }
    }
}

impl AwaitsUpstream {
    /// The operation.
    pub const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// The number of the call on the operation's interface; 65535 of a request that is not an RPC call.
    pub const fn opnum(&self) -> u16 {
        self.opnum
    }

    /// The stub of the call, or the body of the request, little-endian. It is handed out once, so that it takes no
    /// memory while the upstream is waited for; empty from then on.
    pub fn take_stub(&mut self) -> Bytes {
        std::mem::take(&mut self.stub)
    }

    /// Which operation goes to the upstream, where that is not the client's own but one that a module sends ahead of
    /// it.
    pub fn ahead(&self) -> Option<OperationKey> {
        self.ahead.map(|ahead| ahead.key)
    }

    /// What to resume with to end a wait for notifications without one, as a server may at any time: the response to
    /// `EcDoAsyncWaitEx` ([MS-OXCRPC] 3.3.4.1) or `NotificationWait` ([MS-OXCMAPIHTTP] 2.2.4.4.2). None for another
    /// operation.
    pub fn end_notification_wait(&self) -> Option<Outcome> {
        let response = self.flight.empty_wait_response()?;
        self.flight.engine.count_ended_notification_wait();
        Some(Outcome::Response { stub: Bytes::from_static(response), endian: Endian::Little })
    }

    /// The value of the one `Cookie` header that goes to the upstream in place of `sent`, the values of those that the
    /// client sent. None where these can go as they are; empty where none of them may go.
    pub fn cookies_to_send(&self, sent: &[&[u8]]) -> Option<String> {
        self.flight.cookies()?.cookies.cookies_to_send(sent)
    }

    /// The upstream began to respond, and `set` these cookies. They are the session's from now on: the client may use
    /// them before the response is complete. Returns whether another session of the identity was ended, since it has
    /// as many as it may.
    ///
    /// # Errors
    /// When they would leave a session without a cookie that identifies it: then the response must not pass.
    pub fn bind_cookies<'a>(&self, set: impl Iterator<Item = &'a str>) -> Result<Eviction, Refusal> {
        let Flight { operation, engine, session, .. } = &*self.flight;
        match self.flight.cookies() {
            Some(binding) => binding.bind_cookies(engine, operation, session, set),
            None => Ok(Eviction::None),
        }
    }

    /// The upstream `set` these cookies for the session, whose requests go to `target`: what it takes to end it at the
    /// server later.
    pub fn keep_logoff_cookies<'a>(&self, target: &str, set: impl Iterator<Item = &'a str>) {
        // Anonymous clients have no session at the server.
        if let Some(binding) = self.flight.cookies().filter(|_| !self.flight.context().is_anonymous()) {
            binding.table.record_logoff_cookies(self.flight.session_id(), target, set);
        }
    }

    /// The upstream `set` these cookies, and the client will not see them in the head of a response.
    pub fn hold_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) {
        if let Some(binding) = self.flight.cookies_mut() {
            binding.cookies.hold_cookies(set);
        }
    }

    /// The client gets a response whose head sets these cookies. Returns the values of the `Set-Cookie` headers that
    /// have to be added to it, since the client has not seen them.
    pub fn take_held_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) -> Vec<String> {
        self.flight.cookies_mut().map(|binding| binding.cookies.take_held_cookies(set)).unwrap_or_default()
    }
}

impl AwaitsWork {
    /// The operation.
    pub const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// How long the work may take at most, the time that it waits for a thread included.
    pub const fn time_limit(&self) -> Duration {
        match &self.work {
            DeferredWork::Decision(work) => work.time_limit,
            DeferredWork::Delivery(work) => work.time_limit,
        }
    }

    /// Ready once the work is done.
    pub fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        match &mut self.work {
            DeferredWork::Decision(work) => work.poll(task),
            DeferredWork::Delivery(work) => work.poll(task),
        }
    }
}

impl Finished {
    /// The operation.
    pub const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// What the client gets.
    pub const fn reply(&self) -> &Reply {
        &self.reply
    }
}

impl Reply {
    /// The fault that a RPC client gets; none with a response.
    pub const fn fault(&self) -> Option<FaultStatus> {
        match self {
            Self::Response(_) => None,
            Self::Refused(refusal) => Some(fault_status(refusal.kind)),
            Self::RefusedByUpstream(UpstreamRefusal::Fault(status)) => Some(*status),
            Self::RefusedByUpstream(UpstreamRefusal::ResponseCode(_)) => Some(CALL_FAILED),
        }
    }

    /// The `X-ResponseCode` that a client of MAPI over HTTP gets.
    pub const fn response_code(&self) -> ResponseCode {
        match self {
            Self::Response(_) => ResponseCode::Success,
            Self::Refused(refusal) => response_code(refusal.kind),
            Self::RefusedByUpstream(UpstreamRefusal::ResponseCode(code)) => *code,
            Self::RefusedByUpstream(UpstreamRefusal::Fault(_)) => ResponseCode::UnknownFailure,
        }
    }

    /// Why the client gets a refusal, for the operator; none with a response.
    pub fn why(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Response(_) => None,
            Self::Refused(refusal) => Some(Cow::Borrowed(&refusal.why)),
            Self::RefusedByUpstream(refusal) => Some(Cow::Owned(refusal.to_string())),
        }
    }
}

//! The states of an operation in progress: it waits for the upstream, it waits for deferred work, or it is finished.

use std::borrow::Cow;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use mapi::mapihttp::ResponseCode;
use rpc::pdu::FaultStatus;
use wire::Endian;

use crate::body::OperationKey;
use crate::deferred::{Deferred, Work};
use crate::flight::{Binding, Flight, ended_in_flight};
use crate::module::{Decision, Delivery};
use crate::refusal::{Refusal, RefusalKind, UpstreamRefusal};
use crate::sessions::cookie_binding::{Eviction, response_code};
use crate::sessions::handle_binding::{CALL_FAILED, fault_status};
use crate::sessions::opening::OpeningSession;
use crate::sessions::opening_handle::OpeningHandle;
use crate::stack::RequestOutcome;
use crate::step::{PooledStep, StepResult};

/// The next step of an operation.
///
/// Each variant owns the operation, and resuming it consumes it: an operation that waits for the upstream cannot be
/// resumed as if it waited for deferred work, nor twice.
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
#[must_use = "an operation that is dropped is aborted"]
pub enum Next {
    /// Send the request to the upstream, as the caller, and [resume](AwaitsUpstream::resume) with the outcome.
    Forward(AwaitsUpstream),
    /// Wait until the work is done on a thread of the pool or its time limit has passed, and
    /// [resume](AwaitsWork::resume).
    Defer(AwaitsWork),
    /// Send the reply to the client; the operation is over.
    Done(Finished),
}

/// An operation whose request is to be sent to the upstream, or that waits for the response.
#[derive(Debug)]
#[must_use = "an operation that is dropped is aborted"]
pub struct AwaitsUpstream {
    pub(crate) flight: Box<Flight>,
    pub(crate) opnum: u16,
    pub(crate) stub: Bytes,
    pub(crate) ahead: Option<Ahead>,
}

/// Identifies a request that a module sent ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead {
    /// The number of the module on the stack.
    pub(crate) module: usize,
    pub(crate) key: OperationKey,
}

/// An operation that waits for a module's deferred work, or until a thread of the pool has decoded a long response and
/// passed it to the modules. That thread has the operation meanwhile; [`Flight::operation`] is another value with the
/// same number, the request and the response.
#[derive(Debug)]
#[must_use = "an operation that is dropped is aborted"]
pub struct AwaitsWork {
    pub(crate) flight: Box<Flight>,
    pub(crate) work: DeferredWork,
}

/// Deferred work, by what it returns.
#[derive(Debug)]
pub(crate) enum DeferredWork {
    /// A decision of a module about the request.
    Decision(Deferred<Decision>),
    /// A decision of a module about the response.
    Delivery(Deferred<Delivery>),
    /// The decision of the stack about the request.
    Request(PooledStep<RequestOutcome>),
    /// The response of the operation.
    Response(PooledStep<Answer>),
}

/// The result of passing a response to the modules.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The reply to the client.
    Reply(Reply),
    /// The module with this number on the stack defers the response.
    Defer { work: Work<Delivery>, module: usize },
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Reply(Reply::Refused(refusal))
    }
}

impl StepResult for Answer {
    fn is_last(&self) -> bool {
        matches!(self, Self::Reply(_))
    }
}

impl StepResult for RequestOutcome {
    fn is_last(&self) -> bool {
        false
    }
}

/// An operation that has ended.
#[derive(Debug)]
pub struct Finished {
    pub(crate) flight: Box<Flight>,
    pub(crate) reply: Reply,
}

/// What to send to the client in reply to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The response, little-endian.
    Response(Bytes),
    /// A refusal by the proxy or one of its modules.
    Refused(Refusal),
    /// The upstream's refusal, unchanged.
    RefusedByUpstream(UpstreamRefusal),
}

/// The outcome of a request to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream sent a response.
    Response {
        /// The stub of the response, or the payload of its body over HTTP.
        stub: Bytes,
        /// The byte order of the response.
        endian: Endian,
    },
    /// The upstream refused the request.
    Refused(UpstreamRefusal),
    /// The connection was lost, so that the request may have been executed. Contains the reason, for the log.
    Lost(String),
    /// The request was not sent, since the upstream is not available at present.
    Unavailable {
        /// The kind of refusal that the client receives.
        kind: RefusalKind,
        /// The reason, for the log.
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

    /// How much of the operation was decoded since the last call, in units of about 70 nanoseconds of processor time.
    /// The embedder counts it as work of the connection.
    pub fn take_work(&mut self) -> u32 {
        let flight = match self {
            Self::Forward(call) => &mut call.flight,
            Self::Defer(work) => &mut work.flight,
            Self::Done(finished) => &mut finished.flight,
        };
        flight.operation.take_work()
    }
}

impl AwaitsUpstream {
    /// The operation.
    pub const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// The operation number of the call on the operation's interface; 65535 for a request that is not an RPC call.
    pub const fn opnum(&self) -> u16 {
        self.opnum
    }

    /// The stub of the call, or the payload of the request's body, little-endian, if the request may still be sent.
    ///
    /// To be called when the bytes are given to the connection and not earlier, for each attempt anew: while a request
    /// waits for a connection, for instance, its session may end, and the server may give the context handle or the
    /// cookies to a session of another user.
    ///
    /// # Errors
    /// If the account of the caller was revoked, or the session has ended. Nothing may be sent then: the operation is
    /// to be [aborted](Next::abort) with the refusal.
    pub fn stub_to_send(&self) -> Result<Bytes, Refusal> {
        let key = self.ahead().unwrap_or_else(|| self.flight.operation.key());
        self.flight.check_request(key, &self.stub)?;
        Ok(self.stub.clone())
    }

    /// Drops the stub, which will not be sent again, so that it occupies no memory during the wait for the upstream.
    pub fn drop_stub(&mut self) {
        self.stub = Bytes::new();
    }

    /// Records the association group of the upstream in which it responded. The embedder numbers the upstream's groups
    /// for each association group of clients, and uses no number for two groups. A handle in the response is valid as
    /// long as that group exists ([`Engine::end_lost`](crate::Engine::end_lost)).
    pub const fn received_in(&mut self, upstream_group: u64) {
        self.flight.received_in(upstream_group);
    }

    /// The key of the request that a module sends ahead, if this is one; `None` for the client's own request.
    pub fn ahead(&self) -> Option<OperationKey> {
        self.ahead.map(|ahead| ahead.key)
    }

    /// The outcome with which to resume a wait for notifications to end it without a notification, as a server may at
    /// any time: the response to `EcDoAsyncWaitEx` ([MS-OXCRPC] 3.3.4.1) or `NotificationWait` ([MS-OXCMAPIHTTP]
    /// 2.2.4.4.2). `None` for another operation.
    pub fn end_notification_wait(&self) -> Option<Outcome> {
        let response = self.flight.empty_wait_response()?;
        self.flight.engine.count_ended_notification_wait();
        Some(Outcome::Response { stub: Bytes::from_static(response), endian: Endian::Little })
    }

    /// The value of the one `Cookie` header to send to the upstream. `sent` returns the values of the `Cookie`
    /// headers that the client sent. `None` if these can be forwarded unchanged; empty if no cookie may be sent.
    pub fn cookies_to_send<'a>(&self, sent: impl FnOnce() -> Vec<&'a [u8]>) -> Option<String> {
        self.flight.cookies()?.cookies.cookies_to_send(sent)
    }

    /// Binds cookies of a response to the session. `set` are the values of the `Set-Cookie` headers in the response's
    /// head. Call it when the head arrives, since the client may use the cookies before the response is complete.
    /// Returns whether another session of the same user was ended because a limit on sessions is reached, and which.
    ///
    /// # Errors
    /// If the session has ended, since the cookies may be those of another session then; if a session would be left
    /// without a cookie that identifies it; if no session of the user can be ended; or if the cookies exceed the memory
    /// of the user. Then the response must not be forwarded. A session that was not added is returned by
    /// [`take_opening`](Self::take_opening).
    pub fn bind_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) -> Result<Eviction, Refusal> {
        let Flight { operation, engine, session, binding, .. } = &mut *self.flight;
        if session.is_closed() {
            return Err(ended_in_flight());
        }
        match binding {
            Binding::Cookies(binding) => binding.bind_cookies(engine, operation, session, set),
            Binding::Handle(_) => Ok(Eviction::None),
        }
    }

    /// Takes the session that the server may be opening, if this is a Connect or Bind over HTTP whose cookies were not
    /// bound. To be called after the request was sent and before the operation is aborted. The head of the response is
    /// to be read nevertheless, within a time limit, and passed to [`OpeningSession::opened`].
    pub fn take_opening(&mut self) -> Option<OpeningSession> {
        let Flight { operation, engine, session, binding, .. } = &mut *self.flight;
        match binding {
            Binding::Cookies(binding) => binding.opening(engine, operation, session),
            Binding::Handle(_) => None,
        }
    }

    /// Takes the context handle that the server may be opening, if this is an RPC call that opens or derives one. To be
    /// called after the request was sent and before the operation is aborted. The response is to be read nevertheless,
    /// within a time limit, and passed to [`OpeningHandle::opened`].
    pub fn take_opening_handle(&mut self) -> Option<OpeningHandle> {
        let Flight { operation, engine, session, binding, .. } = &mut *self.flight;
        match binding {
            Binding::Handle(binding) => {
                OpeningHandle::take(binding, engine, (operation.key(), operation.id()), session)
            }
            Binding::Cookies(_) => None,
        }
    }

    /// Keeps the cookies of a response, to end the session at the server later. `set` are the values of its
    /// `Set-Cookie` headers, and `target` is the target of the session's requests.
    pub fn keep_logoff_cookies<'a>(&self, target: &str, set: impl Iterator<Item = &'a str>) {
        // Anonymous clients have no session at the server.
        if let Some(binding) = self.flight.cookies().filter(|_| !self.flight.context().is_anonymous()) {
            binding.table.record_logoff_cookies(self.flight.session_id(), target, set);
        }
    }

    /// Holds cookies for the client's next request, if the client does not receive them in the head of a response.
    /// `set` are the values of the upstream's `Set-Cookie` headers.
    ///
    /// # Errors
    /// If the cookies exceed the memory of the user. Then the session ends, and the response must not be forwarded.
    pub fn add_pending_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
        let Flight { session, binding, .. } = &mut *self.flight;
        match binding {
            Binding::Cookies(binding) => binding.add_pending_cookies(session, set),
            Binding::Handle(_) => Ok(()),
        }
    }

    /// Takes the held cookies, to add them to a response to the client whose `Set-Cookie` headers have the values
    /// `set`. Returns the values of the `Set-Cookie` headers to add.
    pub fn take_pending_cookies<'a>(&mut self, set: impl Iterator<Item = &'a str>) -> Vec<String> {
        self.flight.cookies_mut().map(|binding| binding.cookies.take_pending_cookies(set)).unwrap_or_default()
    }
}

impl AwaitsWork {
    /// The operation.
    pub const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// The time limit of the work, including its time in the queue.
    pub const fn time_limit(&self) -> Duration {
        match &self.work {
            DeferredWork::Decision(work) => work.time_limit,
            DeferredWork::Delivery(work) => work.time_limit,
            DeferredWork::Request(step) => step.time_limit,
            DeferredWork::Response(step) => step.time_limit,
        }
    }

    /// Returns `Ready` once the work is done.
    pub fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        match &mut self.work {
            DeferredWork::Decision(work) => work.poll(task),
            DeferredWork::Delivery(work) => work.poll(task),
            DeferredWork::Request(step) => step.poll(task),
            DeferredWork::Response(step) => step.poll(task),
        }
    }
}

impl Finished {
    /// The operation.
    pub const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// What to send to the client.
    pub const fn reply(&self) -> &Reply {
        &self.reply
    }
}

impl Reply {
    /// The status of the fault to send to an RPC client; `None` for a response.
    pub const fn fault(&self) -> Option<FaultStatus> {
        match self {
            Self::Response(_) => None,
            Self::Refused(refusal) => Some(fault_status(refusal.kind)),
            Self::RefusedByUpstream(UpstreamRefusal::Fault(status)) => Some(*status),
            Self::RefusedByUpstream(_) => Some(CALL_FAILED),
        }
    }

    /// The `X-ResponseCode` to send to a client of MAPI over HTTP.
    pub const fn response_code(&self) -> ResponseCode {
        match self {
            Self::Response(_) => ResponseCode::Success,
            Self::Refused(refusal) => response_code(refusal.kind),
            Self::RefusedByUpstream(refusal) => refusal.response_code(),
        }
    }

    /// The reason for a refusal, for the log; `None` for a response.
    pub fn why(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Response(_) => None,
            Self::Refused(refusal) => Some(Cow::Borrowed(&refusal.why)),
            Self::RefusedByUpstream(refusal) => Some(Cow::Owned(refusal.to_string())),
        }
    }
}

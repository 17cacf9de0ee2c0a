//! An operation in flight, driven step by step by a test.

use std::ops::Deref;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use engine::{AwaitsUpstream, FaultStatus, Flight, Next, OperationKey, Outcome, Refusal, Reply};
use identity::OsRandom;
use mapi::mapihttp::ResponseCode;
use wire::Endian;

/// An operation in flight, which is abandoned if it is dropped before its end.
#[derive(Debug)]
pub struct TestFlight(Option<Next>);

/// The next step of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this call to the upstream.
    Relay {
        /// The call's number on the operation's interface.
        opnum: u16,
        /// Its request, little-endian.
        stub: Bytes,
    },
    /// Wait for the deferred work of a module.
    Defer {
        /// The time limit.
        limit: Duration,
    },
    /// Send this response to the client; the operation is over.
    Reply {
        /// The response, little-endian.
        stub: Bytes,
    },
    /// Send a refusal to the client; the operation is over.
    Fault {
        /// As a fault.
        status: FaultStatus,
        /// As an `X-ResponseCode`.
        code: ResponseCode,
        /// Why, for the operator.
        why: String,
    },
}

impl TestFlight {
    /// An operation and its next step.
    pub fn new(next: Next) -> (Self, Step) {
        let mut flight = Self(None);
        let step = flight.enter(next);
        (flight, step)
    }

    /// Continues with the response of the upstream.
    ///
    /// # Panics
    /// If the operation does not wait for it.
    #[track_caller]
    pub fn resume(&mut self, outcome: Outcome) -> Step {
        match self.0.take() {
            Some(Next::Forward(call)) => self.enter(call.resume(outcome, &mut OsRandom)),
            other => panic!("does not wait for the upstream: {other:?}"),
        }
    }

    /// Continues after the upstream responded with `stub`, little-endian.
    ///
    /// # Panics
    /// If the operation does not wait for the upstream.
    #[track_caller]
    pub fn respond(&mut self, stub: impl Into<Bytes>) -> Step {
        self.resume(Outcome::Response { stub: stub.into(), endian: Endian::Little })
    }

    /// Continues after the deferred work of a module, or after its time limit.
    ///
    /// # Panics
    /// If the operation does not wait for deferred work.
    #[track_caller]
    pub fn resume_deferred(&mut self) -> Step {
        match self.0.take() {
            Some(Next::Defer(work)) => self.enter(work.resume()),
            other => panic!("does not wait for work: {other:?}"),
        }
    }

    /// Abandons the operation.
    ///
    /// # Panics
    /// If the operation has ended.
    pub fn abort(&mut self, refusal: Refusal) -> Step {
        let next = self.0.take().expect("an operation in flight");
        self.enter(Next::Done(next.abort(refusal)))
    }

    /// Ready when the operation does not wait for deferred work, or the work is complete.
    pub fn poll_work(&mut self, task: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(Next::Defer(work)) => work.poll(task),
            _ => Poll::Ready(()),
        }
    }

    /// The units of decoding since the last call.
    pub fn take_work(&mut self) -> u32 {
        self.0.as_mut().map_or(0, Next::take_work)
    }

    /// The operation that is sent to the upstream ahead of it.
    pub fn ahead(&self) -> Option<OperationKey> {
        match &self.0 {
            Some(Next::Forward(call)) => call.ahead(),
            _ => None,
        }
    }

    /// The operation, which waits for the upstream.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn call(&mut self) -> &mut AwaitsUpstream {
        match &mut self.0 {
            Some(Next::Forward(call)) => call,
            other => panic!("does not wait for the upstream: {other:?}"),
        }
    }

    /// The `Cookie` header that is sent to the upstream in place of `sent`.
    ///
    /// # Panics
    /// If the operation does not wait for the upstream.
    #[track_caller]
    pub fn cookies_to_send(&self, sent: &[&[u8]]) -> Option<String> {
        match &self.0 {
            Some(Next::Forward(call)) => call.cookies_to_send(|| sent.to_vec()),
            other => panic!("does not wait for the upstream: {other:?}"),
        }
    }

    fn enter(&mut self, next: Next) -> Step {
        let step = match &next {
            Next::Forward(call) => {
                let stub = call.stub_to_send().expect("a request that may be sent");
                Step::Relay { opnum: call.opnum(), stub }
            }
            Next::Defer(work) => Step::Defer { limit: work.time_limit() },
            Next::Done(finished) => match finished.reply() {
                Reply::Response(stub) => Step::Reply { stub: stub.clone() },
                reply => Step::Fault {
                    status: reply.fault().expect("a refusal is a fault"),
                    code: reply.response_code(),
                    why: reply.why().unwrap_or_default().into_owned(),
                },
            },
        };
        self.0 = Some(next);
        step
    }
}

impl Deref for TestFlight {
    type Target = Flight;

    fn deref(&self) -> &Flight {
        self.0.as_ref().expect("an operation in flight").flight()
    }
}

//! The engine: the module stack, its sessions and the deferred-work pool.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::deferred::{Deferral, Deferred, Work};
use crate::flight::{Ahead, Flight, Next, Waits, fault, in_session, leaving_response};
use crate::module::{Decision, Delivery};
use crate::objects::table::{ObjectLimits, ObjectTable};
use crate::operation::{AheadAnswer, Incoming};
use crate::refusal::{CALL_FAILED, Refusal};
use crate::session::{Session, SharedSession};
use crate::stack::{Passage, Stack, Verdict};

/// The stack, and what it takes to bring operations through it.
#[derive(Debug, Default)]
pub struct Engine {
    stack: Stack,
    numbers: AtomicU64,
    /// Waits for notifications that were ended here.
    ended_waits: AtomicU64,
    deferral: Option<Deferral>,
}

impl Engine {
    /// An engine with the modules of `stack`.
    pub const fn new(stack: Stack) -> Self {
        Self { stack, numbers: AtomicU64::new(1), ended_waits: AtomicU64::new(0), deferral: None }
    }

    /// The same, which lets modules defer what takes time. Without this, what a module defers is refused.
    #[must_use]
    pub fn deferring(self, deferral: Deferral) -> Self {
        Self { deferral: Some(deferral), ..self }
    }

    /// Where modules' work is done, if that can be anywhere.
    pub const fn deferral(&self) -> Option<&Deferral> {
        self.deferral.as_ref()
    }

    /// Gives a module's work to the pool; the operation then waits for it.
    pub(crate) fn defer<D: 'static>(
        &self,
        flight: &mut Flight,
        work: Work<D>,
        module: usize,
        waits: impl FnOnce(Deferred<D>) -> Waits,
    ) -> Result<Next, Refusal> {
        let deferral = self
            .deferral
            .as_ref()
            .ok_or_else(|| Refusal::new(CALL_FAILED, "a module defers work, and there is no pool for it"))?;
        let deferred = deferral.submit(flight.context(), work, module)?;
        flight.wait_for(waits(deferred));
        Ok(Next::Defer { limit: deferral.limit })
    }

    /// What the client gets after the response came through the stack; broken off with what is to be done
    /// meanwhile, where a module takes its time over it.
    pub(crate) fn after_response(&self, flight: &mut Flight, passage: Passage) -> ControlFlow<Next, Next> {
        let refusal = match passage {
            Passage::Passed => return ControlFlow::Continue(leaving_response(flight)),
            Passage::Refused(refusal) => refusal,
            Passage::Defer { work, module } => match self.defer(flight, work, module, Waits::Delivery) {
                Ok(deferred) => return ControlFlow::Break(deferred),
                Err(refusal) => refusal,
            },
        };
        ControlFlow::Continue(fault(refusal))
    }

    /// The modules.
    pub const fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The upstream's answer that ends a wait for notifications without one, as a server may at any time: to
    /// `EcDoAsyncWaitEx` ([MS-OXCRPC] 3.3.4.1) or `NotificationWait` ([MS-OXCMAPIHTTP] 2.2.4.4.2). None where
    /// `flight` is another operation.
    pub fn end_wait(&self, flight: &Flight) -> Option<Bytes> {
        let answer = flight.answer_to_wait()?;
        self.ended_waits.fetch_add(1, Ordering::Relaxed);
        Some(Bytes::from_static(answer))
    }

    /// How many waits for notifications were ended here.
    pub fn ended_waits(&self) -> u64 {
        self.ended_waits.load(Ordering::Relaxed)
    }

    /// Tells the modules that it is over.
    pub fn shutdown(&self) {
        self.stack.shutdown();
    }

    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
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

    pub(crate) fn end_session(&self, session: &SharedSession) {
        let mut session = session.lock();
        if session.end() {
            self.stack.unbind(&mut session);
            session.clear();
        }
    }

    /// What becomes of a request whose deferred work is over.
    pub(crate) fn decide(&self, flight: &mut Flight, deferred: Deferred<Decision>) -> Verdict {
        let (module, asked) = (deferred.module, flight.asked);
        let verdict = deferred.finish().and_then(|then| {
            in_session(flight, |operation, session| {
                let decision = then(operation, session);
                self.stack.dispatch(operation, session, module, asked, Some(decision))
            })
        });
        verdict.unwrap_or_else(Verdict::Refused)
    }

    /// How far a response comes whose deferred work is over.
    pub(crate) fn passage(&self, flight: &mut Flight, deferred: Deferred<Delivery>) -> Passage {
        let (count, asked) = (deferred.module.saturating_add(1), flight.asked);
        let passage = deferred.finish().and_then(|then| {
            in_session(flight, |operation, session| {
                let delivery = then(operation, session);
                self.stack.deliver(operation, session, count, asked, Some(delivery))
            })
        });
        passage.unwrap_or_else(Passage::Refused)
    }

    /// What becomes of a request about which the upstream was asked ahead.
    pub(crate) fn answered_ahead(&self, flight: &mut Flight, ahead: &Ahead, answer: AheadAnswer) -> Verdict {
        flight.operation.ahead.push(answer);
        let asked = flight.asked;
        let verdict = in_session(flight, |operation, session| {
            self.stack.dispatch(operation, session, ahead.module, asked, None)
        });
        verdict.unwrap_or_else(Verdict::Refused)
    }
}

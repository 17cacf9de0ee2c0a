//! What modules have done elsewhere since it takes time, and what becomes of the operation meanwhile.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use identity::{Job, JobFailed, Pool, Rejected, SecurityContext, Waiting};
use rpc::pdu::FaultStatus;

use crate::engine::Engine;
use crate::flight::{Flight, in_session};
use crate::module::{CALL_FAILED, Decision, Delivery, Refusal};
use crate::operation::{AheadAnswer, Operation, OperationKey};
use crate::session::Session;
use crate::stack::{Passage, Verdict};

/// The time for something is over (`ERROR_TIMEOUT`, [MS-ERREF] 2.2).
pub const TIMED_OUT: FaultStatus = FaultStatus(0x0000_05b4);

/// Back in the session, says how the operation goes on.
pub(crate) type Then<D> = Box<dyn FnOnce(&mut Operation, &mut Session) -> D + Send>;

/// What takes time: it is done by a thread of the deferred-work pool, under the context of whoever asks, while
/// neither the session nor a connection is held up. What it comes to is then brought back into the session.
///
/// `D` is what is decided there: a [`Decision`] or a [`Delivery`].
pub struct Work<D>(Elsewhere<D>);

/// What is done by a thread of the pool.
type Elsewhere<D> = Box<dyn FnOnce(&SecurityContext) -> Then<D> + Send>;

impl<D> fmt::Debug for Work<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

impl<D: 'static> Work<D> {
    /// `work` is done elsewhere, with the context of whoever asks; what it returns goes to `then`, which is
    /// called like a hook, quick and with operation and session, and decides.
    ///
    /// Work that panics, that takes longer than it may, or for which the pool has no room, ends in a refusal;
    /// `then` is not called. Nor is it where the client went away meanwhile.
    pub fn new<T: Send + 'static>(
        work: impl FnOnce(&SecurityContext) -> T + Send + 'static,
        then: impl FnOnce(T, &mut Operation, &mut Session) -> D + Send + 'static,
    ) -> Self {
        Self(Box::new(move |caller| {
            let found = work(caller);
            Box::new(move |operation, session| then(found, operation, session))
        }))
    }
}

/// Where modules' work is done, and how long it may take.
#[derive(Debug, Clone)]
pub struct Deferral {
    /// The pool.
    pub pool: Pool,
    /// How long one piece of work may take, the time that it waits for a thread included.
    pub limit: Duration,
}

impl Deferral {
    /// Gives `work` to the pool, to be done as `context`, for the module with this number.
    pub(crate) fn submit<D: 'static>(
        &self,
        context: &SecurityContext,
        work: Work<D>,
        module: usize,
    ) -> Result<Deferred<D>, Refusal> {
        let waiting = self.pool.submit(Job::new(context.clone(), work.0)).map_err(|rejected| {
            let status = match rejected {
                Rejected::Full | Rejected::Share => FaultStatus::RPC_S_SERVER_TOO_BUSY,
                Rejected::Closed => CALL_FAILED,
            };
            Refusal::new(status, rejected.to_string())
        })?;
        Ok(Deferred { module, waiting })
    }
}

/// Work under way.
#[derive(Debug)]
pub(crate) struct Deferred<D> {
    pub(crate) module: usize,
    waiting: Waiting<Then<D>>,
}

impl<D> Deferred<D> {
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.waiting.poll_ready(task)
    }

    /// What came of it; a refusal where nothing did by now.
    pub(crate) fn finish(self) -> Result<Then<D>, Refusal> {
        match self.waiting.now() {
            Some(Ok(then)) => Ok(then),
            Some(Err(JobFailed::Unusable(unusable))) => {
                Err(Refusal::new(FaultStatus::ACCESS_DENIED, unusable.to_string()))
            }
            Some(Err(failed)) => {
                Err(Refusal::new(CALL_FAILED, format!("a module's deferred work: {failed}")))
            }
            None => Err(Refusal::new(TIMED_OUT, "a module's deferred work took longer than it may")),
        }
    }
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

/// Whoever brings an operation on did so out of turn.
pub(crate) fn out_of_turn() -> Refusal {
    Refusal::new(CALL_FAILED, "the operation does not wait for this")
}

impl Engine {
    /// What becomes of a request whose deferred work is over.
    pub(crate) fn decide(&self, flight: &mut Flight, deferred: Deferred<Decision>) -> Verdict {
        let (module, asked) = (deferred.module, flight.asked);
        let verdict = deferred.finish().and_then(|then| {
            in_session(flight, |operation, session| {
                let decision = then(operation, session);
                self.stack().dispatch(operation, session, module, asked, Some(decision))
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
                self.stack().deliver(operation, session, count, asked, Some(delivery))
            })
        });
        passage.unwrap_or_else(Passage::Refused)
    }

    /// What becomes of a request about which the upstream was asked ahead.
    pub(crate) fn answered_ahead(&self, flight: &mut Flight, ahead: &Ahead, answer: AheadAnswer) -> Verdict {
        flight.operation.ahead.push(answer);
        let asked = flight.asked;
        let verdict = in_session(flight, |operation, session| {
            self.stack().dispatch(operation, session, ahead.module, asked, None)
        });
        verdict.unwrap_or_else(Verdict::Refused)
    }
}

//! A step of an operation: hooks of modules with the session locked, and what follows without the lock.
//!
//! A step runs on the thread of the connection, unless it may take several milliseconds, because a
//! [long message](crate::work::LONG_MESSAGE) is decoded, or another thread has the session locked. Then a thread of the
//! pool runs it, so that no other connection waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::MutexGuard;
use std::task::{Context, Poll};
use std::time::Duration;

use identity::{Job, PendingJob};

use crate::deferred::{submit_job, take_result};
use crate::engine::Engine;
use crate::flight::{Flight, ended_in_flight, too_much_state};
use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::{Session, SharedSession};
use crate::user_memory::MemoryLimit;
use crate::work::most_decoded_bytes;

/// The name of the work of a step, for the reasons of refusals.
const WORK: &str = "the decoding of an operation";

/// The result of a step.
pub(crate) trait StepResult: From<Refusal> + Send + 'static {
    /// Whether no module will see the operation again.
    fn is_last(&self) -> bool;
}

/// A step that was begun.
#[derive(Debug)]
pub(crate) enum Step<R> {
    /// It ran on this thread.
    Done(R),
    /// A thread of the pool runs it.
    Pooled(PooledStep<R>),
}

/// A step that a thread of the pool runs.
#[derive(Debug)]
pub(crate) struct PooledStep<R> {
    pub(crate) time_limit: Duration,
    job: PendingJob<Stepped<R>>,
}

/// A step that ran on a thread of the pool, and the operation, which that thread had.
#[derive(Debug)]
struct Stepped<R> {
    operation: Operation,
    reached: Option<MemoryLimit>,
    result: R,
}

impl Flight {
    /// Runs `hooks` with the session locked, and passes what they return to `then` without the lock.
    ///
    /// That is a refusal if the session has ended meanwhile, or its end was requested: the state that modules kept for
    /// it was dropped, and nothing would drop state that a hook stored now; and a response may be that of another
    /// session, to which the server has issued the context handle or the cookies since. So it is if a hook panics, or
    /// the state that modules keep exceeds a limit: then the session ends.
    ///
    /// While a thread of the pool has the operation, [`Flight::operation`] is its [outline](Operation::outline).
    pub(crate) fn step<H, R: StepResult>(
        &mut self,
        hooks: impl FnOnce(&Engine, &mut Operation, &mut Session) -> H + Send + 'static,
        then: impl FnOnce(&mut Operation, Result<H, Refusal>) -> R + Send + 'static,
    ) -> Step<R> {
        let Self { operation, engine, session, reached, .. } = self;
        let long = operation.long_message_bytes();
        let deferral = match engine.deferral() {
            Some(deferral) if long > 0 => deferral,
            Some(deferral) => match session.try_lock() {
                Some(locked) => {
                    let done = run((engine, operation, session), locked, reached, hooks);
                    return Step::Done(then(operation, done));
                }
                None => deferral,
            },
            None => {
                let done = run((engine, operation, session), session.lock(), reached, hooks);
                return Step::Done(then(operation, done));
            }
        };
        let outline = operation.outline();
        let mut operation = std::mem::replace(operation, outline);
        let (pool_engine, session) = (engine.clone(), session.clone());
        let job = Job::new(operation.context().clone(), move |_| {
            let mut reached = None;
            let done = run((&pool_engine, &mut operation, &session), session.lock(), &mut reached, hooks);
            let result = then(&mut operation, done);
            if result.is_last() {
                // Here, and not on the thread of the connection: a long body takes a while to drop.
                operation.drop_response_view();
            }
            // It delays no other connection, so that it is no work of this one.
            operation.take_work();
            Stepped { operation, reached, result }
        });
        match submit_job(&deferral.decodings, job.needing(most_decoded_bytes(long)), &WORK) {
            Ok(job) => Step::Pooled(PooledStep { time_limit: deferral.time_limit, job }),
            Err(refusal) => Step::Done(R::from(refusal)),
        }
    }
}

impl<R: StepResult> PooledStep<R> {
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.job.poll_ready(task)
    }

    /// The result: a refusal if the step has not ended, or the session has ended since it began. Returns the operation
    /// to `flight`.
    pub(crate) fn finish(self, flight: &mut Flight) -> R {
        match take_result(self.job, &WORK) {
            Ok(Stepped { operation, reached, result }) => {
                flight.operation = operation;
                flight.reached = flight.reached.or(reached);
                if flight.session.is_end_requested() { R::from(ended_in_flight()) } else { result }
            }
            Err(refusal) => R::from(refusal),
        }
    }
}

/// Runs `hooks` with the session locked, and unlocks it.
fn run<H>(
    (engine, operation, session): (&Engine, &mut Operation, &SharedSession),
    mut locked: MutexGuard<'_, Session>,
    reached: &mut Option<MemoryLimit>,
    hooks: impl FnOnce(&Engine, &mut Operation, &mut Session) -> H,
) -> Result<H, Refusal> {
    // The thread whose lock kept the end from being carried out may not have done so yet.
    let done = if session.is_end_requested() || session.is_broken() {
        Err(ended_in_flight())
    } else {
        let done = catch_unwind(AssertUnwindSafe(|| {
            let done = hooks(engine, operation, &mut locked);
            *reached = reached.or(locked.take_reached());
            locked.count_module_state().map(|()| done).map_err(too_much_state)
        }));
        done.map_err(|_| panicked()).flatten().inspect_err(|_| session.mark_broken())
    };
    drop(locked);
    if session.is_end_requested() {
        engine.end_session(session);
    }
    done
}

#[cold]
fn panicked() -> Refusal {
    Refusal::new(RefusalKind::SessionBroken, "a hook of a module panicked; the session was ended")
}

#[cfg(test)]
mod tests {
    use identity::{Authority, ContextCounters, SecurityContext};
    use mapi::Interface;
    use wire::{Endian, FileTime, Now};

    use super::*;
    use crate::body::OperationKey;
    use crate::operation::{Envelope, Incoming};

    #[test]
    fn a_step_is_refused_if_the_end_was_requested_while_another_step_had_the_session_locked() {
        let incoming = Incoming {
            envelope: Envelope::RPC_TCP,
            key: OperationKey::Call(Interface::Nspi, 16),
            stub: vec![0; 28].into(),
            endian: Endian::Little,
            context: SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("a")),
            peer: ([127, 0, 0, 1], 1).into(),
            at: Now::at(FileTime(0)),
        };
        let engine = Engine::default();
        let session = engine.new_session(&incoming);
        let mut operation = Operation::new(engine.next_id(), incoming);
        let mut step = |session: &SharedSession| {
            run((&engine, &mut operation, session), session.lock(), &mut None, |_, _, _| ())
        };
        step(&session).unwrap();
        let locked = session.lock();
        engine.end_session(&session);
        // The next step locks the session before the thread that unlocks it ends it.
        drop(locked);
        assert!(!session.lock().is_ended());
        assert_eq!(step(&session).unwrap_err().kind, RefusalKind::NoSession);
        assert!(session.lock().is_ended(), "the step carries the end out");
    }
}

//! What modules have done elsewhere since it takes time, and what becomes of the operation meanwhile.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use identity::{Job, JobError, PendingJob, Pool, SecurityContext, SubmitError};

use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Session;

/// Back in the session, says how the operation goes on.
pub(crate) type Then<D> = Box<dyn FnOnce(&mut Operation, &mut Session) -> D + Send>;

/// What takes time: it is done by a thread of the deferred-work pool, under the caller's security context, while
/// neither the session nor a connection is held up. What it comes to is then brought back into the session.
///
/// `D` is what is decided there: a [`Decision`](crate::Decision) or a [`Delivery`](crate::Delivery).
pub struct Work<D>(Elsewhere<D>);

/// What is done by a thread of the pool.
type Elsewhere<D> = Box<dyn FnOnce(&SecurityContext) -> Then<D> + Send>;

impl<D> fmt::Debug for Work<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

impl<D: 'static> Work<D> {
    /// `work` is done elsewhere, with the caller's security context; what it returns goes to `then`, which is
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
            let kind = match rejected {
                SubmitError::QueueFull | SubmitError::IdentityLimit => RefusalKind::TooBusy,
                SubmitError::Closed => RefusalKind::Failed,
            };
            Refusal::new(kind, rejected.to_string())
        })?;
        Ok(Deferred { module, limit: self.limit, waiting })
    }
}

/// Work under way.
#[derive(Debug)]
pub(crate) struct Deferred<D> {
    pub(crate) module: usize,
    pub(crate) limit: Duration,
    waiting: PendingJob<Then<D>>,
}

impl<D> Deferred<D> {
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.waiting.poll_ready(task)
    }

    /// What came of it; a refusal where nothing did by now.
    pub(crate) fn finish(self) -> Result<Then<D>, Refusal> {
        match self.waiting.take_result() {
            Some(Ok(then)) => Ok(then),
            Some(Err(JobError::Context(error))) => {
                Err(Refusal::new(RefusalKind::AccessDenied, error.to_string()))
            }
            Some(Err(failed)) => {
                Err(Refusal::new(RefusalKind::Failed, format!("a module's deferred work: {failed}")))
            }
            None => {
                Err(Refusal::new(RefusalKind::TimedOut, "a module's deferred work took longer than it may"))
            }
        }
    }
}

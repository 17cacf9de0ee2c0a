//! Deferred work: jobs of modules that take time, and that threads of a pool therefore execute.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use identity::{Job, JobError, PendingJob, Pool, SecurityContext, SubmitError};

use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Session;

/// The part that runs in the session with the result, and decides.
pub(crate) type Then<D> = Box<dyn FnOnce(&mut Operation, &mut Session) -> D + Send>;

/// Work that takes time. A thread of the pool executes the work under the caller's security context, while neither
/// the session nor a connection waits. The result is then passed to a closure that runs in the session, and decides.
///
/// `D` is what that closure returns: a [`Decision`](crate::Decision) or a [`Delivery`](crate::Delivery).
pub struct Work<D>(PoolJob<D>);

/// The part that a thread of the pool runs.
type PoolJob<D> = Box<dyn FnOnce(&SecurityContext) -> Then<D> + Send>;

impl<D> fmt::Debug for Work<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

impl<D: 'static> Work<D> {
    /// A thread of the pool calls `work` with the caller's security context. The engine then calls `then` with its
    /// result, like a hook: it must return quickly.
    ///
    /// The operation is refused, and `then` is not called, if the work panics, exceeds its time limit, or does not
    /// fit in the queue. `then` is not called either if the client disconnected meanwhile.
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

/// The pool for deferred work, and the time limit of a job.
#[derive(Debug, Clone)]
pub struct Deferral {
    /// The pool.
    pub pool: Pool,
    /// The time limit of a job, including its time in the queue.
    pub limit: Duration,
}

impl Deferral {
    /// Submits `work` of the module with this number and name to the pool, to be executed under `context`.
    pub(crate) fn submit<D: 'static>(
        &self,
        context: &SecurityContext,
        work: Work<D>,
        (module, name): (usize, &'static str),
    ) -> Result<Deferred<D>, Refusal> {
        let job = self.pool.submit(Job::new(context.clone(), work.0)).map_err(|refused| {
            let kind = match refused {
                SubmitError::QueueFull | SubmitError::IdentityLimit => RefusalKind::TooBusy,
                SubmitError::Closed => RefusalKind::Failed,
            };
            Refusal::new(kind, format!("cannot defer work of the module {name}: {refused}"))
        })?;
        Ok(Deferred { module, name, limit: self.limit, job })
    }
}

/// Work that is queued or executed, or has a result.
#[derive(Debug)]
pub(crate) struct Deferred<D> {
    pub(crate) module: usize,
    name: &'static str,
    pub(crate) limit: Duration,
    job: PendingJob<Then<D>>,
}

impl<D> Deferred<D> {
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.job.poll_ready(task)
    }

    /// The result; a refusal if there is no result by now.
    pub(crate) fn finish(self) -> Result<Then<D>, Refusal> {
        match self.job.take_result() {
            Some(Ok(then)) => Ok(then),
            Some(Err(JobError::Context(error))) => {
                Err(Refusal::new(RefusalKind::AccessDenied, error.to_string()))
            }
            Some(Err(failed)) => {
                let why = format!("deferred work of the module {}: {failed}", self.name);
                Err(Refusal::new(RefusalKind::Failed, why))
            }
            None => {
                let why = format!("deferred work of the module {} exceeded deferred.seconds", self.name);
                Err(Refusal::new(RefusalKind::TimedOut, why))
            }
        }
    }
}

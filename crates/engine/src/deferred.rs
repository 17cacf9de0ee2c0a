//! Deferred work: jobs of modules that take time, executed by the threads of a pool.

use std::fmt;
use std::num::NonZeroUsize;
use std::task::{Context, Poll};
use std::time::Duration;

use identity::{Job, JobError, PendingJob, Pool, SecurityContext, SubmitError};

use crate::operation::Operation;
use crate::refusal::{Refusal, RefusalKind};
use crate::session::Session;
use crate::work::DECODED_TOGETHER;

/// The second part of deferred work: runs with the session locked, and returns the module's decision.
pub(crate) type Then<D> = Box<dyn FnOnce(&mut Operation, &mut Session) -> D + Send>;

/// A module's work that takes time. A thread of the pool executes it under the caller's security context, without
/// locking the session or blocking a connection. Its result is then passed to a closure that runs with the session
/// locked, and returns the module's decision.
///
/// `D` is the type of the decision: [`Decision`](crate::Decision) or [`Delivery`](crate::Delivery).
pub struct Work<D>(PoolJob<D>);

const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// The first part of deferred work: runs on a thread of the pool.
type PoolJob<D> = Box<dyn FnOnce(&SecurityContext) -> Then<D> + Send>;

impl<D> fmt::Debug for Work<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

impl<D: 'static> Work<D> {
    /// Creates deferred work. A thread of the pool calls `work` with the caller's security context. The engine then
    /// calls `then` with the result. Like a hook, `then` must return quickly.
    ///
    /// The operation is refused, and `then` is not called, if the work panics, exceeds its time limit, or does not
    /// fit in the queue, or if it is displaced from the queue by work of a user with fewer queued jobs. `then` is not
    /// called either if the client disconnected meanwhile.
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
///
/// A second pool decodes the long messages of operations, and passes these to the modules, so that the thread of a
/// connection does not do so for several milliseconds. Such a job fails and is refused like the work of a module.
#[derive(Debug, Clone)]
pub struct Deferral {
    /// The pool that executes the jobs of modules.
    pub pool: Pool,
    /// The pool that decodes long messages ([`Deferral::decoding_pool`]). The server has executed the operations whose
    /// responses wait in its queue, so that none is refused because of its length. The limits on the memory of
    /// responses bound it.
    pub decodings: Pool,
    /// The time limit of a job, including its time in the queue.
    pub time_limit: Duration,
}

impl Deferral {
    /// Creates a pool for [`Deferral::decodings`]: the messages that it decodes at a time take at most 256 MiB
    /// together, which is the most that one can take.
    pub fn decoding_pool() -> Pool {
        Pool::within_memory(DECODED_TOGETHER)
    }

    /// The number of threads for [`Deferral::decodings`] on a machine with so many `processors`: half of them, so that
    /// connections are served meanwhile, and two at least, so that the hook of a module that does not return does not
    /// delay the responses of other users.
    pub fn decoding_threads(processors: NonZeroUsize) -> NonZeroUsize {
        NonZeroUsize::new(processors.get() / 2).map_or(TWO, |half| half.max(TWO))
    }

    /// Submits `work` to the pool, to be executed under `context`. `module` and `name` are the module's number on the
    /// stack and its name.
    pub(crate) fn submit<D: 'static>(
        &self,
        context: &SecurityContext,
        work: Work<D>,
        (module, name): (usize, &'static str),
    ) -> Result<Deferred<D>, Refusal> {
        let job = submit_job(
            &self.pool,
            Job::new(context.clone(), work.0),
            &format_args!("work of the module {name}"),
        )?;
        Ok(Deferred { module, name, time_limit: self.time_limit, job })
    }
}

/// Submits a job to `pool`. `work` is its name, for the reason of a refusal.
pub(crate) fn submit_job<T: Send + 'static>(
    pool: &Pool,
    job: Job<T>,
    work: &dyn fmt::Display,
) -> Result<PendingJob<T>, Refusal> {
    pool.submit(job).map_err(|refused| {
        let (kind, key) = match refused {
            SubmitError::QueueFull | SubmitError::UserLimit => (RefusalKind::TooBusy, " (deferred.queue)"),
            SubmitError::Closed => (RefusalKind::Failed, ""),
        };
        Refusal::new(kind, format!("cannot defer {work}: {refused}{key}"))
    })
}

/// Takes the result of `job`. `work` is its name, for the reason of a refusal.
///
/// # Errors
/// A refusal if the job failed, or has no result yet: its time is over.
pub(crate) fn take_result<T>(job: PendingJob<T>, work: &dyn fmt::Display) -> Result<T, Refusal> {
    let (kind, why) = match job.take_result() {
        Some(Ok(result)) => return Ok(result),
        Some(Err(JobError::Context(error))) => (RefusalKind::AccessDenied, error.to_string()),
        Some(Err(displaced @ JobError::Displaced)) => {
            (RefusalKind::TooBusy, format!("cannot defer {work}: {displaced} (deferred.queue)"))
        }
        Some(Err(failed)) => (RefusalKind::Failed, format!("deferred {work}: {failed}")),
        None => (RefusalKind::TimedOut, format!("deferred {work} exceeded deferred.seconds")),
    };
    Err(Refusal::new(kind, why))
}

/// Submitted work: queued, being executed, or done.
#[derive(Debug)]
pub(crate) struct Deferred<D> {
    pub(crate) module: usize,
    name: &'static str,
    pub(crate) time_limit: Duration,
    job: PendingJob<Then<D>>,
}

impl<D> Deferred<D> {
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.job.poll_ready(task)
    }

    /// Takes the result. Returns a refusal if the work failed or has no result yet.
    pub(crate) fn finish(self) -> Result<Then<D>, Refusal> {
        take_result(self.job, &format_args!("work of the module {}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use identity::{Authority, ContextCounters};

    use super::*;

    #[test]
    fn displaced_work_is_refused_as_too_busy_like_work_that_does_not_fit_in_the_queue() {
        let pool = Pool::new(NonZeroUsize::new(4).unwrap());
        let deferral =
            Deferral { pool: pool.clone(), decodings: pool.clone(), time_limit: Duration::from_secs(30) };
        let submit =
            |who: &SecurityContext| deferral.submit(who, Work::new(|_| (), |(), _, _| ()), (0, "gate"));
        let [alice, bob, carol] = ["a", "b", "c"]
            .map(|name| SecurityContext::anonymous(&ContextCounters::new(), &Authority::new(name)));
        let mut queued: Vec<_> =
            [&alice, &alice, &bob, &bob].into_iter().map(|who| submit(who).unwrap()).collect();
        assert_eq!(submit(&bob).unwrap_err().kind, RefusalKind::TooBusy);
        let carols = submit(&carol).unwrap();

        let mut displaced = queued.pop().unwrap();
        assert!(displaced.poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready());
        let Err(refusal) = displaced.finish() else { panic!("not displaced") };
        assert_eq!(refusal.kind, RefusalKind::TooBusy);
        assert_eq!(
            refusal.why,
            "cannot defer work of the module gate: deferred-work queue is full, and the caller has the most jobs \
             in it (deferred.queue)"
        );
        queued.push(carols);
        pool.close();
        pool.work(|| wire::Now::at(wire::FileTime(0)));
        assert!(queued.into_iter().all(|deferred| deferred.finish().is_ok()));
    }

    #[test]
    fn half_of_the_processors_decode_long_messages_and_two_threads_at_least() {
        let threads = |processors| Deferral::decoding_threads(NonZeroUsize::new(processors).unwrap()).get();
        assert_eq!([1, 2, 4, 6, 16].map(threads), [2, 2, 2, 3, 8]);
    }
}

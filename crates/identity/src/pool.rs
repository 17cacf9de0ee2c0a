//! The deferred-work pool: a bounded queue of jobs, each executed under the security context of its requester.
//!
//! The file `fair_queue` decides whose job is next, and `promise` carries the result of a job to its requester. The
//! owner of the pool starts the threads, each of which calls [`Pool::work`].

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use thiserror::Error;
use wire::Now;

use crate::context::{SecurityContext, UserKey};
use crate::pool::fair_queue::{FairQueue, Taken};
use crate::pool::promise::Promised;

mod fair_queue;
mod promise;

pub use crate::pool::promise::JobError;

/// A closure that takes time, and the security context under which it is executed. The job owns the context, so that
/// the context outlives the request that submitted the job.
pub struct Job<T> {
    context: SecurityContext,
    memory: usize,
    work: Box<dyn FnOnce(&SecurityContext) -> T + Send>,
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("context", &self.context).finish_non_exhaustive()
    }
}

impl<T> Job<T> {
    /// A job that executes `work` under `context`.
    pub fn new(context: SecurityContext, work: impl FnOnce(&SecurityContext) -> T + Send + 'static) -> Self {
        Self { context, memory: 0, work: Box::new(work) }
    }

    /// The job needs at most `bytes` of memory while it runs. Without a call of this method, it is taken to need none.
    #[must_use]
    pub const fn needing(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// The requester's security context.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }
}

/// Why a pool does not accept a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// The queue is full.
    #[error("deferred-work queue is full")]
    QueueFull,
    /// The jobs of this user fill its share of the queue, which is half of it.
    #[error("the caller's share of the deferred-work queue is full")]
    UserLimit,
    /// The pool is closed.
    #[error("deferred-work pool is closed")]
    Closed,
}

/// Counters of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Jobs in the queue.
    pub queued: usize,
    /// Jobs being executed.
    pub running: usize,
    /// Jobs that ended, including those that panicked.
    pub done: u64,
    /// Jobs that panicked.
    pub panicked: u64,
    /// Jobs that [`Pool::submit`] did not accept.
    pub refused: u64,
    /// Jobs removed from the full queue to make room for those of users with fewer.
    pub displaced: u64,
    /// Jobs removed from the queue because their [`PendingJob`] was dropped.
    pub cancelled: u64,
}

/// A bounded queue of jobs, executed by the threads that call [`Pool::work`]. Clones share one pool.
///
/// One user cannot keep the others from having jobs executed:
///
/// - Its jobs fill at most half of the queue (one job, if the queue has a single place).
/// - If the queue is full, a job of a user with few queued jobs displaces the newest queued job of the user with the
///   most, which ends with [`JobError::Displaced`].
/// - Users take turns: a free thread takes the job of the user with the fewest running jobs, among these of the user
///   who has waited longest. The jobs of one user are executed in the order in which they were submitted.
/// - Its jobs occupy at most all threads but one, so that a job of a second user begins at once. If there is a single
///   thread, that job waits until the running one ends.
///
/// Jobs are counted by [`UserKey`], so all contexts of a user count together.
///
/// If the jobs that run together would need more memory than is permitted ([`Pool::within_memory`]), the next job waits
/// until others have ended. No job behind it begins earlier, so that short jobs do not delay a long one without end.
///
/// ```
/// # use std::num::NonZeroUsize;
/// # use identity::{Authority, Job, Pool, ContextCounters, SecurityContext};
/// # use wire::{FileTime, Now};
/// let pool = Pool::new(NonZeroUsize::MIN);
/// let caller = SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("lab"));
/// let pending = pool.submit(Job::new(caller, |caller| caller.principal().to_string()))?;
/// pool.close();
/// pool.work(|| Now::at(FileTime(0))); // on a thread of its own, otherwise
/// assert_eq!(pending.take_result(), Some(Ok("ANONYMOUS".to_owned())));
/// # Ok::<(), identity::SubmitError>(())
/// ```
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    queue: NonZeroUsize,
    /// How many bytes of memory the running jobs may need together, if more than one runs.
    memory: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: FairQueue<Queued>,
    /// How many bytes of memory the running jobs need at most.
    memory: usize,
    /// The number of threads that have called [`Pool::work`].
    threads: usize,
    closed: bool,
    counts: PoolCounts,
}

impl State {
    /// The most jobs of one user that run at a time. A closed pool needs no thread in reserve, since no other user can
    /// submit jobs.
    fn most_running(&self) -> usize {
        if self.closed { self.threads } else { self.threads.saturating_sub(1).max(1) }
    }
}

/// Executes a job at the given time and delivers its result, or delivers the given error. Dropped without being called,
/// it delivers [`JobError::Stopped`].
type Run = Box<dyn FnOnce(Result<Now, JobError>) + Send>;

/// A job in the queue.
struct Queued {
    run: Run,
    /// How many bytes of memory it needs at most.
    memory: usize,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.counts()).finish()
    }
}

impl Pool {
    /// Creates a pool whose queue has room for `queue` jobs.
    pub fn new(queue: NonZeroUsize) -> Self {
        Self::with_limits(queue, usize::MAX)
    }

    /// Creates a pool whose running jobs need at most `bytes` of memory together ([`Job::needing`]). A job that needs
    /// more runs alone. The length of the queue is not limited: the owner limits how many jobs are submitted.
    pub fn within_memory(bytes: usize) -> Self {
        Self::with_limits(NonZeroUsize::MAX, bytes)
    }

    fn with_limits(queue: NonZeroUsize, memory: usize) -> Self {
        Self(Arc::new(Shared { queue, memory, state: Mutex::default(), changed: Condvar::new() }))
    }

    /// Adds a job to the queue. If the queue is full, the job takes the place of the newest one of the user with the
    /// most. Never blocks.
    ///
    /// # Errors
    /// If the queue is full and no user has more jobs in it than this one would have, if the user's share of the queue
    /// is full, or if the pool is closed.
    pub fn submit<T: Send + 'static>(&self, job: Job<T>) -> Result<PendingJob<T>, SubmitError> {
        let user = job.context.identity().user().clone();
        let (promise, result) = promise::pair();
        let memory = job.memory;
        let run = move |now: Result<Now, JobError>| {
            let promise = promise;
            let Job { context, work, .. } = job;
            let checked = now.and_then(|now| context.check(|| now).map_err(JobError::from));
            let done = checked.map(|()| work(&context));
            // The context is closed before the result is delivered.
            drop(context);
            promise.keep(done);
        };
        let mut state = self.0.lock();
        let displaced = match self.0.make_room(&mut state, &user) {
            Ok(displaced) => displaced,
            Err(error) => {
                state.counts.refused = state.counts.refused.saturating_add(1);
                return Err(error);
            }
        };
        let number = state.queue.push(&user, Queued { run: Box::new(run), memory });
        drop(state);
        self.0.changed.notify_one();
        if let Some(run) = displaced {
            run(Err(JobError::Displaced));
        }
        Ok(PendingJob { result, shared: Arc::clone(&self.0), user, number, is_taken: false })
    }

    /// Executes jobs until the pool is closed and its queue is empty. Each thread of the pool calls this once.
    ///
    /// `now` returns the time when a job begins, at which its context is checked. A panic ends only the job.
    pub fn work(&self, now: impl Fn() -> Now) {
        self.0.add_thread();
        while let Some(Taken { user, job: Queued { run, memory } }) = self.0.next() {
            let panicked = catch_unwind(AssertUnwindSafe(|| run(Ok(now())))).is_err();
            let mut state = self.0.lock();
            state.queue.end(&user);
            state.memory = state.memory.saturating_sub(memory);
            let counts = &mut state.counts;
            counts.running = counts.running.saturating_sub(1);
            counts.done = counts.done.saturating_add(1);
            counts.panicked = counts.panicked.saturating_add(u64::from(panicked));
            drop(state);
            self.0.changed.notify_all();
        }
    }

    /// Closes the pool for new jobs. Queued jobs are still executed.
    pub fn close(&self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }

    /// Closes the pool, waits until all jobs ended or `limit` has passed, and removes the jobs that have not begun by
    /// then. Returns the number of jobs that are still running. Blocks the thread.
    pub fn drain(&self, limit: Duration) -> usize {
        self.close();
        let busy = |state: &mut State| state.counts.running > 0 || state.queue.len() > 0;
        let state = self.0.lock();
        let waited = self.0.changed.wait_timeout_while(state, limit, busy);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (never, running) = (state.queue.take_all(), state.counts.running);
        drop(state);
        drop(never);
        running
    }

    /// The counters.
    pub fn counts(&self) -> PoolCounts {
        let state = self.0.lock();
        PoolCounts { queued: state.queue.len(), ..state.counts }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for another job of `user`. Returns the job that is displaced, if the queue was full.
    fn make_room(&self, state: &mut State, user: &UserKey) -> Result<Option<Run>, SubmitError> {
        let share = (self.queue.get() / 2).max(1);
        if state.closed {
            Err(SubmitError::Closed)
        } else if state.queue.len() >= self.queue.get() {
            let displaced = state.queue.displace_for(user).ok_or(SubmitError::QueueFull)?;
            state.counts.displaced = state.counts.displaced.saturating_add(1);
            Ok(Some(displaced.run))
        } else if state.queue.len_of(user) >= share {
            Err(SubmitError::UserLimit)
        } else {
            Ok(None)
        }
    }

    fn add_thread(&self) {
        let mut state = self.lock();
        state.threads = state.threads.saturating_add(1);
    }

    /// Waits for the next job. `None` if the pool is closed and the queue is empty.
    fn next(&self) -> Option<Taken<Queued>> {
        let mut state = self.lock();
        loop {
            let most = state.most_running();
            let (running, used) = (state.counts.running, state.memory);
            let fits = |job: &Queued| running == 0 || used.saturating_add(job.memory) <= self.memory;
            if let Some(taken) = state.queue.take(most, fits) {
                state.memory = used.saturating_add(taken.job.memory);
                state.counts.running = state.counts.running.saturating_add(1);
                return Some(taken);
            }
            if state.closed && state.queue.len() == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Removes a job from the queue, if it has not begun.
    fn cancel(&self, user: &UserKey, number: u64) {
        let mut state = self.lock();
        let run = state.queue.cancel(user, number);
        if run.is_some() {
            state.counts.cancelled = state.counts.cancelled.saturating_add(1);
        }
        drop(state);
        drop(run);
        self.changed.notify_all();
    }
}

/// The future result of a submitted job. Dropping it cancels the job: a job that has not begun is removed from the
/// queue, and the result of one that has begun is dropped.
pub struct PendingJob<T> {
    result: Promised<T>,
    shared: Arc<Shared>,
    user: UserKey,
    number: u64,
    is_taken: bool,
}

impl<T> fmt::Debug for PendingJob<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingJob")
            .field("number", &self.number)
            .field("is_taken", &self.is_taken)
            .finish_non_exhaustive()
    }
}

impl<T> PendingJob<T> {
    /// The job's result, or `None` if the job has not ended.
    pub fn take_result(mut self) -> Option<Result<T, JobError>> {
        self.take()
    }

    /// Ready when the job has ended. The result stays available for [`PendingJob::take_result`].
    pub fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.result.poll_ready(task)
    }

    fn take(&mut self) -> Option<Result<T, JobError>> {
        let result = self.result.take();
        self.is_taken |= result.is_some();
        result
    }
}

impl<T> Future for PendingJob<T> {
    type Output = Result<T, JobError>;

    /// Must not be polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        match self.poll_ready(task) {
            Poll::Ready(()) => self.take().map_or(Poll::Pending, Poll::Ready),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for PendingJob<T> {
    fn drop(&mut self) {
        if !self.is_taken {
            self.shared.cancel(&self.user, self.number);
        }
    }
}

#[cfg(test)]
mod tests;

//! The deferred-work pool: runs work that takes time, under the security context of its requester.
//!
//! Here are the queue and its rules. The threads are their owner's, who lets each of them [`Pool::work`].

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use thiserror::Error;
use wire::FileTime;

use crate::context::{Identity, SecurityContext, Unusable};

/// Work that takes time, and the context that it is done under. The job owns the context: it lives as long as
/// the work does, whatever becomes of the request or of its thread.
pub struct Job<T> {
    context: SecurityContext,
    work: Box<dyn FnOnce(&SecurityContext) -> T + Send>,
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("context", &self.context).finish_non_exhaustive()
    }
}

impl<T> Job<T> {
    /// `work`, to be done under `context`.
    pub fn new(context: SecurityContext, work: impl FnOnce(&SecurityContext) -> T + Send + 'static) -> Self {
        Self { context, work: Box::new(work) }
    }

    /// Whose work it is.
    pub const fn context(&self) -> &SecurityContext {
        &self.context
    }
}

/// Why a pool does not take a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Rejected {
    /// As many jobs wait as may wait.
    #[error("the deferred-work pool is full")]
    Full,
    /// As many jobs of this identity wait as may: the other half of the queue is for others.
    #[error("the caller has too much deferred work waiting")]
    Share,
    /// The pool is about to stop.
    #[error("the deferred-work pool takes no more work")]
    Closed,
}

/// Why a job came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JobFailed {
    /// The work panicked.
    #[error("the work panicked")]
    Panicked,
    /// Its context could not be used any more when its turn came: it was not begun.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The pool stopped before its turn came.
    #[error("the deferred-work pool stopped")]
    Stopped,
}

/// How much a pool has to do, and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Jobs that wait for a thread.
    pub queued: usize,
    /// Jobs that are running.
    pub running: usize,
    /// Jobs that came to an end, also by a panic.
    pub done: u64,
    /// Jobs whose work panicked.
    pub panicked: u64,
    /// Jobs that were not taken.
    pub refused: u64,
    /// Jobs whose result was no longer wanted when their turn came.
    pub given_up: u64,
}

/// A bounded queue of jobs, done in order by as many threads as call [`Pool::work`]. No identity has more
/// than half of it, or one place where that is none. A handle: clones are one pool.
///
/// ```
/// # use std::num::NonZeroUsize;
/// # use identity::{Authority, Job, Pool, Registry, SecurityContext};
/// # use wire::FileTime;
/// let pool = Pool::new(NonZeroUsize::MIN);
/// let caller = SecurityContext::anonymous(&Registry::new(), &Authority::new("lab"));
/// let waiting = pool.submit(Job::new(caller, |caller| caller.principal().to_string()))?;
/// pool.close();
/// pool.work(|| FileTime(0)); // on a thread of its own, otherwise
/// assert_eq!(waiting.now(), Some(Ok("ANONYMOUS".to_owned())));
/// # Ok::<(), identity::Rejected>(())
/// ```
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    queue: NonZeroUsize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    /// How many of them are whose.
    shares: HashMap<Identity, usize>,
    last: u64,
    closed: bool,
    counts: PoolCounts,
}

struct Queued {
    number: u64,
    identity: Identity,
    run: Run,
}

impl State {
    fn share(&self, identity: &Identity) -> usize {
        self.shares.get(identity).copied().unwrap_or_default()
    }

    fn push(&mut self, queued: Queued) {
        let share = self.share(&queued.identity);
        self.shares.insert(queued.identity.clone(), share.saturating_add(1));
        self.queue.push_back(queued);
    }

    /// Takes the job at `place` out of the queue.
    fn remove(&mut self, place: usize) -> Option<Run> {
        let Queued { identity, run, .. } = self.queue.remove(place)?;
        match self.share(&identity) {
            0 | 1 => drop(self.shares.remove(&identity)),
            share => drop(self.shares.insert(identity, share.saturating_sub(1))),
        }
        Some(run)
    }
}

/// A job, and where its result goes. Dropped without being called it says that the pool stopped.
type Run = Box<dyn FnOnce(FileTime) + Send>;

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.counts()).finish()
    }
}

impl Pool {
    /// A pool in which at most `queue` jobs wait for a thread.
    pub fn new(queue: NonZeroUsize) -> Self {
        Self(Arc::new(Shared { queue, state: Mutex::default(), changed: Condvar::new() }))
    }

    /// Takes a job, without waiting.
    ///
    /// # Errors
    /// When there is no room for it, or too many of the same identity wait, or the pool is about to stop.
    pub fn submit<T: Send + 'static>(&self, job: Job<T>) -> Result<Waiting<T>, Rejected> {
        let identity = job.context.identity().clone();
        let result = Arc::new(Mutex::new(Slot { result: None, waker: None }));
        let promise = Promise(Arc::clone(&result));
        let run = move |now| {
            let promise = promise;
            let Job { context, work } = job;
            let done = context.check(now).map_err(JobFailed::from).map(|()| work(&context));
            // The context is closed before the result is delivered.
            drop(context);
            promise.keep(done);
        };
        let mut state = self.0.lock();
        let rejected = match (state.closed, state.queue.len() >= self.0.queue.get()) {
            (true, _) => Some(Rejected::Closed),
            (false, true) => Some(Rejected::Full),
            (false, false) => (state.share(&identity) >= self.0.most_of_one()).then_some(Rejected::Share),
        };
        if let Some(rejected) = rejected {
            state.counts.refused = state.counts.refused.saturating_add(1);
            return Err(rejected);
        }
        state.last = state.last.wrapping_add(1);
        let number = state.last;
        state.push(Queued { number, identity, run: Box::new(run) });
        drop(state);
        self.0.changed.notify_one();
        Ok(Waiting { result, shared: Arc::clone(&self.0), number, over: false })
    }

    /// Does jobs until the pool is closed and nothing waits any more: what one thread of the pool is for.
    /// `now` says what time it is when a job begins. A job that panics is over, and the next begins.
    pub fn work(&self, now: impl Fn() -> FileTime) {
        while let Some(run) = self.0.next() {
            let panicked = catch_unwind(AssertUnwindSafe(|| run(now()))).is_err();
            let mut state = self.0.lock();
            let counts = &mut state.counts;
            counts.running = counts.running.saturating_sub(1);
            counts.done = counts.done.saturating_add(1);
            counts.panicked = counts.panicked.saturating_add(u64::from(panicked));
            drop(state);
            self.0.changed.notify_all();
        }
    }

    /// Takes no more jobs. Those that wait are still done.
    pub fn close(&self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }

    /// Takes no more jobs, and waits for those that it has, `limit` at most; what has not begun by then never
    /// does. Returns how many are still running. Blocks the thread.
    pub fn drain(&self, limit: Duration) -> usize {
        self.close();
        let busy = |state: &mut State| state.counts.running > 0 || !state.queue.is_empty();
        let state = self.0.lock();
        let waited = self.0.changed.wait_timeout_while(state, limit, busy);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (never, running) = (std::mem::take(&mut state.queue), state.counts.running);
        state.shares.clear();
        drop(state);
        drop(never);
        running
    }

    /// How much it has to do, and did.
    pub fn counts(&self) -> PoolCounts {
        let state = self.0.lock();
        PoolCounts { queued: state.queue.len(), ..state.counts }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many jobs of one identity may wait.
    fn most_of_one(&self) -> usize {
        (self.queue.get() / 2).max(1)
    }

    /// The next job, once there is one; none when there will be no more.
    fn next(&self) -> Option<Run> {
        let mut state = self.lock();
        loop {
            if let Some(run) = state.remove(0) {
                state.counts.running = state.counts.running.saturating_add(1);
                return Some(run);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a job out of the queue whose result is no longer wanted.
    fn give_up(&self, number: u64) {
        let mut state = self.lock();
        let place = state.queue.iter().position(|queued| queued.number == number);
        let run = place.and_then(|place| state.remove(place));
        if run.is_some() {
            state.counts.given_up = state.counts.given_up.saturating_add(1);
        }
        drop(state);
        drop(run);
        self.changed.notify_all();
    }
}

struct Slot<T> {
    result: Option<Result<T, JobFailed>>,
    waker: Option<Waker>,
}

fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a job's result goes. It is kept, also where the job is not done.
struct Promise<T>(Arc<Mutex<Slot<T>>>);

impl<T> Promise<T> {
    fn keep(self, result: Result<T, JobFailed>) {
        self.set(result);
    }

    fn set(&self, result: Result<T, JobFailed>) {
        let mut slot = lock(&self.0);
        if slot.result.is_none() {
            slot.result = Some(result);
        }
        let waker = slot.waker.take();
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let panicked = std::thread::panicking();
        self.set(Err(if panicked { JobFailed::Panicked } else { JobFailed::Stopped }));
    }
}

/// What a job comes to, once it does. Dropped before, its job is given up: it does not begin if it has not
/// begun, and its result is dropped.
pub struct Waiting<T> {
    result: Arc<Mutex<Slot<T>>>,
    shared: Arc<Shared>,
    number: u64,
    over: bool,
}

impl<T> fmt::Debug for Waiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("number", &self.number)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl<T> Waiting<T> {
    /// What the job came to, if it did by now.
    pub fn now(mut self) -> Option<Result<T, JobFailed>> {
        self.take()
    }

    /// Ready once the job came to something, which stays here for [`Waiting::now`].
    pub fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let mut slot = lock(&self.result);
        if slot.result.is_some() {
            return Poll::Ready(());
        }
        slot.waker = Some(task.waker().clone());
        Poll::Pending
    }

    fn take(&mut self) -> Option<Result<T, JobFailed>> {
        let result = lock(&self.result).result.take();
        self.over |= result.is_some();
        result
    }
}

impl<T> Future for Waiting<T> {
    type Output = Result<T, JobFailed>;

    /// Ready once.
    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        match self.poll_ready(task) {
            Poll::Ready(()) => self.take().map_or(Poll::Pending, Poll::Ready),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        if !self.over {
            self.shared.give_up(self.number);
        }
    }
}

#[cfg(test)]
mod tests;

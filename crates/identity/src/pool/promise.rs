//! The result of a job, from the thread that executes the job to the task that waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use thiserror::Error;

use crate::context::ContextError;

/// Why a job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JobError {
    /// The closure panicked.
    #[error("job panicked")]
    Panicked,
    /// The security context expired or was revoked before the job began, so that the job was not executed.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The queue was full, and the place of the job, which had not begun, was given to a user with fewer queued jobs.
    #[error("deferred-work queue is full, and the caller has the most jobs in it")]
    Displaced,
    /// The pool stopped before the job began.
    #[error("deferred-work pool stopped")]
    Stopped,
}

struct Slot<T> {
    result: Option<Result<T, JobError>>,
    waker: Option<Waker>,
}

fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Delivers a job's result. Dropped without one, it delivers an error.
pub(super) struct Promise<T>(Arc<Mutex<Slot<T>>>);

/// Receives what a [`Promise`] delivers.
pub(super) struct Promised<T>(Arc<Mutex<Slot<T>>>);

/// Both ends of a job's result.
pub(super) fn pair<T>() -> (Promise<T>, Promised<T>) {
    let slot = Arc::new(Mutex::new(Slot { result: None, waker: None }));
    (Promise(Arc::clone(&slot)), Promised(slot))
}

impl<T> Promise<T> {
    pub(super) fn keep(self, result: Result<T, JobError>) {
        self.set(result);
    }

    fn set(&self, result: Result<T, JobError>) {
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
        self.set(Err(if panicked { JobError::Panicked } else { JobError::Stopped }));
    }
}

impl<T> Promised<T> {
    /// Ready when there is a result, which [`Promised::take`] returns.
    pub(super) fn poll_ready(&self, task: &mut Context<'_>) -> Poll<()> {
        let mut slot = lock(&self.0);
        if slot.result.is_some() {
            return Poll::Ready(());
        }
        slot.waker = Some(task.waker().clone());
        Poll::Pending
    }

    /// The result, once.
    pub(super) fn take(&self) -> Option<Result<T, JobError>> {
        lock(&self.0).result.take()
    }
}

//! Starts tasks and worker threads. No other file does.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use identity::Pool;
use tokio::task::JoinHandle;

/// Starts a task of the proxy: a listener, or one connection, whose operations each carry the security context of
/// their caller. The task itself has no identity.
#[allow(clippy::disallowed_methods, reason = "this is the place that the rule names")]
pub fn spawn_system<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// Starts `threads` threads that execute the jobs of `pool` until it is closed. A thread has no identity: each job
/// has its own security context.
///
/// # Errors
/// If the operating system cannot start a thread.
pub fn spawn_workers(pool: &Pool, threads: NonZeroUsize) -> io::Result<()> {
    for number in 0..threads.get() {
        let pool = pool.clone();
        let thread = std::thread::Builder::new().name(format!("deferred-{number}"));
        thread.spawn(move || pool.work(crate::clock::now))?;
    }
    Ok(())
}

/// Lets `pool` finish its jobs, within `limit` ([`Pool::drain`]). Returns how many jobs are still running.
#[allow(clippy::disallowed_methods, reason = "waits for jobs that have their own contexts")]
pub async fn drain(pool: &Pool, limit: Duration) -> usize {
    let waited = pool.clone();
    let drained = tokio::task::spawn_blocking(move || waited.drain(limit)).await;
    drained.unwrap_or_else(|_| pool.counts().running)
}

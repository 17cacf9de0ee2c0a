//! Tests of the deferred-work pool.

use std::sync::mpsc::{Sender, channel};
use std::task::Waker;
use std::thread::scope;

use wire::FileTime;

use super::*;
use crate::context::tests::{ACCOUNTS, person, person_by};
use crate::context::{ActingLevel, ContextError};
use crate::context_counters::ContextCounters;

const NOW: Now = Now::at(FileTime(10));
const PATIENCE: Duration = Duration::from_secs(30);

fn pool(queue: usize) -> Pool {
    Pool::new(NonZeroUsize::new(queue).unwrap())
}

/// Runs `test` beside `threads` threads of the pool. Closes the pool then, also if the test panics: a thread of an open
/// pool never ends.
fn with_threads(pool: &Pool, threads: usize, test: impl FnOnce()) {
    struct CloseOnDrop<'a>(&'a Pool);
    impl Drop for CloseOnDrop<'_> {
        fn drop(&mut self) {
            self.0.close();
        }
    }
    scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| pool.work(|| NOW));
        }
        let _close = CloseOnDrop(pool);
        test();
    });
}

/// Waits until `count` jobs are running: a job's result is delivered before it is counted as done.
fn wait_for_running(pool: &Pool, count: usize) {
    let began = std::time::Instant::now();
    while pool.counts().running != count {
        assert!(began.elapsed() < PATIENCE, "{:?}", pool.counts());
        std::thread::yield_now();
    }
}

/// A job that has begun, and ends when its sender sends or is dropped.
fn begun(pool: &Pool, context: SecurityContext) -> (PendingJob<()>, Sender<()>) {
    let (begins, has_begun) = channel();
    let (go, gone) = channel::<()>();
    let job = Job::new(context, move |_| {
        begins.send(()).unwrap();
        let _ = gone.recv();
    });
    let waiting = pool.submit(job).unwrap();
    has_begun.recv_timeout(PATIENCE).unwrap();
    (waiting, go)
}

/// Blocks this thread until the job has ended.
fn wait<T>(waiting: PendingJob<T>) -> Result<T, JobError> {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut waiting = waiting;
    let began = std::time::Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "the job does not end");
        match Pin::new(&mut waiting).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park_timeout(PATIENCE),
        }
    }
}

#[test]
fn each_job_runs_under_the_context_of_its_requester() {
    let (contexts, pool) = (ContextCounters::new(), pool(64));
    with_threads(&pool, 2, || {
        let waiting: Vec<_> = (0..50)
            .map(|number| {
                let name = format!("user{number}");
                let job =
                    Job::new(person(&name, &contexts, None), |caller| caller.principal().user().to_owned());
                assert_eq!(job.context().principal().user(), name);
                (name, pool.submit(job).unwrap())
            })
            .collect();
        for (name, waiting) in waiting {
            assert_eq!(wait(waiting), Ok(name));
        }
    });
    assert_eq!((contexts.opened(), contexts.open()), (50, 0));
    assert_eq!(pool.counts(), PoolCounts { done: 50, ..PoolCounts::default() });
}

#[test]
fn the_context_outlives_the_request_and_closes_before_the_result_is_delivered() {
    let (contexts, pool) = (ContextCounters::new(), pool(1));
    with_threads(&pool, 1, || {
        let (waiting, go) = begun(&pool, person("alice", &contexts, None));
        assert_eq!(contexts.open(), 1);
        go.send(()).unwrap();
        assert_eq!(wait(waiting), Ok(()));
        assert_eq!(contexts.open(), 0);
    });
}

#[test]
fn a_job_is_refused_at_once_if_the_queue_is_full() {
    let (contexts, pool) = (ContextCounters::new(), pool(2));
    with_threads(&pool, 1, || {
        let alice = person("alice", &contexts, None);
        let (first, go) = begun(&pool, alice.clone());
        let quick = || Job::new(alice.clone(), |_| ());
        let bobs = Job::new(person("bob", &contexts, None), |_| ());
        let (second, third) = (pool.submit(quick()).unwrap(), pool.submit(bobs).unwrap());
        assert_eq!(pool.submit(quick()).unwrap_err(), SubmitError::QueueFull);
        assert_eq!(pool.counts(), PoolCounts { queued: 2, running: 1, refused: 1, ..PoolCounts::default() });
        go.send(()).unwrap();
        assert_eq!([wait(first), wait(second), wait(third)], [Ok(()); 3]);
        pool.close();
        assert_eq!(pool.submit(quick()).unwrap_err(), SubmitError::Closed);
    });
}

#[test]
fn a_user_cannot_fill_more_than_half_of_the_queue() {
    for (queue, half) in [(1, 1), (2, 1), (5, 2), (6, 3)] {
        let (contexts, pool) = (ContextCounters::new(), pool(queue));
        // All contexts of a user count together, at whatever level.
        let quick = |user: &str| Job::new(person(user, &contexts, None), |_| ());
        let identify = ACCOUNTS.with(|by| person_by("alice", ActingLevel::Identify, by, &contexts));
        let mut waiting = vec![pool.submit(Job::new(identify, |_| ())).unwrap()];
        waiting.extend((1..half).map(|_| pool.submit(quick("alice")).unwrap()));
        assert_eq!(
            pool.submit(quick("ALICE")).unwrap_err(),
            if queue == 1 { SubmitError::QueueFull } else { SubmitError::UserLimit }
        );
        if queue > 1 {
            waiting.push(pool.submit(quick("bob")).unwrap());
        }
        // A place that is free again can be taken, also by the same user.
        drop(waiting.remove(0));
        waiting.push(pool.submit(quick("alice")).unwrap());
        assert_eq!(pool.counts().refused, 1);
        pool.close();
        pool.work(|| NOW);
        assert!(waiting.into_iter().all(|waiting| waiting.take_result() == Some(Ok(()))));
        assert_eq!(pool.0.lock().queue.users(), 0);
    }
    // Running jobs are not in the queue.
    let (contexts, pool) = (ContextCounters::new(), pool(2));
    with_threads(&pool, 1, || {
        for _ in 0..3 {
            let (waiting, go) = begun(&pool, person("alice", &contexts, None));
            let next = pool.submit(Job::new(person("alice", &contexts, None), |_| ())).unwrap();
            go.send(()).unwrap();
            assert_eq!([wait(waiting), wait(next)], [Ok(()); 2]);
        }
    });
}

#[test]
fn a_panic_ends_only_its_own_job() {
    let (contexts, pool) = (ContextCounters::new(), pool(4));
    let alice = person("alice", &contexts, None);
    let bad = pool.submit(Job::<()>::new(alice.clone(), |_| panic!("intended by the test"))).unwrap();
    let good = pool.submit(Job::new(alice, |_| 7)).unwrap();
    pool.close();
    pool.work(|| NOW);
    assert_eq!((bad.take_result(), good.take_result()), (Some(Err(JobError::Panicked)), Some(Ok(7))));
    assert_eq!(contexts.open(), 0);
    assert_eq!(pool.counts(), PoolCounts { done: 2, panicked: 1, ..PoolCounts::default() });
}

#[test]
fn jobs_of_expired_and_revoked_contexts_are_not_executed() {
    let (contexts, pool) = (ContextCounters::new(), pool(4));
    let begin = |context| Job::new(context, |_: &SecurityContext| unreachable!("not begun"));
    let (expired, revoked) = (person("a", &contexts, Some(NOW.wall)), person("b", &contexts, None));
    let expired = pool.submit::<()>(begin(expired)).unwrap();
    let late = pool.submit::<()>(begin(revoked.clone())).unwrap();
    // It is revoked while the job is queued.
    revoked.revoke();
    pool.close();
    pool.work(|| NOW);
    assert_eq!(expired.take_result(), Some(Err(JobError::Context(ContextError::Expired))));
    assert_eq!(late.take_result(), Some(Err(JobError::Context(ContextError::Revoked))));
}

#[test]
fn a_job_whose_result_is_dropped_leaves_the_queue() {
    let (contexts, pool) = (ContextCounters::new(), pool(1));
    let alice = person("alice", &contexts, None);
    let job = || Job::new(alice.clone(), |_: &SecurityContext| unreachable!("cancelled"));
    for _ in 0..100 {
        drop(pool.submit::<()>(job()).unwrap());
    }
    assert_eq!(pool.counts(), PoolCounts { cancelled: 100, ..PoolCounts::default() });
    pool.close();
    pool.work(|| NOW);
    drop(alice);
    assert_eq!(contexts.open(), 0);
}

#[test]
fn a_drain_waits_for_running_jobs_until_its_time_limit() {
    let (contexts, pool) = (ContextCounters::new(), pool(4));
    with_threads(&pool, 1, || {
        let (first, go) = begun(&pool, person("alice", &contexts, None));
        let second = pool.submit(Job::new(person("bob", &contexts, None), |_| ())).unwrap();
        assert_eq!(pool.drain(Duration::from_millis(50)), 1);
        assert_eq!(wait(second), Err(JobError::Stopped));
        assert_eq!(pool.counts().queued, 0);
        go.send(()).unwrap();
        assert_eq!(pool.drain(PATIENCE), 0);
        assert_eq!(wait(first), Ok(()));
    });
    assert_eq!(contexts.open(), 0);
}

/// `count` jobs, each of which blocks a thread until the receiver's sender is dropped.
fn submit_slow(pool: &Pool, context: &SecurityContext, count: usize) -> (Vec<PendingJob<()>>, Sender<()>) {
    let (release, released) = channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let slow = || {
        let released = Arc::clone(&released);
        Job::new(context.clone(), move |_| {
            let _ = released.lock().unwrap().recv();
        })
    };
    ((0..count).map(|_| pool.submit(slow()).unwrap()).collect(), release)
}

#[test]
fn a_job_of_a_second_user_is_executed_although_the_first_has_a_thousand_slow_jobs_queued() {
    for threads in [2, 4] {
        let (contexts, pool) = (ContextCounters::new(), pool(4096));
        with_threads(&pool, threads, || {
            // The first jobs run on all threads but one; none of them ever ends by itself.
            let alice = person("alice", &contexts, None);
            let running: Vec<_> = (1..threads).map(|_| begun(&pool, alice.clone())).collect();
            let (queued, release) = submit_slow(&pool, &alice, 1000);
            for _ in 0..10 {
                let job = Job::new(person("bob", &contexts, None), |_| 7);
                assert_eq!(wait(pool.submit(job).unwrap()), Ok(7));
                wait_for_running(&pool, threads - 1);
                assert_eq!(pool.counts().queued, 1000);
            }
            drop((queued, running, release));
        });
        assert_eq!(pool.0.lock().queue.users(), 0);
    }
}

#[test]
fn on_a_single_thread_a_second_user_waits_for_one_job_of_the_first() {
    let (contexts, pool) = (ContextCounters::new(), pool(4096));
    with_threads(&pool, 1, || {
        let alice = person("alice", &contexts, None);
        let (running, go) = begun(&pool, alice.clone());
        let (queued, release) = submit_slow(&pool, &alice, 1000);
        let job = pool.submit(Job::new(person("bob", &contexts, None), |_| 7)).unwrap();
        go.send(()).unwrap();
        assert_eq!([wait(running).map(|()| 0), wait(job)], [Ok(0), Ok(7)]);
        drop((queued, release));
    });
}

#[test]
fn the_jobs_of_one_user_use_all_threads_once_the_pool_is_closed() {
    let (contexts, pool) = (ContextCounters::new(), pool(64));
    let alice = person("alice", &contexts, None);
    let (queued, release) = submit_slow(&pool, &alice, 2);
    pool.close();
    with_threads(&pool, 2, || {
        wait_for_running(&pool, 2);
        drop(release);
    });
    assert!(queued.into_iter().all(|job| job.take_result() == Some(Ok(()))));
}

#[test]
fn a_third_user_is_served_although_two_users_fill_the_queue() {
    let (contexts, pool) = (ContextCounters::new(), pool(12));
    let job = |user: &'static str| Job::new(person(user, &contexts, None), move |_| user);
    with_threads(&pool, 1, || {
        // The single thread is occupied.
        let (running, go) = begun(&pool, person("dave", &contexts, None));
        let submit = |user| (0..6).map(|_| pool.submit(job(user)).unwrap()).collect::<Vec<_>>();
        let (mut alice, mut bob) = (submit("alice"), submit("bob"));
        let carol: Vec<_> = (0..4).map(|_| pool.submit(job("carol")).unwrap()).collect();
        // The places are divided evenly now. Further jobs of any of the three are refused.
        for user in ["alice", "bob", "carol"] {
            assert_eq!(pool.submit(job(user)).unwrap_err(), SubmitError::QueueFull);
        }
        let counts = PoolCounts { queued: 12, running: 1, refused: 3, displaced: 4, ..PoolCounts::default() };
        assert_eq!(pool.counts(), counts);
        // The newest jobs of the two users have an outcome at once, while the thread is still occupied.
        for jobs in [&mut alice, &mut bob] {
            let displaced = jobs.split_off(4).into_iter().map(PendingJob::take_result);
            assert_eq!(displaced.collect::<Vec<_>>(), [Some(Err(JobError::Displaced)); 2]);
        }
        // A displaced job has closed its context.
        assert_eq!(contexts.open(), 13);
        go.send(()).unwrap();
        assert_eq!(wait(running), Ok(()));
        for (user, jobs) in [("alice", alice), ("bob", bob), ("carol", carol)] {
            assert_eq!(jobs.into_iter().map(wait).collect::<Vec<_>>(), [Ok(user); 4]);
        }
    });
    let counts = PoolCounts { done: 13, refused: 3, displaced: 4, ..PoolCounts::default() };
    assert_eq!((pool.counts(), contexts.open()), (counts, 0));
    assert_eq!(pool.0.lock().queue.users(), 0);
}

#[test]
fn a_displaced_job_wakes_the_task_that_waits_for_it() {
    let (contexts, pool) = (ContextCounters::new(), pool(4));
    let job = |user: &str| Job::new(person(user, &contexts, None), |_| ());
    let _alice = [pool.submit(job("alice")).unwrap(), pool.submit(job("alice")).unwrap()];
    let _bob = pool.submit(job("bob")).unwrap();
    let displaced = pool.submit(job("bob")).unwrap();
    scope(|scope| {
        let waits = scope.spawn(|| wait(displaced));
        let _carol = pool.submit(job("carol")).unwrap();
        assert_eq!(waits.join().unwrap(), Err(JobError::Displaced));
    });
}

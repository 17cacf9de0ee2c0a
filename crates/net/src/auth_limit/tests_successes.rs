//! Tests of the guesses that are possible beside successes of the user at the same address.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::attempt::Attempt;
use super::tests::{limit, name, peer, principal, succeed};
use super::{AuthLimiter, AuthLimits};

/// How long the server takes to verify a password.
const VERIFIED_AFTER: Duration = Duration::from_millis(5);

/// The guesses that are checked within `time`, of 20 clients at the address of a user who signs in at `interval` with
/// the same name. `guessed` records the outcome of a guess.
#[allow(clippy::disallowed_methods, reason = "tasks of a test, which act for no user")]
async fn guesses_beside_successes(time: Duration, interval: Duration, guessed: fn(Attempt)) -> u32 {
    let (limit, checked) = (limit(), Arc::new(AtomicU32::new(0)));
    succeed(&limit, peer(1), &name("alice"), Instant::now());
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let (limit, checked) = (Arc::clone(&limit), Arc::clone(&checked));
        tasks.spawn(async move {
            loop {
                match limit.begin(peer(1), &name("alice")).await {
                    Ok(attempt) => {
                        sleep(VERIFIED_AFTER).await;
                        checked.fetch_add(1, Ordering::Relaxed);
                        guessed(attempt);
                    }
                    Err(throttled) => sleep(throttled.retry_after.min(Duration::from_secs(1))).await,
                }
            }
        });
    }
    tasks.spawn(async move {
        loop {
            sleep(interval).await;
            sign_in(&limit).await;
        }
    });
    sleep(time).await;
    checked.load(Ordering::Relaxed)
}

/// The guesses that are checked in an hour, of a client that never guesses so often that the limit on failures since
/// the last success delays the user, who signs in each second.
async fn careful_guesses_in_an_hour(guessed: fn(Attempt)) -> u32 {
    let limit = limit();
    let mut checked = 0;
    for _ in 0..3600 {
        if let Ok(attempt) = limit.begin_at_once(peer(1), &name("alice"), Instant::now()) {
            attempt.succeeded(&principal(&name("alice")), Instant::now());
        }
        for _ in 0..AuthLimits::default().failures {
            if let Ok(attempt) = limit.begin_at_once(peer(1), &name("alice"), Instant::now()) {
                checked += 1;
                guessed(attempt);
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
    checked
}

/// The user signs in with the right password, if that is checked.
async fn sign_in(limit: &Arc<AuthLimiter>) -> bool {
    let Ok(attempt) = limit.begin(peer(1), &name("alice")).await else { return false };
    sleep(VERIFIED_AFTER).await;
    attempt.succeeded(&principal(&name("alice")), Instant::now());
    true
}

#[tokio::test(start_paused = true)]
async fn successes_of_the_user_gain_no_further_guesses() {
    let failed: fn(Attempt) = |attempt| attempt.failed("logon failure", Instant::now());
    let unproven: fn(Attempt) = |attempt| attempt.unproven("status 403", Instant::now());
    let at_once = AuthLimits::default().beside_successes() + 1;
    for (what, guessed) in [("wrong", failed), ("unproven", unproven)] {
        for millis in [5, 50, 1000] {
            let interval = Duration::from_millis(millis);
            let first = guesses_beside_successes(Duration::from_secs(8), interval, guessed).await;
            assert!(first <= at_once, "{first} {what} guesses beside successes every {interval:?}");
        }
        let guesses = careful_guesses_in_an_hour(guessed).await;
        println!("{guesses} {what} guesses in an hour beside successes");
        assert!(guesses <= at_once + 360, "{guesses} {what} guesses in an hour");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_with_an_old_password_does_not_delay_the_user_who_signs_in_with_the_right_one() {
    let limit = limit();
    let begin = Instant::now();
    succeed(&limit, peer(1), &name("alice"), begin);
    for second in 0..3600 {
        if second % 15 == 0
            && let Ok(attempt) = limit.begin_at_once(peer(1), &name("alice"), Instant::now())
        {
            attempt.failed("logon failure", Instant::now());
        }
        if second % 7 == 0 {
            let begin = Instant::now();
            assert!(sign_in(&limit).await, "after {second} s");
            assert_eq!(begin.elapsed(), VERIFIED_AFTER, "after {second} s");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_signs_in_within_the_wait_of_others_after_guesses_at_the_same_address() {
    let limit = limit();
    succeed(&limit, peer(1), &name("alice"), Instant::now());
    for _ in 0..30 {
        for _ in 0..5 {
            if let Ok(attempt) = limit.begin_at_once(peer(1), &name("alice"), Instant::now()) {
                attempt.failed("logon failure", Instant::now());
            }
        }
        assert!(sign_in(&limit).await);
    }
    let begin = Instant::now();
    assert!(sign_in(&limit).await);
    assert!(begin.elapsed() <= Duration::from_secs(11), "{:?}", begin.elapsed());
}

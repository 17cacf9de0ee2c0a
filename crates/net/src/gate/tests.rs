//! Tests of the backoff for upstream connections and authentication.

use std::time::Duration;

use identity::{Authority, ContextCounters, SecurityContext};
use tokio::time::Instant;

use super::account::{Admitted, Outcome, ServiceAccount, Ticket};
use super::failures::{Failure, UserFailures};
use super::interrupted::{FailedRequest, InterruptedRequests};
use super::pending::PendingAttempts;
use super::reachability::{Change, Reachability};
use super::{AccountGate, UpstreamProtocol};
use crate::error_chain::ErrorChain;
use crate::upstream_error::{UpstreamAuthError, UpstreamError};

const SECOND: Duration = Duration::from_secs(1);

fn connect() -> UpstreamError {
    UpstreamError::connect("refused")
}

fn refused() -> UpstreamError {
    UpstreamAuthError::invalid_credentials("wrong password").into()
}

/// An error with its causes.
fn text(error: &UpstreamError) -> String {
    ErrorChain(error).to_string()
}

/// As many users as are needed.
fn users<const COUNT: usize>() -> [SecurityContext; COUNT] {
    // What authorities of their own vouch for is not one identity.
    std::array::from_fn(|_| SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("test")))
}

/// How many attempts are permitted within `seconds` if a thousand requests a second need one and all fail.
fn attempts(reachability: &mut Reachability, begin: Instant, seconds: u32) -> usize {
    let times = (0..seconds * 1000).map(|number| begin + Duration::from_millis(number.into()));
    let fail = |now: Instant| {
        let attempt = reachability.begin(now).ok()?;
        reachability.record(attempt, UpstreamProtocol::Http, Some(&connect()), now);
        Some(())
    };
    times.filter_map(fail).count()
}

#[test]
fn attempts_to_reach_an_unreachable_server_back_off() {
    let (mut reachability, begin) = (Reachability::default(), Instant::now());
    // At once twice, then after 1, 2, 4, 8, 16 and 30 seconds.
    assert_eq!(attempts(&mut reachability, begin, 62), 8);
    let late = begin + 200 * SECOND;
    let attempt = reachability.begin(late).unwrap();
    assert_eq!(text(&reachability.begin(late).unwrap_err()), text(&connect()), "one attempt at a time");
    reachability.abandon(attempt);
    let attempt = reachability.begin(late).unwrap();
    reachability.record(attempt, UpstreamProtocol::Http, None, late);
    let both = [reachability.begin(late).unwrap(), reachability.begin(late).unwrap()];
    // Attempts that failed together count as one failure, which may have been a restart.
    for attempt in both {
        reachability.record(attempt, UpstreamProtocol::Http, Some(&connect()), late);
    }
    assert!(reachability.begin(late).is_ok());
}

#[test]
fn the_begin_and_the_end_of_an_outage_are_each_logged_once() {
    let (mut reachability, now) = (Reachability::default(), Instant::now());
    let mut record = |error: Option<&UpstreamError>| {
        let attempt = reachability.begin(now).unwrap();
        reachability.record(attempt, UpstreamProtocol::Http, error, now)
    };
    assert!(record(None).is_none());
    assert!(
        matches!(record(Some(&connect())), Some(Change::Down(error)) if text(&error) == text(&connect()))
    );
    assert!(record(Some(&connect())).is_none());
    let attempt = reachability.begin(now + SECOND).unwrap();
    assert!(matches!(
        reachability.record(attempt, UpstreamProtocol::Http, None, now + SECOND),
        Some(Change::Up(_))
    ));
}

#[test]
fn interrupted_requests_are_logged_together_with_the_outage_that_they_begin() {
    let (mut interrupted, begin) = (InterruptedRequests::default(), Instant::now());
    let lost = FailedRequest {
        client: ([127, 0, 0, 1], 1).into(),
        user: None,
        operation: "NotificationWait",
        is_wait: true,
    };
    assert!(!interrupted.unreachable(&connect()), "nothing was lost that it could be logged with");
    let closed = UpstreamError::closed("reset");
    assert_eq!(interrupted.add(&lost, &closed, begin), Some(SECOND));
    assert_eq!(interrupted.add(&lost, &closed, begin), None);
    assert!(interrupted.unreachable(&connect()));
    interrupted.log(UpstreamProtocol::Http, begin + SECOND);
    assert!(!interrupted.unreachable(&connect()));
    // A server that closes connections all the time takes a line in ten seconds.
    assert_eq!(interrupted.add(&lost, &closed, begin + 2 * SECOND), Some(9 * SECOND));
    interrupted.log(UpstreamProtocol::Http, begin + 11 * SECOND);
    assert_eq!(interrupted.add(&lost, &closed, begin + 60 * SECOND), Some(SECOND));
}

/// An authentication that must be permitted.
#[track_caller]
fn admitted(account: &mut ServiceAccount, service: &str, user: &SecurityContext, now: Instant) -> Ticket {
    match account.admit(UpstreamProtocol::Http, service, user, now) {
        Ok(Admitted::Yes(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

/// Lets all authentications that are permitted to `user` at `now` fail. Returns their number.
fn refuse(account: &mut ServiceAccount, service: &str, user: &SecurityContext, now: Instant) -> usize {
    let mut times = 0;
    while let Ok(Admitted::Yes(ticket)) = account.admit(UpstreamProtocol::Http, service, user, now) {
        account.record_auth(&ticket, Outcome::Failed(&refused()), now);
        times += 1;
    }
    times
}

#[track_caller]
fn accept(account: &mut ServiceAccount, service: &str, user: &SecurityContext, now: Instant) {
    let ticket = admitted(account, service, user, now);
    account.record_auth(&ticket, Outcome::Accepted, now);
}

#[test]
fn a_failing_account_is_tried_again_after_a_delay_that_doubles() {
    let users = users::<100>();
    for users in [&users[..1], &users[..]] {
        let (mut account, begin) = (ServiceAccount::default(), Instant::now());
        let mut times = Vec::new();
        for number in 0..3600 {
            let now = begin + number * SECOND;
            for user in users {
                let tried = ["mapi", "ews"].map(|service| refuse(&mut account, service, user, now));
                times.extend(std::iter::repeat_n(number, tried.iter().sum()));
            }
        }
        let expected = if users.len() == 1 { vec![0, 30, 90, 210] } else { vec![0, 0, 30, 90] };
        assert_eq!(times.get(..4), Some(&*expected));
        assert!(times.len() < 10, "{times:?}");
    }
}

#[test]
fn one_authentication_at_a_time_is_made_for_a_user_until_the_account_is_accepted() {
    let ([alice], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    let first = admitted(&mut account, "mapi", &alice, now);
    assert!(matches!(account.admit(UpstreamProtocol::Rpc, "emsmdb", &alice, now), Ok(Admitted::Wait(_))));
    // An attempt that takes too long does not delay others.
    let other = admitted(&mut account, "mapi", &alice, now + 6 * SECOND);
    account.record_auth(&other, Outcome::Unknown, now);
    account.record_auth(&first, Outcome::Accepted, now);
    admitted(&mut account, "MAPI", &alice, now);
    admitted(&mut account, "mapi", &alice, now);
}

#[test]
fn a_user_whose_authentications_take_long_does_not_delay_others() {
    let ([alice, bob, carol], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    let slow = admitted(&mut account, "ews", &alice, now);
    for service in ["ews", "mapi"] {
        assert!(matches!(account.admit(UpstreamProtocol::Http, service, &alice, now), Ok(Admitted::Wait(_))));
    }
    let ticket = admitted(&mut account, "mapi", &bob, now);
    // Otherwise a wrong password would be sent once for each user.
    assert!(matches!(account.admit(UpstreamProtocol::Http, "mapi", &carol, now), Ok(Admitted::Wait(_))));
    account.record_auth(&ticket, Outcome::Accepted, now);
    account.record_auth(&slow, Outcome::Unknown, now);
    admitted(&mut account, "ews", &alice, now);
}

/// Lets requests of `users` that have no attempt begin one at `now` at `service`, in this order, and registers those
/// that must wait. Returns who began.
fn begin_or_wait<'a>(
    account: &mut ServiceAccount,
    service: &str,
    users: &[&'a SecurityContext],
    now: Instant,
) -> Vec<(&'a SecurityContext, Ticket)> {
    let mut begun = Vec::new();
    for user in users.iter().copied() {
        match account.admit(UpstreamProtocol::Http, service, user, now).unwrap() {
            Admitted::Yes(ticket) => begun.push((user, ticket)),
            Admitted::Wait(_) => assert!(account.enter(user, now)),
        }
    }
    begun
}

#[test]
fn users_whose_attempts_have_no_outcome_go_behind_all_users_who_wait() {
    // Attempts run out of time, or end with the connections of their clients.
    for ends in [false, true] {
        let (users, mut account, begin) = (users::<5>(), ServiceAccount::default(), Instant::now());
        let [mallory, oscar, alice, bob, carol] = users.each_ref();
        let slow = begin_or_wait(&mut account, "ews", &[mallory, oscar, mallory, oscar, alice, bob], begin);
        assert_eq!(slow.len(), 2);
        let now = begin + 5 * SECOND;
        if ends {
            for (_, ticket) in &slow {
                account.record_auth(ticket, Outcome::Unknown, now);
            }
        }
        // The slow users are the first to try again, and a new user comes before them as well.
        let mut admits = |service, user| {
            matches!(account.admit(UpstreamProtocol::Http, service, user, now), Ok(Admitted::Yes(_)))
        };
        assert!(!admits("ews", mallory) && !admits("mapi", oscar) && !admits("ews", carol));
        assert!(admits("mapi", bob) && admits("ews", alice));
        for user in [alice, bob] {
            account.leave(user, now);
        }
        // The attempts of these have no outcome either: the user whose attempt is longest ago is first.
        assert!(account.enter(carol, now));
        let now = now + 5 * SECOND;
        assert!(begin_or_wait(&mut account, "ews", &[alice, bob], now).is_empty());
        admitted(&mut account, "ews", carol, now);
        admitted(&mut account, "ews", mallory, now);
    }
}

#[test]
fn a_user_whose_attempt_had_no_outcome_does_not_hold_the_next_one_of_a_failing_account() {
    let ([bad @ .., mallory, alice], mut account, begin) =
        (users::<4>(), ServiceAccount::default(), Instant::now());
    for user in &bad {
        refuse(&mut account, "ews", user, begin);
    }
    let due = begin + 30 * SECOND;
    admitted(&mut account, "ews", &mallory, due);
    let after = due + 5 * SECOND;
    assert!(account.admit(UpstreamProtocol::Http, "ews", &mallory, after).is_err());
    accept(&mut account, "ews", &alice, after);
    admitted(&mut account, "ews", &mallory, after);
}

#[tokio::test(start_paused = true)]
async fn two_users_with_slow_requests_delay_another_user_for_the_time_of_one_attempt() {
    let (gate, users) = (AccountGate::new(), users::<3>());
    let [mallory, oscar, alice] = users.each_ref();
    let begin_auth = |user| gate.begin_auth(UpstreamProtocol::Http, "ews", user, 30 * SECOND);
    let slow = async |user| {
        loop {
            let attempt = begin_auth(user).await;
            tokio::time::sleep(20 * SECOND).await;
            drop(attempt);
        }
    };
    let begin = Instant::now();
    let waited = async {
        tokio::task::yield_now().await;
        let attempt = begin_auth(alice).await.unwrap();
        attempt.succeeded().unwrap();
        begin.elapsed()
    };
    tokio::select! {
        biased;
        never = async { tokio::join!(slow(mallory), slow(mallory), slow(oscar), slow(oscar)).0 } => never,
        waited = waited => assert!(waited < 6 * SECOND, "{waited:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_no_longer_waits_gives_its_turn_to_the_next() {
    let (gate, users) = (AccountGate::new(), users::<5>());
    let [mallory, oscar, alice, bob, carol] = users.each_ref();
    let begin_auth = |user| gate.begin_auth(UpstreamProtocol::Http, "ews", user, 30 * SECOND);
    let held = [begin_auth(mallory).await.unwrap(), begin_auth(oscar).await.unwrap()];
    let begin = Instant::now();
    // The clients of the first two requests in the queue go away.
    let gone = |user| tokio::time::timeout(SECOND, begin_auth(user));
    let (first, second, next) = tokio::join!(gone(alice), gone(bob), begin_auth(carol));
    assert!(first.is_err() && second.is_err() && next.is_ok());
    assert!(begin.elapsed() < 6 * SECOND);
    drop(held);
}

#[test]
fn one_failed_request_does_not_stop_an_account_that_is_accepted_otherwise() {
    let ([alice, bob], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    accept(&mut account, "ews", &alice, now);
    for _ in 0..10 {
        let ticket = admitted(&mut account, "ews", &alice, now);
        account.record_auth(&ticket, Outcome::Failed(&refused()), now);
        accept(&mut account, "ews", &alice, now);
    }
    // Failures at one service do not stop authentications at another.
    for user in [&alice, &bob] {
        assert_eq!(refuse(&mut account, "oab", user, now), 1);
    }
    assert_eq!(
        text(&account.admit(UpstreamProtocol::Http, "oab", &alice, now).unwrap_err()),
        text(&refused())
    );
    admitted(&mut account, "ews", &alice, now);
}

#[test]
fn failures_for_one_user_do_not_stop_others() {
    for was_accepted in [false, true] {
        let ([alice, bob, carol, dora], mut account) = (users(), ServiceAccount::default());
        let begin = Instant::now();
        if was_accepted {
            for service in ["ews", "mapi"] {
                accept(&mut account, service, &dora, begin);
            }
        }
        let mut tried = 0;
        for second in 0..600 {
            let now = begin + second * SECOND;
            tried += refuse(&mut account, "ews", &alice, now);
            accept(&mut account, "mapi", &bob, now);
            accept(&mut account, "ews", &bob, now);
        }
        assert!((4..8).contains(&tried), "{tried}");
        let now = begin + 600 * SECOND;
        // If it fails for several users, the account is the cause.
        for user in [&bob, &carol, &dora] {
            refuse(&mut account, "ews", user, now);
        }
        for user in [&alice, &bob, &carol, &dora] {
            assert_eq!(
                text(&account.admit(UpstreamProtocol::Http, "ews", user, now).unwrap_err()),
                text(&refused())
            );
        }
    }
}

/// How many of 3600 seconds a good user is stopped while the account fails for three others, in each quarter.
fn stopped_seconds(was_accepted: bool, are_mixed: bool) -> [u32; 4] {
    let ([bad @ .., good], mut account, begin) = (users::<4>(), ServiceAccount::default(), Instant::now());
    if was_accepted {
        accept(&mut account, "ews", &good, begin);
    }
    let mut stopped = [0; 4];
    for second in 0..3600 {
        let now = begin + second * SECOND;
        for user in &bad {
            if are_mixed
                && let Ok(Admitted::Yes(ticket)) = account.admit(UpstreamProtocol::Http, "ews", user, now)
            {
                account.record_auth(&ticket, Outcome::Accepted, now);
            }
        }
        for user in &bad {
            refuse(&mut account, "ews", user, now);
        }
        if let Ok(Admitted::Yes(ticket)) = account.admit(UpstreamProtocol::Http, "ews", &good, now) {
            account.record_auth(&ticket, Outcome::Accepted, now);
        } else {
            stopped[second as usize / 900] += 1;
        }
    }
    stopped
}

#[test]
fn users_for_whom_the_account_fails_stop_no_user_for_whom_it_succeeded() {
    for are_mixed in [false, true] {
        assert_eq!(stopped_seconds(true, are_mixed), [0; 4], "{are_mixed}");
    }
    // An account that fails for the first two users is tried again after 30 seconds, for the third, and then after
    // 60.
    assert_eq!(stopped_seconds(false, false), [90, 0, 0, 0]);
}

#[test]
fn an_account_that_fails_for_users_for_whom_it_succeeded_fails_for_all() {
    let (users, mut account, begin) = (users::<100>(), ServiceAccount::default(), Instant::now());
    for user in &users {
        accept(&mut account, "ews", user, begin);
    }
    let mut tried = Vec::new();
    for second in 1..600 {
        for user in &users {
            let times = refuse(&mut account, "ews", user, begin + second * SECOND);
            tried.extend(std::iter::repeat_n(second, times));
        }
    }
    // Three users, one that confirms, and then one attempt after each delay.
    assert!(tried.len() < 14 && tried.iter().filter(|second| **second == 1).count() < 8, "{tried:?}");
    let now = begin + 600 * SECOND;
    assert!(account.admit(UpstreamProtocol::Http, "ews", &users[99], now).is_err());
    // It is accepted again, for all.
    let now = now + 1800 * SECOND;
    accept(&mut account, "ews", &users[99], now);
    accept(&mut account, "ews", &users[50], now);
}

#[test]
fn a_new_password_is_tried_at_once_and_outcomes_of_the_old_one_are_ignored() {
    let ([alice], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    let old = admitted(&mut account, "mapi", &alice, now);
    account.record_auth(&old, Outcome::Failed(&refused()), now);
    assert!(account.admit(UpstreamProtocol::Http, "mapi", &alice, now).is_err());
    account.reset();
    let new = admitted(&mut account, "mapi", &alice, now);
    account.record_auth(&old, Outcome::Failed(&refused()), now);
    account.record_auth(&new, Outcome::Accepted, now);
    admitted(&mut account, "mapi", &alice, now);
}

#[tokio::test]
async fn waiting_requests_fail_if_the_account_is_not_accepted() {
    let (gate, [alice]) = (AccountGate::new(), users());
    let begin_auth = || gate.begin_auth(UpstreamProtocol::Http, "mapi", &alice, 60 * SECOND);
    let first = begin_auth().await.unwrap();
    let refuse = async {
        tokio::task::yield_now().await;
        first.failed(&refused());
    };
    let (waited, ()) = tokio::join!(begin_auth(), refuse);
    assert_eq!(text(&waited.unwrap_err()), text(&refused()));
}

#[tokio::test]
async fn a_grant_is_valid_until_an_authentication_fails_or_the_password_changes() {
    let gate = AccountGate::new();
    let [alice, bob] = users();
    let begin_auth = |user| gate.begin_auth(UpstreamProtocol::Http, "mapi", user, SECOND);
    let accepted = begin_auth(&alice).await.unwrap().succeeded().unwrap();
    assert!(accepted.allows("MAPI") && !accepted.allows("ews"));
    // The failure of a granted authentication counts: with the next one, authentications for the user are suspended.
    accepted.into_attempt().failed(&refused());
    begin_auth(&alice).await.unwrap().failed(&refused());
    assert_eq!(text(&begin_auth(&alice).await.unwrap_err()), text(&refused()));
    let others = begin_auth(&bob).await.unwrap().succeeded().unwrap();
    assert!(others.allows("mapi"));
    gate.password_changed();
    assert!(!others.allows("mapi"));
    let again = begin_auth(&alice).await.unwrap().succeeded().unwrap();
    let other = begin_auth(&bob).await.unwrap();
    assert!(again.allows("mapi"), "a success invalidates no grant");
    other.failed(&refused());
    assert!(!again.allows("mapi"));
    // An outcome for the old password does not count for the new one.
    others.into_attempt().failed(&refused());
    assert!(begin_auth(&alice).await.is_ok());
}

#[test]
fn one_user_at_two_levels_counts_once_for_the_account() {
    let [identify, impersonate] = testkit::http_auth::contexts_at_both_levels("alice");
    let (mut pending, now) = (PendingAttempts::default(), Instant::now());
    assert!(pending.begin(identify.identity().user(), false, now).is_ok());
    assert!(pending.begin(impersonate.identity().user(), false, now).is_err());
    let mut failures = UserFailures::default();
    let error = UpstreamError::from(UpstreamAuthError::invalid_credentials("401"));
    for context in [&identify, &impersonate] {
        let user = context.identity().user();
        let failure =
            Failure { user, service: 0, error: &error, delay: SECOND, grows: true, everywhere: true };
        failures.add(&failure, now);
    }
    assert!(failures.count_reaches(1, 0) && !failures.count_reaches(2, 0));
}

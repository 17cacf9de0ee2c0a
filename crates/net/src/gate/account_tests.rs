//! Tests of the authentications with the service account.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use identity::{Authority, ContextCounters, SecurityContext};
use tokio::time::Instant;

use super::account::{Admitted, Outcome, ServiceAccount, Ticket};
use super::pending::PendingAttempts;
use super::{AccountGate, AuthAttempt, LockoutLimits, UpstreamProtocol};
use crate::error_chain::ErrorChain;
use crate::task::spawn_system;
use crate::upstream_error::{UpstreamAuthError, UpstreamError};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn refused() -> UpstreamError {
    UpstreamAuthError::invalid_credentials("wrong password").into()
}

/// An error with its causes.
fn text(error: &UpstreamError) -> String {
    ErrorChain(error).to_string()
}

/// `COUNT` different users.
pub(super) fn users<const COUNT: usize>() -> [SecurityContext; COUNT] {
    // Each context has an authority of its own, so that no two are the same identity.
    std::array::from_fn(|_| SecurityContext::anonymous(&ContextCounters::new(), &Authority::new("test")))
}

/// Permits an authentication. Probes have no outcome.
pub(super) fn admit(
    account: &mut ServiceAccount,
    service: &str,
    user: &SecurityContext,
    now: Instant,
) -> Result<Admitted, UpstreamError> {
    loop {
        match account.admit(UpstreamProtocol::Http, service, user, now)? {
            Admitted::Probe(ticket) => account.record_auth(&ticket, Outcome::NotEvaluated, now),
            other => return Ok(other),
        };
    }
}

/// An authentication that must be permitted.
#[track_caller]
fn admitted(account: &mut ServiceAccount, service: &str, user: &SecurityContext, now: Instant) -> Ticket {
    match admit(account, service, user, now) {
        Ok(Admitted::Yes(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

/// Makes an attempt for `user`, which takes 50 ms of simulated time (a probe 100 ms), and counts it in `sent`.
async fn attempt_of(
    gate: &Arc<AccountGate>,
    user: &SecurityContext,
    is_right: bool,
    sent: &Arc<AtomicUsize>,
) {
    let error = refused();
    let probe = |attempt: AuthAttempt| {
        let (sent, error) = (Arc::clone(sent), error.clone());
        spawn_system(async move {
            tokio::time::sleep(SECOND / 10).await;
            sent.fetch_add(1, Ordering::Relaxed);
            if is_right {
                attempt.succeeded();
            } else {
                attempt.failed(&error);
            }
        });
    };
    let attempt = gate.begin_auth(UpstreamProtocol::Rpc, "EMSMDB", user, 30 * SECOND, probe).await;
    let Ok(attempt) = attempt else { return };
    tokio::time::sleep(SECOND / 20).await;
    sent.fetch_add(1, Ordering::Relaxed);
    attempt.failed(&error);
}

#[tokio::test(start_paused = true)]
async fn five_hundred_users_at_once_send_a_wrong_password_as_often_as_the_limit_permits() {
    let (gate, users, sent) = (AccountGate::new(), users::<500>(), Arc::<AtomicUsize>::default());
    for _ in 0..3 {
        for_all_at_once(&users, async |user| attempt_of(&gate, user, false, &sent).await).await;
    }
    assert_eq!(sent.load(Ordering::Relaxed), 3);
    // With the two users who tried at the same time, the first probe was the last attempt before the pause.
    for (seconds, expected) in [(31, 3), (1800, 4)] {
        tokio::time::advance(seconds * SECOND).await;
        for_all_at_once(&users, async |user| attempt_of(&gate, user, false, &sent).await).await;
        assert_eq!(sent.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_after_two_hundred_refused_ones_is_served_within_a_second() {
    let (gate, users, sent) = (AccountGate::new(), users::<201>(), Arc::<AtomicUsize>::default());
    let (good, bad) = users.split_last().unwrap();
    let begin = Instant::now();
    let refused = for_all_at_once(bad, async |user| attempt_of(&gate, user, true, &sent).await);
    let served = async {
        tokio::task::yield_now().await;
        let attempt = gate.begin_auth(UpstreamProtocol::Http, "ews", good, 30 * SECOND, drop).await;
        attempt.unwrap().succeeded().unwrap();
        begin.elapsed()
    };
    let ((), waited) = tokio::join!(refused, served);
    assert!(waited < SECOND, "{waited:?}");
    // So is a user who comes after all of them have failed at the same time.
    let accepts = |attempt: AuthAttempt| drop(attempt.succeeded());
    gate.begin_auth(UpstreamProtocol::Http, "ews", good, SECOND, accepts).await.unwrap();
}

/// Awaits `future` for all `users` at the same time.
async fn for_all_at_once(users: &[SecurityContext], future: impl AsyncFn(&SecurityContext)) {
    let mut futures: Vec<_> = users.iter().map(|user| Some(Box::pin(future(user)))).collect();
    std::future::poll_fn(|task| {
        for slot in &mut futures {
            if slot.as_mut().is_some_and(|future| future.as_mut().poll(task).is_ready()) {
                *slot = None;
            }
        }
        if futures.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

#[test]
fn attempts_without_an_outcome_count_until_a_probe_shows_otherwise() {
    let ([alice, bob], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    let is_probe = |account: &mut ServiceAccount, now| {
        let (ticket, is_probe) = match account.admit(UpstreamProtocol::Http, "ews", &bob, now).unwrap() {
            Admitted::Probe(ticket) => (ticket, true),
            Admitted::Yes(ticket) => (ticket, false),
            Admitted::Wait(_) => panic!("the request waits"),
        };
        account.record_auth(&ticket, Outcome::Accepted, now);
        is_probe
    };
    // The server evaluates none; the clients of two others close their connections.
    for outcome in [Outcome::NotEvaluated, Outcome::NotEvaluated, Outcome::Unknown, Outcome::Unknown] {
        let attempt = admitted(&mut account, "ews", &alice, now);
        account.record_auth(&attempt, outcome, now);
    }
    assert!(is_probe(&mut account, now));
    // While the account is accepted, nothing is concluded from such requests.
    let attempt = admitted(&mut account, "ews", &alice, now);
    account.record_auth(&attempt, Outcome::Unknown, now);
    assert!(!is_probe(&mut account, now));
    // Responses that are late.
    let mut account = ServiceAccount::default();
    for user in [&alice, &bob] {
        admitted(&mut account, "ews", user, now);
    }
    assert!(is_probe(&mut account, now + 5 * SECOND));
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
        match admit(account, service, user, now).unwrap() {
            Admitted::Yes(ticket) => begun.push((user, ticket)),
            _ => assert!(account.enter(user, now)),
        }
    }
    begun
}

#[test]
fn users_whose_attempts_have_no_outcome_are_served_after_all_users_who_wait() {
    // Attempts exceed their time, or end with the connections of their clients.
    for clients_disconnect in [false, true] {
        let (users, mut account, begin) = (users::<5>(), ServiceAccount::default(), Instant::now());
        let [mallory, oscar, alice, bob, carol] = users.each_ref();
        let slow = begin_or_wait(&mut account, "ews", &[mallory, oscar, mallory, oscar, alice, bob], begin);
        assert_eq!(slow.len(), 2);
        let now = begin + 5 * SECOND;
        if clients_disconnect {
            for (_, ticket) in &slow {
                account.record_auth(ticket, Outcome::Unknown, now);
            }
        }
        // The slow users are the first to try again, and a new user comes before them as well.
        let mut admits =
            |service, user| matches!(admit(&mut account, service, user, now), Ok(Admitted::Yes(_)));
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

#[tokio::test(start_paused = true)]
async fn two_users_with_slow_requests_delay_another_user_for_the_time_of_one_attempt() {
    let (gate, users) = (AccountGate::new(), users::<3>());
    let [mallory, oscar, alice] = users.each_ref();
    let begin_auth = |user| gate.begin_auth(UpstreamProtocol::Http, "ews", user, 30 * SECOND, drop);
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
async fn a_server_that_does_not_respond_to_probes_delays_users_once_in_thirty_seconds() {
    let (gate, users) = (AccountGate::new(), users::<25>());
    let probe = |attempt: AuthAttempt| {
        spawn_system(async move {
            tokio::time::sleep(60 * SECOND).await;
            drop(attempt);
        });
    };
    let begin_auth = |user| gate.begin_auth(UpstreamProtocol::Http, "ews", user, 30 * SECOND, probe);
    let (good, bad) = users.split_last().unwrap();
    begin_auth(good).await.unwrap().succeeded().unwrap();
    let mut waited = Vec::new();
    for bad in bad {
        begin_auth(bad).await.unwrap().failed(&refused());
        let begin = Instant::now();
        begin_auth(good).await.unwrap().succeeded().unwrap();
        waited.push(begin.elapsed());
        tokio::time::sleep(SECOND).await;
    }
    let is_delayed = |waited: &&Duration| **waited > Duration::ZERO;
    assert_eq!(waited.iter().filter(is_delayed).collect::<Vec<_>>(), [&(5 * SECOND)], "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_stops_waiting_passes_its_turn_to_the_next() {
    let (gate, users) = (AccountGate::new(), users::<5>());
    let [mallory, oscar, alice, bob, carol] = users.each_ref();
    let begin_auth = |user| gate.begin_auth(UpstreamProtocol::Http, "ews", user, 30 * SECOND, drop);
    let held = [begin_auth(mallory).await.unwrap(), begin_auth(oscar).await.unwrap()];
    let begin = Instant::now();
    // The clients of the first two requests in the queue disconnect.
    let gone = |user| tokio::time::timeout(SECOND, begin_auth(user));
    let (first, second, next) = tokio::join!(gone(alice), gone(bob), begin_auth(carol));
    assert!(first.is_err() && second.is_err() && next.is_ok());
    assert!(begin.elapsed() < 6 * SECOND);
    drop(held);
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
    let begin_auth = || gate.begin_auth(UpstreamProtocol::Http, "mapi", &alice, 60 * SECOND, drop);
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
    // Two attempts are left after two failures, of which the last is for a user who was served.
    let gate = AccountGate::with_limits(LockoutLimits { attempts: 4, ..LockoutLimits::default() });
    let [alice, bob] = users();
    let begin_auth = |user| gate.begin_auth(UpstreamProtocol::Http, "mapi", user, SECOND, drop);
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
fn one_user_at_two_levels_has_one_attempt_at_a_time() {
    let [identify, impersonate] = testkit::http_auth::contexts_at_both_levels("alice");
    let (mut pending, now) = (PendingAttempts::default(), Instant::now());
    assert!(pending.begin(identify.identity().user(), now).is_ok());
    assert!(pending.begin(impersonate.identity().user(), now).is_err());
}

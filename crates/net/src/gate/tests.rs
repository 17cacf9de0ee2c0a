//! Tests of the backoff for upstream connections and authentication.

use std::time::Duration;

use identity::{Authority, ContextCounters, SecurityContext};
use tokio::time::Instant;

use super::account::{Admitted, Outcome, ServiceAccount, Ticket};
use super::interrupted::{FailedRequest, InterruptedRequests};
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

/// How many attempts are permitted within `seconds`, where a thousand operations a second ask for one and all fail.
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
fn attempts_to_reach_a_server_that_is_down_are_spaced() {
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
    // Those that failed together are one failure, which may have been a restart.
    for attempt in both {
        reachability.record(attempt, UpstreamProtocol::Http, Some(&connect()), late);
    }
    assert!(reachability.begin(late).is_ok());
}

#[test]
fn an_outage_is_said_to_begin_once_and_to_end_once() {
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
fn what_is_lost_at_once_is_logged_together_with_the_outage_it_begins() {
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

/// A sign-in that has to be permitted.
#[track_caller]
fn admitted(account: &mut ServiceAccount, service: &str, user: &SecurityContext, now: Instant) -> Ticket {
    match account.admit(UpstreamProtocol::Http, service, user, now) {
        Ok(Admitted::Yes(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

/// The upstream refuses all that `user` is permitted to try at `now`; how often that was.
fn refuse(account: &mut ServiceAccount, service: &str, user: &SecurityContext, now: Instant) -> usize {
    let mut times = 0;
    while let Ok(Admitted::Yes(ticket)) = account.admit(UpstreamProtocol::Http, service, user, now) {
        account.record_auth(&ticket, Outcome::Refused(&refused()), now);
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
fn a_refused_account_is_tried_again_after_a_delay_that_doubles() {
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
fn one_sign_in_is_made_at_a_time_for_a_user_until_the_account_is_accepted() {
    let ([alice], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    let first = admitted(&mut account, "mapi", &alice, now);
    assert!(matches!(account.admit(UpstreamProtocol::Rpc, "emsmdb", &alice, now), Ok(Admitted::Wait(_))));
    // What takes too long does not keep others waiting.
    let other = admitted(&mut account, "mapi", &alice, now + 6 * SECOND);
    account.record_auth(&other, Outcome::Unknown, now);
    account.record_auth(&first, Outcome::Accepted, now);
    admitted(&mut account, "MAPI", &alice, now);
    admitted(&mut account, "mapi", &alice, now);
}

#[test]
fn a_user_whose_sign_ins_take_long_keeps_no_other_waiting() {
    let ([alice, bob, carol], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    let slow = admitted(&mut account, "ews", &alice, now);
    for service in ["ews", "mapi"] {
        assert!(matches!(account.admit(UpstreamProtocol::Http, service, &alice, now), Ok(Admitted::Wait(_))));
    }
    let ticket = admitted(&mut account, "mapi", &bob, now);
    // A wrong password would be sent as often as there are users.
    assert!(matches!(account.admit(UpstreamProtocol::Http, "mapi", &carol, now), Ok(Admitted::Wait(_))));
    account.record_auth(&ticket, Outcome::Accepted, now);
    account.record_auth(&slow, Outcome::Unknown, now);
    admitted(&mut account, "ews", &alice, now);
}

#[test]
fn one_refused_request_does_not_stop_an_account_that_is_accepted_otherwise() {
    let ([alice, bob], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    accept(&mut account, "ews", &alice, now);
    for _ in 0..10 {
        let ticket = admitted(&mut account, "ews", &alice, now);
        account.record_auth(&ticket, Outcome::Refused(&refused()), now);
        accept(&mut account, "ews", &alice, now);
    }
    // What is refused elsewhere does not stop what is accepted here.
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
fn what_one_user_is_refused_does_not_stop_others() {
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
        // Where it is refused for several, it is the account.
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

#[test]
fn users_who_bring_a_refusal_about_together_stop_others_for_less_and_less_of_the_time() {
    for was_accepted in [false, true] {
        let ([bad @ .., good], mut account, begin) =
            (users::<4>(), ServiceAccount::default(), Instant::now());
        if was_accepted {
            accept(&mut account, "ews", &good, begin);
        }
        let mut stopped = [0; 4];
        for second in 0..3600 {
            let now = begin + second * SECOND;
            for user in &bad {
                refuse(&mut account, "ews", user, now);
            }
            if let Ok(Admitted::Yes(ticket)) = account.admit(UpstreamProtocol::Http, "ews", &good, now) {
                account.record_auth(&ticket, Outcome::Accepted, now);
            } else {
                stopped[second as usize / 900] += 1;
            }
        }
        assert!(stopped[0] < 200 && stopped[1..].iter().sum::<u32>() < 200, "{stopped:?}");
    }
}

#[test]
fn another_password_is_tried_at_once_and_what_became_of_the_last_says_nothing_of_it() {
    let ([alice], mut account, now) = (users(), ServiceAccount::default(), Instant::now());
    let old = admitted(&mut account, "mapi", &alice, now);
    account.record_auth(&old, Outcome::Refused(&refused()), now);
    assert!(account.admit(UpstreamProtocol::Http, "mapi", &alice, now).is_err());
    account.reset();
    let new = admitted(&mut account, "mapi", &alice, now);
    account.record_auth(&old, Outcome::Refused(&refused()), now);
    account.record_auth(&new, Outcome::Accepted, now);
    admitted(&mut account, "mapi", &alice, now);
}

#[tokio::test]
async fn those_who_wait_learn_that_the_account_is_refused() {
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
async fn an_accepted_sign_in_covers_others_until_one_is_refused_or_the_password_changes() {
    let gate = AccountGate::new();
    let [alice, bob] = users();
    let begin_auth = |user| gate.begin_auth(UpstreamProtocol::Http, "mapi", user, SECOND);
    let accepted = begin_auth(&alice).await.unwrap().succeeded().unwrap();
    assert!(accepted.allows("MAPI") && !accepted.allows("ews"));
    // What another sign-in in its place comes to is counted: with the next refusal the user's are suspended.
    accepted.into_attempt().failed(&refused());
    begin_auth(&alice).await.unwrap().failed(&refused());
    assert_eq!(text(&begin_auth(&alice).await.unwrap_err()), text(&refused()));
    let others = begin_auth(&bob).await.unwrap().succeeded().unwrap();
    assert!(others.allows("mapi"));
    gate.password_changed();
    assert!(!others.allows("mapi"));
    let again = begin_auth(&alice).await.unwrap().succeeded().unwrap();
    let other = begin_auth(&bob).await.unwrap();
    assert!(again.allows("mapi"), "what is accepted changes nothing");
    other.failed(&refused());
    assert!(!again.allows("mapi"));
    // A sign-in with the old password says nothing of the new one.
    others.into_attempt().failed(&refused());
    assert!(begin_auth(&alice).await.is_ok());
}

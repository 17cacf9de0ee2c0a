//! Tests of the backoff for upstream connections and authentication.

use std::time::Duration;

use identity::{Authority, Registry, SecurityContext};
use tokio::time::Instant;

use super::account::{Account, Admitted, Outcome, Ticket};
use super::losses::{Losses, Lost};
use super::reach::{Change, Reach};
use super::{AccountGate, Road};
use crate::upstream_error::{AuthError, UpstreamError};

const SECOND: Duration = Duration::from_secs(1);

fn connect() -> UpstreamError {
    UpstreamError::Connect("refused".to_owned())
}

fn refused() -> UpstreamError {
    AuthError::Refused("wrong password".to_owned()).into()
}

/// As many users as are needed.
fn users<const COUNT: usize>() -> [SecurityContext; COUNT] {
    // What authorities of their own vouch for is not one identity.
    std::array::from_fn(|_| SecurityContext::anonymous(&Registry::new(), &Authority::new("test")))
}

/// How many attempts are permitted within `seconds`, where a thousand operations a second ask for one and all fail.
fn attempts(reach: &mut Reach, begin: Instant, seconds: u32) -> usize {
    let times = (0..seconds * 1000).map(|number| begin + Duration::from_millis(number.into()));
    let fail = |now: Instant| {
        let attempt = reach.begin(now).ok()?;
        reach.settle(attempt, Road::Http, Some(&connect()), now);
        Some(())
    };
    times.filter_map(fail).count()
}

#[test]
fn attempts_to_reach_a_server_that_is_down_are_spaced() {
    let (mut reach, begin) = (Reach::default(), Instant::now());
    // At once twice, then after 1, 2, 4, 8, 16 and 30 seconds.
    assert_eq!(attempts(&mut reach, begin, 62), 8);
    let late = begin + 200 * SECOND;
    let attempt = reach.begin(late).unwrap();
    assert_eq!(reach.begin(late).unwrap_err(), connect(), "one attempt at a time");
    reach.forget(attempt);
    let attempt = reach.begin(late).unwrap();
    reach.settle(attempt, Road::Http, None, late);
    let both = [reach.begin(late).unwrap(), reach.begin(late).unwrap()];
    // Those that failed together are one failure, which may have been a restart.
    for attempt in both {
        reach.settle(attempt, Road::Http, Some(&connect()), late);
    }
    assert!(reach.begin(late).is_ok());
}

#[test]
fn an_outage_is_said_to_begin_once_and_to_end_once() {
    let (mut reach, now) = (Reach::default(), Instant::now());
    let mut settle = |error: Option<&UpstreamError>| {
        let attempt = reach.begin(now).unwrap();
        reach.settle(attempt, Road::Http, error, now)
    };
    assert_eq!(settle(None), None);
    assert_eq!(settle(Some(&connect())), Some(Change::Down(connect())));
    assert_eq!(settle(Some(&connect())), None);
    let attempt = reach.begin(now + SECOND).unwrap();
    assert!(matches!(reach.settle(attempt, Road::Http, None, now + SECOND), Some(Change::Up(_))));
}

#[test]
fn what_is_lost_at_once_is_logged_together_with_the_outage_it_begins() {
    let (mut losses, begin) = (Losses::default(), Instant::now());
    let lost =
        Lost { peer: ([127, 0, 0, 1], 1).into(), user: None, operation: "NotificationWait", is_wait: true };
    assert!(!losses.unreachable(&connect()), "nothing was lost that it could be logged with");
    assert_eq!(losses.add(&lost, "closed", begin), Some(SECOND));
    assert_eq!(losses.add(&lost, "closed", begin), None);
    assert!(losses.unreachable(&connect()));
    losses.log(Road::Http, begin + SECOND);
    assert!(!losses.unreachable(&connect()));
    // A server that closes connections all the time takes a line in ten seconds.
    assert_eq!(losses.add(&lost, "closed", begin + 2 * SECOND), Some(9 * SECOND));
    losses.log(Road::Http, begin + 11 * SECOND);
    assert_eq!(losses.add(&lost, "closed", begin + 60 * SECOND), Some(SECOND));
}

/// A sign-in that has to be permitted.
#[track_caller]
fn admitted(account: &mut Account, service: &str, user: &SecurityContext, now: Instant) -> Ticket {
    match account.admit(Road::Http, service, user, now) {
        Ok(Admitted::Yes(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

/// The upstream refuses all that `user` is permitted to try at `now`; how often that was.
fn refuse(account: &mut Account, service: &str, user: &SecurityContext, now: Instant) -> usize {
    let mut times = 0;
    while let Ok(Admitted::Yes(ticket)) = account.admit(Road::Http, service, user, now) {
        account.settle(&ticket, Outcome::Refused(&refused()), now);
        times += 1;
    }
    times
}

#[track_caller]
fn accept(account: &mut Account, service: &str, user: &SecurityContext, now: Instant) {
    let ticket = admitted(account, service, user, now);
    account.settle(&ticket, Outcome::Accepted, now);
}

#[test]
fn a_refused_account_is_tried_again_after_a_delay_that_doubles() {
    let users = users::<100>();
    for users in [&users[..1], &users[..]] {
        let (mut account, begin) = (Account::default(), Instant::now());
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
    let ([alice], mut account, now) = (users(), Account::default(), Instant::now());
    let first = admitted(&mut account, "mapi", &alice, now);
    assert!(matches!(account.admit(Road::Rpc, "emsmdb", &alice, now), Ok(Admitted::Wait(_))));
    // What takes too long does not keep others waiting.
    let other = admitted(&mut account, "mapi", &alice, now + 6 * SECOND);
    account.settle(&other, Outcome::Unknown, now);
    account.settle(&first, Outcome::Accepted, now);
    admitted(&mut account, "MAPI", &alice, now);
    admitted(&mut account, "mapi", &alice, now);
}

#[test]
fn a_user_whose_sign_ins_take_long_keeps_no_other_waiting() {
    let ([alice, bob, carol], mut account, now) = (users(), Account::default(), Instant::now());
    let slow = admitted(&mut account, "ews", &alice, now);
    for service in ["ews", "mapi"] {
        assert!(matches!(account.admit(Road::Http, service, &alice, now), Ok(Admitted::Wait(_))));
    }
    let ticket = admitted(&mut account, "mapi", &bob, now);
    // A wrong password would be sent as often as there are users.
    assert!(matches!(account.admit(Road::Http, "mapi", &carol, now), Ok(Admitted::Wait(_))));
    account.settle(&ticket, Outcome::Accepted, now);
    account.settle(&slow, Outcome::Unknown, now);
    admitted(&mut account, "ews", &alice, now);
}

#[test]
fn one_refused_request_does_not_stop_an_account_that_is_accepted_otherwise() {
    let ([alice, bob], mut account, now) = (users(), Account::default(), Instant::now());
    accept(&mut account, "ews", &alice, now);
    for _ in 0..10 {
        let ticket = admitted(&mut account, "ews", &alice, now);
        account.settle(&ticket, Outcome::Refused(&refused()), now);
        accept(&mut account, "ews", &alice, now);
    }
    // What is refused elsewhere does not stop what is accepted here.
    for user in [&alice, &bob] {
        assert_eq!(refuse(&mut account, "oab", user, now), 1);
    }
    assert_eq!(account.admit(Road::Http, "oab", &alice, now).unwrap_err(), refused());
    admitted(&mut account, "ews", &alice, now);
}

#[test]
fn what_one_user_is_refused_does_not_stop_others() {
    for was_accepted in [false, true] {
        let ([alice, bob, carol, dora], mut account) = (users(), Account::default());
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
            assert_eq!(account.admit(Road::Http, "ews", user, now).unwrap_err(), refused());
        }
    }
}

#[test]
fn users_who_bring_a_refusal_about_together_stop_others_for_less_and_less_of_the_time() {
    for was_accepted in [false, true] {
        let ([bad @ .., good], mut account, begin) = (users::<4>(), Account::default(), Instant::now());
        if was_accepted {
            accept(&mut account, "ews", &good, begin);
        }
        let mut stopped = [0; 4];
        for second in 0..3600 {
            let now = begin + second * SECOND;
            for user in &bad {
                refuse(&mut account, "ews", user, now);
            }
            if let Ok(Admitted::Yes(ticket)) = account.admit(Road::Http, "ews", &good, now) {
                account.settle(&ticket, Outcome::Accepted, now);
            } else {
                stopped[second as usize / 900] += 1;
            }
        }
        assert!(stopped[0] < 200 && stopped[1..].iter().sum::<u32>() < 200, "{stopped:?}");
    }
}

#[test]
fn another_password_is_tried_at_once_and_what_became_of_the_last_says_nothing_of_it() {
    let ([alice], mut account, now) = (users(), Account::default(), Instant::now());
    let old = admitted(&mut account, "mapi", &alice, now);
    account.settle(&old, Outcome::Refused(&refused()), now);
    assert!(account.admit(Road::Http, "mapi", &alice, now).is_err());
    account.reset();
    let new = admitted(&mut account, "mapi", &alice, now);
    account.settle(&old, Outcome::Refused(&refused()), now);
    account.settle(&new, Outcome::Accepted, now);
    admitted(&mut account, "mapi", &alice, now);
}

#[tokio::test]
async fn those_who_wait_learn_that_the_account_is_refused() {
    let (gate, [alice]) = (AccountGate::new(), users());
    let sign_in = || gate.sign_in(Road::Http, "mapi", &alice, 60 * SECOND);
    let first = sign_in().await.unwrap();
    let refuse = async {
        tokio::task::yield_now().await;
        first.refused(&refused());
    };
    let (waited, ()) = tokio::join!(sign_in(), refuse);
    assert_eq!(waited.unwrap_err(), refused());
}

#[tokio::test]
async fn an_accepted_sign_in_covers_others_until_one_is_refused_or_the_password_changes() {
    let gate = AccountGate::new();
    let [alice, bob] = users();
    let sign_in = |user| gate.sign_in(Road::Http, "mapi", user, SECOND);
    let accepted = sign_in(&alice).await.unwrap().accepted().unwrap();
    assert!(accepted.covers("MAPI") && !accepted.covers("ews"));
    // What another sign-in in its place comes to is counted: with the next refusal the user's are suspended.
    accepted.again().refused(&refused());
    sign_in(&alice).await.unwrap().refused(&refused());
    assert_eq!(sign_in(&alice).await.unwrap_err(), refused());
    let others = sign_in(&bob).await.unwrap().accepted().unwrap();
    assert!(others.covers("mapi"));
    gate.password_changed();
    assert!(!others.covers("mapi"));
    let again = sign_in(&alice).await.unwrap().accepted().unwrap();
    let other = sign_in(&bob).await.unwrap();
    assert!(again.covers("mapi"), "what is accepted changes nothing");
    other.refused(&refused());
    assert!(!again.covers("mapi"));
    // A sign-in with the old password says nothing of the new one.
    others.again().refused(&refused());
    assert!(sign_in(&alice).await.is_ok());
}

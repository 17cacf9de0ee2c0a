use std::time::Duration;

use identity::{Authority, Registry, SecurityContext};
use tokio::time::Instant;

use super::account::{Account, Admitted, Outcome, Ticket, User};
use super::losses::{Losses, Lost};
use super::reach::{Change, Reach};
use super::{Gate, Road};
use crate::upstream_error::UpstreamError;

const ALICE: User = User(1);
const BOB: User = User(2);
const SECOND: Duration = Duration::from_secs(1);

fn connect() -> UpstreamError {
    UpstreamError::Connect("refused".to_owned())
}

fn refused() -> UpstreamError {
    UpstreamError::CredentialsRefused("wrong password".to_owned())
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
fn admitted(account: &mut Account, service: &str, now: Instant) -> Ticket {
    match account.admit(Road::Http, service, ALICE, now) {
        Ok(Admitted::Yes(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_account_is_tried_again_after_a_delay_that_doubles() {
    let (mut account, begin) = (Account::default(), Instant::now());
    let mut times = Vec::new();
    for number in 0..3600 {
        let now = begin + number * SECOND;
        for service in ["mapi", "ews"] {
            if let Ok(Admitted::Yes(ticket)) = account.admit(Road::Http, service, ALICE, now) {
                account.settle(&ticket, Outcome::Refused(&refused()), now);
                times.push(number);
            }
        }
    }
    assert_eq!(times.iter().take(4).copied().collect::<Vec<_>>(), [0, 30, 90, 210]);
    assert!(times.len() < 10, "{times:?}");
}

#[test]
fn one_sign_in_is_made_at_a_time_until_the_account_is_accepted() {
    let (mut account, now) = (Account::default(), Instant::now());
    let first = admitted(&mut account, "mapi", now);
    assert!(matches!(account.admit(Road::Rpc, "emsmdb", ALICE, now), Ok(Admitted::Wait(_))));
    // What takes too long does not keep others waiting.
    let other = admitted(&mut account, "mapi", now + 6 * SECOND);
    account.settle(&other, Outcome::Unknown, now);
    account.settle(&first, Outcome::Accepted, now);
    admitted(&mut account, "MAPI", now);
    admitted(&mut account, "mapi", now);
}

#[test]
fn one_refused_request_does_not_stop_an_account_that_is_accepted_otherwise() {
    let (mut account, now) = (Account::default(), Instant::now());
    let ticket = admitted(&mut account, "ews", now);
    account.settle(&ticket, Outcome::Accepted, now);
    for _ in 0..10 {
        let ticket = admitted(&mut account, "ews", now);
        account.settle(&ticket, Outcome::Refused(&refused()), now);
        let ticket = admitted(&mut account, "ews", now);
        account.settle(&ticket, Outcome::Accepted, now);
    }
    // What is refused elsewhere does not stop what is accepted here.
    for _ in 0..2 {
        let ticket = admitted(&mut account, "oab", now);
        account.settle(&ticket, Outcome::Refused(&refused()), now);
        if account.admit(Road::Http, "oab", ALICE, now).is_err() {
            break;
        }
    }
    assert_eq!(account.admit(Road::Http, "oab", ALICE, now).unwrap_err(), refused());
    admitted(&mut account, "ews", now);
}

/// The server refuses a request of `user` as often as that is permitted within a minute; how often that was.
fn refused_requests(account: &mut Account, user: User, now: Instant) -> usize {
    let refuse = |second: u32| {
        let now = now + second * SECOND;
        let Ok(Admitted::Yes(ticket)) = account.admit(Road::Http, "ews", user, now) else { return false };
        account.settle(&ticket, Outcome::Refused(&refused()), now);
        true
    };
    (0..60).map(refuse).filter(|permitted| *permitted).count()
}

#[test]
fn what_one_user_is_refused_does_not_stop_others() {
    let (mut account, mut now) = (Account::default(), Instant::now());
    let ticket = admitted(&mut account, "ews", now);
    account.settle(&ticket, Outcome::Accepted, now);
    for _ in 0..10 {
        assert_eq!(refused_requests(&mut account, ALICE, now), 3);
        now += 60 * SECOND;
        let Ok(Admitted::Yes(ticket)) = account.admit(Road::Http, "ews", BOB, now) else {
            panic!("what Alice was refused stops Bob")
        };
        account.settle(&ticket, Outcome::Accepted, now);
    }
    // Where nothing is accepted in between, it is the account that is refused.
    let all: usize = (10..100).map(|user| refused_requests(&mut account, User(user), now)).sum();
    assert!(all < 10, "{all} sign-ins");
}

#[test]
fn another_password_is_tried_at_once_and_what_became_of_the_last_says_nothing_of_it() {
    let (mut account, now) = (Account::default(), Instant::now());
    let old = admitted(&mut account, "mapi", now);
    account.settle(&old, Outcome::Refused(&refused()), now);
    assert!(account.admit(Road::Http, "mapi", ALICE, now).is_err());
    account.reset();
    let new = admitted(&mut account, "mapi", now);
    account.settle(&old, Outcome::Refused(&refused()), now);
    account.settle(&new, Outcome::Accepted, now);
    admitted(&mut account, "mapi", now);
}

#[tokio::test]
async fn those_who_wait_learn_that_the_account_is_refused() {
    let gate = Gate::new();
    let registry = Registry::new();
    let context = SecurityContext::anonymous(&registry, &Authority::new("test"));
    let sign_in = || gate.sign_in(Road::Http, "mapi", context.identity(), 60 * SECOND);
    let first = sign_in().await.unwrap();
    let refuse = async {
        tokio::task::yield_now().await;
        first.refused(&refused());
    };
    let (waited, ()) = tokio::join!(sign_in(), refuse);
    assert_eq!(waited.unwrap_err(), refused());
}

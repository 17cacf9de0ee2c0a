//! Tests of the back-off for upstream connections.

use std::time::Duration;

use tokio::time::Instant;

use super::UpstreamProtocol;
use super::interrupted::{FailedRequest, InterruptedRequests};
use super::reachability::{Change, Reachability};
use crate::error_chain::ErrorChain;
use crate::upstream_error::UpstreamError;

const SECOND: Duration = Duration::from_secs(1);

fn connect() -> UpstreamError {
    UpstreamError::connect("refused")
}

/// An error with its causes.
fn text(error: &UpstreamError) -> String {
    ErrorChain(error).to_string()
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
    // A server that closes connections continuously causes one line in ten seconds.
    assert_eq!(interrupted.add(&lost, &closed, begin + 2 * SECOND), Some(9 * SECOND));
    interrupted.log(UpstreamProtocol::Http, begin + 11 * SECOND);
    assert_eq!(interrupted.add(&lost, &closed, begin + 60 * SECOND), Some(SECOND));
}

//! Attempts that the proxy verifies at once (RPC), compared with those that may wait (HTTP).

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::tests::{limit, name, peer, principal};

const CLIENTS: usize = 2000;

#[test]
fn right_passwords_that_are_verified_at_once_are_not_limited_by_those_in_flight() {
    let now = Instant::now();
    for is_one_user in [true, false] {
        let limit = limit();
        let names = (0..CLIENTS)
            .map(|number| if is_one_user { name("alice") } else { name(&format!("user{number}")) });
        let attempts: Vec<_> =
            names.map(|name| (limit.begin_at_once(peer(1), &name, now).unwrap(), principal(&name))).collect();
        for (attempt, principal) in attempts {
            attempt.succeeded(&principal, now);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn guesses_that_are_verified_at_once_are_delayed_as_those_that_may_wait() {
    let (rpc, http) = (limit(), limit());
    let (mut by_rpc, mut by_http) = (Vec::new(), Vec::new());
    for number in 0..1000 {
        let now = Instant::now();
        if let Ok(attempt) = rpc.begin_at_once(peer(1), &name("alice"), now) {
            attempt.failed("logon failure", now);
            by_rpc.push(number);
        }
        if let Ok(attempt) = http.begin(peer(1), &name("alice")).await {
            attempt.failed("logon failure", now);
            by_http.push(number);
        }
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(by_rpc, by_http);
    assert!((8..20).contains(&by_rpc.len()), "{by_rpc:?}");
}

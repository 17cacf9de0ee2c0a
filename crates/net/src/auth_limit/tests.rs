//! Tests of the limits on failed authentication.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{ClaimedName, Mechanism, Principal};
use tokio::task::{JoinSet, yield_now};
use tokio::time::Instant;

use super::counts::{Counter, Outcome};
use super::limits::{LONGEST_QUEUE_WAIT, QUEUE_PER_SOURCE};
use super::lines::{Line, lines};
use super::peer::Peer;
use super::table::{Admission, Table};
use super::{Attempt, AuthLimiter, AuthLimits, Throttled};

pub(super) fn name(name: &str) -> ClaimedName {
    ClaimedName::in_header(Mechanism::BASIC, STANDARD.encode(format!("{name}:x")).as_bytes()).unwrap()
}

pub(super) fn peer(last: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::from((0x0A00_0000 + last).to_be_bytes()), 1)
}

pub(super) fn limit() -> Arc<AuthLimiter> {
    Arc::default()
}

impl AuthLimiter {
    /// Begins an attempt that does not wait.
    pub(crate) fn begin_at_once(
        self: &Arc<Self>,
        peer: SocketAddr,
        name: &ClaimedName,
        now: Instant,
    ) -> Result<Attempt, Throttled> {
        let throttled = match self.admit(peer, name, (now, false), now) {
            Admission::Begun(counter) => return Ok(self.attempt(peer, name, counter)),
            Admission::Later(throttled) | Admission::Throttled(throttled) => throttled,
            Admission::Queued(_) => Throttled::busy(),
        };
        self.throttled(peer, name, throttled, now);
        Err(throttled)
    }
}

/// The time until the next attempt is checked, if it is not now.
pub(super) fn check(
    limit: &Arc<AuthLimiter>,
    peer: SocketAddr,
    name: &ClaimedName,
    now: Instant,
) -> Result<(), Duration> {
    let attempt = limit.begin_at_once(peer, name, now).map_err(|throttled| throttled.retry_after)?;
    attempt.release(now);
    Ok(())
}

/// An attempt with the right password.
pub(super) fn succeed(limit: &Arc<AuthLimiter>, peer: SocketAddr, name: &ClaimedName, now: Instant) {
    limit.begin_at_once(peer, name, now).unwrap().succeeded(&principal(name), now);
}

/// The principal whose name is `name`.
pub(super) fn principal(name: &ClaimedName) -> Principal {
    Principal::new(&name.to_string(), "")
}

/// How many of `attempts`, one each tenth of a second, are checked, all of which fail.
fn checked(
    limit: &Arc<AuthLimiter>,
    from: impl Fn(u32) -> (SocketAddr, ClaimedName),
    begin: Instant,
    attempts: u32,
) -> u32 {
    let mut checked = 0;
    for number in 0..attempts {
        let (peer, name) = from(number);
        let now = begin + Duration::from_millis(100) * number;
        if let Ok(attempt) = limit.begin_at_once(peer, &name, now) {
            checked += 1;
            attempt.failed("logon failure", now);
        }
    }
    checked
}

#[test]
fn the_delay_grows_with_each_failure_of_an_address_for_an_account() {
    let limit = limit();
    let begin = Instant::now();
    // Five at once, one more, and then after 1, 2, 4, 8, 16 and 32 seconds.
    assert_eq!(checked(&limit, |_| (peer(1), name("LAB\\alice")), begin, 1000), 12);
    // Other spellings denote the same account.
    let later = begin + Duration::from_secs(100);
    let wait = check(&limit, peer(1), &name("ALICE@lab.test"), later).unwrap_err();
    assert!(wait > Duration::from_secs(10) && wait <= Duration::from_mins(1), "{wait:?}");
    // Another account or address is not delayed.
    assert_eq!(check(&limit, peer(1), &name("bob"), later), Ok(()));
    assert_eq!(check(&limit, peer(2), &name("alice"), later), Ok(()));
    // Old failures do not count.
    assert_eq!(checked(&limit, |_| (peer(1), name("alice")), later + Duration::from_hours(1), 6), 6);
}

#[test]
fn failures_for_many_accounts_delay_an_address_too() {
    let limit = limit();
    let begin = Instant::now();
    let spread = checked(&limit, |number| (peer(1), name(&format!("user{number}"))), begin, 600);
    assert!((20..30).contains(&spread), "{spread}");
    // Clients behind a trusted proxy are not counted together.
    let proxy = AuthLimiter::new(AuthLimits::default(), vec!["10.0.0.0/24".parse().unwrap()]);
    assert_eq!(checked(&proxy, |number| (peer(1), name(&format!("user{number}"))), begin, 600), 600);
}

#[test]
fn failures_elsewhere_do_not_block_a_user() {
    let limit = limit();
    let begin = Instant::now();
    succeed(&limit, peer(7), &name("alice"), begin);
    let many = checked(&limit, |number| (peer(1000 + number % 500), name("alice")), begin, 5000);
    assert!(many < 1200, "{many} guesses from 500 addresses");
    let now = begin + Duration::from_secs(500);
    // From an address at which she authenticated before, and from one without a failed attempt.
    assert_eq!(check(&limit, peer(7), &name("alice"), now), Ok(()));
    assert_eq!(check(&limit, peer(8), &name("LAB\\alice"), now), Ok(()));
    // At the former, failures count as they do elsewhere.
    assert_eq!(checked(&limit, |_| (peer(7), name("alice")), now, 6), 6);
    succeed(&limit, peer(7), &name("alice"), now + Duration::from_secs(10));
    assert_eq!(checked(&limit, |_| (peer(7), name("alice")), now + Duration::from_secs(10), 6), 6);
}

#[test]
fn an_address_that_tries_many_accounts_does_not_block_a_user_who_authenticated_there() {
    let limit = limit();
    let begin = Instant::now();
    succeed(&limit, peer(1), &name("alice"), begin);
    checked(&limit, |number| (peer(1), name(&format!("user{number}"))), begin, 600);
    let now = begin + Duration::from_mins(1);
    assert!(check(&limit, peer(1), &name("bob"), now).is_err());
    assert_eq!(check(&limit, peer(1), &name("alice"), now), Ok(()));
    assert_eq!(check(&limit, peer(2), &name("bob"), now), Ok(()));
}

#[test]
fn tables_are_bounded_and_all_failures_are_reported() {
    let begin = Instant::now();
    let mut table = Table::new(AuthLimits::default());
    for number in 0..20_000 {
        let now = begin + Duration::from_millis(number.into());
        let peer = Peer { source: peer(number).ip(), is_shared: false };
        let name = name(&format!("user{number}"));
        for outcome in [Outcome::Failed, Outcome::Proven] {
            table.begin(peer, &name, (now, false), now);
            table.end(peer, &name, (Counter::Shared { is_first: false }, outcome), now);
        }
        table.report_failure(peer.source, Some(&name), now);
    }
    let (sources, accounts, known) = table.sizes();
    assert!(sources <= 4096 && accounts <= 80 * 1024 && known <= 16 * 1024, "{sources}, {accounts}, {known}");
    assert!(sources > 3000 && accounts >= 40_000 && known > 12_000, "{sources}, {accounts}, {known}");
    let (addresses, others) = table.take_unreported();
    let failed = |line: &Line| match line {
        Line::Address(_, report) => report.failures(),
        Line::Others(tally, _) => tally.failed,
        Line::Network(..) => 0,
    };
    assert_eq!(lines(addresses, others, 100).iter().map(failed).sum::<u64>(), 20_000);
    let (addresses, others) = table.take_unreported();
    assert!(lines(addresses, others, 100).is_empty());
}

#[test]
fn attempts_that_succeed_do_not_displace_counters_of_failed_ones() {
    let limit = limit();
    let now = Instant::now();
    for number in 0..100 {
        let name = name(&format!("user{number}"));
        check(&limit, peer(number), &name, now).unwrap();
        succeed(&limit, peer(number), &name, now);
    }
    assert_eq!(limit.sizes(), (0, 0, 100));
}

#[test]
fn a_success_on_another_thread_delays_no_attempt_that_began_before_it() {
    let limit = limit();
    let begin = Instant::now();
    let later = begin + Duration::from_micros(5);
    // The first success proves the name, the second one resets the counter of the proven name.
    for _ in 0..2 {
        succeed(&limit, peer(1), &name("alice"), later);
        assert_eq!(check(&limit, peer(1), &name("alice"), begin), Ok(()));
    }
    // An attempt in flight, or one whose outcome is unproven, does not delay it either.
    let attempt = limit.begin_at_once(peer(2), &name("alice"), later).unwrap();
    assert_eq!(check(&limit, peer(2), &name("alice"), begin), Ok(()));
    assert_eq!(check(&limit, peer(2), &name("bob"), begin), Ok(()));
    attempt.unproven("server error", later);
    assert_eq!(check(&limit, peer(2), &name("alice"), begin), Ok(()));
}

#[test]
fn a_success_does_not_help_to_guess_at_an_account_of_the_same_name_in_another_domain() {
    let limit = limit();
    let begin = Instant::now();
    let (own, other) = (name("info@evil.test"), name("info@victim.test"));
    let mut guesses = 0;
    for number in 0..1000 {
        let now = begin + Duration::from_millis(100) * number;
        succeed(&limit, peer(1), &own, now);
        if let Ok(attempt) = limit.begin_at_once(peer(1), &other, now) {
            guesses += 1;
            attempt.failed("logon failure", now);
        }
    }
    assert_eq!(guesses, 12);
    let now = begin + Duration::from_secs(100);
    // The owners of both accounts are not delayed.
    assert_eq!(check(&limit, peer(1), &own, now), Ok(()));
    assert_eq!(check(&limit, peer(2), &other, now), Ok(()));
}

#[test]
fn a_success_counts_only_for_the_principal_that_it_proved() {
    let limit = limit();
    let now = Instant::now();
    let alice = name("alice");
    assert_eq!(checked(&limit, |_| (peer(1), alice.clone()), now, 5), 5);
    let mallory = Principal::new("mallory", "");
    limit.begin_at_once(peer(1), &alice, now).unwrap().succeeded(&mallory, now);
    assert_eq!(limit.sizes().2, 0);
    assert_eq!(checked(&limit, |_| (peer(1), alice.clone()), now, 5), 1);
}

#[test]
fn a_device_with_an_old_password_does_not_delay_another_spelling_that_succeeded() {
    let limit = limit();
    let begin = Instant::now();
    succeed(&limit, peer(1), &name("LAB\\alice"), begin);
    checked(&limit, |_| (peer(1), name("alice")), begin, 600);
    let now = begin + Duration::from_mins(1);
    assert!(check(&limit, peer(1), &name("alice"), now).is_err());
    assert_eq!(check(&limit, peer(1), &name("LAB\\alice"), now), Ok(()));
}

/// The attempts in flight for a name that is proven at the address.
fn proven_in_flight() -> usize {
    usize::try_from(AuthLimits::default().beside_successes() + 1).unwrap()
}

/// Runs all tasks until they wait.
async fn settle() {
    for _ in 0..200 {
        yield_now().await;
    }
}

/// Attempts of one address for `name`, all at the same time, that a server verifies.
struct Attempts {
    limit: Arc<AuthLimiter>,
    tasks: JoinSet<Result<Attempt, Throttled>>,
    in_flight: Vec<Attempt>,
    refused: usize,
}

#[allow(clippy::disallowed_methods, reason = "tasks of a test, which act for no user")]
impl Attempts {
    async fn begin(limit: &Arc<AuthLimiter>, count: usize, from: impl Fn(usize) -> ClaimedName) -> Self {
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let (limit, name) = (Arc::clone(limit), from(number));
            tasks.spawn(async move { limit.begin(peer(1), &name).await });
        }
        let mut attempts = Self { limit: Arc::clone(limit), tasks, in_flight: Vec::new(), refused: 0 };
        attempts.settle().await;
        attempts
    }

    async fn settle(&mut self) {
        settle().await;
        while let Some(attempt) = self.tasks.try_join_next() {
            match attempt.unwrap() {
                Ok(attempt) => self.in_flight.push(attempt),
                Err(_) => self.refused += 1,
            }
        }
    }

    /// The server responds to all attempts in flight. Returns their number.
    async fn respond(&mut self, respond: impl Fn(Attempt)) -> usize {
        let in_flight = std::mem::take(&mut self.in_flight);
        let count = in_flight.len();
        in_flight.into_iter().for_each(respond);
        self.settle().await;
        count
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_right_passwords_at_the_same_time_are_all_checked() {
    let limit = limit();
    for in_flight in [6, proven_in_flight()] {
        let mut attempts = Attempts::begin(&limit, 200, |_| name("alice")).await;
        assert_eq!(attempts.in_flight.len(), in_flight);
        let mut checked = 0;
        while !attempts.in_flight.is_empty() {
            assert!(attempts.in_flight.len() <= proven_in_flight());
            checked += attempts
                .respond(|attempt| attempt.succeeded(&Principal::new("alice", "LAB"), Instant::now()))
                .await;
        }
        assert_eq!((checked, attempts.refused), (200, 0));
        // They waited for outcomes, not for a delay.
        assert_eq!(attempts.limit.sizes(), (0, 0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_at_the_same_time_are_limited_as_those_in_sequence() {
    for is_proven in [false, true] {
        let limit = limit();
        if is_proven {
            succeed(&limit, peer(1), &name("alice"), Instant::now());
        }
        let mut attempts = Attempts::begin(&limit, 2000, |_| name("alice")).await;
        let mut checked = 0;
        while !attempts.in_flight.is_empty() {
            checked += attempts.respond(|attempt| attempt.failed("logon failure", Instant::now())).await;
        }
        assert_eq!(checked, if is_proven { proven_in_flight() } else { 6 });
        assert_eq!(attempts.refused, 2000 - checked);
    }
}

#[tokio::test(start_paused = true)]
async fn other_spellings_and_other_accounts_are_limited_with_the_attempts_in_flight() {
    let limit = limit();
    let spellings = ["alice", "LAB\\alice", "\\alice@lab.test", "ALICE@lab.test"];
    let attempts = Attempts::begin(&limit, 100, |number| name(spellings[number % 4])).await;
    assert_eq!(attempts.in_flight.len(), 6);
    let spread = Attempts::begin(&limit, 100, |number| name(&format!("user{number}"))).await;
    assert_eq!(spread.in_flight.len(), 20, "and alice");
    // Elsewhere they do not matter.
    assert!(limit.begin(peer(2), &name("alice")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn attempts_wait_for_a_limited_time_in_a_queue_of_limited_length() {
    let limit = limit();
    let mut attempts = Attempts::begin(&limit, 5000, |_| name("alice")).await;
    assert_eq!((attempts.in_flight.len(), attempts.refused), (6, 5000 - 6 - QUEUE_PER_SOURCE));
    tokio::time::advance(LONGEST_QUEUE_WAIT).await;
    attempts.settle().await;
    assert_eq!((attempts.in_flight.len(), attempts.refused), (6, 4994));
    // Attempts whose clients disconnect count as failed.
    attempts.in_flight.clear();
    assert!(check(&limit, peer(1), &name("alice"), Instant::now()).is_err());
}

#[tokio::test(start_paused = true)]
async fn two_thousand_users_of_one_address_with_right_passwords_are_all_checked() {
    let limit = limit();
    for users in [2000, 100, 1] {
        let user = |number: usize| name(&format!("user{}", number % users));
        let mut attempts = Attempts::begin(&limit, 2000, user).await;
        let (mut checked, mut rounds) = (0, 0);
        while !attempts.in_flight.is_empty() {
            rounds += 1;
            checked += attempts
                .respond(|attempt| {
                    let principal = principal(attempt.name());
                    attempt.succeeded(&principal, Instant::now());
                })
                .await;
        }
        assert_eq!((checked, attempts.refused), (2000, 0), "{users} users");
        // Enough are in flight at a time for a server that takes 100 ms to verify all of them in 12 s.
        assert!(rounds <= 120, "{rounds} rounds for {users} users");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_with_many_attempts_does_not_delay_others_of_its_address() {
    let limit = limit();
    let mut attempts = Attempts::begin(&limit, 3000, |number| match number {
        0..2000 => name("mallory"),
        number => name(&format!("user{}", number % 50)),
    })
    .await;
    let mut rounds = 0;
    let mut waiting: std::collections::HashSet<String> = (0..50).map(|user| format!("user{user}")).collect();
    while !waiting.is_empty() {
        rounds += 1;
        for attempt in std::mem::take(&mut attempts.in_flight) {
            waiting.remove(&attempt.name().to_string());
            let principal = principal(attempt.name());
            attempt.succeeded(&principal, Instant::now());
        }
        attempts.settle().await;
        assert!(rounds < 10, "{waiting:?} still wait after {rounds} rounds");
    }
}

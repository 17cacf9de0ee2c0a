//! Tests of the limits on failed authentication from many addresses, of trusted proxies, and of unproven attempts.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use identity::ClaimedName;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::tests::{check, limit, name, peer, principal, succeed};
use super::{AuthLimiter, AuthLimits};

/// An address in the /64 network `number` of a /48 network.
fn v6(number: u32) -> SocketAddr {
    let network = 0x2001_0db8_0000_0000_u128 << 64 | u128::from(number & 0xffff) << 64;
    SocketAddr::new(IpAddr::V6(Ipv6Addr::from_bits(network | 1)), 1)
}

/// The same, each in another /56 network than the one before.
fn in_turn(number: u32) -> SocketAddr {
    v6((number & 0xff) << 8 | number >> 8 & 0xff)
}

fn fail(limit: &Arc<AuthLimiter>, peer: SocketAddr, name: &ClaimedName, now: Instant) -> bool {
    let attempt = limit.begin_at_once(peer, name, now);
    attempt.map(|attempt| attempt.failed("logon failure", now)).is_ok()
}

/// The guesses that are checked in an hour, of `per_second` that are sent.
fn guesses_in_an_hour(
    limit: &Arc<AuthLimiter>,
    begin: Instant,
    per_second: u32,
    from: impl Fn(u32) -> (SocketAddr, ClaimedName),
) -> u32 {
    let guess = |number: u32| {
        let (peer, name) = from(number);
        fail(limit, peer, &name, begin + Duration::from_secs(1) * number / per_second)
    };
    u32::try_from((0..3600 * per_second).filter(|number| guess(*number)).count()).unwrap()
}

#[test]
fn guesses_for_an_account_are_limited_by_network() {
    for (what, guesses, addresses, from) in [
        ("an address", 100, 1, peer as fn(u32) -> SocketAddr),
        ("a /24 network", 2500, 256, peer),
        ("a /56 network", 1000, 256, v6),
        ("a /48 network", 2500, 65_536, v6),
        ("a /48 network, with its /56 networks in turn", 2500, 65_536, in_turn),
    ] {
        let alice = name("alice");
        let checked = guesses_in_an_hour(&limit(), Instant::now(), 10, |number| {
            (from(number % addresses), alice.clone())
        });
        println!("{what}: {checked} guesses for an account");
        assert!(checked <= guesses, "{checked} guesses from {what}");
    }
}

#[test]
fn guesses_for_many_accounts_are_limited_by_network() {
    let names: Vec<_> = (0..5000).map(|user| name(&format!("user{user}"))).collect();
    for (what, guesses, addresses, from) in [
        ("an address", 600, 1, peer as fn(u32) -> SocketAddr),
        ("a /24 network", 5000, 256, peer),
        ("a /56 network", 5000, 256, v6),
        ("a /48 network", 5000, 65_536, v6),
        ("a /48 network, with its /56 networks in turn", 5000, 65_536, in_turn),
    ] {
        let user = |number: u32| names[usize::try_from(number / 7).unwrap() % names.len()].clone();
        let checked = guesses_in_an_hour(&limit(), Instant::now(), 10, |number| {
            (from(number % addresses), user(number))
        });
        println!("{what}: {checked} guesses for many accounts");
        assert!(checked <= guesses, "{checked} guesses from {what}");
    }
}

#[test]
fn a_network_that_guesses_delays_no_address_outside_it_and_none_that_has_not_failed() {
    let limit = limit();
    let begin = Instant::now();
    let (alice, bob) = (name("alice"), name("bob"));
    let mut now = begin;
    for number in 0..20_000 {
        now += Duration::from_millis(20);
        // The attacker has the first /56 network of a /48, and addresses of a /24.
        fail(&limit, v6(number % 256), &alice, now);
        fail(&limit, peer(number % 200), &alice, now);
        fail(&limit, v6(number % 256), &name(&format!("user{number}")), now);
        fail(&limit, peer(number % 200), &name(&format!("user{number}")), now);
    }
    for other in [v6(0x100), v6(0xfe00), peer(201)] {
        for account in [&alice, &bob] {
            // Users who mistype have three attempts at once, as if there were no attacker.
            for _ in 0..2 {
                assert!(fail(&limit, other, account, now), "{other}");
            }
        }
        // The attacker's network is limited meanwhile.
        assert!(check(&limit, v6(3), &alice, now).is_err() && check(&limit, peer(3), &alice, now).is_err());
    }
    assert_eq!(check(&limit, v6(0x200), &alice, now), Ok(()));
    assert_eq!(check(&limit, peer(202), &alice, now), Ok(()));
}

#[test]
fn a_first_attempt_is_delayed_by_ten_seconds_at_most_in_the_attackers_own_56_network_and_not_outside_it() {
    let limit = limit();
    let begin = Instant::now();
    let alice = name("alice");
    succeed(&limit, v6(0xfe), &alice, begin);
    let mut now = begin;
    for number in 0..2000 {
        now += Duration::from_millis(100);
        fail(&limit, v6(number % 0xf0), &alice, now);
    }
    // Each of its /64 networks would otherwise have two guesses: 2^17 of them every 15 minutes in a /48 network.
    let wait = check(&limit, v6(0xff), &alice, now).unwrap_err();
    assert!(wait <= Duration::from_secs(10), "{wait:?}");
    assert_eq!(check(&limit, v6(0xff), &name("bob"), now), Ok(()));
    assert_eq!(check(&limit, v6(0xfe), &alice, now), Ok(()));
    assert_eq!(check(&limit, v6(0x100), &alice, now), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_failures_of_others_delay_waits_for_its_turn() {
    let limit = limit();
    let alice = name("alice");
    for number in 0..80 {
        fail(&limit, peer(number), &alice, Instant::now());
    }
    let begin = Instant::now();
    for _ in 0..2 {
        assert!(fail(&limit, peer(200), &alice, begin));
    }
    assert!(limit.begin_at_once(peer(200), &alice, begin).is_err());
    limit.begin(peer(200), &alice).await.unwrap().succeeded(&principal(&alice), Instant::now());
    let waited = begin.elapsed();
    assert!(waited >= Duration::from_secs(1) && waited <= Duration::from_secs(11), "{waited:?}");
    assert_eq!(check(&limit, peer(200), &alice, Instant::now()), Ok(()));
}

/// Attempts of `from` for the accounts, all at the same time, each with the right password. Returns how long the
/// last one took.
#[allow(clippy::disallowed_methods, reason = "tasks of a test, which act for no user")]
async fn sign_in_at_once(limit: &Arc<AuthLimiter>, from: SocketAddr, accounts: &[&str]) -> Duration {
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for account in accounts {
        let (limit, name) = (Arc::clone(limit), name(account));
        tasks.spawn(async move {
            let attempt = limit.begin(from, &name).await.map_err(|throttled| throttled.to_string())?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            attempt.succeeded(&principal(&name), Instant::now());
            Ok::<(), String>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        assert_eq!(task.unwrap(), Ok(()));
    }
    begin.elapsed()
}

#[tokio::test(start_paused = true)]
async fn right_passwords_sent_at_once_do_not_wait_for_the_failures_of_others() {
    let limit = limit();
    let alice = name("alice");
    for number in 0..2000 {
        for from in [v6(number % 256), peer(number % 200)] {
            fail(&limit, from, &alice, Instant::now());
            fail(&limit, from, &name(&format!("user{}", number / 3)), Instant::now());
        }
    }
    let users = ["a", "b", "c", "d", "e", "f", "g", "h"];
    // Elsewhere, in the same /24, and in another /56 of the same /48.
    for fresh in [peer(0x10_0000), peer(250), v6(0xfe00)] {
        let others = sign_in_at_once(&limit, fresh, &users).await;
        assert!(others < Duration::from_secs(1), "{others:?} from {fresh}");
    }
    for fresh in [peer(0x20_0000), peer(251), v6(0xfd00)] {
        let own = sign_in_at_once(&limit, fresh, &["alice"; 8]).await;
        assert!(own < Duration::from_secs(1), "{own:?} from {fresh}");
    }
}

#[test]
fn guesses_elsewhere_do_not_lengthen_the_wait_of_a_user_who_mistyped() {
    let limit = limit();
    let begin = Instant::now();
    let alice = name("alice");
    let mut now = begin;
    // From 5000 networks.
    for number in 0..5000 {
        now += Duration::from_millis(100);
        fail(&limit, peer(0x1_0000 + number * 256), &alice, now);
    }
    for _ in 0..2 {
        assert!(fail(&limit, peer(7), &alice, now));
    }
    // The third attempt is limited with those of all addresses, for 15 minutes at most.
    let wait = check(&limit, peer(7), &alice, now).unwrap_err();
    assert!(wait <= AuthLimits::default().longest_wait, "{wait:?}");
    let last = now;
    while check(&limit, peer(7), &alice, now).is_err() {
        now += Duration::from_secs(1);
        for attacker in 0..3 {
            fail(&limit, peer(0x1_0000 + attacker * 256), &alice, now);
        }
        assert!(now <= last + Duration::from_mins(15));
    }
}

#[test]
fn a_trusted_proxy_that_names_no_client_is_limited_by_account_whatever_else_it_tries() {
    let trusted = vec!["10.0.0.0/24".parse().unwrap()];
    let limit = AuthLimiter::new(AuthLimits::default(), trusted);
    let now = Instant::now();
    let alice = name("alice");
    for _ in 0..6 {
        assert!(fail(&limit, peer(1), &alice, now));
    }
    assert!(!fail(&limit, peer(1), &alice, now));
    for number in 0..1000 {
        assert!(fail(&limit, peer(1), &name(&format!("user{number}")), now));
    }
    assert!(!fail(&limit, peer(1), &alice, now));
    assert!(!fail(&limit, peer(1), &name("LAB\\ａlice"), now));
    // A client that is named is another address.
    assert_eq!(check(&limit, peer(0x1000), &alice, now), Ok(()));
}

#[test]
fn attempts_that_the_server_neither_accepts_nor_rejects_are_limited_too() {
    for is_proven in [false, true] {
        let limit = limit();
        let begin = Instant::now();
        let alice = name("alice");
        if is_proven {
            succeed(&limit, peer(1), &alice, begin);
        }
        let mut checked = 0;
        for number in 0..3600 {
            let now = begin + Duration::from_secs(number);
            if number % 50 == 0 {
                // Attempts for other accounts do not evict the counter.
                for other in 0..100 {
                    let other = limit.begin_at_once(peer(1), &name(&format!("user{other}")), now);
                    let _ = other.map(|other| other.unproven("status 403", now));
                }
            }
            if let Ok(attempt) = limit.begin_at_once(peer(1), &alice, now) {
                checked += 1;
                attempt.unproven("status 403", now);
            }
        }
        assert!((80..100).contains(&checked), "{checked}");
        // They do not delay other addresses, and a success ends the delay of the name at this one.
        let now = begin + Duration::from_hours(1);
        assert_eq!(check(&limit, peer(2), &alice, now), Ok(()));
        let now = now + Duration::from_mins(1);
        succeed(&limit, peer(1), &alice, now);
        let unproven = |attempt: Attempt| attempt.unproven("status 403", now);
        assert_eq!(
            (0..100).filter(|_| limit.begin_at_once(peer(1), &alice, now).map(unproven).is_ok()).count(),
            21
        );
    }
}

#[test]
fn accounts_whose_names_differ_in_marks_do_not_lock_each_other_out() {
    let limit = limit();
    let begin = Instant::now();
    let (jose, other) = (name("josé"), name("jose"));
    succeed(&limit, peer(1), &jose, begin);
    succeed(&limit, peer(2), &other, begin);
    for number in 0..600 {
        fail(&limit, peer(1), &other, begin + Duration::from_secs(number));
    }
    let now = begin + Duration::from_mins(10);
    assert!(check(&limit, peer(1), &other, now).is_err());
    assert_eq!(check(&limit, peer(1), &jose, now), Ok(()));
    assert_eq!(check(&limit, peer(2), &other, now), Ok(()));
    assert_eq!(check(&limit, peer(3), &jose, now), Ok(()));
}

//! Tests of the limits on failed authentication.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::Mechanism;

use super::table::Table;
use super::*;

fn name(name: &str) -> ClaimedName {
    ClaimedName::in_header(Mechanism::BASIC, STANDARD.encode(format!("{name}:x")).as_bytes()).unwrap()
}

fn peer(last: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::from((0x0A00_0000 + last).to_be_bytes()), 1)
}

/// How many of `attempts`, one each tenth of a second, are checked, all of which fail.
fn checked(
    limit: &AuthLimit,
    from: impl Fn(u32) -> (SocketAddr, ClaimedName),
    begin: Instant,
    attempts: u32,
) -> u32 {
    let mut checked = 0;
    for number in 0..attempts {
        let (peer, name) = from(number);
        let now = begin + Duration::from_millis(100) * number;
        if limit.check(peer, &name, now).is_ok() {
            checked += 1;
            limit.failed(peer, Some(&name), "logon failure", now);
        }
    }
    checked
}

#[test]
fn the_delay_grows_with_each_failure_of_an_address_for_an_account() {
    let limit = AuthLimit::default();
    let begin = Instant::now();
    // Five at once, one more, and then after 1, 2, 4, 8, 16 and 32 seconds.
    assert_eq!(checked(&limit, |_| (peer(1), name("LAB\\alice")), begin, 1000), 12);
    // Other spellings are of the same account.
    let later = begin + Duration::from_secs(100);
    let wait = limit.check(peer(1), &name("ALICE@lab.test"), later).unwrap_err();
    assert!(wait > Duration::from_secs(10) && wait <= Duration::from_mins(1), "{wait:?}");
    // Another account or address is not delayed.
    assert_eq!(limit.check(peer(1), &name("bob"), later), Ok(()));
    assert_eq!(limit.check(peer(2), &name("alice"), later), Ok(()));
    // Old failures do not count.
    assert_eq!(checked(&limit, |_| (peer(1), name("alice")), later + Duration::from_hours(1), 6), 6);
}

#[test]
fn failures_for_many_accounts_delay_an_address_too() {
    let limit = AuthLimit::default();
    let begin = Instant::now();
    let spread = checked(&limit, |number| (peer(1), name(&format!("user{number}"))), begin, 600);
    assert!((20..30).contains(&spread), "{spread}");
    // Clients behind a trusted proxy are not counted together.
    let proxy = AuthLimit::new(AuthLimits::default(), vec!["10.0.0.0/24".parse().unwrap()]);
    assert_eq!(checked(&proxy, |number| (peer(1), name(&format!("user{number}"))), begin, 600), 600);
}

#[test]
fn failures_elsewhere_do_not_block_a_user() {
    let limit = AuthLimit::default();
    let begin = Instant::now();
    limit.succeeded(peer(7), &name("alice"), begin);
    let many = checked(&limit, |number| (peer(1000 + number % 500), name("alice")), begin, 5000);
    assert!(many < 700, "{many} guesses from 500 addresses");
    let now = begin + Duration::from_secs(500);
    // From an address at which she authenticated before, and from one without a failed attempt.
    assert_eq!(limit.check(peer(7), &name("alice"), now), Ok(()));
    assert_eq!(limit.check(peer(8), &name("LAB\\alice"), now), Ok(()));
    // At the former, failures count as they do elsewhere.
    assert_eq!(checked(&limit, |_| (peer(7), name("alice")), now, 6), 6);
    limit.succeeded(peer(7), &name("alice"), now + Duration::from_secs(10));
    assert_eq!(checked(&limit, |_| (peer(7), name("alice")), now + Duration::from_secs(10), 6), 6);
}

#[test]
fn an_address_that_tries_many_accounts_does_not_block_a_user_who_authenticated_there() {
    let limit = AuthLimit::default();
    let begin = Instant::now();
    limit.succeeded(peer(1), &name("alice"), begin);
    checked(&limit, |number| (peer(1), name(&format!("user{number}"))), begin, 600);
    let now = begin + Duration::from_mins(1);
    assert!(limit.check(peer(1), &name("bob"), now).is_err());
    assert_eq!(limit.check(peer(1), &name("alice"), now), Ok(()));
    assert_eq!(limit.check(peer(2), &name("bob"), now), Ok(()));
}

#[test]
fn tables_are_bounded_and_all_failures_are_reported() {
    let limits = AuthLimits::default();
    let begin = Instant::now();
    let mut table = Table::default();
    for number in 0..20_000 {
        let now = begin + Duration::from_millis(number.into());
        let source = source(peer(number).ip());
        let name = name(&format!("user{number}"));
        table.failed(source, &name, false, limits, now);
        table.report_failure(source, Some(&name), now);
        table.succeeded(source, &name, now);
    }
    let (sources, accounts, known) = table.sizes();
    assert!(sources <= 4096 && accounts <= 4096 && known <= 16 * 1024, "{sources}, {accounts}, {known}");
    assert!(sources > 3000 && accounts > 3000 && known > 12_000, "{sources}, {accounts}, {known}");
    let (reported, lost) = table.take_unreported(begin + Duration::from_mins(1), Duration::ZERO).counts();
    assert_eq!(reported, 8192 + sources);
    assert_eq!(lost, 20_000 - u64::try_from(reported).unwrap());
    assert_eq!(table.take_unreported(begin + Duration::from_mins(1), Duration::ZERO).counts(), (0, 0));
}

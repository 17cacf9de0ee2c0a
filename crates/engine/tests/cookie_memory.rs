//! The memory of cookies of sessions in the limits of their users.

use std::sync::Arc;
use std::time::Duration;

use engine::{
    CookieTable, Engine, Envelope, Incoming, MemoryUse, OperationKey, RefusalKind, SecurityContext, Stack,
    UserMemory as _,
};
use mapi::mapihttp::{Endpoint, RequestType};
use testkit::{Budget, TestFlight, caller, incoming};
use wire::{FileTime, Now};

/// The limit of each user, in bytes.
const LIMIT: usize = 1 << 20;

fn engine() -> (Engine, Arc<Budget>) {
    let budget = Arc::new(Budget::new(LIMIT));
    (Engine::new(Stack::default()).with_user_memory(Arc::clone(&budget) as _), budget)
}

/// Sends a request of the session of `who` with the cookie `session=NUMBER`, or begins that session.
fn begin(
    (engine, table): (&Engine, &CookieTable),
    who: &SecurityContext,
    request_type: RequestType,
    number: usize,
) -> TestFlight {
    let key = OperationKey::Http(Endpoint::Nspi, request_type);
    let incoming = Incoming { envelope: Envelope::MAPI_HTTP, ..incoming(who, key, vec![0; 45]) };
    let begins = request_type == RequestType::Bind;
    let cookie = format!("session={number}");
    let sent: &[&[u8]] = if begins { &[] } else { &[cookie.as_bytes()] };
    let (mut flight, _) = TestFlight::new(engine.begin_by_cookie(table, incoming, sent).unwrap());
    if begins {
        flight.call().bind_cookies([cookie.as_str()].into_iter()).unwrap();
    }
    flight
}

fn opened(proxy: (&Engine, &CookieTable), who: &SecurityContext, number: usize) {
    begin(proxy, who, RequestType::Bind, number).respond(vec![0; 28]);
}

/// As many cookies as a session may have, with values of `length` bytes, of which no other session has one.
fn many_cookies(number: usize, length: usize) -> Vec<String> {
    (0..31 * 16).map(|value| format!("name{}={number}-{value}-{}", value % 31, "x".repeat(length))).collect()
}

#[test]
fn the_cookies_of_all_sessions_of_a_user_have_one_limit() {
    let ((engine, budget), table, alice) = (engine(), CookieTable::default(), caller("a"));
    let bind = |who: &SecurityContext, number| {
        opened((&engine, &table), who, number);
        let mut flight = begin((&engine, &table), who, RequestType::QueryColumns, number);
        let cookies = many_cookies(number, 0);
        let before = table.len();
        let bound = flight.call().bind_cookies(cookies.iter().map(String::as_str));
        // A session whose cookies exceed the limit ends at once.
        assert_eq!(table.len(), before - usize::from(bound.is_err()));
        flight.respond(vec![0; 16]);
        bound
    };
    let (sessions, refusal) =
        (0..100).find_map(|number| Some((number, bind(&alice, number).err()?))).expect("a limit is reached");
    assert_eq!(refusal.kind, RefusalKind::TooBusy);
    assert_eq!(
        refusal.why,
        "clients.request_megabytes_per_user is reached: the cookies of the session, which was ended, need too much memory"
    );
    assert!((8..20).contains(&sessions), "{sessions}");
    // The session whose cookies exceeded the limit ended, and the others continue.
    assert_eq!(table.len(), sessions);
    assert!(budget.counted()[0] > LIMIT - 100_000);
    assert!(bind(&caller("b"), 1000).is_ok());
    engine.end_all(&table);
    assert_eq!(budget.counted(), [0, 0]);
}

#[test]
fn cookies_that_the_client_has_not_received_have_the_limit_of_the_user() {
    let ((engine, budget), table, alice) = (engine(), CookieTable::default(), caller("a"));
    opened((&engine, &table), &alice, 1);
    let idle = budget.counted();
    let cookies = many_cookies(1, 1000);
    let query = || begin((&engine, &table), &alice, RequestType::QueryColumns, 1);
    let add = |cookies: &[String]| {
        let mut flight = query();
        let added = flight.call().add_pending_cookies(cookies.iter().map(String::as_str));
        flight.respond(vec![0; 16]);
        added
    };
    // The last value of each name is held: 31 KB.
    add(&cookies).unwrap();
    assert!(budget.counted()[0] > idle[0] + 16 * 1024, "{:?}", budget.counted());
    // The client receives them.
    let mut flight = query();
    assert_eq!(flight.call().take_pending_cookies(std::iter::empty()).len(), 31);
    flight.respond(vec![0; 16]);
    assert_eq!(budget.counted(), idle);
    let long: Vec<_> = (0..600).map(|number| format!("long{number}={}", "x".repeat(2000))).collect();
    assert_eq!(add(&long).unwrap_err().kind, RefusalKind::TooBusy);
    assert!(table.is_empty() && budget.counted() == [0]);
}

#[test]
fn a_session_is_not_ended_at_the_server_if_there_is_no_memory_for_its_cookies() {
    // Anonymous clients have no session at the server.
    let [alice, _] = testkit::http_auth::contexts_at_both_levels("alice");
    // Whether the user has memory left.
    for is_full in [false, true] {
        let ((engine, budget), table) = (engine(), CookieTable::default().ending_at_server());
        opened((&engine, &table), &alice, 1);
        let left = LIMIT - budget.counted()[0];
        if is_full {
            budget.replace(alice.identity().user(), MemoryUse::Sessions, 0, left).unwrap();
        }
        // The cookies are more than what need not be counted.
        let mut flight = begin((&engine, &table), &alice, RequestType::QueryColumns, 1);
        let values: Vec<_> = (0..12).map(|number| format!("value={number}")).collect();
        flight.call().bind_cookies(values.iter().map(String::as_str)).unwrap();
        let kept = format!("session={}", "1".repeat(7000));
        flight.call().keep_logoff_cookies("/mapi/nspi/", [kept.as_str()].into_iter());
        flight.respond(vec![0; 16]);
        assert_eq!(table.len(), 1);
        engine.end_idle(&table, Now::at(FileTime(u64::MAX)), Duration::ZERO);
        assert_eq!(table.take_orphaned().0.len(), usize::from(!is_full));
    }
}

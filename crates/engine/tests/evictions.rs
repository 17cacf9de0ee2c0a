//! Sessions that end because their user opens another one at a limit, or because they are idle.

use std::time::Duration;

use engine::{CookieTable, Engine, Envelope, Eviction, Incoming, OperationKey, SessionLimits, Stack};
use mapi::mapihttp::{Endpoint, RequestType};
use testkit::{TestFlight, caller, incoming};
use wire::{FileTime, Now};

/// Opens a session of `user`, which `cookie` identifies.
fn open(engine: &Engine, table: &CookieTable, user: &str, cookie: &str) -> Eviction {
    let key = OperationKey::Http(Endpoint::Emsmdb, RequestType::Connect);
    let incoming = Incoming { envelope: Envelope::MAPI_HTTP, ..incoming(&caller(user), key, vec![0; 20]) };
    let (mut flight, _) = TestFlight::new(engine.begin_by_cookie(table, incoming, &[]).unwrap());
    let eviction = flight.call().bind_cookies([cookie].into_iter()).unwrap();
    flight.respond(vec![0; 40]);
    eviction
}

#[test]
fn an_eviction_names_the_limit_that_is_reached() {
    let engine = Engine::new(Stack::default());
    let table = CookieTable::new(SessionLimits { per_user: 2, total: 3 });
    let open = |user, cookie| open(&engine, &table, user, cookie);
    assert_eq!(open("alice", "sid=1"), Eviction::None);
    assert_eq!(open("alice", "sid=2"), Eviction::None);
    assert_eq!(open("alice", "sid=3"), Eviction::PerUser);
    assert_eq!(open("bob", "sid=4"), Eviction::None);
    assert_eq!(open("bob", "sid=5"), Eviction::Total);
    assert_eq!(table.len(), 3);
}

#[test]
fn the_wall_clock_neither_ends_idle_sessions_nor_keeps_them() {
    let engine = Engine::new(Stack::default());
    let table = CookieTable::default();
    open(&engine, &table, "alice", "sid=1");
    let (begin, hour) = (Duration::ZERO, Duration::from_hours(1));
    let end_idle = |wall: FileTime, monotonic| {
        engine.end_idle(&table, Now { wall, monotonic }, hour);
        table.len()
    };
    assert_eq!(end_idle(FileTime(u64::MAX), begin + hour), 1);
    assert_eq!(end_idle(FileTime(0), begin + hour + Duration::from_secs(1)), 0);
}

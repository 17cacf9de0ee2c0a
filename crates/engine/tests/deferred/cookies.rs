//! Cookies of sessions with delayed requests.

use engine::{
    AheadRequest, CookieTable, Decision, Envelope, Incoming, OperationKey, SecurityContext, Work,
    response_code,
};
use mapi::mapihttp::{Endpoint, RequestType, ResponseCode};
use testkit::{Step, TestFlight, caller};

use super::{House, PATIENCE, wait};

/// An HTTP request of a client with these cookies.
fn ask(
    house: &House,
    table: &CookieTable,
    who: &SecurityContext,
    kind: RequestType,
    cookies: &str,
) -> Result<(TestFlight, Step), ResponseCode> {
    let key = OperationKey::Http(Endpoint::Nspi, kind);
    let key = if kind == RequestType::NotificationWait || kind == RequestType::PING {
        OperationKey::Http(Endpoint::Emsmdb, kind)
    } else {
        key
    };
    let incoming = Incoming { envelope: Envelope::MAPI_HTTP, ..testkit::incoming(who, key, vec![0; 64]) };
    house
        .engine
        .begin_by_cookie(table, incoming, &[cookies.as_bytes()])
        .map(TestFlight::new)
        .map_err(|refusal| response_code(refusal.kind))
}

fn set(flight: &mut TestFlight, cookies: &[&str]) {
    flight.call().bind_cookies(cookies.iter().copied()).unwrap();
}

/// Opens a session of `who`, whose sequence cookie is `s0`.
fn session(house: &House, table: &CookieTable, who: &SecurityContext) {
    let (mut flight, _) = ask(house, table, who, RequestType::Bind, "").unwrap();
    set(&mut flight, &["sid=one; path=/mapi", "sequence=s0; secure"]);
    flight.respond(vec![0; 28]);
    assert_eq!(table.len(), 1);
}

const QUERY: RequestType = RequestType::QueryColumns;

fn answered(flight: &mut TestFlight) {
    flight.respond(vec![0; 16]);
}

#[test]
fn pending_cookies_replace_those_of_a_stale_client_once() {
    let (house, table, alice) =
        (House::deciding(|_, _| Decision::Forward), CookieTable::default(), caller("a"));
    session(&house, &table, &alice);
    let had = "sid=one; sequence=s0";
    for round in 1..40 {
        let (mut flight, _) = ask(&house, &table, &alice, QUERY, had).unwrap();
        let newest = (round > 1).then(|| format!("sid=one; sequence=s{}", round - 1));
        assert_eq!(flight.cookies_to_send(&[had.as_bytes()]), newest);
        // The same cookies a second time, as in a replay, are forwarded unchanged, and the server refuses them.
        let (again, _) = ask(&house, &table, &alice, QUERY, had).unwrap();
        assert_eq!(again.cookies_to_send(&[had.as_bytes()]), None);
        let fresh = format!("sequence=s{round}; secure");
        set(&mut flight, &[&fresh, "other=x"]);
        flight.call().add_pending_cookies([fresh.as_str()].into_iter()).unwrap();
        answered(&mut flight);
    }
    // Another user's cookies do not give access to the pending cookies.
    assert_eq!(ask(&house, &table, &caller("b"), QUERY, had).unwrap_err(), ResponseCode::NoPrivilege);
    // The client then receives them.
    let (mut flight, _) = ask(&house, &table, &alice, QUERY, had).unwrap();
    assert_eq!(flight.call().take_pending_cookies(["x=y"].into_iter()), ["sequence=s39; secure"]);
    answered(&mut flight);
    let (flight, _) = ask(&house, &table, &alice, QUERY, "sid=one; sequence=s39").unwrap();
    assert_eq!(flight.cookies_to_send(&["sid=one; sequence=s39".as_bytes()]), None);
    assert!(!format!("{flight:?}").contains("s39"), "a cookie's value is printed");
}

#[test]
fn a_pending_cookie_with_a_new_name_is_added_and_a_notification_wait_does_not_consume_it() {
    let (house, table, alice) =
        (House::deciding(|_, _| Decision::Forward), CookieTable::default(), caller("a"));
    session(&house, &table, &alice);
    let had = ["sid=one", "a=b; sequence=s0"].join("; ");
    let (mut flight, _) = ask(&house, &table, &alice, QUERY, &had).unwrap();
    set(&mut flight, &["sequence=s1", "new=n"]);
    flight.call().add_pending_cookies(["sequence=s1", "new=n", "gone=; Max-Age=0"].into_iter()).unwrap();
    answered(&mut flight);
    let (ping, _) = ask_ping(&house, &table, &alice, &had);
    assert_eq!(ping.cookies_to_send(&[had.as_bytes()]).unwrap(), "sid=one; sequence=s1; new=n");
    let (flight, _) = ask(&house, &table, &alice, QUERY, &had).unwrap();
    assert_eq!(flight.cookies_to_send(&[had.as_bytes()]).unwrap(), "sid=one; sequence=s1; new=n");
    // A request outside of the sequence adds no pending cookies when it ends.
    let _in_sequence = flight;
    drop(ping);
    let (flight, _) = ask(&house, &table, &alice, QUERY, &had).unwrap();
    assert_eq!(flight.cookies_to_send(&[had.as_bytes()]).unwrap(), "sid=one; sequence=s0");
}

fn ask_ping(house: &House, table: &CookieTable, who: &SecurityContext, cookies: &str) -> (TestFlight, Step) {
    let key = OperationKey::Http(Endpoint::Nspi, RequestType::PING);
    let incoming = Incoming { envelope: Envelope::MAPI_HTTP, ..testkit::incoming(who, key, vec![]) };
    TestFlight::new(house.engine.begin_by_cookie(table, incoming, &[cookies.as_bytes()]).unwrap())
}

#[test]
fn a_second_request_of_a_sequence_is_refused_while_the_first_is_deferred() {
    let house = House::deciding(|operation, _| match operation.key() {
        OperationKey::Http(_, QUERY) => Decision::Defer(Work::new(|_| (), |(), _, _| Decision::Forward)),
        _ => Decision::Forward,
    });
    let (table, alice) = (CookieTable::default(), caller("a"));
    session(&house, &table, &alice);
    let had = "sid=one; sequence=s0";
    for gives_up in [false, true] {
        let (mut flight, next) = ask(&house, &table, &alice, QUERY, had).unwrap();
        assert_eq!(next, Step::Defer { limit: PATIENCE });
        assert_eq!(ask(&house, &table, &alice, QUERY, had).unwrap_err(), ResponseCode::InvalidSequence);
        let other = RequestType::Unbind;
        assert_eq!(ask(&house, &table, &alice, other, had).unwrap_err(), ResponseCode::InvalidSequence);
        ask_ping(&house, &table, &alice, had);
        if gives_up {
            drop(flight);
        } else {
            wait(&mut flight);
            let next = flight.resume_deferred();
            assert!(matches!(next, Step::Relay { .. }), "{next:?}");
            answered(&mut flight);
        }
    }
    assert!(ask(&house, &table, &alice, QUERY, had).is_ok());
}

#[test]
fn a_request_sent_ahead_uses_the_sequence_cookie_and_the_clients_request_the_next_one() {
    let house = House::deciding(|operation, _| match operation.key() {
        OperationKey::Http(Endpoint::Nspi, QUERY) if operation.ahead.is_empty() => {
            Decision::Ahead(Box::new(AheadRequest::QueryColumns { flags: 0 }))
        }
        _ => Decision::Forward,
    });
    let (table, alice) = (CookieTable::default(), caller("a"));
    session(&house, &table, &alice);
    let had = "sid=one; sequence=s0";
    let (mut flight, next) = ask(&house, &table, &alice, QUERY, had).unwrap();
    assert!(matches!(next, Step::Relay { .. }));
    assert_eq!(flight.ahead(), Some(OperationKey::Http(Endpoint::Nspi, QUERY)));
    assert_eq!(ask(&house, &table, &alice, QUERY, had).unwrap_err(), ResponseCode::InvalidSequence);
    set(&mut flight, &["sequence=s1"]);
    flight.call().add_pending_cookies(["sequence=s1"].into_iter()).unwrap();
    let next = flight.respond(vec![0; 16]);
    assert!(matches!(next, Step::Relay { .. }) && flight.ahead().is_none());
    assert_eq!(flight.cookies_to_send(&[had.as_bytes()]).unwrap(), "sid=one; sequence=s1");
    // The client receives the newest cookie in the server's response, so it is not stale any more.
    set(&mut flight, &["sequence=s2"]);
    assert!(flight.call().take_pending_cookies(["sequence=s2"].into_iter()).is_empty());
    answered(&mut flight);
    let (flight, _) = ask(&house, &table, &alice, QUERY, "sid=one; sequence=s2").unwrap();
    assert_eq!(flight.cookies_to_send(&["sid=one; sequence=s2".as_bytes()]), None);
}

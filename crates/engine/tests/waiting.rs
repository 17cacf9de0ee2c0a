//! Requests that wait before they are sent to the server: whether they may still be sent is checked at that time.

use engine::{
    CookieTable, Engine, Envelope, HandleTable, Incoming, Interface, OperationKey, RefusalKind,
    SecurityContext,
};
use mapi::mapihttp::{Endpoint, RequestType};
use std::sync::Arc;
use testkit::{RpcClient, TestFlight, caller, incoming};

/// `NspiQueryColumns` on the session `handle`.
fn query_columns(who: &SecurityContext, handle: &[u8; 20]) -> Incoming {
    incoming(who, (Interface::Nspi, 16), [&handle[..], &[0; 8]].concat())
}

/// The refusal of a request that is about to be sent.
fn refused(flight: &mut TestFlight) -> Option<RefusalKind> {
    flight.call().stub_to_send().err().map(|refusal| refusal.kind)
}

#[test]
fn a_call_may_not_be_sent_once_its_session_has_ended() {
    let engine = Engine::default();
    let group = Arc::<HandleTable>::default();
    let (mut first, mut second) = (RpcClient::new(&engine, &group), RpcClient::new(&engine, &group));
    let alice = caller("a");
    let [handle, other] = [1, 2].map(|upstream| first.bind(&alice, upstream));
    let (mut waiting, stub) = second.relayed(query_columns(&alice, &handle));
    let (mut others, _) = second.relayed(query_columns(&alice, &other));
    assert_eq!(waiting.call().stub_to_send().unwrap(), stub);
    // `NspiUnbind`, with the null handle in the response.
    let (mut unbind, _) =
        first.relayed(incoming(&alice, (Interface::Nspi, 1), [&handle[..], &[0; 4]].concat()));
    first.delivered(&mut unbind, vec![0; 24]);
    assert_eq!((refused(&mut waiting), refused(&mut others)), (Some(RefusalKind::NoSession), None));
    engine.end_group(&group);
    assert_eq!(refused(&mut others), Some(RefusalKind::NoSession));
}

#[test]
fn a_request_may_not_be_sent_once_the_account_was_revoked() {
    let (engine, table) = (Engine::default(), CookieTable::default());
    let [alice, bob] = ["a", "b"].map(caller);
    let mut client = RpcClient::new(&engine, &Arc::default());
    let mut without_handle = client.relayed(incoming(&alice, (Interface::Rfr, 1), vec![0; 16])).0;
    let mut connect = request(&engine, &table, &alice, RequestType::Bind, "");
    let mut of_other = request(&engine, &table, &bob, RequestType::Bind, "");
    alice.revoke();
    for waiting in [&mut without_handle, &mut connect] {
        assert_eq!(refused(waiting), Some(RefusalKind::AccessDenied));
    }
    assert_eq!(refused(&mut of_other), None);
}

/// A request of MAPI over HTTP, which waits.
fn request(
    engine: &Engine,
    table: &CookieTable,
    who: &SecurityContext,
    request_type: RequestType,
    cookies: &str,
) -> TestFlight {
    let key = OperationKey::Http(Endpoint::Nspi, request_type);
    let incoming = Incoming { envelope: Envelope::MAPI_HTTP, ..incoming(who, key, vec![0; 64]) };
    TestFlight::new(engine.begin_by_cookie(table, incoming, &[cookies.as_bytes()]).unwrap()).0
}

/// Opens a session with the cookies `set`.
fn bind(engine: &Engine, table: &CookieTable, who: &SecurityContext, set: &[&str]) {
    let mut flight = request(engine, table, who, RequestType::Bind, "");
    flight.call().bind_cookies(set.iter().copied()).unwrap();
    flight.respond(vec![0; 28]);
}

#[test]
fn a_request_over_http_may_not_be_sent_once_its_cookies_belong_to_another_session() {
    let (engine, table) = (Engine::default(), CookieTable::default());
    let [alice, bob] = ["a", "b"].map(caller);
    bind(&engine, &table, &alice, &["sid=1"]);
    bind(&engine, &table, &alice, &["sid=2"]);
    let [mut waiting, mut other] =
        ["sid=1", "sid=2"].map(|own| request(&engine, &table, &alice, RequestType::QueryColumns, own));
    let sent = [&b"sid=1"[..]];
    let replacing = request(&engine, &table, &alice, RequestType::Bind, "sid=1");
    assert_eq!((refused(&mut waiting), replacing.cookies_to_send(&sent)), (None, None));
    bind(&engine, &table, &bob, &["sid=1", "more=1"]);
    assert_eq!((refused(&mut waiting), refused(&mut other)), (Some(RefusalKind::NoSession), None));
    // A Bind that was to replace the session is sent without the cookies.
    assert_eq!(replacing.cookies_to_send(&sent).as_deref(), Some(""));
}

#[test]
fn a_request_over_http_may_not_be_sent_once_its_session_was_disconnected() {
    let (engine, table, alice) = (Engine::default(), CookieTable::default(), caller("a"));
    bind(&engine, &table, &alice, &["sid=1"]);
    let mut waiting = request(&engine, &table, &alice, RequestType::QueryColumns, "sid=1");
    let mut unbind = request(&engine, &table, &alice, RequestType::Unbind, "sid=1");
    assert_eq!(refused(&mut waiting), None);
    // `UnbindSuccess` ([MS-OXNSPI] 3.1.4.1.2).
    unbind.respond([&[0; 4][..], &1_u32.to_le_bytes(), &[0; 4]].concat());
    assert_eq!((table.len(), refused(&mut waiting)), (0, Some(RefusalKind::NoSession)));
}
